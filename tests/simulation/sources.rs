//! Where an isolate gets list and record: memory, the location's cache, KV, the registry; and what it reports.
//!
//! Mirrors `platform/sources.rs` await for await.

use crate::edge::{Call, Isolate};
use crate::mutation::Mutation;
use crate::releases::{NEWEST, Reports, is_beyond};
use crate::world::World;
use data_encoding::BASE64;
use std::rc::Rc;
use wayleave::freshness::{Found, ListHolder, Plan, Refresh, Source, Step, Taken};
use wayleave::gate::RecordFact;
use wayleave::limits::{
    BASE_KV_CACHE_TTL_SECONDS, CLOCK_SKEW_MS, KV_READ_TIMEOUT_MS, LIST_KV_CACHE_TTL_SECONDS,
    LIST_WAIT_POLL_MS, LOCATION_CACHE_TIMEOUT_MS, RECORD_KV_CACHE_TTL_SECONDS, REGISTRY_READ_TIMEOUT_MS,
    REPORT_TIMEOUT_MS,
};
use wayleave::list::{self, ListFault, Number, OpenedBase, OpenedDelta};
use wayleave::record::{self, VersionedRecord};
use wayleave::registry::command::{Answer, Request};
use wayleave::token::Serial;

type Bytes = Rc<[u8]>;

impl World {
    /// Sees to it that memory holds the newest list that can be had in time.
    pub async fn list(self: &Rc<Self>, isolate: &Rc<Isolate>) {
        loop {
            let mut plan = isolate.lists.borrow_mut().plan(&isolate.terms, isolate.now(self));
            if self.mutation() == Some(Mutation::LeaseNeverEnds) && isolate.leased.get() {
                plan = match plan {
                    Plan::Refresh => Plan::Wait,
                    Plan::UseAndRefresh => Plan::Use,
                    other => other,
                };
            }
            match plan {
                Plan::Use | Plan::Refuse => return,
                Plan::Refresh => {
                    self.refresh_list(isolate).await;
                    let (world, isolate) = (Rc::clone(self), Rc::clone(isolate));
                    self.in_background(&isolate.clone(), async move { world.report(&isolate).await });
                    return;
                }
                Plan::UseAndRefresh => {
                    let (world, isolate) = (Rc::clone(self), Rc::clone(isolate));
                    self.in_background(&isolate.clone(), async move {
                        world.refresh_list(&isolate).await;
                        world.report(&isolate).await;
                    });
                    return;
                }
                Plan::Wait => self.wait(isolate, LIST_WAIT_POLL_MS.into()).await,
            }
        }
    }

    /// `waitUntil`, which the platform may cut off too.
    fn in_background(self: &Rc<Self>, isolate: &Isolate, task: impl Future<Output = ()> + 'static) {
        let cut_after = self.misfortune(self.shape.cancelled).then(|| self.chance.within(0..=500));
        let task = self.engine.spawn(task);
        if let Some(ms) = cut_after {
            self.cut_off(isolate, task, ms);
        }
    }

    async fn refresh_list(self: &Rc<Self>, isolate: &Rc<Isolate>) {
        isolate.leased.set(true);
        let (mut terms, began) = (isolate.terms, self.engine.now());
        if self.mutation() == Some(Mutation::RegistryAlwaysAsked) {
            terms.next_source_ms = 0;
        }
        let mut run = isolate.lists.borrow().refresh(&terms, isolate.now(self), self.chance.number());
        loop {
            let next = run.next(&mut isolate.lists.borrow_mut(), isolate.now(self));
            let Some(step) = next else { break };
            let (found, bytes) = self.fetch(isolate, step).await;
            let taken = self.take(isolate, &mut run, found);
            if let (Taken::Shareable, Step::Delta(_), Some(bytes)) = (taken, step, bytes) {
                self.cache_put(isolate, bytes).await;
            }
        }
        if self.is_too_late(isolate, self.engine.now() - began) {
            isolate.log.registry_failed_at.set(self.engine.now());
        }
        if isolate.lists.borrow().usable(&terms, isolate.now(self)).is_none() {
            // What it was given it could not use: a base that an earlier release of the registry does not know, say.
            isolate.log.list_calls.borrow_mut().last_mut().into_iter().for_each(|call| call.answered = false);
        }
        isolate.lists.borrow_mut().refreshed(&terms, isolate.now(self), self.chance.number());
        isolate.leased.set(false);
    }

