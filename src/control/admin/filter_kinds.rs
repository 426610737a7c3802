//! The kinds of values that only filters have.
//!
//! What it must not know: which tokens exist.
//! What a mistake costs: a bulk call finds other tokens than its sender meant.

use super::context::Context;
use super::fields::{Faults, Kind};
use super::kinds::TokenIdKind;
use crate::control::registry::command::token_warnings;
use crate::formats::token::Serial;
use crate::limits::FILTER_IDS_MAX;
use serde_json::{Value, json};

/// A list of 1 to 1,000 ids of tokens.
pub(super) struct TokenIds;

impl Kind for TokenIds {
    type Value = Vec<Serial>;

    fn read(
        &self,
        value: &Value,
        at: &str,
        context: &Context<'_>,
        faults: &mut Faults,
    ) -> Option<Vec<Serial>> {
        let Some(items) = value.as_array() else {
            faults.add(at, "wrong_type", "a list of token ids");
            return None;
        };
        if items.is_empty() {
            faults.add(at, "empty_list", "at least one id");
            return None;
        }
        if items.len() > FILTER_IDS_MAX {
            faults.add(at, "too_many", "at most 1,000 ids: send further ones in further calls");
            return None;
        }
        let ids = items.iter().enumerate();
        let serials: Vec<_> = ids
            .filter_map(|(index, item)| TokenIdKind.read(item, &format!("{at}[{index}]"), context, faults))
            .collect();
        (serials.len() == items.len()).then_some(serials)
    }

    fn schema(&self) -> Value {
        json!({"type": "array", "minItems": 1, "maxItems": FILTER_IDS_MAX, "items": TokenIdKind.schema()})
    }
}

/// The code of a warning about a token.
pub(super) struct WarningCode;

impl Kind for WarningCode {
    type Value = String;

    fn read(&self, value: &Value, at: &str, _: &Context<'_>, faults: &mut Faults) -> Option<String> {
        let code = value.as_str().filter(|code| token_warnings::codes().contains(code));
        if code.is_none() {
            faults.add(at, "unknown_value", "one of the codes that the schema lists");
        }
        code.map(str::to_owned)
    }

    fn schema(&self) -> Value {
        json!({"type": "string", "enum": token_warnings::codes()})
    }
}
