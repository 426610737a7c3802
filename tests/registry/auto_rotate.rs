//! Automatic rotation: when, by whom, how often, and what happens when there is an obstacle.

use crate::world::{DAY, START, World, as_usual, new_token, settings};
use wayleave::control::registry::command::{
    AutoRotate, Command, Lifetime, RevokeOld, TokenEdit, TokenState, TokenView,
};
use wayleave::formats::key::KeyId;
use wayleave::formats::token::Serial;

const HOUR: i64 = 3_600;

fn auto(before_expiry_seconds: i64) -> AutoRotate {
    let revoke_old = RevokeOld::FirstUse { drain_seconds: DAY, deadline_seconds: None, strict: false };
    AutoRotate { before_expiry_seconds, expires_in: None, revoke_old }
}

impl World {
    /// A token with a life of 30 days that is rotated 10 days before its end.
    fn renewing(&mut self, distribute: bool) -> TokenView {
        let mut new = new_token("shop");
        new.lifetime = Some(Lifetime::ExpiresIn(30 * DAY));
        new.settings.auto_rotate = Some(Some(auto(10 * DAY)));
        new.settings.distribute = Some(distribute);
        self.create(new).0
    }

    /// Serial and state of each token of the family, oldest first.
    fn lineage(&mut self, family: &str) -> Vec<(u32, TokenState)> {
        let mut tokens = self.family(family).tokens;
        tokens.reverse();
        tokens.iter().map(|token| (token.serial.0, token.state)).collect()
    }

    /// The days since the start on which a notice of a held end was sent.
    fn held_days(&mut self) -> Vec<i64> {
        let notices = self.notices();
        let held = notices.iter().filter(|notice| notice["type"] == "token.rotation_held");
        let at = |notice: &serde_json::Value| {
            wayleave::base::time::parse_rfc3339(notice["timestamp"].as_str().unwrap()).unwrap().0
        };
        held.map(|notice| (at(notice) - START.0 / 1_000) / DAY).collect()
    }
}

#[test]
fn a_token_is_rotated_in_time_as_an_operator_would_and_by_system() {
    let mut world = World::new();
    let old = world.renewing(false);
    world.days_pass(19);
    world.used(old.serial);
    assert_eq!(world.lineage(&old.family), [(1, TokenState::Active)]);
    world.days_pass(2);
    assert_eq!(world.lineage(&old.family), [(1, TokenState::Active), (2, TokenState::Active)]);
    let new = world.get(Serial(2));
    assert_eq!((new.predecessor, new.created_by.as_str()), (Some(old.serial), "system"));
    let rotated_at = old.expires_at.plus_seconds(-10 * DAY).to_millis();
    assert_eq!(new.created_at, rotated_at);
    assert_eq!(new.expires_at.0 - new.created_at.ceil_seconds().0, 30 * DAY);
    assert_eq!(new.policy.auto_rotate, old.policy.auto_rotate, "and so on for ever");
    let rotated = world.events().into_iter().find(|event| event.action == "token.rotated").unwrap();
    assert_eq!((rotated.actor.as_str(), rotated.token), ("system", Some(old.serial)));
    // It is used: the old one ends after the drain, and the new one is rotated later.
    world.used(Serial(2));
    world.days_pass(2);
    assert_eq!(world.get(old.serial).revoked_reason.as_deref(), Some("rotated"));
    world.used(Serial(2));
    world.days_pass(20);
    assert_eq!(world.get(Serial(3)).predecessor, Some(Serial(2)));
}

#[test]
fn the_successor_may_live_for_another_time_than_its_predecessor() {
    let mut world = World::new();
    let mut new = new_token("a");
    new.settings.auto_rotate = Some(Some(AutoRotate { expires_in: Some(2 * DAY), ..auto(DAY) }));
    new.lifetime = Some(Lifetime::ExpiresIn(10 * DAY));
    let token = world.create(new).0;
    world.used(token.serial);
    world.days_pass(10);
    let successor = world.get(Serial(2));
    assert_eq!(successor.expires_at.0 - successor.created_at.ceil_seconds().0, 2 * DAY);
}

#[test]
fn an_unused_leaf_is_not_rotated_but_told_of_daily() {
    let mut world = World::new();
    let old = world.renewing(false);
    world.used(old.serial);
    // The successor of day 20 is never deployed; it would be rotated on day 40.
    world.days_pass(44);
    assert_eq!(
        world.lineage(&old.family).len(),
        3,
        "the old one had expired by then: nothing stands in the way"
    );

    let mut world = World::new();
    let mut long = new_token("a");
    long.settings.auto_rotate = Some(Some(AutoRotate { expires_in: Some(4 * DAY), ..auto(3 * DAY) }));
    long.lifetime = Some(Lifetime::ExpiresIn(30 * DAY));
    let old = world.create(long).0;
    let edit = TokenEdit {
        auto_rotate: Some(Some(AutoRotate { expires_in: Some(4 * DAY), ..auto(28 * DAY) })),
        ..TokenEdit::default()
    };
    world.edit(old.serial, edit);
    world.days_pass(3);
    assert_eq!(world.lineage(&old.family), [(1, TokenState::Active), (2, TokenState::Active)]);
    // The leaf is due when it is made. Nobody deploys it, and its predecessor works.
    world.days_pass(2);
    assert_eq!(world.lineage(&old.family).len(), 2);
    let held = world.held_days();
    assert!(held.len() >= 3 && held.windows(2).all(|pair| pair[1] - pair[0] == 1), "{held:?}");
    let notices = world.notices();
    let notice = notices.iter().find(|notice| notice["type"] == "token.rotation_held").unwrap();
    let told = &notice["data"]["tokens"][0];
    assert_eq!((&told["id"], &told["reason"]), (&"tok_2".into(), &"successor_unused".into()));
}

