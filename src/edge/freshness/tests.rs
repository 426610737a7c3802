use super::*;
use crate::base::time::UnixMillis;
use crate::formats::holding::Took;
use crate::formats::key::KeyId;
use crate::formats::list::{
    Base, Change, Delta, DeltaHead, ListFault, Number, OpenedBase, OpenedDelta, SerialStatus,
};
use crate::formats::token::Serial;
use crate::limits::{CLOCK_SKEW_MS, LIST_LEASE_MS};

mod away;
mod pushed;

const TERMS: Terms = Terms::from_bound(60, true);
const L: i64 = 58_000;
/// Half of the range, rounded up: no jitter.
const MIDDLE: u32 = u32::MAX / 2 + 1;

fn opened(n: u64, made_ms: i64) -> OpenedDelta {
    on_base(&OpenedBase::empty(1), n, made_ms)
}

/// Delta `n`, which names `newest` as its base and completes both `newest` and `since`.
fn on_bases(newest: &OpenedBase, since: &OpenedBase, n: u64, made_ms: i64) -> OpenedDelta {
    let head = DeltaHead {
        number: Number { epoch: 1, n },
        this_update: UnixMillis(made_ms),
        next_update: UnixMillis(made_ms + 60_000),
        base: newest.base.number(),
        base_sha256: newest.sha256,
        since: since.base.number().n,
        since_sha256: since.sha256,
        changed: n,
        highest_serial: Serial(1),
    };
    OpenedDelta { delta: Delta::new(head, [], [KeyId(9)]), sealed_by: KeyId(1) }
}

/// Delta `n`, which completes `base` alone.
fn on_base(base: &OpenedBase, n: u64, made_ms: i64) -> OpenedDelta {
    on_bases(base, base, n, made_ms)
}

/// A base that revokes serial `n`.
fn base(n: u64) -> OpenedBase {
    let serial = Serial(u32::try_from(n).unwrap());
    let change = Change { serial, status: SerialStatus::Revoked, version: 1 };
    let base = Base::empty(1).fold([change], [], Number { epoch: 1, n });
    let sha256 = crate::formats::key::sha256(&base.body().unwrap());
    OpenedBase { base, sha256 }
}

fn from_kv(n: u64, made_ms: i64) -> Fetched {
    Fetched::Copy(Ok(opened(n, made_ms)))
}

fn from_registry(n: u64, made_ms: i64, registry_now: i64, asked_at: i64) -> Fetched {
    let (registry_now, asked_at) = (UnixMillis(registry_now), UnixMillis(asked_at));
    Fetched::Registry { read: Ok(opened(n, made_ms)), registry_now, asked_at }
}

/// Takes `found` in a refresh of its own that ignores the location's cache.
fn take(lists: &mut ListHolder, found: Fetched, now: UnixMillis) {
    let mut run = lists.refresh(&TERMS, now, 1);
    run.next(lists, now);
    run.next(lists, now);
    run.take(lists, found, now);
}

/// The steps of a refresh of `lists` at `now` when no source has anything.
fn asked(lists: &mut ListHolder, terms: &Terms, random: u32, now: UnixMillis) -> Vec<Fetch> {
    let mut run = lists.refresh(terms, now, random);
    std::iter::from_fn(|| run.next(lists, now)).collect()
}

const LOCATION: Fetch = Fetch::Delta(Source::Location);
const KV: Fetch = Fetch::Delta(Source::Kv);
const REGISTRY: Fetch = Fetch::Delta(Source::Registry);
const KV_COPY: BaseSource = BaseSource::Kv { cache_ttl_seconds: 300 };
const KV_ITSELF: BaseSource = BaseSource::Kv { cache_ttl_seconds: 30 };

/// Holds list `n`, made and found at `made_ms`; the next refresh is due L/6 later.
fn holder(n: u64, made_ms: i64) -> ListHolder {
    let mut holder = ListHolder::default();
    assert_eq!(holder.plan(&TERMS, UnixMillis(made_ms)), RefreshPlan::Refresh);
    take(&mut holder, from_kv(n, made_ms), UnixMillis(made_ms));
    holder.refreshed(&TERMS, UnixMillis(made_ms), MIDDLE);
    holder
}

