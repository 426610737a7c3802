//! Pending writes to KV: order, back-off, races, and a kill at every step.

use crate::sqlite::Sqlite;
use crate::world::{START, World, edit_label, new_token, open_list, settings};
use std::collections::BTreeMap;
use wayleave::base::database::Value;
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::command::{Answer, Command, Lifetime, NewToken, TokenState};
use wayleave::control::registry::{KvWrite, Registry, RegistrySettings};
use wayleave::formats::list::{RevocationList, SerialStatus};
use wayleave::formats::record::Record;
use wayleave::formats::token::Serial;
use wayleave::limits::{OUTBOX_REPEAT_LEASE_MS, SWEEP_OVERDUE_MS};

impl World {
    fn due(&mut self) -> Vec<KvWrite> {
        self.registry.due(self.now, 100)
    }

    fn due_keys(&mut self) -> Vec<String> {
        self.due().into_iter().map(|write| write.key).collect()
    }

    /// KV accepts everything due now; returns the keys.
    fn publish(&mut self) -> Vec<String> {
        let writes = self.due();
        for write in &writes {
            self.registry.written(write.id, self.now);
        }
        writes.into_iter().map(|write| write.key).collect()
    }

    fn alarm(&mut self) -> Option<UnixMillis> {
        self.registry.next_alarm_at(self.now)
    }

    /// Runs every alarm until KV has everything.
    fn publish_all(&mut self, kv: &mut BTreeMap<String, Vec<u8>>) {
        while let Some(at) = self.alarm().filter(|at| *at < self.now.plus_ms(3_600_000)) {
            self.now = self.now.max(at);
            for write in self.due() {
                kv.insert(write.key, write.value);
                self.registry.written(write.id, self.now);
            }
        }
    }
}

fn list_of(writes: &[KvWrite]) -> RevocationList {
    open_list(&writes.iter().find(|write| write.key == "list/delta").unwrap().value)
}

#[test]
fn a_create_owes_its_record_and_a_list_and_is_done_when_kv_took_both() {
    let mut world = World::new();
    let retention = world.alarm();
    assert_eq!(retention, None);
    let token = world.token();
    assert_eq!(world.alarm(), Some(START));
    let writes = world.due();
    let keys: Vec<&str> = writes.iter().map(|write| write.key.as_str()).collect();
    assert_eq!(keys, ["list/delta", "token/1/1"]);
    let record = Record::open(&settings().ring, Serial(1), 1, &writes[1].value).unwrap();
    assert_eq!(record.record.expires_at, token.expires_at);
    assert!(writes[1].expiration.unwrap() >= token.expires_at.plus_seconds(60));
    assert_eq!(writes[0].expiration, None);
    assert_eq!(list_of(&writes).delta().head.highest_serial, Serial(1));
    assert_eq!(world.due_keys(), keys, "not confirmed, so still owed");
    for write in writes {
        world.registry.written(write.id, world.now);
    }
    assert_eq!(world.due(), []);
    assert_eq!(world.alarm(), Some(START.plus_ms(SWEEP_OVERDUE_MS)), "only the daily sweep is left");
}

#[test]
fn kv_never_gets_an_expiry_nearer_than_a_minute() {
    let mut world = World::new();
    let token = world.create(NewToken { lifetime: Some(Lifetime::ExpiresIn(60)), ..new_token("a") }).0;
    world.now = token.expires_at.to_millis().plus_ms(-1);
    assert!(world.due()[1].expiration.unwrap() >= world.now.ceil_seconds().plus_seconds(60));
    // Nobody needs the record after the token has ended.
    world.now = token.expires_at.to_millis();
    assert_eq!(world.due_keys(), ["list/delta"]);
    assert_eq!(world.status().outbox_pending, 1);
}

#[test]
fn the_record_of_an_edit_goes_before_the_list_that_names_it() {
    let mut world = World::new();
    let serial = world.token().serial;
    world.publish();
    world.seconds_pass(2);
    world.edit(serial, edit_label("b"));
    assert_eq!(world.publish(), ["token/1/2"]);
    assert_eq!(world.alarm(), Some(world.now));
    let writes = world.due();
    assert_eq!(list_of(&writes).record_version(serial), 2);
    assert_eq!(writes.len(), 1);
}

