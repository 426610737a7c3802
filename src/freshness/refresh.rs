//! One run through the sources of the list: which is asked next, and what is done with what it gave.
//!
//! Standard: DESIGN section 5: memory, the location's cache, KV, the registry, in that order, going on while the newest
//! list found is older than about 2L/3.
//! Invariants: a delta is held only together with a base that it completes; a base is asked for once a run, at most one for
//! each source, and a delta that names one nobody has is dropped, so a run always ends.
//! What it must not know: how anything is fetched.
//! What a mistake costs: a run that ends too early is a needless 503; it cannot admit.

use super::{Found, ListClock, ListHolder, Terms, fraction};
use crate::list::{Number, OpenedBase, OpenedDelta, RevocationList};
use crate::time::UnixMillis;
use std::rc::Rc;

/// One run in so many goes past a fresh copy in the location's cache: with a run each L/6 and a copy that lives L/6, some
/// isolate of a busy location has fetched the next one before the copy is gone for all of them.
const EARLY_ONE_IN: u32 = 16;

/// Where a delta can be had, beside memory; in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A cache that the isolates of a location share.
    Location,
    /// Workers KV.
    Kv,
    /// The registry itself.
    Registry,
}

/// What to fetch next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The newest delta that this source has.
    Delta(Source),
    /// A base, which never changes, so that any copy of it will do.
    Base(Source, Number),
}

/// One run through the sources: made by [`ListHolder::refresh`] for whoever holds the lease.
#[derive(Clone, Debug)]
pub struct Refresh {
    terms: Terms,
    /// L/3 or somewhat more, at random, so that the isolates of a location do not all go on at once: with less left of
    /// the newest list, the run goes on.
    enough_left_ms: i64,
    /// At random: what the location's cache has is not enough this time, so that it is refreshed before it runs out.
    refreshes_early: bool,
    next: Option<Source>,
    /// Where the newest delta that was looked at came from.
    asked: Option<Source>,
    /// Requests wait for it: it fetches what they need and no more.
    is_awaited: bool,
    /// Whether the location's cache had a delta fit to use.
    location_had_one: bool,
    /// A delta whose base is asked for.
    waiting: Option<Waiting>,
    /// SHA-256 of the base that was asked for last: another delta may name another, also under the same number.
    base_asked: Option<[u8; 32]>,
}

/// A delta that was read and is acceptable, and whose newest base is not held.
#[derive(Clone, Debug)]
struct Waiting {
    opened: OpenedDelta,
    clock: ListClock,
    base_from: Source,
}

/// What became of something that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Memory holds a newer list now, and its delta may be put into the location's cache.
    Shareable,
    /// Memory holds a newer list now.
    Held,
    /// Memory holds the list that it held, or waits for a base.
    Nothing,
}

impl Refresh {
    pub(super) fn new(terms: &Terms, registry_only: bool, is_awaited: bool, random: u32) -> Self {
        let spread = terms.next_source_ms / 4;
        Self {
            terms: *terms,
            enough_left_ms: terms.enough_left_ms() + fraction(spread, random),
            // The low bits, so that it has nothing to do with the spread.
            refreshes_early: random.is_multiple_of(EARLY_ONE_IN),
            next: Some(if registry_only { Source::Registry } else { Source::Location }),
            asked: None,
            is_awaited,
            location_had_one: false,
            waiting: None,
            base_asked: None,
        }
    }

    /// What to fetch next; `None` when the run has ended. Fetch it, give what was found to [`Self::take`], and call this
    /// again. Renews the lease: whoever asks is alive.
    pub fn next(&mut self, lists: &mut ListHolder, now: UnixMillis) -> Option<Step> {
        lists.renew_lease(now);
        if let Some(Waiting { opened, base_from, .. }) = &self.waiting {
            self.base_asked = Some(opened.delta.head.base_sha256);
            return Some(Step::Base(*base_from, opened.delta.head.base));
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
        if is_wanted {
            return Some(Step::Delta(source));
        }
        self.next = None;
        None
    }

    /// Takes what was found where [`Self::next`] said.
    pub fn take(&mut self, lists: &mut ListHolder, found: Found, now: UnixMillis) -> Taken {
        let (read, clock) = match found {
            Found::Base(read) => {
                if read.is_err() {
                    lists.count_refused();
                }
                return self.take_base(lists, read.ok(), now);
            }
            Found::Nothing => return self.take_base(lists, None, now),
            Found::Copy(read) => (read, ListClock::Own),
            Found::Registry { read, registry_now, asked_at } => {
                lists.compare_clocks(registry_now, asked_at, now);
                lists.compare_with(read.as_ref().ok());
                (read, ListClock::Registry { ahead_ms: registry_now.since_ms(asked_at) })
            }
        };
        match read.ok().filter(|opened| lists.is_acceptable(opened, clock.read(now))) {
            Some(opened) => self.take_delta(lists, opened, clock, now),
            None => {
                lists.count_refused();
                Taken::Nothing
            }
        }
    }

    fn take_delta(
        &mut self,
        lists: &mut ListHolder,
        opened: OpenedDelta,
        clock: ListClock,
        now: UnixMillis,
    ) -> Taken {
        self.location_had_one |= self.asked == Some(Source::Location);
        let newest_sha256 = opened.delta.head.base_sha256;
        // The same list again, by our own clock: the clock by which it is held is as good or better.
        let is_held = clock == ListClock::Own && lists.holds(&opened);
        let base = lists.base_for(&opened.delta);
        // On an earlier base for now: the newest is fetched before the earlier one no longer does, while nobody waits.
        let has_newest = base.as_ref().is_some_and(|base| base.sha256 == newest_sha256);
        let wants_newest = base.is_none() || (!has_newest && !self.is_awaited);
        let taken = match base {
            Some(base) if !is_held => self.hold(lists, &opened, clock, base, now),
            _ => Taken::Nothing,
        };
        if wants_newest && self.base_asked != Some(newest_sha256) {
            self.waiting = Some(Waiting { opened, clock, base_from: Source::Kv });
        }
        taken
    }

    fn take_base(&mut self, lists: &mut ListHolder, found: Option<OpenedBase>, now: UnixMillis) -> Taken {
        let Some(waiting) = self.waiting.take() else { return Taken::Nothing };
        // Another run may have held a later list meanwhile.
        if !lists.is_acceptable(&waiting.opened, waiting.clock.read(now)) {
            return Taken::Nothing;
        }
        if let Some(base) = found.filter(|base| waiting.opened.delta.completes(base)) {
            return self.hold(lists, &waiting.opened, waiting.clock, Rc::new(base), now);
        }
        if waiting.base_from == Source::Kv {
            self.waiting = Some(Waiting { base_from: Source::Registry, ..waiting });
        }
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
