//! When KV's copy of the list is written anew, and what the registry learns of locations.

use crate::world::{START, World, edit_label, holding, settings};
use wayleave::freshness::Took;
use wayleave::limits::TRAFFIC_LASTS_MS;
use wayleave::list::Number;
use wayleave::registry::RegistrySettings;
use wayleave::registry::command::{Answer, Fault, Request};
use wayleave::registry::database::Value;
use wayleave::time::UnixMillis;

fn with_heartbeat() -> World {
    World::with(RegistrySettings { heartbeat_seconds: 10, ..settings() })
}

fn report(number: Number) -> Request {
    let took = vec![Took { after: 0, changed: 1, ago_ms: 0 }];
    Request::Report { location: "FRA".into(), holding: holding(number, took) }
}

impl World {
    /// Lets alarms ring until `end`; gives when the list was written.
    fn heartbeats_until(&mut self, end: UnixMillis) -> Vec<i64> {
        let mut written_at = Vec::new();
        while let Some(at) = self.registry.next_alarm_at(self.now).filter(|at| *at <= end) {
            self.now = self.now.max(at);
            for write in self.registry.due(self.now, 10) {
                if write.key == "list/delta" {
                    written_at.push(self.now.since_ms(START));
                }
                self.registry.written(write.id, self.now);
            }
        }
        self.now = end;
        written_at
    }
}

#[test]
fn kv_is_written_every_ten_seconds_for_ten_minutes_after_the_last_traffic() {
    let mut world = with_heartbeat();
    assert_eq!(world.heartbeats_until(START.plus_ms(60_000)), [0_i64; 0]);
    world.list();
    let began = world.now.since_ms(START);
    let written = world.heartbeats_until(START.plus_ms(4 * TRAFFIC_LASTS_MS));
    let expected: Vec<i64> = (0..60).map(|beat| began + beat * 10_000).collect();
    assert_eq!(written, expected);
    // It stops; the next sign of traffic, of whatever kind, starts it again.
    let number = Number { epoch: 1, n: 1 };
    assert_eq!(world.request(report(number)), Answer::Reported);
    assert_eq!(world.heartbeats_until(world.now.plus_ms(15_000)).len(), 2);
}

#[test]
fn traffic_is_stored_at_most_once_a_minute_and_outlives_the_instance() {
    let mut world = with_heartbeat();
    let stored = |world: &World| world.database.one("SELECT traffic_at FROM registry");
    world.list();
    assert_eq!(stored(&world), Value::Integer(START.0));
    world.seconds_pass(59);
    world.list();
    assert_eq!(stored(&world), Value::Integer(START.0));
    world.seconds_pass(1);
    world.list();
    assert_eq!(stored(&world), Value::Integer(START.0 + 60_000));
    world.restart(RegistrySettings { heartbeat_seconds: 10, ..settings() });
    let alarm = world.registry.next_alarm_at(world.now);
    assert!(alarm.is_some_and(|at| at <= world.now.plus_ms(10_000)), "{alarm:?}");
}

#[test]
fn without_a_heartbeat_only_changes_are_written() {
    let mut world = World::new();
    world.list();
    assert_eq!(world.heartbeats_until(START.plus_ms(60_000)), [0_i64; 0]);
    let serial = world.token().serial;
    world.revoke(serial);
    assert_eq!(world.heartbeats_until(START.plus_ms(120_000)), [60_000]);
}

#[test]
fn a_caller_with_a_smaller_bound_gets_a_list_young_enough_for_it() {
    let mut world = World::with(RegistrySettings { bound_seconds: 300, ..settings() });
    let ask = |world: &mut World, bound_seconds| {
        world.request(Request::List { bound_seconds });
        world.database.one("SELECT list_n FROM registry")
    };
    assert_eq!(ask(&mut world, 300), Value::Integer(1));
    world.seconds_pass(9);
    assert_eq!(ask(&mut world, 300), Value::Integer(1));
    assert_eq!(ask(&mut world, 5), Value::Integer(2));
    // One whose bound is larger is not served worse than the registry's own bound says.
    world.seconds_pass(10);
    assert_eq!(ask(&mut world, 3_000), Value::Integer(3));
}

#[test]
fn a_location_that_holds_a_list_which_was_never_made_shows_that_the_storage_is_old() {
    let mut world = with_heartbeat();
    let newest = world.list().number();
    assert_eq!(world.request(report(newest)), Answer::Reported);
    assert_eq!(world.request(report(Number { n: newest.n + 1, ..newest })), Answer::Reported);
    assert_eq!(world.request(Request::List { bound_seconds: 60 }), Answer::Refused(Fault::Restoring));
}

#[test]
fn a_list_that_waits_for_a_record_does_not_make_the_alarm_ring_all_the_time() {
    let mut world = with_heartbeat();
    let serial = world.token().serial;
    world.list();
    world.heartbeats_until(START.plus_ms(5_000));
    world.edit(serial, edit_label("b"));
    let end = world.now.plus_ms(60_000);
    let (mut rings, mut lists) = (0, 0);
    while let Some(at) = world.registry.next_alarm_at(world.now).filter(|at| *at <= end) {
        world.now = world.now.max(at);
        rings += 1;
        assert!(rings <= 60, "an alarm again and again at {}", world.now.since_ms(START));
        for write in world.registry.due(world.now, 10) {
            lists += u32::from(write.key == "list/delta");
            // KV takes everything but the record.
            match write.key.starts_with("token/") {
                true => world.registry.failed(write.id, world.now),
                false => world.registry.written(write.id, world.now),
            }
        }
    }
    assert!((3..=7).contains(&lists), "{lists}");
}

#[test]
fn a_list_that_kv_did_not_take_is_tried_again_with_the_next_heartbeat() {
    let mut world = with_heartbeat();
    world.list();
    let end = world.now.plus_ms(120_000);
    let mut tried_at = Vec::new();
    while let Some(at) = world.registry.next_alarm_at(world.now).filter(|at| *at <= end) {
        world.now = world.now.max(at);
        for write in world.registry.due(world.now, 10) {
            tried_at.push(world.now.since_ms(START));
            world.registry.failed(write.id, world.now);
        }
        assert!(tried_at.len() < 100, "{tried_at:?}");
    }
    assert!(tried_at.windows(2).all(|pair| pair[1] - pair[0] <= 10_000), "{tried_at:?}");
}

#[test]
fn a_clock_that_was_an_hour_ahead_for_a_moment_does_not_keep_a_change_from_kv() {
    let mut world = with_heartbeat();
    let serial = world.token().serial;
    world.list();
    world.seconds_pass(3_600);
    world.heartbeats_until(world.now.plus_ms(1_000));
    world.seconds_pass(-3_600);
    world.list();
    world.revoke(serial);
    let written = world.heartbeats_until(world.now.plus_ms(15_000));
    assert!(written.len() >= 2, "{written:?}");
}
