//! A successor's first use becomes known although messages are lost.

use crate::chance::chance;
use crate::registry::Successor;
use crate::world::{START, Shards, admitted};
use wayleave::limits::USAGE_SEND_TIMEOUT_MS;
use wayleave::registry::command::TokenUse;
use wayleave::time::UnixMillis;
use wayleave::token::Serial;
use wayleave::usage::report::Report;
use wayleave::usage::{Reporter, Sending, shard_of};

/// Where no registry is asked.
const SUCCESSOR: u32 = 9;

/// What a hop does with its messages.
enum Loss {
    /// Every second one is lost, the first or the second of them.
    EverySecond { next_is_lost: bool },
    /// Every second acknowledgement is lost; what is acknowledged has arrived.
    AnswerOfEverySecond { next_is_lost: bool },
}

impl Loss {
    /// Whether a message arrives, and whether its sender learns so.
    fn passes(&mut self) -> (bool, bool) {
        match self {
            Self::EverySecond { next_is_lost } => {
                *next_is_lost = !*next_is_lost;
                (*next_is_lost, *next_is_lost)
            }
            Self::AnswerOfEverySecond { next_is_lost } => {
                *next_is_lost = !*next_is_lost;
                (true, *next_is_lost)
            }
        }
    }
}

/// One isolate is asked with the successor every `every_ms`; gives when the registry knows of its use.
fn known_after_ms(every_ms: i64, mut to_shard: Loss, mut to_registry: Loss) -> i64 {
    let mut isolate = Reporter::new(1);
    let mut shards = Shards::new();
    let mut successor = Successor::made_at(START);
    let (serial, shard) = (successor.serial, shard_of(successor.serial));
    let mut asked_at = 0;
    // When the isolate sends its counts, and when senders learn that nobody answered.
    let mut freezes_at: Option<i64> = None;
    let mut registry_times_out_at: Option<i64> = None;
    for ms in (0..120_000).step_by(100) {
        let now = START.plus_ms(ms);
        let mut reports: Vec<Sending> = Vec::new();
        if ms >= asked_at {
            asked_at += every_ms;
            isolate.count(admitted(serial.0, true), now);
            if let Some(plan) = isolate.plan(now) {
                reports.extend(plan.first_uses);
                freezes_at = plan.freeze_in_ms.map(|wait| ms + wait).or(freezes_at);
            }
        }
        if freezes_at.is_some_and(|at| at <= ms) {
            freezes_at = None;
            // Only reports of first uses are looked at here.
            drop(isolate.freeze(now));
        }
        for sending in reports {
            let (arrives, is_acknowledged) = to_shard.passes();
            if arrives {
                shards.take(sending.shard, &sending.report, now);
            }
            if is_acknowledged {
                isolate.acknowledged(&sending);
            }
        }
        let waiting = registry_times_out_at.is_some_and(|at| ms < at);
        if !waiting {
            if registry_times_out_at.take().is_some() {
                shards.of(shard).not_told(now);
            }
            let uses = shards.of(shard).uses_due(now);
            if !uses.is_empty() {
                let (arrives, is_acknowledged) = to_registry.passes();
                if arrives {
                    successor.told(&uses, now);
                }
                match is_acknowledged {
                    true => shards.of(shard).told(&uses, now),
                    // A lost call is given up by its time limit.
                    false => registry_times_out_at = Some(ms + i64::from(USAGE_SEND_TIMEOUT_MS)),
                }
            }
        }
        if let Some(first_used_at) = successor.view(now).first_used_at {
            assert!(first_used_at >= START && first_used_at <= now);
            return ms;
        }
    }
    panic!("never known");
}

#[test]
fn with_every_second_first_use_report_dropped_a_successor_in_use_is_known_within_thirty_seconds() {
    for every_ms in [100, 1_000, 7_000, 10_000] {
        for first_of_reports in [true, false] {
            for first_of_calls in [true, false] {
                let lossy = |is_first: bool| Loss::EverySecond { next_is_lost: !is_first };
                let ms = known_after_ms(every_ms, lossy(!first_of_reports), lossy(!first_of_calls));
                println!(
                    "asked every {every_ms} ms, first lost: {first_of_reports}, {first_of_calls}: known after {ms} ms"
                );
                assert!(ms <= 30_000, "known after {ms} ms");
            }
        }
    }
    let lossy = |next_is_lost| Loss::AnswerOfEverySecond { next_is_lost };
    assert_eq!(known_after_ms(1_000, lossy(true), lossy(true)), 0);
}

#[test]
fn a_single_visit_is_told_by_its_batch_when_the_report_is_lost() {
    let mut isolate = Reporter::new(1);
    let mut shards = Shards::new();
    isolate.count(admitted(SUCCESSOR, true), START);
    let plan = isolate.plan(START).unwrap();
    assert_eq!(plan.first_uses.len(), 1, "which is lost");
    let then = START.plus_ms(plan.freeze_in_ms.unwrap());
    for sending in isolate.freeze(then) {
        shards.take(sending.shard, &sending.report, then);
    }
    let uses = shards.of(shard_of(Serial(SUCCESSOR))).uses_due(then.plus_ms(10_000));
    assert_eq!(uses, [TokenUse { serial: Serial(SUCCESSOR), first_at: START, last_at: START }]);
}

#[test]
fn whatever_order_reports_arrive_in_the_earliest_first_and_latest_last_are_told() {
    let mut random = chance();
    for _ in 0..20 {
        let mut shards = Shards::new();
        let shard = shard_of(Serial(SUCCESSOR));
        let mut seen: Vec<i64> = (0..10).map(|_| random.i64(0..500_000)).collect();
        let (first, last) = (*seen.iter().min().unwrap(), *seen.iter().max().unwrap());
        random.shuffle(&mut seen);
        let now = START.plus_ms(600_000);
        for ms in seen {
            let at = START.plus_ms(ms);
            let told = TokenUse { serial: Serial(SUCCESSOR), first_at: at, last_at: at };
            let report = Report { isolate: random.u64(..), batch: None, first_uses: vec![told] };
            shards.take(shard, &report, now);
        }
        let told = shards.of(shard).uses_due(now);
        assert_eq!(told[0].first_at, START.plus_ms(first));
        // The last lags by minutes at most.
        assert!(START.plus_ms(last).since_ms(told[0].last_at) < 600_000, "{told:?}");
        assert!(told[0].last_at <= UnixMillis(START.0 + last));
    }
}