fn number(holder: &ListHolder) -> Option<u64> {
    holder.newest().map(|list| list.number().n)
}

#[test]
fn of_two_lists_with_one_number_the_later_counts() {
    // The registry was put back unnoticed, and gives number 8 again. KV had the lost one.
    let mut lists = holder(8, 0);
    let now = UnixMillis(70_000);
    take(&mut lists, from_registry(8, 69_900, 69_950, 69_940), now);
    assert_eq!(lists.newest().map(|list| list.this_update()), Some(UnixMillis(69_900)));
    assert!(lists.usable(&TERMS, now).is_some());
    take(&mut lists, from_kv(8, 0), now);
    assert_eq!(lists.newest().map(|list| list.this_update()), Some(UnixMillis(69_900)));
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
    let longer = Terms::from_bound(300, true);
    // Reduced by the skew, as L is: the registry's clock may be 2 s ahead of ours.
    assert!(holder.usable(&longer, UnixMillis(57_999)).is_some());
    assert!(holder.usable(&longer, UnixMillis(58_000)).is_none());
}

#[test]
fn a_list_that_ends_sooner_than_the_bound_here_says_is_looked_for_again_in_time() {
    // Made under B = 60 and read from KV at an age of 57 s, where B is 300: young, but not usable for long.
    let longer = Terms::from_bound(300, true);
    let (mut lists, now) = (ListHolder::default(), UnixMillis(57_000));
    assert_eq!(lists.plan(&longer, now), RefreshPlan::Refresh);
    let mut run = lists.refresh(&longer, now, 0);
    assert_eq!([run.next(&mut lists, now), run.next(&mut lists, now)], [Some(LOCATION), Some(KV)]);
    run.take(&mut lists, from_kv(1, 0), now);
    assert_eq!(run.next(&mut lists, now), Some(REGISTRY));
    run.take(&mut lists, from_registry(2, 57_000, 57_000, 57_000), now);
    assert_eq!(run.next(&mut lists, now), None);
    // L/6 would be 50 s; the next refresh is due while the list is still usable.
    lists.refreshed(&longer, now, MIDDLE);
    assert_eq!(lists.plan(&longer, UnixMillis(57_000 + L / 8)), RefreshPlan::UseAndRefresh);
}

#[test]
fn an_older_number_is_refused_even_when_it_looks_fresher() {
    let mut holder = holder(5, 0);
    take(&mut holder, from_kv(4, 1_000), UnixMillis(1_000));
    assert_eq!((number(&holder), holder.refused), (Some(5), 1));
}

#[test]
fn the_same_list_again_is_not_counted() {
    let mut holder = holder(5, 0);
    take(&mut holder, from_kv(5, 0), UnixMillis(1_000));
    assert_eq!((number(&holder), holder.refused), (Some(5), 0));
}

#[test]
fn a_list_from_the_future_is_refused() {
    let mut holder = ListHolder::default();
    take(&mut holder, from_kv(1, 2_001), UnixMillis(0));
    assert_eq!(number(&holder), None);
    take(&mut holder, from_kv(1, 2_000), UnixMillis(0));
    assert_eq!(number(&holder), Some(1));
}

#[test]
fn a_broken_list_changes_nothing_and_is_counted() {
    let mut holder = holder(5, 0);
    take(&mut holder, Fetched::Copy(Err(ListFault::BrokenSeal)), UnixMillis(0));
    assert_eq!((number(&holder), holder.refused), (Some(5), 1));
}

#[test]
fn a_list_sealed_by_a_key_that_the_held_one_retires_is_refused() {
    let mut holder = holder(5, 0);
    let by_a_retired_key = OpenedDelta { sealed_by: KeyId(9), ..opened(6, 0) };
    take(&mut holder, Fetched::Copy(Ok(by_a_retired_key)), UnixMillis(0));
    assert_eq!((number(&holder), holder.refused), (Some(5), 1));
}

