//! The admin API: requests in, commands for the registry out; the registry's answers in, responses out.
//!
//! Standards: DESIGN section 7 (calls, fields, problems), RFC 9110, RFC 9457, OpenAPI 3.1.
//! The flow: [`parse`] finds the operation, recognises the admin key, reads query and body, and gives a [`Parsed`]; the
//! platform carries its call to the registry, then what [`usage_calls`] says to usage shards; [`render`] turns the answers into a
//! [`Reply`].
//! Invariants: a caller without a key that was minted here gets 401 and causes no call to anywhere; one answer names
//! every wrong field; every response is `no-store`, and none has CORS headers, since no page of another origin is meant
//! to read any.
//! What it must not know: Workers, SQL, which tokens and keys exist.
//! What a mistake costs: a request taken for another one changes who may use an API.

mod admin_key_requests;
mod caller;
pub mod configuration_view;
mod family_views;
pub mod fields;
mod filters;
mod headers;
pub mod ids;
mod input;
mod kinds;
pub mod metrics;
mod notice_views;
#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
pub mod operation;
mod origin_test_request;
mod policy_kinds;
mod probe_view;
mod render;
mod rotation_kinds;
mod rotation_requests;
mod session_requests;
mod signing_key_requests;
mod signing_key_views;
mod status_view;
mod token_requests;
mod usage_request;
pub mod usage_view;
pub mod views;

pub use render::{fault_problem, render};
pub use session_requests::delay_ms;
pub use usage_view::{UsageSeen, usage_calls};

use crate::admin_key::ConfiguredKey;
use crate::key::{CheckKeys, KeyRing};
use crate::origin::OriginTest;
use crate::problem::Code;
use crate::rate::RateClasses;
use crate::registry::command::{AdminCall, Caller, FieldFault};
use crate::reply::Reply;
use crate::time::UnixMillis;
use crate::usage::reading::Range;
use operation::{Input, Routed, Task};
use serde_json::{Map, Value};

/// Where the admin API is served.
pub const API_PATH: &str = "/_wayleave/api";
/// The OpenAPI document, generated from the operation table and diffed against it by the tests.
pub const OPENAPI_JSON: &str = include_str!("../../docs/openapi.json");

/// What requests are judged by: configuration, keys and the time.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Recognise admin keys and family ids.
    pub check_keys: &'a CheckKeys,
    /// Verifies tokens given to `lookup` and `q`.
    pub key_ring: &'a KeyRing,
    /// `ADMIN_KEY`, where it is set.
    pub configured_key: Option<&'a ConfiguredKey>,
    /// `APP_SCHEMES`, in lower case.
    pub app_schemes: &'a [String],
    /// Every audience that a route names, at least one; the only one is that of new tokens which name none.
    pub audiences: &'a [String],
    /// The rate classes that tokens can be of.
    pub rate_classes: &'a RateClasses,
    /// `MAX_TOKEN_LIFETIME`, seconds.
    pub max_token_lifetime_seconds: i64,
    /// `scheme://host[:port]` that the request was sent to: `origin-test` takes it for the gateway's own.
    pub own_origin: &'a str,
    /// What `GET /configuration` answers: JSON without secrets.
    pub configuration: &'a str,
    /// Whether there are console sessions at that origin: on a control host, or on loopback where none is configured. Elsewhere
    /// upstream content would share the console's origin.
    pub has_sessions: bool,
    /// The time of the call.
    pub now: UnixMillis,
}

/// A request as the platform read it. Header values as text; one sent twice is one value, joined by `, `.
#[derive(Clone, Copy, Debug)]
pub struct AdminRequest<'a> {
    /// As sent: `GET`.
    pub method: &'a str,
    /// The URL's path, not decoded, with [`API_PATH`] at its start.
    pub path: &'a str,
    /// The URL's query, without `?`.
    pub query: Option<&'a str>,
    /// `Authorization`
    pub authorization: Option<&'a str>,
    /// `Cookie`
    pub cookie: Option<&'a str>,
    /// `Origin`
    pub origin: Option<&'a str>,
    /// `Sec-Fetch-Site`
    pub sec_fetch_site: Option<&'a str>,
    /// `Content-Type`
    pub content_type: Option<&'a str>,
    /// `If-Match`
    pub if_match: Option<&'a str>,
    /// `Idempotency-Key`
    pub idempotency_key: Option<&'a str>,
    /// The body, as far as it was read.
    pub body: Body<'a>,
}

/// A request's body.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// All of it; empty when there was none.
    Bytes(&'a [u8]),
    /// Longer than [`crate::limits::ADMIN_BODY_MAX_BYTES`]: the platform stopped reading.
    TooLarge,
}

/// What a request comes to.
#[derive(Debug)]
pub enum Parsed {
    /// The registry is to be asked; [`render`] wants the rest.
    Ask(Box<AdminCall>, Rendering),
    /// The answer is known without asking anyone.
    Answered(Reply),
}

