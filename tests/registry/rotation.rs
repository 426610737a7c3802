//! Rotation: plans and their ends, obstacles, retries, and sequences of events that an earlier design handled
//! wrongly.

use crate::tokens::{every_setting, several_audiences};
use crate::world::{DAY, World, as_usual, how, idempotency, new_token, rotate, settings};
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::command::{
    AdminCall, Answer, BlockingToken, Call, Caller, Command, Fault, Lifetime, NewToken, RevokeOld, Rotate,
    Supersede, TokenEdit, TokenPolicy, TokenState, TokenView,
};
use wayleave::formats::token::Serial;
use wayleave::formats::usage::token_use::TokenUse;

const FIRST_USE: RevokeOld =
    RevokeOld::FirstUse { drain_seconds: DAY, deadline_seconds: None, strict: false };
const YEAR: i64 = 365 * DAY;

fn superseding(supersede: Supersede) -> Rotate {
    Rotate { supersede: Some(supersede), ..as_usual() }
}

impl World {
    /// Lets time pass and runs each alarm when it is due.
    pub(crate) fn days_pass(&mut self, days: i64) {
        let until = self.now.plus_ms(days * DAY * 1_000);
        for _ in 0..10_000 {
            let Some(due) = self.registry.next_alarm_at(self.now).filter(|at| *at <= until) else { break };
            self.now = self.now.max(due);
            for write in self.registry.due(self.now, 50) {
                self.registry.written(write.id, self.now);
            }
        }
        self.now = until;
    }

    fn state(&mut self, serial: Serial) -> TokenState {
        self.get(serial).state
    }

    fn current(&mut self, family: &str) -> Option<Serial> {
        self.family(family).current
    }

    fn actions_of(&mut self, serial: Serial) -> Vec<String> {
        let events = self.events();
        events.into_iter().filter(|event| event.token == Some(serial)).map(|event| event.action).collect()
    }
}

/// A default rotation: the old token and the new one.
fn rotated(world: &mut World, revoke_old: RevokeOld) -> (TokenView, TokenView) {
    let old = world.token();
    let new = world.rotate(old.serial, how(revoke_old)).token;
    (old, new)
}

#[test]
fn a_successor_has_the_same_settings_and_each_names_the_other() {
    let mut world = World::with(several_audiences());
    let lifetime = Some(Lifetime::ExpiresIn(30 * DAY));
    let old = world.create(NewToken { lifetime, settings: every_setting(), ..NewToken::default() }).0;
    world.seconds_pass(5 * DAY);
    let made = world.rotate(old.serial, as_usual());
    let new = made.token;
    assert_eq!((new.family.as_str(), new.predecessor), (old.family.as_str(), Some(old.serial)));
    assert_eq!((&new.policy, new.successor), (&old.policy, None));
    assert_eq!(
        new.expires_at.0 - new.created_at.ceil_seconds().0,
        30 * DAY,
        "as long a life as its predecessor"
    );
    let old = made.predecessor.unwrap();
    assert_eq!((old.successor, old.state), (Some(new.serial), TokenState::Active));
    assert_eq!(old.rotation.clone().unwrap().planned_end, None, "the successor was not used yet");
    assert!(made.receipts.is_empty());
    assert_eq!(world.current(&old.family), Some(new.serial));
    let unprotected = || TokenEdit { protected: Some(false), ..TokenEdit::default() };
    for serial in [old.serial, new.serial] {
        world.edit(serial, unprotected());
    }
    let overrides = TokenEdit { label: Some("other".into()), ..TokenEdit::default() };
    world.used(new.serial);
    let lifetime = Some(Lifetime::ExpiresIn(60));
    let third = world.rotate(new.serial, Rotate { overrides, lifetime, revoke_oldest: true, ..as_usual() });
    let expected = TokenPolicy { label: "other".into(), protected: false, ..old.policy.clone() };
    assert_eq!(third.token.policy, expected);
    assert_eq!(third.receipts.iter().map(|receipt| receipt.serial).collect::<Vec<_>>(), [old.serial]);
    assert_eq!(third.receipts[0].reason.as_deref(), Some("rotated"));
}

