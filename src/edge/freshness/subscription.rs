//! The subscription: an isolate that serves requests keeps one call open at the registry, which waits there
//! for the next change of the list. Here is when a call is made, for how long it waits, and what a request
//! does about it.
//!
//! A call lives in the background work of some request (`waitUntil`), and ends with it. So an isolate keeps
//! plain data only: until when a call is out. A request near that end opens the next line. A *line* is what
//! one request keeps open: one call after the other, for `PUSH_SECONDS` in all.
//!
//! Invariants: nothing here makes a list usable. A call that is never answered leaves the refresh machine as
//! it would be without a subscription. A request waits only when its isolate was silent, and for no longer
//! than `SILENT_WAIT_MS`. After a failure no call is made for a while, and no request waits.
//! What it must not know: promises, the registry, lists except their age.
//! What a mistake costs: a change arrives as late as it would without a subscription, or the registry gets
//! more calls than it can serve.

use super::holder::{ahead, fraction};
use super::terms::Terms;
use crate::base::time::UnixMillis;
use crate::limits::{
    CLOCK_COMPARED_EVERY_MS, LINE_ANSWER_MARGIN_MS, LINE_HANDOVER_MAX_MS, LINE_HANDOVER_MIN_MS,
    LINE_REST_MIN_MS, MS_PER_SECOND, PUSH_ANSWER_GRACE_MS, PUSH_BACKOFF_MAX_MS, PUSH_BACKOFF_MIN_MS,
    RELAY_AVOIDED_MS, RELAY_BOUND_MIN_SECONDS, RELAY_FAILURES_MAX, SILENT_AFTER_MS,
};

/// The durations of a subscription, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushTerms {
    /// For how long one request keeps its line open: `PUSH_SECONDS`.
    pub line_ms: i64,
    /// While requests come often, a line makes no call that waits into this last part of it: by then the next
    /// line was opened, and its call would end this one before it is answered.
    pub tail_ms: i64,
    /// For how long one call waits at the registry: L/3 at most, so that each answer renews the list in time.
    pub wait_ms: i64,
    /// An isolate without an open line is silent when it heard from the registry longer ago than this.
    pub silent_after_ms: i64,
    /// How long the first request of a silent isolate waits for one read: `SILENT_WAIT_MS`.
    pub silent_wait_ms: i64,
    /// How many relays there are for each location hint: `RELAYS`. 0: isolates call the registry.
    pub relays: u32,
}

impl PushTerms {
    /// `None` when `PUSH_SECONDS` is 0: nobody subscribes, and nobody waits.
    #[must_use]
    pub fn of(terms: &Terms, push_seconds: i64, silent_wait_ms: i64) -> Option<Self> {
        let line_ms = push_seconds * MS_PER_SECOND;
        (push_seconds > 0).then_some(Self {
            line_ms,
            tail_ms: (LINE_HANDOVER_MIN_MS + LINE_ANSWER_MARGIN_MS).min(line_ms / 4),
            wait_ms: line_ms.min(terms.usable_ms / 3),
            silent_after_ms: SILENT_AFTER_MS,
            silent_wait_ms,
            relays: 0,
        })
    }

    /// With so many relays for each location hint, where the bound allows them.
    #[must_use]
    pub fn with_relays(self, terms: &Terms, relays: u32) -> Self {
        let relays = if terms.bound_seconds >= RELAY_BOUND_MIN_SECONDS { relays } else { 0 };
        Self { relays, ..self }
    }
}

/// What a request does about the subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// A line is open, or none may be opened now.
    Nothing,
    /// Open this line in the background.
    Open(LineId),
    /// Open this line in the background; its first call asks at once. Then look again: this is the first
    /// request of a silent isolate.
    OpenAndWait(LineId),
    /// The isolate was silent and reads at this moment: look again shortly.
    Wait,
}

/// One line of this isolate, and no other ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineId(u64);

/// The next call of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextCall {
    /// How long it waits at the registry for a change; 0: it asks at once.
    pub wait_ms: u32,
    /// When it counts as failed.
    pub timeout_ms: u32,
}

/// Whom a call asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The registry, which may hold it.
    Registry,
    /// The registry, at once and without a report: so that the clocks are compared.
    Compare,
    /// The relay, which may hold it.
    Relay,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The registry gave a list.
    List,
    /// The registry holds no more calls: come again after this time. It may have given a list.
    ComeAgain {
        /// The time in milliseconds.
        in_ms: u32,
    },
    /// A later call of this isolate took its place.
    Replaced,
    /// No answer, or none that is of use.
    Failed,
    /// The relay did not answer.
    NoRelay,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    id: LineId,
    /// It makes no call that waits longer than this.
    until: UnixMillis,
    /// When its present call has failed at the latest. After that whoever kept it is gone.
    call_ends: UnixMillis,
    /// Its next call asks at once.
    asks_at_once: bool,
}

