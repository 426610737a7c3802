//! The reporter: what an isolate sends to which shard, and when.
//!
//! Standard: DESIGN section 8 ("each isolate that admits it reports at once and repeats until the report is acknowledged").
//! It is the alternating-bit protocol with numbers: to each shard one batch is on its way; it stays as it is, and is sent
//! again, until that shard has acknowledged its number; what is counted meanwhile goes into the next.
//! Invariants: no request waits for a report; a shard is sent counts at most every 30 s; one sender at a time, under a lease
//! with a deadline, so that a sender whose request was cancelled does not silence the isolate; memory is bounded.
//! What it must not know: how a report travels.
//! What a mistake costs: a first use that nobody hears of holds a rotation's end; counts are lost or doubled.

use super::counter::{Counted, Counter};
use super::report::{Batch, Report};
use super::{Outcome, shard_of};
use crate::limits::{
    FIRST_USE_REPEAT_MS, FIRST_USES_HELD_MAX, USAGE_GATHER_MS, USAGE_GIVEN_UP_MS, USAGE_SEND_INTERVAL_MS,
    USAGE_SEND_TIMEOUT_MS, USAGE_SHARDS, USAGE_WAIT_MAX_MS,
};
use crate::registry::command::TokenUse;
use crate::time::UnixMillis;
use crate::token::Serial;
use std::collections::BTreeMap;

/// What one isolate counts and has yet to send.
#[derive(Debug)]
pub struct Reporter {
    isolate: u64,
    ways: Vec<Way>,
    first_uses: BTreeMap<Serial, FirstUse>,
    /// Those to report now.
    urgent: Vec<TokenUse>,
    /// When the first count was made that is in no batch yet.
    pending_since: Option<UnixMillis>,
    sent_at: Option<UnixMillis>,
    lease_until: Option<UnixMillis>,
}

/// The way to one shard.
#[derive(Debug, Default)]
struct Way {
    counter: Counter,
    sequence: u64,
    on_its_way: Option<Batch>,
}

/// A watched token that was admitted.
#[derive(Clone, Copy, Debug)]
struct FirstUse {
    first_at: UnixMillis,
    reported_at: UnixMillis,
    is_acknowledged: bool,
}

/// A report on its way to a shard.
#[derive(Clone, Debug, PartialEq)]
pub struct Sending {
    /// Which.
    pub shard: u32,
    /// What.
    pub report: Report,
    /// It was not sent before.
    pub is_new: bool,
}

/// What is to be done after a request, off its path.
#[derive(Debug, Default, PartialEq)]
pub struct Plan {
    /// To send now.
    pub first_uses: Vec<Sending>,
    /// The caller holds the lease: after so many milliseconds it is to send what [`Reporter::freeze`] gives.
    pub freeze_in_ms: Option<i64>,
}

impl Reporter {
    /// `isolate` is random, so that no two isolates are taken for one.
    #[must_use]
    pub fn new(isolate: u64) -> Self {
        Self {
            isolate,
            ways: (0..USAGE_SHARDS).map(|_| Way::default()).collect(),
            first_uses: BTreeMap::new(),
            urgent: Vec::new(),
            pending_since: None,
            sent_at: None,
            lease_until: None,
        }
    }

    /// Counts one request.
    pub fn count(&mut self, counted: Counted, now: UnixMillis) {
        self.pending_since.get_or_insert(now);
        if let (Some(serial), true, true) = (counted.serial, counted.is_watched, counted.outcome.is_use()) {
            self.note_first_use(serial, now);
        }
        // What is no token's goes to one shard, another for each isolate.
        #[allow(clippy::cast_possible_truncation)] // any part of a random number will do
        let shard = counted.serial.map_or(self.isolate as u32 % USAGE_SHARDS, shard_of);
        if let Some(way) = self.way(shard) {
            way.counter.count(counted, now);
        }
    }

    /// What is to be done now; `None`, nearly always, is nothing. A caller that is told to freeze holds the lease for it.
    pub fn plan(&mut self, now: UnixMillis) -> Option<Plan> {
        let freeze_in_ms = self.lease(now);
        if freeze_in_ms.is_none() && self.urgent.is_empty() {
            return None;
        }
        Some(Plan { first_uses: self.urgent_reports(), freeze_in_ms })
    }

    /// Everything to send now: batches that were not acknowledged, and what was counted for the other shards.
    pub fn freeze(&mut self, now: UnixMillis) -> Vec<Sending> {
        (self.pending_since, self.sent_at, self.lease_until) = (None, Some(now), None);
        let isolate = self.isolate;
        let mut all = Vec::new();
        for (shard, way) in (0..).zip(&mut self.ways) {
            if let Some((batch, is_new)) = way.batch(now) {
                let report = Report { isolate, batch: Some(batch), first_uses: Vec::new() };
                all.push(Sending { shard, report, is_new });
            }
        }
        all
    }

