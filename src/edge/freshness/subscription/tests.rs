//! Tests of `freshness/subscription`.

use super::*;

const LIST: Terms = Terms::from_bound(60, true);
const MIDDLE: u32 = u32::MAX / 2 + 1;

fn terms() -> PushTerms {
    PushTerms::of(&LIST, 20, 250).unwrap()
}

fn at(ms: i64) -> UnixMillis {
    UnixMillis(1_000_000 + ms)
}

/// A subscription whose line was opened at 0, by a request with a fresh list.
fn opened() -> (Subscription, LineId) {
    let mut subscription = Subscription::default();
    let Keep::Open(id) = subscription.keep(&terms(), Some(100), at(0)) else { panic!("not opened") };
    (subscription, id)
}

#[test]
fn a_call_waits_no_longer_than_keeps_the_list_usable_and_zero_switches_all_off() {
    assert_eq!(PushTerms::of(&LIST, 0, 250), None);
    assert_eq!(terms().wait_ms, 58_000 / 3);
    assert_eq!(PushTerms::of(&Terms::from_bound(5, true), 20, 250).unwrap().wait_ms, 1_000);
    assert_eq!(PushTerms::of(&Terms::from_bound(300, true), 20, 250).unwrap().wait_ms, 20_000);
}

#[test]
fn a_line_makes_one_call_after_the_other_and_none_beyond_its_request() {
    let (mut subscription, id) = opened();
    let call = |subscription: &mut Subscription, ms| subscription.next_call(id, &terms(), at(ms));
    assert_eq!(call(&mut subscription, 0), Some(NextCall { wait_ms: 17_500, timeout_ms: 21_500 }));
    subscription.heard(id, Heard::List, at(5_000), MIDDLE);
    assert_eq!(call(&mut subscription, 5_000), Some(NextCall { wait_ms: 12_500, timeout_ms: 16_500 }));
    subscription.heard(id, Heard::List, at(19_500), MIDDLE);
    assert_eq!(call(&mut subscription, 19_500), None, "what is left is too short for a call");
    // Its place is free: the next request opens a line.
    assert!(matches!(subscription.keep(&terms(), Some(500), at(20_000)), Keep::Open(_)));
}

#[test]
fn a_clock_set_back_ends_a_line_instead_of_prolonging_it() {
    let (mut subscription, id) = opened();
    assert_eq!(subscription.next_call(id, &terms(), at(-60_000)), None);
    let (mut subscription, _) = opened();
    assert!(matches!(subscription.keep(&terms(), Some(100), at(-60_000)), Keep::Open(_)));
}

#[test]
fn while_a_line_is_open_requests_do_nothing_and_one_near_its_end_opens_the_next() {
    let (mut subscription, first) = opened();
    subscription.next_call(first, &terms(), at(0)).unwrap();
    for ms in (100..18_000).step_by(500) {
        assert_eq!(subscription.keep(&terms(), Some(ms), at(ms)), Keep::Nothing, "after {ms} ms");
    }
    let Keep::Open(second) = subscription.keep(&terms(), Some(18_100), at(18_100)) else { panic!() };
    assert_ne!(first, second);
    assert_eq!(subscription.next_call(first, &terms(), at(18_200)), None, "the first line ends");
    assert!(subscription.next_call(second, &terms(), at(18_200)).is_some());
    // What became of the first line's call says nothing about the second.
    subscription.heard(first, Heard::Failed, at(18_300), MIDDLE);
    assert_eq!(subscription.keep(&terms(), Some(100), at(18_400)), Keep::Nothing);
}

#[test]
fn a_request_every_ten_seconds_is_enough_to_keep_a_line_open_all_the_time() {
    let mut subscription = Subscription::default();
    let mut open_until = 0;
    for ms in (0..300_000).step_by(10_000) {
        assert!(ms == 0 || ms < open_until, "no line was open at {ms} ms");
        if let Keep::Open(id) = subscription.keep(&terms(), Some(1_000), at(ms)) {
            subscription.next_call(id, &terms(), at(ms)).unwrap();
            open_until = ms + terms().line_ms;
        }
    }
}

#[test]
fn the_first_request_of_a_silent_isolate_waits_and_so_do_those_beside_it() {
    let mut subscription = Subscription::default();
    let Keep::OpenAndWait(id) = subscription.keep(&terms(), Some(1_001), at(0)) else { panic!() };
    assert_eq!(subscription.next_call(id, &terms(), at(0)).unwrap().wait_ms, 0, "it asks at once");
    assert_eq!(subscription.keep(&terms(), Some(1_100), at(100)), Keep::Wait);
    subscription.heard(id, Heard::List, at(120), MIDDLE);
    assert_eq!(subscription.keep(&terms(), Some(0), at(121)), Keep::Nothing);
    assert!(subscription.next_call(id, &terms(), at(121)).unwrap().wait_ms > 0, "then it waits");
}

