//! A relay: it waits at the registry for changes as an isolate does, and serves the isolates near it, so
//! that the registry holds one call instead of 2,000. A pure state machine without storage; `now` and
//! randomness are arguments.
//!
//! Standard: docs/bound.md, "Relays".
//! Invariants: a relay makes no list and no promise. It passes on what the registry sealed, and the
//! isolate's own clock tells the list's age, as for a copy from KV. It answers with a list that brings its
//! isolate a change, or that the registry gave within the last second, and never with an older list than
//! the isolate holds. If it cannot, it refuses, and the isolate looks by itself. While it holds no call it
//! makes none.
//! What it must not know: promises, timers, Workers.
//! What a mistake costs: a change arrives late, or an isolate looks for lists by itself. It cannot admit.

mod reports;

use super::registry::Reception;
use super::registry::command::{Answer, Call, Fault, RelayCall, Subscribe};
use super::waiting::{Ticket, Wait, Waiting};
use crate::base::time::UnixMillis;
use crate::formats::holding::Holding;
use crate::formats::key::KeyRing;
use crate::formats::list::{Delta, Number};
use crate::limits::{
    CLOCK_SKEW_MS, HELD_FULL_AGAIN_MS, MS_PER_SECOND, PUSH_ANSWER_GRACE_MS, PUSH_BACKOFF_MAX_MS,
    PUSH_BACKOFF_MIN_MS, PUSH_MAX_SECONDS, RELAY_ASK_TIMEOUT_MS, RELAY_ASKS_FOR_MS, RELAY_BOUND_MIN_SECONDS,
    RELAY_FRESH_MS,
};
use base64::prelude::*;
use reports::Reports;
use std::collections::BTreeMap;

/// What a relay is made with.
#[derive(Clone, Debug)]
pub struct RelaySettings {
    pub ring: KeyRing,
    pub bound_seconds: i64,
    /// How many calls it holds.
    pub held_calls_max: usize,
}

/// A relay, and what it holds in memory.
#[derive(Debug)]
pub struct Relay {
    settings: RelaySettings,
    /// Drawn at random, so that the registry can distinguish relays.
    number: u64,
    waiting: Waiting,
    /// Calls for whose answer the registry is asked.
    asking: BTreeMap<Ticket, Asking>,
    list: Option<HeldList>,
    /// The registry gave a list at this time or later.
    fresh_at: Option<UnixMillis>,
    /// The call that waits at the registry, and the one that asks it at once.
    line: Option<Outgoing>,
    ask: Option<Outgoing>,
    /// The shell looks again at this time.
    looks_at: Option<UnixMillis>,
    reports: Reports,
    calls: u64,
    failures: u32,
    /// After failures it refuses every call until then.
    rests_until: Option<UnixMillis>,
}

/// The newest list that the registry gave.
#[derive(Debug)]
struct HeldList {
    /// In base64, as it is passed on.
    sealed: String,
    number: Number,
    came_at: UnixMillis,
}

/// A call for whose answer the registry is asked.
#[derive(Debug)]
struct Asking {
    after: Option<Number>,
    came_at: UnixMillis,
    /// It is answered with a list that the registry gave at this time or later.
    fresh_from: UnixMillis,
    again_in_ms: Option<u32>,
    is_woken: bool,
}

/// A call to the registry that is under way.
#[derive(Clone, Copy, Debug)]
struct Outgoing {
    id: CallId,
    began_at: UnixMillis,
    timeout_ms: i64,
}

/// One call of this relay to the registry, and no other ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallId(u64);

/// What the shell does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Make this call in the background, and pass the answer to [`Relay::answered`].
    Call {
        id: CallId,
        call: Call,
        /// When it counts as failed.
        timeout_ms: u32,
    },
    /// Ask for the next step after so many milliseconds.
    LookIn(u32),
}

impl Relay {
    /// `number`: drawn at random.
    #[must_use]
    pub fn new(settings: RelaySettings, number: u64) -> Self {
        let none = Number { epoch: 0, n: 0 };
        let waiting = Waiting::new(none, settings.held_calls_max);
        Self {
            settings,
            // The last bit distinguishes its two calls.
            number: number & !1,
            waiting,
            asking: BTreeMap::new(),
            list: None,
            fresh_at: None,
            line: None,
            ask: None,
            looks_at: None,
            reports: Reports::default(),
            calls: 0,
            failures: 0,
            rests_until: None,
        }
    }

