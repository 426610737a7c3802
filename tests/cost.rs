//! The daily cost of lists, records and usage: KV reads and writes, and calls of the registry and the usage
//! shards. Drives the real refresh machine, subscription and reporter in virtual time with traffic at random
//! instants. `make propagation` puts the figures into
//! `docs/propagation.md`.
//!
//! Cloudflare does not document these, so they are assumed:
//! - An isolate serves up to 10 requests a second, and a location has as many isolates as that takes.
//! - An isolate that was idle for a minute, or is an hour old, is discarded with all its state.
//! - 100 tokens are in use, all equally often.
//! - KV caches a value for the 30 s that the reader asks for, and writes arrive at once.

#![cfg(test)] // so clippy takes all of it for a test

use std::collections::HashSet;
use std::rc::Rc;
use wayleave::base::time::UnixMillis;
use wayleave::edge::freshness::{
    Fetch, Fetched, Heard, Keep, LineId, ListHolder, PushTerms, Refresh, RefreshPlan, Source, Subscription,
    Taken, Terms,
};
use wayleave::formats::key::{KeyId, sha256};
use wayleave::formats::list::{
    Base, Change, Delta, DeltaHead, Number, OpenedBase, OpenedDelta, SerialStatus,
};
use wayleave::formats::token::Serial;
use wayleave::formats::usage::counted::Counted;
use wayleave::formats::usage::outcome::Outcome;
use wayleave::limits::{
    HEARTBEAT_DEFAULT_SECONDS, HEARTBEAT_PUSH_DEFAULT_SECONDS, LIST_KV_CACHE_TTL_SECONDS, MS_PER_SECOND,
    PUSH_DEFAULT_SECONDS, SECONDS_PER_DAY, SILENT_WAIT_DEFAULT_MS,
};
use wayleave::usage::{Next, Reporter, Sender};

const LOCATIONS: f64 = 330.0;
const REQUESTS_OF_AN_ISOLATE_PER_SECOND: f64 = 10.0;
const ISOLATE_IDLE_MS: i64 = 60 * MS_PER_SECOND;
const ISOLATE_LIFE_MS: i64 = 3_600 * MS_PER_SECOND;
const TOKENS_IN_USE: usize = 100;
const DAY_MS: i64 = SECONDS_PER_DAY * MS_PER_SECOND;
/// Most requests that are simulated. The simulation stops there or after a day; the result is scaled to a day
/// and to all locations.
const REQUESTS_MAX: u64 = 400_000;

/// Numbers of the operations that cost money or load the registry.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    kv_list_reads: u64,
    kv_record_reads: u64,
    registry_lists: u64,
    registry_reports: u64,
    /// Calls that wait at the registry for a change.
    registry_waits: u64,
    usage_calls: u64,
}

impl Cost {
    fn add(&mut self, more: &Self) {
        self.kv_list_reads += more.kv_list_reads;
        self.kv_record_reads += more.kv_record_reads;
        self.registry_lists += more.registry_lists;
        self.registry_reports += more.registry_reports;
        self.registry_waits += more.registry_waits;
        self.usage_calls += more.usage_calls;
    }
}

/// One location with its isolates and its cache.
struct Location {
    terms: Terms,
    push: Option<PushTerms>,
    base: Rc<OpenedBase>,
    isolates: Vec<Isolate>,
    /// The delta in the location's cache, and until when it is cached (milliseconds).
    cached: Option<(OpenedDelta, i64)>,
    /// The location's copy of the value in KV: when the delta was made, and until when the copy is used
    /// (milliseconds).
    kv: Option<(i64, i64)>,
    random: Chance,
    cost: Cost,
}

struct Isolate {
    lists: ListHolder,
    subscription: Subscription,
    /// The line that is open, and when its present call is answered.
    line: Option<(LineId, i64)>,
    reporter: Reporter,
    /// Each with the time of its next step.
    senders: Vec<(i64, Sender)>,
    records: HashSet<usize>,
    born_at: i64,
    used_at: i64,
}

impl Isolate {
    fn new(number: u64, now: i64) -> Self {
        Self {
            lists: ListHolder::of_isolate(number),
            subscription: Subscription::default(),
            line: None,
            reporter: Reporter::new(number),
            senders: Vec::new(),
            records: HashSet::new(),
            born_at: now,
            used_at: now,
        }
    }

