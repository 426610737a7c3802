//! When KV's copy of the list is rewritten, and what the registry learns about locations.

use crate::world::{START, World, edit_label, holding, settings};
use wayleave::base::database::Value;
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::RegistrySettings;
use wayleave::control::registry::command::{Answer, Call, Command, Fault, ListAskedBy, StatusWarning};
use wayleave::formats::holding::Took;
use wayleave::formats::list::Number;
use wayleave::limits::HEARTBEAT_LASTS_MS;

fn with_heartbeat() -> World {
    World::with(RegistrySettings { heartbeat_seconds: 10, ..settings() })
}

fn report(number: Number) -> Call {
    let took = vec![Took { after: 0, changed: 1, ago_ms: 0 }];
    Call::Report { location: "FRA".into(), holding: holding(number, took) }
}

impl World {
    /// Runs alarms until `end`; returns when the list was written.
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
fn kv_is_written_every_ten_seconds_for_two_minutes_after_the_last_traffic() {
    let mut world = with_heartbeat();
    assert_eq!(world.heartbeats_until(START.plus_ms(60_000)), [0_i64; 0]);
    world.list();
    let began = world.now.since_ms(START);
    let written = world.heartbeats_until(START.plus_ms(4 * HEARTBEAT_LASTS_MS));
    let expected: Vec<i64> = (0..12).map(|beat| began + beat * 10_000).collect();
    assert_eq!(written, expected);
    // It stops. The next sign of traffic, of whatever kind, starts it again.
    let number = Number { epoch: 1, n: 1 };
    assert_eq!(world.request(report(number)), Answer::Reported);
    assert_eq!(world.heartbeats_until(world.now.plus_ms(15_000)).len(), 2);
}

#[test]
fn traffic_is_stored_at_most_twice_a_minute_and_outlives_the_instance() {
    let mut world = with_heartbeat();
    let stored = |world: &World| world.database.one("SELECT traffic_at FROM registry");
    world.list();
    assert_eq!(stored(&world), Value::Integer(START.0));
    world.seconds_pass(29);
    world.list();
    assert_eq!(stored(&world), Value::Integer(START.0));
    world.seconds_pass(1);
    world.list();
    assert_eq!(stored(&world), Value::Integer(START.0 + 30_000));
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
        world.request(Call::List { bound_seconds, asked_by: ListAskedBy::Unnamed });
        world.database.one("SELECT list_n FROM registry")
    };
    assert_eq!(ask(&mut world, 300), Value::Integer(1));
    world.seconds_pass(9);
    assert_eq!(ask(&mut world, 300), Value::Integer(1));
    assert_eq!(ask(&mut world, 5), Value::Integer(2));
    // A location with a larger bound still gets lists as young as the registry's own bound requires.
    world.seconds_pass(10);
    assert_eq!(ask(&mut world, 3_000), Value::Integer(3));
}

