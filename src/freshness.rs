//! Freshness: which list a location may use at `now`, when it looks for a newer one, and where.
//!
//! Standard: DESIGN section 5.
//! Invariants, with B the revocation bound and L = B − 2 s of clock skew:
//! - a list is usable at `now` only while `now − this_update < L` and `now < next_update` − 2 s: the smaller of the bounds
//!   here and where it was made, each less the skew;
//! - the number of the list held never goes back.
//!
//! Why that keeps the bound: let a change be committed at t and acknowledged after. Number, clock and state of a list
//! are taken together, so a list with `this_update` ≥ t names the change. One made before has `this_update` < t, so it
//! is usable only while now < t + L. By its own clock, which differs from the registry's by at most 2 s, a location uses
//! it until t + L + 2 s = t + B at the latest. Whatever KV did in between does not matter.
//!
//! What it must not know: how lists are fetched, tokens, IO. A request never waits for another's future: it waits for
//! memory to change, and no longer than a lease.
//! What a mistake costs: a list used too long is a revoked token admitted (false accept); one dropped too early is a
//! needless 503 (false refuse).

use crate::limits::{CLOCK_SKEW_MS, LIST_LEASE_MS, LIST_RETRY_MS, MS_PER_SECOND};
use crate::list::{ListFault, OpenedList, RevocationList};
use crate::time::UnixMillis;
use std::rc::Rc;

/// The times that follow from the bound B; all milliseconds, derived in this one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// L: a list older than this is not used.
    pub usable_ms: i64,
    /// L/6: after a look that found something, the next one is about so much later.
    pub refresh_after_ms: i64,
    /// 2L/3: a refresh goes on to the next source while the newest list found is older than about this.
    pub next_source_ms: i64,
    /// At most 1 s, and L/12: the shortest wait after a run that found nothing.
    pub retry_ms: i64,
    /// Whether KV is asked at all: its `cacheTtl` is at least 30 s, so below B = 60 it would mostly be too old.
    pub kv: bool,
}

impl Terms {
    /// Derives the terms from the bound, 5 to 300 seconds.
    #[must_use]
    pub const fn from_bound(bound_seconds: i64) -> Self {
        let usable_ms = bound_seconds * MS_PER_SECOND - CLOCK_SKEW_MS;
        Self {
            usable_ms,
            refresh_after_ms: usable_ms / 6,
            next_source_ms: usable_ms / 3 * 2,
            retry_ms: if usable_ms / 12 < LIST_RETRY_MS { usable_ms / 12 } else { LIST_RETRY_MS },
            kv: bound_seconds >= 60,
        }
    }

    /// L/3: what is left of a list that is as old as `next_source_ms`.
    const fn enough_left_ms(&self) -> i64 {
        self.usable_ms - self.next_source_ms
    }
}

/// What a request does about the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// The list held is good enough.
    Use,
    /// Use it, and look for a newer one in the background: this caller now holds the lease.
    UseAndRefresh,
    /// None is usable: look for one now, and wait for it. This caller now holds the lease.
    Refresh,
    /// None is usable, and another request is looking: look at memory again shortly.
    Wait,
    /// None is usable, and a look a moment ago found none: refuse rather than queue up behind a source that is down.
    Refuse,
}

/// Where a list can be had, beside memory; in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Workers KV.
    Kv,
    /// The registry itself.
    Registry,
}

/// What a source gave.
#[derive(Clone, Debug)]
pub enum Found {
    /// A value from KV, opened or not.
    Kv(Result<OpenedList, ListFault>),
    /// The registry's answer.
    Registry {
        /// The list, opened or not.
        read: Result<OpenedList, ListFault>,
        /// The registry's clock when it answered.
        registry_now: UnixMillis,
        /// This location's clock when it asked.
        asked_at: UnixMillis,
    },
    /// Nothing, a failure, or no answer in time.
    Nothing,
}

/// One run through the sources: made by [`ListHolder::refresh`] for whoever holds the lease.
#[derive(Clone, Debug)]
pub struct Refresh {
    next: Option<Source>,
    terms: Terms,
    /// L/3 or somewhat more, at random, so that the isolates of a location do not all go on at once: with less left of
    /// the newest list, the run goes on.
    enough_left_ms: i64,
}

/// The list held, and the clock by which its age is told.
#[derive(Clone, Debug)]
struct Held {
    list: Rc<RevocationList>,
    clock: ListClock,
}

