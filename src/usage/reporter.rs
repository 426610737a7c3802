//! The reporter: what an isolate sends to which shard, and when.
//!
//! Standard: docs/lifecycle.md, "First uses", "From isolate to shard". This is the alternating-bit protocol
//! with sequence numbers. For each shard there is one outstanding batch, which does not change and is sent
//! again until the shard acknowledges its number. Later counts go into the next batch.
//!
//! Only a request can send, and only for about half a minute after it was counted (`sender.rs`). Whether
//! another request will follow is unknown. So as long as there are counts, one running sender holds the
//! *lease*: the responsibility to send them. If the next send is due later than that request can wait, it
//! sends early, unless a request that can wait long enough has taken over the lease. News (`news.rs`) is
//! sent after 5 s, as after a pause.
//!
//! Invariants: no request waits for a report. A shard gets counts at most every 30 s while requests follow
//! each other within 18 s, and otherwise at most every 24 s; and news at most once in 100 s more. There is
//! one sender of counts at a time. Its lease has a deadline, so a sender whose request was cancelled does not
//! stop the isolate's reports. Memory is bounded.
//! What it must not know: how a report is transmitted.
//! What a mistake costs: counts are late, lost or doubled.

use super::counter::Counter;
use super::first_uses::FirstUses;
use super::news::News;
use super::sending::{Next, Sending};
use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::formats::usage::counted::Counted;
use crate::formats::usage::outcome::Outcome;
use crate::formats::usage::report::{Batch, Report};
use crate::formats::usage::shard_of;
use crate::limits::{
    USAGE_GATHER_MS, USAGE_GIVEN_UP_MS, USAGE_SEND_INTERVAL_MS, USAGE_SEND_TIMEOUT_MS, USAGE_SHARDS,
    USAGE_WAIT_MAX_MS,
};

/// What one isolate has counted and still has to send.
#[derive(Debug)]
pub struct Reporter {
    isolate: u64,
    queues: Vec<ShardQueue>,
    first_uses: FirstUses,
    news: News,
    /// When the first request was counted that is in no batch yet.
    pending_since: Option<UnixMillis>,
    sent_at: Option<UnixMillis>,
    lease: Option<Lease>,
    /// Number of leases given so far.
    leases: u64,
}

/// The responsibility to send the counts, and when to do so.
#[derive(Clone, Copy, Debug)]
struct Lease {
    number: u64,
    sends_at: UnixMillis,
}

/// The state of communication with one shard.
#[derive(Debug, Default)]
struct ShardQueue {
    counter: Counter,
    sequence: u64,
    outstanding: Option<Batch>,
}

impl Reporter {
    /// A reporter that has counted nothing. `isolate` must be random, so that no two isolates are confused.
    #[must_use]
    pub fn new(isolate: u64) -> Self {
        Self {
            isolate,
            queues: (0..USAGE_SHARDS).map(|_| ShardQueue::default()).collect(),
            first_uses: FirstUses::default(),
            news: News::default(),
            pending_since: None,
            sent_at: None,
            lease: None,
            leases: 0,
        }
    }

    pub fn count(&mut self, counted: Counted, now: UnixMillis) {
        self.pending_since.get_or_insert(now);
        if let (Some(serial), true, true) = (counted.serial, counted.is_watched, counted.outcome.is_use()) {
            self.first_uses.note(serial, now);
        }
        // Requests without a token of this deployment go to one shard, which depends on the isolate.
        #[expect(clippy::cast_possible_truncation, reason = "any part of a random number will do")]
        let shard = counted.serial.map_or(self.isolate as u32 % USAGE_SHARDS, shard_of);
        let (serial, is_use) = (counted.serial, counted.outcome.is_use());
        let Some(novelty) = self.queue(shard).map(|queue| queue.counter.count(counted, now)) else { return };
        if novelty.is_new_refusal {
            self.news.refused(serial, now);
        } else if novelty.is_new_token && is_use {
            self.news.admitted(serial, now);
        }
    }

    /// The first uses that the caller must report, and its number as a sender.
    pub(super) fn take_unsent_first_uses(&mut self) -> Option<(u64, Vec<Serial>)> {
        self.first_uses.take_unsent()
    }

    /// Everything to send now: unacknowledged batches, and new counts for the other shards.
    pub fn freeze(&mut self, now: UnixMillis) -> Vec<Sending> {
        (self.pending_since, self.sent_at, self.lease) = (None, Some(now), None);
        self.news.told();
        let isolate = self.isolate;
        let mut all = Vec::new();
        for (shard, queue) in (0..).zip(&mut self.queues) {
            if let Some((batch, is_new)) = queue.batch(now) {
                let report = Report { isolate, batch: Some(batch), first_uses: Vec::new() };
                all.push(Sending { shard, report, is_new });
            }
        }
        all
    }

    /// Notes that the shard has stored everything in the report.
    pub fn acknowledged(&mut self, sending: &Sending) {
        let Sending { shard, report, .. } = sending;
        self.first_uses.acknowledged(&report.first_uses);
        let Some(queue) = self.queue(*shard) else { return };
        let taken = report.batch.as_ref().map(|batch| batch.sequence);
        if taken.is_some() && queue.outstanding.as_ref().map(|batch| batch.sequence) == taken {
            queue.outstanding = None;
        }
    }