    /// Counts a request with `token`, and does what earlier requests left to be done by now. Returns how many
    /// calls it makes to usage shards.
    fn count(&mut self, token: usize, now: i64) -> u64 {
        let calls = self.send_counts(now);
        let serial = u32::try_from(token).ok().map(|number| Serial(1 + number));
        let counted =
            Counted { serial, outcome: Outcome::Admitted, origin: None, is_watched: false, refused: None };
        self.reporter.count(counted, UnixMillis(now));
        self.senders.extend(self.reporter.plan(UnixMillis(now)).into_iter().map(|sender| (now, sender)));
        calls + self.send_counts(now)
    }

    fn send_counts(&mut self, until: i64) -> u64 {
        let mut calls = 0;
        while let Some(first) = (0..self.senders.len()).min_by_key(|at| self.senders[*at].0)
            && self.senders[first].0 <= until
        {
            let (at, mut sender) = self.senders.remove(first);
            match sender.next(&mut self.reporter, UnixMillis(at)) {
                None => {}
                Some(Next::Wait(ms)) => self.senders.push((at + ms, sender)),
                Some(Next::Send(sendings)) => {
                    calls += u64::try_from(sendings.len()).expect("few");
                    for sending in &sendings {
                        self.reporter.acknowledged(sending);
                    }
                    self.senders.push((at, sender));
                }
            }
        }
        calls
    }
}

impl Location {
    fn new(terms: Terms, push: Option<PushTerms>, isolates: usize, seed: u64) -> Self {
        let change = Change { serial: Serial(1), status: SerialStatus::Revoked, version: 1 };
        let base = Base::empty(1).fold([change], [], Number { epoch: 1, n: 1 });
        let sha256 = sha256(&base.body().expect("a base has a body"));
        Self {
            terms,
            push,
            base: Rc::new(OpenedBase { base, sha256 }),
            isolates: (0..).take(isolates).map(|number| Isolate::new(number, i64::MIN / 2)).collect(),
            cached: None,
            kv: None,
            random: Chance(seed),
            cost: Cost::default(),
        }
    }

    /// The delta that the registry made at `made_ms`. Nothing changes all day, so its number shows its age.
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

    /// Serves one request at `now`.
    fn request(&mut self, now: i64) {
        let which = self.random.below(self.isolates.len());
        let mut isolate = self.isolates.swap_remove(which);
        self.go_on(&mut isolate, now);
        if now - isolate.used_at > ISOLATE_IDLE_MS || now - isolate.born_at > ISOLATE_LIFE_MS {
            self.cost.usage_calls += isolate.send_counts(i64::MAX / 2);
            isolate = Isolate::new(self.random.next().into(), now);
        }
        isolate.used_at = now;
        match isolate.lists.plan(&self.terms, UnixMillis(now)) {
            RefreshPlan::Use => {}
            RefreshPlan::Refresh | RefreshPlan::UseAndRefresh => self.refresh(&mut isolate.lists, now),
            RefreshPlan::Wait | RefreshPlan::Refuse | RefreshPlan::RefuseAndRefresh => {
                panic!("sources answer at once, so nobody waits")
            }
        }
        assert!(isolate.lists.usable(&self.terms, UnixMillis(now)).is_some(), "nothing is down");
        self.keep_up(&mut isolate, now);
        let token = self.random.below(TOKENS_IN_USE);
        self.cost.kv_record_reads += u64::from(isolate.records.insert(token));
        self.cost.usage_calls += isolate.count(token, now);
        self.isolates.push(isolate);
    }

    /// Keeps a call open at the registry, as the request at `now` does.
    fn keep_up(&mut self, isolate: &mut Isolate, now: i64) {
        let Some(push) = self.push else { return };
        let age_ms = isolate.lists.usable_age_ms(&self.terms, UnixMillis(now));
        if let Keep::Open(line) | Keep::OpenAndWait(line) =
            isolate.subscription.keep(&push, age_ms, UnixMillis(now))
        {
            self.call(isolate, line, now);
            // One that asks at once is answered at once.
            self.go_on(isolate, now);
        }
    }

