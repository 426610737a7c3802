//! Signing keys: activation, retirement, and resealing of records.

use crate::world::{World, all, edit_label, holding, new_token, open_delta, settings, without_key_1};
use std::collections::BTreeMap;
use wayleave::base::database::Value;
use wayleave::control::registry::KvWrite;
use wayleave::control::registry::command::{
    Answer, Call, Clash, Command, Fault, Lifetime, NewToken, SigningKeyState, SigningKeyView, TokenFilter,
    TokenState,
};
use wayleave::formats::holding::Holding;
use wayleave::formats::key::KeyId;
use wayleave::formats::list::{Number, OpenedBase, base_kv_name};
use wayleave::formats::record::Record;
use wayleave::formats::token::Serial;
use wayleave::limits::{FOLD_AT_CHANGES, RESEAL_BACKLOG_MAX, RESEAL_STEP_MAX};

const FIRST: KeyId = KeyId(1);
const SECOND: KeyId = KeyId(2);

impl World {
    fn signing_keys(&mut self) -> Vec<SigningKeyView> {
        match self.ask(Command::ListSigningKeys) {
            Answer::SigningKeys(keys) => keys,
            other => panic!("{other:?}"),
        }
    }

    fn states(&mut self) -> Vec<(u8, SigningKeyState, u64)> {
        self.signing_keys().into_iter().map(|key| (key.id.0, key.state, key.live_tokens)).collect()
    }

    fn activated(&mut self) -> bool {
        self.events().iter().any(|event| event.action == "signing_key.activated")
    }

    fn in_state(&mut self, state: TokenState) -> Vec<u32> {
        self.tokens(TokenFilter { state: Some(state), ..all() }).0
    }

    /// Runs one alarm; KV accepts everything.
    fn ring(&mut self, limit: u32) -> Vec<KvWrite> {
        let writes = self.registry.due(self.now, limit);
        for write in &writes {
            self.registry.written(write.id, self.now);
        }
        writes
    }
}

fn retire(key_id: KeyId, force: bool) -> Command {
    Command::RetireSigningKey { key_id, force }
}

