use super::*;
use crate::key::KeyId;
use crate::list::Number;
use crate::token::Serial;

const TERMS: Terms = Terms::from_bound(60);
const L: i64 = 58_000;
/// Half, rounded up: no jitter.
const MIDDLE: u32 = u32::MAX / 2 + 1;

fn opened(n: u64, made_ms: i64) -> OpenedList {
    let number = Number { epoch: 1, n };
    let list = RevocationList::new(
        number,
        UnixMillis(made_ms),
        UnixMillis(made_ms + 60_000),
        [],
        [KeyId(9)],
        Serial(1),
    );
    OpenedList { list, sealed_by: KeyId(1) }
}

fn from_kv(n: u64, made_ms: i64) -> Found {
    Found::Kv(Ok(opened(n, made_ms)))
}

fn from_registry(n: u64, made_ms: i64, registry_now: i64, asked_at: i64) -> Found {
    let (registry_now, asked_at) = (UnixMillis(registry_now), UnixMillis(asked_at));
    Found::Registry { read: Ok(opened(n, made_ms)), registry_now, asked_at }
}

/// Holds list `n`, made and found at `made_ms`; looks again L/6 later.
fn holder(n: u64, made_ms: i64) -> ListHolder {
    let mut holder = ListHolder::default();
    assert_eq!(holder.plan(&TERMS, UnixMillis(made_ms)), Plan::Refresh);
    holder.take(from_kv(n, made_ms), UnixMillis(made_ms));
    holder.refreshed(&TERMS, UnixMillis(made_ms), MIDDLE);
    holder
}

fn number(holder: &ListHolder) -> Option<u64> {
    holder.newest().map(|list| list.number.n)
}

#[test]
fn a_list_is_used_up_to_l_and_not_a_millisecond_longer() {
    let holder = holder(1, 0);
    assert!(holder.usable(&TERMS, UnixMillis(L - 1)).is_some());
    assert!(holder.usable(&TERMS, UnixMillis(L)).is_none());
}

#[test]
fn next_update_ends_a_list_even_when_the_bound_here_is_longer() {
    let holder = holder(1, 0);
    let longer = Terms::from_bound(300);
    // Less the skew, as L is: the registry's clock may be 2 s ahead of ours.
    assert!(holder.usable(&longer, UnixMillis(57_999)).is_some());
    assert!(holder.usable(&longer, UnixMillis(58_000)).is_none());
}

#[test]
fn a_list_that_ends_sooner_than_the_bound_here_says_is_looked_for_again_in_time() {
    // Made under B = 60 and read from KV at an age of 58 s, where B is 300: young, yet of no use.
    let longer = Terms::from_bound(300);
    let mut lists = ListHolder::default();
    assert_eq!(lists.plan(&longer, UnixMillis(58_000)), Plan::Refresh);
    let mut run = lists.refresh(&longer, 0);
    assert_eq!(run.next(&lists, UnixMillis(58_000)), Some(Source::Kv));
    lists.take(from_kv(1, 0), UnixMillis(58_000));
    assert_eq!(run.next(&lists, UnixMillis(58_000)), Some(Source::Registry));
    lists.take(from_registry(2, 58_000, 58_000, 58_000), UnixMillis(58_000));
    assert_eq!(run.next(&lists, UnixMillis(58_000)), None);
    // L/6 would be 50 s: it is looked for again within what is left.
    lists.refreshed(&longer, UnixMillis(58_000), MIDDLE);
    assert_eq!(lists.plan(&longer, UnixMillis(58_000 + L / 8)), Plan::UseAndRefresh);
}

#[test]
fn an_older_number_is_refused_even_when_it_looks_fresher() {
    let mut holder = holder(5, 0);
    holder.take(from_kv(4, 1_000), UnixMillis(1_000));
    assert_eq!((number(&holder), holder.refused), (Some(5), 1));
}

