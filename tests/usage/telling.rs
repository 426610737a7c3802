//! What a shard reports to the registry, and when.

use crate::sqlite::Sqlite;
use crate::world::{HOUR, MINUTE, START, report, settle, uses};
use wayleave::base::time::UnixMillis;
use wayleave::formats::token::Serial;
use wayleave::formats::usage::outcome::Outcome;
use wayleave::formats::usage::reading::{ShardAnswer, ShardCall};
use wayleave::formats::usage::report::Report;
use wayleave::formats::usage::tally::Tally;
use wayleave::formats::usage::token_use::TokenUse;
use wayleave::limits::{TRAFFIC_REPORT_INTERVAL_MS, USES_REPORTED_MAX};
use wayleave::usage::shard::Shard;

const NONE: [u32; 0] = [];

fn shard() -> Shard<Sqlite> {
    Shard::open(Sqlite::in_memory()).unwrap()
}

fn at(ms: i64) -> UnixMillis {
    START.plus_ms(ms)
}

fn used(shard: &mut Shard<Sqlite>, sequence: u64, serial: u32, when: UnixMillis) {
    let report = report(1, sequence, when, serial, uses(1, when));
    assert_eq!(shard.handle(&ShardCall::Report(report), when), ShardAnswer::Taken);
}

fn watched(shard: &mut Shard<Sqlite>, serial: u32, when: UnixMillis) {
    let told = TokenUse { serial: Serial(serial), first_at: when, last_at: when };
    let report = Report { isolate: 2, batch: None, first_uses: vec![told] };
    assert_eq!(shard.handle(&ShardCall::Report(report), when), ShardAnswer::Taken);
}

/// Reports and accepts what is due. Returns the serials.
fn tell(shard: &mut Shard<Sqlite>, now: UnixMillis) -> Vec<u32> {
    let uses = shard.uses_due(now);
    if !uses.is_empty() {
        shard.uses_reported(&uses, None, now);
    }
    uses.iter().map(|told| told.serial.0).collect()
}

#[test]
fn a_watched_first_use_is_told_at_once_and_others_every_ten_seconds() {
    let mut shard = shard();
    used(&mut shard, 1, 1, at(0));
    assert_eq!(tell(&mut shard, at(0)), [1], "nothing was told for long");
    used(&mut shard, 2, 2, at(1_000));
    assert_eq!(tell(&mut shard, at(9_999)), NONE);
    watched(&mut shard, 3, at(9_999));
    assert_eq!(tell(&mut shard, at(9_999)), [2, 3]);
    used(&mut shard, 3, 4, at(10_000));
    assert_eq!(tell(&mut shard, at(19_998)), NONE);
    assert_eq!(tell(&mut shard, at(19_999)), [4]);
    assert_eq!(tell(&mut shard, at(60_000)), NONE);
}

#[test]
fn a_last_use_is_told_every_ten_minutes_and_can_be_asked_for_to_the_second() {
    let mut shard = shard();
    let mut told = Vec::new();
    for minute in 0_i64..35 {
        used(&mut shard, 1 + minute.unsigned_abs(), 1, at(minute * MINUTE));
        if tell(&mut shard, at(minute * MINUTE)) == [1] {
            told.push(minute);
        }
    }
    assert_eq!(told, [0, 10, 20, 30]);
    let asked = shard.handle(&ShardCall::Uses { serials: vec![Serial(1), Serial(2)] }, at(40 * MINUTE));
    let fresh = TokenUse { serial: Serial(1), first_at: START, last_at: at(34 * MINUTE) };
    assert_eq!(asked, ShardAnswer::Uses(vec![fresh]));
}

#[test]
fn the_last_use_of_a_token_at_rest_is_kept_and_told_when_its_minute_is_rolled_up() {
    let mut shard = shard();
    used(&mut shard, 1, 1, at(0));
    used(&mut shard, 2, 1, at(9 * MINUTE));
    let uses = |shard: &mut Shard<Sqlite>, now| match shard
        .handle(&ShardCall::Uses { serials: vec![Serial(1)] }, now)
    {
        ShardAnswer::Uses(uses) => uses[0].last_at,
        answer => panic!("{answer:?}"),
    };
    assert_eq!(tell(&mut shard, at(10 * MINUTE)), [1]);
    assert_eq!(tell(&mut shard, at(60 * MINUTE)), NONE);
    assert_eq!(uses(&mut shard, at(60 * MINUTE)), at(9 * MINUTE));
    let much_later = at(5 * HOUR);
    let mut told = Vec::new();
    for _ in 0..100 {
        shard.sweep(much_later);
        let due = shard.uses_due(much_later);
        if !due.is_empty() {
            shard.uses_reported(&due, None, much_later);
        }
        told.extend(due.into_iter().map(|told| told.last_at));
    }
    assert_eq!(uses(&mut shard, much_later), at(9 * MINUTE));
    assert_eq!(told, [at(9 * MINUTE)]);
    // For a token in constant use, rolling up a minute makes no report pending.
    used(&mut shard, 3, 2, at(0));
    used(&mut shard, 4, 2, at(5 * HOUR));
    assert_eq!(tell(&mut shard, at(5 * HOUR + MINUTE)), [2]);
    for _ in 0..100 {
        shard.sweep(at(6 * HOUR));
    }
    assert_eq!(tell(&mut shard, at(6 * HOUR)), NONE);
}

