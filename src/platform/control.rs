//! The control plane's shell: reads an admin request, asks the registry, and usage shards where the core says so, renders their
//! answers.
//!
//! Invariants: a request that the core answers by itself, a wrong admin key above all, causes no registry call; a body
//! over the cap is not held.
//! What it must not know: commands, roles, rules.
//! What a mistake costs: an acknowledgement without a commit. The registry's answer alone acknowledges.

use super::isolate::Isolate;
use super::{bindings, clock, crossing, sources, usage};
use crate::admin::{self, AdminRequest, Body, Parsed};
use crate::headers::Headers;
use crate::limits::{ADMIN_BODY_MAX_BYTES, REGISTRY_WRITE_TIMEOUT_MS};
use crate::problem::Code;
use crate::registry::command::Request as Call;
use crate::reply::Reply;
use worker::Env;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsCast;
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::Request;

const HEADER_NAMES: &str =
    "authorization\ncookie\norigin\nsec-fetch-site\ncontent-type\nif-match\nidempotency-key";

/// Serves one call of the admin API.
pub async fn serve(
    request: &Request,
    isolate: &Isolate,
    env: &Env,
    method: &str,
    path: &str,
    query: Option<&str>,
    own_origin: &str,
) -> Reply {
    let Ok(text) = crossing::read_request(request, HEADER_NAMES) else {
        return Reply::problem(Code::Internal);
    };
    let fields = text.splitn(3, '\n').nth(2).unwrap_or_default();
    let headers = Headers::read(HEADER_NAMES, fields);
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
        body: Body::Bytes(&[]),
    };
    let context = isolate.config.admin_context(own_origin, clock::now());
    // A stranger's body is not waited for.
    let bytes =
        if admin::wants_body(&admin_request, &context) { read_body(request).await } else { Some(Vec::new()) };
    admin_request.body = bytes.as_deref().map_or(Body::TooLarge, Body::Bytes);
    let reply = match admin::parse(&admin_request, &context) {
        Err(problem) => problem.into_reply(),
        Ok(Parsed::Answered(reply)) => reply,
        Ok(Parsed::Ask(call, rendering)) => {
            let registry = bindings::registry(env);
            match sources::call(&registry, &Call::Admin(call), REGISTRY_WRITE_TIMEOUT_MS).await {
                Some(answer) => {
                    let calls = admin::usage_calls(&answer, &rendering, clock::now());
                    let seen = usage::seen(isolate, env, calls).await;
                    admin::render(answer, &rendering, seen, clock::now())
                }
                None => Reply::problem(Code::RegistryUnavailable),
            }
        }
    };
    match admin::delay_ms(&admin_request, &reply) {
        0 => {}
        // A rejected timer holds nothing back; the answer is the same.
        delay_ms => drop(JsFuture::from(crossing::sleep(delay_ms)).await),
    }
    reply
}

/// The body, or `None` when it is longer than the cap.
async fn read_body(request: &Request) -> Option<Vec<u8>> {
    let limit = u32::try_from(ADMIN_BODY_MAX_BYTES).unwrap_or(u32::MAX);
    let read = JsFuture::from(crossing::read_body(request, limit)).await.ok()?;
    read.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec)
}