    /// What the source gave, and a delta's bytes as they came.
    async fn fetch(self: &Rc<Self>, isolate: &Isolate, step: Step) -> (Found, Option<Bytes>) {
        match step {
            Step::Delta(Source::Location) => self.copy(isolate, self.cache_get(isolate).await),
            Step::Delta(Source::Kv) => {
                self.copy(isolate, self.kv_get(isolate, list::KV_NAME, LIST_KV_CACHE_TTL_SECONDS).await)
            }
            Step::Delta(Source::Registry) if self.asks_no_registry(isolate) => (Found::Nothing, None),
            Step::Delta(Source::Registry) => self.delta_of_registry(isolate).await,
            Step::Base(source, number) => (self.base(isolate, source, number).await, None),
        }
    }

    fn asks_no_registry(&self, isolate: &Isolate) -> bool {
        match self.mutation() {
            Some(Mutation::RegistryNotAsked) => true,
            Some(Mutation::EarlierAsksNoRegistry) => isolate.release != NEWEST,
            _ => false,
        }
    }

    fn copy(&self, isolate: &Isolate, bytes: Option<Bytes>) -> (Found, Option<Bytes>) {
        match bytes {
            Some(bytes) => (Found::Copy(self.open_delta(isolate, &bytes)), Some(bytes)),
            None => (Found::Nothing, None),
        }
    }

    async fn delta_of_registry(self: &Rc<Self>, isolate: &Isolate) -> (Found, Option<Bytes>) {
        let asked_at = isolate.now(self);
        let call = isolate.log.list_calls.borrow().len();
        isolate.log.list_calls.borrow_mut().push(Call { at: self.engine.now(), answered: false });
        let request = Request::List { bound_seconds: isolate.terms.bound_seconds };
        let Some(Answer::List { sealed, now }) = self.registry_read(isolate, request).await else {
            return (Found::Nothing, None);
        };
        let bytes: Option<Bytes> = BASE64.decode(sealed.as_bytes()).ok().map(Into::into);
        let read =
            bytes.as_deref().map_or(Err(ListFault::Misshapen), |bytes| self.open_delta(isolate, bytes));
        let is_fit = read.as_ref().is_ok_and(|opened| !self.is_of_lost_time(isolate, opened));
        isolate.log.list_calls.borrow_mut()[call].answered = is_fit;
        if let Some(bytes) = bytes.as_deref().filter(|bytes| is_beyond(isolate, bytes)) {
            self.judge_answer(isolate, bytes);
        } else if !is_fit {
            self.excuse_restored(isolate);
        }
        (Found::Registry { read, registry_now: now, asked_at }, bytes)
    }

    /// Whether the isolate knows a later list, or that the key is retired: the registry has lost that.
    fn is_of_lost_time(&self, isolate: &Isolate, opened: &OpenedDelta) -> bool {
        let held = isolate.lists.borrow().newest();
        held.is_some_and(|held| held.number() > opened.delta.head.number || held.retires(opened.sealed_by))
    }

    /// What the registry gave was of no use, which only a restore explains.
    fn excuse_restored(&self, isolate: &Isolate) {
        if self.truth.borrow().restores.count > 0 {
            isolate.log.unfit_at.set(self.engine.now());
        }
    }

    /// The registry's list rests on a base that the isolate's release cannot have: it looks again soon, as after a failure.
    fn is_of_no_use(&self, isolate: &Isolate) {
        isolate.log.registry_failed_at.set(self.engine.now());
        isolate.log.list_calls.borrow_mut().last_mut().into_iter().for_each(|call| call.answered = false);
    }