#[test]
fn after_the_time_set_the_old_one_ends_if_the_new_one_was_used() {
    let mut world = World::new();
    let (old, new) = rotated(&mut world, as_usual().revoke_old);
    world.days_pass(3);
    world.used(new.serial);
    let planned = world.get(old.serial).rotation.unwrap().planned_end;
    assert_eq!(planned, Some(old.created_at.plus_ms(7 * DAY * 1_000)));
    world.days_pass(3);
    assert_eq!(world.state(old.serial), TokenState::Active);
    world.days_pass(2);
    let ended = world.get(old.serial);
    assert_eq!((ended.state, ended.revoked_reason.as_deref()), (TokenState::Revoked, Some("rotated")));
    assert_eq!(ended.revoked_at, planned);
    assert_eq!(world.state(new.serial), TokenState::Active);
}

#[test]
fn an_end_is_held_until_the_new_one_is_used_and_drained() {
    let mut world = World::new();
    let (old, new) = rotated(&mut world, as_usual().revoke_old);
    world.days_pass(30);
    let held = world.get(old.serial);
    assert_eq!(held.state, TokenState::Active);
    assert_eq!(held.rotation.unwrap().held_since, Some(old.created_at.plus_ms(7 * DAY * 1_000)));
    assert!(world.actions_of(old.serial).contains(&"token.rotation_held".to_owned()));
    world.used(new.serial);
    let plan = world.get(old.serial).rotation.unwrap();
    assert_eq!((plan.planned_end, plan.held_since), (Some(world.now.plus_ms(DAY * 1_000)), None));
    world.days_pass(2);
    assert_eq!(world.state(old.serial), TokenState::Revoked);
}

#[test]
fn strict_ends_the_old_one_whatever_became_of_the_new() {
    let mut world = World::new();
    let strict = RevokeOld::After { after_seconds: DAY, drain_seconds: DAY, strict: true };
    let (old, new) = rotated(&mut world, strict);
    world.receipt(Command::DisableToken(new.serial));
    world.days_pass(2);
    assert_eq!(world.state(old.serial), TokenState::Revoked);
    assert_eq!(world.current(&old.family), None);
}

#[test]
fn first_use_begins_the_drain_and_never_ends_before_it() {
    let mut world = World::new();
    let (old, new) = rotated(&mut world, FIRST_USE);
    world.days_pass(100);
    assert_eq!(world.state(old.serial), TokenState::Active);
    world.used(new.serial);
    world.seconds_pass(DAY - 1);
    world.days_pass(0);
    assert_eq!(world.state(old.serial), TokenState::Active);
    world.days_pass(1);
    assert_eq!(world.state(old.serial), TokenState::Revoked);
    assert_eq!(world.actions_of(new.serial), ["token.created", "token.first_used"]);
}

#[test]
fn a_drain_of_none_ends_the_old_one_at_the_first_use() {
    let mut world = World::new();
    let at_once = RevokeOld::FirstUse { drain_seconds: 0, deadline_seconds: None, strict: false };
    let (old, new) = rotated(&mut world, at_once);
    world.used(new.serial);
    world.days_pass(0);
    assert_eq!(world.state(old.serial), TokenState::Revoked);
}

#[test]
fn never_waits_for_somebody_to_end_it() {
    let mut world = World::new();
    let (old, new) = rotated(&mut world, RevokeOld::Never);
    world.used(new.serial);
    world.days_pass(300);
    assert_eq!(world.state(old.serial), TokenState::Active);
    let receipt = world.receipt(Command::RevokeToken { serial: old.serial, reason: None, force: false });
    assert_eq!(receipt.state, TokenState::Revoked);
}

#[test]
fn now_revokes_all_others_of_the_family_in_one_step() {
    let mut world = World::new();
    let (old, waiting) = rotated(&mut world, as_usual().revoke_old);
    let made = world.rotate(waiting.serial, how(RevokeOld::Now));
    let revoked: Vec<_> = made.receipts.iter().map(|receipt| (receipt.serial, receipt.state)).collect();
    assert_eq!(revoked, [(waiting.serial, TokenState::Revoked), (old.serial, TokenState::Revoked)]);
    assert_eq!(world.current(&old.family), Some(made.token.serial));
    let list = world.list();
    for serial in [old.serial, waiting.serial] {
        assert_eq!(list.status(serial), wayleave::formats::list::SerialStatus::Revoked);
    }
    // Disabling a token first does not end the emergency.
    world.seconds_pass(1);
    world.receipt(Command::DisableToken(made.token.serial));
    let again = world.rotate(made.token.serial, how(RevokeOld::Now));
    assert_eq!(again.receipts.len(), 1);
}

