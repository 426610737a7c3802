//! The only strings that name bindings.

use worker::Env;
use worker::js_sys::Reflect;
use worker::wasm_bindgen::JsValue;

/// The KV namespace: `undefined` when it is not bound, and every read of it then fails.
pub fn kv(env: &Env) -> JsValue {
    binding(env, "KV")
}

/// The namespace of the registry's Durable Object.
pub fn registry(env: &Env) -> JsValue {
    binding(env, "REGISTRY")
}

/// The namespace of the usage shards: `undefined` when it is not bound, and nothing is counted then.
pub fn usage(env: &Env) -> JsValue {
    binding(env, "USAGE")
}

/// The dataset of Analytics Engine: `undefined` when it is not bound.
pub fn analytics(env: &Env) -> JsValue {
    binding(env, "ANALYTICS")
}

fn binding(env: &Env, name: &str) -> JsValue {
    Reflect::get(env.as_ref(), &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}
