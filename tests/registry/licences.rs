//! Licences of families, owners and external ids; owners who are switched off.

use crate::world::{DAY, START, World, as_usual, auto_rotate, edit_label, idempotency, new_token, rotate};
use wayleave::base::time::{UnixMillis, UnixSeconds};
use wayleave::control::registry::command::Rotate;
use wayleave::control::registry::command::{
    Answer, Clash, Command, Fault, LicenceOf, LicenceView, Lifetime, ListPage, NewToken, OwnerOffView,
    SetLicence, SwitchOwnerOff, TokenEdit, TokenState,
};
use wayleave::formats::admin_key::Role;
use wayleave::formats::list::SerialStatus;
use wayleave::formats::token::Serial;

fn owned(owner: &str) -> NewToken {
    let mut new = new_token("a site");
    new.settings.owner = Some(Some(owner.into()));
    new
}

fn of_owner(name: &str) -> LicenceOf {
    LicenceOf::Owner(name.into())
}

fn licence(of: LicenceOf, ends_at: Option<UnixSeconds>) -> Command {
    Command::SetLicence(SetLicence { of, ends_at, include_protected: false })
}

fn off(owner: &str) -> Command {
    Command::SwitchOwnerOff(SwitchOwnerOff { owner: owner.into(), reason: None, include_protected: false })
}

fn in_days(days: i64) -> UnixSeconds {
    START.ceil_seconds().plus_seconds(days * DAY)
}

const ENDED: Fault = Fault::Conflict(Clash::LicenceEnded);
const OFF: Fault = Fault::Conflict(Clash::OwnerSwitchedOff);

impl World {
    fn license(&mut self, of: LicenceOf, ends_at: Option<UnixSeconds>) -> LicenceView {
        match self.ask(licence(of, ends_at)) {
            Answer::Licence(licence) => licence,
            other => panic!("{other:?}"),
        }
    }

    fn switch_off(&mut self, owner: &str) -> OwnerOffView {
        match self.ask(off(owner)) {
            Answer::OwnerOff(owner) => owner,
            other => panic!("{other:?}"),
        }
    }

    fn licences(&mut self) -> Vec<LicenceView> {
        match self.ask(Command::ListLicences(ListPage { limit: 500, below: None })) {
            Answer::Licences { items, next: None } => items,
            other => panic!("{other:?}"),
        }
    }

    /// State and reason of a token.
    fn fate(&mut self, serial: Serial) -> (TokenState, Option<String>) {
        let token = self.get(serial);
        (token.state, token.revoked_reason)
    }

    /// When the gate ends the token, by its record.
    fn enforced_end(&mut self, serial: Serial) -> Option<UnixMillis> {
        self.record(serial).unwrap().record.ends_at
    }

    fn is_refused_by_the_list(&mut self, serial: Serial) -> bool {
        self.list().status(serial) == SerialStatus::Revoked
    }
}

fn revoked(reason: &str) -> (TokenState, Option<String>) {
    (TokenState::Revoked, Some(reason.into()))
}

#[test]
fn a_licence_ends_its_tokens_to_the_second_and_then_by_the_list() {
    for kind in ["family", "owner", "external_id"] {
        let mut world = World::new();
        let mut new = owned("Ann");
        new.settings.external_id = Some(Some("c-1".into()));
        let token = world.create(new).0;
        let other = world.create(owned("Bob")).0.serial;
        let of = match kind {
            "family" => LicenceOf::Family(token.family.clone()),
            "owner" => of_owner("Ann"),
            _ => LicenceOf::ExternalId("c-1".into()),
        };
        let end = in_days(10);
        let set = world.license(of.clone(), Some(end));
        assert_eq!((set.ends_at, set.pending, set.set_by.as_str()), (Some(end), false, "ADMIN_KEY"));
        assert!(set.effective_by.is_some());
        assert_eq!(world.enforced_end(token.serial), Some(end.to_millis()), "{kind}");
        let shown = world.get(token.serial);
        assert_eq!((shown.ends_at, shown.licensed_until), (Some(end.to_millis()), Some(end.to_millis())));
        assert_eq!(world.enforced_end(other), None);
        // Prolonging before is one call, audited.
        let end = in_days(20);
        world.license(of.clone(), Some(end));
        assert_eq!(world.enforced_end(token.serial), Some(end.to_millis()));
        world.now = end.to_millis().plus_ms(-1);
        world.alarms();
        assert_eq!(world.fate(token.serial), (TokenState::Active, None), "{kind}");
        world.now = end.to_millis();
        assert_eq!(world.fate(token.serial), (TokenState::Expired, None), "before the alarm");
        world.alarms();
        assert_eq!(world.fate(token.serial), revoked("licence_ended"), "{kind}");
        assert!(world.is_refused_by_the_list(token.serial));
        assert_eq!(world.fate(other), (TokenState::Active, None));
        let mut events = world.events();
        events.retain(|event| event.action == "licence.set");
        assert_eq!(events.len(), 2);
        assert_eq!(events[1].actor, "key_1 ADMIN_KEY");
        assert!(events[1].before.is_some());
        // A renewal brings nothing back, but allows new tokens.
        world.license(of, Some(in_days(30)));
        world.alarms();
        assert_eq!(world.fate(token.serial), revoked("licence_ended"));
    }
}