#[test]
fn a_retry_gets_the_same_successor_also_after_a_restart() {
    let mut world = World::new();
    let old = world.token();
    let key = || idempotency("rotation-7", "body");
    let Answer::Rotated(first) = world.ask_idempotent(rotate(old.serial, how(RevokeOld::Now)), key()) else {
        panic!()
    };
    world.restart(settings());
    world.seconds_pass(3_600);
    let Answer::Rotated(again) = world.ask_idempotent(rotate(old.serial, how(RevokeOld::Now)), key()) else {
        panic!()
    };
    assert_eq!((again.token.serial, &again.text), (first.token.serial, &first.text));
    assert_eq!(again.receipts, first.receipts);
    assert_eq!(world.family(&old.family).total, 2);
    let of_family = Command::RotateFamily { family: old.family.clone(), rotate: Box::new(as_usual()) };
    let Answer::Rotated(by_family) = world.ask_idempotent(of_family.clone(), idempotency("job", "x")) else {
        panic!()
    };
    let Answer::Rotated(same) = world.ask_idempotent(of_family, idempotency("job", "x")) else { panic!() };
    assert_eq!(by_family.token.serial, same.token.serial);
}

#[test]
fn an_unused_successor_stands_in_the_way_until_it_is_said_what_to_give_up() {
    let mut world = World::new();
    let (old, waiting) = rotated(&mut world, FIRST_USE);
    world.used(old.serial);
    let standing = |serial, last_used_at| BlockingToken { serial, last_used_at };
    let expected = Fault::SuccessorUnused {
        waiting: standing(waiting.serial, None),
        predecessor: standing(old.serial, Some(world.now)),
    };
    assert_eq!(world.fault(rotate(waiting.serial, as_usual())), expected);
    assert_eq!(
        world.fault(rotate(waiting.serial, superseding(Supersede::Original))),
        expected,
        "it is in use"
    );

    let made = world.rotate(waiting.serial, superseding(Supersede::Successor));
    assert_eq!(made.token.predecessor, Some(old.serial));
    assert_eq!(world.get(waiting.serial).revoked_reason.as_deref(), Some("superseded"));
    let kept = world.get(old.serial);
    assert_eq!((kept.state, kept.successor), (TokenState::Active, Some(made.token.serial)));
    assert_eq!(kept.rotation.unwrap().revoke_old, FIRST_USE, "the end of the original is unchanged");

    let forced = Rotate { force: true, ..superseding(Supersede::Original) };
    let third = world.rotate(made.token.serial, forced);
    assert_eq!(world.get(old.serial).revoked_reason.as_deref(), Some("superseded"));
    assert_eq!(third.token.predecessor, Some(made.token.serial));
    // A day after its last use the original is revoked without force.
    world.used(made.token.serial);
    world.seconds_pass(DAY);
    let fourth = world.rotate(third.token.serial, superseding(Supersede::Original));
    assert_eq!(world.state(made.token.serial), TokenState::Revoked);
    assert_eq!(fourth.receipts.len(), 1);
}

#[test]
fn two_in_use_are_as_many_as_a_family_has() {
    let mut world = World::new();
    let (old, new) = rotated(&mut world, FIRST_USE);
    world.used(new.serial);
    let Fault::MaxActiveTokens { active } = world.fault(rotate(new.serial, as_usual())) else { panic!() };
    assert_eq!(active.iter().map(|one| one.serial).collect::<Vec<_>>(), [new.serial, old.serial]);
    let third = world.rotate(new.serial, Rotate { revoke_oldest: true, ..as_usual() });
    assert_eq!(world.state(old.serial), TokenState::Revoked);
    let live: Vec<_> =
        world.family(&old.family).tokens.into_iter().map(|token| (token.serial, token.state)).collect();
    assert_eq!(
        live,
        [
            (third.token.serial, TokenState::Active),
            (new.serial, TokenState::Active),
            (old.serial, TokenState::Revoked)
        ]
    );
}