#[test]
fn a_record_that_kv_refuses_holds_the_list_back_for_ten_seconds_at_most() {
    let mut world = World::new();
    let (edited, revoked) = (world.token().serial, world.token().serial);
    world.publish();
    world.seconds_pass(2);
    let since = world.now;
    world.edit(edited, edit_label("b"));
    world.revoke(revoked);
    let mut tries = 0;
    let list = loop {
        let at = world.alarm().unwrap();
        assert!(at > world.now || tries == 0, "no alarm goes round and round");
        world.now = world.now.max(at);
        let writes = world.due();
        if writes.iter().any(|write| write.key == "list/delta") {
            break list_of(&writes);
        }
        for write in writes {
            tries += 1;
            world.registry.failed(write.id, world.now);
        }
    };
    assert_eq!(world.now.since_ms(since), 10_000);
    assert_eq!(list.status(revoked), SerialStatus::Revoked);
    assert_eq!(tries, 3, "at once, after 2 s, after 6 s");
}

#[test]
fn the_list_is_written_once_a_second_and_says_all_of_that_second() {
    let mut world = World::new();
    let serials = [(); 4].map(|()| world.token().serial);
    world.publish();
    for serial in serials {
        world.now = world.now.plus_ms(100);
        world.revoke(serial);
        assert_eq!(world.due(), []);
        assert_eq!(world.alarm(), Some(START.plus_ms(1_000)));
    }
    world.now = START.plus_ms(1_000);
    let list = list_of(&world.due());
    assert!(serials.iter().all(|serial| list.status(*serial) == SerialStatus::Revoked));
}

#[test]
fn a_change_during_a_write_leaves_the_newer_list_owed() {
    let mut world = World::new();
    let serial = world.token().serial;
    let writes = world.due();
    world.revoke(serial);
    for write in writes {
        world.registry.written(write.id, world.now);
    }
    world.now = world.alarm().unwrap();
    assert_eq!(world.now, START.plus_ms(1_000));
    assert_eq!(list_of(&world.due()).status(serial), SerialStatus::Revoked);
}

#[test]
fn a_failure_reported_for_a_replaced_write_does_not_delay_the_newer_one() {
    let mut world = World::new();
    let serial = world.token().serial;
    let writes = world.due();
    world.revoke(serial);
    for write in writes {
        world.registry.failed(write.id, world.now);
    }
    assert_eq!(world.alarm(), Some(START.plus_ms(1_000)));
}

#[test]
fn failures_back_off_to_a_minute_and_never_give_up() {
    let mut world = World::new();
    world.token();
    world.publish();
    world.seconds_pass(10);
    world.edit(Serial(1), edit_label("b"));
    let record = |writes: Vec<KvWrite>| writes.into_iter().find(|write| write.key == "token/1/2");
    let mut waits = Vec::new();
    for _ in 0..80 {
        let write = record(world.due()).unwrap();
        world.registry.failed(write.id, world.now);
        let Value::Integer(due_at) = world.database.one("SELECT due_at FROM outbox WHERE version = 2") else {
            panic!()
        };
        waits.push((due_at - world.now.0) / 1_000);
        world.now = UnixMillis(due_at - 1);
        assert_eq!(record(world.due()), None);
        world.now = UnixMillis(due_at);
    }
    assert_eq!(waits[..6], [2, 4, 8, 16, 32, 60]);
    assert!(waits[6..].iter().all(|wait| *wait == 60));
}

