//! One refresh: which source is asked next, and what is done with its response.
//!
//! Standard: docs/bound.md, "A run": memory, the location's cache, KV, the registry, in that order, going on
//! while the newest list found is older than about 2L/3.
//! Invariants: a delta is held only together with a base that it completes. A refresh always ends: it asks
//! for each base once, for at most one per source of deltas, and drops a delta whose base no source has.
//! What it must not know: how anything is fetched.
//! What a mistake costs: a refresh that ends too early causes a needless 503. It cannot admit.

use super::holder::{ListClock, ListHolder, fraction};
use super::terms::Terms;
use crate::base::time::UnixMillis;
use crate::formats::list::{ListFault, Number, OpenedBase, OpenedDelta, RevocationList};
use crate::limits::{
    BASE_KV_CACHE_TTL_SECONDS, KV_AWAITED_TIMEOUT_MS, KV_CACHE_TTL_MIN_SECONDS, KV_READ_TIMEOUT_MS,
};
use std::rc::Rc;

/// One refresh in this many ignores a fresh copy in the location's cache. Isolates refresh every L/6 and a
/// copy lives for L/6, so in a busy location some isolate has fetched the next copy before this one expires.
const EARLY_ONE_IN: u32 = 16;

/// Where a delta is fetched from, in the order of asking. Memory comes before all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The cache that the isolates of a location share.
    Location,
    Kv,
    Registry,
}

/// What to fetch next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// The newest delta of this source.
    Delta(Source),
    /// A base. It never changes, so a copy of any age will do.
    Base(BaseSource, Number),
}

/// Where a base is fetched from, in the order of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseSource {
    /// KV, with this `cacheTtl`.
    Kv { cache_ttl_seconds: u32 },
    /// The registry, which made it.
    Registry,
}

/// KV also keeps "there is none" for as long as `cacheTtl`. So a second read does without an old copy.
const BASE_FIRST: BaseSource = BaseSource::Kv { cache_ttl_seconds: BASE_KV_CACHE_TTL_SECONDS };
const BASE_AGAIN: BaseSource = BaseSource::Kv { cache_ttl_seconds: KV_CACHE_TTL_MIN_SECONDS };

/// What a source returned.
#[derive(Clone, Debug)]
pub enum Fetched {
    /// A delta from KV or the location's cache, or why it was not accepted. This location's own clock tells
    /// its age.
    Copy(Result<OpenedDelta, ListFault>),
    /// The registry's response to a request for its delta.
    Registry {
        /// The delta, or why it was not accepted.
        read: Result<OpenedDelta, ListFault>,
        /// The registry's clock at its response.
        registry_now: UnixMillis,
        /// This location's clock at its request.
        asked_at: UnixMillis,
    },
    /// The registry's response to a call that waited there for a change.
    Pushed {
        /// The delta, or why it was not accepted.
        read: Result<OpenedDelta, ListFault>,
        /// The registry's clock at its response.
        registry_now: UnixMillis,
        /// This location's clock at its call.
        asked_at: UnixMillis,
        /// How long the registry held the call at least.
        held_ms: u32,
    },
    /// A base, or why it was not accepted.
    Base(Result<OpenedBase, ListFault>),
    /// The source has none.
    Absent,
    /// The source failed, or did not answer in time.
    Nothing,
}

/// One refresh, made by [`ListHolder::refresh`] for the request that holds the lease.
#[derive(Clone, Debug)]
pub struct Refresh {
    terms: Terms,
    /// The refresh goes on to the next source while the newest list found is usable for less than this: L/3
    /// plus a random part, so that the isolates of a location do not all go on at the same time.
    enough_left_ms: i64,
    /// Chosen at random: ignore the copy in the location's cache this time, so that it is replaced before it
    /// expires.
    refreshes_early: bool,
    next: Option<Source>,
    /// The source of the delta examined last.
    asked: Option<Source>,
    /// The number of the list held when the source was asked.
    held_when_asked: Option<Number>,
    /// It takes a pushed list, and holds no lease.
    is_push: bool,
    /// Requests are waiting: fetch what they need and nothing more.
    is_awaited: bool,
    /// Whether the location's cache had an acceptable delta.
    location_had_one: bool,
    /// A delta whose base is being fetched.
    waiting: Option<Waiting>,
    /// SHA-256 of the base requested last. Another delta may name another base, even one with the same
    /// number.
    base_asked: Option<[u8; 32]>,
}

/// A delta that was read and accepted, but whose newest base is not in memory.
#[derive(Clone, Debug)]
struct Waiting {
    opened: OpenedDelta,
    clock: ListClock,
    base_from: BaseSource,
}

