//! Who counts requests for the limits of tokens: the platform's rate limiters, else the isolate.
//!
//! Standard: DESIGN section 9; the Workers rate-limiting binding. What is counted, and what follows, `rate` says.
//! Invariants: no borrow of the counter outlives a synchronous stretch; a limiter that fails or is late counts as within.
//! What a mistake costs: as in `rate`.

use super::isolate::Isolate;
use super::{clock, crossing};
use crate::limits::RATE_LIMITER_TIMEOUT_MS;
use crate::rate::{AskedLimit, Fact, Question};
use worker::js_sys::Reflect;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Env, console_warn};

/// Counts one request.
pub async fn count(isolate: &Isolate, env: &Env, question: Question) -> Fact {
    for limit in question.limits() {
        let is_within = match &limit.binding {
            Some(binding) => is_within(env, binding, limit).await,
            None => isolate.rates.borrow_mut().take(limit, clock::now()),
        };
        if !is_within {
            return question.exceeded(clock::now());
        }
    }
    question.within()
}

async fn is_within(env: &Env, binding: &str, limit: &AskedLimit) -> bool {
    let limiter = Reflect::get(env.as_ref(), &JsValue::from_str(binding)).unwrap_or(JsValue::UNDEFINED);
    let said = JsFuture::from(crossing::rate_limit(&limiter, &limit.key, RATE_LIMITER_TIMEOUT_MS)).await;
    match said.ok().and_then(|said| said.as_bool()) {
        Some(is_within) => is_within,
        None => {
            console_warn!(
                "the rate limiter {binding} did not answer; the request counts as within its limit"
            );
            true
        }
    }
}