/// Runs alarms until `end`. KV takes what `takes` says. Returns when each key was tried, and whether it was
/// taken.
fn tried(world: &mut World, end: UnixMillis, takes: impl Fn(&str) -> bool) -> Vec<(String, i64, bool)> {
    let mut tried = Vec::new();
    while let Some(at) = world.alarm().filter(|at| *at <= end) {
        world.now = world.now.max(at);
        for write in world.due() {
            let taken = takes(&write.key);
            tried.push((write.key, world.now.since_ms(START), taken));
            match taken {
                true => world.registry.written(write.id, world.now),
                false => world.registry.failed(write.id, world.now),
            }
        }
        assert!(tried.len() < 2_000, "{tried:?}");
    }
    world.now = end;
    tried
}

#[test]
fn a_record_that_was_refused_before_holds_no_later_list_back() {
    let mut world = World::new();
    let stuck = world.token().serial;
    let serials = [(); 5].map(|()| world.token().serial);
    world.publish();
    world.seconds_pass(2);
    world.edit(stuck, edit_label("b"));
    let stuck_key = "token/1/2";
    tried(&mut world, START.plus_ms(60_000), |key| key != stuck_key);
    for serial in serials {
        let revoked_at = world.now.since_ms(START);
        world.revoke(serial);
        let tried = tried(&mut world, START.plus_ms(revoked_at + 30_000), |key| key != stuck_key);
        let list = tried.iter().find(|(key, ..)| key == "list/delta").unwrap();
        assert!(list.1 - revoked_at <= 1_000, "{list:?} after {revoked_at}");
    }
}

/// Nothing waits for such a write: it may take as long as its time limit once more.
#[test]
fn a_record_is_marked_when_kv_refused_it_before_and_leased_while_it_is_tried() {
    let mut world = World::new();
    world.token();
    let first = world.due();
    assert!(first.iter().all(|write| !write.is_repeated));
    for write in &first {
        world.registry.failed(write.id, world.now);
    }
    world.seconds_pass(2);
    let again = world.due();
    let marks: Vec<_> = again.iter().map(|write| (write.key.as_str(), write.is_repeated)).collect();
    assert_eq!(marks, [("list/delta", false), ("token/1/1", true)], "a list must keep its order");
    assert_eq!(world.due_keys(), ["list/delta"]);
    // The instance that tried it is gone.
    world.now = world.now.plus_ms(OUTBOX_REPEAT_LEASE_MS);
    assert_eq!(world.due_keys(), ["list/delta", "token/1/1"]);
}

#[test]
fn what_is_owed_goes_out_soon_after_kv_is_back_and_one_stuck_write_is_not_tried_with_every_list() {
    let mut world = World::with(RegistrySettings { heartbeat_seconds: 10, ..settings() });
    let serials = [(); 8].map(|()| world.token().serial);
    world.list();
    world.publish();
    for serial in serials {
        world.edit(serial, edit_label("b"));
    }
    // KV is away for ten minutes, while there is traffic.
    for _ in 0..10 {
        world.list();
        let end = world.now.plus_ms(61_500);
        tried(&mut world, end, |_| false);
    }
    let back_at = world.now.since_ms(START);
    let end = world.now.plus_ms(12_000);
    tried(&mut world, end, |key| key != "token/1/2");
    let owed = world.database.one("SELECT COUNT(*) FROM outbox WHERE value IS NOT NULL");
    assert_eq!(owed, Value::Integer(1), "{} ms after KV was back", world.now.since_ms(START) - back_at);
    // The stuck one goes on at its own pace.
    world.list();
    let end = world.now.plus_ms(300_000);
    let tried = tried(&mut world, end, |key| key != "token/1/2");
    let stuck = tried.iter().filter(|(key, ..)| key == "token/1/2").count();
    assert!((4..=12).contains(&stuck), "{stuck}");
}

#[test]
fn a_newer_version_takes_the_place_of_one_that_kv_still_lacks() {
    let mut world = World::new();
    world.token();
    let first = world.due();
    world.edit(Serial(1), edit_label("b"));
    world.edit(Serial(1), edit_label("c"));
    assert_eq!(world.due_keys(), ["token/1/3"]);
    for write in first {
        world.registry.written(write.id, world.now);
    }
    assert_eq!(world.due_keys(), ["token/1/3"], "an older write's confirmation takes nothing away");
}