#[test]
fn one_request_refreshes_while_the_others_use_what_is_held() {
    let mut holder = holder(1, 0);
    assert_eq!(holder.plan(&TERMS, UnixMillis(L / 6 - 1)), RefreshPlan::Use);
    assert_eq!(holder.plan(&TERMS, UnixMillis(L / 6)), RefreshPlan::UseAndRefresh);
    assert_eq!(holder.plan(&TERMS, UnixMillis(L / 6 + 1)), RefreshPlan::Use);
    holder.refreshed(&TERMS, UnixMillis(10_100), 0);
    assert_eq!(holder.plan(&TERMS, UnixMillis(10_200)), RefreshPlan::Use);
}

#[test]
fn a_failed_refresh_is_not_repeated_at_once_by_everyone() {
    let mut empty = ListHolder::default();
    assert_eq!(empty.plan(&TERMS, UnixMillis(0)), RefreshPlan::Refresh);
    empty.refreshed(&TERMS, UnixMillis(100), MIDDLE);
    assert_eq!(empty.plan(&TERMS, UnixMillis(101)), RefreshPlan::Refuse);
    assert_eq!(empty.plan(&TERMS, UnixMillis(100 + TERMS.retry_ms)), RefreshPlan::RefuseAndRefresh);
}

#[test]
fn the_less_is_left_the_sooner_a_failed_refresh_is_repeated() {
    let wait_at = |age_ms: i64| {
        let waits = |ms: &i64| {
            let mut holder = holder(1, 0);
            holder.refreshed(&TERMS, UnixMillis(age_ms), MIDDLE);
            holder.plan(&TERMS, UnixMillis(age_ms + ms)) != RefreshPlan::Use
        };
        (0..L).find(waits)
    };
    assert_eq!(wait_at(TERMS.next_source_ms), Some(TERMS.refresh_after_ms));
    assert_eq!(wait_at(42_000), Some(2_000));
    assert_eq!(wait_at(57_000), Some(1_000));
}

#[test]
fn a_cancelled_refresh_leaves_nobody_stuck() {
    let mut holder = ListHolder::default();
    assert_eq!(holder.plan(&TERMS, UnixMillis(0)), RefreshPlan::Refresh);
    assert_eq!(holder.plan(&TERMS, UnixMillis(1)), RefreshPlan::Wait);
    assert_eq!(holder.plan(&TERMS, UnixMillis(LIST_LEASE_MS)), RefreshPlan::Refresh);
}

#[test]
fn a_clock_that_jumped_back_does_not_prolong_a_lease() {
    let mut holder = ListHolder::default();
    assert_eq!(holder.plan(&TERMS, UnixMillis(1_000_000)), RefreshPlan::Refresh);
    assert_eq!(holder.plan(&TERMS, UnixMillis(0)), RefreshPlan::Refresh);
}

#[test]
fn a_run_asks_the_location_then_kv_then_the_registry_while_what_was_found_is_old() {
    let now = UnixMillis(0);
    assert_eq!(asked(&mut ListHolder::default(), &TERMS, 1, now), [LOCATION, KV, REGISTRY]);
    for (random, age_ms, all) in [
        (1, TERMS.next_source_ms, vec![LOCATION, KV]),
        (1, TERMS.next_source_ms + 1, vec![LOCATION, KV, REGISTRY]),
        (u32::MAX, TERMS.next_source_ms, vec![LOCATION, KV, REGISTRY]),
    ] {
        let mut lists = holder(1, 0);
        assert_eq!(asked(&mut lists, &TERMS, random, UnixMillis(age_ms)), all, "{random} {age_ms}");
    }
}

#[test]
fn a_fresh_copy_of_the_location_is_enough_except_at_random() {
    /// One value in sixteen.
    const EARLY: u32 = 16;
    let now = UnixMillis(1_000);
    for (random, next) in [(1, None), (EARLY, Some(KV))] {
        let mut lists = holder(1, 0);
        let mut run = lists.refresh(&TERMS, now, random);
        assert_eq!(run.next(&mut lists, now), Some(LOCATION));
        assert_eq!(run.take(&mut lists, from_kv(2, 900), now), Taken::Held);
        assert_eq!((number(&lists), run.next(&mut lists, now)), (Some(2), next), "{random}");
    }
    // A list that is already held is fresh too; an old one is not.
    for (n, made_ms, next) in [(1, 0, None), (0, 0, Some(KV))] {
        let mut lists = holder(1, 0);
        let mut run = lists.refresh(&TERMS, now, 1);
        run.next(&mut lists, now);
        assert_eq!(run.take(&mut lists, from_kv(n, made_ms), now), Taken::Nothing);
        assert_eq!(run.next(&mut lists, now), next, "{n}");
    }
}

