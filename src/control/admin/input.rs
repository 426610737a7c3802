//! What a caller sent, brought into members: the body's JSON and the query.
//!
//! Standards: JSON (RFC 8259), each name once; `application/x-www-form-urlencoded` (URL standard) for the query.
//! Invariants: broken syntax is 400 and never half a request; nothing is taken from bytes that are not UTF-8.
//! What it must not know: which fields there are.
//! What a mistake costs: a request read otherwise than it was meant.

use super::fields::Shape;
use super::{AdminProblem, Body};
use crate::json::{self, JsonFault};
use crate::limits;
use crate::problem::Code;
use crate::registry::command::FieldFault;
use serde_json::{Map, Value};
use url::form_urlencoded;

/// Reads a body into members. An empty body is one without members, where `shape` requires none.
///
/// # Errors
/// 413, 415, or 400 `invalid_request` that says what is wrong with the body.
pub(super) fn body_members(
    body: Body<'_>,
    content_type: Option<&str>,
    shape: &Shape,
) -> Result<Map<String, Value>, AdminProblem> {
    let Body::Bytes(bytes) = body else {
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

/// Reads a query into members: text, or what the field's kind makes of it.
///
/// # Errors
/// 400 `invalid_request` that names a parameter given twice or not in UTF-8.
pub(super) fn query_members(query: Option<&str>, shape: &Shape) -> Result<Map<String, Value>, AdminProblem> {
    let mut members = Map::new();
    for (name, text) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        // What is not UTF-8 was decoded to U+FFFD, which nobody searches for.
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

/// `application/json`, alone or with `charset=utf-8` (RFC 9110 section 8.3.1).
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