    async fn base(self: &Rc<Self>, isolate: &Isolate, source: Source, number: Number) -> Found {
        let bytes = match source {
            Source::Kv => self.kv_get(isolate, &list::base_kv_name(number), BASE_KV_CACHE_TTL_SECONDS).await,
            Source::Location | Source::Registry if !isolate.release.asks_for_bases => {
                // Its code knows no such call.
                self.is_of_no_use(isolate);
                None
            }
            Source::Location | Source::Registry => {
                match self.registry_read(isolate, Request::Base { number }).await {
                    Some(Answer::Base { sealed: Some(sealed) }) => {
                        let bytes = BASE64.decode(sealed.as_bytes()).unwrap();
                        self.judge_answer(isolate, &bytes);
                        if is_beyond(isolate, &bytes) {
                            self.is_of_no_use(isolate);
                        }
                        Some(bytes.into())
                    }
                    answer => {
                        // It had named this base: unless it was put back since.
                        if answer.is_some() {
                            self.excuse_restored(isolate);
                        }
                        None
                    }
                }
            }
        };
        self.log(|| {
            let got = if bytes.is_some() { "got" } else { "did not get" };
            format!("{}: {got} base {number} of {source:?}", isolate.name)
        });
        bytes.map_or(Found::Nothing, |bytes| Found::Base(self.open_base(isolate, number, &bytes)))
    }

    fn take(&self, isolate: &Isolate, run: &mut Refresh, found: Found) -> Taken {
        let mut lists = isolate.lists.borrow_mut();
        let found = self.mutated_found(&mut lists, found);
        let taken = run.take(&mut lists, found, isolate.now(self));
        let number = lists.newest().map(|list| list.number());
        self.log(|| match lists.newest() {
            Some(list) => {
                let base = list.base().base.number();
                format!("{}: holds {} over base {base}", isolate.name, list.number())
            }
            None => format!("{}: holds nothing", isolate.name),
        });
        self.judge_number(isolate, isolate.highest.replace(number), number);
        taken
    }