#[test]
fn what_cannot_be_rotated_says_what_can() {
    let mut world = World::new();
    let (old, new) = rotated(&mut world, as_usual().revoke_old);
    let instead = |ended, instead: &TokenView| Fault::RotateInstead { ended, instead: Some(instead.serial) };
    assert_eq!(world.fault(rotate(old.serial, as_usual())), instead(false, &new), "it is not the leaf");
    world.receipt(Command::DisableToken(new.serial));
    let disabled = Fault::LeafDisabled { instead: Some(old.serial) };
    assert_eq!(world.fault(rotate(new.serial, as_usual())), disabled);
    world.revoke(new.serial);
    assert_eq!(world.fault(rotate(new.serial, as_usual())), instead(true, &old), "it is revoked");
    world.revoke(old.serial);
    let none = Fault::RotateInstead { ended: true, instead: None };
    assert_eq!(world.fault(rotate(old.serial, as_usual())), none);
    let ended = world.token();
    let at = Some(world.now.plus_ms(60_000));
    world.receipt(Command::EndToken { serial: ended.serial, at, force: true });
    world.seconds_pass(60);
    assert_eq!(world.fault(rotate(ended.serial, as_usual())), none, "an operator ended it");
}

#[test]
fn an_expired_leaf_rotates_all_the_same() {
    let mut world = World::new();
    let short = NewToken { lifetime: Some(Lifetime::ExpiresIn(60)), ..new_token("short") };
    let old = world.create(short).0;
    world.seconds_pass(61);
    let made = world.rotate(old.serial, as_usual());
    assert_eq!(made.token.predecessor, Some(old.serial));
    assert_eq!(made.predecessor.unwrap().rotation, None, "nothing is left to end");
}

#[test]
fn a_wait_longer_than_the_old_tokens_life_is_a_typing_error() {
    let mut world = World::new();
    let short = NewToken { lifetime: Some(Lifetime::ExpiresIn(3_600)), ..new_token("short") };
    let old = world.create(short).0.serial;
    let waits = [
        ("after_seconds", RevokeOld::After { after_seconds: 3_602, drain_seconds: 0, strict: false }),
        (
            "drain_seconds",
            RevokeOld::FirstUse { drain_seconds: 3_602, deadline_seconds: None, strict: false },
        ),
        (
            "deadline_seconds",
            RevokeOld::FirstUse { drain_seconds: 0, deadline_seconds: Some(3_602), strict: false },
        ),
    ];
    let before = world.database.dump();
    for (field, revoke_old) in waits {
        let faults = world.field_faults(rotate(old, how(revoke_old)));
        assert_eq!(faults, [(format!("revoke_old.{field}"), "out_of_range".to_owned())]);
    }
    // The request is not stored, but the use of the key is.
    assert_eq!(world.database.dump(), before);
    world.rotate(old, as_usual());
}

#[test]
fn protection_stops_a_revocation_but_no_planned_end() {
    let mut world = World::new();
    let (old, new) = rotated(&mut world, FIRST_USE);
    for serial in [old.serial, new.serial] {
        world.edit(serial, TokenEdit { protected: Some(true), ..TokenEdit::default() });
    }
    assert_eq!(world.fault(rotate(new.serial, how(RevokeOld::Now))), Fault::TokenProtected);
    world.used(new.serial);
    assert_eq!(
        world.fault(rotate(new.serial, Rotate { revoke_oldest: true, ..as_usual() })),
        Fault::TokenProtected
    );
    world.days_pass(2);
    assert_eq!(world.state(old.serial), TokenState::Revoked);
}

#[test]
fn a_first_use_is_counted_from_when_it_was_however_late_and_often_it_is_told() {
    let mut world = World::new();
    let (old, new) = rotated(&mut world, FIRST_USE);
    world.days_pass(3);
    let told = |first_at: UnixMillis, last_at| Call::Uses {
        uses: vec![TokenUse { serial: new.serial, first_at, last_at }],
        counted_at: None,
        meters: None,
    };
    let (first, now) = (world.now.plus_ms(-3_600_000), world.now);
    world.request(told(now, now));
    world.request(told(first, now));
    world.request(told(now, now.plus_ms(86_400_000)));
    let shown = world.get(new.serial);
    assert_eq!((shown.first_used_at, shown.last_used_at), (Some(first), Some(now)), "nothing lies ahead");
    assert_eq!(world.get(old.serial).rotation.unwrap().planned_end, Some(first.plus_ms(DAY * 1_000)));
    assert_eq!(world.actions_of(new.serial).iter().filter(|action| *action == "token.first_used").count(), 1);
}

