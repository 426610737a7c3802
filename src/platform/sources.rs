//! Where list and record come from: memory, the location's cache, KV, the registry, each with a time limit; and what the
//! registry is told of the lists held.
//!
//! Standard: DESIGN sections 3 and 5. Which source is asked when, and what is taken, `freshness`, `list` and `record`
//! say; this file carries.
//! Invariants: no borrow of the isolate's cells outlives a synchronous stretch; a read that fails, is late, or does not
//! open counts as absent, and the next source is asked.
//! What a mistake costs: a needless 503. It cannot admit: the gate looks at everything anew after the last await.

use super::isolate::Isolate;
use super::{bindings, clock, crossing, entropy};
use crate::distribution;
use crate::family::FamilyId;
use crate::freshness::{Found, Plan, Source, Step, Taken};
use crate::gate::RecordFact;
use crate::gateway::FamilyFact;
use crate::limits::{
    BASE_KV_CACHE_TTL_SECONDS, FAMILY_KV_CACHE_TTL_SECONDS, KV_READ_TIMEOUT_MS, LIST_KV_CACHE_TTL_SECONDS,
    LIST_WAIT_POLL_MS, LOCATION_CACHE_TIMEOUT_MS, RECORD_KV_CACHE_TTL_SECONDS, REGISTRY_READ_TIMEOUT_MS,
    REPORT_TIMEOUT_MS,
};
use crate::list::{self, Delta, ListFault, Number, OpenedBase, OpenedDelta};
use crate::record::{self, Record, VersionedRecord};
use crate::registry::command::{Answer, Request as Call};
use crate::token::{Claims, Serial};
use data_encoding::BASE64;
use std::rc::Rc;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::Request;
use worker::{Context, Env, console_warn};

/// Sees to it that memory holds the newest list that can be had in time.
pub async fn list(isolate: &Rc<Isolate>, env: &Env, context: &Context, request: &Request) {
    loop {
        let plan = isolate.lists.borrow_mut().plan(&isolate.config.terms, clock::now());
        match plan {
            Plan::Use | Plan::Refuse => return,
            Plan::Refresh => {
                let bindings = Bindings::of(env);
                refresh_list(isolate, &bindings).await;
                // What is only told waits for nobody, and nobody for it.
                report(isolate, bindings, context, request);
                return;
            }
            Plan::UseAndRefresh => {
                let (isolate, bindings) = (Rc::clone(isolate), Bindings::of(env));
                let location = location(&isolate, request);
                context.wait_until(async move {
                    refresh_list(&isolate, &bindings).await;
                    send_report(&isolate, &bindings, location).await;
                });
                return;
            }
            // Another request's promise must not be awaited here; its effect on memory is looked for instead.
            Plan::Wait => drop(JsFuture::from(crossing::sleep(LIST_WAIT_POLL_MS)).await),
        }
    }
}

fn report(isolate: &Rc<Isolate>, bindings: Bindings, context: &Context, request: &Request) {
    let (isolate, location) = (Rc::clone(isolate), location(isolate, request));
    context.wait_until(async move { send_report(&isolate, &bindings, location).await });
}

/// Tells the registry which list is held, when that is due. One that does not arrive is made up for by the next.
async fn send_report(isolate: &Isolate, bindings: &Bindings, location: String) {
    let now = clock::now();
    let due = isolate.lists.borrow().report(isolate.config.ring.ids(), now);
    let Some(holding) = due else { return };
    isolate.lists.borrow_mut().reported(now);
    let _lost_or_not = call(&bindings.registry, &Call::Report { location, holding }, REPORT_TIMEOUT_MS).await;
}

/// What this location calls itself: the operator's word, the platform's, or "local".
pub fn location(isolate: &Isolate, request: &Request) -> String {
    let configured = isolate.config.location.clone();
    let named = configured.or_else(|| crossing::location_name(request).ok().flatten());
    named.unwrap_or_else(|| "local".to_owned())
}

