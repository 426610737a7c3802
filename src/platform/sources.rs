//! Reads the list from memory, the location's cache, KV and the registry, each with a time limit. Also
//! reports the lists held to the registry.
//!
//! Standard: docs/bound.md, "The refresh machine". `freshness`, `reach` and `list` decide which source is
//! asked when, and what is accepted; this file only transports.
//! Invariants: no borrow of the isolate's cells lasts over an await. A read that fails, is late or does not
//! open counts as absent, and the next source is asked.
//! What a mistake costs: a needless 503. It cannot admit: the gate checks everything again after the last
//! await.

use super::isolate::Isolate;
use super::registry_call::{call, call_relay};
use super::{bindings, clock, crossing, entropy};
use crate::base::time::UnixMillis;
use crate::control::registry::command::{Answer, Call, ListAskedBy};
use crate::edge::freshness::{BaseSource, Fetch, Fetched, Refresh, RefreshPlan, Source, Taken};
use crate::edge::reach::State;
use crate::formats::list;
use crate::formats::list::{Delta, ListFault, Number, OpenedBase, OpenedDelta};
use crate::limits::{
    LIST_KV_CACHE_TTL_SECONDS, LIST_WAIT_POLL_MS, LOCATION_CACHE_TIMEOUT_MS, REGISTRY_READ_TIMEOUT_MS,
    REPORT_TIMEOUT_MS,
};
use base64::prelude::*;
use js_sys::{Promise, Uint8Array};
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use worker::web_sys::Request;
use worker::{Context, Env, console_warn};

/// Makes memory hold the newest list that is available in time. Returns the time now: reading the clock once
/// more would be another crossing.
pub(super) async fn list(
    isolate: &Rc<Isolate>,
    env: &Env,
    context: &Context,
    request: &Request,
) -> UnixMillis {
    loop {
        let now = clock::now();
        let plan = isolate.lists.borrow_mut().plan(&isolate.config.edge.terms, now);
        match plan {
            RefreshPlan::Use | RefreshPlan::Refuse => return now,
            RefreshPlan::Refresh => {
                let asker = ListAsker::Isolate(location(isolate, request));
                let bindings = Bindings { asker, ..Bindings::of(env) };
                refresh_list(isolate, &bindings).await;
                // Reports are fire-and-forget.
                report(isolate, bindings, context, request);
                return clock::now();
            }
            RefreshPlan::UseAndRefresh | RefreshPlan::RefuseAndRefresh => {
                refresh_in_background(isolate, env, context, request);
                return now;
            }
            // Another request's promise must not be awaited here, so poll memory for its effect.
            RefreshPlan::Wait => drop(JsFuture::from(crossing::sleep(LIST_WAIT_POLL_MS)).await),
        }
    }
}

/// Refreshes a list that may be used, if that is due: what [`list()`] does then.
pub(super) fn refresh_if_due(
    isolate: &Rc<Isolate>,
    env: &Env,
    context: &Context,
    request: &Request,
    now: UnixMillis,
) {
    let plan = isolate.lists.borrow_mut().plan(&isolate.config.edge.terms, now);
    if plan == RefreshPlan::UseAndRefresh {
        refresh_in_background(isolate, env, context, request);
    }
}

fn refresh_in_background(isolate: &Rc<Isolate>, env: &Env, context: &Context, request: &Request) {
    let location = location(isolate, request);
    let asker = ListAsker::Isolate(location.clone());
    let (isolate, bindings) = (Rc::clone(isolate), Bindings { asker, ..Bindings::of(env) });
    context.wait_until(async move {
        refresh_list(&isolate, &bindings).await;
        send_report(&isolate, &bindings, location).await;
    });
}