    /// The next call of `line`; nothing changes, so it is answered when its time is over.
    fn call(&mut self, isolate: &mut Isolate, line: LineId, now: i64) {
        let push = self.push.expect("push is on");
        let next = isolate.subscription.next_call(line, &push, UnixMillis(now));
        isolate.line = next.map(|next| (line, now + i64::from(next.wait_ms)));
        self.cost.registry_waits += u64::from(next.is_some());
        isolate.lists.reported(UnixMillis(now));
    }

    /// Takes the answers that came until `now`.
    fn go_on(&mut self, isolate: &mut Isolate, now: i64) {
        while let Some((line, at)) = isolate.line.filter(|(_, at)| *at <= now) {
            let (answered_at, asked_at) = (UnixMillis(at), UnixMillis(at));
            let read = Ok(self.delta(at));
            let pushed = Fetched::Pushed { read, registry_now: answered_at, asked_at, held_ms: 0 };
            let mut run = isolate.lists.pushed(&self.terms);
            run.take(&mut isolate.lists, pushed, answered_at);
            isolate.lists.push_taken(&self.terms, answered_at);
            isolate.subscription.heard(line, Heard::List, answered_at, self.random.next());
            self.call(isolate, line, at);
        }
    }

    fn refresh(&mut self, lists: &mut ListHolder, now: i64) {
        let mut run: Refresh = lists.refresh(&self.terms, UnixMillis(now), self.random.next());
        while let Some(step) = run.next(lists, UnixMillis(now)) {
            let found = self.fetch(step, now);
            let fetched = match &found {
                Fetched::Copy(Ok(opened)) | Fetched::Registry { read: Ok(opened), .. } => {
                    Some(opened.clone())
                }
                _ => None,
            };
            let taken = run.take(lists, found, UnixMillis(now));
            if let (Taken::Shareable, Fetch::Delta(_), Some(opened)) = (taken, step, fetched) {
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

    fn fetch(&mut self, step: Fetch, now: i64) -> Fetched {
        match step {
            Fetch::Delta(Source::Location) => match &self.cached {
                Some((opened, until)) if now < *until => Fetched::Copy(Ok(opened.clone())),
                _ => Fetched::Nothing,
            },
            Fetch::Delta(Source::Kv) => {
                self.cost.kv_list_reads += 1;
                let made_ms = match self.kv {
                    Some((made_ms, until)) if now < until => made_ms,
                    _ => {
                        let heartbeat_ms = heartbeat_seconds(self.push.is_some()) * MS_PER_SECOND;
                        let made_ms = now / heartbeat_ms * heartbeat_ms;
                        self.kv = Some((made_ms, now + i64::from(LIST_KV_CACHE_TTL_SECONDS) * MS_PER_SECOND));
                        made_ms
                    }
                };
                Fetched::Copy(Ok(self.delta(made_ms)))
            }
            Fetch::Delta(Source::Registry) => {
                self.cost.registry_lists += 1;
                let asked_at = UnixMillis(now);
                Fetched::Registry { read: Ok(self.delta(now)), registry_now: asked_at, asked_at }
            }
            Fetch::Base(..) => {
                self.cost.kv_list_reads += 1;
                Fetched::Base(Ok(OpenedBase { base: self.base.base.clone(), ..*self.base }))
            }
        }
    }
}

/// What a day costs.
struct Day {
    isolates_per_location: usize,
    kv_list_reads: f64,
    kv_record_reads: f64,
    registry_lists: f64,
    registry_reports: f64,
    registry_waits: f64,
    usage_calls: f64,
}

/// The cost of one day in the whole deployment, with `per_second` requests over all locations.
fn day(bound_seconds: i64, push_seconds: i64, per_second: f64) -> Day {
    let per_location = per_second / LOCATIONS;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    let isolates_per_location = (per_location / REQUESTS_OF_AN_ISOLATE_PER_SECOND).ceil() as usize;
    let terms = Terms::from_bound(bound_seconds, true);
    let push = PushTerms::of(&terms, push_seconds, SILENT_WAIT_DEFAULT_MS);
    let (mut requests, mut simulated_ms, mut sum) = (0, 0, Cost::default());
    // Locations with little traffic are simulated several times, so that chance averages out.
    for seed in 1..=50 {
        let mut location = Location::new(terms, push, isolates_per_location, seed);
        let begin = DAY_MS * 20_000;
        let mut now = begin;
        while now < begin + DAY_MS && requests < REQUESTS_MAX {
            now += location.random.wait_ms(per_location);
            location.request(now);
            requests += 1;
        }
        simulated_ms += now - begin;
        sum.add(&location.cost);
    }
    // Exact: counts far below 2^52.
    let of_a_day = |count: u64| count as f64 * LOCATIONS * DAY_MS as f64 / simulated_ms as f64;
    Day {
        isolates_per_location,
        kv_list_reads: of_a_day(sum.kv_list_reads),
        kv_record_reads: of_a_day(sum.kv_record_reads),
        registry_lists: of_a_day(sum.registry_lists),
        registry_reports: of_a_day(sum.registry_reports),
        registry_waits: of_a_day(sum.registry_waits),
        usage_calls: of_a_day(sum.usage_calls),
    }
}

fn heartbeat_seconds(is_pushed: bool) -> i64 {
    if is_pushed { HEARTBEAT_PUSH_DEFAULT_SECONDS } else { HEARTBEAT_DEFAULT_SECONDS }
}

/// KV writes in a day: one in each heartbeat, since there is always traffic.
fn kv_writes(bound_seconds: i64, is_pushed: bool) -> i64 {
    let has_heartbeat = Terms::from_bound(bound_seconds, true).kv;
    if has_heartbeat { SECONDS_PER_DAY / heartbeat_seconds(is_pushed) } else { 0 }
}

#[test]
fn the_registry_carries_10_000_requests_a_second_at_either_bound() {
    // The platform's soft limit for one object is 1,000 calls a second. With push at B = 5 each isolate in
    // use calls once a second, so 1,000 of them are the limit.
    for (bound_seconds, push_seconds, calls_per_second_max) in
        [(60, 0, 50.0), (5, 0, 800.0), (60, PUSH_DEFAULT_SECONDS, 150.0)]
    {
        let day = day(bound_seconds, push_seconds, 10_000.0);
        let per_second = (day.registry_lists + day.registry_reports + day.registry_waits) / 86_400.0;
        assert!(
            per_second < calls_per_second_max,
            "B = {bound_seconds}, push {push_seconds} s: {per_second} registry calls a second"
        );
    }
}

#[test]
#[ignore = "prints figures for make propagation"]
fn cost() {
    for (bound_seconds, push_seconds) in
        [(60, PUSH_DEFAULT_SECONDS), (60, 0), (5, PUSH_DEFAULT_SECONDS), (5, 0)]
    {
        for per_second in [1.0, 100.0, 10_000.0] {
            let day = day(bound_seconds, push_seconds, per_second);
            println!(
                "COST {{\"bound\":{bound_seconds},\"push\":{push_seconds},\"per_second\":{per_second},\
                 \"isolates_per_location\":{},\
                 \"kv_list_reads\":{:.0},\"kv_record_reads\":{:.0},\"kv_writes\":{},\
                 \"registry_lists\":{:.0},\"registry_reports\":{:.0},\"registry_waits\":{:.0},\
                 \"usage_calls\":{:.0}}}",
                day.isolates_per_location,
                day.kv_list_reads,
                day.kv_record_reads,
                kv_writes(bound_seconds, push_seconds > 0),
                day.registry_lists,
                day.registry_reports,
                day.registry_waits,
                day.usage_calls,
            );
        }
    }
}

/// A small seeded random generator (SplitMix64).
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

    /// Milliseconds until the next of random events with this mean rate: exponentially distributed, at least
    /// one.
    fn wait_ms(&mut self, per_second: f64) -> i64 {
        let fraction = (f64::from(self.next()) + 1.0) / (f64::from(u32::MAX) + 2.0);
        #[expect(clippy::cast_possible_truncation, reason = "days at most")]
        let wait_ms = (-fraction.ln() / per_second * 1_000.0) as i64;
        wait_ms.max(1)
    }
}