#[test]
fn only_what_came_from_beyond_is_shared_and_not_by_a_location_whose_clock_is_off() {
    let mut lists = ListHolder::default();
    let mut run = lists.refresh(&TERMS, UnixMillis(0), 1);
    run.next(&mut lists, UnixMillis(0));
    assert_eq!(run.take(&mut lists, from_kv(1, 0), UnixMillis(0)), Taken::Held);
    let mut run = lists.refresh(&TERMS, UnixMillis(0), 0);
    run.next(&mut lists, UnixMillis(0));
    run.next(&mut lists, UnixMillis(0));
    assert_eq!(run.take(&mut lists, from_kv(2, 0), UnixMillis(0)), Taken::Shareable);
    assert_eq!(run.take(&mut lists, from_kv(2, 0), UnixMillis(0)), Taken::Nothing);
    let off = from_registry(3, 10_000, 10_000, 0);
    assert_eq!(run.take(&mut lists, off, UnixMillis(1)), Taken::Held);
    assert_eq!(number(&lists), Some(3));
}

#[test]
fn below_a_minute_and_without_a_heartbeat_kv_is_left_out() {
    for terms in [Terms::from_bound(59, true), Terms::from_bound(300, false)] {
        assert_eq!(asked(&mut ListHolder::default(), &terms, 1, UnixMillis(0)), [LOCATION, REGISTRY]);
    }
}

#[test]
fn a_delta_whose_base_is_not_held_waits_for_it() {
    let (base, now) = (base(5), UnixMillis(0));
    let mut lists = holder(4, 0);
    let mut run = lists.refresh(&TERMS, now, 1);
    run.next(&mut lists, now);
    assert_eq!(run.take(&mut lists, Fetched::Copy(Ok(on_base(&base, 7, 0))), now), Taken::Nothing);
    assert_eq!(number(&lists), Some(4));
    // KV lacks the base, or has another one under its name: perhaps only its old copy does.
    for lacking in
        [Fetched::Absent, Fetched::Base(Err(ListFault::BrokenSeal)), Fetched::Base(Ok(self::base(6)))]
    {
        let mut run = run.clone();
        assert_eq!(run.next(&mut lists, now), Some(Fetch::Base(KV_COPY, base.base.number())));
        assert_eq!(run.take(&mut lists, lacking, now), Taken::Nothing);
        assert_eq!(run.next(&mut lists, now), Some(Fetch::Base(KV_ITSELF, base.base.number())));
        assert_eq!(run.take(&mut lists, Fetched::Absent, now), Taken::Nothing);
        assert_eq!(run.next(&mut lists, now), Some(Fetch::Base(BaseSource::Registry, base.base.number())));
    }
    // A KV that does not answer is not asked again.
    assert_eq!(run.next(&mut lists, now), Some(Fetch::Base(KV_COPY, base.base.number())));
    assert_eq!(run.take(&mut lists, Fetched::Nothing, now), Taken::Nothing);
    assert_eq!(run.next(&mut lists, now), Some(Fetch::Base(BaseSource::Registry, base.base.number())));
    assert_eq!(run.take(&mut lists, Fetched::Base(Ok(base.clone())), now), Taken::Held);
    assert_eq!((number(&lists), lists.newest().unwrap().status(Serial(5))), (Some(7), SerialStatus::Revoked));
    assert_eq!(run.next(&mut lists, now), None);
    // The base is now held: the next delta on it needs no other.
    take(&mut lists, Fetched::Copy(Ok(on_base(&base, 8, 0))), now);
    assert_eq!(number(&lists), Some(8));
}