/// Makes memory hold a list for `/_wayleave/health`, if it has none that may be used. Nothing is reported: an
/// uptime monitor is no sign of traffic.
pub(super) async fn list_for_health(isolate: &Isolate, env: &Env) {
    loop {
        let plan = isolate.lists.borrow_mut().plan_for_health(&isolate.config.edge.terms, clock::now());
        match plan {
            RefreshPlan::Refresh | RefreshPlan::UseAndRefresh | RefreshPlan::RefuseAndRefresh => {
                let bindings = Bindings { asker: ListAsker::Health, ..Bindings::of(env) };
                return refresh_list(isolate, &bindings).await;
            }
            RefreshPlan::Wait => drop(JsFuture::from(crossing::sleep(LIST_WAIT_POLL_MS)).await),
            RefreshPlan::Use | RefreshPlan::Refuse => return,
        }
    }
}

fn report(isolate: &Rc<Isolate>, bindings: Bindings, context: &Context, request: &Request) {
    let (isolate, location) = (Rc::clone(isolate), location(isolate, request));
    context.wait_until(async move { send_report(&isolate, &bindings, location).await });
}

/// Reports to the registry which list is held, when that is due. The next report makes up for a lost one.
async fn send_report(isolate: &Isolate, bindings: &Bindings, location: String) {
    let wait_ms = isolate.lists.borrow_mut().report_in_ms(clock::now());
    let Some(wait_ms) = wait_ms else { return };
    if wait_ms > 0 {
        drop(JsFuture::from(crossing::sleep(u32::try_from(wait_ms).unwrap_or(0))).await);
    }
    let now = clock::now();
    let due = isolate.lists.borrow().report(isolate.config.edge.ring.ids(), now);
    let Some(mut holding) = due else { return };
    holding.addresses = isolate.addresses.get().show();
    isolate.lists.borrow_mut().reported(now);
    let _lost_or_not = send(isolate, bindings, &Call::Report { location, holding }, now).await;
}

/// Sends a report to the relay of this isolate, or to the registry.
pub(super) async fn send(
    isolate: &Isolate,
    bindings: &Bindings,
    report: &Call,
    now: UnixMillis,
) -> Option<Answer> {
    match isolate.relay.get().filter(|_| reports_by_relay(isolate, now)) {
        Some(relay) => call_relay(&bindings.relays, relay, report, REPORT_TIMEOUT_MS).await,
        None => call(&bindings.registry, report, REPORT_TIMEOUT_MS).await,
    }
}

fn reports_by_relay(isolate: &Isolate, now: UnixMillis) -> bool {
    isolate.config.edge.push.is_some_and(|push| isolate.subscription.borrow().uses_relay(&push, now))
}

/// This location's name: the configured one, the platform's, or "local".
pub(super) fn location(isolate: &Isolate, request: &Request) -> String {
    let configured = isolate.config.location.clone();
    let named = configured.or_else(|| crossing::location_name(request).ok().flatten());
    named.unwrap_or_else(|| "local".to_owned())
}

/// The handles of one request. They must not outlive it.
pub(super) struct Bindings {
    pub kv: JsValue,
    pub registry: JsValue,
    pub relays: JsValue,
    asker: ListAsker,
}

/// For whom the registry is asked for a list.
enum ListAsker {
    /// Nobody asks for one.
    Nobody,
    /// An isolate at this location, for a request about a token.
    Isolate(String),
    Health,
}

impl Bindings {
    pub(super) fn of(env: &Env) -> Self {
        let (kv, registry, relays) = (bindings::kv(env), bindings::registry(env), bindings::relay(env));
        Self { kv, registry, relays, asker: ListAsker::Nobody }
    }
}

/// Runs one refresh, for the request that holds the lease.
async fn refresh_list(isolate: &Isolate, bindings: &Bindings) {
    let terms = isolate.config.edge.terms;
    let run = isolate.lists.borrow().refresh(&terms, clock::now(), entropy::number());
    go_on(isolate, bindings, run).await;
    isolate.lists.borrow_mut().refreshed(&terms, clock::now(), entropy::number());
}