    fn mutated_found(&self, lists: &mut ListHolder, found: Found) -> Found {
        match (self.mutation(), found) {
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
                opened.delta.head.next_update = opened.delta.head.next_update.plus_ms(CLOCK_SKEW_MS);
                Found::Copy(Ok(opened))
            }
            (Some(Mutation::AnyBaseTaken), Found::Copy(Ok(mut opened))) => {
                opened.delta.head.since_sha256 = held_base(lists, &opened);
                Found::Copy(Ok(opened))
            }
            (
                Some(Mutation::AnyBaseTaken),
                Found::Registry { read: Ok(mut opened), registry_now, asked_at },
            ) => {
                opened.delta.head.since_sha256 = held_base(lists, &opened);
                Found::Registry { read: Ok(opened), registry_now, asked_at }
            }
            (_, found) => found,
        }
    }

    /// Tells the registry which list is held, when that is due.
    async fn report(self: &Rc<Self>, isolate: &Isolate) {
        let now = isolate.now(self);
        let due = isolate.lists.borrow().report(self.ring.ids(), now);
        let Some(mut holding) = due.filter(|_| isolate.release.reports != Reports::Nothing) else { return };
        if isolate.release.reports == Reports::ListAlone {
            (holding.keys, holding.retired) = (vec![], vec![]);
        }
        if self.mutation() == Some(Mutation::RetirementsNotTold) {
            holding.retired.clear();
        }
        isolate.lists.borrow_mut().reported(now);
        isolate.log.reports.borrow_mut().push(self.engine.now());
        let request = Request::Report { location: isolate.location.to_string(), holding };
        self.registry_call(isolate, request, REPORT_TIMEOUT_MS.into()).await;
    }

    /// The record of `serial` at `version` or a later one.
    pub async fn record(self: &Rc<Self>, isolate: &Isolate, serial: Serial, version: u32) -> RecordFact {
        let held = isolate.records.borrow_mut().get(serial);
        if let Some(held) = held.filter(|held| is_fit(isolate, serial, held) && held.version >= version) {
            return self.known(held);
        }
        let name = record::kv_name(serial, version);
        if let Some(bytes) = self.kv_get(isolate, &name, RECORD_KV_CACHE_TTL_SECONDS).await
            && let Some(known @ RecordFact::Known(_)) = self.hold(isolate, serial, version, &bytes)
        {
            return known;
        }
        match self.registry_read(isolate, Request::Record { serial, version }).await {
            Some(Answer::Record { sealed: None }) => RecordFact::NoSuchToken,
            Some(Answer::Record { sealed: Some((given, sealed)) }) => {
                let bytes = BASE64.decode(sealed.as_bytes()).unwrap();
                if is_beyond(isolate, &bytes) {
                    self.judge_answer(isolate, &bytes);
                    if self.mutation() == Some(Mutation::LaterRecordTakenAsNone) {
                        return RecordFact::NoSuchToken;
                    }
                }
                let known = self.hold(isolate, serial, given, &bytes).unwrap_or(RecordFact::Unavailable);
                let is_of_use = given >= version && matches!(known, RecordFact::Known(_));
                if !is_of_use && !is_beyond(isolate, &bytes) {
                    self.excuse_restored(isolate);
                }
                known
            }
            _ => RecordFact::Unavailable,
        }
    }

    fn hold(&self, isolate: &Isolate, serial: Serial, version: u32, sealed: &[u8]) -> Option<RecordFact> {
        let opened = self.open_record(isolate, serial, version, sealed).ok()?;
        if !is_fit(isolate, serial, &opened) {
            return Some(RecordFact::NotRead);
        }
        Some(self.known(isolate.records.borrow_mut().hold(serial, opened, sealed.len())))
    }

    /// One read of the location's cache.
    async fn cache_get(self: &Rc<Self>, isolate: &Isolate) -> Option<Bytes> {
        if !isolate.release.has_cache {
            return None;
        }
        let began = self.engine.now();
        let timeout_ms = i64::from(LOCATION_CACHE_TIMEOUT_MS);
        let slow = self.weather.slow.get() > 0;
        let took_ms = self.chance.within(if slow { 50..=600 } else { 0..=10 });
        let fails = self.misfortune(self.shape.cache_fails) || took_ms > timeout_ms;
        let mut value = self.caches.borrow().get(isolate.location, began);
        if self.misfortune(self.shape.cache_lies) {
            value = self.caches.borrow().any_earlier(isolate.location, &self.chance);
            isolate.log.cache_failed_at.set(began);
        }
        if fails {
            isolate.log.cache_failed_at.set(began + took_ms.min(timeout_ms));
            value = None;
        }
        self.wait(isolate, took_ms.min(timeout_ms)).await;
        value
    }

    async fn cache_put(self: &Rc<Self>, isolate: &Isolate, bytes: Bytes) {
        if !isolate.release.has_cache {
            return;
        }
        self.wait(isolate, self.chance.within(0..=10)).await;
        if !self.misfortune(self.shape.cache_fails) {
            let ttl_ms = i64::from(isolate.terms.location_cache_seconds()) * 1_000;
            self.caches.borrow_mut().put(isolate.location, bytes, ttl_ms, self.engine.now());
        }
    }

    /// One read of KV, within its time limit.
    async fn kv_get(self: &Rc<Self>, isolate: &Isolate, key: &str, ttl_seconds: u32) -> Option<Bytes> {
        let (timeout_ms, began) = (i64::from(KV_READ_TIMEOUT_MS), self.engine.now());
        self.counts.borrow_mut().kv_reads += 1;
        let took_ms = self.kv_read_takes();
        let down = self.weather.kv_down[isolate.location].get() > 0;
        if down || self.misfortune(self.shape.kv_fails) || took_ms > timeout_ms {
            isolate.log.kv_failed_at.set(began + took_ms.min(timeout_ms));
            self.wait(isolate, took_ms.min(timeout_ms)).await;
            return None;
        }
        // What is read may be what was there when the read began, or when it ended.
        let early_ms = if self.chance.percent(50) { 0 } else { took_ms };
        self.wait(isolate, early_ms).await;
        let ttl_ms = self.kv_cache_ms(ttl_seconds);
        let value = self.kv.borrow_mut().get(isolate.location, key, ttl_ms, self.engine.now());
        self.wait(isolate, took_ms - early_ms).await;
        value
    }

    /// A look that took so long that its list ends before the next one is due is no better than none.
    fn is_too_late(&self, isolate: &Isolate, took_ms: i64) -> bool {
        let bound_seconds = isolate.terms.bound_seconds.min(self.control.bound_seconds.get());
        // A list may have been made under a smaller bound, which a deploy has raised since.
        let newest = isolate.lists.borrow().newest();
        let own_seconds = newest.map(|list| list.next_update().since_ms(list.this_update()) / 1_000);
        let bound_seconds = own_seconds.map_or(bound_seconds, |own| own.min(bound_seconds));
        let remade_ms = (bound_seconds * 1_000 / 30).max(1_000);
        let next_look_ms = isolate.terms.retry_ms * 5 / 4;
        took_ms + remade_ms + next_look_ms + CLOCK_SKEW_MS + 100 > bound_seconds * 1_000
    }

    async fn registry_read(self: &Rc<Self>, isolate: &Isolate, request: Request) -> Option<Answer> {
        self.registry_call(isolate, request, REGISTRY_READ_TIMEOUT_MS.into()).await
    }

    /// One call of a location to the registry.
    async fn registry_call(
        self: &Rc<Self>,
        isolate: &Isolate,
        request: Request,
        timeout_ms: i64,
    ) -> Option<Answer> {
        let began = self.engine.now();
        self.counts.borrow_mut().registry_calls += 1;
        let slow = self.misfortune(self.shape.registry_slow) || self.weather.slow.get() > 0;
        let there_ms = self.chance.within(if slow { 100..=3_000 } else { self.shape.registry_ms() });
        let back_ms = self.chance.within(if slow { 100..=3_000 } else { self.shape.registry_ms() });
        let lost = self.misfortune(self.shape.registry_fails);
        self.wait(isolate, there_ms).await;
        let location = isolate.location;
        let down = self.weather.registry_down.get() > 0 || self.weather.registry_away[location].get() > 0;
        let answer = if down { None } else { self.registry_answers(isolate, request).await };
        let took_ms = self.engine.now() + back_ms - began;
        let answer = answer.filter(|_| !lost && took_ms <= timeout_ms);
        let ended = match (&answer, self.chance.percent(50)) {
            (Some(_), _) => began + took_ms,
            (None, true) => self.engine.now(),
            (None, false) => began + timeout_ms,
        };
        self.log(|| {
            format!("{}: the registry {}", isolate.name, if answer.is_some() { "answers" } else { "fails" })
        });
        if answer.is_none()
            || matches!(answer, Some(Answer::Refused(_)))
            || self.is_too_late(isolate, took_ms)
        {
            isolate.log.registry_failed_at.set(ended);
        }
        self.wait(isolate, ended - self.engine.now()).await;
        answer
    }
}

/// SHA-256 of the base held: the empty one when there is none.
fn held_base(lists: &ListHolder, opened: &OpenedDelta) -> [u8; 32] {
    let empty = || OpenedBase::empty(opened.delta.head.base.epoch).sha256;
    lists.newest().map_or_else(empty, |held| held.base().sha256)
}

/// Whether the newest list lets `record` be used.
fn is_fit(isolate: &Isolate, serial: Serial, record: &VersionedRecord) -> bool {
    isolate.lists.borrow().newest().is_none_or(|list| list.allows(serial, record))
}
