//! Traffic: requests with real tokens, some with forged ones, and what the judges say of each answer.

use crate::edge::{Isolate, Outcome};
use crate::settings;
use crate::truth::{Ask, Judge};
use crate::world::World;
use std::rc::Rc;
use wayleave::limits::{CLOCK_SKEW_MS, LIST_KV_CACHE_TTL_SECONDS, LIST_LEASE_MS};
use wayleave::list::{Delta, KV_NAME};
use wayleave::problem::Code;
use wayleave::token::{Serial, UnverifiedToken};

/// The longest a request may take: three leases that others hold and let die, one of its own, and three records at 5 s.
const ANSWERED_WITHIN_MS: i64 = LIST_LEASE_MS * 4 + 15_000;

impl World {
    pub fn spawn_traffic(self: &Rc<Self>) {
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

    /// After a change that must hold in `bound_ms`: some at any time until then, most around then, when it matters.
    pub fn spawn_probes(self: &Rc<Self>, serial: Serial, bound_ms: i64) {
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

    /// One request at an isolate of its own choice; the platform may cut it off.
    pub fn spawn_request(self: &Rc<Self>, serial: Serial) {
        let isolate = self.any_isolate();
        let Some(token) = self.truth.borrow().tokens.get(&serial).cloned() else { return };
        if self.chance.percent(3) {
            self.forge(&token.text);
        }
        // Mostly what the token is for.
        let policy = token.now().policy;
        let mut ask = self.draw_ask();
        for _ in 0..3 {
            if !policy.has_site(&ask) || !policy.has_audience(&ask) {
                ask = self.draw_ask();
            }
        }
        let world = Rc::clone(self);
        let text = token.text;
        let request = self.engine.spawn(async move { world.request(&isolate, serial, &text, ask).await });
        if self.misfortune(self.shape.cancelled) {
            self.counts.borrow_mut().cancelled += 1;
            self.cancel_in(request, self.chance.within(0..=500));
        }
    }

    pub fn draw_ask(&self) -> Ask {
        let (site, audience) =
            (self.chance.index(settings::SITES.len()), self.chance.index(settings::AUDIENCES.len()));
        Ask { site, audience }
    }

    pub fn any_isolate(&self) -> Rc<Isolate> {
        let isolates = self.isolates.borrow();
        let location = &isolates[self.chance.index(isolates.len())];
        Rc::clone(&location[self.chance.index(location.len())])
    }

    async fn request(self: &Rc<Self>, isolate: &Rc<Isolate>, serial: Serial, text: &str, ask: Ask) {
        let began = self.engine.now();
        isolate.use_at(began);
        let token = UnverifiedToken::parse(text).unwrap().verify(&self.ring).unwrap();
        if wayleave::gate::has_expired(&token.claims(), isolate.now(self)) {
            return self.judge(isolate, serial, &ask, &Outcome::Refused(Code::TokenExpired), began);
        }
        let world = Rc::clone(self);
        let name = isolate.name.clone();
        let late = self.engine.spawn(async move {
            world.engine.sleep(ANSWERED_WITHIN_MS).await;
            world.violated(Judge::Stuck, format!("{name} does not answer"));
        });
        let watch = Watch { world: self, late };
        let outcome = self.guard(isolate, token, &ask).await;
        drop(watch);
        isolate.use_at(self.engine.now());
        self.judge(isolate, serial, &ask, &outcome, began);
    }

    fn judge(&self, isolate: &Isolate, serial: Serial, ask: &Ask, outcome: &Outcome, began: i64) {
        let (now, off_ms) = (self.engine.now(), isolate.skew_ms.get());
        let what = |said: &str| format!("{} {said} {serial:?} for {ask:?}", isolate.name);
        match outcome {
            Outcome::Admitted(admission) => {
                self.log(|| what("admits"));
                self.counts.borrow_mut().admissions += 1;
                assert_eq!(admission.serial(), serial);
                if let Some(judge) = self.truth.borrow().admission(serial, ask, now, off_ms) {
                    self.violated(judge, what("admitted"));
                }
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
                // A superseded instance may still say that a token made after its time is none.
                let excused = *code == Code::TokenInvalid && self.control.has_old();
                if !excused && !self.truth.borrow().refusal(serial, ask, *code, now, off_ms) {
                    self.violated(Judge::FalseRefusal, format!("{} as {}", what("refused"), code.code()));
                }
            }
        }
    }

    /// Why a 503 was not needed, from what the world did to this isolate; `None` when it was.
    fn needless_unknown(&self, isolate: &Isolate, began: i64) -> Option<&'static str> {
        // What a look found stands for so long after it; the look itself took as long as its lease.
        let since = began - isolate.terms.retry_ms * 5 / 4 - LIST_LEASE_MS;
        // A superseded registry knows no later record than it had.
        if self.control.old_answered_at.get() >= since {
            return None;
        }
        if isolate.registry_failed_at.get() < since {
            return Some("the registry answered in time");
        }
        if isolate.kv_failed_at.get() >= since || !isolate.terms.kv || self.control.has_old() {
            return None;
        }
        // A record may be what was lacking, and that KV has the list does not help then.
        isolate.lists.borrow().usable(&isolate.terms, isolate.now(self)).is_none().then_some(())?;
        let (ttl_ms, now) = (i64::from(LIST_KV_CACHE_TTL_SECONDS) * 1_000, isolate.now(self));
        let value = self.kv.borrow().certain(isolate.location, KV_NAME, ttl_ms, since, self.engine.now())?;
        let held = isolate.lists.borrow().newest().map(|list| list.number());
        let is_usable = Delta::open(&self.ring, &value).is_ok_and(|opened| {
            let until_next_update_ms = opened.delta.head.next_update.since_ms(now) - CLOCK_SKEW_MS;
            Some(opened.delta.head.number) > held
                && (-CLOCK_SKEW_MS..isolate.terms.usable_ms)
                    .contains(&now.since_ms(opened.delta.head.this_update))
                && until_next_update_ms > 0
        });
        is_usable.then_some("KV had a list that may be used")
    }

    /// A token with one character changed must not even verify.
    fn forge(&self, text: &str) {
        let mut bytes = text.as_bytes().to_vec();
        let at = 4 + self.chance.index(bytes.len() - 4);
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        self.counts.borrow_mut().forged += 1;
        let forged = String::from_utf8(bytes).unwrap();
        if UnverifiedToken::parse(&forged).is_ok_and(|token| token.verify(&self.ring).is_ok()) {
            self.violated(Judge::Forged, format!("{forged} verifies"));
        }
    }
}

/// Takes the alarm back when the request ends, in whatever way.
struct Watch<'a> {
    world: &'a Rc<World>,
    late: usize,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.world.engine.cancel(self.late);
    }
}
