//! What a shard tells the registry, and when.

use crate::sqlite::Sqlite;
use crate::world::{MINUTE, START, report, uses};
use wayleave::limits::USES_TOLD_MAX;
use wayleave::registry::command::TokenUse;
use wayleave::time::UnixMillis;
use wayleave::token::Serial;
use wayleave::usage::reading::{Answer, Request};
use wayleave::usage::report::Report;
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
    assert_eq!(shard.handle(&Request::Report(report), when), Answer::Taken);
}

fn watched(shard: &mut Shard<Sqlite>, serial: u32, when: UnixMillis) {
    let told = TokenUse { serial: Serial(serial), first_at: when, last_at: when };
    let report = Report { isolate: 2, batch: None, first_uses: vec![told] };
    assert_eq!(shard.handle(&Request::Report(report), when), Answer::Taken);
}

/// Tells what is due, and takes it; gives the serials.
fn tell(shard: &mut Shard<Sqlite>, now: UnixMillis) -> Vec<u32> {
    let uses = shard.uses_due(now);
    if !uses.is_empty() {
        shard.told(&uses, now);
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
    let asked = shard.handle(&Request::Uses { serials: vec![Serial(1), Serial(2)] }, at(40 * MINUTE));
    let fresh = TokenUse { serial: Serial(1), first_at: START, last_at: at(34 * MINUTE) };
    assert_eq!(asked, Answer::Uses(vec![fresh]));
}

#[test]
fn what_the_registry_did_not_answer_is_told_again_ever_more_rarely() {
    let mut shard = shard();
    watched(&mut shard, 1, at(0));
    let mut tries = Vec::new();
    for ms in (0..60_000).step_by(1_000) {
        if !shard.uses_due(at(ms)).is_empty() {
            tries.push(ms / 1_000);
            shard.not_told(at(ms));
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
    shard.told(&uses, at(15 * MINUTE));
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
    let many = USES_TOLD_MAX + 10;
    for serial in 0..many {
        watched(&mut shard, serial, at(0));
    }
    assert_eq!(tell(&mut shard, at(0)).len(), USES_TOLD_MAX as usize);
    assert_eq!(tell(&mut shard, at(0)).len(), 10);
    assert_eq!(tell(&mut shard, at(0)), NONE);
}
