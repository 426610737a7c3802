//! Freshness: which list a location may use at `now`, and when it must look for a newer one.
//!
//! Standard: DESIGN section 5.
//! Invariants, with B the revocation bound and L = B − 2 s of clock skew:
//! - a list is usable at `now` only while `now < next_update` and `now − this_update < L`;
//! - the number of the list held never goes back.
//!
//! Why that keeps the bound: let a change be committed at t and acknowledged after. A list with `this_update` ≥ t
//! names it. A list made before has `this_update` < t, so it is usable only while now < t + L by a clock that differs
//! from the registry's by at most 2 s: at the latest t + B of true time. Whatever KV did in between does not matter.
//!
//! What it must not know: how lists are fetched, tokens, IO. A request never waits for another's future: it waits for
//! memory to change, and no longer than a lease.
//! What a mistake costs: a list used too long is a revoked token admitted (false accept); one dropped too early is a
//! needless 503 (false refuse).

use crate::limits::{CLOCK_SKEW_MS, LIST_LEASE_MS, LIST_RETRY_MS, MS_PER_SECOND};
use crate::list::{ListFault, RevocationList};
use crate::time::UnixMillis;
use std::rc::Rc;

/// The times that follow from the bound B; all milliseconds, derived in this one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// L: a list older than this is not used.
    pub usable_ms: i64,
    /// L/6: a list found longer ago than this is looked for again, in the background.
    pub refresh_after_ms: i64,
    /// 2L/3: a list older than this sends the refresh on to the next source.
    pub next_source_ms: i64,
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
            kv: bound_seconds >= 60,
        }
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

/// What an isolate holds of the list. Plain data: no future, no handle.
#[derive(Debug, Default)]
pub struct ListHolder {
    held: Option<Rc<RevocationList>>,
    /// When a refresh last found what it looked for.
    found_at: Option<UnixMillis>,
    failed_at: Option<UnixMillis>,
    lease_until: Option<UnixMillis>,
    /// Lists refused since the isolate started.
    pub refused: u64,
}

impl ListHolder {
    /// What a request that comes at `now` does.
    pub fn plan(&mut self, terms: &Terms, now: UnixMillis) -> Plan {
        let usable = self.usable(terms, now).is_some();
        let leased =
            self.lease_until.is_some_and(|until| now < until && until.since_ms(now) <= LIST_LEASE_MS);
        let within =
            |at: Option<UnixMillis>, ms: i64| at.is_some_and(|at| (0..ms).contains(&now.since_ms(at)));
        let found_lately = within(self.found_at, terms.refresh_after_ms);
        let failed_lately = within(self.failed_at, LIST_RETRY_MS);
        if usable && (found_lately || failed_lately || leased) {
            return Plan::Use;
        }
        if leased {
            return Plan::Wait;
        }
        if failed_lately {
            return Plan::Refuse;
        }
        self.lease_until = Some(now.plus_ms(LIST_LEASE_MS));
        if usable { Plan::UseAndRefresh } else { Plan::Refresh }
    }

    /// Whether a refresh, having asked one source, goes on to the next.
    #[must_use]
    pub fn wants_next_source(&self, terms: &Terms, now: UnixMillis) -> bool {
        !self.held.as_ref().is_some_and(|list| {
            now.since_ms(list.this_update) <= terms.next_source_ms && self.usable(terms, now).is_some()
        })
    }

    /// Takes a list that a source gave, when it is newer than the one held and not from the future.
    pub fn offer(&mut self, read: Result<RevocationList, ListFault>, now: UnixMillis) {
        let Ok(list) = read else {
            self.refused = self.refused.saturating_add(1);
            return;
        };
        let older = self.held.as_ref().is_some_and(|held| list.number < held.number);
        if list.this_update.since_ms(now) > CLOCK_SKEW_MS || older {
            self.refused = self.refused.saturating_add(1);
            return;
        }
        self.held = Some(Rc::new(list));
    }

    /// A refresh has ended; `found` when it left a list good enough not to look again at once.
    pub fn refreshed(&mut self, found: bool, now: UnixMillis) {
        self.lease_until = None;
        if found {
            self.found_at = Some(now);
            self.failed_at = None;
        } else {
            self.failed_at = Some(now);
        }
    }

    /// The list that may be used at `now`.
    #[must_use]
    pub fn usable(&self, terms: &Terms, now: UnixMillis) -> Option<Rc<RevocationList>> {
        let list = self.held.as_ref()?;
        let usable = now < list.next_update && now.since_ms(list.this_update) < terms.usable_ms;
        usable.then(|| Rc::clone(list))
    }

    /// The newest list held, however old: only for `ON_UNKNOWN = "admit"` and for health.
    #[must_use]
    pub fn newest(&self) -> Option<Rc<RevocationList>> {
        self.held.clone()
    }
}