#[test]
fn the_trial_of_a_registry_that_did_not_answer_asks_at_once() {
    let (mut subscription, id) = opened();
    subscription.ask_at_once(id);
    assert_eq!(subscription.next_call(id, &terms(), at(0)).unwrap().wait_ms, 0);
    assert!(subscription.next_call(id, &terms(), at(10)).unwrap().wait_ms > 0, "then it waits");
}

#[test]
fn no_request_waits_longer_than_the_setting_nor_when_its_list_is_young() {
    let mut subscription = Subscription::default();
    assert!(matches!(subscription.keep(&terms(), Some(9_000), at(0)), Keep::OpenAndWait(_)));
    assert_eq!(subscription.keep(&terms(), Some(9_249), at(249)), Keep::Wait);
    assert_eq!(subscription.keep(&terms(), Some(9_250), at(250)), Keep::Nothing, "the line is open");
    let mut young = Subscription::default();
    assert!(matches!(young.keep(&terms(), Some(1_000), at(0)), Keep::Open(_)));
    let never = PushTerms { silent_wait_ms: 0, ..terms() };
    assert!(matches!(Subscription::default().keep(&never, Some(9_000), at(0)), Keep::Open(_)));
}

#[test]
fn after_a_failure_it_rests_longer_each_time_and_no_request_waits() {
    let (mut subscription, mut now) = (Subscription::default(), 0);
    let mut rests = Vec::new();
    for _ in 0..7 {
        let Keep::OpenAndWait(id) = subscription.keep(&terms(), Some(9_000), at(now)) else { panic!() };
        subscription.next_call(id, &terms(), at(now)).unwrap();
        subscription.heard(id, Heard::Failed, at(now + 10), MIDDLE);
        let began = now + 10;
        now = began;
        while subscription.keep(&terms(), Some(9_000), at(now + 1)) == Keep::Nothing {
            now += 50;
        }
        rests.push((now - began) / 100 * 100);
        // What looked whether the rest was over opened a line: it fails as well.
        subscription.line = None;
        subscription.awaited_until = None;
        subscription.rests_until = None;
    }
    assert_eq!(rests, [1_000, 2_000, 4_000, 8_000, 12_800, 12_800, 12_800]);
}

#[test]
fn silence_is_counted_from_when_the_registry_was_heard_by_our_own_clock() {
    let (mut subscription, id) = opened();
    subscription.next_call(id, &terms(), at(0)).unwrap();
    subscription.heard(id, Heard::List, at(19_500), MIDDLE);
    assert_eq!(subscription.next_call(id, &terms(), at(19_500)), None);
    // Clocks differ by two seconds: the list looks younger than it is.
    assert!(matches!(subscription.keep(&terms(), Some(0), at(21_501)), Keep::OpenAndWait(_)));
}

/// For five minutes a request comes every `every_ms`, and nothing changes. Calls are answered when their
/// time is over. Returns the longest time without an answer, in milliseconds, and the number of calls.
fn kept_up(every_ms: i64) -> (i64, u32) {
    let mut subscription = Subscription::default();
    let mut call: Option<(LineId, i64)> = None;
    let (mut answered_at, mut longest_ms, mut calls) = (0, 0, 0);
    for now in 0..300_000 {
        longest_ms = longest_ms.max(now - answered_at);
        if let Some((id, _)) = call.filter(|(_, ends)| *ends <= now) {
            answered_at = now;
            subscription.heard(id, Heard::List, at(now), MIDDLE);
            let next = subscription.next_call(id, &terms(), at(now));
            call = next.map(|next| (id, now + i64::from(next.wait_ms)));
            calls += u32::from(next.is_some());
        }
        if now % every_ms != 0 {
            continue;
        }
        let keep = subscription.keep(&terms(), Some(now - answered_at), at(now));
        if let Keep::Open(id) | Keep::OpenAndWait(id) = keep {
            // It takes the place of the call before, which gets no list.
            let next = subscription.next_call(id, &terms(), at(now)).unwrap();
            call = Some((id, now + i64::from(next.wait_ms)));
            calls += 1;
        }
    }
    (longest_ms, calls)
}

#[test]
fn a_line_that_takes_over_is_answered_when_the_one_before_would_have_been() {
    for every_ms in [50, 1_000, 3_000, 5_000, 7_000, 10_000] {
        let (longest_ms, calls) = kept_up(every_ms);
        assert!(longest_ms <= terms().line_ms, "every {every_ms} ms: {longest_ms} ms without a list");
        let most_calls = if every_ms <= 1_000 { 18 } else { 46 };
        assert!(calls <= most_calls, "every {every_ms} ms: {calls} calls in five minutes");
    }
}

