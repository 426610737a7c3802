//! The control plane's shell: reads an admin request, calls the registry and, where the core says so, the
//! usage shards, and renders their answers.
//!
//! Invariants: a request that the core answers by itself, such as one with a wrong admin key, causes no call
//! to the registry. A body over the limit is not kept in memory.
//! What it must not know: commands, roles, rules.
//! What a mistake costs: an acknowledgement without a commit. Only the registry's answer acknowledges.

use super::isolate::Isolate;
use super::{bindings, clock, crossing, registry_call, usage};
use crate::base::headers::Headers;
use crate::control::admin;
use crate::control::admin::{AdminRequest, Parsed, RequestBody};
use crate::control::registry::command::Call;
use crate::http::problem::{Code, Reason};
use crate::http::reply::Reply;
use crate::limits::{ADMIN_BODY_MAX_BYTES, REGISTRY_WRITE_TIMEOUT_MS};
use js_sys::Uint8Array;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use worker::Env;
use worker::web_sys::Request;

const HEADER_NAMES: &str =
    "authorization\ncookie\norigin\nsec-fetch-site\ncontent-type\nif-match\nidempotency-key";

/// Serves one call of the admin API.
pub(super) async fn serve(
    request: &Request,
    isolate: &Isolate,
    env: &Env,
    method: &str,
    path: &str,
    query: Option<&str>,
    own_origin: &str,
) -> Reply {
    let Ok(fields) = crossing::read_headers(request, HEADER_NAMES) else {
        return Reply::problem(Code::Internal);
    };
    let headers = Headers::read(HEADER_NAMES, &fields);
    let path = format!("{}{path}", admin::API_PATH);
    let mut admin_request = AdminRequest {
        method,
        path: &path,
        query,
        authorization: headers.get("authorization"),
        cookie: headers.get("cookie"),
        origin: headers.get("origin"),
        sec_fetch_site: headers.get("sec-fetch-site"),
        content_type: headers.get("content-type"),
        if_match: headers.get("if-match"),
        idempotency_key: headers.get("idempotency-key"),
        body: RequestBody::Bytes(&[]),
    };
    let context = isolate.config.admin_context(own_origin, clock::now());
    // Do not read the body of an unauthenticated caller.
    let bytes =
        if admin::wants_body(&admin_request, &context) { read_body(request).await } else { Some(Vec::new()) };
    admin_request.body = bytes.as_deref().map_or(RequestBody::TooLarge, RequestBody::Bytes);
    let reply = match admin::parse(&admin_request, &context) {
        Err(problem) => problem.into_reply(),
        Ok(Parsed::Answered(reply)) => reply,
        Ok(Parsed::Ask(call, rendering)) => {
            let registry = bindings::registry(env);
            match registry_call::call(&registry, &Call::Admin(call), REGISTRY_WRITE_TIMEOUT_MS).await {
                Some(answer) => {
                    let is_on_every_host = isolate.config.admin_api_is_on_every_host(own_origin);
                    let answer = admin::with_warnings_of_host(answer, is_on_every_host);
                    let calls = admin::usage_calls(&answer, &rendering, clock::now());
                    let seen = usage::seen(isolate, env, calls).await;
                    admin::render(answer, &rendering, seen, clock::now())
                }
                None => Reply::problem(Reason::NoAnswer),
            }
        }
    };
    match admin::delay_ms(&admin_request, &reply) {
        0 => {}
        // If the timer fails, the same reply is sent without the delay.
        delay_ms => drop(JsFuture::from(crossing::sleep(delay_ms)).await),
    }
    reply
}

/// The body; `None` when it is longer than the limit.
async fn read_body(request: &Request) -> Option<Vec<u8>> {
    let limit = u32::try_from(ADMIN_BODY_MAX_BYTES).unwrap_or(u32::MAX);
    let read = JsFuture::from(crossing::read_body(request, limit)).await.ok()?;
    read.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec)
}
