//! Traffic: requests with real tokens, some with forged ones, and the judges' verdict on each answer.

use crate::edge::{Isolate, Outcome};
use crate::settings;
use crate::truth::{Ask, Judge, Moment};
use crate::world::World;
use std::rc::Rc;
use wayleave::edge::reach::RestTerms;
use wayleave::formats::list::{KV_NAME, OpenedBase, base_kv_name};
use wayleave::formats::token::{Serial, UnverifiedToken};
use wayleave::http::problem::Code;
use wayleave::limits::{
    BASE_KV_CACHE_TTL_SECONDS, CLOCK_SKEW_MS, KV_READ_TIMEOUT_MS, LIST_KV_CACHE_TTL_SECONDS, LIST_LEASE_MS,
    LOCATION_CACHE_TIMEOUT_MS, REGISTRY_READ_TIMEOUT_MS, SOURCE_KNOWN_MS,
};

/// Longest refresh: the location's cache, a delta from KV and from the registry, a base from both twice; and
/// some time for the isolate itself.
const LOOK_TAKES_MAX_MS: i64 =
    LOCATION_CACHE_TIMEOUT_MS as i64 + (KV_READ_TIMEOUT_MS + REGISTRY_READ_TIMEOUT_MS) as i64 * 3 + 500;
/// Longest request: three refreshes of others until their leases end, one of its own, and three records at
/// 5 s.
const ANSWERED_WITHIN_MS: i64 = (LOOK_TAKES_MAX_MS + LIST_LEASE_MS) * 4 + 15_000;

impl World {
    pub(crate) fn spawn_traffic(self: &Rc<Self>) {
        let world = Rc::clone(self);
        self.engine.spawn(async move {
            let mean_ms = world.shape.lasts_ms / world.shape.requests;
            while !world.weather.calm.get() {
                // Many close together, some after a long silence.
                let silence = world.chance.percent(20);
                let wait_ms = world.chance.within(0..=if silence { mean_ms * 6 } else { mean_ms / 2 });
                world.engine.sleep(wait_ms).await;
                let serials: Vec<Serial> = world.truth.borrow().tokens.keys().copied().collect();
                if !serials.is_empty() && !world.weather.calm.get() {
                    world.spawn_request(world.chance.one_of(&serials));
                }
            }
        });
    }

    /// Requests after a change that must hold in `bound_ms`: some at any time until then, most near the end,
    /// when it matters.
    pub(crate) fn spawn_probes(self: &Rc<Self>, serial: Serial, bound_ms: i64) {
        for _ in 0..self.chance.within(4..=16) {
            let in_ms = match self.chance.index(3) {
                0 => self.chance.within(0..=bound_ms),
                1 => self.chance.within(bound_ms - 2_000..=bound_ms + 3_000),
                _ => self.chance.within(bound_ms..=bound_ms + 2_000),
            };
            let world = Rc::clone(self);
            self.engine.spawn(async move {
                world.engine.sleep(in_ms).await;
                world.spawn_request(serial);
            });
        }
    }

    /// One request at a random isolate; the platform may cancel it.
    pub(crate) fn spawn_request(self: &Rc<Self>, serial: Serial) {
        let isolate = self.any_isolate();
        self.spawn_request_at(&isolate, serial);
    }

    pub(crate) fn spawn_request_at(self: &Rc<Self>, isolate: &Rc<Isolate>, serial: Serial) {
        let Some(token) = self.truth.borrow().tokens.get(&serial).cloned() else { return };
        if self.chance.percent(3) {
            self.forge(&token.text);
        }
        // Mostly requests that the token allows.
        let policy = token.row.policy;
        let mut ask = self.draw_ask();
        for _ in 0..3 {
            if !policy.allows(&ask) {
                ask = self.draw_ask();
            }
        }
        let world = Rc::clone(self);
        let text = token.text;
        let at = Rc::clone(isolate);
        let request = self.engine.spawn(async move { world.request(&at, serial, &text, ask).await });
        if self.misfortune(self.shape.cancelled) {
            self.cut_off(isolate, request, self.chance.within(0..=500));
        }
    }

    pub(crate) fn draw_ask(&self) -> Ask {
        let (site, audience) =
            (self.chance.index(settings::SITES.len()), self.chance.index(settings::AUDIENCES.len()));
        Ask { site, audience, writes: self.chance.percent(30) }
    }