    /// Takes the call of an isolate. Whatever is returned, ask for [`Self::next_step`] then.
    pub fn subscribe(&mut self, call: Subscribe, now: UnixMillis) -> Reception {
        let Subscribe { location, isolate, bound_seconds, wait_ms, holding } = call;
        let after = holding.as_ref().map(|holding| holding.number);
        if let Some(holding) = holding {
            self.reports.take(location, holding, now);
        }
        // While a deployment changes the bound at some places.
        let is_allowed = bound_seconds.min(self.settings.bound_seconds) >= RELAY_BOUND_MIN_SECONDS;
        if self.rests(now) || !is_allowed {
            return refused();
        }
        let longest_ms = self.usable_ms(bound_seconds) / 3;
        let wait_ms = i64::from(wait_ms).min(longest_ms).min(PUSH_MAX_SECONDS * MS_PER_SECOND);
        let wait = self.waiting.take(isolate, after, bound_seconds, wait_ms, now);
        match wait {
            Wait::Over { .. } if wait_ms == 0 => self.ask_for(None, after, None, now),
            Wait::Full => self.ask_for(None, after, Some(HELD_FULL_AGAIN_MS), now),
            wait => self.reception(None, wait, now),
        }
    }

    /// Takes a report of an isolate that has no line.
    pub fn report(&mut self, location: String, holding: Holding, now: UnixMillis) -> Answer {
        self.reports.take(location, holding, now);
        Answer::Reported
    }

    /// Looks at a held call again: it was woken, or its time is over. `timed_ms`: how long it was held if
    /// its timer ran out, else 0.
    pub fn resume(&mut self, ticket: Ticket, timed_ms: u32, now: UnixMillis) -> Reception {
        if self.rests(now) {
            self.hung_up(ticket);
            return refused();
        }
        let Some(asking) = self.asking.remove(&ticket) else {
            let wait = self.waiting.look_again(ticket, timed_ms, now);
            return self.reception(Some(ticket), wait, now);
        };
        if timed_ms > 0 {
            return refused();
        }
        if self.is_fresh(asking.fresh_from) {
            let is_older = self.is_older_than(asking.after);
            return if is_older { refused() } else { self.answer(asking.again_in_ms) };
        }
        let left_ms = asking.came_at.plus_ms(RELAY_ASKS_FOR_MS.into()).since_ms(now);
        match u32::try_from(left_ms).ok().filter(|left_ms| (1..=RELAY_ASKS_FOR_MS).contains(left_ms)) {
            Some(for_ms) => {
                self.asking.insert(ticket, Asking { is_woken: false, ..asking });
                Reception::Waits { ticket, for_ms }
            }
            None => refused(),
        }
    }

    fn reception(&mut self, ticket: Option<Ticket>, wait: Wait, now: UnixMillis) -> Reception {
        match wait {
            Wait::For(ticket, for_ms) => Reception::Waits { ticket, for_ms },
            Wait::Over { isolate, after, bound_seconds, .. } => {
                if after.is_some_and(|after| self.brings_change(after, bound_seconds, now)) {
                    // Only these answers count as the one of this second: an isolate whose wait was over a
                    // moment ago gets a change at once.
                    self.waiting.note_answered(isolate, now);
                    return self.answer(None);
                }
                self.ask_for(ticket, after, None, now)
            }
            Wait::Full | Wait::Replaced => Reception::Answered(Answer::Replaced),
        }
    }

    /// Answers a call with the list held if that is fresh, otherwise once the registry was asked.
    fn ask_for(
        &mut self,
        ticket: Option<Ticket>,
        after: Option<Number>,
        again_in_ms: Option<u32>,
        now: UnixMillis,
    ) -> Reception {
        // A list older than the isolate's is asked for anew.
        let is_older = self.is_older_than(after);
        let fresh_from = if is_older { now } else { now.plus_ms(-RELAY_FRESH_MS) };
        if !is_older && self.is_fresh(fresh_from) {
            return self.answer(again_in_ms);
        }
        let ticket = ticket.unwrap_or_else(|| self.waiting.ticket());
        let asking = Asking { after, came_at: now, fresh_from, again_in_ms, is_woken: false };
        self.asking.insert(ticket, asking);
        Reception::Waits { ticket, for_ms: RELAY_ASKS_FOR_MS }
    }

