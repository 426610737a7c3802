//! Shards over SQLite, and the few things that every test asks of them.

use crate::sqlite::Sqlite;
use wayleave::limits::USAGE_SHARDS;
use wayleave::time::UnixMillis;
use wayleave::token::Serial;
use wayleave::usage::reading::{Answer, Range, Request, Step, TokenUsage};
use wayleave::usage::report::{Batch, Report};
use wayleave::usage::shard::Shard;
use wayleave::usage::{Counted, Counts, Outcome, Tally, shard_of};

/// 2026-11-22T02:00:00Z: on a whole hour.
pub const START: UnixMillis = UnixMillis(1_795_312_800_000);
pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// All shards of a deployment.
pub struct Shards {
    pub shards: Vec<Shard<Sqlite>>,
}

impl Shards {
    pub fn new() -> Self {
        Self { shards: (0..USAGE_SHARDS).map(|_| Shard::open(Sqlite::in_memory()).unwrap()).collect() }
    }

    pub fn of(&mut self, shard: u32) -> &mut Shard<Sqlite> {
        &mut self.shards[shard as usize]
    }

    pub fn take(&mut self, shard: u32, report: &Report, now: UnixMillis) {
        assert_eq!(self.of(shard).handle(&Request::Report(report.clone()), now), Answer::Taken);
    }

    pub fn usage(&mut self, serial: u32, range: Range, now: UnixMillis) -> TokenUsage {
        read(self.of(shard_of(Serial(serial))), serial, range, now)
    }

    pub fn totals(&mut self) -> Counts {
        let mut all = Counts::default();
        for shard in &mut self.shards {
            let Answer::Totals(counts) = shard.handle(&Request::Totals, START) else { panic!("no totals") };
            all.merge(&counts);
        }
        all
    }
}

pub fn read(shard: &mut Shard<Sqlite>, serial: u32, range: Range, now: UnixMillis) -> TokenUsage {
    let request = Request::Read { serials: vec![Serial(serial)], range };
    match shard.handle(&request, now) {
        Answer::Usage(mut usage) => usage.remove(0),
        answer => panic!("{answer:?}"),
    }
}

/// Everything that was counted of a token in a range.
pub fn sum(usage: &TokenUsage) -> Counts {
    let mut all = Counts::default();
    for (_, counts) in &usage.periods {
        all.merge(counts);
    }
    all
}

/// Runs whatever the shard wants to run by itself until it has nothing more to do at `now`. What it would tell is taken.
pub fn settle(shard: &mut Shard<Sqlite>, now: UnixMillis) {
    for _ in 0..100_000 {
        if shard.next_alarm_at(now).is_none_or(|at| at > now) {
            return;
        }
        shard.sweep(now);
        let uses = shard.uses_due(now);
        if !uses.is_empty() {
            shard.told(&uses, now);
        }
    }
    panic!("the shard never comes to rest");
}

pub fn days(from: UnixMillis, count: i64) -> Range {
    Range::of(from, from.plus_ms(count * DAY), Step::Day)
}

/// What an isolate counts of an admitted request.
pub fn admitted(serial: u32, is_watched: bool) -> Counted {
    Counted { serial: Some(Serial(serial)), outcome: Outcome::Admitted, origin: None, is_watched }
}

/// A report of one batch that holds `tally` of one token.
pub fn report(isolate: u64, sequence: u64, began_at: UnixMillis, serial: u32, tally: Tally) -> Report {
    let batch =
        Batch { sequence, began_at, tokens: vec![(Serial(serial), tally)], others: Counts::default() };
    Report { isolate, batch: Some(batch), first_uses: Vec::new() }
}

/// A tally of so many admitted requests at one time.
pub fn uses(count: u64, at: UnixMillis) -> Tally {
    let mut tally = Tally { used: Some((at, at)), ..Tally::default() };
    tally.counts.add(Outcome::Admitted, count);
    tally
}