#[test]
fn a_delta_whose_base_nobody_has_is_dropped_and_the_run_goes_on() {
    let (base, now) = (base(5), UnixMillis(0));
    let mut lists = ListHolder::default();
    let mut run = lists.refresh(&TERMS, now, 1);
    run.next(&mut lists, now);
    run.next(&mut lists, now);
    run.take(&mut lists, Fetched::Copy(Ok(on_base(&base, 7, 0))), now);
    for _ in 0..2 {
        assert!(matches!(run.next(&mut lists, now), Some(Fetch::Base(..))));
        run.take(&mut lists, Fetched::Nothing, now);
    }
    assert_eq!(run.next(&mut lists, now), Some(REGISTRY));
    // The same base is not requested twice in one refresh.
    run.take(
        &mut lists,
        Fetched::Registry { read: Ok(on_base(&base, 8, 0)), registry_now: now, asked_at: now },
        now,
    );
    assert_eq!((run.next(&mut lists, now), number(&lists)), (None, None));
}

#[test]
fn a_delta_on_a_newer_base_is_used_with_the_earlier_one_and_the_newer_is_fetched() {
    let (earlier, newer, now) = (base(5), base(9), UnixMillis(0));
    let mut lists = ListHolder::default();
    let mut run = lists.refresh(&TERMS, now, 1);
    run.next(&mut lists, now);
    run.take(&mut lists, Fetched::Copy(Ok(on_base(&earlier, 7, 0))), now);
    run.next(&mut lists, now);
    run.take(&mut lists, Fetched::Base(Ok(earlier.clone())), now);
    let mut run = lists.refresh(&TERMS, now, 1);
    run.next(&mut lists, now);
    assert_eq!(run.take(&mut lists, Fetched::Copy(Ok(on_bases(&newer, &earlier, 10, 0))), now), Taken::Held);
    assert_eq!(lists.newest().unwrap().base().base.number().n, 5);
    assert_eq!(run.next(&mut lists, now), Some(Fetch::Base(KV_COPY, newer.base.number())));
    run.take(&mut lists, Fetched::Base(Ok(newer)), now);
    assert_eq!((number(&lists), lists.newest().unwrap().base().base.number().n), (Some(10), 9));
}

#[test]
fn who_waits_for_a_list_does_not_wait_for_a_base_that_it_can_do_without() {
    let (newer, now) = (base(9), UnixMillis(0));
    let delta = || Fetched::Copy(Ok(on_bases(&newer, &OpenedBase::empty(1), 10, 0)));
    let mut lists = ListHolder::default();
    let mut run = lists.refresh(&TERMS, now, 1);
    run.next(&mut lists, now);
    assert_eq!(run.take(&mut lists, delta(), now), Taken::Held);
    assert_eq!((run.next(&mut lists, now), number(&lists)), (None, Some(10)));
    // Nobody waits for the next refresh: it fetches the base, although the list is the same.
    let mut run = lists.refresh(&TERMS, now, 1);
    run.next(&mut lists, now);
    assert_eq!(run.take(&mut lists, delta(), now), Taken::Nothing);
    assert_eq!(run.next(&mut lists, now), Some(Fetch::Base(KV_COPY, newer.base.number())));
}

#[test]
fn each_step_of_a_run_renews_the_lease() {
    let mut lists = ListHolder::default();
    assert_eq!(lists.plan(&TERMS, UnixMillis(0)), RefreshPlan::Refresh);
    let mut run = lists.refresh(&TERMS, UnixMillis(0), 1);
    run.next(&mut lists, UnixMillis(4_000));
    assert_eq!(lists.plan(&TERMS, UnixMillis(LIST_LEASE_MS)), RefreshPlan::Wait);
    assert_eq!(lists.plan(&TERMS, UnixMillis(4_000 + LIST_LEASE_MS)), RefreshPlan::Refresh);
}

#[test]
fn the_age_of_a_list_from_the_registry_is_told_by_its_clock_from_the_question_on() {
    // The request was made at 10 s by our clock; the registry's clock showed 11.5 s; the response took 4 s.
    let mut lists = ListHolder::default();
    take(&mut lists, from_registry(1, 11_500, 11_500, 10_000), UnixMillis(14_000));
    assert_eq!(lists.clock_faults, 0);
    assert!(lists.usable(&TERMS, UnixMillis(10_000 + L - 1)).is_some());
    assert!(lists.usable(&TERMS, UnixMillis(10_000 + L)).is_none());
}

