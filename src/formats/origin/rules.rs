//! A token's setting about origins: `any`, or 1 to 50 rules; and its two modes.
//!
//! Invariants: "unrestricted" is the word `any`. An empty list is an error, never "unrestricted". Formats
//! that do not describe themselves encode `any` as an absent list.
//! What it must not know: requests.
//! What a mistake costs: an empty or unreadable list is read as `any` and admits every site.

use super::rule::OriginRule;
use super::rule_text::RuleError;
use super::warning::RuleWarning;
use crate::limits;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::fmt;

/// The origins from which a token works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginRules {
    /// Every origin. Nothing about origins is evaluated.
    Any,
    /// Origins that one of these rules matches. An empty list would match nothing; no parser here makes one.
    Rules(Vec<OriginRule>),
}

/// Whether a refusal by origin is enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OriginMode {
    /// Refuse the request if no rule matches.
    #[default]
    Enforce,
    /// Admit the request, but count it as one that would have been refused.
    Report,
}

/// How a request without any origin is treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MissingOrigin {
    /// Refuse it with `origin_missing`.
    #[default]
    Refuse,
    /// Admit it, unless a browser says that it withheld the origin.
    Allow,
}

/// Why a value of `origins` is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RulesError {
    /// It is neither `"any"` nor a list.
    Type,
    /// The list is empty.
    Empty,
    /// More rules than [`limits::ORIGIN_RULES_MAX`].
    TooMany,
    /// An item is not a string.
    ItemType {
        /// Index in the list, from 0.
        index: usize,
    },
    /// An item is not a valid rule.
    Rule {
        /// Index in the list, from 0.
        index: usize,
        error: RuleError,
    },
}

impl OriginRules {
    /// Parses the field `origins` of an admin request.
    ///
    /// # Errors
    /// [`RulesError`] for the first faulty item.
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

    /// Whether at least one rule names an origin. `any` does not, and neither does a rule for every
    /// installation of an extension.
    #[must_use]
    pub fn name_origins(&self) -> bool {
        matches!(self, Self::Rules(rules) if rules.iter().any(|rule| !rule.is_for_every_installation()))
    }

    /// The warnings about these rules, each once.
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
    /// The stable code, for programs to compare.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Type | Self::ItemType { .. } => "wrong_type",
            Self::Empty => "empty_list",
            Self::TooMany => "too_many",
            Self::Rule { error, .. } => error.code(),
        }
    }

    /// What was expected. Constant for each code.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::Type => "\"any\", or a list of 1 to 50 rules such as \"https://example.com\"",
            Self::ItemType { .. } => "a rule as text, such as \"https://example.com\"",
            Self::Empty => "at least one rule; for a token that works from every site, use \"any\"",
            Self::TooMany => "at most 50 rules; create a second token for further sites",
            Self::Rule { error, .. } => error.detail(),
        }
    }

    /// Index of the faulty item, from 0. `None` when the field itself is faulty.
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