#[test]
fn no_token_is_made_rotated_or_moved_to_a_licence_that_has_ended() {
    let mut world = World::new();
    let short = NewToken { lifetime: Some(Lifetime::ExpiresIn(DAY)), ..owned("Ann") };
    let expired = world.create(short).0;
    world.license(of_owner("Ann"), Some(in_days(2)));
    let bob = world.create(owned("Bob")).0.serial;
    world.seconds_pass(3 * DAY);
    world.alarms();
    // Names are compared as people read them.
    for spelling in ["Ann", "ann", "ANN", "Ａｎｎ", "A\u{200b}nn"] {
        assert_eq!(world.fault(Command::CreateToken(owned(spelling))), ENDED, "{spelling:?}");
        let owner = Some(Some(spelling.to_owned()));
        let edit = TokenEdit { owner, ..TokenEdit::default() };
        let moved = Command::EditToken { serial: bob, if_match: None, edit: edit.clone() };
        assert_eq!(world.fault(moved), ENDED, "{spelling:?}");
        let cloned = NewToken { clone_of: Some(bob), settings: edit, ..NewToken::default() };
        assert_eq!(world.fault(Command::CreateToken(cloned)), ENDED, "{spelling:?}");
    }
    // An expired leaf is rotated otherwise. `World::ask` compares with `can_rotate`.
    assert_eq!(world.fault(rotate(expired.serial, as_usual())), ENDED);
    world.create(owned("Anne"));
    world.license(of_owner("aNN"), Some(in_days(9)));
    let renewed = world.create(owned("Ann")).0;
    assert_eq!(renewed.licensed_until, Some(in_days(9).to_millis()));
    assert_eq!(world.rotate(expired.serial, as_usual()).token.licensed_until, Some(in_days(9).to_millis()));
}

#[test]
fn the_earliest_end_counts_and_an_operators_end_stays_an_operators() {
    let mut world = World::new();
    let token = world.create(owned("Ann")).0;
    let (serial, family) = (token.serial, LicenceOf::Family(token.family));
    let end = |at| Command::EndToken { serial, at, force: true };
    let day = |days| Some(in_days(days).to_millis());
    world.license(of_owner("Ann"), Some(in_days(30)));
    world.license(family.clone(), Some(in_days(20)));
    assert_eq!(world.enforced_end(serial), day(20));
    world.receipt(end(day(10)));
    assert_eq!(world.enforced_end(serial), day(10));
    // Cancelling or moving an operator's end does not prolong a licence.
    world.receipt(end(day(25)));
    assert_eq!(world.enforced_end(serial), day(20));
    world.license(family, None);
    assert_eq!(world.enforced_end(serial), day(25));
    world.receipt(end(None));
    assert_eq!(world.enforced_end(serial), day(30));
    world.license(of_owner("Ann"), None);
    assert_eq!((world.enforced_end(serial), world.get(serial).licensed_until), (None, None));
    assert_eq!(world.licences(), []);
    // After the token's own end a licence changes nothing for the gate.
    let version = world.get(serial).version;
    world.license(of_owner("Ann"), Some(in_days(400)));
    let shown = world.get(serial);
    assert_eq!((shown.ends_at, shown.licensed_until, shown.version), (None, day(400), version));
    world.seconds_pass(401 * DAY);
    world.alarms();
    assert_eq!(world.fate(serial), (TokenState::Expired, None), "it expired");
}

