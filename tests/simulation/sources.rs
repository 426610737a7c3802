//! An isolate's sources of the list: memory, the location's cache, KV, the registry; and its reports.
//!
//! Mirrors `platform/sources.rs` await for await.

use crate::edge::{Call, Isolate};
use crate::mutation::Mutation;
use crate::releases::{NEWEST, Reports, is_beyond};
use crate::world::World;
use base64::prelude::*;
use std::rc::Rc;
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::command::{Answer, Call as RegistryCall, ListAskedBy};
use wayleave::edge::freshness::{
    BaseSource, Fetch, Fetched, ListHolder, Refresh, RefreshPlan, Source, Taken,
};
use wayleave::edge::reach::State;
use wayleave::formats::list;
use wayleave::formats::list::{ListFault, Number, OpenedBase, OpenedDelta};
use wayleave::limits::{
    CLOCK_SKEW_MS, LIST_KV_CACHE_TTL_SECONDS, LIST_WAIT_POLL_MS, LOCATION_CACHE_TIMEOUT_MS,
    REGISTRY_READ_TIMEOUT_MS, REPORT_TIMEOUT_MS,
};

pub(crate) type Bytes = Rc<[u8]>;

/// KV failed, or did not answer in time.
pub(crate) struct KvFailed;

impl World {
    /// Makes memory hold the newest list that is available in time.
    pub(crate) async fn list(self: &Rc<Self>, isolate: &Rc<Isolate>) {
        loop {
            let mut plan = isolate.lists.borrow_mut().plan(&isolate.terms, isolate.now(self));
            if self.mutation() == Some(Mutation::LeaseNeverEnds) && isolate.leased.get() {
                plan = match plan {
                    RefreshPlan::Refresh => RefreshPlan::Wait,
                    RefreshPlan::UseAndRefresh => RefreshPlan::Use,
                    RefreshPlan::RefuseAndRefresh => RefreshPlan::Refuse,
                    other => other,
                };
            }
            match plan {
                RefreshPlan::Use | RefreshPlan::Refuse => return,
                RefreshPlan::Refresh => {
                    self.refresh_list(isolate).await;
                    let (world, isolate) = (Rc::clone(self), Rc::clone(isolate));
                    self.in_background(&isolate.clone(), async move { world.report(&isolate).await });
                    return;
                }
                RefreshPlan::UseAndRefresh | RefreshPlan::RefuseAndRefresh => {
                    let (world, isolate) = (Rc::clone(self), Rc::clone(isolate));
                    self.in_background(&isolate.clone(), async move {
                        world.refresh_list(&isolate).await;
                        world.report(&isolate).await;
                    });
                    return;
                }
                RefreshPlan::Wait => self.wait(isolate, LIST_WAIT_POLL_MS.into()).await,
            }
        }
    }

    /// `waitUntil`, which the platform may cancel as well.
    pub(crate) fn in_background(
        self: &Rc<Self>,
        isolate: &Isolate,
        task: impl Future<Output = ()> + 'static,
    ) {
        let cut_after = self.misfortune(self.shape.cancelled).then(|| self.chance.within(0..=500));
        let task = self.engine.spawn(task);
        if let Some(ms) = cut_after {
            self.cut_off(isolate, task, ms);
        }
    }

    async fn refresh_list(self: &Rc<Self>, isolate: &Rc<Isolate>) {
        isolate.leased.set(true);
        let (mut terms, began) = (isolate.terms, self.engine.now());
        let restores = self.truth.borrow().restores.count;
        if self.mutation() == Some(Mutation::RegistryAlwaysAsked) {
            terms.next_source_ms = 0;
        }
        let run = isolate.lists.borrow().refresh(&terms, isolate.now(self), self.chance.number());
        self.go_on(isolate, run, restores).await;
        if self.is_too_late(isolate, self.engine.now() - began) {
            isolate.log.registry_failed_at.set(self.engine.now());
        }
        if isolate.lists.borrow().usable(&terms, isolate.now(self)).is_none() {
            // The isolate could not use the answer, for example because an earlier release of the registry
            // does not know the call for bases.
            isolate.log.list_calls.borrow_mut().last_mut().into_iter().for_each(|call| call.answered = false);
        }
        isolate.lists.borrow_mut().refreshed(&terms, isolate.now(self), self.chance.number());
        isolate.leased.set(false);
    }

