//! Spikes and refused origins are found in the hour after they happen.

use crate::sqlite::Sqlite;
use crate::world::{DAY, HOUR, MINUTE, START, report, report_accepted, uses};
use wayleave::base::time::UnixMillis;
use wayleave::formats::token::Serial;
use wayleave::formats::usage::anomaly::{Anomaly, AnomalyKind};
use wayleave::formats::usage::outcome::Outcome;
use wayleave::formats::usage::reading::{ShardAnswer, ShardCall};
use wayleave::formats::usage::tally::Tally;
use wayleave::usage::shard::Shard;

struct Counted {
    shard: Shard<Sqlite>,
    sequence: u64,
}

impl Counted {
    fn new() -> Self {
        Self { shard: Shard::open(Sqlite::in_memory()).unwrap(), sequence: 0 }
    }

    fn count(&mut self, serial: u32, tally: Tally, at: UnixMillis) {
        self.sequence += 1;
        let batch = report(1, self.sequence, at, serial, tally);
        assert_eq!(self.shard.handle(&ShardCall::Report(batch), at), ShardAnswer::Taken);
    }

    /// Runs what is due in the shard, and takes its signs.
    fn signs(&mut self, now: UnixMillis) -> Vec<Anomaly> {
        while self.shard.next_alarm_at(now).is_some_and(|at| at <= now) {
            self.shard.sweep(now);
            report_accepted(&mut self.shard, now);
        }
        let signs = self.shard.anomalies_due();
        self.shard.anomalies_reported(signs.len());
        signs
    }
}

/// A tally of `times` requests that were refused because of `origin`.
fn refused(origin: &str, times: u64) -> Tally {
    let mut tally = Tally::default();
    tally.counts.add(Outcome::OriginNotAllowed, times);
    for _ in 0..times {
        tally.refused.count(origin.to_owned(), true);
    }
    tally
}

#[test]
fn an_hour_far_above_the_week_before_is_a_spike() {
    let mut counted = Counted::new();
    let mut now = START;
    for _ in 0..8 * 24 {
        counted.count(1, uses(300, now), now.plus_ms(5 * MINUTE));
        assert_eq!(counted.signs(now.plus_ms(5 * MINUTE)), []);
        now = now.plus_ms(HOUR);
    }
    counted.count(1, uses(1_501, now), now.plus_ms(MINUTE));
    // A token that was never used before has no usual usage.
    counted.count(2, uses(9_000, now), now.plus_ms(MINUTE));
    assert_eq!(counted.signs(now.plus_ms(59 * MINUTE)), [], "the hour is not over");
    let spike = AnomalyKind::Spike { hour: now, requests: 1_501, median: 300 };
    assert_eq!(counted.signs(now.plus_ms(HOUR)), [Anomaly { serial: Serial(1), kind: spike }]);
    assert_eq!(counted.signs(now.plus_ms(2 * HOUR)), []);
}

#[test]
fn origins_that_are_refused_often_are_told_although_the_token_was_never_used() {
    let mut counted = Counted::new();
    counted.signs(START);
    counted.count(1, refused("https://new-shop.example", 60), START.plus_ms(MINUTE));
    counted.count(1, refused("https://try.example", 99), START.plus_ms(2 * MINUTE));
    assert_eq!(counted.signs(START.plus_ms(HOUR)), []);
    counted.count(1, refused("https://new-shop.example", 40), START.plus_ms(HOUR + MINUTE));
    let day = START.plus_ms(-2 * HOUR);
    assert_eq!(day.0 % DAY, 0);
    let seen = AnomalyKind::RefusedOrigins { day, origins: vec!["https://new-shop.example".to_owned()] };
    assert_eq!(counted.signs(START.plus_ms(2 * HOUR)), [Anomaly { serial: Serial(1), kind: seen }]);
}

/// The median is taken over seven days, including hours without a request.
#[test]
fn usual_is_what_most_hours_of_the_week_were() {
    let mut counted = Counted::new();
    // One token is busy for six days and quiet on the seventh. The other was used once, eight days ago.
    counted.count(2, uses(1, START), START);
    let (mut now, end) = (START.plus_ms(DAY), START.plus_ms(8 * DAY));
    while now < end {
        let requests = if end.since_ms(now) > DAY { 300 } else { 1 };
        counted.count(1, uses(requests, now), now.plus_ms(5 * MINUTE));
        assert_eq!(counted.signs(now.plus_ms(5 * MINUTE)), []);
        now = now.plus_ms(HOUR);
    }
    counted.count(1, uses(1_400, end), end.plus_ms(MINUTE));
    counted.count(2, uses(1_400, end), end.plus_ms(MINUTE));
    let spike = AnomalyKind::Spike { hour: end, requests: 1_400, median: 0 };
    assert_eq!(counted.signs(end.plus_ms(HOUR)), [Anomaly { serial: Serial(2), kind: spike }]);
}

#[test]
fn a_look_is_made_in_steps_and_holds_so_many_signs_at_most() {
    let mut counted = Counted::new();
    counted.signs(START);
    for serial in 1..=510 {
        counted.count(serial, refused("https://x.example", 100), START.plus_ms(MINUTE));
    }
    let (now, mut held) = (START.plus_ms(HOUR), Vec::new());
    while counted.shard.next_alarm_at(now).is_some_and(|at| at <= now) {
        counted.shard.sweep(now);
        held.push(counted.shard.anomalies_due().len());
        report_accepted(&mut counted.shard, now);
    }
    assert_eq!(held[..3], [20, 40, 60]);
    assert_eq!(held.last(), Some(&500));
}

#[test]
fn what_the_registry_did_not_take_is_told_after_the_next_hour() {
    let mut counted = Counted::new();
    for hour in 0..48 {
        let at = START.plus_ms(hour * HOUR);
        counted.count(1, uses(if hour == 47 { 2_000 } else { 1 }, at), at);
        counted.signs(at);
    }
    let now = START.plus_ms(48 * HOUR);
    while counted.shard.next_alarm_at(now).is_some_and(|at| at <= now) {
        counted.shard.sweep(now);
        report_accepted(&mut counted.shard, now);
    }
    assert_eq!(counted.shard.anomalies_due().len(), 1);
    assert_eq!(counted.shard.anomalies_due().len(), 1, "not taken yet");
    counted.shard.anomalies_reported(1);
    assert_eq!(counted.shard.anomalies_due(), []);
}