#[test]
fn a_record_that_kv_lost_is_written_again_but_not_over_and_over() {
    let mut world = World::new();
    let token = world.create(NewToken { lifetime: Some(Lifetime::ExpiresIn(600)), ..new_token("a") }).0;
    world.record(token.serial);
    assert_eq!(world.publish(), ["list/delta", "token/1/1"], "once, although it was asked for");
    let before = world.database.dump();
    world.seconds_pass(299);
    assert_eq!(world.record(token.serial).unwrap().version, 1);
    assert_eq!(world.database.dump(), before);
    world.seconds_pass(1);
    world.record(token.serial);
    assert_eq!(world.publish(), ["token/1/1"]);
    // After an edit it is due at once again.
    world.edit(token.serial, edit_label("b"));
    world.publish();
    world.seconds_pass(301);
    assert_eq!(world.record(token.serial).unwrap().version, 2);
    assert!(!world.due_keys().contains(&"token/1/2".to_owned()), "it has ended");
    assert_eq!(world.record(Serial(9)), None);
}

#[test]
fn a_thousand_new_records_do_not_delay_a_revocation() {
    let mut world = World::new();
    for _ in 0..30 {
        world.token();
    }
    world.revoke(Serial(1));
    let writes = world.registry.due(world.now, 10);
    assert_eq!((writes.len(), writes[0].key.as_str()), (10, "list/delta"));
    assert_eq!(list_of(&writes).status(Serial(1)), SerialStatus::Revoked);
}

#[test]
fn retention_counts_from_the_end_and_no_serial_comes_back() {
    let mut world = World::with(RegistrySettings { retention_days: 10, ..settings() });
    let token = world.create(NewToken { lifetime: Some(Lifetime::ExpiresIn(60)), ..new_token("a") }).0;
    world.revoke(token.serial);
    let mut kv = BTreeMap::new();
    world.publish_all(&mut kv);
    let kept_until = token.expires_at.plus_seconds(10 * 86_400).to_millis();
    // Daily sweeps until then.
    while let Some(at) = world.alarm().filter(|at| *at < kept_until) {
        world.now = at;
        world.due();
    }
    let at = world.alarm().unwrap();
    let past = at.since_ms(kept_until);
    assert!((0..=3_600_000).contains(&past), "within an hour: {past} ms");
    world.now = kept_until.plus_ms(-1);
    world.due();
    assert_eq!(world.get(token.serial).state, TokenState::Revoked);
    world.now = at;
    world.due();
    assert_eq!(
        world.fault(Command::GetToken(token.serial)),
        wayleave::control::registry::command::Fault::NotFound
    );
    assert_eq!(world.alarm(), None);
    assert_eq!(world.database.one("SELECT COUNT(*) FROM token_host"), Value::Integer(0));
    assert_eq!(world.token().serial, Serial(2));
    assert!(world.actions().contains(&"token.revoked".to_owned()), "the audit stays");
}

#[test]
fn a_row_stays_while_the_list_must_name_it() {
    let mut world = World::with(RegistrySettings { retention_days: 0, bound_seconds: 300, ..settings() });
    let token = world.create(NewToken { lifetime: Some(Lifetime::ExpiresIn(60)), ..new_token("a") }).0;
    world.revoke(token.serial);
    world.now = token.expires_at.plus_seconds(300).to_millis().plus_ms(-1);
    world.due();
    assert_eq!(world.list().status(token.serial), SerialStatus::Revoked);
}

#[test]
fn a_storage_error_in_the_publisher_is_logged_and_tried_again_later() {
    let mut world = World::new();
    world.token();
    world.database.fail_after(0);
    assert_eq!(world.due(), []);
    assert_eq!(world.registry.take_log(), ["registry storage failed: disk I/O error"]);
    assert_eq!(world.registry.take_log(), [""; 0]);
    assert_eq!(world.alarm(), Some(START.plus_ms(2_000)));
    world.database.fail_after(0);
    assert_eq!(world.alarm(), Some(START.plus_ms(2_000)));
    assert_eq!(world.due_keys(), ["list/delta", "token/1/1"]);
}

