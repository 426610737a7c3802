//! The kinds of values that fields hold: each has its reader and its schema side by side.
//!
//! Standards: RFC 3339 (instants); JSON Schema 2020-12.
//! Invariants: a schema accepts at least what its reader accepts. What a schema cannot express (`format`, a
//! tag) is in its description.
//! What it must not know: names of fields.
//! What a mistake costs: a value out of bounds reaches the registry or a header to the upstream.

use super::context::Context;
use super::fields::{Faults, Kind};
use super::ids;
use crate::base::readable_text;
use crate::base::time::{UnixSeconds, parse_rfc3339};
use crate::formats::admin_key::Role;
use crate::formats::family::FamilyId;
use crate::formats::origin::{Origin, TupleOrigin};
use crate::formats::token::{PREFIX, Serial, UnverifiedToken};
use crate::limits;
use serde_json::{Value, json};

/// One line of text for people: trimmed, 1 to `max_chars` characters, all visible.
pub(super) struct Text {
    /// The limit, in Unicode scalar values.
    pub max_chars: usize,
}

impl Kind for Text {
    type Value = String;

    fn read(&self, value: &Value, at: &str, _: &Context<'_>, faults: &mut Faults) -> Option<String> {
        let Some(text) = value.as_str().map(str::trim) else {
            faults.add(at, "wrong_type", "text");
            return None;
        };
        if text.chars().count() > self.max_chars {
            faults.add(at, "too_long", "fewer characters: the schema gives the maximum");
        } else if let Some(fault) = readable_text::fault_of_line(text) {
            faults.add(at, fault.code(), fault.detail());
        } else {
            return Some(text.to_owned());
        }
        None
    }

    fn schema(&self) -> Value {
        json!({"type": "string", "minLength": 1, "maxLength": self.max_chars, "pattern": "\\S"})
    }
}

/// Text that is sent to the upstream in a header: printable ASCII only (RFC 9110 section 5.5), otherwise like
/// [`Text`].
pub(super) struct HeaderText {
    /// The limit, in characters.
    pub max_chars: usize,
}

impl Kind for HeaderText {
    type Value = String;

    fn read(&self, value: &Value, at: &str, context: &Context<'_>, faults: &mut Faults) -> Option<String> {
        let text = Text { max_chars: self.max_chars }.read(value, at, context, faults)?;
        if text.is_ascii() {
            return Some(text);
        }
        faults.add(at, "not_ascii", "printable ASCII only: it is sent to the upstream in a header");
        None
    }

    fn schema(&self) -> Value {
        json!({"type": "string", "minLength": 1, "maxLength": self.max_chars, "pattern": "^\\s*[ -~]+\\s*$"})
    }
}