#[test]
fn what_the_registry_did_not_answer_is_told_again_ever_more_rarely() {
    let mut shard = shard();
    watched(&mut shard, 1, at(0));
    let mut tries = Vec::new();
    for ms in (0..60_000).step_by(1_000) {
        if !shard.uses_due(at(ms)).is_empty() {
            tries.push(ms / 1_000);
            shard.report_failed(at(ms));
        }
    }
    assert_eq!(tries, [0, 2, 6, 14, 30, 50]);
    assert_eq!(tell(&mut shard, at(70_000)), [1]);
    assert_eq!(tell(&mut shard, at(200_000)), NONE);
}

#[test]
fn a_use_that_came_while_the_registry_was_told_is_told_next() {
    let mut shard = shard();
    used(&mut shard, 1, 1, at(0));
    let uses = shard.uses_due(at(0));
    used(&mut shard, 2, 1, at(15 * MINUTE));
    shard.uses_reported(&uses, None, at(15 * MINUTE));
    assert_eq!(tell(&mut shard, at(16 * MINUTE)), [1]);
}

#[test]
fn a_shard_that_starts_again_still_owes_first_uses() {
    let database = Sqlite::in_memory();
    let mut shard = Shard::open(database.clone()).unwrap();
    watched(&mut shard, 1, at(0));
    drop(shard);
    let mut shard = Shard::open(database).unwrap();
    assert!(shard.next_alarm_at(at(0)).is_some_and(|at_| at_ <= at(10_000)));
    assert_eq!(tell(&mut shard, at(10_000)), [1]);
}

#[test]
fn many_uses_are_told_in_bounded_calls() {
    let mut shard = shard();
    let many = USES_REPORTED_MAX + 10;
    for serial in 0..many {
        watched(&mut shard, serial, at(0));
    }
    assert_eq!(tell(&mut shard, at(0)).len(), USES_REPORTED_MAX as usize);
    assert_eq!(tell(&mut shard, at(0)).len(), 10);
    assert_eq!(tell(&mut shard, at(0)), NONE);
}

/// What the registry is told of traffic at `now`. The report is accepted.
fn tell_traffic(shard: &mut Shard<Sqlite>, now: UnixMillis) -> Option<UnixMillis> {
    if shard.next_alarm_at(now).is_none_or(|at| at > now) {
        return None;
    }
    let uses = shard.uses_due(now);
    let counted_at = shard.traffic_due(!uses.is_empty(), now);
    if !uses.is_empty() || counted_at.is_some() {
        shard.uses_reported(&uses, counted_at, now);
    }
    counted_at
}

fn refused(outcome: Outcome) -> Tally {
    let mut tally = Tally::default();
    tally.counts.add(outcome, 1);
    tally
}

#[test]
fn traffic_is_told_twice_a_minute_at_most_and_never_without_a_new_request() {
    let mut shard = shard();
    let mut told = Vec::new();
    for request in 0_i64..30 {
        let ms = request * 10_000;
        used(&mut shard, 1 + request.unsigned_abs(), 1, at(ms));
        if let Some(counted_at) = tell_traffic(&mut shard, at(ms + 5_000)) {
            assert_eq!(counted_at, at(ms));
            told.push(ms);
        }
    }
    assert!(told.windows(2).all(|pair| pair[1] - pair[0] >= TRAFFIC_REPORT_INTERVAL_MS), "{told:?}");
    assert!((8..=10).contains(&told.len()), "{told:?}");
    // The last seconds are told by nobody: no alarm is set for that. The next one is that of the hour.
    settle(&mut shard, at(5 * MINUTE));
    assert_eq!(shard.next_alarm_at(at(5 * MINUTE)), Some(at(HOUR)));
}

#[test]
fn a_request_that_was_refused_for_want_of_a_list_is_traffic_and_garbage_is_not() {
    for outcome in Outcome::ALL {
        let mut shard = shard();
        let batch = report(1, 1, at(0), 1, refused(outcome));
        assert_eq!(shard.handle(&ShardCall::Report(batch), at(20_000)), ShardAnswer::Taken);
        let told = tell_traffic(&mut shard, at(20_000));
        assert_eq!(told, outcome.needs_list().then_some(at(0)), "{outcome:?}");
    }
    // A shard that was told nothing new tells nothing.
    let mut shard = shard();
    let batch = ShardCall::Report(report(1, 1, at(0), 1, refused(Outcome::StatusUnknown)));
    shard.handle(&batch, at(0));
    assert_eq!(tell_traffic(&mut shard, at(0)), Some(at(0)));
    shard.handle(&batch, at(10 * MINUTE));
    assert_eq!(tell_traffic(&mut shard, at(10 * MINUTE)), None, "the same batch again");
}

#[test]
fn traffic_that_the_registry_did_not_answer_is_told_again() {
    let mut shard = shard();
    let batch = ShardCall::Report(report(1, 1, at(0), 1, refused(Outcome::StatusUnknown)));
    shard.handle(&batch, at(0));
    assert_eq!(shard.traffic_due(false, at(0)), Some(at(0)));
    shard.report_failed(at(0));
    assert_eq!(shard.traffic_due(false, at(1_999)), None);
    assert_eq!(tell_traffic(&mut shard, at(2_000)), Some(at(0)));
}
