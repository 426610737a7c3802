//! Lists that the registry pushed, and what an isolate reports with the calls for them.

use super::*;

fn pushed(n: u64, made_ms: i64, registry_now: i64, asked_at: i64) -> Fetched {
    let (registry_now, asked_at) = (UnixMillis(registry_now), UnixMillis(asked_at));
    Fetched::Pushed { read: Ok(opened(n, made_ms)), registry_now, asked_at, held_ms: 0 }
}

#[test]
fn a_list_that_was_pushed_after_a_long_wait_is_as_young_as_it_was_made() {
    let mut lists = holder(1, 0);
    let mut run = lists.pushed(&TERMS);
    // The call was made at 1 s, the registry held it for 19 s.
    assert_eq!(run.take(&mut lists, pushed(2, 20_000, 20_000, 1_000), UnixMillis(20_050)), Taken::Shareable);
    assert_eq!(run.next(&mut lists, UnixMillis(20_050)), None, "no source is asked");
    assert_eq!((number(&lists), lists.age_ms(UnixMillis(20_050))), (Some(2), Some(50)));
    assert!(lists.usable(&TERMS, UnixMillis(20_000 + L - 1)).is_some());
    assert!(lists.usable(&TERMS, UnixMillis(20_000 + L)).is_none());
}

#[test]
fn while_lists_are_pushed_nothing_is_looked_for_until_a_quarter_of_the_time_is_left() {
    let mut lists = holder(1, 0);
    let push = |lists: &mut ListHolder, n, at: i64| {
        lists.pushed(&TERMS).take(lists, pushed(n, at, at, at), UnixMillis(at));
        lists.push_taken(&TERMS, UnixMillis(at));
    };
    for n in 0..10 {
        let at = 5_000 + i64::try_from(n).unwrap() * 20_000;
        push(&mut lists, n + 2, at);
        for ms in (0..20_000).step_by(1_000) {
            assert_eq!(lists.plan(&TERMS, UnixMillis(at + ms)), RefreshPlan::Use);
        }
    }
    let last = 185_000;
    assert_eq!(lists.plan(&TERMS, UnixMillis(last + L * 3 / 4 - 2)), RefreshPlan::Use);
    assert_eq!(lists.plan(&TERMS, UnixMillis(last + L * 3 / 4)), RefreshPlan::UseAndRefresh);
    // When the line fails, the isolate looks as often as without one.
    let mut lists = holder(1, 0);
    push(&mut lists, 2, 1_000);
    lists.push_failed(&TERMS, UnixMillis(2_000), u32::MAX);
    assert_eq!(lists.plan(&TERMS, UnixMillis(2_000 + L / 6 - 1)), RefreshPlan::Use);
    assert_eq!(lists.plan(&TERMS, UnixMillis(2_000 + L / 6)), RefreshPlan::UseAndRefresh);
}

#[test]
fn a_pushed_list_obeys_every_rule_of_a_list_from_the_registry() {
    let mut lists = holder(5, 0);
    let push = |lists: &mut ListHolder, found| lists.pushed(&TERMS).take(lists, found, UnixMillis(9_000));
    assert_eq!(push(&mut lists, pushed(4, 8_000, 9_000, 8_000)), Taken::Nothing, "an older number");
    assert_eq!(number(&lists), Some(5));
    assert_eq!(lists.refused, 0, "a later one came meanwhile");
    assert_eq!(push(&mut lists, pushed(6, 11_001, 9_000, 8_000)), Taken::Nothing, "from the future");
    // Our clock is 3 s behind: only the registry's clock gives a list's age, counted from the question.
    assert_eq!(push(&mut lists, pushed(7, 12_001, 12_001, 1_000)), Taken::Held);
    assert_eq!((lists.clock_faults, lists.age_ms(UnixMillis(9_000))), (1, Some(8_000)));
}

#[test]
fn our_own_clock_ahead_does_not_make_a_pushed_list_older_than_it_is() {
    // Our clock is 2 s ahead. The registry held the call for 5 s by a timer; each way takes 50 ms.
    let take = |held_ms| {
        let (mut lists, asked_at) = (holder(1, 0), UnixMillis(12_000));
        let read = Ok(opened(2, 15_050));
        let pushed = Fetched::Pushed { read, registry_now: UnixMillis(15_050), asked_at, held_ms };
        lists.pushed(&TERMS).take(&mut lists, pushed, UnixMillis(17_100));
        lists.age_ms(UnixMillis(17_100)).unwrap()
    };
    assert_eq!(take(5_000), 100, "from when it was asked for, plus what it was held");
    assert_eq!(take(4_000), 1_100, "a part of the wait that no timer measured makes it older");
    assert_eq!(take(0), 2_050, "but never older than by our own clock");
}

