//! Counts requests for rate limits, with the platform's rate limiters or in the isolate.
//!
//! Standard: docs/http.md, "Rate classes"; the Workers rate-limiting binding. `rate` decides what is counted
//! and what follows. No borrow of the counter lasts over an await. If a limiter fails or is late, the request
//! counts as within the limit.

use super::isolate::Isolate;
use super::{clock, crossing};
use crate::edge::rate::{AskedLimit, Fact, Question};
use crate::limits::RATE_LIMITER_TIMEOUT_MS;
use js_sys::Reflect;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use worker::{Env, console_warn};

/// Counts one request against all limits of `question`.
pub(super) async fn count(isolate: &Isolate, env: &Env, question: Question) -> Fact {
    isolate.addresses.set(isolate.addresses.get().and(question.has_address()));
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