/// The record of `serial` at `version` or a later one.
pub async fn record(isolate: &Isolate, env: &Env, serial: Serial, version: u32) -> RecordFact {
    let held = isolate.records.borrow_mut().get(serial);
    if let Some(held) = held.filter(|held| is_fit(isolate, serial, held) && held.version >= version) {
        return RecordFact::Known(held);
    }
    let bindings = Bindings::of(env);
    let name = record::kv_name(serial, version);
    if let Some(bytes) = kv_bytes(&bindings.kv, &name, RECORD_KV_CACHE_TTL_SECONDS).await
        && let Some(known @ RecordFact::Known(_)) = hold(isolate, serial, version, &bytes)
    {
        return known;
    }
    match call(&bindings.registry, &Call::Record { serial, version }, REGISTRY_READ_TIMEOUT_MS).await {
        Some(Answer::Record { sealed: None }) => RecordFact::NoSuchToken,
        Some(Answer::Record { sealed: Some((version, sealed)) }) => BASE64
            .decode(sealed.as_bytes())
            .ok()
            .and_then(|bytes| hold(isolate, serial, version, &bytes))
            .unwrap_or(RecordFact::Unavailable),
        _ => RecordFact::Unavailable,
    }
}

/// The record of `serial` that memory holds, whatever its version.
pub fn held_record(isolate: &Isolate, serial: Serial) -> RecordFact {
    isolate.records.borrow_mut().get(serial).map_or(RecordFact::NotRead, RecordFact::Known)
}

/// The token of a family: as the registry said a short while ago, as KV has it, as the registry says now. `outdated` is a name
/// that the gate refused: then only the registry knows better.
pub async fn family(isolate: &Isolate, env: &Env, family: &FamilyId, outdated: Option<Claims>) -> FamilyFact {
    let held = isolate.families.borrow_mut().get(family, clock::now());
    if let Some(held) = held.filter(|held| outdated.is_none() || *held != outdated) {
        return held.map_or(FamilyFact::NamesNone, FamilyFact::Names);
    }
    let bindings = Bindings::of(env);
    if outdated.is_none()
        && let Some(named) = family_of_kv(isolate, &bindings.kv, family).await
    {
        return FamilyFact::Names(named);
    }
    let asked = Call::CurrentToken { family: family.as_str().to_owned() };
    match call(&bindings.registry, &asked, REGISTRY_READ_TIMEOUT_MS).await {
        Some(Answer::CurrentToken(named)) => {
            isolate.families.borrow_mut().hold(family.clone(), named, clock::now());
            named.map_or(FamilyFact::NamesNone, FamilyFact::Names)
        }
        _ => FamilyFact::Unavailable,
    }
}

async fn family_of_kv(isolate: &Isolate, kv: &JsValue, family: &FamilyId) -> Option<Claims> {
    let bytes = kv_bytes(kv, &distribution::kv_name(family), FAMILY_KV_CACHE_TTL_SECONDS).await?;
    let (named, sealed_by) = distribution::open(&isolate.config.ring, family, &bytes)?;
    let newest = isolate.lists.borrow().newest();
    newest.is_none_or(|list| !list.retires(sealed_by)).then_some(named)
}

/// Calls the registry; `None` when it did not answer in time.
pub async fn call(registry: &JsValue, request: &Call, timeout_ms: u32) -> Option<Answer> {
    let body = serde_json::to_string(request).ok()?;
    let text = JsFuture::from(crossing::object_call(registry, "registry", &body, timeout_ms)).await.ok()?;
    serde_json::from_str(&text.as_string()?).ok()
}

/// The handles of one request: they must not outlive it.
struct Bindings {
    kv: JsValue,
    registry: JsValue,
}

impl Bindings {
    fn of(env: &Env) -> Self {
        Self { kv: bindings::kv(env), registry: bindings::registry(env) }
    }
}

/// One run through the sources, for whoever holds the lease.
async fn refresh_list(isolate: &Isolate, bindings: &Bindings) {
    let terms = isolate.config.terms;
    let mut run = isolate.lists.borrow().refresh(&terms, clock::now(), entropy::number());
    loop {
        // Statements of their own: a borrow in a condition would last over the await.
        let next = run.next(&mut isolate.lists.borrow_mut(), clock::now());
        let Some(step) = next else { break };
        let (found, bytes) = fetch(isolate, bindings, step).await;
        let taken = run.take(&mut isolate.lists.borrow_mut(), found, clock::now());
        if let (Taken::Shareable, Step::Delta(_), Some(bytes)) = (taken, step, bytes) {
            let (url, max_age_seconds) = (&isolate.config.location_cache_url, terms.location_cache_seconds());
            let bytes = Uint8Array::from(&bytes[..]);
            let put = crossing::location_put(url, &bytes, max_age_seconds, LOCATION_CACHE_TIMEOUT_MS);
            drop(JsFuture::from(put).await);
        }
    }
    isolate.lists.borrow_mut().refreshed(&terms, clock::now(), entropy::number());
}