const _: () = {
    let shortest = Terms::from_bound(crate::limits::REVOCATION_BOUND_MIN_SECONDS);
    assert!(shortest.refresh_after_ms > 0 && shortest.refresh_after_ms < shortest.next_source_ms);
    let default = Terms::from_bound(crate::limits::REVOCATION_BOUND_DEFAULT_SECONDS);
    // A KV copy may be 30 s old by `cacheTtl`; it must still be worth reading: 30 s < 2L/3 = 38 s.
    assert!(default.kv && default.next_source_ms > 30 * MS_PER_SECOND);
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::list::Number;
    use crate::token::Serial;

    const TERMS: Terms = Terms::from_bound(60);

    fn list(n: u64, made_ms: i64) -> RevocationList {
        let number = Number { epoch: 1, n };
        RevocationList::new(number, UnixMillis(made_ms), UnixMillis(made_ms + 60_000), [], [], Serial(1))
    }

    fn holder(n: u64, made_ms: i64) -> ListHolder {
        let mut holder = ListHolder::default();
        holder.offer(Ok(list(n, made_ms)), UnixMillis(made_ms));
        holder.refreshed(true, UnixMillis(made_ms));
        holder
    }

    #[test]
    fn a_list_is_used_up_to_l_and_not_a_millisecond_longer() {
        let holder = holder(1, 0);
        assert!(holder.usable(&TERMS, UnixMillis(57_999)).is_some());
        assert!(holder.usable(&TERMS, UnixMillis(58_000)).is_none());
    }

    #[test]
    fn next_update_ends_a_list_even_when_the_bound_here_is_longer() {
        let holder = holder(1, 0);
        let longer = Terms::from_bound(300);
        assert!(holder.usable(&longer, UnixMillis(59_999)).is_some());
        assert!(holder.usable(&longer, UnixMillis(60_000)).is_none());
    }

    #[test]
    fn an_older_number_is_refused_even_when_it_looks_fresher() {
        let mut holder = holder(5, 0);
        holder.offer(Ok(list(4, 1_000)), UnixMillis(1_000));
        assert_eq!(holder.newest().unwrap().number.n, 5);
        assert_eq!(holder.refused, 1);
    }

    #[test]
    fn a_list_from_the_future_is_refused() {
        let mut holder = ListHolder::default();
        holder.offer(Ok(list(1, 2_001)), UnixMillis(0));
        assert!(holder.newest().is_none());
        holder.offer(Ok(list(1, 2_000)), UnixMillis(0));
        assert!(holder.newest().is_some());
    }

    #[test]
    fn a_broken_list_changes_nothing_and_is_counted() {
        let mut holder = holder(5, 0);
        holder.offer(Err(ListFault::BrokenSeal), UnixMillis(0));
        assert_eq!((holder.newest().unwrap().number.n, holder.refused), (5, 1));
    }

    #[test]
    fn one_request_refreshes_while_the_others_use_what_is_held() {
        let mut holder = holder(1, 0);
        assert_eq!(holder.plan(&TERMS, UnixMillis(9_000)), Plan::Use);
        assert_eq!(holder.plan(&TERMS, UnixMillis(10_000)), Plan::UseAndRefresh);
        assert_eq!(holder.plan(&TERMS, UnixMillis(10_001)), Plan::Use);
        holder.refreshed(true, UnixMillis(10_100));
        assert_eq!(holder.plan(&TERMS, UnixMillis(10_200)), Plan::Use);
    }

    #[test]
    fn a_failed_refresh_is_not_repeated_at_once_by_everyone() {
        let mut empty = ListHolder::default();
        assert_eq!(empty.plan(&TERMS, UnixMillis(0)), Plan::Refresh);
        empty.refreshed(false, UnixMillis(100));
        assert_eq!(empty.plan(&TERMS, UnixMillis(101)), Plan::Refuse);
        assert_eq!(empty.plan(&TERMS, UnixMillis(100 + LIST_RETRY_MS)), Plan::Refresh);
        let mut holder = holder(1, 0);
        assert_eq!(holder.plan(&TERMS, UnixMillis(20_000)), Plan::UseAndRefresh);
        holder.refreshed(false, UnixMillis(20_100));
        assert_eq!(holder.plan(&TERMS, UnixMillis(20_101)), Plan::Use);
        assert_eq!(holder.plan(&TERMS, UnixMillis(21_100)), Plan::UseAndRefresh);
    }

    #[test]
    fn a_cancelled_refresh_leaves_nobody_stuck() {
        let mut holder = ListHolder::default();
        assert_eq!(holder.plan(&TERMS, UnixMillis(0)), Plan::Refresh);
        assert_eq!(holder.plan(&TERMS, UnixMillis(1)), Plan::Wait);
        assert_eq!(holder.plan(&TERMS, UnixMillis(LIST_LEASE_MS)), Plan::Refresh);
    }

    #[test]
    fn a_clock_that_jumped_back_does_not_prolong_a_lease() {
        let mut holder = ListHolder::default();
        assert_eq!(holder.plan(&TERMS, UnixMillis(1_000_000)), Plan::Refresh);
        assert_eq!(holder.plan(&TERMS, UnixMillis(0)), Plan::Refresh);
    }

    #[test]
    fn a_list_older_than_two_thirds_sends_the_refresh_on() {
        let holder = holder(1, 0);
        assert!(!holder.wants_next_source(&TERMS, UnixMillis(38_000)));
        assert!(holder.wants_next_source(&TERMS, UnixMillis(39_000)));
        assert!(ListHolder::default().wants_next_source(&TERMS, UnixMillis(0)));
    }
}