#[test]
fn a_location_whose_clock_is_off_uses_lists_of_the_registry_alone() {
    // Our clock is 10 s behind.
    let mut lists = holder(1, 0);
    take(&mut lists, from_registry(2, 15_000, 15_000, 5_000), UnixMillis(5_100));
    assert_eq!(lists.clock_faults, 1);
    assert!(lists.usable(&TERMS, UnixMillis(5_000 + L - 1)).is_some());
    assert!(lists.usable(&TERMS, UnixMillis(5_000 + L)).is_none());
    assert_eq!(asked(&mut lists, &TERMS, 1, UnixMillis(6_000)), [REGISTRY]);
    // A list from KV is stored, since it is newer, but not used: no trusted clock tells its age.
    take(&mut lists, from_kv(3, 6_000), UnixMillis(6_000));
    assert!(lists.usable(&TERMS, UnixMillis(6_000)).is_none());
    // The registry gives the same list together with its clock. Then our clock is set right.
    take(&mut lists, from_registry(3, 6_000, 17_000, 7_000), UnixMillis(7_100));
    assert!(lists.usable(&TERMS, UnixMillis(7_100)).is_some());
    take(&mut lists, from_registry(4, 18_000, 18_000, 18_000), UnixMillis(18_001));
    assert!(!lists.clock_is_off);
}

#[test]
fn a_clock_set_back_ends_a_list_and_sends_the_run_to_the_registry() {
    for terms in [TERMS, Terms::from_bound(30, true)] {
        let hour_ms = 3_600_000;
        let mut lists = holder(1, hour_ms);
        assert!(lists.usable(&terms, UnixMillis(hour_ms - CLOCK_SKEW_MS)).is_some());
        assert!(lists.usable(&terms, UnixMillis(hour_ms - CLOCK_SKEW_MS - 1)).is_none());
        assert_eq!(asked(&mut lists, &terms, 1, UnixMillis(0)).last(), Some(&REGISTRY));
        // The registry's clock is right: from now on it is the one that counts.
        take(&mut lists, from_registry(2, hour_ms, hour_ms, 0), UnixMillis(100));
        assert!(lists.clock_is_off);
        assert!(lists.usable(&terms, UnixMillis(100)).is_some());
    }
}

#[test]
fn a_location_tells_at_once_then_once_a_minute_and_soon_after_a_change() {
    let mut lists = ListHolder::default();
    let tell = |lists: &mut ListHolder, now| {
        let due = lists.report([KeyId(1)].into_iter(), UnixMillis(now));
        if due.is_some() {
            lists.reported(UnixMillis(now));
        }
        due.map(|holding| (holding.number.n, holding.took))
    };
    assert_eq!(tell(&mut lists, 0), None);
    take(&mut lists, from_kv(3, 0), UnixMillis(0));
    // No list was usable before, so the time that its changes took cannot be measured.
    assert_eq!(tell(&mut lists, 0), Some((3, vec![])));
    take(&mut lists, from_kv(4, 1_000), UnixMillis(2_000));
    assert_eq!(tell(&mut lists, 4_999), None);
    assert_eq!(tell(&mut lists, 5_000), Some((4, vec![Took { after: 3, changed: 4, ago_ms: 3_000 }])));
    // The same list again is not reported; neither is one without a change from the location's own cache.
    take(&mut lists, from_kv(4, 1_000), UnixMillis(70_000));
    let from_location = |lists: &mut ListHolder, number, changed| {
        let mut run = lists.refresh(&TERMS, UnixMillis(70_000), 1);
        run.next(lists, UnixMillis(70_000));
        let mut list = opened(number, 70_000);
        list.delta.head.changed = changed;
        run.take(lists, Fetched::Copy(Ok(list)), UnixMillis(70_000));
    };
    from_location(&mut lists, 5, 4);
    assert_eq!((number(&lists), tell(&mut lists, 70_000)), (Some(5), None));
    // With a change it is: a probe asks about every isolate. It is no measurement.
    from_location(&mut lists, 6, 6);
    assert_eq!(tell(&mut lists, 70_000), Some((6, vec![])));
    // A list without a change is reported after a minute, so that the heartbeat continues.
    let mut unchanged = opened(7, 71_000);
    unchanged.delta.head.changed = 6;
    take(&mut lists, Fetched::Copy(Ok(unchanged)), UnixMillis(71_000));
    assert_eq!(tell(&mut lists, 129_999), None);
    assert_eq!(tell(&mut lists, 130_000), Some((7, vec![])));
    take(&mut lists, from_kv(8, 200_000), UnixMillis(200_000));
    // The list before had become unusable: no request was served meanwhile.
    assert_eq!(tell(&mut lists, 200_000), Some((8, vec![])));
}

