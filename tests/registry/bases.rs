//! When a base is made, what it contains, and how long lists complete the one before it.

use crate::world::{DAY, World, edit_label, new_token, open_delta, settings};
use base64::prelude::*;
use std::rc::Rc;
use wayleave::base::database::Value;
use wayleave::control::registry::command::{Answer, Call, Command, Fault, Lifetime, ListAskedBy, NewToken};
use wayleave::control::registry::{KvWrite, RegistrySettings};
use wayleave::formats::list::{DeltaHead, Number, OpenedBase, RevocationList, SerialStatus, base_kv_name};
use wayleave::formats::token::Serial;
use wayleave::limits::{BASE_OVERLAP_MAX_MS, BASE_OVERLAP_MIN_MS, FOLD_AT_CHANGES};

impl World {
    /// Revokes new tokens: one more than a delta may hold.
    fn revoke_many(&mut self) -> Vec<Serial> {
        let serials: Vec<Serial> = (0..=FOLD_AT_CHANGES).map(|_| self.token().serial).collect();
        for serial in &serials {
            self.revoke(*serial);
        }
        serials
    }

    fn head(&mut self) -> DeltaHead {
        self.list().delta().head
    }

    fn write_all(&mut self) -> Vec<KvWrite> {
        let writes = self.registry.due(self.now, 100_000);
        for write in &writes {
            self.registry.written(write.id, self.now);
        }
        writes
    }
}

#[test]
fn many_changes_are_folded_into_a_base_and_the_list_says_the_same() {
    let mut world = World::new();
    let few = world.token().serial;
    world.revoke(few);
    assert_eq!((world.head().base.n, world.head().since), (0, 0));
    let many = world.revoke_many();
    let [disabled, edited] = [(); 2].map(|()| world.token().serial);
    world.receipt(Command::DisableToken(disabled));
    world.edit(edited, edit_label("b"));
    let head = world.head();
    assert_eq!((head.base, head.since), (head.number, 0));
    // A location without a base and one with the new base get the same information.
    let base = world.base(head.base);
    assert_eq!(base.sha256, head.base_sha256);
    let opened = open_delta(&world.sealed_delta());
    for base in [OpenedBase::empty(1), base] {
        let list = RevocationList::of(Rc::new(base), opened.clone()).unwrap();
        assert!(many.iter().all(|serial| list.status(*serial) == SerialStatus::Revoked));
        assert_eq!((list.status(disabled), list.record_version(edited)), (SerialStatus::Disabled, 2));
    }
    // Later changes are in the delta.
    world.receipt(Command::EnableToken(disabled));
    assert_eq!(world.list().status(disabled), SerialStatus::Good);
}

#[test]
fn kv_gets_a_base_before_the_list_that_names_it() {
    let mut world = World::new();
    world.revoke_many();
    let head = world.head();
    let keys: Vec<String> = world.registry.due(world.now, 100).into_iter().map(|write| write.key).collect();
    assert!(keys.contains(&base_kv_name(head.base)) && !keys.contains(&"list/delta".to_owned()), "{keys:?}");
    let base = world.write_all().into_iter().find(|write| write.key == base_kv_name(head.base)).unwrap();
    let read = OpenedBase::open(&settings().ring, head.base, &base.value).unwrap();
    assert_eq!((read.sha256, base.expiration), (head.base_sha256, None));
    assert_eq!(world.write_all()[0].key, "list/delta");
}

#[test]
fn the_base_before_is_completed_until_the_new_one_has_been_out_for_a_while() {
    let mut world = World::new();
    world.revoke_many();
    let first = world.head().base;
    world.write_all();
    let made_at = world.now;
    world.now = made_at.plus_ms(BASE_OVERLAP_MIN_MS - 1);
    assert_eq!((world.head().since, world.list().delta().changes().len()), (0, FOLD_AT_CHANGES + 1));
    world.now = made_at.plus_ms(BASE_OVERLAP_MIN_MS);
    world.registry.compare(None, world.now);
    let list = world.next_list();
    assert_eq!((list.delta().head.since, list.delta().changes().len()), (first.n, 0));
    assert_eq!(list.status(Serial(1)), SerialStatus::Revoked);
    // The next base follows from this one. This one is completed for a while, then removed from KV and the
    // registry.
    let more = world.revoke_many();
    let head = world.head();
    assert_eq!((head.base, head.since), (head.number, first.n));
    let base = world.base(first);
    assert!(open_delta(&world.sealed_delta()).delta.completes(&base));
    world.write_all();
    world.now = world.now.plus_ms(BASE_OVERLAP_MIN_MS);
    assert_eq!(world.next_list().delta().head.since, head.base.n);
    assert_eq!(world.list().status(more[0]), SerialStatus::Revoked);
    assert_eq!(world.request(Call::Base { number: first }), Answer::Base { sealed: None });
    world.write_all();
    assert_eq!(world.status().outbox_pending, 0, "what is only planned is no debt");
    world.seconds_pass(1_800);
    let end = world.write_all().into_iter().find(|write| write.key == base_kv_name(first)).unwrap();
    assert!(end.value.is_empty() && end.expiration.is_some());
}

