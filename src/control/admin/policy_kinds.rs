//! The kinds of values that make up a token's policy: origins, audiences, metadata, rate class.
//!
//! Standard: docs/http.md, "Origin rules"; docs/http.md, "Order of refusals".
//! Invariants: every invalid rule is named with its index, such as `origins[2]`. A list is taken as a whole
//! or not at all.
//! What it must not know: how origins match.
//! What a mistake costs: a rule dropped here refuses a page (false refuse); a list read as `any` admits every
//! origin (false accept).

use super::context::Context;
use super::fields::{Faults, Kind};
use super::kinds::HeaderText;
use crate::base::readable_text;
use crate::formats::origin::{OriginRule, OriginRules, RulesError};
use crate::formats::rate_class::ClassName;
use crate::limits;
use serde_json::{Map, Value, json};

/// `"any"`, or 1 to 50 rules.
pub(super) struct Origins;

impl Kind for Origins {
    type Value = OriginRules;

    fn read(
        &self,
        value: &Value,
        at: &str,
        context: &Context<'_>,
        faults: &mut Faults,
    ) -> Option<OriginRules> {
        match OriginRules::parse(value, context.app_schemes) {
            Ok(rules) => return Some(rules),
            // The parser stops at the first invalid item. Someone who pasted 50 rules wants to learn of all
            // that are wrong.
            Err(RulesError::Rule { .. } | RulesError::ItemType { .. }) => {}
            Err(error) => faults.add(at, error.code(), error.detail()),
        }
        for (index, item) in value.as_array().into_iter().flatten().take(limits::ORIGIN_RULES_MAX).enumerate()
        {
            let error = match item.as_str().map(|text| OriginRule::parse(text, context.app_schemes)) {
                Some(Ok(_)) => continue,
                Some(Err(error)) => RulesError::Rule { index, error },
                None => RulesError::ItemType { index },
            };
            faults.add(&format!("{at}[{index}]"), error.code(), error.detail());
        }
        None
    }

    fn schema(&self) -> Value {
        json!({"anyOf": [
            {"const": "any"},
            {
                "type": "array", "minItems": 1, "maxItems": limits::ORIGIN_RULES_MAX,
                "items": {"type": "string", "minLength": 1, "maxLength": limits::ORIGIN_RULE_MAX_CHARS},
            },
        ]})
    }
}

/// A list of 1 to 20 different names.
pub(super) struct Audiences;

impl Kind for Audiences {
    type Value = Vec<String>;

    fn read(
        &self,
        value: &Value,
        at: &str,
        context: &Context<'_>,
        faults: &mut Faults,
    ) -> Option<Vec<String>> {
        let Some(items) = value.as_array() else {
            faults.add(at, "wrong_type", "a list of names");
            return None;
        };
        if items.is_empty() {
            faults.add(at, "empty_list", "at least one audience");
            return None;
        }
        if items.len() > limits::AUDIENCES_MAX {
            faults.add(at, "too_many", "at most 20 audiences");
            return None;
        }
        let mut audiences = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let at = format!("{at}[{index}]");
            match AUDIENCE.read(item, &at, context, faults) {
                Some(name) if audiences.contains(&name) => faults.add(&at, "duplicate", "each audience once"),
                // The registry checks this too, because a clone brings its own audiences. Checking here as
                // well lets one response name every fault.
                Some(name) if !context.audiences.contains(&name) => {
                    faults.add(&at, "unknown_audience", "an audience that a route of this deployment has");
                }
                Some(name) => audiences.push(name),
                None => {}
            }
        }
        // Accept the list only if every item is valid.
        (audiences.len() == items.len()).then_some(audiences)
    }

    fn schema(&self) -> Value {
        json!({
            "type": "array", "minItems": 1, "maxItems": limits::AUDIENCES_MAX, "uniqueItems": true,
            "items": AUDIENCE.schema(),
        })
    }
}

/// One audience. It is sent upstream as `Wayleave-Audience`.
pub(super) const AUDIENCE: HeaderText = HeaderText { max_chars: limits::TEXT_MAX_CHARS };

/// A JSON object with the operator's own data, stored as text. Console and audit show it, so its names and
/// texts must contain visible characters only.
pub(super) struct Metadata;

impl Kind for Metadata {
    type Value = String;

    fn read(&self, value: &Value, at: &str, _: &Context<'_>, faults: &mut Faults) -> Option<String> {
        let Value::Object(members) = value else {
            faults.add(at, "wrong_type", "a JSON object");
            return None;
        };
        let text = text_of(members);
        if text.len() > limits::METADATA_MAX_BYTES {
            faults.add(at, "too_long", "at most 4096 bytes of JSON");
            return None;
        }
        if let Some(fault) = readable_text::fault_in_json(&text) {
            faults.add(at, fault.code(), fault.detail());
            return None;
        }
        Some(text)
    }

    fn schema(&self) -> Value {
        json!({"type": "object", "additionalProperties": true})
    }
}

/// The name of a rate class that this deployment has.
pub(super) struct RateClass;

impl Kind for RateClass {
    type Value = ClassName;

    fn read(&self, value: &Value, at: &str, context: &Context<'_>, faults: &mut Faults) -> Option<ClassName> {
        let Some(text) = value.as_str() else {
            faults.add(at, "wrong_type", "null, or a rate class as text");
            return None;
        };
        let class = ClassName::parse(text).filter(|name| context.rate_classes.has(name));
        if class.is_none() {
            let detail =
                "null, or a rate class that is configured: GET /configuration lists them under rate_classes";
            faults.add(at, "rate_class_not_configured", detail);
        }
        class
    }

    fn schema(&self) -> Value {
        json!({"type": "string", "pattern": ClassName::PATTERN})
    }
}

fn text_of(members: &Map<String, Value>) -> String {
    // A map of JSON values can always be serialised.
    serde_json::to_string(members).unwrap_or_default()
}