/// What the source gave, and a delta's bytes as they came.
async fn fetch(isolate: &Isolate, bindings: &Bindings, step: Step) -> (Found, Option<Vec<u8>>) {
    match step {
        Step::Delta(Source::Location) => copy(isolate, location_bytes(isolate).await),
        Step::Delta(Source::Kv) => {
            copy(isolate, kv_bytes(&bindings.kv, list::KV_NAME, LIST_KV_CACHE_TTL_SECONDS).await)
        }
        Step::Delta(Source::Registry) => delta_of_registry(isolate, &bindings.registry).await,
        Step::Base(source, number) => (base(isolate, bindings, source, number).await, None),
    }
}

fn copy(isolate: &Isolate, bytes: Option<Vec<u8>>) -> (Found, Option<Vec<u8>>) {
    match bytes {
        Some(bytes) => (Found::Copy(open_delta(isolate, &bytes)), Some(bytes)),
        None => (Found::Nothing, None),
    }
}

async fn delta_of_registry(isolate: &Isolate, registry: &JsValue) -> (Found, Option<Vec<u8>>) {
    let asked_at = clock::now();
    let request = Call::List { bound_seconds: isolate.config.bound_seconds };
    let Some(Answer::List { sealed, now }) = call(registry, &request, REGISTRY_READ_TIMEOUT_MS).await else {
        return (Found::Nothing, None);
    };
    let bytes = BASE64.decode(sealed.as_bytes()).ok();
    let read = bytes.as_deref().map_or(Err(ListFault::Misshapen), |bytes| open_delta(isolate, bytes));
    (Found::Registry { read, registry_now: now, asked_at }, bytes)
}

async fn base(isolate: &Isolate, bindings: &Bindings, source: Source, number: Number) -> Found {
    let bytes = match source {
        Source::Kv => kv_bytes(&bindings.kv, &list::base_kv_name(number), BASE_KV_CACHE_TTL_SECONDS).await,
        Source::Location | Source::Registry => {
            match call(&bindings.registry, &Call::Base { number }, REGISTRY_READ_TIMEOUT_MS).await {
                Some(Answer::Base { sealed: Some(sealed) }) => BASE64.decode(sealed.as_bytes()).ok(),
                _ => None,
            }
        }
    };
    let Some(bytes) = bytes else { return Found::Nothing };
    let read = OpenedBase::open(&isolate.config.ring, number, &bytes);
    if let Err(fault) = &read {
        console_warn!("the base {number} of the revocation list was refused: {fault:?}");
    }
    Found::Base(read)
}

fn open_delta(isolate: &Isolate, sealed: &[u8]) -> Result<OpenedDelta, ListFault> {
    let read = Delta::open(&isolate.config.ring, sealed);
    if let Err(fault) = &read {
        console_warn!("a revocation list was refused: {fault:?}");
    }
    read
}

/// The bytes in the location's cache.
async fn location_bytes(isolate: &Isolate) -> Option<Vec<u8>> {
    let get = crossing::location_get(&isolate.config.location_cache_url, LOCATION_CACHE_TIMEOUT_MS);
    let read = JsFuture::from(get).await.ok()?;
    read.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec)
}

/// Opens a record and keeps it, unless memory already holds a later version.
fn hold(isolate: &Isolate, serial: Serial, version: u32, sealed: &[u8]) -> Option<RecordFact> {
    match Record::open(&isolate.config.ring, serial, version, sealed) {
        // Sealed by a key that was retired since, or overtaken by a list that names a later version: it is asked for again.
        Ok(opened) if !is_fit(isolate, serial, &opened) => Some(RecordFact::NotRead),
        Ok(opened) => {
            let held = isolate.records.borrow_mut().hold(serial, opened, sealed.len());
            Some(RecordFact::Known(held))
        }
        Err(_) => {
            isolate.records_refused.set(isolate.records_refused.get().saturating_add(1));
            console_warn!("a record read as {} was refused", record::kv_name(serial, version));
            None
        }
    }
}

/// Whether the newest list lets `record` be used.
fn is_fit(isolate: &Isolate, serial: Serial, record: &VersionedRecord) -> bool {
    isolate.lists.borrow().newest().is_none_or(|list| list.allows(serial, record))
}

/// The bytes under `name`, or `None` when KV has none, failed or was late.
async fn kv_bytes(kv: &JsValue, name: &str, cache_ttl_seconds: u32) -> Option<Vec<u8>> {
    let read =
        JsFuture::from(crossing::kv_get(kv, name, cache_ttl_seconds, KV_READ_TIMEOUT_MS)).await.ok()?;
    read.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec)
}