/// One of a fixed set of words.
pub(super) struct Choice<T: 'static>(pub &'static [(&'static str, T)]);

impl<T: Copy + Sync> Kind for Choice<T> {
    type Value = T;

    fn read(&self, value: &Value, at: &str, _: &Context<'_>, faults: &mut Faults) -> Option<T> {
        let Some(text) = value.as_str() else {
            faults.add(at, "wrong_type", "text: one of the words that the schema lists");
            return None;
        };
        let chosen = self.0.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice);
        if chosen.is_none() {
            faults.add(at, "unknown_value", "one of the words that the schema lists");
        }
        chosen
    }

    fn schema(&self) -> Value {
        json!({"type": "string", "enum": self.0.iter().map(|(word, _)| *word).collect::<Vec<_>>()})
    }
}

/// A JSON boolean; in a query, the word `true` or `false`.
pub(super) struct Flag;

impl Kind for Flag {
    type Value = bool;

    fn read(&self, value: &Value, at: &str, _: &Context<'_>, faults: &mut Faults) -> Option<bool> {
        if value.as_bool().is_none() {
            faults.add(at, "wrong_type", "true or false");
        }
        value.as_bool()
    }

    fn schema(&self) -> Value {
        json!({"type": "boolean"})
    }

    fn of_query(&self, text: &str) -> Value {
        match text {
            "true" => json!(true),
            "false" => json!(false),
            _ => json!(text),
        }
    }
}

/// A whole number within a range.
pub(super) struct WholeNumber {
    pub min: i64,
    pub max: i64,
}

impl Kind for WholeNumber {
    type Value = i64;

    fn read(&self, value: &Value, at: &str, _: &Context<'_>, faults: &mut Faults) -> Option<i64> {
        let Value::Number(number) = value else {
            faults.add(at, "wrong_type", "a whole number");
            return None;
        };
        // 60.0 and 6e1 are whole numbers in JSON Schema, but no client has a reason to write them so.
        if number.is_f64() {
            faults.add(at, "wrong_type", "a whole number");
            return None;
        }
        let in_range = number.as_i64().filter(|number| (self.min..=self.max).contains(number));
        if in_range.is_none() {
            faults.add(at, "out_of_range", "a number in the range that the schema gives");
        }
        in_range
    }

    fn schema(&self) -> Value {
        json!({"type": "integer", "minimum": self.min, "maximum": self.max})
    }

    fn of_query(&self, text: &str) -> Value {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<u64>() {
            Ok(number) if is_number => json!(number),
            // Digits only, but too large for 64 bits: pass on the largest number, which is out of every
            // range.
            Err(_) if is_number => json!(u64::MAX),
            _ => json!(text),
        }
    }
}

/// A token's lifetime in seconds: at least 60, at most what the deployment allows.
pub(super) struct TokenLifetime;

impl Kind for TokenLifetime {
    type Value = i64;

    fn read(&self, value: &Value, at: &str, context: &Context<'_>, faults: &mut Faults) -> Option<i64> {
        let max = context.max_token_lifetime_seconds;
        WholeNumber { min: limits::TOKEN_LIFETIME_MIN_SECONDS, max }.read(value, at, context, faults)
    }

    fn schema(&self) -> Value {
        let max = limits::MAX_TOKEN_LIFETIME_MAX_SECONDS;
        WholeNumber { min: limits::TOKEN_LIFETIME_MIN_SECONDS, max }.schema()
    }
}

/// An instant in RFC 3339, with any offset.
pub(super) struct Instant;

impl Kind for Instant {
    type Value = UnixSeconds;

    fn read(&self, value: &Value, at: &str, _: &Context<'_>, faults: &mut Faults) -> Option<UnixSeconds> {
        let Some(text) = value.as_str() else {
            faults.add(at, "wrong_type", "an RFC 3339 date and time, as text");
            return None;
        };
        let instant = parse_rfc3339(text);
        if instant.is_none() {
            faults.add(
                at,
                "not_rfc3339",
                "an RFC 3339 date and time with its offset, such as 2027-01-31T00:00:00Z",
            );
        }
        instant
    }

    fn schema(&self) -> Value {
        json!({"type": "string", "format": "date-time"})
    }
}

/// A token's id, `tok_` and the serial.
pub(super) struct TokenIdKind;

impl Kind for TokenIdKind {
    type Value = Serial;

    fn read(&self, value: &Value, at: &str, _: &Context<'_>, faults: &mut Faults) -> Option<Serial> {
        let Some(text) = value.as_str() else {
            faults.add(at, "wrong_type", "a token's id, as text");
            return None;
        };
        let serial = ids::parse_token_id(text);
        if serial.is_none() {
            faults.add(at, "not_a_token_id", "a token's id: tok_ and its number");
        }
        serial
    }

    fn schema(&self) -> Value {
        json!({"type": "string", "pattern": ids::TOKEN_ID_PATTERN})
    }
}

/// A token: its id, or its whole text, perhaps pasted with a line end.
pub(super) struct TokenIdOrText;

impl Kind for TokenIdOrText {
    type Value = Serial;

    fn read(&self, value: &Value, at: &str, context: &Context<'_>, faults: &mut Faults) -> Option<Serial> {
        let Some(text) = value.as_str() else {
            faults.add(at, "wrong_type", "a token's id or its whole text");
            return None;
        };
        if !text.trim().starts_with(PREFIX) {
            return TokenIdKind.read(value, at, context, faults);
        }
        let token = UnverifiedToken::parse(text.trim()).and_then(|token| token.verify(context.key_ring));
        if token.is_none() {
            faults.add(
                at,
                "not_a_token",
                "a whole token that this deployment issued: wlp_ and 36 more characters",
            );
        }
        token.map(|token| token.claims().serial)
    }

    fn schema(&self) -> Value {
        let whole = json!({"type": "string", "pattern": "^\\s*wlp_[A-Za-z0-9_-]{36}\\s*$"});
        json!({"anyOf": [TokenIdKind.schema(), whole]})
    }
}

/// The id of a family that this deployment made.
pub(super) struct FamilyIdKind;

impl Kind for FamilyIdKind {
    type Value = String;

    fn read(&self, value: &Value, at: &str, context: &Context<'_>, faults: &mut Faults) -> Option<String> {
        let id = value.as_str().and_then(|text| FamilyId::parse(text, &context.check_keys.family));
        if id.is_none() {
            faults.add(at, "not_a_family_id", "the whole id, fam_…, of a family of this deployment");
        }
        id.map(|id| id.as_str().to_owned())
    }

    fn schema(&self) -> Value {
        json!({"type": "string", "pattern": ids::FAMILY_ID_PATTERN})
    }
}

/// One serialised origin (RFC 6454 section 6.2).
pub(super) struct OriginText;

impl Kind for OriginText {
    type Value = TupleOrigin;

    fn read(&self, value: &Value, at: &str, _: &Context<'_>, faults: &mut Faults) -> Option<TupleOrigin> {
        match value.as_str().and_then(Origin::parse_header) {
            Some(Origin::Tuple(origin)) => Some(origin),
            _ => {
                faults.add(
                    at,
                    "not_an_origin",
                    "scheme, host and port if not the default, such as https://example.com",
                );
                None
            }
        }
    }

    fn schema(&self) -> Value {
        json!({"type": "string", "maxLength": limits::ORIGIN_RULE_MAX_CHARS})
    }
}

/// The value of a header, taken unchanged, for trying out origin rules.
pub(super) struct HeaderValue {
    /// The limit, in bytes.
    pub max_bytes: usize,
}

impl Kind for HeaderValue {
    type Value = String;

    fn read(&self, value: &Value, at: &str, _: &Context<'_>, faults: &mut Faults) -> Option<String> {
        match value.as_str() {
            None => faults.add(at, "wrong_type", "text"),
            Some(text) if text.len() > self.max_bytes => {
                faults.add(at, "too_long", "fewer characters: the schema gives the maximum");
            }
            Some(text) => return Some(text.to_owned()),
        }
        None
    }

    fn schema(&self) -> Value {
        json!({"type": "string", "maxLength": self.max_bytes})
    }
}

/// A value of `K`, or null.
pub(super) struct Nullable<K>(pub K);

impl<K: Kind> Kind for Nullable<K> {
    type Value = Option<K::Value>;

    fn read(
        &self,
        value: &Value,
        at: &str,
        context: &Context<'_>,
        faults: &mut Faults,
    ) -> Option<Self::Value> {
        if value.is_null() { Some(None) } else { self.0.read(value, at, context, faults).map(Some) }
    }

    fn schema(&self) -> Value {
        json!({"anyOf": [self.0.schema(), {"type": "null"}]})
    }
}

/// An admin key's role.
pub(super) const ROLE: Choice<Role> = Choice(&[
    ("distributor", Role::Distributor),
    ("viewer", Role::Viewer),
    ("operator", Role::Operator),
    ("owner", Role::Owner),
]);

/// A line of text for people.
pub(super) const TEXT: Text = Text { max_chars: limits::TEXT_MAX_CHARS };
/// A line of text for the upstream.
pub(super) const HEADER_TEXT: HeaderText = HeaderText { max_chars: limits::TEXT_MAX_CHARS };
