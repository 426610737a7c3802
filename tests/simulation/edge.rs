//! The data plane's shell: isolates, and the way of one request through list, record and gate.
//!
//! Mirrors `platform/sources.rs` and `guard` of `platform/gateway.rs` await for await. There is no location cache yet.

use crate::mutation::Mutation;
use crate::truth::Ask;
use crate::world::World;
use data_encoding::BASE64;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wayleave::freshness::{Found, ListHolder, Plan, Refresh, Source, Step, Terms};
use wayleave::gate::{self, Admission, Asked, OnUnknown, RecordFact, Unfit};
use wayleave::limits::{
    CLOCK_SKEW_MS, KV_READ_TIMEOUT_MS, LIST_KV_CACHE_TTL_SECONDS, LIST_WAIT_POLL_MS,
    RECORD_KV_CACHE_TTL_SECONDS, RECORDS_HELD_MAX_BYTES, REGISTRY_READ_TIMEOUT_MS,
};
use wayleave::list::{self, Delta, ListFault, Number};
use wayleave::origin::OriginEvidence;
use wayleave::record::{self, Record, VersionedRecord};
use wayleave::record_holder::RecordHolder;
use wayleave::registry::command::{Answer, Request};
use wayleave::time::UnixMillis;
use wayleave::token::{Serial, VerifiedToken};

/// As in `platform/gateway.rs`.
const RECORD_READS_MAX: usize = 3;

pub struct Isolate {
    pub name: String,
    pub location: usize,
    pub terms: Terms,
    pub bound_seconds: i64,
    /// Its clock minus true time.
    pub skew_ms: Cell<i64>,
    pub lists: RefCell<ListHolder>,
    records: RefCell<RecordHolder>,
    /// For the judges: when a source last failed it, and the registry's calls.
    pub kv_failed_at: Cell<i64>,
    pub registry_failed_at: Cell<i64>,
    pub list_calls: RefCell<Vec<ListCall>>,
    pub used_since: Cell<Option<i64>>,
    pub used_until: Cell<i64>,
    highest: Cell<Option<Number>>,
    /// A mutation only.
    leased: Cell<bool>,
}

/// A call for the list.
#[derive(Clone, Copy)]
pub struct ListCall {
    pub at: i64,
    pub answered: bool,
}

/// What became of a request.
pub enum Outcome {
    Admitted(Admission),
    Refused(wayleave::problem::Code),
    /// The list asks for a record that no source has.
    Undecided,
}

impl Isolate {
    pub fn start(world: &World, location: usize, bound_seconds: i64) -> Self {
        let number = world.isolates_started.get() + 1;
        world.isolates_started.set(number);
        let mut terms = Terms::from_bound(bound_seconds, true);
        if world.mutation == Some(Mutation::SkewForgotten) {
            terms.usable_ms = bound_seconds * 1_000;
        }
        let far = world.shape.far_clocks && world.chance.percent(30);
        let skew_ms = if far { world.chance.within(-3_600_000..=3_600_000) } else { world.draw_skew() };
        Self {
            name: format!("isolate {number} at {location}"),
            location,
            terms,
            bound_seconds,
            skew_ms: Cell::new(skew_ms),
            lists: RefCell::default(),
            records: RefCell::new(RecordHolder::new(RECORDS_HELD_MAX_BYTES)),
            kv_failed_at: Cell::new(0),
            registry_failed_at: Cell::new(0),
            list_calls: RefCell::default(),
            used_since: Cell::new(None),
            used_until: Cell::new(0),
            highest: Cell::new(None),
            leased: Cell::new(false),
        }
    }

    pub fn now(&self, world: &World) -> UnixMillis {
        UnixMillis(world.engine.now() + self.skew_ms.get())
    }
}

impl World {
    /// Awaits list and record, then decides; anew while the decision asks for a later record. Decision and forward are
    /// one synchronous stretch: no await stands between this answer and whoever judges it.
    pub async fn guard(self: &Rc<Self>, isolate: &Rc<Isolate>, token: VerifiedToken, ask: &Ask) -> Outcome {
        let serial = token.claims().serial;
        let began = isolate.now(self);
        self.list(isolate).await;
        let mut record = self.held_record(isolate, serial);
        for reads in 0..=RECORD_READS_MAX {
            let early = self.mutation == Some(Mutation::CheckedBeforeAwait);
            let now = if early { began } else { isolate.now(self) };
            let evidence = OriginEvidence { origin: Some(ask.site()), ..OriginEvidence::default() };
            let asked = Asked { audience: ask.audience(), evidence };
            let decided = {
                let (lists, terms) = (isolate.lists.borrow(), &isolate.terms);
                gate::decide(token, &lists, terms, OnUnknown::Refuse, &record, &asked, now)
            };
            match decided {
                Ok(admission) => return Outcome::Admitted(admission),
                Err(Unfit::Refused(code)) => return Outcome::Refused(code),
                Err(Unfit::NeedsRecord(_)) if reads == RECORD_READS_MAX => break,
                Err(Unfit::NeedsRecord(version)) => {
                    record = self.record(isolate, serial, version).await;
                    // The list may have run out meanwhile.
                    self.list(isolate).await;
                }
            }
        }
        Outcome::Undecided
    }