#[test]
fn the_same_list_again_is_not_counted() {
    let mut holder = holder(5, 0);
    holder.take(from_kv(5, 0), UnixMillis(1_000));
    assert_eq!((number(&holder), holder.refused), (Some(5), 0));
}

#[test]
fn a_list_from_the_future_is_refused() {
    let mut holder = ListHolder::default();
    holder.take(from_kv(1, 2_001), UnixMillis(0));
    assert_eq!(number(&holder), None);
    holder.take(from_kv(1, 2_000), UnixMillis(0));
    assert_eq!(number(&holder), Some(1));
}

#[test]
fn a_broken_list_changes_nothing_and_is_counted() {
    let mut holder = holder(5, 0);
    holder.take(Found::Kv(Err(ListFault::BrokenSeal)), UnixMillis(0));
    assert_eq!((number(&holder), holder.refused), (Some(5), 1));
}

#[test]
fn a_list_sealed_by_a_key_that_the_held_one_retires_is_refused() {
    let mut holder = holder(5, 0);
    let by_a_retired_key = OpenedList { sealed_by: KeyId(9), ..opened(6, 0) };
    holder.take(Found::Kv(Ok(by_a_retired_key)), UnixMillis(0));
    assert_eq!((number(&holder), holder.refused), (Some(5), 1));
}

#[test]
fn one_request_refreshes_while_the_others_use_what_is_held() {
    let mut holder = holder(1, 0);
    assert_eq!(holder.plan(&TERMS, UnixMillis(L / 6 - 1)), Plan::Use);
    assert_eq!(holder.plan(&TERMS, UnixMillis(L / 6)), Plan::UseAndRefresh);
    assert_eq!(holder.plan(&TERMS, UnixMillis(L / 6 + 1)), Plan::Use);
    holder.refreshed(&TERMS, UnixMillis(10_100), 0);
    assert_eq!(holder.plan(&TERMS, UnixMillis(10_200)), Plan::Use);
}

#[test]
fn a_failed_refresh_is_not_repeated_at_once_by_everyone() {
    let mut empty = ListHolder::default();
    assert_eq!(empty.plan(&TERMS, UnixMillis(0)), Plan::Refresh);
    empty.refreshed(&TERMS, UnixMillis(100), MIDDLE);
    assert_eq!(empty.plan(&TERMS, UnixMillis(101)), Plan::Refuse);
    assert_eq!(empty.plan(&TERMS, UnixMillis(100 + TERMS.retry_ms)), Plan::Refresh);
}

