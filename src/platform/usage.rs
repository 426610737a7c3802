//! Usage's way between an isolate and the shards: what was counted goes out off the request's path, what is asked comes back.
//!
//! Standard: DESIGN section 3. What is counted, and what is sent when, `usage` says; this file carries.
//! Invariants: no request waits for it: what is sent is sent by `waitUntil`; no borrow of the reporter outlives a synchronous
//! stretch; a report that fails is sent again by whoever comes next.
//! What a mistake costs: as in `usage`. It cannot admit or refuse.

use super::isolate::Isolate;
use super::{bindings, clock, crossing, sources};
use crate::admin::UsageSeen;
use crate::limits::{USAGE_READ_TIMEOUT_MS, USAGE_SEND_TIMEOUT_MS};
use crate::usage::reading::{Answer, Request as Call};
use crate::usage::{Counted, Plan, Sending, analytics};
use std::rc::Rc;
use worker::js_sys::Promise;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::Request;
use worker::{Context, Env, console_warn};

/// Whether usage is counted: shards are bound.
pub fn is_on(env: &Env) -> bool {
    !bindings::usage(env).is_undefined()
}

/// Counts one request, and sees to what is due.
pub fn count(isolate: &Rc<Isolate>, env: &Env, context: &Context, request: &Request, counted: Counted) {
    let Some(usage) = &isolate.usage else { return };
    let now = clock::now();
    let plan = {
        let mut reporter = usage.borrow_mut();
        reporter.count(counted, now);
        reporter.plan(now)
    };
    let Some(Plan { first_uses, freeze_in_ms }) = plan else { return };
    let shards = bindings::usage(env);
    if !first_uses.is_empty() {
        let (isolate, shards) = (Rc::clone(isolate), shards.clone());
        context.wait_until(async move { send(&isolate, &shards, first_uses).await });
    }
    if let Some(wait_ms) = freeze_in_ms {
        let (isolate, dataset) = (Rc::clone(isolate), bindings::analytics(env));
        let location = sources::location(&isolate, request);
        context.wait_until(async move {
            drop(JsFuture::from(crossing::sleep(u32::try_from(wait_ms).unwrap_or(0))).await);
            let Some(usage) = &isolate.usage else { return };
            let sendings = usage.borrow_mut().freeze(clock::now());
            write(&dataset, &sendings, &location);
            send(&isolate, &shards, sendings).await;
        });
    }
}

/// Asks shards for what an operator wants to see.
pub async fn seen(isolate: &Isolate, env: &Env, calls: Vec<(u32, Call)>) -> UsageSeen {
    if isolate.usage.is_none() {
        return UsageSeen::Off;
    }
    UsageSeen::Asked(ask(env, calls, USAGE_READ_TIMEOUT_MS).await)
}

/// Asks each shard; `None` for one that did not answer in time.
pub async fn ask(env: &Env, calls: Vec<(u32, Call)>, timeout_ms: u32) -> Vec<Option<Answer>> {
    let shards = bindings::usage(env);
    // All at once, each with its time limit.
    let asked: Vec<_> =
        calls.iter().map(|(shard, call)| call_shard(&shards, *shard, call, timeout_ms)).collect();
    let mut answers = Vec::new();
    for promise in asked {
        answers.push(answer(promise).await);
    }
    answers
}

async fn send(isolate: &Isolate, shards: &JsValue, sendings: Vec<Sending>) {
    let under_way: Vec<_> = sendings
        .into_iter()
        .map(|sending| {
            let call = Call::Report(sending.report.clone());
            (call_shard(shards, sending.shard, &call, USAGE_SEND_TIMEOUT_MS), sending)
        })
        .collect();
    for (promise, sending) in under_way {
        if answer(promise).await == Some(Answer::Taken)
            && let Some(usage) = &isolate.usage
        {
            usage.borrow_mut().acknowledged(&sending);
        }
    }
}

/// Starts a call; `None` when it cannot be written.
fn call_shard(shards: &JsValue, shard: u32, call: &Call, timeout_ms: u32) -> Option<Promise> {
    let body = serde_json::to_string(call).ok()?;
    Some(crossing::object_call(shards, &format!("usage-{shard}"), &body, timeout_ms))
}

async fn answer(promise: Option<Promise>) -> Option<Answer> {
    let text = JsFuture::from(promise?).await.ok()?;
    serde_json::from_str(&text.as_string()?).ok()
}

/// Writes what is sent for the first time to Analytics Engine, where it is bound.
fn write(dataset: &JsValue, sendings: &[Sending], location: &str) {
    if dataset.is_undefined() {
        return;
    }
    for point in analytics::points(sendings) {
        let blobs = format!("{}\n{}\n{location}", point.token, point.outcome);
        #[allow(clippy::cast_precision_loss)] // counts of half a minute
        let count = point.count as f64;
        if let Err(error) = crossing::write_data_point(dataset, &point.token, &blobs, count) {
            console_warn!("a data point was not taken: {error:?}");
        }
    }
}
