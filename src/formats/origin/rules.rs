//! What a token says about origins: `any`, or 1 to 50 rules; and its two modes.
//!
//! Invariants: "unrestricted" is the word `any` and never an empty list, which is an error; in formats that do not
//! describe themselves it is an absent list.
//! What it must not know: requests.
//! What a mistake costs: an empty or unreadable list taken for `any` admits every site.

use super::rule::{OriginRule, RuleError, RuleWarning};
use crate::limits;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::fmt;

/// Where a token works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginRules {
    /// Everywhere; nothing about origins is evaluated.
    Any,
    /// Where one of these rules matches. An empty list, which no parser here makes, matches nothing.
    Rules(Vec<OriginRule>),
}

/// Whether a refusal by origin is enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OriginMode {
    /// Refuse.
    #[default]
    Enforce,
    /// Admit, but count what would have been refused.
    Report,
}

/// What a request without any origin gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MissingOrigin {
    /// `origin_missing`.
    #[default]
    Refuse,
    /// Admitted, unless a browser says that it hid the origin.
    Allow,
}

/// Why `origins` cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RulesError {
    /// Neither `"any"` nor a list.
    Type,
    /// An empty list.
    Empty,
    /// More than [`limits::ORIGIN_RULES_MAX`].
    TooMany,
    /// An item is not text.
    ItemType {
        /// Its place in the list, from 0.
        index: usize,
    },
    /// An item is not a rule.
    Rule {
        /// Its place in the list, from 0.
        index: usize,
        /// What is wrong with it.
        error: RuleError,
    },
}

impl OriginRules {
    /// Reads the field `origins` of an admin request.
    ///
    /// # Errors
    /// [`RulesError`], which names the first item that cannot be taken.
    pub fn parse(json: &Value, app_schemes: &[String]) -> Result<Self, RulesError> {
        let items = match json {
            Value::String(word) if word == ANY => return Ok(Self::Any),
            Value::Array(items) => items,
            _ => return Err(RulesError::Type),
        };
        if items.is_empty() {
            return Err(RulesError::Empty);
        }
        if items.len() > limits::ORIGIN_RULES_MAX {
            return Err(RulesError::TooMany);
        }
        let rules = items.iter().enumerate().map(|(index, item)| {
            let text = item.as_str().ok_or(RulesError::ItemType { index })?;
            let (rule, _) =
                OriginRule::parse(text, app_schemes).map_err(|error| RulesError::Rule { index, error })?;
            Ok(rule)
        });
        rules.collect::<Result<_, _>>().map(Self::Rules)
    }

    /// What people should know of these rules, each warning once.
    #[must_use]
    pub fn warnings(&self) -> Vec<RuleWarning> {
        let Self::Rules(rules) = self else {
            return vec![RuleWarning::OriginAny];
        };
        let mut warnings = Vec::new();
        for warning in rules.iter().flat_map(OriginRule::warnings) {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        warnings
    }
}

impl RulesError {
    /// Stable.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Type | Self::ItemType { .. } => "wrong_type",
            Self::Empty => "empty_list",
            Self::TooMany => "too_many",
            Self::Rule { error, .. } => error.code(),
        }
    }

    /// What is expected; constant for each code.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::Type => "\"any\", or a list of 1 to 50 rules such as \"https://example.com\"",
            Self::ItemType { .. } => "a rule as text, such as \"https://example.com\"",
            Self::Empty => "at least one rule; a token that works on every site says \"any\"",
            Self::TooMany => "at most 50 rules; issue a second token for further sites",
            Self::Rule { error, .. } => error.detail(),
        }
    }

    /// The item at fault, from 0; `None` when the field itself is.
    #[must_use]
    pub fn index(self) -> Option<usize> {
        match self {
            Self::ItemType { index } | Self::Rule { index, .. } => Some(index),
            Self::Type | Self::Empty | Self::TooMany => None,
        }
    }
}

impl Serialize for OriginRules {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match (self, to.is_human_readable()) {
            (Self::Any, true) => to.serialize_str(ANY),
            (Self::Rules(rules), true) => rules.serialize(to),
            (Self::Any, false) => to.serialize_none(),
            (Self::Rules(rules), false) => to.serialize_some(rules),
        }
    }
}

impl<'de> Deserialize<'de> for OriginRules {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            return from.deserialize_any(AnyOrList);
        }
        match Option::<Vec<OriginRule>>::deserialize(from)? {
            None => Ok(Self::Any),
            Some(rules) => stored(rules),
        }
    }
}

/// `"any"` or a list of rules.
struct AnyOrList;

impl<'de> Visitor<'de> for AnyOrList {
    type Value = OriginRules;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"any\" or a list of rules")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<OriginRules, E> {
        if text == ANY { Ok(OriginRules::Any) } else { Err(E::custom("neither \"any\" nor a list of rules")) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<OriginRules, A::Error> {
        let mut rules = Vec::new();
        while let Some(rule) = items.next_element()? {
            rules.push(rule);
        }
        stored(rules)
    }
}

fn stored<E: serde::de::Error>(rules: Vec<OriginRule>) -> Result<OriginRules, E> {
    if (1..=limits::ORIGIN_RULES_MAX).contains(&rules.len()) {
        Ok(OriginRules::Rules(rules))
    } else {
        Err(E::custom("not 1 to 50 rules"))
    }
}

const ANY: &str = "any";
