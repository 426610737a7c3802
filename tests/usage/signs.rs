//! Spikes and refused origins, found in the hour after.

use crate::sqlite::Sqlite;
use crate::world::{DAY, HOUR, MINUTE, START, report, uses};
use wayleave::time::UnixMillis;
use wayleave::token::Serial;
use wayleave::usage::Outcome;
use wayleave::usage::Tally;
use wayleave::usage::reading::{Answer, Request};
use wayleave::usage::shard::Shard;
use wayleave::usage::sign::{Seen, Sign};

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
        assert_eq!(self.shard.handle(&Request::Report(batch), at), Answer::Taken);
    }

    /// Lets the shard do what is due, and takes its signs.
    fn signs(&mut self, now: UnixMillis) -> Vec<Sign> {
        while self.shard.next_alarm_at(now).is_some_and(|at| at <= now) {
            self.shard.sweep(now);
            let uses = self.shard.uses_due(now);
            if !uses.is_empty() {
                self.shard.told(&uses, now);
            }
        }
        let signs = self.shard.signs_due();
        self.shard.signs_told(signs.len());
        signs
    }
}

/// So many requests, refused for their origin.
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
    // One that never was used before has no usual use.
    counted.count(2, uses(9_000, now), now.plus_ms(MINUTE));
    assert_eq!(counted.signs(now.plus_ms(59 * MINUTE)), [], "the hour is not over");
    let spike = Seen::Spike { hour: now, requests: 1_501, median: 300 };
    assert_eq!(counted.signs(now.plus_ms(HOUR)), [Sign { serial: Serial(1), seen: spike }]);
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
    let seen = Seen::RefusedOrigins { day, origins: vec!["https://new-shop.example".to_owned()] };
    assert_eq!(counted.signs(START.plus_ms(2 * HOUR)), [Sign { serial: Serial(1), seen }]);
}

/// The median is of seven days, and an hour in which nothing was asked is one of them.
#[test]
fn usual_is_what_most_hours_of_the_week_were() {
    let mut counted = Counted::new();
    // Busy for six days, quiet on the seventh; the other was used once, eight days ago.
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
    let spike = Seen::Spike { hour: end, requests: 1_400, median: 0 };
    assert_eq!(counted.signs(end.plus_ms(HOUR)), [Sign { serial: Serial(2), seen: spike }]);
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
        held.push(counted.shard.signs_due().len());
        let uses = counted.shard.uses_due(now);
        counted.shard.told(&uses, now);
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
        let uses = counted.shard.uses_due(now);
        counted.shard.told(&uses, now);
    }
    assert_eq!(counted.shard.signs_due().len(), 1);
    assert_eq!(counted.shard.signs_due().len(), 1, "not taken yet");
    counted.shard.signs_told(1);
    assert_eq!(counted.shard.signs_due(), []);
}
