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
//! That a list says what was committed, although it comes in two parts: a delta is sealed, names the final state of all
//! that changed since each of the two bases that it completes, and pins both by their hashes. That numbers order lists also across a restore: the epoch leads them. That the
//! registry's own clock may be used for its own lists: its age is then told by one clock alone, from before the question.
//! Assumed: every clock, that of each registry instance too, is within 1 s of true time, or is seen to be off by
//! [`ListHolder::clock_faults`]. One that is off and not seen to be yet, since the registry has not answered, is not covered.
//!
//! What it must not know: how lists are fetched, tokens, IO. A request never waits for another's future: it waits for
//! memory to change, and no longer than a lease.
//! What a mistake costs: a list used too long is a revoked token admitted (false accept); one dropped too early is a
//! needless 503 (false refuse).

mod holdings;
mod refresh;
mod terms;

pub use holdings::{Holding, Took};
pub use refresh::{Refresh, Source, Step, Taken};
pub use terms::{KV_BOUND_MIN_SECONDS, Terms};

use crate::key::KeyId;
use crate::limits::{CLOCK_SKEW_MS, LIST_LEASE_MS};
use crate::list::{Delta, ListFault, OpenedBase, OpenedDelta, RevocationList};
use crate::time::UnixMillis;
use holdings::Holdings;
use std::rc::Rc;

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

/// What a source gave.
#[derive(Clone, Debug)]
pub enum Found {
    /// A delta from KV or the location's cache, opened or not: its age is told by our own clock.
    Copy(Result<OpenedDelta, ListFault>),
    /// The registry's delta.
    Registry {
        /// The delta, opened or not.
        read: Result<OpenedDelta, ListFault>,
        /// The registry's clock when it answered.
        registry_now: UnixMillis,
        /// This location's clock when it asked.
        asked_at: UnixMillis,
    },
    /// A base, opened or not.
    Base(Result<OpenedBase, ListFault>),
    /// Nothing, a failure, or no answer in time.
    Nothing,
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
    /// What the registry is to be told of the lists held.
    holdings: Holdings,
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

    /// Begins the run through the sources, at the `now` of the plan that said so. `random` is any number, best a random
    /// one.
    #[must_use]
    pub fn refresh(&self, terms: &Terms, now: UnixMillis, random: u32) -> Refresh {
        let is_awaited = self.usable(terms, now).is_none();
        Refresh::new(terms, self.clock_is_off, is_awaited, random)
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
        let left_ms = self.left_ms(terms, now)?;
        self.newest().filter(|_| left_ms > 0)
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

    /// What the registry is to be told at `now`, if that is due. `keys`: the signing keys that this location has.
    #[must_use]
    pub fn report(&self, keys: impl Iterator<Item = KeyId>, now: UnixMillis) -> Option<Holding> {
        let (number, took) = self.holdings.due(now)?;
        let retired = self.newest().map(|list| list.delta().retired().to_vec()).unwrap_or_default();
        Some(Holding { number, took, keys: keys.collect(), retired })
    }

    /// A report was begun at `now`.
    pub fn reported(&mut self, now: UnixMillis) {
        self.holdings.reported(now);
    }

    /// For how long the list held may be used; `None` without one, or when its age cannot be told.
    fn left_ms(&self, terms: &Terms, now: UnixMillis) -> Option<i64> {
        let trusted = self.held.as_ref().filter(|held| held.clock != ListClock::Own || !self.clock_is_off);
        trusted.map(|held| held.left_ms(terms, now))
    }

    /// Whether a delta is not older than the list held, not from the future, and not sealed by a key that the held one
    /// retires.
    fn is_acceptable(&self, opened: &OpenedDelta, now: UnixMillis) -> bool {
        let head = &opened.delta.head;
        let in_order = self
            .held
            .as_ref()
            .is_none_or(|held| head.number >= held.list.number() && !held.list.retires(opened.sealed_by));
        in_order && head.this_update.since_ms(now) <= CLOCK_SKEW_MS
    }

    fn holds(&self, opened: &OpenedDelta) -> bool {
        self.held.as_ref().is_some_and(|held| held.list.number() == opened.delta.head.number)
    }

    /// A base in memory that `delta` completes: the one held, or the empty one.
    fn base_for(&self, delta: &Delta) -> Option<Rc<OpenedBase>> {
        let held = self.held.as_ref().map(|held| held.list.base()).filter(|base| delta.completes(base));
        held.cloned().or_else(|| {
            let empty = OpenedBase::empty(delta.head.base.epoch);
            delta.completes(&empty).then(|| Rc::new(empty))
        })
    }

    /// Holds `list` from now on. `is_new_here`: it came from beyond this location.
    fn hold(
        &mut self,
        list: RevocationList,
        clock: ListClock,
        terms: &Terms,
        is_new_here: bool,
        now: UnixMillis,
    ) {
        if is_new_here {
            let before = self.usable(terms, now);
            self.holdings.took(before.as_deref(), &list, now);
        }
        self.held = Some(Held { list: Rc::new(list), clock });
    }

    fn renew_lease(&mut self, now: UnixMillis) {
        self.lease_until = Some(now.plus_ms(LIST_LEASE_MS));
    }

    fn count_refused(&mut self) {
        self.refused = self.refused.saturating_add(1);
    }

    /// The registry never gives a number below one that it gave, nor signs with a key that it retired: it was put back from
    /// a backup, and must hear of it.
    fn compare_with(&mut self, of_registry: Option<&OpenedDelta>) {
        let (Some(held), Some(opened)) = (self.newest(), of_registry) else { return };
        if held.number() > opened.delta.head.number || held.retires(opened.sealed_by) {
            self.holdings.registry_is_behind(held.number());
        }
    }

    /// The registry's clock was read between `asked_at` and `now`, so it lies between them unless a clock is off.
    fn compare_clocks(&mut self, registry_now: UnixMillis, asked_at: UnixMillis, now: UnixMillis) {
        let is_off =
            asked_at.since_ms(registry_now) > CLOCK_SKEW_MS || registry_now.since_ms(now) > CLOCK_SKEW_MS;
        let is_right =
            registry_now.since_ms(asked_at) <= CLOCK_SKEW_MS && now.since_ms(registry_now) <= CLOCK_SKEW_MS;
        // Neither: the answer was too slow to tell.
        if is_off || is_right {
            self.clock_is_off = is_off;
        }
        self.clock_faults = self.clock_faults.saturating_add(u64::from(is_off));
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
        let until_next_update_ms = self.list.next_update().since_ms(self.clock.read(now));
        (terms.usable_ms - age_ms).min(until_next_update_ms.saturating_sub(CLOCK_SKEW_MS))
    }

    fn age_ms(&self, now: UnixMillis) -> i64 {
        self.clock.read(now).since_ms(self.list.this_update())
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

#[cfg(test)]
mod tests;
