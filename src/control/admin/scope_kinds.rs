//! The kinds of values that say what a token may do, and what the upstream is told of it.
//!
//! Standards: docs/http.md, "Scopes" and "Claims"; JSON Schema 2020-12.
//! Invariants: every invalid item is named with its index, such as `paths[2]`. A list is taken as a whole or
//! not at all.
//! What it must not know: how a request is judged.
//! What a mistake costs: a list read as "all" opens every path to a token (false accept).

use super::context::Context;
use super::fields::{Faults, Kind};
use crate::formats::scope::{METHODS, Methods, MethodsError, PathsError, ScopePath, ScopePaths};
use crate::formats::upstream_claims::UpstreamClaims;
use crate::limits;
use serde_json::{Value, json};

/// A list of methods, each once.
pub(super) struct MethodsKind;

impl Kind for MethodsKind {
    type Value = Methods;

    fn read(&self, value: &Value, at: &str, _: &Context<'_>, faults: &mut Faults) -> Option<Methods> {
        let items = texts(value, at, "null, or a list of methods", faults)?;
        let error = match Methods::parse(items.iter().copied()) {
            Ok(methods) => return Some(methods),
            Err(error) => error,
        };
        if error == MethodsError::Empty {
            faults.add(at, error.code(), error.detail());
        }
        for (index, item) in items.iter().enumerate().take(limits::SCOPE_PATHS_MAX) {
            let error = match items.iter().take(index).any(|other| other == item) {
                true => MethodsError::Duplicate { index },
                false if METHODS.contains(item) => continue,
                false => MethodsError::Unknown { index },
            };
            faults.add(&format!("{at}[{index}]"), error.code(), error.detail());
        }
        None
    }

    fn schema(&self) -> Value {
        let item = json!({"type": "string", "enum": METHODS});
        json!({"type": "array", "minItems": 1, "uniqueItems": true, "items": item})
    }
}

/// A list of 1 to 50 paths, each once.
pub(super) struct PathsKind;

impl Kind for PathsKind {
    type Value = ScopePaths;

    fn read(&self, value: &Value, at: &str, _: &Context<'_>, faults: &mut Faults) -> Option<ScopePaths> {
        let items = texts(value, at, "null, or a list of paths", faults)?;
        match ScopePaths::parse(items.iter().copied()) {
            Ok(paths) => return Some(paths),
            // The parser stops at the first invalid item. One answer names all.
            Err(PathsError::Path { .. } | PathsError::Duplicate { .. }) => {}
            Err(error) => faults.add(at, error.code(), error.detail()),
        }
        let mut listed = Vec::new();
        for (index, item) in items.iter().enumerate().take(limits::SCOPE_PATHS_MAX) {
            let error = match ScopePath::parse(item) {
                Ok(path) if listed.contains(&path) => PathsError::Duplicate { index },
                Ok(path) => {
                    listed.push(path);
                    continue;
                }
                Err(error) => PathsError::Path { index, error },
            };
            faults.add(&format!("{at}[{index}]"), error.code(), error.detail());
        }
        None
    }

    fn schema(&self) -> Value {
        json!({
            "type": "array", "minItems": 1, "maxItems": limits::SCOPE_PATHS_MAX, "uniqueItems": true,
            "items": {
                "type": "string", "minLength": 1, "maxLength": limits::SCOPE_PATH_MAX_CHARS, "pattern": "^/",
            },
        })
    }
}

/// The texts of a list. `None`, and a fault for each item that is no text, where it is anything else.
fn texts<'v>(value: &'v Value, at: &str, expected: &str, faults: &mut Faults) -> Option<Vec<&'v str>> {
    let Some(items) = value.as_array() else {
        faults.add(at, "wrong_type", expected);
        return None;
    };
    for (index, _) in items.iter().enumerate().filter(|(_, item)| !item.is_string()) {
        faults.add(&format!("{at}[{index}]"), "wrong_type", "text");
    }
    items.iter().map(Value::as_str).collect()
}

/// A JSON object that is sent to the upstream.
pub(super) struct ClaimsKind;

impl Kind for ClaimsKind {
    type Value = UpstreamClaims;

    fn read(&self, value: &Value, at: &str, _: &Context<'_>, faults: &mut Faults) -> Option<UpstreamClaims> {
        UpstreamClaims::of(value).map_err(|error| faults.add(at, error.code(), error.detail())).ok()
    }

    fn schema(&self) -> Value {
        let scalar = ["string", "number", "boolean"];
        json!({
            "type": "object",
            "additionalProperties": {"anyOf": [
                {"type": scalar},
                {"type": "array", "items": {"type": scalar}},
            ]},
        })
    }
}
