//! Minutes become hours, hours become days, and days are deleted. Counts stay the same in whichever rows they
//! are.

use crate::chance::chance;
use crate::sqlite::Sqlite;
use crate::world::{DAY, HOUR, MINUTE, START, days, read, report, settle, sum, uses};
use std::collections::BTreeMap;
use wayleave::base::database::Value;
use wayleave::base::time::UnixMillis;
use wayleave::formats::usage::heaviest::Heaviest;
use wayleave::formats::usage::outcome::Outcome;
use wayleave::formats::usage::reading::{Range, ShardAnswer, ShardCall, Step};
use wayleave::formats::usage::tally::Tally;
use wayleave::usage::shard::Shard;

fn rows(database: &Sqlite, step: i64) -> i64 {
    match database.one(&format!("SELECT COUNT(*) FROM tally WHERE step = {step}")) {
        Value::Integer(count) => count,
        value => panic!("{value:?}"),
    }
}

#[test]
fn counts_are_the_same_whenever_they_are_swept() {
    let mut random = chance();
    let database = Sqlite::in_memory();
    let mut shard = Shard::open(database.clone()).unwrap();
    let mut truth: BTreeMap<(u32, i64), u64> = BTreeMap::new();
    let mut now = START;
    for sequence in 1..=2_000 {
        now = now.plus_ms(random.i64(0..90 * MINUTE));
        // Some batches are late, and some isolates' clocks are ahead.
        let began_at = now.plus_ms(random.i64(-70 * MINUTE..MINUTE));
        let (serial, count) = (random.u32(1..4), random.u64(1..100));
        let batch = report(9, sequence, began_at, serial, uses(count, began_at));
        assert_eq!(shard.handle(&ShardCall::Report(batch), now), ShardAnswer::Taken);
        let kept_at = began_at.max(now.plus_ms(-HOUR)).min(now);
        *truth.entry((serial, Step::Day.floor(kept_at).0)).or_default() += count;
        if random.bool() {
            settle(&mut shard, now);
        }
    }
    settle(&mut shard, now);
    let length = now.since_ms(START) / DAY + 2;
    println!(
        "{length} days: {} minutes, {} hours, {} days",
        rows(&database, 0),
        rows(&database, 1),
        rows(&database, 2)
    );
    assert!(rows(&database, 0) > 0 && rows(&database, 1) > 0 && rows(&database, 2) > 0);
    for serial in 1..4 {
        let usage = read(&mut shard, serial, days(START, length), now);
        let told: BTreeMap<_, _> = usage
            .periods
            .iter()
            .map(|(at, counts)| ((serial, at.0), counts.get(Outcome::Admitted)))
            .collect();
        let true_counts: BTreeMap<_, _> =
            truth.iter().filter(|((of, _), _)| *of == serial).map(|(key, count)| (*key, *count)).collect();
        assert_eq!(told, true_counts);
    }
}

#[test]
fn a_minute_is_told_for_two_hours_an_hour_for_a_month_and_a_day_for_400() {
    let mut shard = Shard::open(Sqlite::in_memory()).unwrap();
    let batch = report(9, 1, START, 1, uses(5, START));
    shard.handle(&ShardCall::Report(batch), START);
    let told = |shard: &mut Shard<Sqlite>, step, now: UnixMillis| {
        settle(shard, now);
        sum(&read(shard, 1, Range::of(START, START.plus_ms(step_ms(step)), step), now)).get(Outcome::Admitted)
    };
    let after = |ms: i64| START.plus_ms(ms);
    assert_eq!(told(&mut shard, Step::Minute, after(2 * HOUR)), 5);
    assert_eq!(told(&mut shard, Step::Minute, after(3 * HOUR + HOUR)), 0);
    assert_eq!(told(&mut shard, Step::Hour, after(31 * DAY)), 5);
    assert_eq!(told(&mut shard, Step::Hour, after(33 * DAY)), 0);
    assert_eq!(told(&mut shard, Step::Day, after(400 * DAY)), 5);
    assert_eq!(told(&mut shard, Step::Day, after(402 * DAY)), 0);
    assert_eq!(shard.next_alarm_at(after(500 * DAY)), None, "an idle shard sleeps");
}

fn step_ms(step: Step) -> i64 {
    match step {
        Step::Minute => MINUTE,
        Step::Hour => HOUR,
        Step::Day => DAY,
    }
}

#[test]
fn origins_are_told_of_the_days_that_are_asked_for_and_kept_for_a_quarter() {
    let mut shard = Shard::open(Sqlite::in_memory()).unwrap();
    for (sequence, day) in (1..).zip([0, 1]) {
        let at = START.plus_ms(day * DAY);
        let mut tally = uses(3, at);
        for _ in 0..3 {
            tally.allowed.count(format!("https://day-{day}.example"), true);
            tally.refused.count("null".to_owned(), true);
        }
        shard.handle(&ShardCall::Report(report(9, sequence, at, 1, tally)), at);
    }
    let origins = |shard: &mut Shard<Sqlite>, from: i64, count: i64, now: i64| {
        let now = START.plus_ms(now);
        settle(shard, now);
        let usage = read(shard, 1, days(START.plus_ms(from * DAY), count), now);
        let keys = |list: &[wayleave::formats::usage::heaviest::Weighed<String>]| {
            list.iter().map(|weighed| format!("{} {}", weighed.key, weighed.count)).collect::<Vec<_>>()
        };
        (keys(&usage.allowed), keys(&usage.refused))
    };
    let first = ["https://day-0.example 3".to_owned()];
    let both = vec!["https://day-0.example 3".to_owned(), "https://day-1.example 3".to_owned()];
    for now in [DAY, 2 * DAY, 40 * DAY, 92 * DAY] {
        assert_eq!(origins(&mut shard, 0, 1, now).0[..1], first[..], "after {now} ms");
        assert_eq!(origins(&mut shard, 0, 2, now), (both.clone(), vec!["null 6".to_owned()]));
    }
    assert_eq!(origins(&mut shard, 0, 2, 95 * DAY), (vec![], vec![]));
    // The counts of those days are still there.
    let later = START.plus_ms(95 * DAY);
    assert_eq!(sum(&read(&mut shard, 1, days(START, 2), later)).get(Outcome::Admitted), 6);
}

#[test]
fn tallies_have_one_spelling_in_storage() {
    // Every later version must be able to read what a released version wrote, so these bytes never change.
    let mut tally = Tally { used: Some((UnixMillis(1), UnixMillis(300))), ..Tally::default() };
    tally.counts.add(Outcome::Admitted, 300);
    let mut allowed = Heaviest::default();
    allowed.count("a".to_owned(), true);
    tally.allowed = allowed;
    let database = Sqlite::in_memory();
    let mut shard = Shard::open(database.clone()).unwrap();
    shard.handle(&ShardCall::Report(report(9, 1, START, 1, tally)), START);
    let Value::Text(hex) = database.one("SELECT hex(tally) FROM tally WHERE serial = 1") else {
        panic!("a tally")
    };
    assert_eq!(hex, "010100AC0201016101000000000102D804");
}
