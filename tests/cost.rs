//! What lists and records cost in a day: KV reads and writes, registry calls. The real refresh machine, driven in virtual
//! time by traffic at random instants; `make propagation` puts the figures into `docs/propagation.md`.
//!
//! What is assumed, since Cloudflare does not say it: an isolate serves up to 10 requests a second and there are as many at a
//! location as that takes; one that was idle for a minute, or is an hour old, is gone with all it held; 100 tokens are in
//! use, each as much as the others; KV keeps what it read for the 30 s that the reader asks for, and writes arrive at once.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::HashSet;
use std::rc::Rc;
use wayleave::freshness::{Found, ListHolder, Plan, Refresh, Source, Step, Taken, Terms};
use wayleave::key::{KeyId, sha256};
use wayleave::limits::{
    HEARTBEAT_DEFAULT_SECONDS, LIST_KV_CACHE_TTL_SECONDS, MS_PER_SECOND, SECONDS_PER_DAY,
};
use wayleave::list::{Base, Change, Delta, DeltaHead, Number, OpenedBase, OpenedDelta, Status};
use wayleave::time::UnixMillis;
use wayleave::token::Serial;

const LOCATIONS: f64 = 330.0;
const REQUESTS_OF_AN_ISOLATE_PER_SECOND: f64 = 10.0;
const ISOLATE_IDLE_MS: i64 = 60 * MS_PER_SECOND;
const ISOLATE_LIFE_MS: i64 = 3_600 * MS_PER_SECOND;
const TOKENS_IN_USE: usize = 100;
const DAY_MS: i64 = SECONDS_PER_DAY * MS_PER_SECOND;
/// Requests are simulated until there were so many, or for a day; then scaled to a day and to all locations.
const REQUESTS_MAX: u64 = 400_000;

/// What was counted.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    kv_list_reads: u64,
    kv_record_reads: u64,
    registry_lists: u64,
    registry_reports: u64,
}

/// One location, with its isolates and its cache.
struct Location {
    terms: Terms,
    base: Rc<OpenedBase>,
    isolates: Vec<Isolate>,
    /// The delta in the location's cache, and until when.
    cached: Option<(OpenedDelta, i64)>,
    /// What the location's copy of KV holds: the instant the delta was made, and until when it is not read anew.
    kv: Option<(i64, i64)>,
    random: Chance,
    cost: Cost,
}

#[derive(Default)]
struct Isolate {
    lists: ListHolder,
    records: HashSet<usize>,
    born_at: i64,
    used_at: i64,
}

impl Location {
    fn new(terms: Terms, isolates: usize, seed: u64) -> Self {
        let change = Change { serial: Serial(1), status: Status::Revoked, version: 1 };
        let base = Base::empty(1).fold([change], [], Number { epoch: 1, n: 1 });
        let sha256 = sha256(&base.body().expect("a base has a body"));
        Self {
            terms,
            base: Rc::new(OpenedBase { base, sha256 }),
            isolates: (0..isolates)
                .map(|_| Isolate { used_at: i64::MIN / 2, ..Isolate::default() })
                .collect(),
            cached: None,
            kv: None,
            random: Chance(seed),
            cost: Cost::default(),
        }
    }

    /// The delta as the registry made it at `made_ms`. Nothing changes all day, so its number tells its age.
    fn delta(&self, made_ms: i64) -> OpenedDelta {
        let head = DeltaHead {
            number: Number { epoch: 1, n: u64::try_from(made_ms).expect("after the epoch") },
            this_update: UnixMillis(made_ms),
            next_update: UnixMillis(made_ms + self.terms.bound_seconds * MS_PER_SECOND),
            base: self.base.base.number(),
            base_sha256: self.base.sha256,
            since: 1,
            since_sha256: self.base.sha256,
            changed: 1,
            highest_serial: Serial(100),
        };
        OpenedDelta { delta: Delta::new(head, [], []), sealed_by: KeyId(1) }
    }

    /// One request at `now`.
    fn request(&mut self, now: i64) {
        let which = self.random.below(self.isolates.len());
        let mut isolate = std::mem::take(&mut self.isolates[which]);
        if now - isolate.used_at > ISOLATE_IDLE_MS || now - isolate.born_at > ISOLATE_LIFE_MS {
            isolate = Isolate { born_at: now, ..Isolate::default() };
        }
        isolate.used_at = now;
        match isolate.lists.plan(&self.terms, UnixMillis(now)) {
            Plan::Use => {}
            Plan::Refresh | Plan::UseAndRefresh => self.refresh(&mut isolate.lists, now),
            Plan::Wait | Plan::Refuse => panic!("sources answer at once, so nobody waits"),
        }
        assert!(isolate.lists.usable(&self.terms, UnixMillis(now)).is_some(), "nothing is down");
        self.cost.kv_record_reads += u64::from(isolate.records.insert(self.random.below(TOKENS_IN_USE)));
        self.isolates[which] = isolate;
    }

    fn refresh(&mut self, lists: &mut ListHolder, now: i64) {
        let mut run: Refresh = lists.refresh(&self.terms, UnixMillis(now), self.random.next());
        while let Some(step) = run.next(lists, UnixMillis(now)) {
            let found = self.fetch(step, now);
            let fetched = match &found {
                Found::Copy(Ok(opened)) | Found::Registry { read: Ok(opened), .. } => Some(opened.clone()),
                _ => None,
            };
            let taken = run.take(lists, found, UnixMillis(now));
            if let (Taken::Shareable, Step::Delta(_), Some(opened)) = (taken, step, fetched) {
                let kept_ms = i64::from(self.terms.location_cache_seconds()) * MS_PER_SECOND;
                self.cached = Some((opened, now + kept_ms));
            }
        }
        lists.refreshed(&self.terms, UnixMillis(now), self.random.next());
        if lists.report([KeyId(1)].into_iter(), UnixMillis(now)).is_some() {
            lists.reported(UnixMillis(now));
            self.cost.registry_reports += 1;
        }
    }