    /// Takes a list that the registry pushed, and fetches its base if memory lacks it. `restores`: how many
    /// there were when the call began.
    pub(crate) async fn take_pushed(
        self: &Rc<Self>,
        isolate: &Rc<Isolate>,
        pushed: Fetched,
        bytes: Option<Bytes>,
        restores: u32,
    ) {
        let mut run = isolate.lists.borrow().pushed(&isolate.terms);
        let taken = self.take(isolate, &mut run, pushed);
        isolate.lists.borrow_mut().push_taken(&isolate.terms, isolate.now(self));
        self.share(isolate, taken, bytes).await;
        self.go_on(isolate, run, restores).await;
    }

    /// Fetches what `run` asks for, until it has ended. `restores`: how many there were when its delta was
    /// asked for.
    async fn go_on(self: &Rc<Self>, isolate: &Rc<Isolate>, mut run: Refresh, restores: u32) {
        loop {
            let next = run.next(&mut isolate.lists.borrow_mut(), isolate.now(self));
            let Some(step) = next else { return };
            let registry_is_free = isolate.reach.borrow().registry.state(isolate.now(self)) == State::Free;
            let kv_timeout_ms = run.kv_timeout_ms(registry_is_free);
            let (found, bytes) = self.fetch(isolate, step, kv_timeout_ms).await;
            let taken = self.take(isolate, &mut run, found);
            let is_registrys_base = matches!(step, Fetch::Base(BaseSource::Registry, _));
            if is_registrys_base && taken == Taken::Nothing && self.truth.borrow().restores.count > restores {
                // Put back since it gave the delta, it has given the base's number to another one.
                self.excuse_restored(isolate);
            }
            if let Fetch::Delta(_) = step {
                self.share(isolate, taken, bytes).await;
            }
        }
    }

    async fn share(self: &Rc<Self>, isolate: &Isolate, taken: Taken, bytes: Option<Bytes>) {
        if let (Taken::Shareable, Some(bytes)) = (taken, bytes) {
            self.cache_put(isolate, bytes).await;
        }
    }

    /// Fetches what `step` asks for; a delta also as the bytes received.
    async fn fetch(
        self: &Rc<Self>,
        isolate: &Isolate,
        step: Fetch,
        kv_timeout_ms: u32,
    ) -> (Fetched, Option<Bytes>) {
        match step {
            Fetch::Delta(Source::Location) => self.copy(isolate, self.cache_get(isolate).await),
            Fetch::Delta(Source::Kv) => {
                let ttl_seconds = LIST_KV_CACHE_TTL_SECONDS;
                let read = self.kv_get(isolate, list::KV_NAME, ttl_seconds, kv_timeout_ms).await;
                self.copy(isolate, read.ok().flatten())
            }
            Fetch::Delta(Source::Registry) if self.asks_no_registry(isolate) => (Fetched::Nothing, None),
            Fetch::Delta(Source::Registry) => self.delta_of_registry(isolate).await,
            Fetch::Base(source, number) => (self.base(isolate, source, number, kv_timeout_ms).await, None),
        }
    }

    fn asks_no_registry(&self, isolate: &Isolate) -> bool {
        match self.mutation() {
            Some(Mutation::RegistryNotAsked) => true,
            Some(Mutation::EarlierAsksNoRegistry) => isolate.release != NEWEST,
            _ => false,
        }
    }

    fn copy(&self, isolate: &Isolate, bytes: Option<Bytes>) -> (Fetched, Option<Bytes>) {
        match bytes {
            Some(bytes) => (Fetched::Copy(self.open_delta(isolate, &bytes)), Some(bytes)),
            None => (Fetched::Nothing, None),
        }
    }

