//! An operator's end: setting, moving and cancelling it, and the guards.

use crate::world::{START, World, new_token};
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::command::{
    Answer, Command, Fault, Lifetime, NewToken, Receipt, TokenEdit, TokenState, TokenView,
};
use wayleave::formats::token::Serial;

const HOUR_MS: i64 = 3_600_000;

fn end(serial: Serial, at: Option<UnixMillis>) -> Command {
    Command::EndToken { serial, at, force: true }
}

impl World {
    fn end(&mut self, serial: Serial, at: Option<UnixMillis>) -> Receipt {
        self.receipt(end(serial, at))
    }

    fn short_lived(&mut self) -> TokenView {
        let lifetime = Some(Lifetime::ExpiresIn(10 * HOUR_MS / 1_000));
        self.create(NewToken { lifetime, ..new_token("short") }).0
    }
}

#[test]
fn an_end_is_in_the_record_the_list_and_the_audit_and_can_be_moved_and_cancelled() {
    let mut world = World::new();
    let serial = world.token().serial;
    let ends =
        [Some(5), Some(2), Some(9), None].map(|hours| hours.map(|hours| START.plus_ms(hours * HOUR_MS)));
    for (version, at) in (2..).zip(ends) {
        let receipt = world.end(serial, at);
        let list = world.list();
        assert_eq!(receipt.list_number, (list.number().epoch, list.number().n));
        assert_eq!((receipt.state, receipt.bound_seconds), (TokenState::Active, 60));
        assert_eq!(receipt.effective_by, world.now.plus_ms(60_000).ceil_seconds().plus_seconds(2));
        assert_eq!(list.record_version(serial), version);
        let record = world.record(serial).unwrap();
        assert_eq!((record.version, record.record.ends_at), (version, at));
        assert_eq!(world.get(serial).ends_at, at);
        // Only the record of this version is pending for KV.
        let keys: Vec<String> =
            world.registry.due(world.now, 100).into_iter().map(|write| write.key).collect();
        assert_eq!(
            keys.iter().filter(|key| key.starts_with("token/")).collect::<Vec<_>>(),
            [&format!("token/1/{version}")]
        );
        // Repeating it changes nothing.
        world.end(serial, at);
        assert_eq!(world.get(serial).version, version);
    }
    let events = world.events();
    let ends: Vec<_> = events.iter().filter(|event| event.action.starts_with("token.end")).collect();
    assert_eq!(ends.len(), 4);
    assert_eq!(ends[1].before.as_deref(), Some(r#"{"ends_at":"2026-11-22T07:00:00.250Z"}"#));
    assert_eq!(ends[1].after.as_deref(), Some(r#"{"ends_at":"2026-11-22T04:00:00.250Z"}"#));
    assert_eq!(
        (ends[3].action.as_str(), ends[3].after.as_deref()),
        ("token.end_cancelled", Some(r#"{"ends_at":null}"#))
    );
}

#[test]
fn a_token_that_has_ended_stays_ended() {
    let mut world = World::new();
    let serial = world.token().serial;
    world.end(serial, Some(START.plus_ms(HOUR_MS)));
    world.now = START.plus_ms(HOUR_MS - 1);
    assert_eq!(world.get(serial).state, TokenState::Active);
    world.now = START.plus_ms(HOUR_MS);
    assert_eq!(world.get(serial).state, TokenState::Expired);
    for at in [None, Some(START.plus_ms(2 * HOUR_MS))] {
        assert_eq!(world.fault(end(serial, at)), Fault::TokenEnded);
    }
}

#[test]
fn an_end_lies_ahead_and_not_past_what_was_signed() {
    let mut world = World::new();
    let token = world.short_lived();
    let expires_at = token.expires_at.to_millis();
    for at in [UnixMillis(0), START.plus_ms(-1), START, expires_at.plus_ms(1)] {
        let faults = world.field_faults(end(token.serial, Some(at)));
        assert_eq!(faults, [("at".to_owned(), "out_of_range".to_owned())], "{at:?}");
    }
    world.end(token.serial, Some(START.plus_ms(1)));
    world.end(token.serial, Some(expires_at));
}

#[test]
fn an_earlier_end_meets_the_guards_of_a_revocation_and_a_later_one_none() {
    let mut world = World::new();
    let token = world.short_lived().serial;
    let unforced = |serial, hours: i64| Command::EndToken {
        serial,
        at: Some(START.plus_ms(hours * HOUR_MS)),
        force: false,
    };
    assert_eq!(world.fault(unforced(token, 5)), Fault::LastActiveToken);
    // Another token of the family counts only as long as it is active.
    let other = world.short_lived().serial;
    world.database.one(
        "UPDATE token SET family = (SELECT family FROM token WHERE serial = 1) WHERE serial = 2 RETURNING 1",
    );
    world.receipt(unforced(token, 5));
    assert_eq!(world.fault(unforced(other, 6)), Fault::LastActiveToken);
    world.receipt(unforced(other, 4));

    let protect = TokenEdit { protected: Some(true), ..TokenEdit::default() };
    world.edit(token, protect);
    assert_eq!(world.fault(end(token, Some(START.plus_ms(HOUR_MS)))), Fault::TokenProtected);
    world.receipt(unforced(token, 6));
    world.receipt(Command::EndToken { serial: token, at: None, force: false });

    world.receipt(Command::DisableToken(other));
    world.receipt(unforced(other, 1));
    world.revoke(other);
    assert_eq!(world.fault(end(other, None)), Fault::TokenEnded);
    assert!(matches!(world.ask(Command::GetToken(token)), Answer::Token(_)));
}
