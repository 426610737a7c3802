//! A database restored from a backup: nothing that KV knows to be revoked or disabled works again.

use crate::sqlite::Sqlite;
use crate::webhooks::with_webhook;
use crate::world::{
    ADMIN_KEY, DAY, START, World, as_usual, edit_label, holding, new_token, open_delta, settings,
};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use wayleave::base::database::{Database, Value};
use wayleave::control::registry::command::{
    AdminCall, Answer, Call, Caller, Command, Fault, Lifetime, ListAskedBy, NewToken, StatusWarning,
    TokenState,
};
use wayleave::control::registry::{KvLists, Registry, RegistrySettings, base_of, waits_for_kv};
use wayleave::control::webhook::Answered;
use wayleave::formats::holding::Holding;
use wayleave::formats::key::{KeyId, KeyRing, sha256};
use wayleave::formats::list::{Delta, DeltaHead, KV_NAME, Number, OpenedBase, SerialStatus, base_kv_name};
use wayleave::formats::record::Record;
use wayleave::formats::token::Serial;
use wayleave::limits::{BASE_OVERLAP_MIN_MS, KV_CHECK_INTERVAL_MS, RESTORE_SKIPPED_SERIALS};
use zeroize::Zeroizing;

type Kv = BTreeMap<String, Vec<u8>>;

impl World {
    fn fill(&mut self, kv: &mut Kv) {
        let end = self.now.plus_ms(60_000);
        while let Some(at) = self.registry.next_alarm_at(self.now).filter(|at| *at < end) {
            self.now = self.now.max(at);
            for write in self.registry.due(self.now, 100) {
                kv.insert(write.key, write.value);
                self.registry.written(write.id, self.now);
            }
        }
    }

    /// The registry starts over `backup`, without having read KV.
    fn put_back(&mut self, backup: Sqlite, settings: RegistrySettings) {
        self.registry = Registry::open(backup.clone(), settings).unwrap();
        self.database = backup;
    }
}

fn lists(kv: &Kv) -> KvLists {
    let delta = kv.get(KV_NAME).cloned();
    let base = delta.as_deref().and_then(|delta| base_of(&settings().ring, delta));
    KvLists { delta, base: base.and_then(|number| kv.get(&base_kv_name(number)).cloned()) }
}

fn restored_settings() -> RegistrySettings {
    RegistrySettings { restore_id: Some("after the fire".into()), ..settings() }
}

/// A registry, its backup, and what KV knows of the later changes.
struct Lost {
    world: World,
    backup: Sqlite,
    kv: Kv,
    /// Revoked, disabled, edited and enabled after the backup; the last one unchanged.
    serials: [Serial; 5],
    /// Issued after the backup.
    issued: Serial,
    number: Number,
}

fn lost() -> Lost {
    let mut world = World::new();
    let mut kv = Kv::new();
    let serials = [(); 5].map(|()| world.token().serial);
    let [revoked, disabled, edited, enabled, _untouched] = serials;
    world.receipt(Command::DisableToken(enabled));
    world.fill(&mut kv);
    let backup = world.database.fork();
    world.seconds_pass(100);
    world.revoke(revoked);
    world.receipt(Command::DisableToken(disabled));
    world.edit(edited, edit_label("b"));
    world.receipt(Command::EnableToken(enabled));
    let issued = world.token().serial;
    world.fill(&mut kv);
    let number = world.list().number();
    world.seconds_pass(100);
    Lost { world, backup, kv, serials, issued, number }
}

/// KV accepts its pending writes, and queued notices become digests.
fn half_a_minute_passes(world: &mut World, kv: &mut Kv) {
    for _ in 0..3 {
        for write in world.registry.due(world.now, 100) {
            kv.insert(write.key, write.value);
            world.registry.written(write.id, world.now);
        }
        world.seconds_pass(10);
    }
}

/// Delivers a webhook; returns its `webhook-id`.
fn sent(world: &mut World) -> Option<String> {
    let post = world.registry.announce(world.now)?;
    world.registry.sent(post.attempt, Answered::Status(204), 0, world.now);
    let id = post.request.headers.into_iter().find(|(name, _)| *name == "webhook-id");
    id.map(|(_, id)| id)
}

