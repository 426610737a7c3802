//! The list that an isolate holds: which list may be used at an instant, and when to look for a newer one.
//!
//! Standard and invariants: as in `mod.rs`, which gives the argument for the bound.

use super::holdings::Holdings;
use super::terms::Terms;
use crate::base::time::UnixMillis;
use crate::formats::holding::{Holding, Took};
use crate::formats::key::KeyId;
use crate::formats::list::{Delta, Number, OpenedBase, OpenedDelta, RevocationList};
use crate::limits::{CLOCK_SKEW_MS, LIST_LEASE_MS, SOURCE_KNOWN_MS};
use std::rc::Rc;

/// What a request does about the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshPlan {
    /// The list held is good enough.
    Use,
    /// Use the list held, and refresh it in the background. This caller now holds the lease.
    UseAndRefresh,
    /// No list is usable: refresh now and wait for the result. This caller now holds the lease.
    Refresh,
    /// No list is usable, and another request is refreshing: check memory again shortly.
    Wait,
    /// No list is usable, and a refresh a moment ago found none. Refuse, so that requests do not queue for a
    /// source that is down.
    Refuse,
    /// No list is usable, and the last refresh found none. Refuse, and refresh in the background: no request
    /// waits for sources that are known to be away. This caller now holds the lease.
    RefuseAndRefresh,
}

/// The list held, and the clock that tells its age.
#[derive(Clone, Debug)]
struct HeldList {
    list: Rc<RevocationList>,
    clock: ListClock,
}

/// Which clock tells the age of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListClock {
    /// This location's own clock.
    Own,
    /// The registry's clock: our own clock plus `ahead_ms`. It equals the registry's clock at its response
    /// plus the time since our request. Counting from the request makes a list that arrives slowly look
    /// older, never younger.
    Registry { ahead_ms: i64 },
}

/// The list that an isolate holds. Plain data without futures or handles, so that requests can share it.
#[derive(Debug, Default)]
pub struct ListHolder {
    /// The isolate's number, drawn at random, so that the registry can distinguish isolates.
    isolate: u64,
    held: Option<HeldList>,
    /// This location's clock was seen to differ from the registry's by more than 2 s. Then only lists that
    /// the registry itself gave are used, because its clock tells their age.
    pub(super) clock_is_off: bool,
    /// When the next refresh is due; until then the outcome of the last one stands.
    look_again_at: Option<UnixMillis>,
    lease_until: Option<UnixMillis>,
    /// When the last refresh ended, if it found no list that may be used.
    found_none_at: Option<UnixMillis>,
    /// Lists refused since the isolate started.
    pub refused: u64,
    /// Responses of the registry that showed this location's clock to be off.
    pub clock_faults: u64,
    /// What is still to be reported to the registry.
    holdings: Holdings,
}

impl ListHolder {
    /// Without a list yet. `isolate`: a number drawn at random.
    #[must_use]
    pub fn of_isolate(isolate: u64) -> Self {
        Self { isolate, ..Self::default() }
    }

    /// Decides what a request does about the list at `now`. Takes the lease when the plan is to refresh.
    pub fn plan(&mut self, terms: &Terms, now: UnixMillis) -> RefreshPlan {
        let usable = self.usable(terms, now).is_some();
        let leased = ahead(self.lease_until, now, LIST_LEASE_MS);
        let looked_lately = ahead(self.look_again_at, now, terms.usable_ms);
        let knows_of_none =
            self.found_none_at.is_some_and(|at| (0..SOURCE_KNOWN_MS).contains(&now.since_ms(at)));
        match (usable, leased, looked_lately) {
            (true, true, _) | (true, _, true) => RefreshPlan::Use,
            (false, true, _) if !knows_of_none => RefreshPlan::Wait,
            (false, true, _) | (false, false, true) => RefreshPlan::Refuse,
            (_, false, false) => {
                self.lease_until = Some(now.plus_ms(LIST_LEASE_MS));
                match usable {
                    true => RefreshPlan::UseAndRefresh,
                    false if knows_of_none => RefreshPlan::RefuseAndRefresh,
                    false => RefreshPlan::Refresh,
                }
            }
        }
    }