/// What an isolate keeps of its subscription between requests.
#[derive(Debug, Default)]
pub struct Subscription {
    line: Option<Line>,
    opened: u64,
    /// When the last request came. The next one may be expected as much later.
    used_at: Option<UnixMillis>,
    /// It came so soon after the one before that the next line is opened as late as any.
    is_busy: bool,
    /// After a failure, or when the registry held too many calls: no call before this time.
    rests_until: Option<UnixMillis>,
    /// Failures since the last answer.
    failures: u32,
    /// When the registry last gave a list to a call.
    heard_at: Option<UnixMillis>,
    /// When the registry last gave a list, or when the first call was made.
    waits_since: Option<UnixMillis>,
    /// Whom the present call asks.
    way: Option<Way>,
    /// When the registry's clock was last compared with ours.
    compared_at: Option<UnixMillis>,
    /// The relay does not answer: calls ask the registry until then.
    avoids_relay_until: Option<UnixMillis>,
    relay_failures: u32,
    /// Requests of an isolate that was silent wait until then, or until the read has ended.
    awaited_until: Option<UnixMillis>,
}

impl Subscription {
    /// What a request does at `now`. `age_ms`: the age of the list that it could use; `None` without one.
    pub fn keep(&mut self, terms: &PushTerms, age_ms: Option<i64>, now: UnixMillis) -> Keep {
        let expected_in_ms = self.used_at.map_or(0, |at| now.since_ms(at)).saturating_mul(2);
        let handover_ms = expected_in_ms.clamp(LINE_HANDOVER_MIN_MS, LINE_HANDOVER_MAX_MS);
        if ahead(self.awaited_until, now, terms.silent_wait_ms) {
            return Keep::Wait;
        }
        let waits = self.makes_wait(terms, age_ms, now);
        (self.used_at, self.is_busy) = (Some(now), handover_ms == LINE_HANDOVER_MIN_MS);
        if ahead(self.rests_until, now, PUSH_BACKOFF_MAX_MS) {
            return Keep::Nothing;
        }
        let is_open = self.line.is_some_and(|line| line.is_open(terms, now));
        let is_fresh = self.line.is_some_and(|line| line.until.since_ms(now) > handover_ms);
        if is_open && is_fresh {
            return Keep::Nothing;
        }
        let is_silent = !is_open && age_ms.is_some_and(|age_ms| self.is_silent(terms, age_ms, now));
        let id = self.open(terms, is_silent, now);
        if waits {
            self.awaited_until = Some(now.plus_ms(terms.silent_wait_ms));
            return Keep::OpenAndWait(id);
        }
        Keep::Open(id)
    }

    /// Whether [`Self::keep`] would let this request wait.
    #[must_use]
    pub fn makes_wait(&self, terms: &PushTerms, age_ms: Option<i64>, now: UnixMillis) -> bool {
        if ahead(self.awaited_until, now, terms.silent_wait_ms) {
            return true;
        }
        let may_open = !ahead(self.rests_until, now, PUSH_BACKOFF_MAX_MS)
            && !self.line.is_some_and(|line| line.is_open(terms, now));
        let is_silent = age_ms.is_some_and(|age_ms| self.is_silent(terms, age_ms, now));
        may_open && is_silent && terms.silent_wait_ms > 0
    }

    /// By our own clock alone: the age of a list is wrong by as much as clocks differ.
    fn is_silent(&self, terms: &PushTerms, age_ms: i64, now: UnixMillis) -> bool {
        let since_ms = self.heard_at.map_or(age_ms, |at| now.since_ms(at));
        !(0..=terms.silent_after_ms).contains(&since_ms)
    }

    fn open(&mut self, terms: &PushTerms, asks_at_once: bool, now: UnixMillis) -> LineId {
        self.opened = self.opened.saturating_add(1);
        let id = LineId(self.opened);
        let until = now.plus_ms(terms.line_ms);
        self.line = Some(Line { id, until, call_ends: now.plus_ms(PUSH_ANSWER_GRACE_MS), asks_at_once });
        id
    }

    /// Makes the next call of line `id` ask at once: it is the trial of a registry that did not answer.
    pub fn ask_at_once(&mut self, id: LineId) {
        let line = self.line.as_mut().filter(|line| line.id == id);
        line.into_iter().for_each(|line| line.asks_at_once = true);
    }