#[test]
fn a_licence_in_the_past_or_of_nobody_is_refused_and_an_identical_one_is_not() {
    let mut world = World::new();
    let family = world.token().family;
    let past = vec![("ends_at".to_owned(), "out_of_range".to_owned())];
    for at in [UnixSeconds(0), START.floor_seconds(), UnixSeconds(-1)] {
        assert_eq!(world.field_faults(licence(of_owner("Ann"), Some(at))), past);
    }
    let soon = START.ceil_seconds();
    assert_eq!(world.license(of_owner("Nobody yet"), Some(soon)).ends_at, Some(soon));
    for unknown in [of_owner("Ann"), LicenceOf::ExternalId("x".into()), LicenceOf::Family(family)] {
        assert_eq!(world.fault(licence(unknown, None)), Fault::NotFound);
    }
    let nowhere = LicenceOf::Family("fam_nowhere".into());
    assert_eq!(world.fault(licence(nowhere, Some(in_days(1)))), Fault::NotFound);
    let set = world.license(of_owner("Ann Lee"), Some(in_days(1)));
    let again = world.license(of_owner("ANN  LEE"), Some(in_days(1)));
    assert_eq!((set.id, again.of), (again.id, of_owner("ANN  LEE")));
    // External ids are compared exactly.
    world.license(LicenceOf::ExternalId("c-1".into()), Some(in_days(1)));
    let exact = LicenceOf::ExternalId("C-1".into());
    assert_eq!(world.fault(licence(exact, None)), Fault::NotFound);
}

#[test]
fn a_successor_is_licensed_like_its_family_and_a_clone_only_by_its_owner() {
    let mut world = World::new();
    let mut new = owned("Ann");
    new.settings.auto_rotate = Some(Some(auto_rotate()));
    let old = world.create(new).0;
    world.license(LicenceOf::Family(old.family.clone()), Some(in_days(3)));
    world.license(of_owner("Ann"), Some(in_days(5)));
    let new = world.rotate(old.serial, as_usual()).token;
    assert_eq!(new.ends_at, Some(in_days(3).to_millis()));
    let clone = NewToken { clone_of: Some(old.serial), ..NewToken::default() };
    let clone = world.create(clone).0;
    assert_eq!(clone.ends_at, Some(in_days(5).to_millis()));
    world.days_pass(4);
    for serial in [old.serial, new.serial] {
        assert_eq!(world.fate(serial), revoked("licence_ended"));
    }
    assert_eq!(world.fate(clone.serial).0, TokenState::Active);
    world.days_pass(2);
    assert_eq!(world.fate(clone.serial), revoked("licence_ended"));
    // Nothing rotates by itself afterwards.
    world.days_pass(400);
    assert_eq!(world.family(&old.family).total, 2);
}

#[test]
fn many_tokens_get_their_end_in_steps_and_none_is_left_out() {
    let mut world = World::new();
    let serials: Vec<_> =
        (0..250).map(|n| world.create(owned(if n % 2 == 0 { "Ann" } else { "ANN" })).0.serial).collect();
    let set = world.license(of_owner("ann"), Some(in_days(1)));
    assert_eq!((set.pending, set.effective_by), (true, None));
    assert_eq!(world.registry.next_alarm_at(world.now), Some(world.now));
    world.alarms();
    assert!(!world.licences()[0].pending);
    for serial in &serials {
        assert_eq!(world.enforced_end(*serial), Some(in_days(1).to_millis()));
    }
    world.now = in_days(1).to_millis();
    world.alarms();
    for serial in &serials {
        assert_eq!(world.fate(*serial), revoked("licence_ended"));
    }
}

/// A step that comes only after the end revokes, and a process may end between two steps.
#[test]
fn an_end_that_arrives_before_all_tokens_have_it_ends_them_all() {
    let mut world = World::new();
    let serials: Vec<_> = (0..150).map(|_| world.create(owned("Ann")).0.serial).collect();
    world.license(of_owner("Ann"), Some(START.ceil_seconds()));
    world.now = START.plus_ms(5_000);
    world.restart(crate::world::settings());
    world.alarms();
    for serial in &serials {
        assert_eq!(world.fate(*serial), revoked("licence_ended"));
    }
}

