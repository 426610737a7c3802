//! Tests of `usage/reporter`.

use super::*;
use crate::formats::usage::token_use::TokenUse;
use crate::limits::{FIRST_USES_HELD_MAX, USAGE_SHARD_BLOCK_SERIALS};
use crate::usage::sender::Sender;

fn admitted(serial: u32, is_watched: bool) -> Counted {
    Counted {
        serial: Some(Serial(serial)),
        outcome: Outcome::Admitted,
        origin: None,
        is_watched,
        refused: None,
    }
}

fn at(ms: i64) -> UnixMillis {
    UnixMillis(1_000_000 + ms)
}

/// Counts one request with the token at `ms`. Returns its sender, if it must send.
fn sender(reporter: &mut Reporter, serial: u32, ms: i64) -> Option<Sender> {
    reporter.count(admitted(serial, false), at(ms));
    reporter.plan(at(ms)).pop()
}

/// Counts one request with the token at `ms`. Returns in how many milliseconds its caller must send.
fn request(reporter: &mut Reporter, serial: u32, ms: i64) -> Option<i64> {
    match sender(reporter, serial, ms)?.next(reporter, at(ms))? {
        Next::Wait(ms) => Some(ms),
        Next::Send(_) => Some(0),
    }
}

fn sent(next: Option<Next>) -> Vec<Sending> {
    match next {
        Some(Next::Send(sendings)) => sendings,
        next => panic!("{next:?} instead of a send"),
    }
}

fn admitted_in(sendings: &[Sending]) -> u64 {
    sendings.iter().filter_map(|sending| sending.report.batch.as_ref()).map(Batch::requests).sum()
}

fn again(sendings: &[Sending]) -> Vec<Sending> {
    sendings.iter().map(|sending| Sending { is_new: false, ..sending.clone() }).collect()
}

#[test]
fn one_request_gathers_for_the_others_and_then_a_shard_rests_for_half_a_minute() {
    let mut reporter = Reporter::new(1);
    assert_eq!(request(&mut reporter, 8, 0), Some(USAGE_GATHER_MS));
    assert_eq!(request(&mut reporter, 8, 100), None);
    assert_eq!(admitted_in(&reporter.freeze(at(5_000))), 2);
    // The next send is due at 35 s, later than these requests can wait. A request that can wait until
    // then takes over.
    assert_eq!(request(&mut reporter, 8, 6_000), Some(24_000));
    assert_eq!(request(&mut reporter, 8, 10_999), None);
    assert_eq!(request(&mut reporter, 8, 11_000), Some(24_000));
    assert_eq!(request(&mut reporter, 8, 30_000), None);
    assert_eq!(admitted_in(&reporter.freeze(at(35_000))), 2, "the outstanding batch, unchanged");
}

#[test]
fn the_last_counts_of_a_burst_are_sent_without_a_further_request() {
    let mut reporter = Reporter::new(1);
    let mut first = sender(&mut reporter, 8, 0).unwrap();
    assert_eq!(first.next(&mut reporter, at(0)), Some(Next::Wait(5_000)));
    for sending in sent(first.next(&mut reporter, at(5_000))) {
        reporter.acknowledged(&sending);
    }
    assert_eq!(first.next(&mut reporter, at(5_100)), None);
    let mut last = sender(&mut reporter, 7, 7_000).unwrap();
    for _ in 0..9 {
        assert!(sender(&mut reporter, 7, 7_100).is_none());
    }
    assert_eq!(last.next(&mut reporter, at(7_100)), Some(Next::Wait(23_900)));
    assert_eq!(admitted_in(&sent(last.next(&mut reporter, at(31_000)))), 10);
}

#[test]
fn a_sender_that_was_relieved_does_nothing_and_traffic_that_goes_on_is_sent_every_half_minute() {
    let mut reporter = Reporter::new(1);
    let mut first = sender(&mut reporter, 8, 0).unwrap();
    sent(first.next(&mut reporter, at(5_000))).iter().for_each(|sending| reporter.acknowledged(sending));
    let mut early = sender(&mut reporter, 8, 5_001).unwrap();
    let mut in_time = sender(&mut reporter, 8, 20_000).unwrap();
    assert_eq!(early.next(&mut reporter, at(29_001)), None);
    assert_eq!(in_time.next(&mut reporter, at(29_001)), Some(Next::Wait(5_999)));
    assert_eq!(admitted_in(&sent(in_time.next(&mut reporter, at(35_000)))), 2);
}

#[test]
fn counts_that_no_shard_took_are_sent_once_more_when_nobody_comes() {
    let mut reporter = Reporter::new(1);
    let mut only = sender(&mut reporter, 8, 0).unwrap();
    let first = sent(only.next(&mut reporter, at(5_000)));
    assert_eq!(only.next(&mut reporter, at(10_000)), Some(Next::Wait(14_000)));
    assert_eq!(sent(only.next(&mut reporter, at(24_000))), again(&first));
    assert_eq!(only.next(&mut reporter, at(29_000)), None, "the platform would cut it off");
    // A request that comes after the failure sends the batches instead.
    let mut other = Reporter::new(1);
    let mut failed = sender(&mut other, 8, 0).unwrap();
    let first = sent(failed.next(&mut other, at(5_000)));
    let mut next = sender(&mut other, 8, 5_001).unwrap();
    assert_eq!(failed.next(&mut other, at(10_000)), None);
    assert_eq!(sent(next.next(&mut other, at(29_001))), again(&first));
}

