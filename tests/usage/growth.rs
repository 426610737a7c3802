//! How much a shard stores after a year; docs/growth.md has the arithmetic.

use crate::sqlite::Sqlite;
use crate::world::{DAY, HOUR, MINUTE, START, settle};
use wayleave::base::database::Value;
use wayleave::formats::token::Serial;
use wayleave::formats::usage::outcome::{Counts, Outcome};
use wayleave::formats::usage::reading::{ShardAnswer, ShardCall};
use wayleave::formats::usage::report::{Batch, Report};
use wayleave::formats::usage::tally::Tally;
use wayleave::usage::shard::Shard;

const TOKENS: u32 = 20;
const DAYS: i64 = 400;

/// Measures the bytes that a shard stores after 400 days, for tokens used in every hour, and in every minute
/// of the last three hours. The year before has one use per hour, because rolled-up rows do not depend on how
/// many minutes they were made of.
#[test]
fn a_year_of_constant_use_takes_a_bounded_number_of_bytes_a_token() {
    let database = Sqlite::in_memory();
    let mut shard = Shard::open(database.clone()).unwrap();
    let end = START.plus_ms(DAYS * DAY);
    let mut now = START;
    let mut sequence = 0;
    while now < end {
        sequence += 1;
        let tokens = (1..=TOKENS).map(|serial| (Serial(serial), busy(now, serial))).collect();
        let batch =
            Batch { sequence, began_at: now, tokens, others: Counts::default(), refusals: Vec::new() };
        let report = Report { isolate: 1, batch: Some(batch), first_uses: Vec::new() };
        assert_eq!(shard.handle(&ShardCall::Report(report), now), ShardAnswer::Taken);
        settle(&mut shard, now);
        now = now.plus_ms(if end.since_ms(now) > 3 * HOUR { HOUR } else { MINUTE });
    }
    settle(&mut shard, now);
    let count = |sql: &str| match database.one(sql) {
        Value::Integer(count) => count,
        value => panic!("{value:?}"),
    };
    let bytes = count("SELECT SUM(pgsize) FROM dbstat");
    let rows: Vec<_> =
        (0..3).map(|step| count(&format!("SELECT COUNT(*) FROM tally WHERE step = {step}"))).collect();
    let each = bytes / i64::from(TOKENS);
    println!("{bytes} bytes for {TOKENS} tokens: {each} each; minutes, hours, days: {rows:?}");
    println!(
        "10,000 tokens: {} MB in all, {} MB a shard",
        each * 10_000 / 1_000_000,
        each * 1_250 / 1_000_000
    );
    // Rows per token, and of all together: 3 hours of minutes, 32 days of hours, 400 days.
    let counted = i64::from(TOKENS) + 1;
    assert!(rows[0] <= counted * 240 && rows[1] <= counted * 33 * 24);
    assert!(rows[2] <= counted * 402);
    assert!(each < 120_000, "{each} bytes a token");
}

/// An hour's counts of a token with two sites: some outcomes, two allowed origins and one refused.
fn busy(now: wayleave::base::time::UnixMillis, serial: u32) -> Tally {
    let mut tally = Tally { used: Some((now, now.plus_ms(29_000))), ..Tally::default() };
    tally.counts.add(Outcome::Admitted, 4_000);
    tally.counts.add(Outcome::OriginNotAllowed, 12);
    for site in ["https://www.customer-", "https://shop.customer-"] {
        tally.allowed.count(format!("{site}{serial}.example"), true);
    }
    tally.refused.count("https://staging.somebody-else.example".to_owned(), true);
    tally
}