#[test]
fn an_owner_who_is_switched_off_has_no_tokens_until_switched_on() {
    let mut world = World::new();
    let serials: Vec<_> = ["Ann", "ANN", "ａnn"].map(|owner| world.create(owned(owner)).0.serial).to_vec();
    let disabled = world.create(owned("Ann")).0.serial;
    world.receipt(Command::DisableToken(disabled));
    let bob = world.create(owned("Bob")).0;
    let command =
        SwitchOwnerOff { owner: "ann".into(), reason: Some("left".into()), include_protected: false };
    let Answer::OwnerOff(first) = world.ask(Command::SwitchOwnerOff(command)) else { panic!() };
    assert!(!first.pending && first.effective_by.is_some());
    for serial in serials.iter().chain([&disabled]) {
        assert_eq!(world.fate(*serial), revoked("owner_removed: left"));
        assert!(world.is_refused_by_the_list(*serial));
    }
    assert_eq!(world.fate(bob.serial).0, TokenState::Active);
    // Repeating it changes nothing.
    world.seconds_pass(60);
    assert_eq!(world.switch_off("ANN").off_at, first.off_at);
    let to_ann = TokenEdit { owner: Some(Some("aNN".into())), ..TokenEdit::default() };
    let moved = |edit| Command::EditToken { serial: bob.serial, if_match: None, edit };
    let rotated = wayleave::control::registry::command::Rotate { overrides: to_ann.clone(), ..as_usual() };
    let in_family = Command::EditFamily { family: bob.family.clone(), edit: to_ann.clone() };
    for refused in
        [Command::CreateToken(owned("Ａnn")), moved(to_ann), rotate(bob.serial, rotated), in_family]
    {
        assert_eq!(world.fault(refused.clone()), OFF, "{refused:?}");
    }
    assert_eq!(world.edit(bob.serial, edit_label("b")).0.policy.label, "b");
    let Answer::OwnersOff { items, next: None } =
        world.ask(Command::ListOwnersOff(ListPage { limit: 5, below: None }))
    else {
        panic!();
    };
    assert_eq!((items.len(), items[0].owner.as_str(), items[0].off_by.as_str()), (1, "ann", "ADMIN_KEY"));
    assert_eq!(world.ask(Command::SwitchOwnerOn("Ann".into())), Answer::OwnerSwitchedOn);
    assert_eq!(world.fault(Command::SwitchOwnerOn("Ann".into())), Fault::NotFound);
    world.create(owned("Ann"));
    assert_eq!(world.fate(serials[0]), revoked("owner_removed: left"), "it stays revoked");
    let actions = world.actions();
    for action in ["owner.switched_off", "owner.switched_on"] {
        assert_eq!(actions.iter().filter(|is| *is == action).count(), 1, "{action}");
    }
}

#[test]
fn many_tokens_of_an_owner_are_revoked_in_steps() {
    let mut world = World::new();
    let serials: Vec<_> = (0..230).map(|_| world.create(owned("Ann")).0.serial).collect();
    assert_eq!(
        (world.switch_off("Ann").pending, world.fault(Command::CreateToken(owned("ann")))),
        (true, OFF)
    );
    world.restart(crate::world::settings());
    world.alarms();
    assert!(!world.switch_off("Ann").pending);
    for serial in &serials {
        assert_eq!(world.fate(*serial), revoked("owner_removed"));
    }
}

