//! Calls that wait for a change of the list, at the registry or at a relay: which are held, and when each
//! is answered.
//!
//! Kept in memory only. A call that is lost with the instance is made again by its isolate, and no promise
//! rests on any of them.
//!
//! Invariants: a call is answered at the first change that its isolate lacks, or when its wait is over. An
//! isolate has one place, and gets a list at most once a second. No more than the limit are held.
//! Another one is answered at once, with the time when to come again.
//! What it must not know: promises, timers.
//! What a mistake costs: a change arrives as late as it would without waiting calls, or memory grows.

use crate::base::time::UnixMillis;
use crate::formats::list::Number;
use crate::limits::{ANSWER_INTERVAL_MS, ANSWERS_AHEAD_MS, MS_PER_SECOND, PUSH_MAX_SECONDS};
use std::collections::BTreeMap;

/// One call that is held, and no other ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// A call that is held.
#[derive(Debug)]
pub(super) struct HeldCall {
    isolate: u64,
    /// The number of the list that the isolate holds.
    after: Number,
    bound_seconds: i64,
    /// Not before this time, because the isolate was answered a moment ago.
    answer_from: UnixMillis,
    until: UnixMillis,
    /// How long it was held, by timers that ran out.
    held_ms: u32,
    /// A later call of its isolate took its place.
    is_replaced: bool,
    /// It was named by [`Waiting::due`].
    is_woken: bool,
}

/// What to do with a call that was looked at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wait {
    /// Look at it again when it is woken, or after so many milliseconds.
    For(Ticket, u32),
    /// Answer it. `after`: the list that its isolate holds. `held_ms`: how long it was held at least.
    Over { isolate: u64, after: Option<Number>, bound_seconds: i64, held_ms: u32 },
    /// Answer it, although it could wait: as many calls as possible are held.
    Full,
    /// A later call of its isolate took its place.
    Replaced,
}

/// The calls that are held.
#[derive(Debug)]
pub(super) struct Waiting {
    calls: BTreeMap<Ticket, HeldCall>,
    by_isolate: BTreeMap<u64, Ticket>,
    /// For isolates that got lists lately: until when these use up their share of one a second.
    answered_until: BTreeMap<u64, UnixMillis>,
    pruned_at: UnixMillis,
    tickets: u64,
    /// The number of the first list that contains the newest change.
    newest: Number,
    limit: usize,
}

impl Waiting {
    pub(super) fn new(newest: Number, limit: usize) -> Self {
        Self {
            calls: BTreeMap::new(),
            by_isolate: BTreeMap::new(),
            answered_until: BTreeMap::new(),
            pruned_at: UnixMillis(0),
            tickets: 0,
            newest,
            limit,
        }
    }

    /// Notes that `list` is the first to contain the newest change, which is committed.
    pub(super) fn changed(&mut self, list: Number) {
        self.newest = list;
    }

    /// Calls held, without those that were replaced.
    pub(super) fn held(&self) -> usize {
        self.by_isolate.len()
    }

    /// Whether an isolate that holds `after` lacks a change.
    pub(super) fn lacks(&self, after: Number) -> bool {
        after < self.newest
    }

    /// From when on `isolate` may get a list.
    fn answer_from(&self, isolate: u64, now: UnixMillis) -> UnixMillis {
        let until = self.answered_until.get(&isolate).filter(|until| is_ahead(**until, now));
        until.map_or(now, |until| until.plus_ms(ANSWER_INTERVAL_MS - ANSWERS_AHEAD_MS))
    }

    /// Notes that `isolate` gets a list.
    pub(super) fn note_answered(&mut self, isolate: u64, now: UnixMillis) {
        if !(0..ANSWER_INTERVAL_MS).contains(&now.since_ms(self.pruned_at)) {
            self.answered_until.retain(|_, until| is_ahead(*until, now));
            self.pruned_at = now;
        }
        let until = self.answered_until.get(&isolate).copied().filter(|until| is_ahead(*until, now));
        let until = until.unwrap_or(now).plus_ms(ANSWER_INTERVAL_MS).min(now.plus_ms(ANSWERS_AHEAD_MS));
        self.answered_until.insert(isolate, until);
    }

    /// A ticket that no other call has.
    pub(super) fn ticket(&mut self) -> Ticket {
        self.tickets = self.tickets.saturating_add(1);
        Ticket(self.tickets)
    }

    /// Ends every call that is held.
    pub(super) fn end_all(&mut self) {
        self.by_isolate.clear();
        self.calls.values_mut().for_each(|call| (call.is_replaced, call.is_woken) = (true, false));
    }