    /// Sees to it that memory holds the newest list that can be had in time.
    pub async fn list(self: &Rc<Self>, isolate: &Rc<Isolate>) {
        loop {
            let mut plan = isolate.lists.borrow_mut().plan(&isolate.terms, isolate.now(self));
            if self.mutation == Some(Mutation::LeaseNeverEnds) && isolate.leased.get() {
                plan = match plan {
                    Plan::Refresh => Plan::Wait,
                    Plan::UseAndRefresh => Plan::Use,
                    other => other,
                };
            }
            match plan {
                Plan::Use | Plan::Refuse => return,
                Plan::Refresh => return self.refresh_list(isolate).await,
                Plan::UseAndRefresh => {
                    let (world, isolate) = (Rc::clone(self), Rc::clone(isolate));
                    // `waitUntil` too may be cut off by the platform.
                    let cut_after =
                        self.misfortune(self.shape.cancelled).then(|| self.chance.within(0..=500));
                    let task = self.engine.spawn(async move { world.refresh_list(&isolate).await });
                    if let Some(ms) = cut_after {
                        self.cancel_in(task, ms);
                    }
                    return;
                }
                Plan::Wait => self.engine.sleep(LIST_WAIT_POLL_MS.into()).await,
            }
        }
    }

    async fn refresh_list(self: &Rc<Self>, isolate: &Rc<Isolate>) {
        isolate.leased.set(true);
        let terms = isolate.terms;
        let mut run = isolate.lists.borrow().refresh(&terms, self.chance.number());
        loop {
            let next = run.next(&mut isolate.lists.borrow_mut(), isolate.now(self));
            let Some(step) = next else { break };
            let found = match step {
                Step::Delta(Source::Location) => Found::Nothing,
                Step::Delta(Source::Kv) => self.list_of_kv(isolate).await,
                Step::Delta(Source::Registry) => self.list_of_registry(isolate).await,
                Step::Base(..) => Found::Nothing,
            };
            self.take(isolate, &mut run, found);
        }
        isolate.lists.borrow_mut().refreshed(&terms, isolate.now(self), self.chance.number());
        isolate.leased.set(false);
    }

    fn take(&self, isolate: &Isolate, run: &mut Refresh, found: Found) {
        let mut lists = isolate.lists.borrow_mut();
        let found = match (self.mutation, found) {
            (Some(Mutation::ClockOfRegistryIgnored), Found::Registry { read, asked_at, .. }) => {
                Found::Registry { read, registry_now: asked_at, asked_at }
            }
            (Some(Mutation::NumberOrderIgnored), Found::Copy(Ok(opened))) => {
                if lists.newest().is_some_and(|held| opened.delta.head.number < held.number()) {
                    *lists = ListHolder::default();
                }
                Found::Copy(Ok(opened))
            }
            (Some(Mutation::SkewForgotten), Found::Copy(Ok(mut opened))) => {
                let head = &mut opened.delta.head;
                head.next_update = head.next_update.plus_ms(CLOCK_SKEW_MS);
                Found::Copy(Ok(opened))
            }
            (_, found) => found,
        };
        run.take(&mut lists, found, isolate.now(self));
        let number = lists.newest().map(|list| list.number());
        self.log(|| format!("{}: holds {number:?}", isolate.name));
        self.judge_number(isolate, isolate.highest.replace(number), number);
    }

    async fn list_of_kv(self: &Rc<Self>, isolate: &Isolate) -> Found {
        match self.kv_get(isolate, list::KV_NAME, LIST_KV_CACHE_TTL_SECONDS).await {
            Some(bytes) => Found::Copy(Delta::open(&self.ring, &bytes)),
            None => Found::Nothing,
        }
    }

    async fn list_of_registry(self: &Rc<Self>, isolate: &Isolate) -> Found {
        let asked_at = isolate.now(self);
        let call = isolate.list_calls.borrow().len();
        isolate.list_calls.borrow_mut().push(ListCall { at: self.engine.now(), answered: false });
        match self.registry_call(isolate, Request::List { bound_seconds: isolate.bound_seconds }).await {
            Some(Answer::List { sealed, now }) => {
                isolate.list_calls.borrow_mut()[call].answered = true;
                let read = BASE64.decode(sealed.as_bytes()).map_err(|_| ListFault::Misshapen);
                let read = read.and_then(|bytes| Delta::open(&self.ring, &bytes));
                Found::Registry { read, registry_now: now, asked_at }
            }
            _ => Found::Nothing,
        }
    }