#[test]
fn a_backup_tells_nothing_until_it_is_compared_and_then_nothing_new_under_an_id_of_the_lost_time() {
    let mut world = World::with(with_webhook());
    let mut kv = Kv::new();
    let tokens = [world.token().serial, world.token().serial, world.token().serial];
    world.revoke(tokens[0]);
    half_a_minute_passes(&mut world, &mut kv);
    let backup = world.database.fork();
    assert_eq!(sent(&mut world).as_deref(), Some("ntc_1_1"));
    world.revoke(tokens[1]);
    half_a_minute_passes(&mut world, &mut kv);
    assert_eq!(sent(&mut world).as_deref(), Some("ntc_1_2"));
    world.put_back(backup, with_webhook());
    assert_eq!(sent(&mut world), None, "KV has not answered yet");
    world.registry.compare(Some(&lists(&kv)), world.now);
    assert_eq!(
        sent(&mut world).as_deref(),
        Some("ntc_1_1"),
        "the same notice again, which the receiver knows"
    );
    world.revoke(tokens[2]);
    half_a_minute_passes(&mut world, &mut kv);
    assert_eq!(sent(&mut world).as_deref(), Some("ntc_2_2"));
}

#[test]
fn what_kv_knows_stays_withdrawn_and_what_it_knows_better_is_disabled() {
    let Lost { mut world, backup, kv, serials, issued, number } = lost();
    world.put_back(backup, settings());
    world.registry.compare(Some(&lists(&kv)), world.now);
    let list = world.list();
    assert!(list.number() > number && list.number().epoch == 2, "{:?}", list.number());
    let [revoked, disabled, edited, enabled, untouched] = serials;
    let says = |serial| (list.status(serial), list.record_version(serial));
    assert_eq!(says(revoked), (SerialStatus::Revoked, 1));
    assert_eq!(says(disabled), (SerialStatus::Disabled, 1));
    // Its settings of version 2 are lost. Nobody may use those of version 1, nor a version 2 with other
    // settings.
    assert_eq!(says(edited), (SerialStatus::Disabled, (1 << 20) | 1));
    // Staying disabled for too long does less harm than the opposite.
    assert_eq!(says(enabled), (SerialStatus::Disabled, 1));
    assert_eq!(says(untouched), (SerialStatus::Good, 1));
    // Issued after the backup, so nobody can revoke it. KV has its record, but it must not work.
    assert_eq!(says(issued), (SerialStatus::Revoked, 1));
    let shown = world.get(revoked);
    // Why it was revoked is lost with the backup, so its reason says what revoked it here.
    assert_eq!((shown.state, shown.revoked_reason.as_deref()), (TokenState::Revoked, Some("restored")));
    assert_eq!(shown.revoked_at, Some(world.now));
    assert_eq!(world.get(edited).state, TokenState::Disabled);
    assert_eq!(world.token().serial.0, issued.0 + RESTORE_SKIPPED_SERIALS + 1);
    assert!(world.actions().contains(&"registry.restored".to_owned()));
    // Later edits get versions above all that the lost registry gave.
    world.receipt(Command::EnableToken(edited));
    let version = world.edit(edited, edit_label("c")).0.version;
    assert_eq!(version, (1 << 20) | 2);
    assert_eq!(world.edit(untouched, edit_label("d")).0.version, (1 << 20) | 1);
}

/// What was planned before the backup may have been cancelled after it: by the revocation of the successor,
/// or by hand. What an operator is to correct and enable must still be there.
#[test]
fn a_plan_of_the_backup_ends_nothing_that_was_changed_after_it() {
    for successor_is_revoked in [true, false] {
        let mut world = World::new();
        let mut kv = Kv::new();
        let old = world.token();
        let new = world.rotate(old.serial, as_usual()).token;
        world.used(new.serial);
        world.fill(&mut kv);
        let backup = world.database.fork();
        world.days_pass(1);
        match successor_is_revoked {
            true => drop(world.revoke(new.serial)),
            false => drop(world.receipt(Command::EndToken { serial: old.serial, at: None, force: false })),
        }
        world.fill(&mut kv);
        world.days_pass(9);
        world.put_back(backup, settings());
        world.registry.compare(Some(&lists(&kv)), world.now);
        world.fill(&mut kv);
        world.days_pass(2);
        let restored = world.get(old.serial);
        assert_eq!((restored.state, restored.rotation), (TokenState::Disabled, None));
        assert_eq!(restored.successor, (!successor_is_revoked).then_some(new.serial));
        world.receipt(Command::EnableToken(old.serial));
        assert_eq!(world.get(old.serial).state, TokenState::Active);
    }
}

