//! Calls the registry's Durable Object: for the control plane, for cron, for usage shards, for relays, and
//! for a location that KV cannot help. Also calls relays.
//!
//! What it must not know: what is asked.
//! What a mistake costs: an acknowledgement without a commit. Only the registry's answer acknowledges.

use super::crossing;
use crate::control::registry::command::{Answer, Call};
use crate::edge::freshness::RelayName;
use js_sys::Promise;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen_futures::JsFuture;

/// Calls the registry; `None` when it does not answer in time.
pub(super) async fn call(registry: &JsValue, call: &Call, timeout_ms: u32) -> Option<Answer> {
    let body = serde_json::to_string(call).ok()?;
    read(crossing::object_call(registry, "registry", &body, timeout_ms, None)).await
}

/// Calls a relay; `None` when it does not answer in time.
pub(super) async fn call_relay(
    relays: &JsValue,
    relay: &RelayName,
    call: &Call,
    timeout_ms: u32,
) -> Option<Answer> {
    let body = serde_json::to_string(call).ok()?;
    read(crossing::object_call(relays, &relay.name, &body, timeout_ms, Some(relay.hint))).await
}

async fn read(called: Promise) -> Option<Answer> {
    let text = JsFuture::from(called).await.ok()?;
    serde_json::from_str(&text.as_string()?).ok()
}