    /// The shard has everything of the report.
    pub fn acknowledged(&mut self, sending: &Sending) {
        let Sending { shard, report, .. } = sending;
        for told in &report.first_uses {
            if let Some(first_use) = self.first_uses.get_mut(&told.serial) {
                first_use.is_acknowledged = true;
            }
        }
        let Some(way) = self.way(*shard) else { return };
        let taken = report.batch.as_ref().map(|batch| batch.sequence);
        if taken.is_some() && way.on_its_way.as_ref().map(|batch| batch.sequence) == taken {
            way.on_its_way = None;
        }
    }

    fn way(&mut self, shard: u32) -> Option<&mut Way> {
        self.ways.get_mut(usize::try_from(shard).ok()?)
    }

    /// Whether the caller is to send, and in how many milliseconds.
    fn lease(&mut self, now: UnixMillis) -> Option<i64> {
        let pending_since = self.pending_since?;
        let gathered_at = pending_since.min(now).plus_ms(USAGE_GATHER_MS);
        // A clock that was set back must not put it off.
        let next_at = self.sent_at.map(|at| at.min(now).plus_ms(USAGE_SEND_INTERVAL_MS));
        let due_at = next_at.map_or(gathered_at, |at| at.max(gathered_at));
        let wait_ms = due_at.since_ms(now).max(0);
        let longest_ms = USAGE_WAIT_MAX_MS.saturating_add(SENDER_MS);
        let is_leased = self.lease_until.is_some_and(|until| (1..=longest_ms).contains(&until.since_ms(now)));
        if is_leased || wait_ms > USAGE_WAIT_MAX_MS {
            return None;
        }
        self.lease_until = Some(now.plus_ms(wait_ms).plus_ms(SENDER_MS));
        Some(wait_ms)
    }

    fn note_first_use(&mut self, serial: Serial, now: UnixMillis) {
        if self.first_uses.len() >= FIRST_USES_HELD_MAX && !self.first_uses.contains_key(&serial) {
            self.first_uses.retain(|_, first_use| !first_use.is_acknowledged);
            // The batch tells it too, later.
            if self.first_uses.len() >= FIRST_USES_HELD_MAX {
                return;
            }
        }
        let long_ago = now.plus_ms(-FIRST_USE_REPEAT_MS);
        let new = FirstUse { first_at: now, reported_at: long_ago, is_acknowledged: false };
        let first_use = self.first_uses.entry(serial).or_insert(new);
        let is_early = (0..FIRST_USE_REPEAT_MS).contains(&now.since_ms(first_use.reported_at));
        if !first_use.is_acknowledged && !is_early {
            first_use.reported_at = now;
            self.urgent.push(TokenUse { serial, first_at: first_use.first_at, last_at: now });
        }
    }

    fn urgent_reports(&mut self) -> Vec<Sending> {
        let mut by_shard: BTreeMap<u32, Vec<TokenUse>> = BTreeMap::new();
        for told in self.urgent.drain(..) {
            by_shard.entry(shard_of(told.serial)).or_default().push(told);
        }
        let isolate = self.isolate;
        let sending = |(shard, first_uses)| {
            let report = Report { isolate, batch: None, first_uses };
            Sending { shard, report, is_new: true }
        };
        by_shard.into_iter().map(sending).collect()
    }
}

impl Way {
    /// The batch to send: the one on its way, or one that is new.
    fn batch(&mut self, now: UnixMillis) -> Option<(Batch, bool)> {
        if let Some(batch) = &self.on_its_way {
            if now.since_ms(batch.began_at) < USAGE_GIVEN_UP_MS {
                return Some((batch.clone(), false));
            }
            let lost = batch.requests().saturating_add(batch.others.get(Outcome::Lost));
            self.on_its_way = None;
            self.counter.count_lost(lost, now);
        }
        let batch = self.counter.take(self.sequence.saturating_add(1))?;
        self.sequence = batch.sequence;
        self.on_its_way = Some(batch.clone());
        Some((batch, true))
    }
}