    async fn delta_of_registry(self: &Rc<Self>, isolate: &Isolate) -> (Fetched, Option<Bytes>) {
        let asked_at = isolate.now(self);
        let call = isolate.log.list_calls.borrow().len();
        isolate.log.list_calls.borrow_mut().push(Call { at: self.engine.now(), answered: false });
        let request =
            RegistryCall::List { bound_seconds: isolate.terms.bound_seconds, asked_by: ListAskedBy::Unnamed };
        let Some(Answer::List { sealed, now }) = self.ask_registry(isolate, request).await else {
            return (Fetched::Nothing, None);
        };
        let bytes: Option<Bytes> = BASE64_STANDARD.decode(sealed).ok().map(Into::into);
        let read =
            bytes.as_deref().map_or(Err(ListFault::Misshapen), |bytes| self.open_delta(isolate, bytes));
        let is_fit = read.as_ref().is_ok_and(|opened| !self.is_of_lost_time(isolate, opened));
        isolate.log.list_calls.borrow_mut()[call].answered = is_fit;
        self.judge_given(isolate, bytes.as_deref(), &read);
        (Fetched::Registry { read, registry_now: now, asked_at }, bytes)
    }

    /// Notes whether `isolate` can use a list that the registry gave.
    pub(crate) fn judge_given(
        &self,
        isolate: &Isolate,
        bytes: Option<&[u8]>,
        read: &Result<OpenedDelta, ListFault>,
    ) {
        let is_fit = read.as_ref().is_ok_and(|opened| !self.is_of_lost_time(isolate, opened));
        if let Some(bytes) = bytes.filter(|bytes| is_beyond(isolate, bytes)) {
            self.judge_answer(isolate, bytes);
        } else if !is_fit {
            self.excuse_restored(isolate);
        }
    }

    /// Whether the isolate knows a later list, or that the key is retired: then the registry has lost that.
    fn is_of_lost_time(&self, isolate: &Isolate, opened: &OpenedDelta) -> bool {
        let held = isolate.lists.borrow().newest();
        held.is_some_and(|held| held.number() > opened.delta.head.number || held.retires(opened.sealed_by))
    }

    /// The registry's answer was unusable, which only a restore explains.
    pub(crate) fn excuse_restored(&self, isolate: &Isolate) {
        if self.truth.borrow().restores.count > 0 {
            isolate.log.unfit_at.set(self.engine.now());
        }
    }

    /// The registry's list rests on a base that the isolate's release cannot have. It refreshes again soon,
    /// as after a failure.
    fn is_of_no_use(&self, isolate: &Isolate) {
        isolate.log.registry_failed_at.set(self.engine.now());
        isolate.log.list_calls.borrow_mut().last_mut().into_iter().for_each(|call| call.answered = false);
    }

