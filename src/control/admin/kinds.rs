//! The kinds of values that fields hold, each with its reading and its schema side by side.
//!
//! Standards: RFC 3339 (instants); JSON Schema 2020-12.
//! Invariants: a schema never allows less than its reading takes; what it cannot say (`format`, a tag) is in the text.
//! What it must not know: names of fields.
//! What a mistake costs: a bound that is not checked here reaches the registry or a header of the upstream's.

use super::Context;
use super::fields::{Faults, Kind};
use super::ids;
use crate::admin_key::Role;
use crate::family::FamilyId;
use crate::limits;
use crate::origin::{Origin, TupleOrigin};
use crate::time::{UnixSeconds, parse_rfc3339};
use crate::token::Serial;
use serde_json::{Value, json};

/// One line of text for people, trimmed, of 1 to `max_chars` characters.
pub struct Text {
    /// At most so many Unicode scalar values.
    pub max_chars: usize,
}

impl Kind for Text {
    type Value = String;

    fn read(&self, value: &Value, at: &str, _: &Context<'_>, faults: &mut Faults) -> Option<String> {
        let Some(text) = value.as_str().map(str::trim) else {
            faults.add(at, "wrong_type", "text");
            return None;
        };
        if text.is_empty() {
            faults.add(at, "empty", "at least one character that is not a space");
        } else if text.chars().count() > self.max_chars {
            faults.add(at, "too_long", "fewer characters; the schema has the number");
        } else if text.chars().any(is_deceptive) {
            faults.add(at, "control_character", "one line without control or direction characters");
        } else {
            return Some(text.to_owned());
        }
        None
    }

    fn schema(&self) -> Value {
        json!({"type": "string", "minLength": 1, "maxLength": self.max_chars, "pattern": "\\S"})
    }
}

/// Text that travels to the upstream in a header: printable ASCII only (RFC 9110 section 5.5), else as [`Text`].
pub struct HeaderText {
    /// At most so many characters.
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

/// One of these words.
pub struct Choice<T: 'static>(pub &'static [(&'static str, T)]);

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

/// `true` or `false`.
pub struct Flag;

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

/// A whole number.
pub struct WholeNumber {
    /// The least.
    pub min: i64,
    /// The greatest.
    pub max: i64,
}

impl Kind for WholeNumber {
    type Value = i64;

    fn read(&self, value: &Value, at: &str, _: &Context<'_>, faults: &mut Faults) -> Option<i64> {
        let Value::Number(number) = value else {
            faults.add(at, "wrong_type", "a whole number");
            return None;
        };
        // 60.0 and 6e1 are whole numbers to JSON Schema, but no client of ours has a reason to write them so.
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
            // All digits, but more than any range has: a number all the same.
            Err(_) if is_number => json!(u64::MAX),
            _ => json!(text),
        }
    }
}

/// Seconds of a token's life: at least a minute, at most what the deployment allows.
pub struct TokenLifetime;

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

/// An instant as RFC 3339, with any offset.
pub struct Instant;

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

/// A token's id.
pub struct TokenId;

impl Kind for TokenId {
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

/// A family's id that this deployment made.
pub struct Family;

impl Kind for Family {
    type Value = String;

    fn read(&self, value: &Value, at: &str, context: &Context<'_>, faults: &mut Faults) -> Option<String> {
        let id = value.as_str().and_then(|text| FamilyId::parse(text, &context.check_keys.family));
        if id.is_none() {
            faults.add(at, "not_a_family_id", "a family's id of this deployment: fam_ and what follows");
        }
        id.map(|id| id.as_str().to_owned())
    }

    fn schema(&self) -> Value {
        json!({"type": "string", "pattern": ids::FAMILY_ID_PATTERN})
    }
}

/// One serialised origin (RFC 6454 section 6.2).
pub struct OriginText;

impl Kind for OriginText {
    type Value = TupleOrigin;

    fn read(&self, value: &Value, at: &str, _: &Context<'_>, faults: &mut Faults) -> Option<TupleOrigin> {
        match value.as_str().map(Origin::parse_header) {
            Some(Ok(Origin::Tuple(origin))) => Some(origin),
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

/// What a header would hold, taken as it is: for trying out rules.
pub struct HeaderValue {
    /// At most so many bytes.
    pub max_bytes: usize,
}

impl Kind for HeaderValue {
    type Value = String;

    fn read(&self, value: &Value, at: &str, _: &Context<'_>, faults: &mut Faults) -> Option<String> {
        match value.as_str() {
            None => faults.add(at, "wrong_type", "text"),
            Some(text) if text.len() > self.max_bytes => {
                faults.add(at, "too_long", "fewer characters; the schema has the number");
            }
            Some(text) => return Some(text.to_owned()),
        }
        None
    }

    fn schema(&self) -> Value {
        json!({"type": "string", "maxLength": self.max_bytes})
    }
}

/// What `K` takes, or null.
pub struct Nullable<K>(pub K);

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
pub const ROLE: Choice<Role> = Choice(&[
    ("distributor", Role::Distributor),
    ("viewer", Role::Viewer),
    ("operator", Role::Operator),
    ("owner", Role::Owner),
]);

/// Control characters, line separators, and the direction overrides that make a label read as another in a list.
fn is_deceptive(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