#[test]
fn the_record_says_who_is_watched_and_what_is_planned() {
    let mut world = World::new();
    let (old, new) = rotated(&mut world, FIRST_USE);
    assert!(world.record(new.serial).unwrap().record.watched);
    let record = world.record(old.serial).unwrap().record;
    assert!(!record.watched);
    assert_eq!((record.successor, record.planned_end), (Some(new.serial), None));
    world.used(new.serial);
    let planned = Some(world.now.plus_ms(DAY * 1_000));
    assert_eq!(world.record(old.serial).unwrap().record.planned_end, planned);
    assert!(!world.record(new.serial).unwrap().record.watched);
}

// Sequences of events that an earlier design handled wrongly.

#[test]
fn rotating_a_token_that_nobody_has_visited_yet() {
    let mut world = World::new();
    let (old, new) = rotated(&mut world, as_usual().revoke_old);
    // Nobody ever used either token. The site deploys the new one after a month.
    world.days_pass(30);
    assert_eq!(world.state(old.serial), TokenState::Active);
    world.used(new.serial);
    world.days_pass(2);
    assert_eq!((world.state(old.serial), world.state(new.serial)), (TokenState::Revoked, TokenState::Active));
}

#[test]
fn compromise_of_the_old_one_while_the_new_one_waits() {
    let mut world = World::new();
    let (old, waiting) = rotated(&mut world, as_usual().revoke_old);
    assert_eq!(
        world.fault(rotate(old.serial, how(RevokeOld::Now))),
        Fault::RotateInstead { ended: false, instead: Some(waiting.serial) }
    );
    // The successor is not in use yet. Revoking the old token needs no force, since another one is active.
    world.receipt(Command::RevokeToken { serial: old.serial, reason: Some("leaked".into()), force: false });
    assert_eq!(world.current(&old.family), Some(waiting.serial));
    world.days_pass(30);
    assert_eq!(world.state(waiting.serial), TokenState::Active);
}

#[test]
fn compromise_of_the_new_one_while_the_old_one_drains() {
    let mut world = World::new();
    let (old, new) = rotated(&mut world, FIRST_USE);
    world.used(new.serial);
    world.seconds_pass(3_600);
    world.receipt(Command::RevokeToken { serial: new.serial, reason: None, force: false });
    assert_eq!(world.current(&old.family), Some(old.serial), "it is again the one to copy");
    let kept = world.get(old.serial);
    assert_eq!((kept.rotation, kept.successor), (None, None));
    world.days_pass(30);
    assert_eq!(world.state(old.serial), TokenState::Active, "what was planned for its end is off");
    assert!(world.actions_of(old.serial).contains(&"token.rotation_cancelled".to_owned()));
}

#[test]
fn revoking_a_used_successor_a_day_before_its_predecessors_end() {
    let mut world = World::new();
    let (old, new) = rotated(&mut world, as_usual().revoke_old);
    world.used(new.serial);
    world.days_pass(6);
    world.receipt(Command::RevokeToken { serial: new.serial, reason: None, force: false });
    world.days_pass(30);
    assert_eq!(world.state(old.serial), TokenState::Active);
    let third = world.rotate(old.serial, as_usual()).token;
    assert_eq!(third.predecessor, Some(old.serial));
}

#[test]
fn disabling_the_successor_then_rotating_the_family() {
    let mut world = World::new();
    let (old, new) = rotated(&mut world, as_usual().revoke_old);
    world.used(new.serial);
    world.receipt(Command::DisableToken(new.serial));
    let family = Command::RotateFamily { family: old.family.clone(), rotate: Box::new(as_usual()) };
    assert_eq!(world.fault(family), Fault::LeafDisabled { instead: Some(old.serial) });
    assert_eq!(world.current(&old.family), Some(old.serial));
    // Its time comes, but the successor does not work: the end is held.
    world.days_pass(10);
    let held = world.get(old.serial);
    assert_eq!(held.state, TokenState::Active);
    assert!(held.rotation.unwrap().held_since.is_some());
    world.receipt(Command::EnableToken(new.serial));
    world.days_pass(1);
    assert_eq!(world.state(old.serial), TokenState::Revoked);
}