/// What came of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Memory now holds a newer list, and its delta may be written to the location's cache.
    Shareable,
    /// Memory now holds a newer list.
    Held,
    /// Memory is unchanged, or the refresh waits for a base.
    Nothing,
}

impl ListHolder {
    /// Begins a refresh, at the same `now` as the plan. `random` spreads refreshes over time; any value is
    /// safe.
    #[must_use]
    pub fn refresh(&self, terms: &Terms, now: UnixMillis, random: u32) -> Refresh {
        let is_awaited = self.usable(terms, now).is_none();
        Refresh::new(terms, self.clock_is_off, is_awaited, random)
    }

    /// Begins to take a list that the registry pushed. Pass it to [`Refresh::take`] as [`Fetched::Pushed`],
    /// then fetch what [`Refresh::next`] asks for: nothing, or the base that the list rests on.
    #[must_use]
    pub fn pushed(&self, terms: &Terms) -> Refresh {
        Refresh::of_push(terms)
    }
}

impl Refresh {
    fn new(terms: &Terms, registry_only: bool, is_awaited: bool, random: u32) -> Self {
        let spread = terms.next_source_ms / 4;
        Self {
            terms: *terms,
            enough_left_ms: terms.enough_left_ms() + fraction(spread, random),
            // The low bits, so that this choice is independent of the spread.
            refreshes_early: random.is_multiple_of(EARLY_ONE_IN),
            next: Some(if registry_only { Source::Registry } else { Source::Location }),
            asked: None,
            held_when_asked: None,
            is_push: false,
            is_awaited,
            location_had_one: false,
            waiting: None,
            base_asked: None,
        }
    }

    /// Takes a list that is here already: no source is asked for a delta.
    fn of_push(terms: &Terms) -> Self {
        let asked = Some(Source::Registry);
        Self { next: None, asked, is_push: true, ..Self::new(terms, true, false, 0) }
    }

    /// How long KV may take. Requests that wait do not wait long for it while the registry can be asked as
    /// well.
    #[must_use]
    pub const fn kv_timeout_ms(&self, registry_is_free: bool) -> u32 {
        if self.is_awaited && registry_is_free { KV_AWAITED_TIMEOUT_MS } else { KV_READ_TIMEOUT_MS }
    }

    /// What to fetch next; `None` when the refresh has ended. Fetch it, pass the response to [`Self::take`],
    /// and call this again. Renews the lease, since the caller is evidently alive.
    pub fn next(&mut self, lists: &mut ListHolder, now: UnixMillis) -> Option<Fetch> {
        if !self.is_push {
            lists.renew_lease(now);
        }
        if let Some(Waiting { opened, base_from, .. }) = &self.waiting {
            self.base_asked = Some(opened.delta.head.base_sha256);
            return Some(Fetch::Base(*base_from, opened.delta.head.base));
        }
        let source = self.next?;
        self.next = match source {
            Source::Location if self.terms.kv => Some(Source::Kv),
            Source::Location | Source::Kv => Some(Source::Registry),
            Source::Registry => None,
        };
        let left_ms = lists.left_ms(&self.terms, now);
        let is_old = left_ms.is_none_or(|left_ms| left_ms < self.enough_left_ms) || lists.clock_is_off;
        let is_wanted = match source {
            Source::Location => true,
            Source::Kv => is_old || self.refreshes_early || !self.location_had_one,
            Source::Registry => is_old,
        };
        self.asked = Some(source);
        self.held_when_asked = lists.newest().map(|list| list.number());
        if is_wanted {
            return Some(Fetch::Delta(source));
        }
        self.next = None;
        None
    }

