//! Pauses in traffic: counts are sent even if no further request comes. Continuous traffic does not cause
//! more sends because of that.

use crate::chance::chance;
use crate::isolate::Isolate;
use crate::world::{MINUTE, START, admitted};
use wayleave::base::time::UnixMillis;
use wayleave::limits::{USAGE_SEND_INTERVAL_MS, USAGE_WAIT_MAX_MS};
use wayleave::usage::Sending;

/// Time limit, in milliseconds, for sending a count. It must hold without another request.
const SENT_WITHIN_MS: i64 = USAGE_SEND_INTERVAL_MS;
/// The limit that the README promises, in milliseconds.
const PROMISED_MS: i64 = MINUTE;
/// A request that comes this many milliseconds after a send can wait until the next send is due.
const CAN_WAIT_AFTER_MS: i64 = USAGE_SEND_INTERVAL_MS - USAGE_WAIT_MAX_MS;

/// The time of each request, in milliseconds.
type Requests = Vec<i64>;

/// Bursts and sparse requests with pauses between, over about ten minutes.
fn bursts_and_rests(random: &mut fastrand::Rng) -> Requests {
    let mut requests = Vec::new();
    let mut at = 0;
    while at < 10 * MINUTE {
        let longest_gap_ms = [10, 500, 5_000, 30_000][random.usize(0..4)];
        for _ in 0..random.u32(1..30) {
            at += random.i64(0..longest_gap_ms);
            requests.push(at);
        }
        at += random.i64(0..2 * MINUTE);
    }
    requests
}

/// What happened to the requests, in milliseconds from the first.
struct Seen {
    sends: Vec<i64>,
    /// The longest time that a count waited to be sent.
    longest_ms: i64,
    senders: usize,
}

/// Sends requests to an isolate until it has nothing more to do. `cancels` decides which senders are
/// cancelled.
fn run(requests: &[i64], mut cancels: impl FnMut(i64) -> bool) -> Seen {
    let mut isolate = Isolate::new(1);
    let mut seen = Seen { sends: Vec::new(), longest_ms: 0, senders: 0 };
    let mut waiting: Vec<i64> = Vec::new();
    let mut requests = requests.iter().copied().peekable();
    loop {
        let request = requests.peek().map(|ms| START.plus_ms(*ms));
        let Some(now) = request.into_iter().chain(isolate.wakes_at()).min() else { break };
        let ms = now.since_ms(START);
        if request == Some(now) {
            requests.next();
            waiting.push(ms);
            let senders = isolate.ask(admitted(9, false), now);
            seen.senders += senders;
            if senders > 0 && cancels(ms) {
                isolate.cancel(senders);
            }
        }
        isolate.run(now, |sendings| {
            seen.sends.push(ms);
            seen.longest_ms = waiting.drain(..).map(|counted| ms - counted).fold(seen.longest_ms, i64::max);
            sendings.to_vec()
        });
    }
    assert!(waiting.is_empty(), "{} counts wait for a request that does not come", waiting.len());
    seen
}

#[test]
fn a_token_asked_for_ten_times_just_after_a_send_is_counted_though_nobody_asks_again() {
    // The first request's count is sent at 5 s; the next send would be due at 35 s.
    let seen = run(&[0, 7_000, 7_010, 7_020, 7_030, 7_040, 7_050, 7_060, 7_070, 7_080, 7_090], |_| false);
    assert_eq!(seen.sends, [5_000, 31_000]);
}

#[test]
fn whenever_traffic_rests_what_was_counted_is_sent_within_half_a_minute() {
    let mut random = chance();
    for _ in 0..500 {
        let requests = bursts_and_rests(&mut random);
        let seen = run(&requests, |_| false);
        assert!(seen.longest_ms <= SENT_WITHIN_MS, "{} ms: {requests:?}", seen.longest_ms);
        for pair in seen.sends.windows(2) {
            let [before, after] = pair else { panic!() };
            assert!(after - before >= USAGE_WAIT_MAX_MS, "sent at {before} and {after}: {requests:?}");
            // A send comes sooner than 30 s after the last only if no request came that could wait long
            // enough.
            let can_wait = before + CAN_WAIT_AFTER_MS..*after;
            let came = requests.iter().any(|at| can_wait.contains(at));
            assert!(after - before >= USAGE_SEND_INTERVAL_MS || !came, "{before}, {after}: {requests:?}");
        }
    }
}

#[test]
fn steady_traffic_is_sent_every_half_minute_and_two_of_its_requests_wait_for_that() {
    for every_ms in [5, 200, 6_000, 17_999] {
        let requests: Requests = (0..10 * MINUTE / every_ms).map(|number| number * every_ms).collect();
        let seen = run(&requests, |_| false);
        // The last send may come sooner, because no request followed it.
        let sends = &seen.sends[..seen.sends.len() - 1];
        let intervals: Vec<_> = sends.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(
            intervals.iter().all(|ms| *ms >= USAGE_SEND_INTERVAL_MS),
            "every {every_ms} ms: {intervals:?}"
        );
        assert!(seen.senders <= 2 * seen.sends.len(), "{} for {} sends", seen.senders, seen.sends.len());
    }
}

#[test]
fn while_every_second_sender_is_cancelled_counts_of_traffic_that_goes_on_are_sent_within_a_minute() {
    let mut random = chance();
    for _ in 0..200 {
        let mut requests: Requests = Vec::new();
        let mut at = 0;
        while at < 10 * MINUTE {
            at += random.i64(1..10_000);
            requests.push(at);
        }
        let mut is_cancelled = random.bool();
        // Senders of the last minute are not cancelled, because no request would follow them.
        let seen = run(&requests, |ms| {
            is_cancelled = !is_cancelled && ms < 9 * MINUTE;
            is_cancelled
        });
        assert!(seen.longest_ms <= PROMISED_MS, "{} ms: {requests:?}", seen.longest_ms);
    }
}

#[test]
fn counts_whose_first_send_is_lost_are_sent_again_within_the_promised_minute_though_nobody_asks_again() {
    let mut isolate = Isolate::new(1);
    isolate.ask(admitted(9, false), START);
    let mut arrived: Vec<(i64, Sending)> = Vec::new();
    let mut sends = 0;
    while let Some(now) = isolate.wakes_at() {
        isolate.run(now, |sendings| {
            sends += 1;
            if sends == 1 {
                return Vec::new();
            }
            arrived.extend(sendings.iter().map(|sending| (now.since_ms(START), sending.clone())));
            sendings.to_vec()
        });
    }
    let [(ms, sending)] = &arrived[..] else { panic!("{arrived:?}") };
    assert!(*ms <= PROMISED_MS && !sending.is_new, "{ms} ms");
    assert_eq!(sending.report.batch.as_ref().unwrap().began_at, UnixMillis(START.0));
}