#[test]
fn an_operators_end_then_a_rotation_then_its_successor_revoked() {
    let mut world = World::new();
    let old = world.token();
    let at = world.now.plus_ms(3 * DAY * 1_000);
    world.receipt(Command::EndToken { serial: old.serial, at: Some(at), force: true });
    let new = world.rotate(old.serial, as_usual()).token;
    world.receipt(Command::RevokeToken { serial: new.serial, reason: None, force: false });
    let kept = world.get(old.serial);
    assert_eq!((kept.ends_at, kept.rotation), (Some(at), None), "the operator's end stands");
    world.days_pass(3);
    assert_eq!(world.state(old.serial), TokenState::Expired);
}

#[test]
fn an_operator_moves_or_cancels_what_a_rotation_planned() {
    let mut world = World::new();
    let (old, new) = rotated(&mut world, as_usual().revoke_old);
    world.used(new.serial);
    let later = world.now.plus_ms(20 * DAY * 1_000);
    world.receipt(Command::EndToken { serial: old.serial, at: Some(later), force: false });
    let moved = world.get(old.serial);
    assert_eq!((moved.ends_at, moved.rotation), (Some(later), None));
    world.days_pass(10);
    assert_eq!(world.state(old.serial), TokenState::Active);
    world.receipt(Command::EndToken { serial: old.serial, at: None, force: false });
    world.days_pass(30);
    assert_eq!(world.state(old.serial), TokenState::Active);

    let (old, new) = rotated(&mut world, as_usual().revoke_old);
    world.used(new.serial);
    world.receipt(Command::EndToken { serial: old.serial, at: None, force: false });
    world.days_pass(YEAR / DAY - 40);
    assert_eq!(world.state(old.serial), TokenState::Active, "the planned end was cancelled");
}

#[test]
fn a_retired_key_of_the_successor_leaves_the_predecessor_alone() {
    let mut world = World::new();
    let old = world.token();
    world.activate(wayleave::formats::key::KeyId(2));
    let new = world.rotate(old.serial, as_usual()).token;
    world.used(new.serial);
    world.activate(wayleave::formats::key::KeyId(1));
    world.retire(wayleave::formats::key::KeyId(2));
    assert_eq!(world.current(&old.family), Some(old.serial));
    let kept = world.get(old.serial);
    assert_eq!((kept.successor, kept.rotation), (None, None));
    world.days_pass(30);
    assert_eq!(world.state(old.serial), TokenState::Active);
    // A use of the refused one says nothing of its successor.
    let next = world.rotate(old.serial, as_usual()).token;
    assert_eq!(world.get(old.serial).rotation.unwrap().planned_end, None);
    world.days_pass(30);
    assert_eq!(world.state(old.serial), TokenState::Active, "nobody has {} yet", next.serial.0);
    world.used(next.serial);
    world.days_pass(8);
    assert_eq!(world.state(old.serial), TokenState::Revoked);
}

#[test]
fn a_predecessor_is_held_while_no_other_token_is_in_use() {
    let mut world = World::new();
    let (old, new) = rotated(&mut world, as_usual().revoke_old);
    world.used(new.serial);
    // The one in use ends; its successor waits to be deployed.
    let soon = world.now.plus_ms(DAY * 1_000);
    world.receipt(Command::EndToken { serial: new.serial, at: Some(soon), force: true });
    world.days_pass(2);
    let next = world.rotate(old.serial, as_usual()).token;
    world.days_pass(30);
    assert_eq!(world.state(old.serial), TokenState::Active);
    world.used(next.serial);
    world.seconds_pass(DAY / 2);
    assert_eq!(world.state(old.serial), TokenState::Active, "pages in caches still have it");
    world.days_pass(8);
    assert_eq!(world.state(old.serial), TokenState::Revoked);
}

