//! A shard whose storage fails, or whose process dies, at any statement: nothing acknowledged is lost, and
//! nothing counts twice.

use crate::sqlite::Sqlite;
use crate::world::{DAY, HOUR, START, days, read, report, settle, sum, uses};
use wayleave::formats::token::Serial;
use wayleave::formats::usage::outcome::Outcome;
use wayleave::formats::usage::reading::{ShardAnswer, ShardCall};
use wayleave::formats::usage::report::Report;
use wayleave::formats::usage::token_use::TokenUse;
use wayleave::usage::shard::Shard;

/// A batch of three tokens with a first use.
fn batch() -> Report {
    let mut first = report(4, 1, START, 1, uses(2, START));
    if let Some(batch) = &mut first.batch {
        batch.tokens.push((Serial(9), uses(3, START)));
        batch.others.add(Outcome::Malformed, 7);
    }
    first.first_uses = vec![TokenUse { serial: Serial(1), first_at: START, last_at: START }];
    first
}

fn assert_counted_once(shard: &mut Shard<Sqlite>) {
    for (serial, count) in [(1, 2), (9, 3)] {
        let usage = read(shard, serial, days(START, 1), START);
        assert_eq!(sum(&usage).get(Outcome::Admitted), count, "token {serial}");
    }
    let ShardAnswer::Totals(totals) = shard.handle(&ShardCall::Totals, START) else { panic!("no totals") };
    assert_eq!([totals.get(Outcome::Admitted), totals.get(Outcome::Malformed)], [5, 7]);
}

#[test]
fn a_report_that_was_cut_off_anywhere_and_is_sent_again_counts_once() {
    for kills in [false, true] {
        let mut faults = 0;
        for statements in 0.. {
            let database = Sqlite::in_memory();
            let mut shard = Shard::open(database.clone()).unwrap();
            match kills {
                true => database.kill_after(statements),
                false => database.fail_after(statements),
            }
            let answer = shard.handle(&ShardCall::Report(batch()), START);
            if database.fault_pending() {
                assert_eq!(answer, ShardAnswer::Taken);
                break;
            }
            assert_eq!(answer, ShardAnswer::Failed);
            assert_eq!(shard.take_log().len(), 1);
            faults += 1;
            database.recover();
            let mut shard = Shard::open(database).unwrap();
            for _ in 0..2 {
                assert_eq!(shard.handle(&ShardCall::Report(batch()), START), ShardAnswer::Taken);
            }
            assert_counted_once(&mut shard);
        }
        assert!(faults > 10, "only {faults} statements");
    }
}

#[test]
fn a_walk_that_was_cut_off_anywhere_loses_nothing() {
    for statements in 0.. {
        let database = Sqlite::in_memory();
        let mut shard = Shard::open(database.clone()).unwrap();
        shard.handle(&ShardCall::Report(batch()), START);
        let later = START.plus_ms(40 * DAY);
        settle(&mut shard, START.plus_ms(HOUR));
        database.kill_after(statements);
        for _ in 0..10 {
            shard.sweep(later);
        }
        if database.fault_pending() {
            assert!(statements > 10, "only {statements} statements");
            break;
        }
        database.recover();
        let mut shard = Shard::open(database).unwrap();
        settle(&mut shard, later);
        assert_counted_once(&mut shard);
    }
}

#[test]
fn an_isolate_that_is_long_gone_is_forgotten() {
    let database = Sqlite::in_memory();
    let mut shard = Shard::open(database.clone()).unwrap();
    for isolate in 0..100 {
        let batch = report(isolate, 1, START, 1, uses(1, START));
        shard.handle(&ShardCall::Report(batch), START);
    }
    settle(&mut shard, START.plus_ms(5 * HOUR));
    assert_eq!(database.one("SELECT COUNT(*) FROM reporter"), wayleave::base::database::Value::Integer(0));
}

#[test]
fn a_database_of_a_later_release_is_not_touched() {
    let database = Sqlite::in_memory();
    drop(Shard::open(database.clone()).unwrap());
    wayleave::base::database::Database::query(&database, "UPDATE schema_version SET version = 99", &[])
        .unwrap();
    let error = Shard::open(database).err().unwrap();
    assert!(error.to_string().contains("later release"), "{error}");
}