    /// Decides what `/_wayleave/health` does about the list: it reads one only where it has none to tell of.
    /// While the list is usable, requests refresh it, and report.
    pub fn plan_for_health(&mut self, terms: &Terms, now: UnixMillis) -> RefreshPlan {
        if self.usable(terms, now).is_some() { RefreshPlan::Use } else { self.plan(terms, now) }
    }

    /// Records the end of a refresh. After a success the next one is due in about L/6. After a failure it is
    /// due sooner, in an eighth of the time for which the list is still usable, but never sooner than
    /// `retry_ms`, so that the isolates do not overload a registry that is down.
    pub fn refreshed(&mut self, terms: &Terms, now: UnixMillis, random: u32) {
        self.lease_until = None;
        let left_ms = self.left_ms(terms, now).unwrap_or(0);
        self.found_none_at = (left_ms <= 0).then_some(now);
        let found = left_ms >= terms.enough_left_ms();
        let wait_ms = if found { terms.refresh_after_ms } else { (left_ms / 8).max(terms.retry_ms) };
        // Jitter: the wait is multiplied by 0.75 to 1.25.
        let spread = wait_ms / 4;
        self.look_again_at = Some(now.plus_ms(wait_ms - spread + fraction(spread * 2, random)));
    }

    /// Records that a pushed list was taken, or not. While lists are pushed nothing is looked for, until a
    /// quarter of the time is left for which the list may be used.
    pub fn push_taken(&mut self, terms: &Terms, now: UnixMillis) {
        let left_ms = self.left_ms(terms, now).unwrap_or(0);
        let look_at = self.look_at_the_latest(terms, now);
        // A list that was long on its way must not put off the next look. One that ends sooner than the list
        // before, or that no trusted clock can age, brings it forward.
        let puts_off = left_ms >= terms.enough_left_ms();
        let earlier = || self.look_again_at.map(|at| at.min(look_at));
        self.look_again_at = if puts_off { Some(look_at) } else { earlier() };
    }

    /// When a quarter of the time is left for which the list may be used.
    fn look_at_the_latest(&self, terms: &Terms, now: UnixMillis) -> UnixMillis {
        let left_ms = self.left_ms(terms, now).unwrap_or(0);
        now.plus_ms((left_ms / 4 * 3).max(terms.retry_ms))
    }

    /// Records that a call to the registry failed: from now on this isolate looks for lists by itself.
    pub fn push_failed(&mut self, terms: &Terms, now: UnixMillis, random: u32) {
        let look_at = now.plus_ms(fraction(terms.refresh_after_ms, random).max(terms.retry_ms));
        self.look_again_at = self.look_again_at.map(|at| at.min(look_at));
    }

    /// The list that may be used at `now`; `None` when there is none.
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

    /// Whether this location's clock was seen to be off.
    #[must_use]
    pub const fn clock_is_off(&self) -> bool {
        self.clock_is_off
    }

    /// Age of the newest list held in milliseconds, by the clock that applies to it.
    #[must_use]
    pub fn age_ms(&self, now: UnixMillis) -> Option<i64> {
        self.held.as_ref().map(|held| held.age_ms(now))
    }

    /// The age in milliseconds of the list that may be used at `now`; `None` when there is none.
    #[must_use]
    pub fn usable_age_ms(&self, terms: &Terms, now: UnixMillis) -> Option<i64> {
        self.left_ms(terms, now).filter(|left_ms| *left_ms > 0).and_then(|_| self.age_ms(now))
    }

    /// The report that is due to the registry at `now`, if any. `keys`: the signing keys that this location
    /// has.
    #[must_use]
    pub fn report(&self, keys: impl Iterator<Item = KeyId>, now: UnixMillis) -> Option<Holding> {
        let (number, took) = self.holdings.due(now)?;
        Some(self.holding_of(number, took, keys))
    }

