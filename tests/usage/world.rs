//! Shards over SQLite, and helpers that all tests share.

use crate::sqlite::Sqlite;
use wayleave::base::time::UnixMillis;
use wayleave::formats::token::Serial;
use wayleave::formats::usage::counted::Counted;
use wayleave::formats::usage::outcome::{Counts, Outcome};
use wayleave::formats::usage::reading::{Range, ShardAnswer, ShardCall, Step, TokenReading};
use wayleave::formats::usage::report::{Batch, Report};
use wayleave::formats::usage::shard_of;
use wayleave::formats::usage::tally::Tally;
use wayleave::limits::USAGE_SHARDS;
use wayleave::usage::shard::Shard;

/// 2026-11-22T02:00:00Z, the start of an hour.
pub(crate) const START: UnixMillis = UnixMillis(1_795_312_800_000);
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// All usage shards of a deployment.
pub(crate) struct Shards {
    pub shards: Vec<Shard<Sqlite>>,
}

impl Shards {
    pub(crate) fn new() -> Self {
        Self { shards: (0..USAGE_SHARDS).map(|_| Shard::open(Sqlite::in_memory()).unwrap()).collect() }
    }

    pub(crate) fn of(&mut self, shard: u32) -> &mut Shard<Sqlite> {
        &mut self.shards[shard as usize]
    }

    pub(crate) fn take(&mut self, shard: u32, report: &Report, now: UnixMillis) {
        assert_eq!(self.of(shard).handle(&ShardCall::Report(report.clone()), now), ShardAnswer::Taken);
    }

    pub(crate) fn usage(&mut self, serial: u32, range: Range, now: UnixMillis) -> TokenReading {
        read(self.of(shard_of(Serial(serial))), serial, range, now)
    }

    pub(crate) fn totals(&mut self) -> Counts {
        let mut all = Counts::default();
        for shard in &mut self.shards {
            let ShardAnswer::Totals(counts) = shard.handle(&ShardCall::Totals, START) else {
                panic!("no totals")
            };
            all.merge(&counts);
        }
        all
    }
}

pub(crate) fn read(shard: &mut Shard<Sqlite>, serial: u32, range: Range, now: UnixMillis) -> TokenReading {
    let request = ShardCall::Read { serials: vec![Serial(serial)], range };
    match shard.handle(&request, now) {
        ShardAnswer::Usage(mut usage) => usage.remove(0),
        answer => panic!("{answer:?}"),
    }
}

/// All counts of a token in a range.
pub(crate) fn sum(usage: &TokenReading) -> Counts {
    let mut all = Counts::default();
    for (_, counts) in &usage.periods {
        all.merge(counts);
    }
    all
}

/// Runs everything that the shard wants to do by itself, until it has nothing more to do at `now`. Its
/// reports are accepted.
pub(crate) fn settle(shard: &mut Shard<Sqlite>, now: UnixMillis) {
    for _ in 0..100_000 {
        if shard.next_alarm_at(now).is_none_or(|at| at > now) {
            return;
        }
        shard.sweep(now);
        report_accepted(shard, now);
    }
    panic!("the shard never comes to rest");
}

/// Reports what is due to a registry that accepts it.
pub(crate) fn report_accepted(shard: &mut Shard<Sqlite>, now: UnixMillis) {
    let uses = shard.uses_due(now);
    let counted_at = shard.traffic_due(!uses.is_empty(), now);
    if !uses.is_empty() || counted_at.is_some() {
        shard.uses_reported(&uses, counted_at, now);
    }
}

pub(crate) fn days(from: UnixMillis, count: i64) -> Range {
    Range::of(from, from.plus_ms(count * DAY), Step::Day)
}

/// What an isolate counts for an admitted request.
pub(crate) fn admitted(serial: u32, is_watched: bool) -> Counted {
    Counted {
        serial: Some(Serial(serial)),
        outcome: Outcome::Admitted,
        origin: None,
        is_watched,
        refused: None,
    }
}

/// A report of one batch with `tally` for one token.
pub(crate) fn report(isolate: u64, sequence: u64, began_at: UnixMillis, serial: u32, tally: Tally) -> Report {
    let batch = Batch {
        sequence,
        began_at,
        tokens: vec![(Serial(serial), tally)],
        others: Counts::default(),
        refusals: Vec::new(),
    };
    Report { isolate, batch: Some(batch), first_uses: Vec::new() }
}

/// A tally of `count` admitted requests at one time.
pub(crate) fn uses(count: u64, at: UnixMillis) -> Tally {
    let mut tally = Tally { used: Some((at, at)), ..Tally::default() };
    tally.counts.add(Outcome::Admitted, count);
    tally
}