/// By which clock the age of a list is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListClock {
    /// This location's own.
    Own,
    /// The registry's, when it answered, plus the time since it was asked: so many milliseconds ahead of our own. Counted
    /// from the question, not the answer, so that a slow answer makes a list older, never younger.
    Registry { ahead_ms: i64 },
}

/// What an isolate holds of the list. Plain data: no future, no handle.
#[derive(Debug, Default)]
pub struct ListHolder {
    held: Option<Held>,
    /// This location's clock was seen to differ from the registry's by more than 2 s: only lists that the registry
    /// itself gave are used, since their age is told by its clock.
    clock_is_off: bool,
    /// When to look again; before that, what the last look found stands.
    look_again_at: Option<UnixMillis>,
    lease_until: Option<UnixMillis>,
    /// Lists refused since the isolate started.
    pub refused: u64,
    /// Answers of the registry that showed this location's clock to be off.
    pub clock_faults: u64,
}

impl ListHolder {
    /// What a request that comes at `now` does.
    pub fn plan(&mut self, terms: &Terms, now: UnixMillis) -> Plan {
        let usable = self.usable(terms, now).is_some();
        let leased = ahead(self.lease_until, now, LIST_LEASE_MS);
        let looked_lately = ahead(self.look_again_at, now, terms.usable_ms);
        match (usable, leased, looked_lately) {
            (true, true, _) | (true, _, true) => Plan::Use,
            (false, true, _) => Plan::Wait,
            (false, false, true) => Plan::Refuse,
            (_, false, false) => {
                self.lease_until = Some(now.plus_ms(LIST_LEASE_MS));
                if usable { Plan::UseAndRefresh } else { Plan::Refresh }
            }
        }
    }

    /// Begins the run through the sources. `random` is any number, best a random one.
    #[must_use]
    pub fn refresh(&self, terms: &Terms, random: u32) -> Refresh {
        let kv = terms.kv && !self.clock_is_off;
        let spread = terms.next_source_ms / 4;
        Refresh {
            next: Some(if kv { Source::Kv } else { Source::Registry }),
            terms: *terms,
            enough_left_ms: terms.enough_left_ms() + fraction(spread, random),
        }
    }

    /// Takes what a source gave, when it is a list newer than the one held and not from the future. What is refused is
    /// counted; a list that is held already is neither.
    pub fn take(&mut self, found: Found, now: UnixMillis) {
        let (read, clock) = match found {
            Found::Nothing => return,
            Found::Kv(read) => (read, ListClock::Own),
            Found::Registry { read, registry_now, asked_at } => {
                self.compare_clocks(registry_now, asked_at, now);
                (read, ListClock::Registry { ahead_ms: registry_now.since_ms(asked_at) })
            }
        };
        match read.ok().filter(|opened| self.is_acceptable(opened, clock.read(now))) {
            None => self.refused = self.refused.saturating_add(1),
            // The same list again, read from KV: the clock by which it is held is the better one.
            Some(opened) if clock == ListClock::Own && self.holds(&opened) => {}
            Some(opened) => self.held = Some(Held { list: Rc::new(opened.list), clock }),
        }
    }

    /// A run has ended. A newer look is due after about L/6; after a run that found nothing, sooner: within what is left
    /// of L, the more often the less is left, so that a registry that is down is not run over.
    pub fn refreshed(&mut self, terms: &Terms, now: UnixMillis, random: u32) {
        self.lease_until = None;
        let left_ms = self.left_ms(terms, now).unwrap_or(0);
        let found = left_ms >= terms.enough_left_ms();
        let wait_ms = if found { terms.refresh_after_ms } else { (left_ms / 8).max(terms.retry_ms) };
        // Between three quarters and five quarters.
        let spread = wait_ms / 4;
        self.look_again_at = Some(now.plus_ms(wait_ms - spread + fraction(spread * 2, random)));
    }

    /// The list that may be used at `now`.
    #[must_use]
    pub fn usable(&self, terms: &Terms, now: UnixMillis) -> Option<Rc<RevocationList>> {
        let held = self.held.as_ref()?;
        let trusted = held.clock != ListClock::Own || !self.clock_is_off;
        (held.left_ms(terms, now) > 0 && trusted).then(|| Rc::clone(&held.list))
    }

    /// The newest list held, however old: only for `ON_UNKNOWN = "admit"` and for health.
    #[must_use]
    pub fn newest(&self) -> Option<Rc<RevocationList>> {
        self.held.as_ref().map(|held| Rc::clone(&held.list))
    }