/// How long a sender may take once its wait is over.
const SENDER_MS: i64 = USAGE_SEND_TIMEOUT_MS as i64 + 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(serial: u32, is_watched: bool) -> Counted {
        Counted { serial: Some(Serial(serial)), outcome: Outcome::Admitted, origin: None, is_watched }
    }

    fn at(ms: i64) -> UnixMillis {
        UnixMillis(1_000_000 + ms)
    }

    /// Counts one request of the token at `ms` and says in how many milliseconds its caller is to send.
    fn request(reporter: &mut Reporter, serial: u32, ms: i64) -> Option<i64> {
        reporter.count(admitted(serial, false), at(ms));
        reporter.plan(at(ms)).and_then(|plan| plan.freeze_in_ms)
    }

    fn admitted_in(sendings: &[Sending]) -> u64 {
        sendings.iter().filter_map(|sending| sending.report.batch.as_ref()).map(Batch::requests).sum()
    }

    fn again(sendings: &[Sending]) -> Vec<Sending> {
        sendings.iter().map(|sending| Sending { is_new: false, ..sending.clone() }).collect()
    }

    #[test]
    fn one_request_gathers_for_the_others_and_then_a_shard_rests_for_half_a_minute() {
        let mut reporter = Reporter::new(1);
        assert_eq!(request(&mut reporter, 8, 0), Some(USAGE_GATHER_MS));
        assert_eq!(request(&mut reporter, 8, 100), None);
        assert_eq!(admitted_in(&reporter.freeze(at(5_000))), 2);
        // The next is due at 35 s; nobody waits for longer than the platform lets him.
        assert_eq!(request(&mut reporter, 8, 6_000), None);
        assert_eq!(request(&mut reporter, 8, 11_000), Some(24_000));
        assert_eq!(request(&mut reporter, 8, 30_000), None);
        assert_eq!(admitted_in(&reporter.freeze(at(35_000))), 2, "the batch on its way, unchanged");
    }

    #[test]
    fn a_sender_that_vanished_is_replaced_when_its_lease_ends() {
        let mut reporter = Reporter::new(1);
        assert_eq!(request(&mut reporter, 8, 0), Some(5_000));
        assert_eq!(request(&mut reporter, 8, 10_999), None);
        assert_eq!(request(&mut reporter, 8, 11_000), Some(0));
        // A clock that was set back does not leave the lease to the dead for longer.
        assert!(request(&mut reporter, 8, -900_000).is_some());
    }

    #[test]
    fn a_batch_stays_as_it_is_until_its_number_is_acknowledged() {
        let mut reporter = Reporter::new(7);
        request(&mut reporter, 8, 0);
        request(&mut reporter, 9, 0);
        let first = reporter.freeze(at(5_000));
        assert_eq!(first.len(), 2);
        request(&mut reporter, 8, 6_000);
        assert_eq!(reporter.freeze(at(35_000)), again(&first));
        for sending in &first {
            reporter.acknowledged(sending);
        }
        let second = reporter.freeze(at(65_000));
        assert_eq!((second.len(), admitted_in(&second)), (1, 1));
        assert_eq!(second[0].report.batch.as_ref().unwrap().sequence, 2);
        // A late acknowledgement of the first says nothing of the second.
        for sending in &first {
            reporter.acknowledged(sending);
        }
        assert_eq!(reporter.freeze(at(95_000)), again(&second));
    }

    #[test]
    fn a_batch_that_nobody_takes_is_given_up_and_counted_as_lost() {
        let mut reporter = Reporter::new(7);
        for _ in 0..3 {
            request(&mut reporter, 8, 0);
        }
        reporter.freeze(at(5_000));
        assert_eq!(admitted_in(&reporter.freeze(at(USAGE_GIVEN_UP_MS - 1))), 3);
        let after = reporter.freeze(at(USAGE_GIVEN_UP_MS));
        let batch = after[0].report.batch.as_ref().unwrap();
        assert_eq!((batch.sequence, batch.others.get(Outcome::Lost), batch.requests()), (2, 3, 0));
        // Given up in its turn, it is still three.
        let later = reporter.freeze(at(3 * USAGE_GIVEN_UP_MS));
        assert_eq!(later[0].report.batch.as_ref().unwrap().others.get(Outcome::Lost), 3);
    }

    #[test]
    fn a_watched_use_is_told_at_once_and_again_every_ten_seconds_until_acknowledged() {
        let mut reporter = Reporter::new(7);
        let told = |reporter: &mut Reporter, ms: i64| {
            reporter.count(admitted(8, true), at(ms));
            reporter.plan(at(ms)).map(|plan| plan.first_uses).unwrap_or_default()
        };
        let first = told(&mut reporter, 0);
        let expected = TokenUse { serial: Serial(8), first_at: at(0), last_at: at(0) };
        let report = Report { isolate: 7, batch: None, first_uses: vec![expected] };
        assert_eq!(first, [Sending { shard: 0, report, is_new: true }]);
        assert_eq!(told(&mut reporter, 9_999), []);
        let again = told(&mut reporter, 10_000);
        assert_eq!(again[0].report.first_uses, [TokenUse { last_at: at(10_000), ..expected }]);
        reporter.acknowledged(&first[0]);
        assert_eq!(told(&mut reporter, 30_000), []);
        // A refusal is no use.
        reporter.count(Counted { outcome: Outcome::OriginNotAllowed, ..admitted(16, true) }, at(30_000));
        assert_eq!(reporter.plan(at(30_000)).map(|plan| plan.first_uses).unwrap_or_default(), []);
    }

    #[test]
    fn first_uses_that_are_remembered_are_bounded() {
        let mut reporter = Reporter::new(7);
        let many = u32::try_from(FIRST_USES_HELD_MAX).unwrap();
        for serial in 0..many + 100 {
            reporter.count(admitted(serial, true), at(0));
        }
        let reports = reporter.plan(at(0)).unwrap().first_uses;
        let told: usize = reports.iter().map(|sending| sending.report.first_uses.len()).sum();
        assert_eq!(told, FIRST_USES_HELD_MAX);
        for sending in &reports {
            reporter.acknowledged(sending);
        }
        reporter.count(admitted(many + 100, true), at(1));
        assert_eq!(reporter.plan(at(1)).unwrap().first_uses.len(), 1);
    }
}