    /// Ends the earlier call of `isolate`, if it still waits.
    fn replace(&mut self, isolate: u64) {
        let earlier = self.by_isolate.remove(&isolate);
        if let Some(held) = earlier.and_then(|ticket| self.calls.get_mut(&ticket)) {
            held.is_replaced = true;
        }
    }

    /// Looks at a new call of `isolate`, which ends its earlier one. `after`: the list that it holds.
    pub(super) fn take(
        &mut self,
        isolate: u64,
        after: Option<Number>,
        bound_seconds: i64,
        wait_ms: i64,
        now: UnixMillis,
    ) -> Wait {
        self.replace(isolate);
        let over = Wait::Over { isolate, after, bound_seconds, held_ms: 0 };
        let Some(after) = after else { return over };
        let (answer_from, until) = (self.answer_from(isolate, now), now.plus_ms(wait_ms));
        let (held_ms, is_replaced, is_woken) = (0, false, false);
        let call =
            HeldCall { isolate, after, bound_seconds, answer_from, until, held_ms, is_replaced, is_woken };
        let Some(for_ms) = self.waits_for_ms(&call, now) else { return over };
        if self.held() >= self.limit {
            return Wait::Full;
        }
        let ticket = self.ticket();
        self.by_isolate.insert(isolate, ticket);
        self.calls.insert(ticket, call);
        Wait::For(ticket, for_ms)
    }

    /// Looks at a held call again: it was woken, or its time is over. `timed_ms`: how long it was held if
    /// its timer ran out, else 0.
    pub(super) fn look_again(&mut self, ticket: Ticket, timed_ms: u32, now: UnixMillis) -> Wait {
        let Some(call) = self.calls.get(&ticket) else { return Wait::Replaced };
        let (for_ms, lacks) = (self.waits_for_ms(call, now), self.lacks(call.after));
        if let Some(call) = self.calls.get_mut(&ticket) {
            call.held_ms = call.held_ms.saturating_add(timed_ms);
            // One that was woken too soon after its last answer looks again by itself.
            call.is_woken = lacks;
        }
        if let Some(for_ms) = for_ms {
            return Wait::For(ticket, for_ms);
        }
        match self.remove(ticket) {
            Some(HeldCall { isolate, after, bound_seconds, held_ms, .. }) => {
                Wait::Over { isolate, after: Some(after), bound_seconds, held_ms }
            }
            None => Wait::Replaced,
        }
    }

    /// The calls to look at now: up to `limit` of those that lack a change, in random order, and those that
    /// were replaced.
    pub(super) fn due(
        &mut self,
        now: UnixMillis,
        limit: usize,
        random: &mut dyn FnMut() -> u32,
    ) -> Vec<Ticket> {
        let is_due = |call: &HeldCall| {
            !call.is_woken && (self.lacks(call.after) || self.waits_for_ms(call, now).is_none())
        };
        let calls = self.calls.iter().filter(|(_, call)| is_due(call));
        let mut due: Vec<(bool, u32, Ticket)> =
            calls.map(|(ticket, call)| (!call.is_replaced, random(), *ticket)).collect();
        due.sort_unstable();
        due.truncate(limit);
        let due: Vec<Ticket> = due.into_iter().map(|(_, _, ticket)| ticket).collect();
        for ticket in &due {
            if let Some(call) = self.calls.get_mut(ticket) {
                call.is_woken = true;
            }
        }
        due
    }

    /// Removes a call; `None` when a later call of its isolate took its place.
    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<HeldCall> {
        let call = self.calls.remove(&ticket)?;
        if self.by_isolate.get(&call.isolate) == Some(&ticket) {
            self.by_isolate.remove(&call.isolate);
        }
        Some(call).filter(|call| !call.is_replaced)
    }

    /// Milliseconds until `held` is to be looked at again; `None`: now.
    fn waits_for_ms(&self, held: &HeldCall, now: UnixMillis) -> Option<u32> {
        let left_ms = held.until.since_ms(now);
        // More than any call may wait: the clock was set back.
        if held.is_replaced || !(1..=PUSH_MAX_SECONDS * MS_PER_SECOND).contains(&left_ms) {
            return None;
        }
        if !self.lacks(held.after) {
            return u32::try_from(left_ms).ok();
        }
        let wait_ms = held.answer_from.since_ms(now).min(left_ms);
        u32::try_from(wait_ms).ok().filter(|_| (1..=ANSWER_INTERVAL_MS).contains(&wait_ms))
    }
}

/// Whether an isolate has used up its share until then. A time farther ahead means that the clock was set
/// back.
fn is_ahead(until: UnixMillis, now: UnixMillis) -> bool {
    (1..=ANSWERS_AHEAD_MS).contains(&until.since_ms(now))
}
