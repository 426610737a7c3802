//! The only place that names bindings.

use js_sys::Reflect;
use wasm_bindgen::JsValue;
use worker::Env;

/// The KV namespace; `undefined` when it is not bound, and then every read from it fails.
pub(super) fn kv(env: &Env) -> JsValue {
    binding(env, "KV")
}

/// The namespace of the registry's Durable Object.
pub(super) fn registry(env: &Env) -> JsValue {
    binding(env, "REGISTRY")
}

/// The namespace of the usage shards; `undefined` when it is not bound, and then nothing is counted.
pub(super) fn usage(env: &Env) -> JsValue {
    binding(env, "USAGE")
}

/// The namespace of the relays; `undefined` when it is not bound, and then isolates call the registry.
pub(super) fn relay(env: &Env) -> JsValue {
    binding(env, "RELAY")
}

/// Whether usage is counted, which needs bound shards.
pub(super) fn counts_usage(env: &Env) -> bool {
    !usage(env).is_undefined()
}

/// The dataset of Analytics Engine; `undefined` when it is not bound.
pub(super) fn analytics(env: &Env) -> JsValue {
    binding(env, "ANALYTICS")
}

fn binding(env: &Env, name: &str) -> JsValue {
    Reflect::get(env.as_ref(), &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}