/// Takes a list that the registry pushed, with its bytes as received. Fetches its base if memory lacks it.
pub(super) async fn take_pushed(
    isolate: &Isolate,
    bindings: &Bindings,
    pushed: Fetched,
    bytes: Option<Vec<u8>>,
) {
    let terms = isolate.config.edge.terms;
    let mut run = isolate.lists.borrow().pushed(&terms);
    let taken = run.take(&mut isolate.lists.borrow_mut(), pushed, clock::now());
    isolate.lists.borrow_mut().push_taken(&terms, clock::now());
    share(isolate, taken, bytes).await;
    go_on(isolate, bindings, run).await;
}

/// Fetches what `run` asks for, until it has ended.
async fn go_on(isolate: &Isolate, bindings: &Bindings, mut run: Refresh) {
    loop {
        // Separate statements: a borrow inside a condition would last over the await.
        let next = run.next(&mut isolate.lists.borrow_mut(), clock::now());
        let Some(step) = next else { return };
        let registry_is_free = isolate.reach.borrow().registry.state(clock::now()) == State::Free;
        let kv_timeout_ms = run.kv_timeout_ms(registry_is_free);
        let (found, bytes) = fetch(isolate, bindings, step, kv_timeout_ms).await;
        let taken = run.take(&mut isolate.lists.borrow_mut(), found, clock::now());
        if let Fetch::Delta(_) = step {
            share(isolate, taken, bytes).await;
        }
    }
}

/// Puts a delta that is new here into the location's cache.
async fn share(isolate: &Isolate, taken: Taken, bytes: Option<Vec<u8>>) {
    let (Taken::Shareable, Some(bytes)) = (taken, bytes) else { return };
    let max_age_seconds = isolate.config.edge.terms.location_cache_seconds();
    let (url, bytes) = (&isolate.config.location_cache_url, Uint8Array::from(&bytes[..]));
    let put = crossing::location_put(url, &bytes, max_age_seconds, LOCATION_CACHE_TIMEOUT_MS);
    drop(JsFuture::from(put).await);
}

/// Fetches what `step` asks for; a delta also as the bytes received.
async fn fetch(
    isolate: &Isolate,
    bindings: &Bindings,
    step: Fetch,
    kv_timeout_ms: u32,
) -> (Fetched, Option<Vec<u8>>) {
    match step {
        Fetch::Delta(Source::Location) => copy(isolate, location_bytes(isolate).await),
        Fetch::Delta(Source::Kv) => {
            let (name, cache_ttl_seconds) = (list::KV_NAME, LIST_KV_CACHE_TTL_SECONDS);
            let read = kv_value(isolate, &bindings.kv, name, cache_ttl_seconds, kv_timeout_ms).await;
            copy(isolate, if let KvValue::Bytes(bytes) = read { Some(bytes) } else { None })
        }
        Fetch::Delta(Source::Registry) => delta_of_registry(isolate, bindings).await,
        Fetch::Base(source, number) => (base(isolate, bindings, source, number, kv_timeout_ms).await, None),
    }
}

fn copy(isolate: &Isolate, bytes: Option<Vec<u8>>) -> (Fetched, Option<Vec<u8>>) {
    match bytes {
        Some(bytes) => (Fetched::Copy(open_delta(isolate, &bytes)), Some(bytes)),
        None => (Fetched::Nothing, None),
    }
}

async fn delta_of_registry(isolate: &Isolate, bindings: &Bindings) -> (Fetched, Option<Vec<u8>>) {
    let asked_at = clock::now();
    let asked_by = match &bindings.asker {
        // The registry knows an isolate behind a relay by what the relay reports.
        ListAsker::Isolate(_) if reports_by_relay(isolate, asked_at) => ListAskedBy::Unnamed,
        ListAsker::Nobody => ListAskedBy::Unnamed,
        ListAsker::Isolate(location) => {
            let held = isolate.lists.borrow().newest().map(|list| list.number());
            ListAskedBy::Isolate { location: location.clone(), isolate: isolate.number, held }
        }
        ListAsker::Health => ListAskedBy::Health,
    };
    let request = Call::List { bound_seconds: isolate.config.edge.terms.bound_seconds, asked_by };
    let answer = ask_registry(isolate, &bindings.registry, &request).await;
    let Some(Answer::List { sealed, now }) = answer else { return (Fetched::Nothing, None) };
    let bytes = BASE64_STANDARD.decode(sealed).ok();
    let read = bytes.as_deref().map_or(Err(ListFault::Misshapen), |bytes| open_delta(isolate, bytes));
    (Fetched::Registry { read, registry_now: now, asked_at }, bytes)
}

