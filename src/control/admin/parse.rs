//! Parses a request: which operation, from whom, with which fields.
//!
//! Invariants: a caller without a key that was made here gets 401 and causes no call to any other service.
//! What a mistake costs: a request that is mistaken for another one changes who may use an API.

use super::admin_problem::AdminProblem;
use super::context::Context;
use super::input::{self, Input};
use super::request::{API_PATH, AdminRequest, RequestBody};
use super::routing::{Routed, route};
use super::task::{AdminTask, Rendering};
use super::{caller, fields, headers, session_requests};
use crate::control::registry::command::{AdminCall, Caller};
use crate::http::problem::{Code, Reason};
use crate::http::reply::Reply;
use serde_json::Map;

/// The OpenAPI document. It is generated from the operation table; a test compares the two.
pub const OPENAPI_JSON: &str = include_str!("../../../docs/openapi.json");

/// The outcome of parsing a request.
#[derive(Debug)]
pub enum Parsed {
    /// Ask the registry; [`super::render()`] needs the second part.
    Ask(Box<AdminCall>, Rendering),
    /// The response is known without a call.
    Answered(Reply),
}

/// Whether to read the body of a request: its key was made here, and its operation has a body. `parse`
/// reports any other fault.
#[must_use]
pub fn wants_body(request: &AdminRequest<'_>, context: &Context<'_>) -> bool {
    let path = request.path.strip_prefix(API_PATH).unwrap_or_default();
    let routed = route(request.method, path);
    let has_body = matches!(routed, Routed::To(operation, _) if operation.body.is_some());
    has_body && known_caller(request, &routed, context).is_ok()
}

/// Parses a request.
///
/// # Errors
/// [`AdminProblem`], decided in this order: key (401), path (404), method (405), preconditions (400), query
/// (400), body (413, 415, 400), fields (422).
pub fn parse(request: &AdminRequest<'_>, context: &Context<'_>) -> Result<Parsed, AdminProblem> {
    let path = request.path.strip_prefix(API_PATH).ok_or(AdminProblem::of(Reason::NoSuchPath))?;
    let routed = route(request.method, path);
    // The caller is checked before path and method. Without a key, a caller learns nothing and causes no
    // cost.
    let caller = known_caller(request, &routed, context)?;
    let (operation, id) = match routed {
        Routed::To(operation, id) => (operation, id),
        Routed::OtherMethods(allow) => {
            return Err(AdminProblem { allow, ..AdminProblem::of(Code::MethodNotAllowed) });
        }
        Routed::Nowhere => return Err(AdminProblem::of(Reason::NoSuchPath)),
    };
    let if_match = if operation.conditional {
        headers::if_match(request.if_match)?
    } else {
        headers::no_if_match(request.if_match, operation.method)?;
        None
    };
    if !operation.idempotent_by_key {
        headers::no_idempotency(request.idempotency_key, operation.method)?;
    }
    let query = input::query_members(request.query, operation.query)?;
    // Operations with filters read the whole query at once, unknown parameters included. For the others every
    // parameter is unknown.
    if operation.query.fields().next().is_none() {
        fields::Members::new(&query, operation.query, context).finish_query(())?;
    }
    let body = match operation.body {
        Some(shape) => input::body_members(request.body, request.content_type, shape)?,
        None => Map::new(),
    };
    let input = Input { id, if_match, query: &query, body: &body, context };
    let (command, rendering) = match (operation.read)(&input)? {
        AdminTask::Ask(command, rendering) => (command, rendering),
        AdminTask::Document => return Ok(Parsed::Answered(Reply::json_text(200, OPENAPI_JSON.to_owned()))),
    };
    let caller = match caller {
        Some(caller) => caller,
        None => session_requests::caller(&input)?,
    };
    let idempotency = match request.body {
        RequestBody::Bytes(body) if operation.idempotent_by_key => {
            headers::idempotency(request.idempotency_key, operation.method, request.path, body)?
        }
        _ => None,
    };
    Ok(Parsed::Ask(Box::new(AdminCall { caller, command: *command, idempotency }), rendering))
}

/// The caller according to the headers. `None` for public operations, and for sign-in, where the body names
/// the caller.
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