#[test]
fn a_sender_that_vanished_is_replaced_when_its_lease_ends() {
    let mut reporter = Reporter::new(1);
    assert_eq!(request(&mut reporter, 8, 0), Some(5_000));
    assert_eq!(request(&mut reporter, 8, 10_999), None);
    assert_eq!(request(&mut reporter, 8, 11_000), Some(0));
    // A clock that was set back does not extend the lease of a sender that has ended.
    assert!(request(&mut reporter, 8, -900_000).is_some());
}

#[test]
fn a_clock_that_is_set_back_does_not_put_a_send_off() {
    let mut reporter = Reporter::new(1);
    let mut waiting = sender(&mut reporter, 8, 0).unwrap();
    assert_eq!(admitted_in(&sent(waiting.next(&mut reporter, at(-900_000)))), 1);
    assert_eq!(waiting.next(&mut reporter, at(-895_000)), None);
}

#[test]
fn a_batch_stays_as_it_is_until_its_number_is_acknowledged() {
    let mut reporter = Reporter::new(7);
    request(&mut reporter, 8, 0);
    request(&mut reporter, 8 + USAGE_SHARD_BLOCK_SERIALS, 0);
    let first = reporter.freeze(at(5_000));
    assert_eq!(first.len(), 2, "each shard gets its own");
    request(&mut reporter, 8, 6_000);
    assert_eq!(reporter.freeze(at(35_000)), again(&first));
    for sending in &first {
        reporter.acknowledged(sending);
    }
    let second = reporter.freeze(at(65_000));
    assert_eq!((second.len(), admitted_in(&second)), (1, 1));
    assert_eq!(second[0].report.batch.as_ref().unwrap().sequence, 2);
    // A late acknowledgement of the first batch does not acknowledge the second.
    for sending in &first {
        reporter.acknowledged(sending);
    }
    assert_eq!(reporter.freeze(at(95_000)), again(&second));
}

#[test]
fn a_batch_that_nobody_takes_is_given_up_and_counted_as_lost() {
    let mut reporter = Reporter::new(7);
    for _ in 0..3 {
        request(&mut reporter, 8, 0);
    }
    reporter.freeze(at(5_000));
    assert_eq!(admitted_in(&reporter.freeze(at(USAGE_GIVEN_UP_MS - 1))), 3);
    let after = reporter.freeze(at(USAGE_GIVEN_UP_MS));
    let batch = after[0].report.batch.as_ref().unwrap();
    assert_eq!((batch.sequence, batch.others.get(Outcome::Lost), batch.requests()), (2, 3, 0));
    // If that batch is given up too, the count is still three.
    let later = reporter.freeze(at(3 * USAGE_GIVEN_UP_MS));
    assert_eq!(later[0].report.batch.as_ref().unwrap().others.get(Outcome::Lost), 3);
}

/// Counts a use of a watched token. Returns the sender that must report it, if any.
fn watched(reporter: &mut Reporter, serial: u32, ms: i64) -> Option<Sender> {
    reporter.count(admitted(serial, true), at(ms));
    let counts = |sender: &Sender| sender.reports_first_uses();
    reporter.plan(at(ms)).into_iter().find(counts)
}

#[test]
fn a_watched_use_is_told_at_once_and_again_every_ten_seconds_until_acknowledged() {
    let mut reporter = Reporter::new(7);
    let reported = |reporter: &mut Reporter, ms: i64| {
        watched(reporter, 8, ms).map(|mut sender| sent(sender.next(reporter, at(ms)))).unwrap_or_default()
    };
    let first = reported(&mut reporter, 0);
    let expected = TokenUse { serial: Serial(8), first_at: at(0), last_at: at(0) };
    let report = Report { isolate: 7, batch: None, first_uses: vec![expected] };
    assert_eq!(first, [Sending { shard: 0, report, is_new: true }]);
    assert_eq!(reported(&mut reporter, 9_999), []);
    let again = reported(&mut reporter, 10_000);
    assert_eq!(again[0].report.first_uses, [TokenUse { last_at: at(10_000), ..expected }]);
    reporter.acknowledged(&first[0]);
    assert_eq!(reported(&mut reporter, 30_000), []);
    // A refusal is not a use.
    reporter.count(Counted { outcome: Outcome::OriginNotAllowed, ..admitted(16, true) }, at(30_000));
    assert!(!reporter.plan(at(30_000)).iter().any(Sender::reports_first_uses));
}

