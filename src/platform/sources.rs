//! Where list and record come from: memory, KV, registry, in that order, each with a time limit.
//!
//! Standard: DESIGN sections 3 and 5. Which source is asked when, and what is taken, `freshness`, `list` and `record`
//! say; this file carries.
//! Invariants: no borrow of the isolate's cells outlives a synchronous stretch; a read that fails, is late, or does not
//! open counts as absent, and the next source is asked.
//! What a mistake costs: a needless 503. It cannot admit: the gate looks at everything anew after the last await.

use super::isolate::Isolate;
use super::{bindings, clock, crossing, entropy};
use crate::freshness::{Found, Plan, Source};
use crate::gate::RecordFact;
use crate::limits::{
    KV_READ_TIMEOUT_MS, LIST_KV_CACHE_TTL_SECONDS, LIST_WAIT_POLL_MS, RECORD_KV_CACHE_TTL_SECONDS,
    REGISTRY_READ_TIMEOUT_MS,
};
use crate::list::{self, ListFault, OpenedList, RevocationList};
use crate::record::{self, Record};
use crate::registry::command::{Answer, Request as Call};
use crate::token::Serial;
use data_encoding::BASE64;
use std::rc::Rc;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Context, Env, console_warn};

/// Sees to it that memory holds the newest list that can be had in time.
pub async fn list(isolate: &Rc<Isolate>, env: &Env, context: &Context) {
    loop {
        let plan = isolate.lists.borrow_mut().plan(&isolate.config.terms, clock::now());
        match plan {
            Plan::Use | Plan::Refuse => return,
            Plan::Refresh => return refresh_list(isolate, &Bindings::of(env)).await,
            Plan::UseAndRefresh => {
                let (isolate, bindings) = (Rc::clone(isolate), Bindings::of(env));
                context.wait_until(async move { refresh_list(&isolate, &bindings).await });
                return;
            }
            // Another request's promise must not be awaited here; its effect on memory is looked for instead.
            Plan::Wait => drop(JsFuture::from(crossing::sleep(LIST_WAIT_POLL_MS)).await),
        }
    }
}

/// The record of `serial` at `version` or a later one.
pub async fn record(isolate: &Isolate, env: &Env, serial: Serial, version: u32) -> RecordFact {
    let held = isolate.records.borrow_mut().get(serial);
    if let Some(held) = held.filter(|held| held.version >= version) {
        return RecordFact::Known(held);
    }
    let bindings = Bindings::of(env);
    let name = record::kv_name(serial, version);
    if let Some(bytes) = kv_bytes(&bindings.kv, &name, RECORD_KV_CACHE_TTL_SECONDS).await
        && let Some(fact) = hold(isolate, serial, version, &bytes)
    {
        return fact;
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

/// Calls the registry; `None` when it did not answer in time.
pub async fn call(registry: &JsValue, request: &Call, timeout_ms: u32) -> Option<Answer> {
    let body = serde_json::to_string(request).ok()?;
    let text = JsFuture::from(crossing::registry_call(registry, &body, timeout_ms)).await.ok()?;
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
    let mut run = isolate.lists.borrow().refresh(&terms, entropy::number());
    loop {
        // Statements of their own: a borrow in a condition would last over the await.
        let next = run.next(&isolate.lists.borrow(), clock::now());
        let Some(source) = next else { break };
        let found = match source {
            Source::Kv => list_of_kv(isolate, &bindings.kv).await,
            Source::Registry => list_of_registry(isolate, &bindings.registry).await,
        };
        isolate.lists.borrow_mut().take(found, clock::now());
    }
    isolate.lists.borrow_mut().refreshed(&terms, clock::now(), entropy::number());
}

async fn list_of_kv(isolate: &Isolate, kv: &JsValue) -> Found {
    match kv_bytes(kv, list::KV_NAME, LIST_KV_CACHE_TTL_SECONDS).await {
        Some(bytes) => Found::Kv(open_list(isolate, &bytes)),
        None => Found::Nothing,
    }
}

async fn list_of_registry(isolate: &Isolate, registry: &JsValue) -> Found {
    let asked_at = clock::now();
    match call(registry, &Call::List, REGISTRY_READ_TIMEOUT_MS).await {
        Some(Answer::List { sealed, now }) => {
            let read = BASE64.decode(sealed.as_bytes()).map_err(|_| ListFault::Misshapen);
            let read = read.and_then(|bytes| open_list(isolate, &bytes));
            Found::Registry { read, registry_now: now, asked_at }
        }
        _ => Found::Nothing,
    }
}

fn open_list(isolate: &Isolate, sealed: &[u8]) -> Result<OpenedList, ListFault> {
    let read = RevocationList::open(&isolate.config.ring, sealed);
    if let Err(fault) = &read {
        console_warn!("a revocation list was refused: {fault:?}");
    }
    read
}

/// Opens a record and keeps it, unless memory already holds a later version.
fn hold(isolate: &Isolate, serial: Serial, version: u32, sealed: &[u8]) -> Option<RecordFact> {
    match Record::open(&isolate.config.ring, serial, version, sealed) {
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

/// The bytes under `name`, or `None` when KV has none, failed or was late.
async fn kv_bytes(kv: &JsValue, name: &str, cache_ttl_seconds: u32) -> Option<Vec<u8>> {
    let read =
        JsFuture::from(crossing::kv_get(kv, name, cache_ttl_seconds, KV_READ_TIMEOUT_MS)).await.ok()?;
    read.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec)
}