#[test]
fn protected_tokens_are_ended_by_an_owner_alone_who_says_so() {
    let mut world = World::new();
    let token = world.create(owned("Ann")).0;
    world.edit(token.serial, TokenEdit { protected: Some(true), ..TokenEdit::default() });
    let (_, operator) = world.admin_key(Role::Operator);
    let owner = world.key.clone();
    let set = |include_protected| {
        Command::SetLicence(SetLicence { of: of_owner("ann"), ends_at: Some(in_days(9)), include_protected })
    };
    let switch = |include_protected| {
        Command::SwitchOwnerOff(SwitchOwnerOff { owner: "ann".into(), reason: None, include_protected })
    };
    for command in [set(false), switch(false)] {
        world.call_as(&owner);
        assert_eq!(world.fault(command.clone()), Fault::TokenProtected, "two steps for an owner too");
        world.call_as(&operator);
        assert_eq!(world.fault(command), Fault::TokenProtected);
    }
    for command in [set(true), switch(true)] {
        assert_eq!(world.fault(command), Fault::Forbidden);
    }
    assert_eq!((world.licences().len(), world.fate(token.serial).0), (0, TokenState::Active));
    // Nor does an operator end or prolong it by giving it another owner.
    world.license(of_owner("Licensed"), Some(in_days(5)));
    let to = |name: &str| {
        let edit = TokenEdit { owner: Some(Some(name.into())), ..TokenEdit::default() };
        Command::EditToken { serial: token.serial, if_match: None, edit }
    };
    assert_eq!(world.fault(to("Licensed")), Fault::TokenProtected);
    let rotated = |name: &str| {
        let overrides = TokenEdit { owner: Some(Some(name.into())), ..TokenEdit::default() };
        rotate(token.serial, Rotate { overrides, ..Rotate::default() })
    };
    assert_eq!(world.fault(rotated("Licensed")), Fault::OwnersOnly, "a successor ends sooner");
    // Later than the token: its end is the same, and that of a successor would not be.
    world.license(of_owner("Later"), Some(in_days(400)));
    assert_eq!(world.fault(to("Later")), Fault::TokenProtected);
    world.call_as(&owner);
    assert!(matches!(world.ask(set(true)), Answer::Licence(_)));
    world.call_as(&operator);
    assert_eq!(world.fault(to("Free")), Fault::OwnersOnly, "a later end");
    assert_eq!(world.fault(rotated("Free")), Fault::OwnersOnly, "a successor without a licence");
    world.call_as(&owner);
    assert!(matches!(world.ask(switch(true)), Answer::OwnerOff(_)));
    assert_eq!(world.fate(token.serial), revoked("owner_removed"));
}

/// An end that comes after a licence's would hold once the licence is prolonged.
#[test]
fn an_end_behind_a_licence_is_an_end_of_a_protected_token() {
    let mut world = World::new();
    let token = world.create(owned("Ann")).0;
    world.license(of_owner("Ann"), Some(in_days(9)));
    world.edit(token.serial, TokenEdit { protected: Some(true), ..TokenEdit::default() });
    let (_, operator) = world.admin_key(Role::Operator);
    world.call_as(&operator);
    let at = Some(in_days(20).to_millis());
    let end = Command::EndToken { serial: token.serial, at, force: false };
    assert_eq!(world.fault(end), Fault::TokenProtected);
}

#[test]
fn a_retry_is_answered_again_and_changes_nothing() {
    let mut world = World::new();
    world.create(owned("Ann"));
    let once = |key| idempotency(key, "body");
    let set = world.ask_idempotent(licence(of_owner("Ann"), Some(in_days(9))), once("1"));
    world.license(of_owner("Ann"), Some(in_days(20)));
    assert_eq!(world.ask_idempotent(licence(of_owner("Ann"), Some(in_days(9))), once("1")), set);
    assert_eq!(world.licences()[0].ends_at, Some(in_days(20)));
    let switched = world.ask_idempotent(off("Ann"), once("2"));
    let on = Command::SwitchOwnerOn("Ann".into());
    assert_eq!(world.ask_idempotent(on.clone(), once("3")), Answer::OwnerSwitchedOn);
    assert_eq!(world.ask_idempotent(on, once("3")), Answer::OwnerSwitchedOn);
    assert_eq!(world.ask_idempotent(off("Ann"), once("2")), switched);
    world.create(owned("Ann"));
}

#[test]
fn licences_are_pages() {
    let mut world = World::new();
    for n in 0..5 {
        world.license(of_owner(&format!("owner {n}")), Some(in_days(1)));
    }
    let page = |world: &mut World, below| {
        let Answer::Licences { items, next } = world.ask(Command::ListLicences(ListPage { limit: 2, below }))
        else {
            panic!();
        };
        (items.into_iter().map(|licence| licence.id).collect::<Vec<_>>(), next)
    };
    assert_eq!(page(&mut world, None), (vec![5, 4], Some(4)));
    assert_eq!(page(&mut world, Some(4)), (vec![3, 2], Some(2)));
    assert_eq!(page(&mut world, Some(2)), (vec![1], None));
}

/// The schema of the release before has operators' ends alone.
#[test]
fn an_operators_end_of_an_earlier_release_stays_one() {
    let mut world = World::new();
    let serial = world.create(owned("Ann")).0.serial;
    let own = in_days(9).to_millis();
    world.receipt(Command::EndToken { serial, at: Some(own), force: true });
    world.license(of_owner("Ann"), Some(in_days(5)));
    assert_eq!(world.enforced_end(serial), Some(in_days(5).to_millis()));
    world.license(of_owner("Ann"), None);
    assert_eq!(world.enforced_end(serial), Some(own));
}