    async fn base(
        self: &Rc<Self>,
        isolate: &Isolate,
        source: BaseSource,
        number: Number,
        kv_timeout_ms: u32,
    ) -> Fetched {
        let bytes = match source {
            BaseSource::Kv { cache_ttl_seconds } => {
                let name = list::base_kv_name(number);
                match self.kv_get(isolate, &name, cache_ttl_seconds, kv_timeout_ms).await {
                    Ok(Some(bytes)) => Some(bytes),
                    Ok(None) => return Fetched::Absent,
                    Err(KvFailed) => None,
                }
            }
            BaseSource::Registry if !isolate.release.asks_for_bases => {
                // Its code does not know this call.
                self.is_of_no_use(isolate);
                None
            }
            BaseSource::Registry => {
                match self.ask_registry(isolate, RegistryCall::Base { number }).await {
                    Some(Answer::Base { sealed: Some(sealed) }) => {
                        let bytes = BASE64_STANDARD.decode(sealed).unwrap();
                        self.judge_answer(isolate, &bytes);
                        if is_beyond(isolate, &bytes) {
                            self.is_of_no_use(isolate);
                        }
                        Some(bytes.into())
                    }
                    answer => {
                        // The registry had named this base, unless it was restored since.
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
        bytes.map_or(Fetched::Nothing, |bytes| Fetched::Base(self.open_base(isolate, number, &bytes)))
    }

    fn take(&self, isolate: &Isolate, run: &mut Refresh, found: Fetched) -> Taken {
        if let Fetched::Pushed { asked_at, held_ms, .. } = &found
            && self.is_too_late(isolate, isolate.now(self).since_ms(*asked_at) - i64::from(*held_ms))
        {
            isolate.log.registry_failed_at.set(self.engine.now());
        }
        let mut lists = isolate.lists.borrow_mut();
        let found = self.mutated_found(&mut lists, found);
        let was_off = lists.clock_is_off();
        let taken = run.take(&mut lists, found, isolate.now(self));
        if lists.clock_is_off() && !was_off {
            // The list held goes by that clock. The next one is looked for as after a failure.
            isolate.log.registry_failed_at.set(self.engine.now());
        }
        let number = lists.newest().map(|list| list.number());
        self.log(|| match lists.newest() {
            Some(list) => {
                let base = list.base().base.number();
                let (now, off) = (isolate.now(self), lists.clock_is_off());
                let age_ms = lists.age_ms(now).unwrap_or_default();
                let way = if off { ", its clock is off" } else { "" };
                format!("{}: holds {} over base {base}, {age_ms} ms old{way}", isolate.name, list.number())
            }
            None => format!("{}: holds nothing", isolate.name),
        });
        self.judge_number(isolate, isolate.highest.replace(number), number);
        taken
    }

    fn mutated_found(&self, lists: &mut ListHolder, found: Fetched) -> Fetched {
        match (self.mutation(), found) {
            (Some(Mutation::ClockOfRegistryIgnored), Fetched::Registry { read, asked_at, .. }) => {
                Fetched::Registry { read, registry_now: asked_at, asked_at }
            }
            (Some(Mutation::NumberOrderIgnored), Fetched::Copy(Ok(opened))) => {
                if lists.newest().is_some_and(|held| opened.delta.head.number < held.number()) {
                    *lists = ListHolder::default();
                }
                Fetched::Copy(Ok(opened))
            }
            (Some(Mutation::SkewForgotten), Fetched::Copy(Ok(mut opened))) => {
                opened.delta.head.next_update = opened.delta.head.next_update.plus_ms(CLOCK_SKEW_MS);
                Fetched::Copy(Ok(opened))
            }
            (Some(Mutation::AnyBaseTaken), Fetched::Copy(Ok(mut opened))) => {
                opened.delta.head.since_sha256 = held_base(lists, &opened);
                Fetched::Copy(Ok(opened))
            }
            (
                Some(Mutation::AnyBaseTaken),
                Fetched::Registry { read: Ok(mut opened), registry_now, asked_at },
            ) => {
                opened.delta.head.since_sha256 = held_base(lists, &opened);
                Fetched::Registry { read: Ok(opened), registry_now, asked_at }
            }
            (_, found) => found,
        }
    }

    /// Reports to the registry which list is held, when that is due.
    async fn report(self: &Rc<Self>, isolate: &Isolate) {
        let wait_ms = isolate.lists.borrow_mut().report_in_ms(isolate.now(self));
        let Some(wait_ms) = wait_ms else { return };
        if wait_ms > 0 {
            self.engine.sleep(wait_ms).await;
        }
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
        let request = RegistryCall::Report { location: isolate.location.to_string(), holding };
        self.send_report(isolate, request, now).await;
    }

    /// Sends a report to the relay of this isolate, or to the registry.
    pub(crate) async fn send_report(
        self: &Rc<Self>,
        isolate: &Isolate,
        report: RegistryCall,
        now: UnixMillis,
    ) {
        let by_relay = isolate.push.is_some_and(|push| isolate.subscription.borrow().uses_relay(&push, now));
        match by_relay {
            true => self.relay_call(isolate, report, REPORT_TIMEOUT_MS.into()).await,
            false => self.registry_call(isolate, report, REPORT_TIMEOUT_MS.into()).await,
        };
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
    pub(crate) async fn kv_get(
        self: &Rc<Self>,
        isolate: &Isolate,
        key: &str,
        ttl_seconds: u32,
        timeout_ms: u32,
    ) -> Result<Option<Bytes>, KvFailed> {
        let asked_at = isolate.now(self);
        let read = self.kv_read(isolate, key, ttl_seconds, timeout_ms.into()).await;
        let (now, random) = (isolate.now(self), self.chance.number());
        isolate.reach.borrow_mut().kv.ended(read.is_ok(), asked_at, now, random);
        read
    }

    async fn kv_read(
        self: &Rc<Self>,
        isolate: &Isolate,
        key: &str,
        ttl_seconds: u32,
        timeout_ms: i64,
    ) -> Result<Option<Bytes>, KvFailed> {
        let began = self.engine.now();
        self.counts.borrow_mut().kv_reads += 1;
        let took_ms = self.kv_read_takes();
        let down = self.weather.kv_down[isolate.location].get() > 0;
        if down || self.misfortune(self.shape.kv_fails) || took_ms > timeout_ms {
            isolate.log.kv_failed_at.set(began + took_ms.min(timeout_ms));
            self.wait(isolate, took_ms.min(timeout_ms)).await;
            return Err(KvFailed);
        }
        // A read may return the value at its beginning or at its end.
        let early_ms = if self.chance.percent(50) { 0 } else { took_ms };
        self.wait(isolate, early_ms).await;
        let ttl_ms = self.kv_cache_ms(ttl_seconds);
        let value = self.kv.borrow_mut().get(isolate.location, key, ttl_ms, self.engine.now());
        self.wait(isolate, took_ms - early_ms).await;
        Ok(value)
    }

    /// Whether a refresh took so long that its list ends before the next one is due, which is no better than
    /// no list.
    fn is_too_late(&self, isolate: &Isolate, took_ms: i64) -> bool {
        let bound_seconds = isolate.terms.bound_seconds.min(self.control.bound_seconds.get());
        // The list may have been made under a smaller bound that a deployment has raised since.
        let newest = isolate.lists.borrow().newest();
        let own_seconds = newest.map(|list| list.next_update().since_ms(list.this_update()) / 1_000);
        let bound_seconds = own_seconds.map_or(bound_seconds, |own| own.min(bound_seconds));
        let remade_ms = (bound_seconds * 1_000 / 30).max(1_000);
        let next_look_ms = isolate.terms.retry_ms * 5 / 4;
        took_ms + remade_ms + next_look_ms + CLOCK_SKEW_MS + 100 > bound_seconds * 1_000
    }

    /// Asks the registry for a list or a base, if it may be asked now.
    async fn ask_registry(self: &Rc<Self>, isolate: &Isolate, request: RegistryCall) -> Option<Answer> {
        self.mutate_reach(isolate);
        if !isolate.reach.borrow_mut().registry.may_ask(isolate.now(self)) {
            return None;
        }
        self.registry_read(isolate, request, REGISTRY_READ_TIMEOUT_MS).await
    }

    /// A read from the registry. What becomes of it is noted.
    pub(crate) async fn registry_read(
        self: &Rc<Self>,
        isolate: &Isolate,
        request: RegistryCall,
        timeout_ms: u32,
    ) -> Option<Answer> {
        let (asked_at, began) = (isolate.now(self), self.engine.now());
        self.judge_rest(isolate, began);
        let answer = self.registry_call(isolate, request, timeout_ms.into()).await;
        let (now, random) = (isolate.now(self), self.chance.number());
        isolate.reach.borrow_mut().registry.ended(answer.is_some(), asked_at, now, random);
        self.note_read(isolate, answer.is_some(), began);
        answer
    }

    /// One call of a location to the registry.
    pub(crate) async fn registry_call(
        self: &Rc<Self>,
        isolate: &Isolate,
        request: RegistryCall,
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
        let answer = if down { None } else { self.registry_answers(&[isolate], request).await };
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

/// SHA-256 of the base held; of the empty base when there is none.
fn held_base(lists: &ListHolder, opened: &OpenedDelta) -> [u8; 32] {
    let empty = || OpenedBase::empty(opened.delta.head.base.epoch).sha256;
    lists.newest().map_or_else(empty, |held| held.base().sha256)
}