    fn answer(&self, again_in_ms: Option<u32>) -> Reception {
        let Some(list) = &self.list else { return refused() };
        let sealed = list.sealed.clone();
        Reception::Answered(Answer::Relayed { sealed, again_in_ms })
    }

    /// L, by the smaller bound.
    fn usable_ms(&self, bound_seconds: i64) -> i64 {
        bound_seconds.min(self.settings.bound_seconds) * MS_PER_SECOND - CLOCK_SKEW_MS
    }

    /// Whether the list held contains a change that an isolate with `after` lacks, and came a short time
    /// ago.
    fn brings_change(&self, after: Number, bound_seconds: i64, now: UnixMillis) -> bool {
        let lately_ms = self.usable_ms(bound_seconds) / 3;
        let came_lately = |list: &HeldList| (0..=lately_ms).contains(&now.since_ms(list.came_at));
        self.waiting.lacks(after) && self.list.as_ref().is_some_and(came_lately)
    }

    fn is_older_than(&self, after: Option<Number>) -> bool {
        self.list.as_ref().map(|list| list.number) < after
    }

    /// Whether the registry gave a list at `from` or later. A time far ahead means that the clock was set
    /// back.
    fn is_fresh(&self, from: UnixMillis) -> bool {
        let most_ms = RELAY_FRESH_MS + i64::from(RELAY_ASKS_FOR_MS);
        self.list.is_some() && self.fresh_at.is_some_and(|at| (0..=most_ms).contains(&at.since_ms(from)))
    }

    fn rests(&self, now: UnixMillis) -> bool {
        self.rests_until.is_some_and(|until| (1..=PUSH_BACKOFF_MAX_MS).contains(&until.since_ms(now)))
    }

    /// What to do now. Call it after every call of an isolate and every answer, until it returns `None`.
    pub fn next_step(&mut self, now: UnixMillis) -> Option<Step> {
        if self.rests(now) {
            return None;
        }
        self.forget_lost_calls(now);
        let wants_list = self.asking.values().any(|asking| !self.is_fresh(asking.fresh_from));
        let report_in_ms = self.reports.due_in_ms(now);
        if self.ask.is_none() && (wants_list || report_in_ms == Some(0)) {
            return Some(self.call(0, now));
        }
        if self.line.is_none() && self.waiting.held() > 0 {
            let longest_ms = self.usable_ms(self.settings.bound_seconds) / 3;
            let wait_ms = longest_ms.min(PUSH_MAX_SECONDS * MS_PER_SECOND);
            return Some(self.call(wait_ms, now));
        }
        let look_in_ms = report_in_ms.filter(|in_ms| *in_ms > 0 && self.ask.is_none())?;
        let is_awaited = |at: UnixMillis| (0..=look_in_ms).contains(&at.since_ms(now));
        if self.looks_at.is_some_and(is_awaited) {
            return None;
        }
        self.looks_at = Some(now.plus_ms(look_in_ms));
        u32::try_from(look_in_ms).ok().map(Step::LookIn)
    }

    fn call(&mut self, wait_ms: i64, now: UnixMillis) -> Step {
        self.calls = self.calls.saturating_add(1);
        let id = CallId(self.calls);
        let waits = wait_ms > 0;
        let timeout_ms = if waits { wait_ms + PUSH_ANSWER_GRACE_MS } else { RELAY_ASK_TIMEOUT_MS.into() };
        let outgoing = Outgoing { id, began_at: now, timeout_ms };
        *(if waits { &mut self.line } else { &mut self.ask }) = Some(outgoing);
        let after = self.list.as_ref().map(|list| list.number);
        let call = Call::Relay(RelayCall {
            relay: self.number | u64::from(!waits),
            bound_seconds: self.settings.bound_seconds,
            wait_ms: u32::try_from(wait_ms).unwrap_or(0),
            after,
            highest: after.max(self.reports.highest()),
            reports: self.reports.told(self.number, now),
        });
        Step::Call { id, call, timeout_ms: u32::try_from(timeout_ms).unwrap_or(0) }
    }