    pub(crate) fn any_isolate(&self) -> Rc<Isolate> {
        let isolates = self.isolates.borrow();
        let location = &isolates[self.chance.index(isolates.len())];
        // The platform gives requests to isolates that are awake. If there are none, a sleeping one is woken.
        let awake: Vec<_> =
            location.iter().filter(|isolate| isolate.asleep_until.get() <= self.engine.now()).collect();
        let from: Vec<_> = if awake.is_empty() { location.iter().collect() } else { awake };
        let isolate = Rc::clone(from[self.chance.index(from.len())]);
        isolate.asleep_until.set(isolate.asleep_until.get().min(self.engine.now()));
        isolate
    }

    async fn request(self: &Rc<Self>, isolate: &Rc<Isolate>, serial: Serial, text: &str, ask: Ask) {
        let began = self.engine.now();
        isolate.use_at(began);
        let token = UnverifiedToken::parse(text).unwrap().verify(&self.ring).unwrap();
        if wayleave::edge::decide::has_expired(&token.claims(), isolate.now(self)) {
            return self.judge(isolate, serial, &ask, &Outcome::Refused(Code::TokenExpired), began);
        }
        let world = Rc::clone(self);
        let watched = Rc::clone(isolate);
        let late = self.engine.spawn(async move {
            let mut awake_since = world.engine.now();
            while world.engine.now() - awake_since < ANSWERED_WITHIN_MS {
                world.engine.sleep(ANSWERED_WITHIN_MS).await;
                awake_since = awake_since.max(watched.asleep_until.get());
            }
            world.violated(Judge::Stuck, format!("{} does not answer", watched.name));
        });
        let watch = Watch { world: self, late };
        let outcome = self.guard(isolate, token, &ask).await;
        drop(watch);
        isolate.use_at(self.engine.now());
        self.judge(isolate, serial, &ask, &outcome, began);
    }

    fn judge(self: &Rc<Self>, isolate: &Isolate, serial: Serial, ask: &Ask, outcome: &Outcome, began: i64) {
        let at = Moment { ask, now: self.engine.now(), clock: isolate.now(self).0 };
        let what = |said: &str| format!("{} {said} {serial:?} for {ask:?}", isolate.name);
        match outcome {
            Outcome::Admitted(admission) => {
                self.log(|| what("admits"));
                self.counts.borrow_mut().admissions += 1;
                assert_eq!(admission.serial(), serial);
                if let Some(judge) = self.truth.borrow().admission(serial, at)
                    && !isolate.has_unseen_far_clock()
                {
                    let clock = isolate.skew_ms.get();
                    self.violated(judge, format!("{}, clock {clock:+} ms", what("admitted")));
                }
                self.count_admission(isolate, serial, at);
            }
            Outcome::Refused(Code::RevocationStatusUnknown) | Outcome::Undecided => {
                self.log(|| what("cannot tell of"));
                *self.counts.borrow_mut().refusals.entry("revocation_status_unknown").or_default() += 1;
                if let Some(why) = self.needless_unknown(isolate, began) {
                    self.violated(Judge::NeedlessUnknown, format!("{}: {why}", what("could tell of")));
                }
            }
            Outcome::Refused(code) => {
                self.log(|| format!("{} as {}", what("refuses"), code.code()));
                *self.counts.borrow_mut().refusals.entry(code.code()).or_default() += 1;
                // A superseded instance may not know a token made after it was superseded.
                let heard_old = *code == Code::TokenInvalid && isolate.log.old_answered_at.get() >= began;
                // A restored list names skipped serials as revoked. A registry that does not know of that
                // restore may issue them.
                let is_used_up = *code == Code::QuotaExceeded && self.is_used_up(serial, at.clock);
                let excused = is_used_up
                    || heard_old
                    || (*code == Code::TokenRevoked && self.goes_by_lost_list(isolate));
                if !excused && !self.truth.borrow().refusal(serial, *code, at) {
                    self.violated(Judge::FalseRefusal, format!("{} as {}", what("refused"), code.code()));
                }
            }
        }
    }

    /// Whether the list held has a number that the registry has not reached, because a restore undid it.
    fn goes_by_lost_list(&self, isolate: &Isolate) -> bool {
        let held = isolate.lists.borrow().newest().map(|list| list.number());
        self.truth.borrow().restores.count > 0 && held > Some(self.control.list_number())
    }