    /// The record of `serial` at `version` or a later one.
    async fn record(self: &Rc<Self>, isolate: &Isolate, serial: Serial, version: u32) -> RecordFact {
        let held = isolate.records.borrow_mut().get(serial);
        if let Some(held) = held.filter(|held| held.version >= version) {
            return RecordFact::Known(held);
        }
        let name = record::kv_name(serial, version);
        if let Some(bytes) = self.kv_get(isolate, &name, RECORD_KV_CACHE_TTL_SECONDS).await
            && let Some(fact) = self.hold(isolate, serial, version, &bytes)
        {
            return fact;
        }
        match self.registry_call(isolate, Request::Record { serial, version }).await {
            Some(Answer::Record { sealed: None }) => RecordFact::NoSuchToken,
            Some(Answer::Record { sealed: Some((version, sealed)) }) => BASE64
                .decode(sealed.as_bytes())
                .ok()
                .and_then(|bytes| self.hold(isolate, serial, version, &bytes))
                .unwrap_or(RecordFact::Unavailable),
            _ => RecordFact::Unavailable,
        }
    }

    fn held_record(&self, isolate: &Isolate, serial: Serial) -> RecordFact {
        isolate.records.borrow_mut().get(serial).map_or(RecordFact::NotRead, |held| self.known(held))
    }

    fn hold(&self, isolate: &Isolate, serial: Serial, version: u32, sealed: &[u8]) -> Option<RecordFact> {
        let opened = Record::open(&self.ring, serial, version, sealed).ok()?;
        Some(self.known(isolate.records.borrow_mut().hold(serial, opened, sealed.len())))
    }

    fn known(&self, held: Rc<VersionedRecord>) -> RecordFact {
        match self.mutation {
            Some(Mutation::RecordVersionIgnored) => {
                let record = held.record.clone();
                RecordFact::Known(Rc::new(VersionedRecord { version: u32::MAX, record, ..*held }))
            }
            _ => RecordFact::Known(held),
        }
    }

    /// One read of KV: late, failing, or old, as the weather is.
    async fn kv_get(self: &Rc<Self>, isolate: &Isolate, key: &str, ttl_seconds: u32) -> Option<Rc<[u8]>> {
        let (timeout_ms, began) = (i64::from(KV_READ_TIMEOUT_MS), self.engine.now());
        let down = self.weather.kv_down[isolate.location].get() > 0;
        let slow = self.misfortune(self.shape.kv_slow) || self.weather.slow.get() > 0;
        let took_ms = self.chance.within(if slow { 200..=3_000 } else { 1..=60 });
        if down || self.misfortune(self.shape.kv_fails) || took_ms > timeout_ms {
            isolate.kv_failed_at.set(began + took_ms.min(timeout_ms));
            self.engine.sleep(took_ms.min(timeout_ms)).await;
            return None;
        }
        let ttl_ms =
            i64::from(ttl_seconds) * if self.misfortune(self.shape.kv_stale) { 4_000 } else { 1_000 };
        // What is read may be what was there when the read began, or when it ended.
        let early_ms = if self.chance.percent(50) { 0 } else { took_ms };
        self.engine.sleep(early_ms).await;
        let value = self.kv.borrow_mut().get(isolate.location, key, ttl_ms, self.engine.now());
        self.engine.sleep(took_ms - early_ms).await;
        value
    }

    /// One call of a location to the registry.
    async fn registry_call(self: &Rc<Self>, isolate: &Isolate, request: Request) -> Option<Answer> {
        let (timeout_ms, began) = (i64::from(REGISTRY_READ_TIMEOUT_MS), self.engine.now());
        let slow = self.misfortune(self.shape.registry_slow) || self.weather.slow.get() > 0;
        let there_ms = self.chance.within(if slow { 100..=3_000 } else { 2..=100 });
        let back_ms = self.chance.within(if slow { 100..=3_000 } else { 2..=100 });
        let lost = self.misfortune(self.shape.registry_fails);
        self.engine.sleep(there_ms).await;
        let down =
            self.weather.registry_down.get() > 0 || self.weather.registry_away[isolate.location].get() > 0;
        let answer = if down { None } else { self.registry_answers(request) };
        let answer = answer.filter(|_| !lost && there_ms + back_ms <= timeout_ms);
        // An answer so late that its list ends before the next look is due is no better than none. While B is raised the
        // registry's own may be the larger, and its lists older than this location can use.
        let bound_ms = isolate.bound_seconds.min(self.control.bound_seconds.get()) * 1_000;
        let remade_ms = (self.control.bound_seconds.get() * 1_000 / 30).max(1_000);
        let next_look_ms = isolate.terms.retry_ms * 5 / 4;
        let late = there_ms + back_ms + remade_ms + next_look_ms + CLOCK_SKEW_MS + 100 > bound_ms;
        let ended = match (&answer, self.chance.percent(50)) {
            (Some(_), _) => began + there_ms + back_ms,
            (None, true) => self.engine.now(),
            (None, false) => began + timeout_ms,
        };
        self.log(|| {
            format!("{}: the registry {}", isolate.name, if answer.is_some() { "answers" } else { "fails" })
        });
        if answer.is_none() || late {
            isolate.registry_failed_at.set(ended);
        }
        self.engine.sleep(ended - self.engine.now()).await;
        answer
    }
}