#[test]
fn deltas_of_the_new_epoch_complete_no_base_of_the_old() {
    let Lost { mut world, backup, kv, issued, .. } = lost();
    world.put_back(backup, settings());
    world.registry.compare(Some(&lists(&kv)), world.now);
    let list = world.list();
    assert!(!list.delta().completes(&OpenedBase::empty(1)) && !list.delta().completes(&OpenedBase::empty(2)));
    let mut after = Kv::new();
    world.fill(&mut after);
    let delta = Delta::open(&settings().ring, &after[KV_NAME]).unwrap();
    let number = delta.delta.head.base;
    let base = OpenedBase::open(&settings().ring, number, &after[&base_kv_name(number)]).unwrap();
    let read = wayleave::formats::list::RevocationList::of(Rc::new(base), delta).unwrap();
    assert_eq!(read.status(issued), SerialStatus::Revoked);
    // The record of the edited token is pending again, under its new version.
    let edited = Serial(3);
    let key = wayleave::formats::record::kv_name(edited, (1 << 20) | 1);
    assert!(Record::open(&settings().ring, edited, (1 << 20) | 1, &after[&key]).is_some());
}

#[test]
fn with_another_restore_id_nothing_is_answered_before_kv_was_read() {
    let Lost { mut world, backup, kv, .. } = lost();
    world.put_back(backup.fork(), restored_settings());
    let refused = Answer::Refused(Fault::Restoring);
    assert_eq!(world.request(Call::List { bound_seconds: 60, asked_by: ListAskedBy::Unnamed }), refused);
    assert_eq!(world.request(Call::Record { serial: Serial(1), version: 1 }), refused);
    assert_eq!(world.fault(Command::GetToken(Serial(1))), Fault::Restoring);
    assert_eq!(world.registry.due(world.now, 10), []);
    // KV is read at once, by every caller until one has an answer, and again while it does not answer.
    assert!(world.registry.asks_kv_lists(world.now) && world.registry.asks_kv_lists(world.now));
    world.registry.compare(None, world.now);
    assert!(!world.registry.asks_kv_lists(world.now));
    assert_eq!(world.registry.next_alarm_at(world.now), Some(world.now.plus_ms(KV_CHECK_INTERVAL_MS)));
    assert_eq!(world.request(Call::List { bound_seconds: 60, asked_by: ListAskedBy::Unnamed }), refused);
    // An altered list is no answer either; only an operator can decide then.
    let mut altered = lists(&kv);
    altered.delta.as_mut().unwrap()[9] ^= 1;
    world.registry.compare(Some(&altered), world.now);
    assert!(world.registry.take_log().iter().any(|line| line.contains("delete list/delta")));
    assert_eq!(world.request(Call::List { bound_seconds: 60, asked_by: ListAskedBy::Unnamed }), refused);
    world.registry.compare(Some(&lists(&kv)), world.now);
    assert_eq!(world.list().status(Serial(1)), SerialStatus::Revoked);
    // The id is stored: the next start with the same id is no restore.
    let epoch = world.list().number().epoch;
    world.restart(restored_settings());
    assert_eq!(world.list().number().epoch, epoch);
}

#[test]
fn a_backup_is_noticed_although_the_instance_started_again_while_kv_was_silent() {
    let Lost { mut world, backup, kv, serials, .. } = lost();
    world.put_back(backup.clone(), settings());
    world.registry.compare(None, world.now);
    // Meanwhile it hands out lists with higher numbers than any in KV.
    for _ in 0..100 {
        world.seconds_pass(10);
        world.list();
    }
    world.put_back(backup, settings());
    world.registry.compare(Some(&lists(&kv)), world.now);
    assert_eq!(world.list().status(serials[0]), SerialStatus::Revoked);
}