#[test]
fn a_change_that_comes_right_after_a_report_is_waited_for_by_one_request() {
    let mut lists = ListHolder::default();
    assert_eq!(lists.report_in_ms(UnixMillis(0)), None);
    take(&mut lists, from_kv(3, 0), UnixMillis(0));
    assert_eq!(lists.report_in_ms(UnixMillis(0)), Some(0));
    lists.reported(UnixMillis(0));
    let mut unchanged = opened(4, 1_000);
    unchanged.delta.head.changed = 3;
    take(&mut lists, Fetched::Copy(Ok(unchanged)), UnixMillis(1_000));
    assert_eq!(lists.report_in_ms(UnixMillis(1_000)), None, "no change: a minute later, if anybody comes");
    take(&mut lists, from_kv(5, 2_000), UnixMillis(2_000));
    assert_eq!(lists.report_in_ms(UnixMillis(2_000)), Some(3_000));
    take(&mut lists, from_kv(6, 3_000), UnixMillis(3_000));
    assert_eq!(lists.report_in_ms(UnixMillis(3_000)), None, "another waits");
    let held = lists.report([KeyId(1)].into_iter(), UnixMillis(5_000)).unwrap();
    assert_eq!((held.number.n, held.took.len()), (6, 2));
    lists.reported(UnixMillis(5_000));
    assert_eq!(lists.report_in_ms(UnixMillis(5_000)), None);
    // One who waited and was cancelled is replaced when his time is over.
    take(&mut lists, from_kv(7, 6_000), UnixMillis(6_000));
    assert_eq!(lists.report_in_ms(UnixMillis(6_000)), Some(4_000));
    assert_eq!(lists.report_in_ms(UnixMillis(9_999)), None);
    assert_eq!(lists.report_in_ms(UnixMillis(10_000)), Some(0));
}

#[test]
fn a_stale_delta_of_kv_on_a_base_of_its_own_does_not_keep_a_run_from_the_registrys() {
    // KV's copy is from before the fold, and the registry's deltas complete the new base alone.
    let (earlier, newer, now) = (base(5), base(9), UnixMillis(300_000));
    for kv_has_the_earlier in [true, false] {
        let mut lists = ListHolder::default();
        let mut run = lists.refresh(&TERMS, now, 1);
        let (mut steps, mut found) = (Vec::new(), 0);
        while let Some(step) = run.next(&mut lists, now) {
            steps.push(step);
            assert!(steps.len() < 10, "{steps:?}");
            let gives = match step {
                KV => Fetched::Copy(Ok(on_base(&earlier, 7, 0))),
                REGISTRY => {
                    let read = Ok(on_base(&newer, 20, 300_000));
                    Fetched::Registry { read, registry_now: now, asked_at: now }
                }
                Fetch::Base(KV_COPY, Number { n: 5, .. }) if kv_has_the_earlier => {
                    Fetched::Base(Ok(earlier.clone()))
                }
                Fetch::Base(BaseSource::Registry, Number { n: 9, .. }) => Fetched::Base(Ok(newer.clone())),
                _ => Fetched::Nothing,
            };
            found += usize::from(run.take(&mut lists, gives, now) != Taken::Nothing);
        }
        assert!(lists.usable(&TERMS, now).is_some() && found > 0, "{steps:?}");
    }
}