    /// Takes the response to the last fetch that [`Self::next`] asked for.
    pub fn take(&mut self, lists: &mut ListHolder, fetched: Fetched, now: UnixMillis) -> Taken {
        let (read, clock, registry_now) = match fetched {
            Fetched::Base(read) => {
                if read.is_err() {
                    lists.count_refused();
                }
                return self.take_base(lists, read.ok(), true, now);
            }
            Fetched::Absent => return self.take_base(lists, None, true, now),
            Fetched::Nothing => return self.take_base(lists, None, false, now),
            Fetched::Copy(read) => (read, ListClock::Own, None),
            Fetched::Registry { read, registry_now, asked_at } => {
                lists.compare_clocks(registry_now, asked_at, now);
                // A later list may have been pushed while this one was on its way.
                let in_time = read.as_ref().ok().filter(|opened| !self.merely_lags(lists, opened));
                lists.compare_with(in_time);
                (read, ListClock::Registry { ahead_ms: registry_now.since_ms(asked_at) }, Some(registry_now))
            }
            Fetched::Pushed { read, registry_now, asked_at, held_ms } => {
                // The registry read its clock after it had held the call for that time.
                let asked_at = asked_at.plus_ms(held_ms.into()).min(now);
                lists.compare_clocks(registry_now, asked_at, now);
                // The call named what is held, so the registry has compared.
                // A call that was woken may have waited for longer: then the list looks too old by that. Our
                // own clock gives its age as well as that of a copy, unless it is off. Either keeps the
                // bound, so the one counts by which the list is younger.
                let ahead_ms = registry_now.since_ms(asked_at);
                let by_registry = lists.clock_is_off || ahead_ms < 0;
                let clock = if by_registry { ListClock::Registry { ahead_ms } } else { ListClock::Own };
                (read, clock, Some(registry_now))
            }
        };
        let lags = read.as_ref().is_ok_and(|opened| self.merely_lags(lists, opened));
        match read.ok().filter(|opened| lists.is_acceptable(opened, clock.read(now))) {
            Some(opened) => {
                // The same list again. The clock by which it is held stays if it makes the list as young: an
                // answer that was long on its way would make it older. A copy never makes it younger.
                let keeps_clock = registry_now.is_none_or(|at| lists.is_as_young(clock, at, now));
                let is_held = keeps_clock && lists.holds(&opened);
                self.take_delta(lists, opened, clock, is_held, now)
            }
            None if lags => Taken::Nothing,
            None => {
                lists.count_refused();
                Taken::Nothing
            }
        }
    }

    /// Whether a delta is older than the list held, with nothing wrong: the location's cache lags behind a
    /// push, or a later list arrived while this one was on its way.
    fn merely_lags(&self, lists: &ListHolder, opened: &OpenedDelta) -> bool {
        let number = opened.delta.head.number;
        let was_in_order = self.is_push || self.held_when_asked <= Some(number);
        lists.is_newer_than(number)
            && match self.asked {
                Some(Source::Location) => true,
                Some(Source::Registry) => was_in_order,
                Some(Source::Kv) | None => false,
            }
    }

    /// `is_held`: memory has this list, by a clock that is as good.
    fn take_delta(
        &mut self,
        lists: &mut ListHolder,
        opened: OpenedDelta,
        clock: ListClock,
        is_held: bool,
        now: UnixMillis,
    ) -> Taken {
        self.location_had_one |= self.asked == Some(Source::Location);
        let newest_sha256 = opened.delta.head.base_sha256;
        let base = lists.base_for(&opened.delta);
        // The list rests on the earlier base for now. Fetch the newest while nobody waits, before deltas stop
        // completing the earlier one.
        let has_newest = base.as_ref().is_some_and(|base| base.sha256 == newest_sha256);
        let wants_newest = base.is_none() || (!has_newest && !self.is_awaited);
        let taken = match base {
            Some(base) if !is_held => self.hold(lists, &opened, clock, base, now),
            _ => Taken::Nothing,
        };
        if wants_newest && self.base_asked != Some(newest_sha256) {
            self.waiting = Some(Waiting { opened, clock, base_from: BASE_FIRST });
        }
        taken
    }

    /// `was_answered`: the source answered, though perhaps without a base.
    fn take_base(
        &mut self,
        lists: &mut ListHolder,
        found: Option<OpenedBase>,
        was_answered: bool,
        now: UnixMillis,
    ) -> Taken {
        let Some(waiting) = self.waiting.take() else { return Taken::Nothing };
        // Another refresh may have stored a later list meanwhile.
        if !lists.is_acceptable(&waiting.opened, waiting.clock.read(now)) {
            return Taken::Nothing;
        }
        if let Some(base) = found.filter(|base| waiting.opened.delta.completes(base)) {
            return self.hold(lists, &waiting.opened, waiting.clock, Rc::new(base), now);
        }
        let base_from = match waiting.base_from {
            BaseSource::Registry => return Taken::Nothing,
            BASE_FIRST if was_answered => BASE_AGAIN,
            BaseSource::Kv { .. } => BaseSource::Registry,
        };
        self.waiting = Some(Waiting { base_from, ..waiting });
        Taken::Nothing
    }

    fn hold(
        &self,
        lists: &mut ListHolder,
        opened: &OpenedDelta,
        clock: ListClock,
        base: Rc<OpenedBase>,
        now: UnixMillis,
    ) -> Taken {
        let Some(list) = RevocationList::of(base, opened.clone()) else { return Taken::Nothing };
        let is_new_here = self.asked != Some(Source::Location);
        lists.hold(list, clock, &self.terms, is_new_here, now);
        if is_new_here && !lists.clock_is_off { Taken::Shareable } else { Taken::Held }
    }
}