    /// Why a 503 was unnecessary, considering what happened to this isolate; `None` when it was necessary.
    fn needless_unknown(&self, isolate: &Isolate, began: i64) -> Option<&'static str> {
        // A refresh's result stands for some time, and the refresh itself took as long as its reads may. So
        // does what is known of a source that failed: it rests, and then is tried in the background.
        let rests_ms = RestTerms::registry(isolate.terms.bound_seconds).max_ms + SOURCE_KNOWN_MS;
        let since = began - isolate.terms.retry_ms * 5 / 4 - rests_ms - LOOK_TAKES_MAX_MS;
        let log = &isolate.log;
        // A superseded registry knows no later record than it had.
        if log.old_answered_at.get() >= since || isolate.asleep_until.get() >= since {
            return None;
        }
        // An isolate with a list from a lost period accepts no older list, and needs records that do not
        // exist.
        if log.unfit_at.get() >= since {
            return None;
        }
        if log.registry_failed_at.get() < since {
            return Some("the registry answered in time");
        }
        // The record may have been missing; then an available list does not help.
        isolate.lists.borrow().usable(&isolate.terms, isolate.now(self)).is_none().then_some(())?;
        let now = self.engine.now();
        let cached = self.caches.borrow().certain(isolate.location, since, now);
        if isolate.release.has_cache
            && log.cache_failed_at.get() < since
            && cached.is_some_and(|value| {
                self.needs_no_base(isolate, &value) && self.would_do(isolate, since, &value)
            })
        {
            return Some("the location's cache had a list that may be used");
        }
        if log.kv_failed_at.get() >= since || !isolate.terms.kv {
            return None;
        }
        let value = self.kv_certain(isolate, KV_NAME, LIST_KV_CACHE_TTL_SECONDS, since)?;
        self.would_do(isolate, since, &value).then_some("KV had a list that may be used")
    }

    fn kv_certain(&self, isolate: &Isolate, key: &str, ttl_seconds: u32, since: i64) -> Option<Rc<[u8]>> {
        let ttl_ms = i64::from(ttl_seconds) * 1_000;
        self.kv.borrow().certain(isolate.location, key, ttl_ms, since, self.engine.now())
    }

    /// Whether the delta completes a base in memory. A missing base is requested from KV and the registry,
    /// whatever the source of the delta.
    fn needs_no_base(&self, isolate: &Isolate, delta: &[u8]) -> bool {
        let held = isolate.lists.borrow().newest();
        self.open_delta(isolate, delta)
            .is_ok_and(|opened| held.is_some_and(|held| opened.delta.completes(held.base())))
    }

    /// Whether the isolate could have used this delta, with a base that it held or that KV had.
    fn would_do(&self, isolate: &Isolate, since: i64, delta: &[u8]) -> bool {
        let Ok(opened) = self.open_delta(isolate, delta) else { return false };
        let (head, now) = (&opened.delta.head, isolate.now(self));
        let held = isolate.lists.borrow().newest();
        let is_later =
            held.as_ref().is_none_or(|held| head.number > held.number() && !held.retires(opened.sealed_by));
        let is_fresh = (-CLOCK_SKEW_MS..isolate.terms.usable_ms).contains(&now.since_ms(head.this_update))
            && head.next_update.since_ms(now) > CLOCK_SKEW_MS;
        if isolate.skew_ms.get().abs() > 1_000 || !is_later || !is_fresh {
            return false;
        }
        if held.is_some_and(|held| opened.delta.completes(held.base())) {
            return true;
        }
        let ttl_seconds = BASE_KV_CACHE_TTL_SECONDS;
        let base = self.kv_certain(isolate, &base_kv_name(head.base), ttl_seconds, since);
        opened.delta.completes(&OpenedBase::empty(head.base.epoch))
            || (isolate.log.kv_failed_at.get() < since
                && base.is_some_and(|value| {
                    self.open_base(isolate, head.base, &value).is_ok_and(|base| opened.delta.completes(&base))
                }))
    }

    /// A token with one changed character must not verify.
    fn forge(&self, text: &str) {
        let mut bytes = text.as_bytes().to_vec();
        let at = 4 + self.chance.index(bytes.len() - 4);
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        self.counts.borrow_mut().forged += 1;
        let forged = String::from_utf8(bytes).unwrap();
        if UnverifiedToken::parse(&forged).is_some_and(|token| token.verify(&self.ring).is_some()) {
            self.violated(Judge::Forged, format!("{forged} verifies"));
        }
    }
}

/// Cancels the time limit when the request ends, in whatever way.
struct Watch<'a> {
    world: &'a Rc<World>,
    late: usize,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.world.engine.cancel(self.late);
    }
}