#[test]
fn an_empty_kv_is_an_answer() {
    let Lost { mut world, backup, .. } = lost();
    world.put_back(backup, restored_settings());
    world.registry.compare(Some(&KvLists { delta: None, base: None }), world.now);
    // The first list of the new epoch contains a change made now; its propagation is measured from here.
    assert_eq!(world.database.one("SELECT changed_at FROM registry"), Value::Integer(world.now.0));
    let list = world.list();
    assert_eq!((list.number().epoch, list.status(Serial(1))), (2, SerialStatus::Good));
    assert_eq!(list.status(Serial(6)), SerialStatus::Revoked);
}

#[test]
fn a_start_over_whole_storage_changes_nothing_whatever_kv_has() {
    let Lost { mut world, kv, number, .. } = lost();
    let database = world.database.clone();
    let newest = lists(&kv);
    let mut altered = newest.clone();
    altered.delta.as_mut().unwrap()[20] ^= 1;
    let older = KvLists { delta: None, base: None };
    for read in [newest, altered, older] {
        world.put_back(database.clone(), settings());
        assert!(world.registry.asks_kv_lists(world.now));
        world.registry.compare(Some(&read), world.now);
        assert!(!world.registry.asks_kv_lists(world.now.plus_ms(KV_CHECK_INTERVAL_MS)));
        assert_eq!(world.database.one("SELECT epoch FROM registry"), Value::Integer(1));
    }
    assert!(world.list().number() > number);
}

#[test]
fn a_database_that_is_gone_altogether_is_restored_from_kv_alone() {
    let Lost { mut world, kv, serials, .. } = lost();
    world.put_back(Sqlite::in_memory(), settings());
    world.registry.compare(Some(&lists(&kv)), world.now);
    let list = world.list();
    // Nobody can revoke what the registry does not know.
    assert!(serials.iter().all(|serial| list.status(*serial) == SerialStatus::Revoked));
    assert!(list.number().epoch == 2 && world.key == ADMIN_KEY && world.now > START);
}

#[test]
fn a_restore_that_dies_at_any_statement_is_made_whole_by_the_next_start() {
    let Lost { mut world, backup, kv, serials, .. } = lost();
    let lists = lists(&kv);
    for statements in 0.. {
        let database = backup.fork();
        world.put_back(database.clone(), settings());
        let before = database.dump();
        database.fail_after(statements);
        world.registry.compare(Some(&lists), world.now);
        let is_over = database.fault_pending();
        database.recover();
        if is_over {
            assert!(statements > 10);
            break;
        }
        assert_eq!(database.dump(), before, "{statements}");
        world.put_back(database, settings());
        world.registry.compare(Some(&lists), world.now);
        assert_eq!(world.list().status(serials[0]), SerialStatus::Revoked, "{statements}");
    }
}

#[test]
fn the_epoch_after_a_restore_lies_above_one_that_a_location_has_seen() {
    // Restored twice from the same backup; KV accepted nothing in between.
    let mut world = World::new();
    for (epoch, n) in [(3, 500), (4, 100)] {
        let holding = holding(Number { epoch, n }, vec![]);
        world.request(Call::Report { location: "FRA".into(), holding });
    }
    world.registry.compare(Some(&KvLists { delta: None, base: None }), world.now);
    assert_eq!(world.list().number().epoch, 5);
}