#[test]
fn a_base_that_kv_does_not_take_is_completed_from_the_registry_after_an_hour() {
    let mut world = World::new();
    world.revoke_many();
    let base = world.head().base;
    world.now = world.now.plus_ms(BASE_OVERLAP_MAX_MS - 3_001);
    assert_eq!(world.next_list().delta().head.since, 0);
    assert_eq!(world.next_list().delta().head.since, base.n);
    assert_eq!(world.list().status(Serial(1)), SerialStatus::Revoked);
}

#[test]
fn what_has_ended_leaves_with_the_next_base_and_not_before_the_bound_is_over() {
    let mut world = World::new();
    let new = |label: &str| NewToken { lifetime: Some(Lifetime::ExpiresIn(3_600)), ..new_token(label) };
    let [early, late] = ["a", "b"].map(|label| world.create(new(label)).0);
    world.revoke(early.serial);
    world.revoke(late.serial);
    world.revoke_many();
    world.head();
    world.write_all();
    world.now = world.now.plus_ms(BASE_OVERLAP_MIN_MS);
    world.next_list();
    // One base is made a millisecond before expires_at + B, …
    world.now = early.expires_at.plus_seconds(60).to_millis().plus_ms(-1);
    world.revoke_many();
    let number = world.head().base;
    assert_eq!(world.base(number).base.status(early.serial), SerialStatus::Revoked);
    world.write_all();
    // … and one after it.
    world.now = world.now.plus_ms(BASE_OVERLAP_MIN_MS);
    world.next_list();
    world.revoke_many();
    let number = world.head().base;
    assert_eq!(world.base(number).base.status(early.serial), SerialStatus::Good);
    assert_eq!(world.base(number).base.status(Serial(3)), SerialStatus::Revoked);
}

#[test]
fn a_serial_whose_row_retention_took_leaves_with_the_next_base() {
    let few = RegistrySettings { retention_days: 1, fold_at_changes: 1, ..settings() };
    let mut world = World::with(few);
    let short = || NewToken { lifetime: Some(Lifetime::ExpiresIn(3_600)), ..new_token("a") };
    let [revoked, edited] = [(); 2].map(|()| world.create(short()).0);
    let lasting = world.token().serial;
    world.revoke(revoked.serial);
    world.edit(edited.serial, edit_label("b"));
    world.revoke(lasting);
    let first = world.head().base;
    assert_eq!(world.base(first).base.entries(), 3);
    world.write_all();
    // The rows are deleted while no base is made.
    world.now = edited.expires_at.plus_seconds(DAY + 3_600).to_millis();
    world.write_all();
    let is_gone = |world: &mut World, serial| world.fault(Command::GetToken(serial)) == Fault::NotFound;
    assert!(is_gone(&mut world, revoked.serial) && is_gone(&mut world, edited.serial));
    assert_eq!(world.head().base, first);
    let more = [(); 2].map(|()| world.token().serial);
    for serial in more {
        world.revoke(serial);
    }
    let second = world.head().base;
    assert!(second > first);
    let named: Vec<Serial> = world.base(second).base.serials().collect();
    assert_eq!(named, [lasting, more[0], more[1]]);
    assert_eq!(world.database.one("SELECT COUNT(*) FROM gone_serial"), Value::Integer(0));
}

#[test]
fn a_base_survives_a_restart_and_is_no_other_after_it() {
    let mut world = World::new();
    world.revoke_many();
    let head = world.head();
    let before = world.base(head.base);
    world.restart(settings());
    assert_eq!(world.base(head.base), before);
    assert_eq!(world.next_list().delta().head.base, head.base);
    assert_eq!(
        world.request(Call::Base { number: Number { epoch: 2, ..head.base } }),
        Answer::Base { sealed: None }
    );
    assert_eq!(
        world.request(Call::Base { number: Number { epoch: 1, n: 0 } }),
        Answer::Base { sealed: None }
    );
    assert_eq!(before.base.status(Serial(1)), SerialStatus::Revoked);
}

impl World {
    /// The delta that the registry hands out.
    pub(crate) fn sealed_delta(&mut self) -> Vec<u8> {
        match self.request(Call::List { bound_seconds: 60, asked_by: ListAskedBy::Unnamed }) {
            Answer::List { sealed, .. } => BASE64_STANDARD.decode(sealed).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// A newly made list.
    fn next_list(&mut self) -> RevocationList {
        self.seconds_pass(3);
        self.list()
    }
}

#[test]
fn kv_gets_a_base_before_a_list_that_the_publisher_made_by_itself() {
    let mut world = World::new();
    // Nobody has asked for a list: the publisher makes the base when it makes a list.
    world.revoke_many();
    let (mut had, mut newest) = (Vec::new(), 0);
    for _ in 0..5 {
        let writes = world.write_all();
        for write in writes.iter().filter(|write| write.key == "list/delta") {
            let base = open_delta(&write.value).delta.head.base;
            assert!(base.n == 0 || had.contains(&base_kv_name(base)), "{base:?} {had:?}");
            newest = base.n;
        }
        had.extend(writes.into_iter().map(|write| write.key));
        world.seconds_pass(1);
    }
    assert!(newest > 0);
}