#[test]
fn a_list_that_cannot_be_trusted_any_more_is_looked_for_again_soon() {
    // First a list from KV. Then the registry shows our clock to be off, and no source has the base of its
    // delta.
    let newer = base(9);
    let mut lists = holder(1, 0);
    let now = UnixMillis(1_000);
    let mut run = lists.refresh(&TERMS, now, 1);
    while run.next(&mut lists, now).is_some_and(|step| step != KV) {}
    let read = Ok(on_base(&newer, 20, 11_000));
    let off = Fetched::Registry { read, registry_now: UnixMillis(11_000), asked_at: now };
    run.take(&mut lists, off, now);
    while run.next(&mut lists, now).is_some() {
        run.take(&mut lists, Fetched::Nothing, now);
    }
    lists.refreshed(&TERMS, now, MIDDLE);
    assert!(lists.clock_is_off && lists.usable(&TERMS, now).is_none());
    assert_eq!(lists.plan(&TERMS, now.plus_ms(TERMS.retry_ms)), RefreshPlan::RefuseAndRefresh);
}

#[test]
fn a_slow_answer_does_not_show_a_clock_to_be_right() {
    // Our clock is 3 s behind. An immediate response shows it.
    let mut lists = ListHolder::default();
    take(&mut lists, from_registry(1, 13_000, 13_000, 10_000), UnixMillis(10_001));
    assert!(lists.clock_is_off);
    // A response that took 2 s and was made at its beginning could also come from a right clock.
    take(&mut lists, from_registry(2, 23_000, 23_000, 20_000), UnixMillis(22_000));
    assert!(lists.clock_is_off);
    // The clock is set right, and the response is quick.
    take(&mut lists, from_registry(3, 33_000, 33_000, 33_000), UnixMillis(33_100));
    assert!(!lists.clock_is_off);
}

#[test]
fn a_registry_that_is_behind_the_list_held_is_told_so() {
    // The registry was restored from a backup and KV does not show it: only locations can report it.
    let mut lists = holder(500, 0);
    lists.reported(UnixMillis(0));
    let late = UnixMillis(TERMS.usable_ms + 10_000);
    take(&mut lists, from_registry(100, late.0, late.0, late.0), late);
    assert_eq!((number(&lists), lists.usable(&TERMS, late)), (Some(500), None));
    let due = lists.report([].into_iter(), late).map(|holding| holding.number.n);
    assert_eq!(due, Some(500));
    // KV's copy may be older.
    lists.reported(late);
    take(&mut lists, from_kv(99, 0), late);
    assert_eq!(lists.report([].into_iter(), late.plus_ms(crate::limits::REPORT_INTERVAL_MS)), None);
}

#[test]
fn a_registry_that_signs_with_a_key_that_it_retired_is_told_so() {
    let (mut lists, now) = (holder(5, 0), UnixMillis(1_000));
    lists.reported(now);
    // The list held retires key 9.
    let by_9 = OpenedDelta { sealed_by: KeyId(9), ..opened(6, 0) };
    take(&mut lists, Fetched::Copy(Ok(by_9.clone())), now);
    assert_eq!(lists.report([].into_iter(), now), None, "anybody may have put that into KV");
    let found = Fetched::Registry { read: Ok(by_9), registry_now: now, asked_at: now };
    take(&mut lists, found, now);
    let told = lists.report([KeyId(1)].into_iter(), now).unwrap();
    assert_eq!((told.number.n, told.keys, told.retired), (5, vec![KeyId(1)], vec![KeyId(9)]));
}

#[test]
fn a_base_that_comes_late_does_not_bring_an_older_list_back() {
    let (base, now) = (base(5), UnixMillis(0));
    let mut lists = holder(4, 0);
    let mut slow = lists.refresh(&TERMS, now, 1);
    slow.next(&mut lists, now);
    slow.take(&mut lists, Fetched::Copy(Ok(on_base(&base, 7, 0))), now);
    assert!(matches!(slow.next(&mut lists, now), Some(Fetch::Base(..))));
    // The lease of the slow refresh expired meanwhile, and another refresh found a later list.
    take(&mut lists, from_kv(9, 0), now);
    assert_eq!(slow.take(&mut lists, Fetched::Base(Ok(base)), now), Taken::Nothing);
    assert_eq!((number(&lists), slow.next(&mut lists, now)), (Some(9), None));
}