#[test]
fn a_retirement_that_the_restore_lost_is_made_anew_when_a_location_remembers_it() {
    // The backup is older, and KV has accepted nothing since.
    let mut world = World::new();
    let token = world.token().serial;
    let backup = world.database.fork();
    world.activate(KeyId(2));
    world.retire(KeyId(1));
    let held = world.list();
    world.put_back(backup, RegistrySettings { restore_id: Some("a day".into()), ..settings() });
    world.registry.compare(Some(&KvLists { delta: None, base: None }), world.now);
    assert_eq!(open_delta(&world.sealed_delta()).sealed_by, KeyId(1), "which such a location does not take");

    world.seconds_pass(10);
    let told = Holding { retired: held.delta().retired().to_vec(), ..holding(held.number(), vec![]) };
    for _ in 0..2 {
        let report = Call::Report { location: "FRA".into(), holding: told.clone() };
        assert_eq!(world.request(report), Answer::Reported);
    }
    let opened = open_delta(&world.sealed_delta());
    assert_eq!((opened.sealed_by, opened.delta.retired()), (KeyId(2), &[KeyId(1)][..]));
    assert_eq!(world.get(token).state, TokenState::Revoked);
    let events = world.events();
    let retired: Vec<_> = events.iter().filter(|event| event.action == "signing_key.retired").collect();
    assert_eq!(retired.len(), 1, "told twice, retired once");
    assert_eq!(retired[0].after.as_deref(), Some(r#"{"key_id":1,"told_by":"FRA"}"#));
}

#[test]
fn no_version_and_no_serial_is_given_before_kv_was_compared_with() {
    let Lost { mut world, backup, kv, serials, issued, .. } = lost();
    let edited = serials[2];
    let ask = |world: &mut World, command: Command| {
        // As the Durable Object does.
        let sha256 = hex::encode(sha256(ADMIN_KEY.as_bytes()));
        let call = AdminCall { caller: Caller::Key { sha256 }, command, idempotency: None };
        let request = Call::Admin(Box::new(call));
        if waits_for_kv(&request) && world.registry.asks_kv_lists(world.now) {
            world.registry.compare(Some(&lists(&kv)), world.now);
        }
        world.request(request)
    };
    world.put_back(backup.fork(), settings());
    let edit = Command::EditToken { serial: edited, if_match: None, edit: edit_label("other settings") };
    match ask(&mut world, edit) {
        // The lost registry gave version 2 to other settings, and locations may hold them.
        Answer::Edited { token, .. } => assert!(token.version > 1 << 20, "{}", token.version),
        other => panic!("{other:?}"),
    }
    world.put_back(backup.fork(), settings());
    match ask(&mut world, Command::CreateToken(new_token("new"))) {
        Answer::Created { token, .. } => assert!(token.serial > issued, "{:?}", token.serial),
        other => panic!("{other:?}"),
    }
    // A revocation does not wait for the comparison, and is kept.
    world.put_back(backup, settings());
    let revoke = Command::RevokeToken { serial: serials[4], reason: None, force: true };
    assert!(matches!(ask(&mut world, revoke), Answer::Receipt(_)));
    assert!(world.registry.asks_kv_lists(world.now));
    world.registry.compare(Some(&lists(&kv)), world.now);
    assert_eq!(world.list().status(serials[4]), SerialStatus::Revoked);
}

#[test]
fn bases_drop_what_had_ended_before_the_backup_and_keep_for_ever_what_a_restore_skipped() {
    let few = RegistrySettings { retention_days: 1, fold_at_changes: 1, ..settings() };
    let (mut world, mut kv) = (World::with(few.clone()), Kv::new());
    let short = || NewToken { lifetime: Some(Lifetime::ExpiresIn(60)), ..new_token("a") };
    let ended = [(); 2].map(|()| world.create(short()).0.serial);
    for serial in ended {
        world.revoke(serial);
    }
    world.fill(&mut kv);
    world.seconds_pass(2 * DAY);
    world.fill(&mut kv);
    for serial in ended {
        assert_eq!(world.fault(Command::GetToken(serial)), Fault::NotFound);
    }
    let says = |world: &mut World, serial| world.list().status(serial);
    assert_eq!(
        ended.map(|serial| says(&mut world, serial)),
        [SerialStatus::Revoked; 2],
        "no base was made since"
    );
    let backup = world.database.fork();
    let issued = world.token().serial;
    world.fill(&mut kv);
    world.put_back(backup, RegistrySettings { restore_id: restored_settings().restore_id, ..few });
    world.registry.compare(Some(&lists(&kv)), world.now);
    assert_eq!(ended.map(|serial| says(&mut world, serial)), [SerialStatus::Good; 2]);
    // Nobody knows when a token issued in the lost period ends: it has no row either.
    let mut bases = BTreeSet::new();
    for _ in 0..3 {
        assert_eq!(says(&mut world, issued), SerialStatus::Revoked);
        bases.insert(world.list().delta().head.base);
        world.seconds_pass(BASE_OVERLAP_MIN_MS / 1_000);
        world.fill(&mut kv);
        for _ in 0..2 {
            let serial = world.token().serial;
            world.revoke(serial);
        }
    }
    assert_eq!(bases.len(), 3);
}

#[test]
fn a_second_restore_does_not_look_for_each_serial_that_the_first_one_skipped() {
    let Lost { mut world, backup, kv, serials, .. } = lost();
    world.put_back(backup, settings());
    world.registry.compare(Some(&lists(&kv)), world.now);
    let mut after = Kv::new();
    world.fill(&mut after);
    let database = world.database.clone();
    world.put_back(database.clone(), restored_settings());
    database.fail_after(1_000);
    world.registry.compare(Some(&lists(&after)), world.now);
    assert!(database.fault_pending(), "{:?}", world.registry.take_log());
    let list = world.list();
    assert_eq!((list.number().epoch, list.status(serials[0])), (3, SerialStatus::Revoked));
}

#[test]
fn a_backup_that_signs_with_a_key_which_was_retired_and_taken_away_since_can_be_restored() {
    let mut world = World::new();
    let serial = world.token().serial;
    let backup = world.database.fork();
    let head = DeltaHead {
        number: Number { epoch: 1, n: 50 },
        highest_serial: Serial(9),
        ..world.list().delta().head
    };
    let delta = Delta::new(head, [], [KeyId(1)]).seal(&settings().ring, KeyId(2)).unwrap();
    let ring = KeyRing::derive(&[(KeyId(2), Zeroizing::new(vec![2; 32]))], "test");
    world.put_back(backup, RegistrySettings { ring, ..restored_settings() });
    world.registry.compare(Some(&KvLists { delta: Some(delta), base: None }), world.now);
    let list = world.list();
    assert_eq!((list.sealed_by(), list.retires(KeyId(1))), (KeyId(2), true));
    assert_eq!(world.record(serial).unwrap().sealed_by, KeyId(2));
}

#[test]
fn the_last_serial_of_all_is_not_taken_for_a_lost_one() {
    let mut world = World::new();
    world.database.query("UPDATE registry SET highest_serial = 4294967294", &[]).unwrap();
    let last = world.token().serial;
    assert_eq!(last, Serial(u32::MAX));
    let database = world.database.clone();
    world.put_back(database, restored_settings());
    world.registry.compare(Some(&KvLists { delta: None, base: None }), world.now);
    assert_eq!(world.list().status(last), SerialStatus::Good);
}

#[test]
fn the_receipt_of_a_restore_promises_the_bound_of_lists_that_may_still_be_in_use() {
    let mut world = World::with(RegistrySettings { bound_seconds: 300, ..settings() });
    let mut kv = Kv::new();
    let serial = world.token().serial;
    let backup = world.database.fork();
    world.edit(serial, edit_label("b"));
    world.fill(&mut kv);
    world.seconds_pass(1);
    world.put_back(backup, settings());
    world.registry.compare(Some(&lists(&kv)), world.now);
    assert_eq!(world.get(serial).state, TokenState::Disabled);
    let promised = world.get(serial).effective_by.unwrap();
    assert!(promised.to_millis() >= world.now.plus_ms(302_000), "{promised:?}");
}

#[test]
fn what_kv_has_is_not_written_over_before_it_was_compared_with() {
    let Lost { mut world, backup, kv, serials, .. } = lost();
    let mut kv = kv;
    world.put_back(backup, settings());
    // KV is slow to read, and a change made after the restore is pending.
    world.revoke(serials[4]);
    world.registry.compare(None, world.now);
    for _ in 0..3 {
        for write in world.registry.due(world.now, 100) {
            kv.insert(write.key, write.value);
            world.registry.written(write.id, world.now);
        }
        assert_eq!(world.registry.next_alarm_at(world.now), Some(world.now.plus_ms(KV_CHECK_INTERVAL_MS)));
        world.seconds_pass(5);
        world.registry.compare(None, world.now);
    }
    world.registry.compare(Some(&lists(&kv)), world.now);
    assert_eq!(world.list().status(serials[0]), SerialStatus::Revoked);
    world.fill(&mut kv);
    let number = Delta::open(&settings().ring, &kv[KV_NAME]).unwrap().delta.head.number;
    assert_eq!(number.epoch, 2);
}

#[test]
fn lists_given_while_kv_was_silent_do_not_hide_that_the_storage_is_old() {
    let Lost { mut world, backup, kv, serials, number, .. } = lost();
    world.put_back(backup, settings());
    world.status();
    world.registry.compare(None, world.now);
    while world.list().number().n <= number.n {
        world.seconds_pass(3);
    }
    world.registry.compare(Some(&lists(&kv)), world.now);
    assert_eq!((world.list().number().epoch, world.list().status(serials[0])), (2, SerialStatus::Revoked));
}

#[test]
fn a_key_that_was_retired_after_the_backup_stays_so_and_what_it_sealed_is_sealed_anew() {
    let (mut world, mut kv) = (World::new(), Kv::new());
    let dead = world.token().serial;
    world.activate(KeyId(2));
    let live = world.token().serial;
    world.activate(KeyId(1));
    world.edit(live, edit_label("sealed by the first"));
    world.fill(&mut kv);
    let backup = world.database.fork();
    world.activate(KeyId(2));
    world.seconds_pass(100);
    world.retire(KeyId(1));
    world.fill(&mut kv);
    world.put_back(backup, settings());
    world.registry.compare(Some(&lists(&kv)), world.now);

    let retired_at = world.now;
    assert_eq!(world.status().warnings, [StatusWarning::Restored, StatusWarning::BootstrapKey]);
    assert_eq!(world.status().signing_key, KeyId(2));
    let view = world.get(dead);
    assert_eq!((view.state, view.revoked_reason.as_deref()), (TokenState::Revoked, Some("key_retired")));
    assert!(view.effective_by.unwrap().to_millis() > retired_at);
    let list = world.list();
    let receipt = world.retire(KeyId(1));
    assert!(list.retires(KeyId(1)) && receipt.list_number <= (list.number().epoch, list.number().n));
    kv.clear();
    world.fill(&mut kv);
    let record = Record::open(&settings().ring, live, 2, &kv[&format!("token/{}/2", live.0)]).unwrap();
    assert_eq!(record.sealed_by, KeyId(2));
}

/// A quota that is used up stays so, until the shards have told again what they counted.
#[test]
fn a_used_up_quota_outlives_a_restore_and_ends_with_its_period() {
    let mut world = World::new();
    let mut kv = Kv::new();
    let [kept, raised] = [10, 10].map(|requests| world.metered(crate::quotas::per_day(requests)));
    world.fill(&mut kv);
    let backup = world.database.fork();
    world.seconds_pass(100);
    let known = world.told_by_shard(&[(kept, 10), (raised, 10)], Number { epoch: 0, n: 0 }).known;
    let SerialStatus::Exhausted(until) = world.list().status(kept) else { panic!("not used up") };
    world.fill(&mut kv);
    world.put_back(backup, restored_settings());
    world.registry.compare(Some(&lists(&kv)), world.now);
    assert_eq!(world.list().status(kept), SerialStatus::Exhausted(until), "the backup does not know of it");
    // The shards are told all marks again, and tell what they counted.
    let told = world.told_by_shard(&[(raised, 9)], known);
    assert_eq!((told.known.epoch, told.marks.len()), (known.epoch + 1, 2));
    assert_eq!(world.list().status(raised), SerialStatus::Good);
    assert_eq!(world.list().status(kept), SerialStatus::Exhausted(until));
    world.told_by_shard(&[(kept, 11)], told.known);
    assert_eq!(world.list().status(kept), SerialStatus::Exhausted(until));
    world.now = until.to_millis();
    assert_eq!(world.list().status(kept), SerialStatus::Good);
}
