//! What a caller sent, brought into members: the body's JSON and the query.
//!
//! Standards: JSON (RFC 8259), whose section 4 leaves duplicate names undefined: here they are an error, since two
//! parsers that each take another one see two different policies. `application/x-www-form-urlencoded` (URL standard) for
//! the query.
//! Invariants: broken syntax is 400 and never half a request; nothing is taken from bytes that are not UTF-8.
//! What it must not know: which fields there are.
//! What a mistake costs: a request read otherwise than it was meant.

use super::fields::Shape;
use super::{AdminProblem, Body};
use crate::limits;
use crate::problem::Code;
use crate::registry::command::FieldFault;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cell::RefCell;
use std::fmt;
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
    let duplicate = RefCell::new(None);
    let mut parser = serde_json::Deserializer::from_str(text);
    let parsed =
        UniqueNames(&duplicate).deserialize(&mut parser).and_then(|value| parser.end().map(|()| value));
    match (parsed, duplicate.into_inner()) {
        (_, Some(name)) => Err(AdminProblem::fields(
            Code::InvalidRequest,
            vec![fault(&name, "duplicate_field", "each name once in an object")],
        )),
        (Ok(Value::Object(members)), None) => Ok(members),
        (Ok(_), None) => Err(body_fault("not_an_object", "a JSON object")),
        (Err(_), None) => Err(body_fault("not_json", "JSON (RFC 8259), nested at most 127 deep")),
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

/// Reads any JSON value and stops at a name that stands twice in one object, which it leaves in the cell.
#[derive(Clone, Copy)]
struct UniqueNames<'a>(&'a RefCell<Option<String>>);

impl<'de> DeserializeSeed<'de> for UniqueNames<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueNames<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                *self.0.borrow_mut() = Some(name);
                return Err(A::Error::custom("duplicate name"));
            }
            let value = members.next_value_seed(self)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}