#[test]
fn an_answer_ends_the_back_off() {
    let (mut subscription, id) = opened();
    subscription.failures = 6;
    subscription.heard(id, Heard::List, at(100), MIDDLE);
    subscription.heard(id, Heard::Failed, at(200), MIDDLE);
    assert_eq!(subscription.rests_until, Some(at(1_200)));
}

#[test]
fn a_registry_that_holds_enough_calls_is_asked_again_when_it_said() {
    let (mut subscription, id) = opened();
    subscription.next_call(id, &terms(), at(0)).unwrap();
    subscription.heard(id, Heard::ComeAgain { in_ms: 5_000 }, at(100), MIDDLE);
    assert_eq!(subscription.keep(&terms(), Some(5_000), at(5_000)), Keep::Nothing, "and nobody waits");
    assert!(matches!(subscription.keep(&terms(), Some(5_200), at(5_200)), Keep::OpenAndWait(_)));
}

#[test]
fn a_call_whose_request_was_cancelled_is_missed_once_its_time_is_over() {
    let mut subscription = Subscription::default();
    let Keep::OpenAndWait(id) = subscription.keep(&terms(), Some(9_000), at(0)) else { panic!() };
    subscription.next_call(id, &terms(), at(0)).unwrap();
    // Nobody says what became of it. It asked at once, so it is over after the grace.
    assert_eq!(subscription.keep(&terms(), Some(12_999), at(3_999)), Keep::Nothing);
    assert!(matches!(subscription.keep(&terms(), Some(13_000), at(4_000)), Keep::OpenAndWait(_)));
}

#[test]
fn behind_a_relay_the_clocks_are_compared_first_and_from_time_to_time() {
    let terms = PushTerms { relays: 1, ..terms() };
    let mut subscription = Subscription::default();
    let Keep::Open(id) = subscription.keep(&terms, Some(100), at(0)) else { panic!() };
    assert_eq!(subscription.way(&terms, false, at(0)), Way::Compare);
    // Until that has succeeded, the relay's lists have no age.
    subscription.heard(id, Heard::Failed, at(100), MIDDLE);
    assert_eq!(subscription.way(&terms, false, at(2_000)), Way::Compare);
    let Keep::Open(id) = subscription.keep(&terms, Some(100), at(2_000)) else { panic!() };
    subscription.heard(id, Heard::List, at(2_100), MIDDLE);
    assert_eq!(subscription.way(&terms, false, at(2_100)), Way::Relay);
    assert_eq!(subscription.way(&terms, true, at(2_100)), Way::Registry, "the clock is off");
    assert_eq!(subscription.way(&terms, false, at(302_099)), Way::Relay);
    assert_eq!(subscription.way(&terms, false, at(302_100)), Way::Compare);
    assert_eq!(subscription.way(&terms, false, at(-1)), Way::Compare, "the clock was set back");
    assert_eq!(subscription.way(&PushTerms { relays: 0, ..terms }, false, at(2_100)), Way::Registry);
}

#[test]
fn a_relay_that_does_not_answer_twice_is_avoided_for_a_minute() {
    let terms = PushTerms { relays: 1, ..terms() };
    let mut subscription = Subscription { compared_at: Some(at(0)), ..Subscription::default() };
    let fails = |subscription: &mut Subscription, ms, heard| {
        let keep = subscription.keep(&terms, Some(100), at(ms));
        let (Keep::Open(id) | Keep::OpenAndWait(id)) = keep else { panic!() };
        let way = subscription.way(&terms, false, at(ms));
        subscription.heard(id, heard, at(ms), MIDDLE);
        way
    };
    assert_eq!(fails(&mut subscription, 0, Heard::Failed), Way::Relay);
    assert_eq!(fails(&mut subscription, 2_000, Heard::NoRelay), Way::Relay);
    assert_eq!(fails(&mut subscription, 6_000, Heard::NoRelay), Way::Relay);
    assert!(!subscription.uses_relay(&terms, at(20_000)));
    assert_eq!(fails(&mut subscription, 20_000, Heard::List), Way::Registry);
    // After that one more failure is enough.
    assert_eq!(fails(&mut subscription, 70_000, Heard::NoRelay), Way::Relay);
    assert!(!subscription.uses_relay(&terms, at(72_000)));
    assert_eq!(fails(&mut subscription, 140_000, Heard::List), Way::Relay);
    assert_eq!(subscription.relay_failures, 0);
}
