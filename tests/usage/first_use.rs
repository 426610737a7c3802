//! A successor's first use becomes known even if messages are lost.

use crate::chance::chance;
use crate::isolate::Isolate;
use crate::registry::Successor;
use crate::world::{START, Shards, admitted};
use wayleave::base::time::UnixMillis;
use wayleave::formats::token::Serial;
use wayleave::formats::usage::report::Report;
use wayleave::formats::usage::shard_of;
use wayleave::formats::usage::token_use::TokenUse;
use wayleave::limits::USAGE_SEND_TIMEOUT_MS;

/// A token for tests that involve no registry.
const SUCCESSOR: u32 = 9;

/// How a hop loses messages.
enum Loss {
    /// Loses every second message. `next_is_lost` says which one comes first.
    EverySecond { next_is_lost: bool },
    /// Delivers everything, but loses every second acknowledgement.
    AnswerOfEverySecond { next_is_lost: bool },
}

impl Loss {
    /// Whether a message arrives, and whether its sender learns that.
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

/// Sends an isolate requests with the successor at these times. Returns when the registry knows of its use.
fn known_after_ms(asked_at: impl Iterator<Item = i64>, mut to_shard: Loss, mut to_registry: Loss) -> i64 {
    let mut isolate = Isolate::new(1);
    let mut shards = Shards::new();
    let mut successor = Successor::made_at(START);
    let (serial, shard) = (successor.serial, shard_of(successor.serial));
    let mut asked_at = asked_at.peekable();
    // When the shard notices that the registry did not answer.
    let mut registry_times_out_at: Option<i64> = None;
    for ms in (0..120_000).step_by(100) {
        let now = START.plus_ms(ms);
        while asked_at.next_if(|at| *at <= ms).is_some() {
            isolate.ask(admitted(serial.0, true), now);
        }
        isolate.run(now, |sendings| {
            // Only reports of first uses matter here; the counts of each batch are lost.
            let is_batch = sendings.iter().all(|sending| sending.report.first_uses.is_empty());
            let mut acknowledged = Vec::new();
            for sending in sendings.iter().filter(|_| !is_batch) {
                let (arrives, is_acknowledged) = to_shard.passes();
                if arrives {
                    shards.take(sending.shard, &sending.report, now);
                }
                if is_acknowledged {
                    acknowledged.push(sending.clone());
                }
            }
            acknowledged
        });
        let waiting = registry_times_out_at.is_some_and(|at| ms < at);
        if !waiting {
            if registry_times_out_at.take().is_some() {
                shards.of(shard).report_failed(now);
            }
            let uses = shards.of(shard).uses_due(now);
            if !uses.is_empty() {
                let (arrives, is_acknowledged) = to_registry.passes();
                if arrives {
                    successor.told(&uses, now);
                }
                match is_acknowledged {
                    true => shards.of(shard).uses_reported(&uses, None, now),
                    // The caller of a lost call notices at its time limit.
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

/// Requests repeated at this interval.
fn asked_every(ms: usize) -> impl Iterator<Item = i64> {
    (0..).step_by(ms)
}

#[test]
fn with_every_second_first_use_report_dropped_a_successor_in_use_is_known_within_thirty_seconds() {
    for every_ms in [100, 1_000, 7_000, 10_000] {
        for first_of_reports in [true, false] {
            for first_of_calls in [true, false] {
                let lossy = |is_first: bool| Loss::EverySecond { next_is_lost: !is_first };
                let ms =
                    known_after_ms(asked_every(every_ms), lossy(!first_of_reports), lossy(!first_of_calls));
                println!(
                    "asked every {every_ms} ms, first lost: {first_of_reports}, {first_of_calls}: known \
                     after {ms} ms"
                );
                assert!(ms <= 30_000, "known after {ms} ms");
            }
        }
    }
    let lossy = |next_is_lost| Loss::AnswerOfEverySecond { next_is_lost };
    assert_eq!(known_after_ms(asked_every(1_000), lossy(true), lossy(true)), 0);
}

#[test]
fn a_first_use_that_is_the_last_one_too_is_known_within_thirty_seconds_while_every_second_report_is_lost() {
    for first_of_reports in [true, false] {
        for first_of_calls in [true, false] {
            let lossy = |is_first: bool| Loss::EverySecond { next_is_lost: !is_first };
            let ms = known_after_ms([0].into_iter(), lossy(!first_of_reports), lossy(!first_of_calls));
            assert!(ms <= 30_000, "known after {ms} ms");
        }
    }
}

#[test]
fn a_single_visit_is_told_by_its_batch_when_the_report_is_lost() {
    let mut isolate = Isolate::new(1);
    let mut shards = Shards::new();
    isolate.ask(admitted(SUCCESSOR, true), START);
    let mut lost = 0;
    let mut then = START;
    while let Some(now) = isolate.wakes_at() {
        then = now;
        isolate.run(now, |sendings| {
            if sendings.iter().any(|sending| !sending.report.first_uses.is_empty()) {
                lost += 1;
                return Vec::new();
            }
            sendings.iter().for_each(|sending| shards.take(sending.shard, &sending.report, now));
            sendings.to_vec()
        });
    }
    assert_eq!(lost, 3);
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
        // The last use lags by some minutes at most.
        assert!(START.plus_ms(last).since_ms(told[0].last_at) < 600_000, "{told:?}");
        assert!(told[0].last_at <= UnixMillis(START.0 + last));
    }
}