#[test]
fn a_pushed_list_whose_base_is_missing_makes_the_isolate_fetch_the_base() {
    let mut lists = holder(1, 0);
    let newest = base(5);
    let delta = on_base(&newest, 9, 3_000);
    let (registry_now, asked_at) = (UnixMillis(3_000), UnixMillis(2_900));
    let mut run = lists.pushed(&TERMS);
    let pushed = Fetched::Pushed { read: Ok(delta), registry_now, asked_at, held_ms: 0 };
    assert_eq!(run.take(&mut lists, pushed, UnixMillis(3_000)), Taken::Nothing);
    let number_5 = Number { epoch: 1, n: 5 };
    let step = run.next(&mut lists, UnixMillis(3_000));
    assert_eq!(step, Some(Fetch::Base(KV_COPY, number_5)));
    assert_eq!(run.take(&mut lists, Fetched::Base(Ok(newest)), UnixMillis(3_100)), Taken::Shareable);
    assert_eq!((run.next(&mut lists, UnixMillis(3_100)), number(&lists)), (None, Some(9)));
}

#[test]
fn a_copy_of_the_location_that_lags_behind_a_push_is_not_counted_as_refused() {
    let mut lists = holder(5, 0);
    let mut run = lists.refresh(&TERMS, UnixMillis(1_000), 1);
    assert_eq!(run.next(&mut lists, UnixMillis(1_000)), Some(LOCATION));
    assert_eq!(run.take(&mut lists, from_kv(4, 900), UnixMillis(1_000)), Taken::Nothing);
    assert_eq!((lists.refused, number(&lists)), (0, Some(5)));
    assert_eq!(run.next(&mut lists, UnixMillis(1_000)), Some(KV));
    assert_eq!(run.take(&mut lists, from_kv(4, 900), UnixMillis(1_000)), Taken::Nothing);
    assert_eq!(lists.refused, 1, "KV's was replayed, or stood still");
}

#[test]
fn what_is_held_goes_with_each_call_and_a_lost_report_is_made_again() {
    let mut lists = ListHolder::of_isolate(77);
    take(&mut lists, from_kv(1, 0), UnixMillis(0));
    let held = lists.holding([KeyId(1)].into_iter(), UnixMillis(100)).unwrap();
    assert_eq!((held.number.n, held.isolate, held.retired), (1, 77, vec![KeyId(9)]));
    lists.reported(UnixMillis(100));
    assert_eq!(lists.report([].into_iter(), UnixMillis(3_600_000)), None, "the call was the report");
    lists.report_lost();
    assert!(lists.report([].into_iter(), UnixMillis(3_600_000)).is_some());
}

#[test]
fn a_change_that_came_after_the_list_ran_out_is_reported_within_seconds_too() {
    let mut lists = holder(1, 0);
    lists.reported(UnixMillis(0));
    // The isolate was unused until its list had run out; the next one brings a change.
    let late = UnixMillis(100_000);
    take(&mut lists, from_kv(2, late.0), late);
    lists.reported(late);
    take(&mut lists, from_kv(3, late.0 + 100_000), late.plus_ms(100_000));
    let due = |lists: &ListHolder, ms| lists.report([].into_iter(), late.plus_ms(ms)).is_some();
    assert!(due(&lists, 100_000));
    lists.reported(late.plus_ms(100_000));
    take(&mut lists, from_kv(4, late.0 + 160_500), late.plus_ms(160_500));
    assert!(due(&lists, 160_500), "not once the minute is over");
}