#[test]
fn an_unused_leaf_that_pages_fetch_is_superseded_and_the_family_never_lacks_a_token() {
    let mut world = World::new();
    let old = world.renewing(true);
    world.used(old.serial);
    let short = TokenEdit {
        auto_rotate: Some(Some(AutoRotate { expires_in: Some(4 * DAY), ..auto(28 * DAY) })),
        ..TokenEdit::default()
    };
    world.edit(old.serial, short);
    // It is always due again at once, but is rotated at most once an hour.
    world.days_pass(3);
    let mut made: Vec<_> = world
        .events()
        .into_iter()
        .filter(|event| event.action == "token.created" && event.actor == "system")
        .map(|event| event.at)
        .collect();
    made.sort();
    assert!(made.len() > 20, "{}", made.len());
    assert!(made.windows(2).all(|pair| pair[1].since_ms(pair[0]) >= HOUR * 1_000), "at most hourly");
    assert_eq!(world.get(old.serial).state, TokenState::Active, "the original waits for a successor in use");
    let superseded = world.get(Serial(2));
    assert_eq!(superseded.revoked_reason.as_deref(), Some("superseded"));
    assert_eq!(world.held_days(), Vec::<i64>::new());
}

#[test]
fn what_ends_or_is_switched_off_is_not_rotated() {
    let mut world = World::new();
    let revoked = world.renewing(false);
    world.revoke(revoked.serial);
    let ended = world.renewing(false);
    let at = Some(START.plus_ms(5 * DAY * 1_000));
    world.receipt(Command::EndToken { serial: ended.serial, at, force: true });
    let off = world.renewing(false);
    world.edit(off.serial, TokenEdit { auto_rotate: Some(None), ..TokenEdit::default() });
    let disabled = world.renewing(false);
    world.receipt(Command::DisableToken(disabled.serial));
    world.days_pass(25);
    for token in [&revoked, &ended, &off, &disabled] {
        assert_eq!(world.family(&token.family).total, 1, "{}", token.serial.0);
    }
    // After it is enabled again, it is examined within the hour.
    world.receipt(Command::EnableToken(disabled.serial));
    world.days_pass(1);
    assert_eq!(world.family(&disabled.family).total, 2);
    // No alarm is set for the others.
    world.revoke(disabled.serial);
    let waiting = world
        .database
        .one("SELECT COUNT(*) FROM token WHERE auto_rotate_at IS NOT NULL AND status = 'revoked'");
    assert_eq!(waiting, wayleave::base::database::Value::Integer(0));
}

#[test]
fn a_token_whose_successor_is_revoked_is_rotated_again() {
    let mut world = World::new();
    let old = world.renewing(false);
    world.used(old.serial);
    world.days_pass(21);
    assert_eq!(world.get(old.serial).successor, Some(Serial(2)));
    world.revoke(Serial(2));
    world.days_pass(1);
    assert_eq!(world.get(old.serial).successor, Some(Serial(3)));
    // A token whose successor ends with its key.
    let mut world = World::new();
    let old = world.renewing(false);
    world.used(old.serial);
    world.activate(KeyId(2));
    world.days_pass(21);
    world.activate(KeyId(1));
    world.retire(KeyId(2));
    world.days_pass(1);
    assert_eq!(world.get(old.serial).successor, Some(Serial(3)));
}

#[test]
fn an_operators_rotation_takes_the_place_of_the_registrys() {
    let mut world = World::new();
    let old = world.renewing(false);
    world.used(old.serial);
    world.days_pass(5);
    world.rotate(old.serial, as_usual());
    world.used(Serial(2));
    world.days_pass(17);
    assert_eq!(world.family(&old.family).total, 2);
    assert_eq!(world.held_days().len(), 0, "the leaf is young");
}

/// Wherever the process dies, exactly one successor is made.
#[test]
fn a_rotation_that_is_cut_off_is_made_once() {
    for statements in 0.. {
        let mut world = World::new();
        let old = world.renewing(false);
        world.used(old.serial);
        world.days_pass(19);
        world.now = old.expires_at.plus_seconds(-10 * DAY).to_millis();
        world.database.kill_after(statements);
        world.registry.due(world.now, 50);
        let survived = world.database.fault_pending();
        world.database.recover();
        world.restart(settings());
        world.days_pass(1);
        assert_eq!(world.family(&old.family).total, 2, "{statements}");
        if survived {
            assert!(statements > 30);
            break;
        }
    }
}

#[test]
fn a_thousand_that_are_due_at_once_are_rotated_some_at_a_time() {
    let mut world = World::new();
    for _ in 0..100 {
        let token = world.renewing(false);
        world.used(token.serial);
    }
    world.days_pass(19);
    world.now = START.plus_ms(20 * DAY * 1_000 + 1_000);
    world.registry.due(world.now, 50);
    let made = world.database.one("SELECT COUNT(*) FROM token");
    assert_eq!(made, wayleave::base::database::Value::Integer(120));
    world.days_pass(1);
    let made = world.database.one("SELECT COUNT(*) FROM token");
    assert_eq!(made, wayleave::base::database::Value::Integer(200));
}
