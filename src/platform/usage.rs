//! Transports usage between an isolate and the shards: counts go out in the background, answers to queries
//! come back.
//!
//! Standard: docs/lifecycle.md, "From isolate to shard". `usage` decides what is counted, and what is sent
//! and repeated when. This file only transports it.
//! Invariants: no request waits for a report, because reports are sent in `waitUntil`. No borrow of the
//! reporter is held across an await.
//! What a mistake costs: counts are late, lost or doubled. It cannot admit or refuse.

use super::isolate::Isolate;
use super::{bindings, clock, crossing, sources};
use crate::base::time::UnixMillis;
use crate::control::admin::UsageSeen;
use crate::formats::usage::counted::Counted;
use crate::formats::usage::reading::{ShardAnswer, ShardCall};
use crate::limits::{USAGE_READ_TIMEOUT_MS, USAGE_SEND_TIMEOUT_MS};
use crate::usage::{Next, Sender, Sending, analytics};
use js_sys::Promise;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use worker::web_sys::Request;
use worker::{Context, Env, console_warn};

/// Counts one request, and sends what is due in the background.
pub(super) fn count(
    isolate: &Rc<Isolate>,
    env: &Env,
    context: &Context,
    request: &Request,
    mut counted: Counted,
    now: UnixMillis,
) {
    let Some(usage) = &isolate.usage else { return };
    if let Some(refused) = &mut counted.refused {
        refused.location = sources::location(isolate, request);
    }
    let senders = {
        let mut reporter = usage.borrow_mut();
        reporter.count(counted, now);
        reporter.plan(now)
    };
    for sender in senders {
        let (isolate, shards) = (Rc::clone(isolate), bindings::usage(env));
        let (dataset, location) = (bindings::analytics(env), sources::location(&isolate, request));
        context.wait_until(async move { run(&isolate, sender, &shards, &dataset, &location).await });
    }
}

/// Does what `sender` says, to its end.
async fn run(isolate: &Isolate, mut sender: Sender, shards: &JsValue, dataset: &JsValue, location: &str) {
    let Some(usage) = &isolate.usage else { return };
    loop {
        // A statement of its own: a borrow in the head of `match` would last over the awaits.
        let next = sender.next(&mut usage.borrow_mut(), clock::now());
        match next {
            None => return,
            Some(Next::Wait(ms)) => {
                drop(JsFuture::from(crossing::sleep(u32::try_from(ms).unwrap_or(0))).await);
            }
            Some(Next::Send(sendings)) => {
                write(dataset, &sendings, location);
                send(isolate, shards, sendings).await;
            }
        }
    }
}

/// Queries shards for what an operator wants to see.
pub(super) async fn seen(isolate: &Isolate, env: &Env, calls: Vec<(u32, ShardCall)>) -> UsageSeen {
    if isolate.usage.is_none() {
        return UsageSeen::Off;
    }
    UsageSeen::Asked(ask(env, calls, USAGE_READ_TIMEOUT_MS).await)
}

/// Queries each shard; `None` for a shard that did not answer in time.
pub(super) async fn ask(
    env: &Env,
    calls: Vec<(u32, ShardCall)>,
    timeout_ms: u32,
) -> Vec<Option<ShardAnswer>> {
    let shards = bindings::usage(env);
    // All at the same time, each with its time limit.
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
            let call = ShardCall::Report(sending.report.clone());
            (call_shard(shards, sending.shard, &call, USAGE_SEND_TIMEOUT_MS), sending)
        })
        .collect();
    for (promise, sending) in under_way {
        if answer(promise).await == Some(ShardAnswer::Taken)
            && let Some(usage) = &isolate.usage
        {
            usage.borrow_mut().acknowledged(&sending);
        }
    }
}

/// Starts a call; `None` when it cannot be serialised.
fn call_shard(shards: &JsValue, shard: u32, call: &ShardCall, timeout_ms: u32) -> Option<Promise> {
    let body = serde_json::to_string(call).ok()?;
    Some(crossing::object_call(shards, &format!("usage-{shard}"), &body, timeout_ms, None))
}

async fn answer(promise: Option<Promise>) -> Option<ShardAnswer> {
    let text = JsFuture::from(promise?).await.ok()?;
    serde_json::from_str(&text.as_string()?).ok()
}

/// Writes counts that are sent for the first time to Analytics Engine, if that is bound.
fn write(dataset: &JsValue, sendings: &[Sending], location: &str) {
    if dataset.is_undefined() {
        return;
    }
    for point in analytics::points(sendings) {
        let blobs = format!("{}\n{}\n{location}", point.token, point.outcome);
        // Exact: counts of half a minute.
        let count = point.count as f64;
        if let Err(error) = crossing::write_data_point(dataset, &point.token, &blobs, count) {
            console_warn!("Analytics Engine did not accept a data point: {error:?}");
        }
    }
}