    /// What this isolate holds, for a call that waits for a change; `None` without a list.
    #[must_use]
    pub fn holding(&self, keys: impl Iterator<Item = KeyId>, now: UnixMillis) -> Option<Holding> {
        let number = self.newest()?.number();
        Some(self.holding_of(number, self.holdings.arrivals(now), keys))
    }

    fn holding_of(&self, number: Number, took: Vec<Took>, keys: impl Iterator<Item = KeyId>) -> Holding {
        let retired = self.newest().map(|list| list.delta().retired().to_vec()).unwrap_or_default();
        let isolate = self.isolate;
        Holding { number, isolate, isolates: 1, took, keys: keys.collect(), retired, addresses: None }
    }

    /// In how many milliseconds the caller, whose run has ended, is to ask for a [`Self::report`]; `None`:
    /// not at all.
    pub fn report_in_ms(&mut self, now: UnixMillis) -> Option<i64> {
        self.holdings.report_in_ms(now)
    }

    /// The report that a line owes when it ends: its last call brought a change, and no other call of this
    /// isolate may follow. `None`: the next report is early enough.
    #[must_use]
    pub fn last_report(&self, keys: impl Iterator<Item = KeyId>, now: UnixMillis) -> Option<Holding> {
        let (number, took) = self.holdings.unreported_change(now)?;
        Some(self.holding_of(number, took, keys))
    }

    /// A report was begun at `now`.
    pub fn reported(&mut self, now: UnixMillis) {
        self.holdings.reported(now);
    }

    /// Records that the last report was not answered.
    pub fn report_lost(&mut self) {
        self.holdings.lost();
    }

    /// Milliseconds for which the list held may still be used; zero or less when it may not. `None` without a
    /// list, or when no trusted clock tells its age.
    pub(super) fn left_ms(&self, terms: &Terms, now: UnixMillis) -> Option<i64> {
        let trusted = self.held.as_ref().filter(|held| held.clock != ListClock::Own || !self.clock_is_off);
        trusted.map(|held| held.left_ms(terms, now))
    }

    /// Whether a delta may replace the list held: it is not older, not from the future, and not sealed by a
    /// key that the list held retires.
    pub(super) fn is_acceptable(&self, opened: &OpenedDelta, now: UnixMillis) -> bool {
        let head = &opened.delta.head;
        let in_order = self.held.as_ref().is_none_or(|held| {
            let held = &held.list;
            // A registry that was put back unnoticed gives a number again: the later list counts.
            (head.number, head.this_update) >= (held.number(), held.this_update())
                && !held.retires(opened.sealed_by)
        });
        in_order && head.this_update.since_ms(now) <= CLOCK_SKEW_MS
    }

    /// Whether the clock by which the list is held makes it as young as `clock` would. Not if it is behind
    /// `registry_now`, which the registry has just shown: then it was set back since.
    pub(super) fn is_as_young(&self, clock: ListClock, registry_now: UnixMillis, now: UnixMillis) -> bool {
        let trusted = self.held.as_ref().filter(|held| held.clock != ListClock::Own || !self.clock_is_off);
        trusted
            .map(|held| held.clock.read(now))
            .is_some_and(|shown| shown <= clock.read(now) && registry_now.since_ms(shown) <= CLOCK_SKEW_MS)
    }

    pub(super) fn is_newer_than(&self, number: Number) -> bool {
        self.held.as_ref().is_some_and(|held| held.list.number() > number)
    }

    pub(super) fn holds(&self, opened: &OpenedDelta) -> bool {
        let head = &opened.delta.head;
        self.held.as_ref().is_some_and(|held| {
            (held.list.number(), held.list.this_update()) == (head.number, head.this_update)
        })
    }