#[test]
fn an_answer_overtaken_by_a_push_does_not_look_like_a_restored_registry() {
    let mut lists = holder(1, 0);
    lists.reported(UnixMillis(0));
    let now = UnixMillis(50_000);
    let mut run = lists.refresh(&TERMS, now, 1);
    assert_eq!([run.next(&mut lists, now), run.next(&mut lists, now)], [Some(LOCATION), Some(KV)]);
    assert_eq!(run.next(&mut lists, now), Some(REGISTRY));
    // While its answer is on its way, a change is pushed.
    lists.pushed(&TERMS).take(&mut lists, pushed(3, 50_100, 50_100, 50_000), UnixMillis(50_150));
    lists.reported(UnixMillis(50_160));
    let late = from_registry(2, 50_000, 50_000, 50_000);
    assert_eq!(run.take(&mut lists, late, UnixMillis(50_300)), Taken::Nothing);
    assert_eq!((lists.refused, number(&lists)), (0, Some(3)));
    assert_eq!(lists.report([].into_iter(), UnixMillis(50_300)), None);
    // One that was asked for after that and is older is what a backup gives.
    let mut run = lists.refresh(&TERMS, UnixMillis(99_000), 1);
    while run.next(&mut lists, UnixMillis(99_000)) != Some(REGISTRY) {}
    run.take(&mut lists, from_registry(2, 99_000, 99_000, 99_000), UnixMillis(99_100));
    assert_eq!(lists.refused, 1);
    assert!(lists.report([].into_iter(), UnixMillis(99_100)).is_some());
}

#[test]
fn the_same_list_pushed_slowly_does_not_make_the_one_held_look_older() {
    let mut lists = holder(1, 0);
    let now = UnixMillis(50_000);
    let mut run = lists.refresh(&TERMS, now, 1);
    while run.next(&mut lists, now) != Some(REGISTRY) {}
    // Our clock is 1 s ahead; the registry says so.
    run.take(&mut lists, from_registry(2, 49_000, 49_000, 50_000), UnixMillis(50_050));
    assert_eq!(lists.age_ms(UnixMillis(50_050)), Some(50));
    // The same list comes by a call that was made 600 ms before.
    lists.pushed(&TERMS).take(&mut lists, pushed(2, 49_000, 49_050, 49_450), UnixMillis(50_100));
    assert_eq!(lists.age_ms(UnixMillis(50_100)), Some(100));
}

#[test]
fn nor_does_it_where_our_clock_is_off_or_where_the_slow_answer_is_to_a_call_for_the_list() {
    let late = [pushed(2, 49_000, 49_100, 927_100), from_registry(2, 49_000, 49_000, 927_050)];
    for late in late {
        let mut lists = holder(1, 0);
        // Our clock is 880 s ahead.
        let (asked_at, now) = (930_000, UnixMillis(930_050));
        lists.pushed(&TERMS).take(&mut lists, pushed(2, 49_000, 50_000, asked_at), now);
        assert_eq!((lists.clock_is_off, lists.age_ms(now)), (true, Some(1_050)));
        // The same list by a call that was made 2.9 s before.
        take(&mut lists, late, now);
        assert_eq!(lists.age_ms(now), Some(1_050));
    }
}

#[test]
fn a_clock_that_was_set_back_since_the_list_came_does_not_keep_it_young() {
    let mut lists = holder(1, 0);
    lists.pushed(&TERMS).take(&mut lists, pushed(2, 49_000, 50_000, 930_000), UnixMillis(930_050));
    // 20 s pass, and our clock was set back by 30 s: the list seems to be from the future.
    let now = UnixMillis(920_100);
    lists.pushed(&TERMS).take(&mut lists, pushed(2, 49_000, 70_050, 919_900), now);
    assert_eq!(lists.age_ms(now), Some(21_250));
}

#[test]
fn a_list_that_was_long_on_its_way_does_not_put_off_the_next_look() {
    let mut lists = holder(1, 0);
    let late = UnixMillis(50_000);
    lists.pushed(&TERMS).take(&mut lists, pushed(2, 0, 50_000, 49_000), late);
    lists.push_taken(&TERMS, late);
    assert_eq!(lists.plan(&TERMS, late), RefreshPlan::UseAndRefresh);
}

#[test]
fn a_pushed_list_that_ends_sooner_than_the_one_before_brings_the_next_look_forward() {
    // The registry's B was lowered to 5 s: its lists end after that, while this isolate still has 60 s.
    let mut lists = holder(1, 0);
    lists.pushed(&TERMS).take(&mut lists, pushed(2, 1_000, 1_000, 1_000), UnixMillis(1_000));
    lists.push_taken(&TERMS, UnixMillis(1_000));
    let mut short = opened(3, 2_000);
    short.delta.head.next_update = UnixMillis(7_000);
    let (registry_now, asked_at) = (UnixMillis(2_000), UnixMillis(2_000));
    let short = Fetched::Pushed { read: Ok(short), registry_now, asked_at, held_ms: 0 };
    lists.pushed(&TERMS).take(&mut lists, short, UnixMillis(2_000));
    lists.push_taken(&TERMS, UnixMillis(2_000));
    assert_eq!(lists.plan(&TERMS, UnixMillis(4_249)), RefreshPlan::Use);
    assert_eq!(lists.plan(&TERMS, UnixMillis(4_250)), RefreshPlan::UseAndRefresh, "3 s are left, then none");
}

