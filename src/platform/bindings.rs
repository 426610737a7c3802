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

fn binding(env: &Env, name: &str) -> JsValue {
    Reflect::get(env.as_ref(), &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}