    /// What the holder of this lease must do now; `None` when it no longer holds the lease.
    pub(super) fn next_of_lease(&mut self, number: u64, now: UnixMillis) -> Option<Next> {
        let lease = self.lease.filter(|lease| lease.number == number)?;
        let wait_ms = lease.sends_at.since_ms(now);
        // A clock that was set back must not delay the send.
        let is_early = (1..=USAGE_WAIT_MAX_MS).contains(&wait_ms);
        Some(if is_early { Next::Wait(wait_ms) } else { Next::Send(self.freeze(now)) })
    }

    /// A new lease for a sender whose batches were not all acknowledged, to send them once more by `ends_at`.
    /// `None` when there is nothing to send, when there is no time left, or when another request will send.
    pub(super) fn lease_again(&mut self, ends_at: UnixMillis, now: UnixMillis) -> Option<u64> {
        let has_outstanding = self.queues.iter().any(|queue| queue.outstanding.is_some());
        if !has_outstanding || self.living_lease(now).is_some() {
            return None;
        }
        let sends_at = self.sent_at.map_or(now, |at| at.plus_ms(USAGE_SEND_INTERVAL_MS)).min(ends_at);
        // The upper limit covers a clock that was set back, which makes the end look far away.
        let has_time = (1..=USAGE_WAIT_MAX_MS).contains(&sends_at.since_ms(now));
        has_time.then(|| self.give_lease(sends_at))
    }

    /// What this sender of first uses must do now.
    pub(super) fn next_of_first_uses(
        &mut self,
        sender: u64,
        serials: &mut Vec<Serial>,
        ends_at: UnixMillis,
        now: UnixMillis,
    ) -> Option<Next> {
        self.first_uses.next(self.isolate, sender, serials, ends_at, now)
    }

    fn queue(&mut self, shard: u32) -> Option<&mut ShardQueue> {
        self.queues.get_mut(usize::try_from(shard).ok()?)
    }

    /// Gives the caller the lease if counts have no sender, or if the caller can wait longer than the present
    /// holder.
    pub(super) fn lease(&mut self, now: UnixMillis) -> Option<u64> {
        let pending_since = self.pending_since?;
        let gathered_at = pending_since.min(now).plus_ms(USAGE_GATHER_MS);
        // A clock that was set back must not delay the send.
        let interval_ms = if self.news.is_pending() { USAGE_GATHER_MS } else { USAGE_SEND_INTERVAL_MS };
        let next_at = self.sent_at.map(|at| at.min(now).plus_ms(interval_ms));
        let due_at = next_at.map_or(gathered_at, |at| at.max(gathered_at));
        let sends_at = due_at.max(now).min(now.plus_ms(USAGE_WAIT_MAX_MS));
        let is_better = |held: Lease| {
            let gained_ms = sends_at.since_ms(held.sends_at);
            let is_later =
                held.sends_at < due_at && (sends_at >= due_at || gained_ms >= USAGE_TAKEOVER_MIN_MS);
            is_later || (self.news.is_pending() && sends_at < held.sends_at)
        };
        let needs_one = self.living_lease(now).is_none_or(is_better);
        needs_one.then(|| self.give_lease(sends_at))
    }

    fn give_lease(&mut self, sends_at: UnixMillis) -> u64 {
        self.leases = self.leases.saturating_add(1);
        self.lease = Some(Lease { number: self.leases, sends_at });
        self.leases
    }

    /// The lease, if its holder may still be running.
    fn living_lease(&self, now: UnixMillis) -> Option<Lease> {
        let longest_ms = USAGE_WAIT_MAX_MS.saturating_add(SENDER_MS);
        self.lease.filter(|lease| (1..=longest_ms).contains(&lease.sends_at.plus_ms(SENDER_MS).since_ms(now)))
    }
}

impl ShardQueue {
    /// The batch to send: the outstanding one, or else a new one.
    fn batch(&mut self, now: UnixMillis) -> Option<(Batch, bool)> {
        if let Some(batch) = &self.outstanding {
            if now.since_ms(batch.began_at) < USAGE_GIVEN_UP_MS {
                return Some((batch.clone(), false));
            }
            let lost = batch.requests().saturating_add(batch.others.get(Outcome::Lost));
            self.outstanding = None;
            self.counter.count_lost(lost, now);
        }
        let batch = self.counter.take(self.sequence.saturating_add(1))?;
        self.sequence = batch.sequence;
        self.outstanding = Some(batch.clone());
        Some((batch, true))
    }
}

/// How long a sender may take after its wait, in milliseconds: the time limit of a send plus 1 s.
const SENDER_MS: i64 = USAGE_SEND_TIMEOUT_MS as i64 + 1_000;
/// A holder that cannot wait until the next send is replaced by a request that cannot either only if that one
/// can wait at least this much longer, in milliseconds. This limits how many requests wait.
const USAGE_TAKEOVER_MIN_MS: i64 = USAGE_WAIT_MAX_MS / 2;

#[cfg(test)]
mod tests;