    fn fetch(&mut self, step: Step, now: i64) -> Found {
        match step {
            Step::Delta(Source::Location) => match &self.cached {
                Some((opened, until)) if now < *until => Found::Copy(Ok(opened.clone())),
                _ => Found::Nothing,
            },
            Step::Delta(Source::Kv) => {
                self.cost.kv_list_reads += 1;
                let made_ms = match self.kv {
                    Some((made_ms, until)) if now < until => made_ms,
                    _ => {
                        let heartbeat_ms = HEARTBEAT_DEFAULT_SECONDS * MS_PER_SECOND;
                        let made_ms = now / heartbeat_ms * heartbeat_ms;
                        self.kv = Some((made_ms, now + i64::from(LIST_KV_CACHE_TTL_SECONDS) * MS_PER_SECOND));
                        made_ms
                    }
                };
                Found::Copy(Ok(self.delta(made_ms)))
            }
            Step::Delta(Source::Registry) => {
                self.cost.registry_lists += 1;
                let asked_at = UnixMillis(now);
                Found::Registry { read: Ok(self.delta(now)), registry_now: asked_at, asked_at }
            }
            Step::Base(..) => {
                self.cost.kv_list_reads += 1;
                Found::Base(Ok(OpenedBase { base: self.base.base.clone(), ..*self.base }))
            }
        }
    }
}

/// A day of the whole deployment: `per_second` requests over all locations.
fn day(bound_seconds: i64, per_second: f64) -> (usize, [f64; 4]) {
    let per_location = per_second / LOCATIONS;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a small positive number
    let isolates = (per_location / REQUESTS_OF_AN_ISOLATE_PER_SECOND).ceil() as usize;
    let terms = Terms::from_bound(bound_seconds, true);
    let (mut requests, mut simulated_ms, mut sum) = (0, 0, Cost::default());
    // Quiet locations are simulated several times over, so that chance evens out.
    for seed in 1..=50 {
        let mut location = Location::new(terms, isolates, seed);
        let begin = DAY_MS * 20_000;
        let mut now = begin;
        while now < begin + DAY_MS && requests < REQUESTS_MAX {
            now += location.random.wait_ms(per_location);
            location.request(now);
            requests += 1;
        }
        simulated_ms += now - begin;
        sum.kv_list_reads += location.cost.kv_list_reads;
        sum.kv_record_reads += location.cost.kv_record_reads;
        sum.registry_lists += location.cost.registry_lists;
        sum.registry_reports += location.cost.registry_reports;
    }
    #[allow(clippy::cast_precision_loss)] // counts far below 2^52
    let of_a_day = |count: u64| count as f64 * LOCATIONS * DAY_MS as f64 / simulated_ms as f64;
    (
        isolates,
        [sum.kv_list_reads, sum.kv_record_reads, sum.registry_lists, sum.registry_reports].map(of_a_day),
    )
}

/// KV writes: one each heartbeat while there is traffic, and there always is.
fn kv_writes(bound_seconds: i64) -> i64 {
    if Terms::from_bound(bound_seconds, true).kv { SECONDS_PER_DAY / HEARTBEAT_DEFAULT_SECONDS } else { 0 }
}

#[test]
fn the_registry_carries_10_000_requests_a_second_at_either_bound() {
    // The platform's soft limit is 1,000 calls a second.
    for (bound_seconds, calls_per_second_max) in [(60, 50.0), (5, 800.0)] {
        let (_, [_, _, lists, reports]) = day(bound_seconds, 10_000.0);
        let per_second = (lists + reports) / 86_400.0;
        assert!(
            per_second < calls_per_second_max,
            "B = {bound_seconds}: {per_second} registry calls a second"
        );
    }
}

#[test]
#[ignore = "prints figures for make propagation"]
fn cost() {
    for bound_seconds in [60, 5] {
        for per_second in [1.0, 100.0, 10_000.0] {
            let (isolates, [lists, records, calls, reports]) = day(bound_seconds, per_second);
            println!(
                "COST {{\"bound\":{bound_seconds},\"per_second\":{per_second},\"isolates_per_location\":{isolates},\
                 \"kv_list_reads\":{lists:.0},\"kv_record_reads\":{records:.0},\"kv_writes\":{},\
                 \"registry_lists\":{calls:.0},\"registry_reports\":{reports:.0}}}",
                kv_writes(bound_seconds)
            );
        }
    }
}

/// A small generator with a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 32) as u32
    }

    fn below(&mut self, limit: usize) -> usize {
        self.next() as usize % limit
    }

    /// Until the next of events that come at random, so many a second: exponential, at least a millisecond.
    fn wait_ms(&mut self, per_second: f64) -> i64 {
        let fraction = (f64::from(self.next()) + 1.0) / (f64::from(u32::MAX) + 2.0);
        #[allow(clippy::cast_possible_truncation)] // days at most
        let wait_ms = (-fraction.ln() / per_second * 1_000.0) as i64;
        wait_ms.max(1)
    }
}