    /// A call whose time is long over was lost with whoever made it.
    fn forget_lost_calls(&mut self, now: UnixMillis) {
        let is_alive =
            |call: &Outgoing| (0..=call.timeout_ms + MS_PER_SECOND).contains(&now.since_ms(call.began_at));
        self.line = self.line.filter(is_alive);
        self.ask = self.ask.filter(is_alive);
    }

    /// Takes the answer to call `id`; `None` when there was none in time. Then wake [`Self::due_calls`],
    /// and ask for [`Self::next_step`].
    pub fn answered(&mut self, id: CallId, answer: Option<Answer>, now: UnixMillis) {
        let is_this = |call: &Option<Outgoing>| call.filter(|call| call.id == id);
        let Some(call) = is_this(&self.line).or_else(|| is_this(&self.ask)) else { return };
        for place in [&mut self.line, &mut self.ask] {
            *place = place.filter(|other| other.id != id);
        }
        match answer {
            Some(Answer::Pushed { sealed, held_ms, .. }) if self.take(&sealed, now) => {
                (self.failures, self.rests_until) = (0, None);
                // The registry made it after it had held the call for that time.
                let made_at = call.began_at.plus_ms(held_ms.into()).min(now);
                self.fresh_at = self.fresh_at.filter(|at| *at <= now).max(Some(made_at));
            }
            Some(Answer::Replaced) => {}
            _ => self.failed(now),
        }
    }

    /// Takes a list; returns whether it is one. An older one than the list held changes nothing.
    fn take(&mut self, sealed: &str, now: UnixMillis) -> bool {
        let bytes = BASE64_STANDARD.decode(sealed).ok();
        let opened = bytes.and_then(|bytes| Delta::open(&self.settings.ring, &bytes).ok());
        let Some(opened) = opened else { return false };
        let head = opened.delta.head;
        if self.list.as_ref().is_none_or(|list| list.number <= head.number) {
            self.waiting.changed(Number { n: head.changed, ..head.number });
            self.list = Some(HeldList { sealed: sealed.to_owned(), number: head.number, came_at: now });
        }
        true
    }

    /// A call to the registry failed. After the second time every call held is refused, and so are others
    /// for a while: their isolates look for lists by themselves.
    fn failed(&mut self, now: UnixMillis) {
        self.reports.lost();
        self.failures = self.failures.saturating_add(1);
        let Some(doubled) = self.failures.checked_sub(2) else { return };
        let rest_ms = PUSH_BACKOFF_MIN_MS.saturating_mul(1 << doubled.min(8)).min(PUSH_BACKOFF_MAX_MS);
        self.rests_until = Some(now.plus_ms(rest_ms));
        self.waiting.end_all();
        self.asking.values_mut().for_each(|asking| asking.is_woken = false);
    }

    /// The calls to pass to [`Self::resume`] now, up to `limit`, in random order.
    pub fn due_calls(
        &mut self,
        now: UnixMillis,
        limit: usize,
        random: &mut dyn FnMut() -> u32,
    ) -> Vec<Ticket> {
        let rests = self.rests(now);
        let is_due = |asking: &Asking| !asking.is_woken && (rests || self.is_fresh(asking.fresh_from));
        let asking = self.asking.iter().filter(|(_, asking)| is_due(asking));
        let mut due: Vec<Ticket> = asking.map(|(ticket, _)| *ticket).take(limit).collect();
        for ticket in &due {
            if let Some(asking) = self.asking.get_mut(ticket) {
                asking.is_woken = true;
            }
        }
        due.extend(self.waiting.due(now, limit.saturating_sub(due.len()), random));
        due
    }

    /// Frees the place of a call whose caller is gone.
    pub fn hung_up(&mut self, ticket: Ticket) {
        self.waiting.remove(ticket);
        self.asking.remove(&ticket);
    }

    /// How many calls are held.
    #[must_use]
    pub fn held_calls(&self) -> usize {
        self.waiting.held() + self.asking.len()
    }
}

fn refused() -> Reception {
    Reception::Answered(Answer::Refused(Fault::Internal))
}