async fn base(
    isolate: &Isolate,
    bindings: &Bindings,
    source: BaseSource,
    number: Number,
    kv_timeout_ms: u32,
) -> Fetched {
    let bytes = match source {
        BaseSource::Kv { cache_ttl_seconds } => {
            let name = list::base_kv_name(number);
            match kv_value(isolate, &bindings.kv, &name, cache_ttl_seconds, kv_timeout_ms).await {
                KvValue::Bytes(bytes) => Some(bytes),
                KvValue::None => return Fetched::Absent,
                KvValue::Failed => None,
            }
        }
        BaseSource::Registry => {
            match ask_registry(isolate, &bindings.registry, &Call::Base { number }).await {
                Some(Answer::Base { sealed: Some(sealed) }) => BASE64_STANDARD.decode(sealed).ok(),
                _ => None,
            }
        }
    };
    let Some(bytes) = bytes else { return Fetched::Nothing };
    let read = OpenedBase::open(&isolate.config.edge.ring, number, &bytes);
    if let Err(fault) = &read {
        console_warn!("base {number} of the revocation list is not valid and is not used: {fault:?}");
    }
    Fetched::Base(read)
}

pub(super) fn open_delta(isolate: &Isolate, sealed: &[u8]) -> Result<OpenedDelta, ListFault> {
    let read = Delta::open(&isolate.config.edge.ring, sealed);
    if let Err(fault) = &read {
        console_warn!("a revocation list is not valid and is not used: {fault:?}");
    }
    read
}

/// The delta in the location's cache.
async fn location_bytes(isolate: &Isolate) -> Option<Vec<u8>> {
    let get = crossing::location_get(&isolate.config.location_cache_url, LOCATION_CACHE_TIMEOUT_MS);
    let read = JsFuture::from(get).await.ok()?;
    read.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec)
}

/// What KV has under a name.
pub(super) enum KvValue {
    Bytes(Vec<u8>),
    None,
    /// It failed or was late.
    Failed,
}

/// The value of KV under `name`. What became of the read is noted.
pub(super) async fn kv_value(
    isolate: &Isolate,
    kv: &JsValue,
    name: &str,
    cache_ttl_seconds: u32,
    timeout_ms: u32,
) -> KvValue {
    let asked_at = clock::now();
    kv_ended(isolate, asked_at, crossing::kv_get(kv, name, cache_ttl_seconds, timeout_ms)).await
}

/// What a read of KV gives that began at `asked_at`. What became of it is noted.
pub(super) async fn kv_ended(isolate: &Isolate, asked_at: UnixMillis, reading: Promise) -> KvValue {
    let value = match JsFuture::from(reading).await {
        Ok(value) if value.is_null() => KvValue::None,
        Ok(value) => {
            value.dyn_ref::<Uint8Array>().map_or(KvValue::Failed, |bytes| KvValue::Bytes(bytes.to_vec()))
        }
        Err(_) => KvValue::Failed,
    };
    let was_answered = !matches!(value, KvValue::Failed);
    isolate.reach.borrow_mut().kv.ended(was_answered, asked_at, clock::now(), entropy::number());
    value
}

/// Asks the registry for a list or a base, if it may be asked now. What became of the call is noted.
async fn ask_registry(isolate: &Isolate, registry: &JsValue, asked: &Call) -> Option<Answer> {
    let asked_at = clock::now();
    if !isolate.reach.borrow_mut().registry.may_ask(asked_at) {
        return None;
    }
    let answer = call(registry, asked, REGISTRY_READ_TIMEOUT_MS).await;
    let now = clock::now();
    isolate.reach.borrow_mut().registry.ended(answer.is_some(), asked_at, now, entropy::number());
    answer
}