/// Creates, edits and revokes, and publishes in between, until it is killed. Notes what was acknowledged.
fn work(world: &mut World, kv: &mut BTreeMap<String, Vec<u8>>, acknowledged: &mut Acknowledged) {
    for step in 0..3 {
        if let Answer::Created { token, .. } = world.ask(Command::CreateToken(new_token("a"))) {
            acknowledged.versions.insert(token.serial, 1);
        }
        let edit =
            Command::EditToken { serial: Serial(1), if_match: None, edit: edit_label(&step.to_string()) };
        if let Answer::Edited { token, .. } = world.ask(edit) {
            acknowledged.versions.insert(token.serial, token.version);
        }
        let revoke = Command::RevokeToken { serial: Serial(2), reason: None, force: true };
        if let Answer::Receipt(receipt) = world.ask(revoke) {
            acknowledged.revoked.insert(receipt.serial, receipt.revoked_at);
        }
        world.seconds_pass(1);
        for write in world.due() {
            if world.database.is_dead() {
                return;
            }
            kv.insert(write.key, write.value);
            world.registry.written(write.id, world.now);
        }
    }
}

#[derive(Default)]
struct Acknowledged {
    versions: BTreeMap<Serial, u32>,
    revoked: BTreeMap<Serial, Option<UnixMillis>>,
}

#[test]
fn killed_at_any_step_every_acknowledged_write_survives_and_reaches_kv() {
    let directory = std::env::temp_dir().join(format!("wayleave-registry-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let mut kills = 0;
    for statements in 0.. {
        let path = directory.join(format!("{statements}.sqlite"));
        let mut kv = BTreeMap::new();
        let mut acknowledged = Acknowledged::default();
        let (now, finished) = {
            let mut world = World::over(Sqlite::file(&path), settings());
            world.database.kill_after(statements);
            work(&mut world, &mut kv, &mut acknowledged);
            (world.now, world.database.fault_pending())
        };
        let mut world = World::over(Sqlite::file(&path), settings());
        world.now = now;
        survives(&mut world, &mut kv, &acknowledged, statements);
        drop(world);
        std::fs::remove_file(&path).unwrap();
        if finished {
            break;
        }
        kills += 1;
    }
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(kills > 100, "{kills} kills");
}

fn survives(
    world: &mut World,
    kv: &mut BTreeMap<String, Vec<u8>>,
    acknowledged: &Acknowledged,
    statements: u32,
) {
    for (serial, version) in &acknowledged.versions {
        assert!(world.get(*serial).version >= *version, "{statements}: {serial:?}");
    }
    for (serial, revoked_at) in &acknowledged.revoked {
        assert_eq!(world.get(*serial).revoked_at, *revoked_at, "{statements}");
    }
    world.publish_all(kv);
    let Answer::Tokens { items, .. } = world.ask(Command::ListTokens(crate::world::all())) else { panic!() };
    for token in &items {
        let value = kv.get(&format!("token/{}/{}", token.serial.0, token.version));
        let value = value.unwrap_or_else(|| panic!("{statements}: KV lacks {:?}", token.serial));
        Record::open(&settings().ring, token.serial, token.version, value).unwrap();
    }
    if let Some(list) = kv.get("list/delta").map(|value| open_list(value)) {
        for token in &items {
            let revoked = list.status(token.serial) == SerialStatus::Revoked;
            assert_eq!(revoked, token.state == TokenState::Revoked, "{statements}");
            assert_eq!(list.record_version(token.serial), token.version, "{statements}");
        }
    } else {
        assert!(items.is_empty(), "{statements}");
    }
    assert_eq!(world.status().outbox_pending, 0);
}

#[test]
fn an_alarm_set_before_a_restart_is_known_after_it() {
    let mut world = World::new();
    world.token();
    let at = world.alarm();
    let mut restarted = Registry::open(world.database.clone(), settings()).unwrap();
    assert_eq!(restarted.next_alarm_at(world.now), at);
}
