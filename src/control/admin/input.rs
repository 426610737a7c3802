//! Reads a body's JSON, and a query, into members; and what an operation is read from: members, path and
//! `If-Match`.
//!
//! Standards: JSON (RFC 8259), each name once; `application/x-www-form-urlencoded` (URL standard) for the
//! query.
//! Invariants: a syntax error is 400, never a partly read request. Bytes that are not UTF-8 are refused.
//! What it must not know: which fields there are.
//! What a mistake costs: a request is read differently from what its sender meant.

use super::admin_problem::AdminProblem;
use super::context::Context;
use super::fields::{Members, Shape};
use super::ids;
use super::request::RequestBody;
use crate::base::json;
use crate::base::json::JsonFault;
use crate::control::registry::command::FieldFault;
use crate::formats::family::FamilyId;
use crate::formats::key::KeyId;
use crate::formats::token::Serial;
use crate::http::problem::{Code, Reason};
use crate::limits;
use serde_json::{Map, Value};
use url::form_urlencoded;

/// A request whose operation is known.
pub(super) struct Input<'a> {
    /// The path's `{id}`; empty if the template has none.
    pub id: &'a str,
    /// The version in `If-Match`.
    pub if_match: Option<u32>,
    pub query: &'a Map<String, Value>,
    pub body: &'a Map<String, Value>,
    pub context: &'a Context<'a>,
}

impl<'a> Input<'a> {
    /// Starts to read the body as `shape`.
    pub(super) fn body(&self, shape: &Shape) -> Members<'a> {
        Members::new(self.body, shape, self.context)
    }

    /// Starts to read the query as `shape`.
    pub(super) fn query(&self, shape: &Shape) -> Members<'a> {
        Members::new(self.query, shape, self.context)
    }

    /// The token's serial from the path.
    pub(super) fn token_id(&self) -> Result<Serial, AdminProblem> {
        ids::parse_token_id(self.id).ok_or(AdminProblem::of(Reason::NoSuchId))
    }

    /// The family's id from the path, if this deployment made it.
    pub(super) fn family_id(&self) -> Result<String, AdminProblem> {
        let id = FamilyId::parse(self.id, &self.context.check_keys.family);
        id.map(|id| id.as_str().to_owned()).ok_or(AdminProblem::of(Reason::NoSuchId))
    }

    /// The admin key's number from the path.
    pub(super) fn admin_key_id(&self) -> Result<u32, AdminProblem> {
        ids::parse_admin_key_id(self.id).ok_or(AdminProblem::of(Reason::NoSuchId))
    }

    /// The signing key's id from the path.
    pub(super) fn signing_key_id(&self) -> Result<KeyId, AdminProblem> {
        ids::parse_signing_key_id(self.id).ok_or(AdminProblem::of(Reason::NoSuchId))
    }
}

/// Reads a body into members. Where `shape` requires no field, an empty body is read as one without members.
///
/// # Errors
/// 413, 415, or 400 `invalid_request` with what is wrong with the body.
pub(super) fn body_members(
    body: RequestBody<'_>,
    content_type: Option<&str>,
    shape: &Shape,
) -> Result<Map<String, Value>, AdminProblem> {
    let RequestBody::Bytes(bytes) = body else {
        return Err(AdminProblem::of(Code::PayloadTooLarge));
    };
    if bytes.len() > limits::ADMIN_BODY_MAX_BYTES {
        return Err(AdminProblem::of(Code::PayloadTooLarge));
    }
    if bytes.is_empty() && shape.required.is_empty() {
        return Ok(Map::new());
    }
    if !content_type.is_some_and(is_json) {
        return Err(AdminProblem::of(Code::UnsupportedMediaType));
    }
    let Ok(text) = str::from_utf8(bytes) else {
        return Err(body_fault("not_utf8", "UTF-8"));
    };
    match json::parse(text) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(body_fault("not_an_object", "a JSON object")),
        Err(JsonFault::DuplicateName(name)) => Err(AdminProblem::fields(
            Code::InvalidRequest,
            vec![fault(&name, "duplicate_field", "each name once in an object")],
        )),
        Err(JsonFault::NotJson) => Err(body_fault("not_json", "JSON (RFC 8259), nested at most 127 deep")),
    }
}

/// Reads a query into members. Each is a string, or the JSON that its field's kind makes of it.
///
/// # Errors
/// 400 `invalid_request` that names a parameter if it occurs twice or is not UTF-8.
pub(super) fn query_members(query: Option<&str>, shape: &Shape) -> Result<Map<String, Value>, AdminProblem> {
    let mut members = Map::new();
    for (name, text) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        // The decoder replaces invalid UTF-8 by U+FFFD, which nobody has a reason to send.
        if name.contains(char::REPLACEMENT_CHARACTER) || text.contains(char::REPLACEMENT_CHARACTER) {
            let fault = fault(&name, "not_utf8", "percent-encoded UTF-8");
            return Err(AdminProblem::fields(Code::InvalidRequest, vec![fault]));
        }
        let value = match shape.find(&name) {
            Some(field) => field.of_query(&text),
            None => Value::String(text.into_owned()),
        };
        if members.contains_key(name.as_ref()) {
            let fault = fault(&name, "duplicate_field", "each parameter once");
            return Err(AdminProblem::fields(Code::InvalidRequest, vec![fault]));
        }
        members.insert(name.into_owned(), value);
    }
    Ok(members)
}

/// Whether this is `application/json`, alone or with `charset=utf-8` (RFC 9110 section 8.3.1).
fn is_json(content_type: &str) -> bool {
    let (essence, parameter) = match content_type.split_once(';') {
        Some((essence, parameter)) => (essence, Some(parameter)),
        None => (content_type, None),
    };
    let utf8 = parameter.is_none_or(|parameter| {
        let parameter = parameter.trim();
        parameter.eq_ignore_ascii_case("charset=utf-8") || parameter.eq_ignore_ascii_case("charset=\"utf-8\"")
    });
    essence.trim().eq_ignore_ascii_case("application/json") && utf8
}

fn body_fault(code: &str, detail: &str) -> AdminProblem {
    AdminProblem::fields(Code::InvalidRequest, vec![fault("body", code, detail)])
}

fn fault(field: &str, code: &str, detail: &str) -> FieldFault {
    FieldFault { field: field.to_owned(), code: code.to_owned(), detail: detail.to_owned() }
}