#[test]
fn so_does_one_whose_base_comes_after_the_next_look_was_set() {
    // The registry's B was lowered to 5 s, and the list rests on a base that is not here.
    let mut lists = holder(1, 0);
    lists.pushed(&TERMS).take(&mut lists, pushed(2, 1_000, 1_000, 1_000), UnixMillis(1_000));
    let mut short = on_base(&base(5), 9, 2_000);
    short.delta.head.next_update = UnixMillis(7_000);
    let (registry_now, asked_at) = (UnixMillis(2_000), UnixMillis(2_000));
    let short = Fetched::Pushed { read: Ok(short), registry_now, asked_at, held_ms: 0 };
    let mut run = lists.pushed(&TERMS);
    assert_eq!(run.take(&mut lists, short, UnixMillis(2_000)), Taken::Nothing);
    lists.push_taken(&TERMS, UnixMillis(2_000));
    assert!(matches!(run.next(&mut lists, UnixMillis(2_000)), Some(Fetch::Base(..))));
    run.take(&mut lists, Fetched::Base(Ok(base(5))), UnixMillis(2_000));
    assert_eq!(number(&lists), Some(9));
    assert_eq!(lists.plan(&TERMS, UnixMillis(4_249)), RefreshPlan::Use);
    assert_eq!(lists.plan(&TERMS, UnixMillis(4_250)), RefreshPlan::UseAndRefresh, "3 s are left, then none");
}

#[test]
fn a_push_that_shows_our_clock_to_be_off_does_not_leave_requests_refused() {
    let mut lists = holder(1, 0);
    lists.pushed(&TERMS).take(&mut lists, pushed(2, 1_000, 1_000, 1_000), UnixMillis(1_050));
    lists.push_taken(&TERMS, UnixMillis(1_050));
    // The next one rests on a base that is not here, and shows our clock to be 10 s behind. The list held
    // goes by that clock, so it is not used any more.
    let (registry_now, asked_at) = (UnixMillis(12_000), UnixMillis(2_000));
    let read = Ok(on_base(&base(5), 9, 12_000));
    let next = Fetched::Pushed { read, registry_now, asked_at, held_ms: 0 };
    let now = UnixMillis(2_050);
    assert_eq!(lists.pushed(&TERMS).take(&mut lists, next, now), Taken::Nothing);
    lists.push_taken(&TERMS, now);
    assert!(lists.clock_is_off && lists.usable(&TERMS, now).is_none());
    assert_eq!(lists.plan(&TERMS, now.plus_ms(TERMS.retry_ms)), RefreshPlan::Refresh);
}

#[test]
fn a_change_that_came_with_the_last_answer_of_a_line_is_reported_at_its_end() {
    let mut lists = holder(1, 0);
    let last = |lists: &ListHolder, ms| {
        lists.last_report([KeyId(1)].into_iter(), UnixMillis(ms)).map(|held| (held.number.n, held.took.len()))
    };
    lists.reported(UnixMillis(0));
    assert_eq!(last(&lists, 1_000), None, "the call said what is held");
    lists.pushed(&TERMS).take(&mut lists, pushed(2, 1_000, 1_000, 900), UnixMillis(1_050));
    assert_eq!(last(&lists, 1_060), Some((2, 1)), "at once, although a call has just been made");
    lists.reported(UnixMillis(1_060));
    assert_eq!(last(&lists, 1_070), None);
    // After the list had run out too: then it is no measurement.
    let late = 200_000;
    lists.pushed(&TERMS).take(&mut lists, pushed(3, late, late, late - 100), UnixMillis(late + 50));
    assert_eq!(last(&lists, late + 60), Some((3, 0)));
}

#[test]
fn health_reads_a_list_only_where_none_can_be_used() {
    let mut lists = holder(1, 0);
    let due = UnixMillis(20_000);
    assert_eq!(lists.plan_for_health(&TERMS, due), RefreshPlan::Use);
    assert_eq!(lists.plan(&TERMS, due), RefreshPlan::UseAndRefresh, "a request does, and reports");
    let late = UnixMillis(100_000);
    assert_eq!(lists.plan_for_health(&TERMS, late), RefreshPlan::Refresh);
}
