//! Claims: what an operator tells the upstream about a token.
//!
//! Standards: RFC 8785 (canonical JSON), RFC 4648 section 5 (base64url); docs/http.md, "Claims".
//! Invariants: a JSON object of texts, numbers, flags and lists of these; at most 1,024 bytes in its
//! canonical text, which is stored. The header's value is made once, when a record is read.
//! What it must not know: what the claims mean, requests.
//! What a mistake costs: an upstream reads another claim than the operator sees.

use crate::base::{canonical_json, json, readable_text};
use crate::limits;
use base64::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Claims in their canonical text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UpstreamClaims {
    text: String,
    header: String,
}

/// Why claims are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimsError {
    /// Not a JSON object.
    NotObject,
    /// A member that is no text, number, flag, or list of these.
    Member,
    /// A number that not every reader of JSON keeps.
    Number,
    /// Longer than [`limits::CLAIMS_MAX_BYTES`].
    TooLong,
    /// A character that people cannot see.
    Text(readable_text::TextFault),
}

impl UpstreamClaims {
    /// The claims of a JSON value.
    ///
    /// # Errors
    /// [`ClaimsError`] for what is wrong with it.
    pub fn of(value: &Value) -> Result<Self, ClaimsError> {
        let members = value.as_object().ok_or(ClaimsError::NotObject)?;
        let is_scalar = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
        let is_claim = |value: &Value| match value {
            Value::Array(items) => items.iter().all(is_scalar),
            other => is_scalar(other),
        };
        if !members.values().all(is_claim) {
            return Err(ClaimsError::Member);
        }
        let text = canonical_json::text(value).ok_or(ClaimsError::Number)?;
        if text.len() > limits::CLAIMS_MAX_BYTES {
            return Err(ClaimsError::TooLong);
        }
        if let Some(fault) = readable_text::fault_in_json(&text) {
            return Err(ClaimsError::Text(fault));
        }
        let header = BASE64_URL_SAFE_NO_PAD.encode(&text);
        Ok(Self { text, header })
    }

    /// The canonical text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The value of the header `Wayleave-Claims`.
    #[must_use]
    pub fn header(&self) -> &str {
        &self.header
    }
}

impl TryFrom<String> for UpstreamClaims {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let claims = json::parse(&text).ok().and_then(|value| Self::of(&value).ok());
        claims.filter(|claims| claims.text == text).ok_or("not the canonical text of claims")
    }
}

impl From<UpstreamClaims> for String {
    fn from(claims: UpstreamClaims) -> Self {
        claims.text
    }
}

impl ClaimsError {
    /// The stable code, for programs to compare.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotObject => "wrong_type",
            Self::Member => "claim_type",
            Self::Number => "claim_number",
            Self::TooLong => "too_long",
            Self::Text(fault) => fault.code(),
        }
    }

    /// What was expected. Constant for each code.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::NotObject => "null, or a JSON object such as {\"plan\": \"free\"}",
            Self::Member => {
                "each claim a text, a number, true, false, or a list of these: no object, no null"
            }
            Self::Number => "numbers up to 9007199254740991: some readers of JSON change larger ones",
            Self::TooLong => "at most 1024 bytes of JSON, without spaces between its parts",
            Self::Text(fault) => fault.detail(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn claims_have_one_text_whatever_their_order() {
        let claims = UpstreamClaims::of(&json!({"plan": "free", "max": 1.50, "a": [1, "x", false], "b": []}));
        let claims = claims.unwrap();
        assert_eq!(claims.text(), r#"{"a":[1,"x",false],"b":[],"max":1.5,"plan":"free"}"#);
        assert_eq!(claims.header(), "eyJhIjpbMSwieCIsZmFsc2VdLCJiIjpbXSwibWF4IjoxLjUsInBsYW4iOiJmcmVlIn0");
        let stored = serde_json::to_string(&claims).unwrap();
        assert_eq!(serde_json::from_str::<UpstreamClaims>(&stored).unwrap(), claims);
        assert_eq!(UpstreamClaims::of(&json!({})).unwrap().header(), "e30");
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        for (value, code) in [
            (json!(null), "wrong_type"),
            (json!([]), "wrong_type"),
            (json!("{}"), "wrong_type"),
            (json!({"a": null}), "claim_type"),
            (json!({"a": {}}), "claim_type"),
            (json!({"a": [[]]}), "claim_type"),
            (json!({"a": [null]}), "claim_type"),
            (json!({"a": [{"b": 1}]}), "claim_type"),
            (json!({"a": 9_007_199_254_740_992_u64}), "claim_number"),
            (json!({"a": [1e300]}), "claim_number"),
            (json!({"a": "\u{200b}"}), "invisible_character"),
            (json!({"a\u{202e}": 1}), "direction_character"),
        ] {
            assert_eq!(UpstreamClaims::of(&value).unwrap_err().code(), code, "{value}");
        }
        // `{"a":"…"}` has 8 bytes around the text.
        let of_length = |bytes: usize| UpstreamClaims::of(&json!({"a": "x".repeat(bytes - 8)}));
        assert_eq!(of_length(1_024).unwrap().text().len(), 1_024);
        assert_eq!(of_length(1_025), Err(ClaimsError::TooLong));
    }

    #[test]
    fn a_stored_text_in_another_spelling_is_refused() {
        let stored = |text: &str| UpstreamClaims::try_from(text.to_owned());
        assert!(stored(r#"{"a":1,"b":2}"#).is_ok());
        for wrong in ["", "null", r#"{"b":2,"a":1}"#, r#"{"a": 1}"#, r#"{"a":1.0}"#, r#"{"a":1,"a":1}"#] {
            assert!(stored(wrong).is_err(), "{wrong}");
        }
    }
}