#[test]
fn an_activated_key_signs_tokens_lists_and_records_and_the_other_goes_on_verifying() {
    let mut world = World::new();
    let old = world.token();
    assert_eq!(world.states(), [(1, SigningKeyState::Signing, 1), (2, SigningKeyState::Verifying, 0)]);
    assert_eq!(world.activate(SECOND).state, SigningKeyState::Signing);
    world.activate(SECOND);
    let new = world.token();
    assert_eq!((old.key_id, new.key_id), (FIRST, SECOND));
    assert_eq!(open_delta(&world.sealed_delta()).sealed_by, SECOND);
    assert_eq!(world.record(old.serial).unwrap().sealed_by, SECOND);
    assert_eq!(world.get(old.serial).state, TokenState::Active);
    world.restart(settings());
    assert_eq!(world.states(), [(1, SigningKeyState::Verifying, 1), (2, SigningKeyState::Signing, 1)]);
    let events = world.events();
    let activated: Vec<_> = events.iter().filter(|event| event.action == "signing_key.activated").collect();
    assert_eq!(activated.len(), 1, "the second time nothing changed");
    assert_eq!(activated[0].before.as_deref(), Some(r#"{"signing_key":1}"#));
}

#[test]
fn a_key_is_activated_only_once_every_location_that_told_in_the_last_hour_has_it() {
    let mut world = World::new();
    let tell = |world: &mut World, location: &str, keys: &[u8]| {
        let keys = keys.iter().copied().map(KeyId).collect();
        let holding = Holding { keys, ..holding(Number { epoch: 1, n: 0 }, vec![]) };
        world.request(Call::Report { location: location.into(), holding });
    };
    let missing = |world: &mut World| world.signing_keys()[1].missing_at.clone();
    let refused = |world: &mut World, missing_at: &[&str]| {
        let missing_at: Vec<String> = missing_at.iter().map(|&name| name.into()).collect();
        assert_eq!(missing(world), missing_at);
        assert_eq!(world.fault(Command::ActivateSigningKey(SECOND)), Fault::KeyMissing { missing_at });
    };
    tell(&mut world, "AMS", &[1]);
    tell(&mut world, "FRA", &[1, 2]);
    // An earlier release does not report its keys.
    tell(&mut world, "GRU", &[]);
    refused(&mut world, &["AMS", "GRU"]);
    assert!(world.signing_keys()[0].missing_at == ["GRU"] && !world.activated());
    // The deployment that added the key restarted the registry.
    world.restart(settings());
    tell(&mut world, "GRU", &[1, 2]);
    refused(&mut world, &["AMS"]);
    // The current signing key can always be activated again.
    world.activate(FIRST);
    // A location that stops reporting still counts for at least an hour, whether or not it has reported every
    // ten minutes.
    world.seconds_pass(599);
    tell(&mut world, "AMS", &[1]);
    world.seconds_pass(3_600);
    refused(&mut world, &["AMS"]);
    world.seconds_pass(10);
    assert_eq!(world.activate(SECOND).missing_at, [""; 0]);
}

#[test]
fn which_keys_a_location_has_is_written_when_it_is_news_and_bounded() {
    let mut world = World::new();
    let rows = |world: &World| world.database.one("SELECT COUNT(*) FROM location");
    let tell = |world: &mut World, location: String| {
        let holding = holding(Number { epoch: 1, n: 0 }, vec![]);
        let before = world.database.rows_written();
        world.request(Call::Report { location, holding });
        world.database.rows_written() - before
    };
    tell(&mut world, "AMS".into());
    world.seconds_pass(29);
    assert_eq!(tell(&mut world, "AMS".into()), 0);
    world.seconds_pass(571);
    assert!(tell(&mut world, "AMS".into()) > 0);
    for at in 0..1_100 {
        world.now = world.now.plus_ms(1);
        tell(&mut world, at.to_string());
    }
    assert_eq!(rows(&world), Value::Integer(1_000));
    world.seconds_pass(2 * 3_600);
    tell(&mut world, "FRA".into());
    assert_eq!(rows(&world), Value::Integer(1));
}

#[test]
fn a_retired_key_takes_its_tokens_with_it_and_nothing_else() {
    let mut world = World::new();
    let short = NewToken { lifetime: Some(Lifetime::ExpiresIn(60)), ..new_token("short") };
    let expired = world.create(short).0.serial;
    let [active, disabled, revoked] = [(); 3].map(|()| world.token().serial);
    world.receipt(Command::DisableToken(disabled));
    world.revoke(revoked);
    world.activate(SECOND);
    let survivor = world.token().serial;
    world.seconds_pass(100);

    assert_eq!(world.fault(retire(FIRST, false)), Fault::KeyInUse { live_tokens: 2 });
    assert!(!world.list().retires(FIRST));
    world.seconds_pass(5);
    let receipt = world.retire(FIRST);
    let list = world.list();
    assert!(list.retires(FIRST) && !list.retires(SECOND));
    assert_eq!(receipt.list_number, (list.number().epoch, list.number().n));
    assert_eq!(list.delta().head.changed, list.number().n);
    assert_eq!((receipt.retired_at, receipt.bound_seconds, receipt.guaranteed), (world.now, 60, true));
    assert_eq!(receipt.effective_by, world.now.plus_ms(60_000).ceil_seconds().plus_seconds(2));
    assert_eq!(world.ring(10)[0].key, "list/delta");

    let dead = world.get(active);
    assert_eq!((dead.state, dead.revoked_reason.as_deref()), (TokenState::Revoked, Some("key_retired")));
    assert_eq!((dead.revoked_at, dead.effective_by), (Some(world.now), Some(receipt.effective_by)));
    assert_eq!(world.get(revoked).revoked_reason.as_deref(), Some("operator"), "its own reason stays");
    for (state, serials) in [
        (TokenState::Revoked, vec![revoked, disabled, active]),
        (TokenState::Active, vec![survivor]),
        (TokenState::Disabled, vec![]),
        (TokenState::Expired, vec![expired]),
    ] {
        let serials: Vec<u32> = serials.into_iter().map(|serial| serial.0).collect();
        assert_eq!(world.in_state(state), serials, "{state:?}");
        for serial in serials {
            assert_eq!(world.get(Serial(serial)).state, state);
        }
    }
    assert_eq!(world.status().tokens, [1, 0, 3, 1]);
    assert_eq!(world.states(), [(1, SigningKeyState::Retired, 0), (2, SigningKeyState::Signing, 1)]);

    for command in [Command::EnableToken(disabled), Command::DisableToken(active)] {
        assert_eq!(world.fault(command), Fault::TokenEnded);
    }
    assert_eq!(world.revoke(active).reason.as_deref(), Some("key_retired"), "it is revoked already");
    world.seconds_pass(1_000);
    assert_eq!(world.retire(FIRST), receipt, "again: the same");
    world.seconds_pass(10 * 365 * 86_400);
    assert_eq!(world.get(active).state, TokenState::Revoked, "stays visible after the end");
    let retired = world.events().into_iter().find(|event| event.action == "signing_key.retired").unwrap();
    assert_eq!(retired.after.as_deref(), Some(r#"{"key_id":1,"live_tokens":2}"#));
}

#[test]
fn the_key_that_signs_is_not_retired_and_a_mistyped_id_is_not_burnt() {
    let mut world = World::new();
    world.token();
    assert_eq!(world.fault(retire(FIRST, true)), Fault::Conflict(Clash::KeySigns));
    assert_eq!(world.fault(retire(KeyId(12), true)), Fault::KeyNotInRing);
    assert_eq!(world.fault(Command::ActivateSigningKey(KeyId(12))), Fault::KeyNotInRing);
    world.retire(SECOND);
    assert_eq!(world.fault(Command::ActivateSigningKey(SECOND)), Fault::Conflict(Clash::KeyRetired));
    assert!(world.list().retires(SECOND));
}

#[test]
fn a_key_that_is_gone_from_the_ring_can_be_retired() {
    let mut world = World::new();
    let old = world.token();
    world.activate(SECOND);
    world.restart(without_key_1());
    assert_eq!(world.fault(Command::ActivateSigningKey(FIRST)), Fault::KeyNotInRing);
    assert_eq!(world.fault(retire(FIRST, false)), Fault::KeyInUse { live_tokens: 1 });
    world.retire(FIRST);
    let first = &world.signing_keys()[0];
    assert_eq!((first.state, first.in_ring), (SigningKeyState::Retired, false));
    // Nobody can rebuild its text any more.
    assert_eq!(world.fault(Command::RevealToken(old.serial)), Fault::TextGone);
    assert_eq!(world.get(old.serial).state, TokenState::Revoked);
}

/// Tokens of the second key whose newest records the first key sealed.
fn sealed_by_the_first(count: u32) -> World {
    let mut world = World::new();
    world.activate(SECOND);
    for _ in 0..count {
        world.token();
    }
    world.activate(FIRST);
    for serial in 1..=count {
        world.edit(Serial(serial), edit_label("sealed by the first"));
    }
    world.activate(SECOND);
    while !world.ring(10_000).is_empty() {}
    world.seconds_pass(60);
    world
}

#[test]
fn records_that_the_retired_key_sealed_get_a_new_seal_in_bounded_steps() {
    let count = 2 * RESEAL_STEP_MAX + 10;
    let mut world = sealed_by_the_first(count);
    let [revoked, other] = [Serial(3), Serial(4)];
    world.revoke(revoked);
    world.record(other);
    while !world.ring(10_000).is_empty() {}
    world.retire(FIRST);
    let mut sealed_by: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    let mut alarms = 0;
    while let Some(at) = world.registry.next_alarm_at(world.now).filter(|at| *at <= world.now.plus_ms(60_000))
    {
        world.now = world.now.max(at);
        alarms += 1;
        if alarms == 15 {
            world.restart(settings());
        }
        let owed = world.status().outbox_pending;
        assert!(owed < RESEAL_BACKLOG_MAX + u64::from(RESEAL_STEP_MAX) + 10, "{owed}");
        for write in world.ring(50) {
            let Some(name) = write.key.strip_prefix("token/") else { continue };
            let (serial, version) = name.split_once('/').unwrap();
            let (serial, version) = (Serial(serial.parse().unwrap()), version.parse().unwrap());
            let record = Record::open(&settings().ring, serial, version, &write.value).unwrap();
            assert_eq!(version, 2);
            sealed_by.entry(serial.0).or_default().push(record.sealed_by.0);
        }
    }
    assert!(alarms > 15, "{alarms}");
    // The revoked token needs no new seal; each of the others needs one.
    let expected: BTreeMap<u32, Vec<u8>> =
        (1..=count).filter(|serial| *serial != revoked.0).map(|serial| (serial, vec![2])).collect();
    assert_eq!(sealed_by, expected);
    assert_eq!(world.status().outbox_pending, 0);
}

#[test]
fn the_list_does_not_wait_for_new_seals_and_a_record_that_waits_gets_the_new_one() {
    let mut world = sealed_by_the_first(3);
    world.activate(FIRST);
    world.edit(Serial(2), edit_label("again"));
    world.activate(SECOND);
    world.seconds_pass(5);
    world.retire(FIRST);
    // The record of the edit, for which the list waits; the new seals follow in the same batch.
    let writes = world.ring(100);
    let keys: Vec<&str> = writes.iter().map(|write| write.key.as_str()).collect();
    assert_eq!(keys, ["token/1/2", "token/2/3", "token/3/2"]);
    for write in &writes {
        let (serial, version) = write.key.strip_prefix("token/").unwrap().split_once('/').unwrap();
        let (serial, version) = (Serial(serial.parse().unwrap()), version.parse().unwrap());
        let record = Record::open(&settings().ring, serial, version, &write.value).unwrap();
        assert_eq!(record.sealed_by, SECOND, "{}", write.key);
    }
    assert_eq!(world.ring(100)[0].key, "list/delta");

    let mut world = sealed_by_the_first(3);
    world.retire(FIRST);
    world.registry.due(world.now, 1);
    assert_eq!(world.registry.due(world.now, 100)[0].key, "list/delta");
}

#[test]
fn kv_gets_the_base_again_before_the_list_that_retires_its_key() {
    let mut world = World::new();
    for _ in 0..=FOLD_AT_CHANGES {
        let serial = world.token().serial;
        world.revoke(serial);
    }
    let base = world.list().delta().head.base;
    while !world.ring(100_000).is_empty() {}
    world.activate(SECOND);
    world.seconds_pass(5);
    world.retire(FIRST);
    let write = world.ring(100).remove(0);
    assert_eq!(write.key, base_kv_name(base));
    assert!(OpenedBase::open(&settings().ring, base, &write.value).is_ok());
    assert_eq!(write.value[1], SECOND.0);
    assert_eq!(world.ring(100)[0].key, "list/delta");
}