    /// A base in memory that `delta` completes: the one held, or the empty one.
    pub(super) fn base_for(&self, delta: &Delta) -> Option<Rc<OpenedBase>> {
        let held = self.held.as_ref().map(|held| held.list.base()).filter(|base| delta.completes(base));
        held.cloned().or_else(|| {
            let empty = OpenedBase::empty(delta.head.base.epoch);
            delta.completes(&empty).then(|| Rc::new(empty))
        })
    }

    /// Holds `list` from now on. `is_new_here`: it did not come from this location's own cache.
    pub(super) fn hold(
        &mut self,
        list: RevocationList,
        clock: ListClock,
        terms: &Terms,
        is_new_here: bool,
        now: UnixMillis,
    ) {
        match is_new_here {
            true => {
                let before = self.usable(terms, now);
                self.holdings.took(before.as_deref(), &list, now);
            }
            false => self.holdings.shared(&list),
        }
        self.held = Some(HeldList { list: Rc::new(list), clock });
        // It may end sooner than the list before, and come later than the next look was set: its base had to
        // be fetched. What was set stands otherwise.
        let look_at = self.look_at_the_latest(terms, now);
        self.look_again_at = self.look_again_at.map(|at| at.min(look_at));
    }

    pub(super) fn renew_lease(&mut self, now: UnixMillis) {
        self.lease_until = Some(now.plus_ms(LIST_LEASE_MS));
    }

    pub(super) fn count_refused(&mut self) {
        self.refused = self.refused.saturating_add(1);
    }

    /// The registry never gives a lower number than before, nor signs with a key that it retired. If it does,
    /// it was restored from a backup; then the next report tells it so.
    pub(super) fn compare_with(&mut self, of_registry: Option<&OpenedDelta>) {
        let (Some(held), Some(opened)) = (self.newest(), of_registry) else { return };
        if held.number() > opened.delta.head.number || held.retires(opened.sealed_by) {
            self.holdings.registry_is_behind(held.number());
        }
    }

    /// The registry read its clock between `asked_at` and `now`. So its time must lie between them, unless
    /// one of the clocks is off.
    pub(super) fn compare_clocks(&mut self, registry_now: UnixMillis, asked_at: UnixMillis, now: UnixMillis) {
        let is_off =
            asked_at.since_ms(registry_now) > CLOCK_SKEW_MS || registry_now.since_ms(now) > CLOCK_SKEW_MS;
        let is_right =
            registry_now.since_ms(asked_at) <= CLOCK_SKEW_MS && now.since_ms(registry_now) <= CLOCK_SKEW_MS;
        // Neither: the response was too slow to show it.
        if is_off || is_right {
            self.clock_is_off = is_off;
        }
        self.clock_faults = self.clock_faults.saturating_add(u64::from(is_off));
    }
}

impl HeldList {
    /// Milliseconds for which the list may still be used: limited by L, and by `next_update`, which differs
    /// when the list was made under another bound.
    fn left_ms(&self, terms: &Terms, now: UnixMillis) -> i64 {
        let age_ms = self.age_ms(now);
        if age_ms < -CLOCK_SKEW_MS {
            // The list was not from the future when it was taken. So our clock was set back since, and can no
            // longer tell the list's age.
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
    /// The time that this clock shows when our own shows `now`.
    pub(super) fn read(self, now: UnixMillis) -> UnixMillis {
        match self {
            Self::Own => now,
            Self::Registry { ahead_ms } => now.plus_ms(ahead_ms),
        }
    }
}

/// Whether `at` lies in the future, by at most `within_ms`: a clock that was set back must not prolong
/// anything.
pub(super) fn ahead(at: Option<UnixMillis>, now: UnixMillis, within_ms: i64) -> bool {
    at.is_some_and(|at| (1..=within_ms).contains(&at.since_ms(now)))
}

/// `random` scaled to the range from 0 to `whole_ms`.
pub(super) fn fraction(whole_ms: i64, random: u32) -> i64 {
    whole_ms.saturating_mul(i64::from(random)) / i64::from(u32::MAX)
}