    /// Age of the newest list held, milliseconds, by the clock that counts for it.
    #[must_use]
    pub fn age_ms(&self, now: UnixMillis) -> Option<i64> {
        self.held.as_ref().map(|held| held.age_ms(now))
    }

    fn left_ms(&self, terms: &Terms, now: UnixMillis) -> Option<i64> {
        self.held.as_ref().map(|held| held.left_ms(terms, now))
    }

    fn is_acceptable(&self, opened: &OpenedList, now: UnixMillis) -> bool {
        let in_order = self.held.as_ref().is_none_or(|held| {
            opened.list.number >= held.list.number && !held.list.retires(opened.sealed_by)
        });
        in_order && opened.list.this_update.since_ms(now) <= CLOCK_SKEW_MS
    }

    fn holds(&self, opened: &OpenedList) -> bool {
        self.held.as_ref().is_some_and(|held| held.list.number == opened.list.number)
    }

    /// The registry's clock was read between `asked_at` and `now`, so it lies between them unless a clock is off.
    fn compare_clocks(&mut self, registry_now: UnixMillis, asked_at: UnixMillis, now: UnixMillis) {
        self.clock_is_off =
            asked_at.since_ms(registry_now) > CLOCK_SKEW_MS || registry_now.since_ms(now) > CLOCK_SKEW_MS;
        self.clock_faults = self.clock_faults.saturating_add(u64::from(self.clock_is_off));
    }
}

impl Refresh {
    /// The source to ask next; `None` when the run has ended. Ask it, give [`ListHolder::take`] what it gave, and call this
    /// again.
    pub fn next(&mut self, lists: &ListHolder, now: UnixMillis) -> Option<Source> {
        let asked = self.next?;
        self.next = match asked {
            Source::Kv => Some(Source::Registry),
            Source::Registry => None,
        };
        let first = asked == Source::Kv;
        let old = lists.left_ms(&self.terms, now).is_none_or(|left_ms| left_ms < self.enough_left_ms);
        (first || old || lists.clock_is_off).then_some(asked)
    }
}

impl Held {
    /// For how long it may be used: by L here, and by the bound under which it was made, when that is another.
    fn left_ms(&self, terms: &Terms, now: UnixMillis) -> i64 {
        let age_ms = self.age_ms(now);
        if age_ms < -CLOCK_SKEW_MS {
            // It was not from the future when it was taken: our clock was set back, and can no longer tell its age.
            return 0;
        }
        let until_next_update_ms = self.list.next_update.since_ms(self.clock.read(now));
        (terms.usable_ms - age_ms).min(until_next_update_ms.saturating_sub(CLOCK_SKEW_MS))
    }

    fn age_ms(&self, now: UnixMillis) -> i64 {
        self.clock.read(now).since_ms(self.list.this_update)
    }
}

impl ListClock {
    /// What this clock shows when our own shows `now`.
    fn read(self, now: UnixMillis) -> UnixMillis {
        match self {
            Self::Own => now,
            Self::Registry { ahead_ms } => now.plus_ms(ahead_ms),
        }
    }
}

/// Whether `at` lies ahead of `now`, by no more than `within_ms`: a clock that jumped back must not prolong anything.
fn ahead(at: Option<UnixMillis>, now: UnixMillis, within_ms: i64) -> bool {
    at.is_some_and(|at| (1..=within_ms).contains(&at.since_ms(now)))
}

/// `random` as a part of `whole_ms`, from 0 to all of it.
fn fraction(whole_ms: i64, random: u32) -> i64 {
    whole_ms.saturating_mul(i64::from(random)) / i64::from(u32::MAX)
}

const _: () = {
    let shortest = Terms::from_bound(crate::limits::REVOCATION_BOUND_MIN_SECONDS);
    assert!(shortest.refresh_after_ms > 0 && shortest.refresh_after_ms < shortest.next_source_ms / 2);
    // A list that is looked for at 2L/3 leaves L/3 for asking: a quarter of it for one retry.
    assert!(shortest.retry_ms * 4 <= shortest.usable_ms - shortest.next_source_ms);
    let default = Terms::from_bound(crate::limits::REVOCATION_BOUND_DEFAULT_SECONDS);
    // A KV copy may be 30 s old by `cacheTtl`; it must still be worth reading: 30 s < 2L/3 = 38 s.
    assert!(default.kv && default.next_source_ms > 30 * MS_PER_SECOND);
};

#[cfg(test)]
mod tests;