#[test]
fn a_location_that_holds_a_list_which_was_never_made_shows_that_the_storage_is_old() {
    let mut world = with_heartbeat();
    let newest = world.list().number();
    assert_eq!(world.request(report(newest)), Answer::Reported);
    assert_eq!(world.request(report(Number { n: newest.n + 1, ..newest })), Answer::Reported);
    assert_eq!(
        world.request(Call::List { bound_seconds: 60, asked_by: ListAskedBy::Unnamed }),
        Answer::Refused(Fault::Restoring)
    );
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
            // KV accepts everything except the record.
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

/// A usage shard last counted a request so many seconds ago.
fn counted(world: &World, seconds_ago: i64) -> Call {
    Call::Uses { uses: vec![], counted_at: Some(world.now.plus_ms(-seconds_ago * 1_000)), meters: None }
}

/// Locations are cut off from the registry, but users are served from KV.
#[test]
fn counted_requests_keep_the_heartbeat_going_while_no_location_reports() {
    let mut world = with_heartbeat();
    world.list();
    for _ in 0..10 {
        let until = world.now.plus_ms(60_000);
        let beats = world.heartbeats_until(until);
        assert!((5..=7).contains(&beats.len()), "{}: {beats:?}", world.now.since_ms(START));
        let call = counted(&world, 30);
        assert_eq!(world.request(call), Answer::Noted);
    }
    // It stops two minutes after the last request, not after the last report of it.
    let end = world.now.plus_ms(2 * HEARTBEAT_LASTS_MS);
    let last = world.now.plus_ms(HEARTBEAT_LASTS_MS - 30_000).since_ms(START);
    let beats = world.heartbeats_until(end);
    assert!(beats.last().is_some_and(|beat| (last - 10_000..=last).contains(beat)), "{last}: {beats:?}");
}

/// An outstanding batch is repeated for up to 20 minutes.
#[test]
fn counts_that_arrive_late_do_not_wake_an_idle_deployment() {
    let mut world = with_heartbeat();
    world.list();
    world.heartbeats_until(world.now.plus_ms(2 * HEARTBEAT_LASTS_MS));
    for seconds_ago in [1_200, 3_600, 600] {
        let call = counted(&world, seconds_ago);
        assert_eq!(world.request(call), Answer::Noted);
        assert_eq!(world.heartbeats_until(world.now.plus_ms(60_000)), [0_i64; 0], "{seconds_ago}");
    }
    // Nor does a clock that is ahead keep it awake for longer than a request now.
    let call = counted(&world, -86_400);
    world.request(call);
    let (began, end) = (world.now, world.now.plus_ms(4 * HEARTBEAT_LASTS_MS));
    let beats = world.heartbeats_until(end);
    let last = beats.last().unwrap() - began.since_ms(START);
    assert!(last <= HEARTBEAT_LASTS_MS, "{last}");
}

#[test]
fn only_requests_about_tokens_are_signs_of_traffic() {
    let mut world = with_heartbeat();
    let token = world.token();
    let stored = |world: &World| world.database.one("SELECT traffic_at FROM registry");
    let health = Call::List { bound_seconds: 60, asked_by: ListAskedBy::Health };
    for call in [
        health.clone(),
        Call::Base { number: Number { epoch: 1, n: 0 } },
        Call::Record { serial: token.serial, version: 1 },
        Call::CurrentToken { family: token.family.as_str().to_owned() },
        Call::Uses { uses: vec![], counted_at: None, meters: None },
        Call::Signs { signs: vec![] },
        Call::Sweep,
    ] {
        let text = format!("{call:?}");
        world.request(call);
        assert_eq!(stored(&world), Value::Integer(0), "{text}");
    }
    for command in [Command::Status, Command::Metrics, Command::GetToken(token.serial)] {
        world.ask(command);
        assert_eq!(stored(&world), Value::Integer(0));
    }
    world.heartbeats_until(world.now.plus_ms(60_000));
    // An uptime monitor asks every ten seconds.
    for _ in 0..90 {
        world.seconds_pass(10);
        assert!(matches!(world.request(health.clone()), Answer::List { .. }));
        assert_eq!(world.heartbeats_until(world.now), [0_i64; 0]);
    }
}

#[test]
fn it_is_said_when_requests_are_counted_but_no_location_reports() {
    let mut world = with_heartbeat();
    let warns = |world: &mut World| world.status().warnings.contains(&StatusWarning::ReportsMissing);
    let notices = |world: &mut World| {
        let all = world.notices();
        all.iter().filter(|notice| notice["type"] == "deployment.reports_missing").count()
    };
    world.list();
    let heard_at = world.now;
    world.seconds_pass(179);
    let call = counted(&world, 0);
    world.request(call);
    assert!(!warns(&mut world), "reports come once a minute");
    world.seconds_pass(60);
    let call = counted(&world, 0);
    world.request(call.clone());
    assert!(warns(&mut world));
    assert_eq!(world.status().reports_missing_since, Some(heard_at));
    // Told once, however often a shard says so.
    world.request(call);
    assert_eq!(notices(&mut world), 1);
    world.restart(RegistrySettings { heartbeat_seconds: 10, ..settings() });
    assert!(warns(&mut world), "another instance knows it too");
    // A location reports again.
    assert_eq!(world.request(report(Number { epoch: 1, n: 1 })), Answer::Reported);
    assert!(!warns(&mut world));
    // The next time that they stop is told again, at most once an hour.
    for (minutes, told) in [(10, 1), (60, 2)] {
        world.seconds_pass(minutes * 60);
        let call = counted(&world, 0);
        world.request(call);
        assert!(warns(&mut world));
        assert_eq!(notices(&mut world), told);
        world.list();
        assert!(!warns(&mut world));
    }
    // Without traffic nobody needs to report.
    world.seconds_pass(600);
    let call = counted(&world, 0);
    world.request(call);
    assert!(warns(&mut world));
    world.seconds_pass(600);
    assert!(!warns(&mut world));
}