#[test]
fn the_less_is_left_the_sooner_a_failed_refresh_is_repeated() {
    let wait_at = |age_ms: i64| {
        let mut holder = holder(1, 0);
        holder.refreshed(&TERMS, UnixMillis(age_ms), MIDDLE);
        let waits = |ms: &i64| holder.clone_plan(UnixMillis(age_ms + ms)) != Plan::Use;
        (0..L).find(waits)
    };
    assert_eq!(wait_at(TERMS.next_source_ms), Some(TERMS.refresh_after_ms));
    assert_eq!(wait_at(42_000), Some(2_000));
    assert_eq!(wait_at(57_000), Some(1_000));
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
fn a_run_asks_kv_then_the_registry_while_what_was_found_is_old() {
    let mut lists = ListHolder::default();
    let mut run = lists.refresh(&TERMS, 0);
    assert_eq!(run.next(&lists, UnixMillis(0)), Some(Source::Kv));
    assert_eq!(run.next(&lists, UnixMillis(0)), Some(Source::Registry));
    assert_eq!(run.next(&lists, UnixMillis(0)), None);
    lists.take(from_kv(1, 0), UnixMillis(0));
    for (random, age_ms, next) in [
        (0, TERMS.next_source_ms, None),
        (0, TERMS.next_source_ms + 1, Some(Source::Registry)),
        (u32::MAX, TERMS.next_source_ms, Some(Source::Registry)),
    ] {
        let mut run = lists.refresh(&TERMS, random);
        assert_eq!(run.next(&lists, UnixMillis(age_ms)), Some(Source::Kv));
        assert_eq!(run.next(&lists, UnixMillis(age_ms)), next, "{random} {age_ms}");
    }
}

#[test]
fn below_a_minute_kv_is_left_out() {
    let terms = Terms::from_bound(59);
    let lists = ListHolder::default();
    let mut run = lists.refresh(&terms, 0);
    assert_eq!(run.next(&lists, UnixMillis(0)), Some(Source::Registry));
    assert_eq!(run.next(&lists, UnixMillis(0)), None);
}

#[test]
fn the_age_of_a_list_from_the_registry_is_told_by_its_clock_from_the_question_on() {
    // Asked at 10 s by our clock; the registry's clock said 11.5 s; the answer took 4 s.
    let mut lists = ListHolder::default();
    lists.take(from_registry(1, 11_500, 11_500, 10_000), UnixMillis(14_000));
    assert_eq!(lists.clock_faults, 0);
    assert!(lists.usable(&TERMS, UnixMillis(10_000 + L - 1)).is_some());
    assert!(lists.usable(&TERMS, UnixMillis(10_000 + L)).is_none());
}

#[test]
fn a_location_whose_clock_is_off_uses_lists_of_the_registry_alone() {
    // Our clock is 10 s behind.
    let mut lists = holder(1, 0);
    lists.take(from_registry(2, 15_000, 15_000, 5_000), UnixMillis(5_100));
    assert_eq!(lists.clock_faults, 1);
    assert!(lists.usable(&TERMS, UnixMillis(5_000 + L - 1)).is_some());
    assert!(lists.usable(&TERMS, UnixMillis(5_000 + L)).is_none());
    let mut run = lists.refresh(&TERMS, 0);
    assert_eq!(run.next(&lists, UnixMillis(6_000)), Some(Source::Registry));
    // A list from KV is taken, since it is newer, and not used: its age cannot be told.
    lists.take(from_kv(3, 6_000), UnixMillis(6_000));
    assert!(lists.usable(&TERMS, UnixMillis(6_000)).is_none());
    // The registry gives the same one, with a clock; then our clock is set right.
    lists.take(from_registry(3, 6_000, 17_000, 7_000), UnixMillis(7_100));
    assert!(lists.usable(&TERMS, UnixMillis(7_100)).is_some());
    lists.take(from_registry(4, 18_000, 18_000, 18_000), UnixMillis(18_001));
    assert!(!lists.clock_is_off);
}

#[test]
fn a_clock_set_back_ends_a_list_and_sends_the_run_to_the_registry() {
    for terms in [TERMS, Terms::from_bound(30)] {
        let hour_ms = 3_600_000;
        let mut lists = holder(1, hour_ms);
        assert!(lists.usable(&terms, UnixMillis(hour_ms - CLOCK_SKEW_MS)).is_some());
        assert!(lists.usable(&terms, UnixMillis(hour_ms - CLOCK_SKEW_MS - 1)).is_none());
        let mut run = lists.refresh(&terms, 0);
        let asked: Vec<_> = std::iter::from_fn(|| run.next(&lists, UnixMillis(0))).collect();
        assert_eq!(asked.last(), Some(&Source::Registry));
        // The registry's clock is right: from now on it is the one that counts.
        lists.take(from_registry(2, hour_ms, hour_ms, 0), UnixMillis(100));
        assert!(lists.clock_is_off);
        assert!(lists.usable(&terms, UnixMillis(100)).is_some());
    }
}

impl ListHolder {
    /// The plan, without taking the lease.
    fn clone_plan(&self, now: UnixMillis) -> Plan {
        let mut copy = Self {
            held: self.held.clone(),
            clock_is_off: self.clock_is_off,
            look_again_at: self.look_again_at,
            lease_until: self.lease_until,
            refused: self.refused,
            clock_faults: self.clock_faults,
        };
        copy.plan(&TERMS, now)
    }
}
