//! While no source has a list that may be used.

use super::*;
use crate::limits::SOURCE_KNOWN_MS;

/// A run that ends without a list, from `from_ms` to `to_ms`.
fn look_that_finds_none(lists: &mut ListHolder, from_ms: i64, to_ms: i64) {
    let mut run = lists.refresh(&TERMS, UnixMillis(from_ms), 1);
    while run.next(lists, UnixMillis(to_ms)).is_some() {
        run.take(lists, Fetched::Nothing, UnixMillis(to_ms));
    }
    lists.refreshed(&TERMS, UnixMillis(to_ms), MIDDLE);
}

#[test]
fn requests_wait_for_the_first_look_and_for_no_later_one() {
    let mut lists = ListHolder::default();
    assert_eq!(lists.plan(&TERMS, UnixMillis(0)), RefreshPlan::Refresh);
    assert_eq!(lists.plan(&TERMS, UnixMillis(1)), RefreshPlan::Wait);
    look_that_finds_none(&mut lists, 0, 4_000);
    assert_eq!(lists.plan(&TERMS, UnixMillis(4_100)), RefreshPlan::Refuse);
    assert_eq!(lists.plan(&TERMS, UnixMillis(5_000)), RefreshPlan::RefuseAndRefresh);
    assert_eq!(lists.plan(&TERMS, UnixMillis(5_001)), RefreshPlan::Refuse, "nobody waits for it");
    look_that_finds_none(&mut lists, 5_000, 9_000);
    assert_eq!(lists.plan(&TERMS, UnixMillis(10_000)), RefreshPlan::RefuseAndRefresh);
}

#[test]
fn a_request_after_a_pause_waits_for_a_look_again() {
    let mut lists = ListHolder::default();
    look_that_finds_none(&mut lists, 0, 0);
    assert_eq!(lists.plan(&TERMS, UnixMillis(SOURCE_KNOWN_MS)), RefreshPlan::Refresh);
    let mut set_back = ListHolder::default();
    look_that_finds_none(&mut set_back, 60_000, 60_000);
    assert_eq!(set_back.plan(&TERMS, UnixMillis(0)), RefreshPlan::Refresh, "the clock was set back");
}

#[test]
fn a_list_that_is_found_ends_it() {
    let mut lists = ListHolder::default();
    look_that_finds_none(&mut lists, 0, 0);
    assert_eq!(lists.plan(&TERMS, UnixMillis(1_000)), RefreshPlan::RefuseAndRefresh);
    take(&mut lists, from_kv(1, 1_000), UnixMillis(1_000));
    assert_eq!(lists.plan(&TERMS, UnixMillis(1_001)), RefreshPlan::Use);
    lists.refreshed(&TERMS, UnixMillis(1_001), MIDDLE);
    let until_over = UnixMillis(1_000 + L);
    assert_eq!(lists.plan(&TERMS, until_over), RefreshPlan::Refresh, "the first look after it ran out");
}

#[test]
fn a_run_that_requests_wait_for_gives_kv_less_time_while_the_registry_can_be_asked() {
    let awaited = ListHolder::default().refresh(&TERMS, UnixMillis(0), 1);
    assert_eq!((awaited.kv_timeout_ms(true), awaited.kv_timeout_ms(false)), (300, 1_000));
    let in_background = holder(1, 0).refresh(&TERMS, UnixMillis(0), 1);
    assert_eq!((in_background.kv_timeout_ms(true), in_background.kv_timeout_ms(false)), (1_000, 1_000));
}