    /// The next call of line `id`; `None` when its time is over, or a later line took its place.
    pub fn next_call(&mut self, id: LineId, terms: &PushTerms, now: UnixMillis) -> Option<NextCall> {
        let line = self.line.as_mut().filter(|line| line.id == id)?;
        let tail_ms = if self.is_busy { terms.tail_ms } else { 0 };
        let rest_ms = line.until.since_ms(now) - tail_ms;
        // A clock that was set back must not keep a call beyond its request.
        if !(LINE_REST_MIN_MS.min(terms.line_ms / 4)..=terms.line_ms).contains(&rest_ms) {
            self.line = None;
            return None;
        }
        // A line that takes over goes on with the wait of the one before: the list must not get older.
        let waited_ms = now.since_ms(*self.waits_since.get_or_insert(now)).max(0);
        let wait_ms = if line.asks_at_once { 0 } else { (terms.wait_ms - waited_ms).clamp(0, rest_ms) };
        line.asks_at_once = false;
        let timeout_ms = wait_ms + PUSH_ANSWER_GRACE_MS;
        line.call_ends = now.plus_ms(timeout_ms);
        let unsigned = |ms: i64| u32::try_from(ms).unwrap_or(0);
        Some(NextCall { wait_ms: unsigned(wait_ms), timeout_ms: unsigned(timeout_ms) })
    }

    /// Whom the next call asks. `clock_is_off`: our clock cannot tell the age of a relay's list.
    pub fn way(&mut self, terms: &PushTerms, clock_is_off: bool, now: UnixMillis) -> Way {
        let is_compared = |at: UnixMillis| (0..CLOCK_COMPARED_EVERY_MS).contains(&now.since_ms(at));
        let avoids = ahead(self.avoids_relay_until, now, RELAY_AVOIDED_MS);
        let way = match terms.relays {
            0 => Way::Registry,
            _ if avoids || clock_is_off => Way::Registry,
            _ if self.compared_at.is_some_and(is_compared) => Way::Relay,
            _ => Way::Compare,
        };
        self.way = Some(way);
        way
    }

    /// Whether reports go to the relay: then no report of this isolate reaches the registry by two ways.
    #[must_use]
    pub fn uses_relay(&self, terms: &PushTerms, now: UnixMillis) -> bool {
        terms.relays > 0 && !ahead(self.avoids_relay_until, now, RELAY_AVOIDED_MS)
    }

    /// Records what became of the call of line `id`. `random` spreads the calls of many isolates.
    pub fn heard(&mut self, id: LineId, heard: Heard, now: UnixMillis, random: u32) {
        let gave_list = matches!(heard, Heard::List | Heard::ComeAgain { .. });
        if gave_list {
            (self.heard_at, self.waits_since) = (Some(now), Some(now));
        }
        let is_newest = self.line.is_some_and(|line| line.id == id);
        if !is_newest {
            return;
        }
        self.awaited_until = None;
        match heard {
            Heard::List => {
                (self.failures, self.rests_until) = (0, None);
                self.note_answer(now);
            }
            Heard::ComeAgain { in_ms } => {
                self.failures = 0;
                self.note_answer(now);
                self.rest(in_ms.into(), now, random);
            }
            // By a line of which this isolate knows nothing: whoever kept it shares our number, or our clock
            // was set. The next request opens a line.
            Heard::Replaced => self.line = None,
            Heard::Failed | Heard::NoRelay => {
                if heard == Heard::NoRelay {
                    self.relay_failures = self.relay_failures.saturating_add(1);
                    let avoids = self.relay_failures >= RELAY_FAILURES_MAX;
                    self.avoids_relay_until = avoids.then(|| now.plus_ms(RELAY_AVOIDED_MS));
                }
                let doubled = PUSH_BACKOFF_MIN_MS.saturating_mul(1 << self.failures.min(8));
                self.failures = self.failures.saturating_add(1);
                self.rest(doubled, now, random);
            }
        }
    }

    /// Records that the registry or the relay gave a list.
    fn note_answer(&mut self, now: UnixMillis) {
        match self.way {
            Some(Way::Compare) => self.compared_at = Some(now),
            // One that failed lately is avoided after one more failure.
            Some(Way::Relay) => self.relay_failures = 0,
            Some(Way::Registry) | None => {}
        }
    }

    /// No call for about `ms`, spread between three quarters and five quarters.
    fn rest(&mut self, ms: i64, now: UnixMillis, random: u32) {
        let ms = ms.clamp(0, PUSH_BACKOFF_MAX_MS * 4 / 5);
        self.line = None;
        self.rests_until = Some(now.plus_ms(ms * 3 / 4 + fraction(ms / 2, random)));
    }
}

impl Line {
    fn is_open(&self, terms: &PushTerms, now: UnixMillis) -> bool {
        ahead(Some(self.until), now, terms.line_ms)
            && ahead(Some(self.call_ends), now, terms.line_ms + PUSH_ANSWER_GRACE_MS)
    }
}

#[cfg(test)]
mod tests;