/// Neither of both could be rotated otherwise, until the signed end.
#[test]
fn a_successor_that_an_operator_ended_leaves_its_predecessor_to_be_rotated() {
    let mut world = World::new();
    let (old, new) = rotated(&mut world, as_usual().revoke_old);
    let soon = world.now.plus_ms(3_600_000);
    world.receipt(Command::EndToken { serial: new.serial, at: Some(soon), force: false });
    world.seconds_pass(7_200);
    assert_eq!(world.state(new.serial), TokenState::Expired);
    let refused = world.fault(rotate(new.serial, as_usual()));
    assert_eq!(refused, Fault::RotateInstead { ended: true, instead: Some(old.serial) });
    assert_eq!(world.get(old.serial).rotation_obstacle, None);
    let next = world.rotate(old.serial, as_usual()).token;
    assert_eq!((next.predecessor, world.get(old.serial).successor), (Some(old.serial), Some(next.serial)));
}

#[test]
fn a_rotation_wants_to_know_of_late_uses_and_nothing_else_does() {
    let mut world = World::new();
    let (old, new) = rotated(&mut world, FIRST_USE);
    let other = world.token();
    let mut wanted = |command: Command| {
        let caller = Caller::Key { sha256: String::new() };
        let call = Call::Admin(Box::new(AdminCall { caller, command, idempotency: None }));
        world.registry.uses_wanted(&call, world.now)
    };
    let of_family = Command::RotateFamily { family: old.family.clone(), rotate: Box::new(as_usual()) };
    assert_eq!(wanted(rotate(new.serial, as_usual())), [new.serial, old.serial]);
    assert_eq!(wanted(of_family), [new.serial, old.serial]);
    assert_eq!(wanted(rotate(other.serial, as_usual())), [other.serial]);
    assert_eq!(wanted(rotate(Serial(4_000), as_usual())), []);
    assert_eq!(wanted(Command::GetToken(new.serial)), []);
}

/// `World::ask` compares with what the rotation itself answers.
#[test]
fn a_token_says_beforehand_what_a_rotation_would_be_refused_for() {
    let mut world = World::new();
    let obstacle = |world: &mut World, serial| {
        let shown = world.get(serial).rotation_obstacle.map(|obstacle| *obstacle);
        if shown.is_some() {
            world.ask(rotate(serial, as_usual()));
        }
        shown
    };
    let blocking = |serial| BlockingToken { serial, last_used_at: None };
    let (old, new) = rotated(&mut world, RevokeOld::Never);
    let instead = Some(new.serial);
    assert_eq!(obstacle(&mut world, old.serial), Some(Fault::RotateInstead { ended: false, instead }));
    let unused = Fault::SuccessorUnused { waiting: blocking(new.serial), predecessor: blocking(old.serial) };
    assert_eq!(obstacle(&mut world, new.serial), Some(unused));
    world.receipt(Command::DisableToken(new.serial));
    let instead = Some(old.serial);
    assert_eq!(obstacle(&mut world, new.serial), Some(Fault::LeafDisabled { instead }));
    world.receipt(Command::EnableToken(new.serial));
    world.used(new.serial);
    let used = BlockingToken { last_used_at: Some(world.now), ..blocking(new.serial) };
    let active = vec![used, blocking(old.serial)];
    assert_eq!(obstacle(&mut world, new.serial), Some(Fault::MaxActiveTokens { active }));
    world.revoke(old.serial);
    assert_eq!(obstacle(&mut world, new.serial), None);
    let instead = Some(new.serial);
    assert_eq!(obstacle(&mut world, old.serial), Some(Fault::RotateInstead { ended: true, instead }));
    // The list and the family say the same as the token.
    let family = world.family(&new.family);
    let Answer::Tokens { items, .. } = world.ask(Command::ListTokens(crate::world::all())) else { panic!() };
    for token in family.tokens.iter().chain(&items) {
        assert_eq!(*token, world.get(token.serial));
    }
    world.revoke(new.serial);
    let instead = None;
    assert_eq!(obstacle(&mut world, new.serial), Some(Fault::RotateInstead { ended: true, instead }));
    // An audience that the deployment no longer has.
    let other = world.token().serial;
    world.restart(crate::deployment::settings("test", &["other"]));
    assert!(matches!(obstacle(&mut world, other), Some(Fault::Fields(_))));
    // A protected token is rotated by the default plan by any operator.
    world.restart(settings());
    world.edit(other, TokenEdit { protected: Some(true), ..TokenEdit::default() });
    let (_, operator) = world.admin_key(wayleave::formats::admin_key::Role::Operator);
    world.call_as(&operator);
    assert_eq!(obstacle(&mut world, other), None);
}