/// How the registry's answer is shown.
#[derive(Debug)]
pub enum Rendering {
    /// As what it is.
    Answer,
    /// A status and the ends that come next, as Prometheus reads them.
    Metrics,
    /// The registry only says whether the caller is known; the answer is this JSON.
    Configuration(String),
    /// The registry only says whether the token exists; its usage in this time is shown.
    Usage(Range),
    /// The registry only says whether the caller is known; the verdict is this.
    OriginTest(OriginTest),
}

/// Why a request comes to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminProblem {
    /// Code, status and texts.
    pub code: Code,
    /// What is wrong with which field, header or parameter.
    pub errors: Vec<FieldFault>,
    /// The methods that the path has, with 405.
    pub allow: Vec<&'static str>,
    /// Members of its own, such as `live_tokens`.
    pub members: Map<String, Value>,
}

impl AdminProblem {
    /// A problem without fields.
    #[must_use]
    pub fn of(code: Code) -> Self {
        Self::fields(code, Vec::new())
    }

    /// A problem with fields.
    #[must_use]
    pub fn fields(code: Code, errors: Vec<FieldFault>) -> Self {
        Self { code, errors, allow: Vec::new(), members: Map::new() }
    }

    /// The reply.
    #[must_use]
    pub fn into_reply(self) -> Reply {
        let reply = Reply::problem_with(self.code, &self.errors, &self.members);
        if self.allow.is_empty() { reply } else { reply.with("Allow", self.allow.join(", ")) }
    }
}

/// Whether the body of a request is to be read: its key is one of ours, and its operation has a body. `parse` then says what
/// is wrong with the rest.
#[must_use]
pub fn wants_body(request: &AdminRequest<'_>, context: &Context<'_>) -> bool {
    let path = request.path.strip_prefix(API_PATH).unwrap_or_default();
    let routed = operation::route(request.method, path);
    let has_body = matches!(routed, Routed::To(operation, _) if operation.body.is_some());
    has_body && known_caller(request, &routed, context).is_ok()
}

/// Reads a request.
///
/// # Errors
/// [`AdminProblem`], decided in this order: key (401), path (404), method (405), preconditions (400), query (400), body
/// (413, 415, 400), fields (422).
pub fn parse(request: &AdminRequest<'_>, context: &Context<'_>) -> Result<Parsed, AdminProblem> {
    let path = request.path.strip_prefix(API_PATH).ok_or(AdminProblem::of(Code::NotFound))?;
    let routed = operation::route(request.method, path);
    // Before path and method are judged: whoever has no key learns nothing here, and costs nothing.
    let caller = known_caller(request, &routed, context)?;
    let (operation, id) = match routed {
        Routed::To(operation, id) => (operation, id),
        Routed::OtherMethods(allow) => {
            return Err(AdminProblem { allow, ..AdminProblem::of(Code::MethodNotAllowed) });
        }
        Routed::Nowhere => return Err(AdminProblem::of(Code::NotFound)),
    };
    let if_match = if operation.conditional {
        headers::if_match(request.if_match)?
    } else {
        headers::no_if_match(request.if_match, operation.method)?;
        None
    };
    let query = input::query_members(request.query, operation.query)?;
    // Operations with filters read them, unknown ones too, in one go; for the others every parameter is unknown.
    if operation.query.fields().next().is_none() {
        fields::Members::new(&query, operation.query, context).finish_query(())?;
    }
    let body = match operation.body {
        Some(shape) => input::body_members(request.body, request.content_type, shape)?,
        None => Map::new(),
    };
    let input = Input { id, if_match, query: &query, body: &body, context };
    let (command, rendering) = match (operation.read)(&input)? {
        Task::Ask(command, rendering) => (command, rendering),
        Task::Document => return Ok(Parsed::Answered(Reply::json_text(200, OPENAPI_JSON.to_owned()))),
    };
    let caller = match caller {
        Some(caller) => caller,
        None => session_requests::caller(&input)?,
    };
    let idempotency = match (operation.idempotent_by_key, request.body) {
        (true, Body::Bytes(body)) => {
            headers::idempotency(request.idempotency_key, operation.method, request.path, body)?
        }
        _ => None,
    };
    Ok(Parsed::Ask(Box::new(AdminCall { caller, command: *command, idempotency }), rendering))
}

/// Who calls, as far as the headers say; `None` for what is public, and at sign-in, where the body says it.
fn known_caller(
    request: &AdminRequest<'_>,
    routed: &Routed<'_>,
    context: &Context<'_>,
) -> Result<Option<Caller>, AdminProblem> {
    match routed {
        Routed::To(operation, _) if operation.least_role.is_none() => Ok(None),
        Routed::To(operation, _) if operation.id == session_requests::SIGN_IN => {
            caller::may_sign_in(request, context).map(|()| None)
        }
        _ => caller::authenticate(request, context).map(Some),
    }
}