#[test]
fn a_first_use_is_told_again_without_a_further_request_and_by_the_next_one_after_that() {
    let mut reporter = Reporter::new(7);
    let mut sender = watched(&mut reporter, 8, 0).unwrap();
    for ms in [0, 10_000] {
        let reported = sent(sender.next(&mut reporter, at(ms)));
        assert_eq!(reported[0].report.first_uses[0].first_at, at(0));
        assert!(watched(&mut reporter, 8, ms + 1).is_none(), "it has a sender");
        assert_eq!(sender.next(&mut reporter, at(ms + 5_000)), Some(Next::Wait(5_000)));
    }
    sent(sender.next(&mut reporter, at(20_000)));
    // That was the first one's last time, whatever comes of it; and it is not due again yet.
    let mut next = watched(&mut reporter, 8, 22_000).unwrap();
    assert!(watched(&mut reporter, 8, 22_001).is_none());
    assert_eq!(sender.next(&mut reporter, at(25_000)), None);
    assert_eq!(next.next(&mut reporter, at(26_000)), Some(Next::Wait(4_000)));
    let reported = sent(next.next(&mut reporter, at(30_000)));
    let expected = TokenUse { serial: Serial(8), first_at: at(0), last_at: at(22_001) };
    assert_eq!(reported[0].report.first_uses, [expected]);
    reporter.acknowledged(&reported[0]);
    assert_eq!(next.next(&mut reporter, at(30_100)), None);
}

#[test]
fn first_uses_that_are_remembered_are_bounded() {
    let mut reporter = Reporter::new(7);
    let many = u32::try_from(FIRST_USES_HELD_MAX).unwrap();
    for serial in 0..many + 100 {
        reporter.count(admitted(serial, true), at(0));
    }
    let reports = sent(reporter.plan(at(0))[0].next(&mut reporter, at(0)));
    let reported: usize = reports.iter().map(|sending| sending.report.first_uses.len()).sum();
    assert_eq!(reported, FIRST_USES_HELD_MAX);
    for sending in &reports {
        reporter.acknowledged(sending);
    }
    let mut sender = watched(&mut reporter, many + 100, 1).unwrap();
    assert_eq!(sent(sender.next(&mut reporter, at(1))).len(), 1);
}

fn refused_for(site: &str) -> Counted {
    use crate::formats::origin::Origin;
    use crate::formats::usage::refusal::RefusedRequest;
    let request = RefusedRequest::of("GET", "/", Origin::parse_header(site));
    let refused = Some(Box::new(request));
    Counted { outcome: Outcome::OriginNotAllowed, refused, ..admitted(8, false) }
}

#[test]
fn a_refusal_and_the_first_admission_after_it_are_sent_early_and_a_flood_of_them_is_not() {
    let mut reporter = Reporter::new(1);
    let send = |reporter: &mut Reporter, counted: Counted, ms: i64| {
        reporter.count(counted, at(ms));
        let next = reporter.plan(at(ms)).pop().and_then(|mut sender| sender.next(reporter, at(ms)));
        for sending in reporter.freeze(at(ms + USAGE_GATHER_MS)) {
            reporter.acknowledged(&sending);
        }
        next
    };
    assert_eq!(send(&mut reporter, admitted(8, false), 0), Some(Next::Wait(USAGE_GATHER_MS)));
    let waits = |ms| Some(Next::Wait(ms));
    assert_eq!(send(&mut reporter, refused_for("https://a.example"), 6_000), waits(USAGE_GATHER_MS));
    assert_eq!(send(&mut reporter, admitted(8, false), 12_000), waits(USAGE_GATHER_MS));
    assert_eq!(send(&mut reporter, admitted(8, false), 18_000), waits(24_000), "that is no news");
    assert_eq!(send(&mut reporter, refused_for("https://a.example"), 24_000), waits(USAGE_GATHER_MS));
    assert_eq!(send(&mut reporter, refused_for("https://b.example"), 30_000), waits(24_000), "none is left");
}

#[test]
fn news_takes_the_lease_from_a_sender_that_would_send_later() {
    let mut reporter = Reporter::new(1);
    let mut first = sender(&mut reporter, 8, 0).unwrap();
    sent(first.next(&mut reporter, at(5_000))).iter().for_each(|sending| reporter.acknowledged(sending));
    let mut late = sender(&mut reporter, 8, 6_000).unwrap();
    assert_eq!(late.next(&mut reporter, at(6_000)), Some(Next::Wait(24_000)));
    reporter.count(refused_for("https://a.example"), at(7_000));
    let mut early = reporter.plan(at(7_000)).pop().unwrap();
    assert_eq!(early.next(&mut reporter, at(7_000)), Some(Next::Wait(4_000)));
    assert_eq!(late.next(&mut reporter, at(8_000)), None);
    let sendings = sent(early.next(&mut reporter, at(11_000)));
    let batch = sendings[0].report.batch.as_ref().unwrap();
    assert_eq!((batch.requests(), batch.refusals.len()), (2, 1));
}
