//! `RATES`: the rate classes of this deployment, and who counts for each.
//!
//! Standards: docs/configuration.md, "Rate classes"; the Workers rate-limiting binding, which supports
//! periods of 10 and 60 s.
//! Invariants: a binding can be named after every class; every limit admits at least one request.
//! What it must not know: tokens.
//! What a mistake costs: a limit other than the one configured.

use crate::base::json;
use crate::limits::{RATE_CLASS_NAME_MAX_CHARS, RATE_CLASSES_MAX, RATE_REQUESTS_MAX};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The name of a rate class: a lower-case letter, then lower-case letters and digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ClassName(String);

impl ClassName {
    /// The form of a name, as a regular expression of JSON Schema.
    pub const PATTERN: &'static str = "^[a-z][a-z0-9]{0,31}$";

    /// Parses a name; `None` when the text is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_name = text.len() <= RATE_CLASS_NAME_MAX_CHARS
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        is_name.then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ClassName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not the name of a rate class")
    }
}

/// Who counts the requests of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CountedBy {
    /// The platform, for a whole location, through the bindings `RATE_<CLASS>` and `RATE_<CLASS>_TOKEN`.
    Binding,
    /// Each isolate in its own memory. Several isolates of a location together admit a multiple of the limit.
    Isolate,
}

/// The limits of a rate class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Requests per period with one token from one address.
    pub requests: u32,
    /// Requests per period with one token from all addresses; `None`: no such limit.
    pub token_requests: Option<u32>,
    /// The period in seconds: 10 or 60.
    pub per_seconds: u32,
    pub counted_by: CountedBy,
}

/// All rate classes, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateClasses(BTreeMap<ClassName, Class>);

/// Why `RATES` cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RatesFault {
    /// `RATES` is not JSON of the expected form.
    Form,
    /// A class name is not well formed.
    Name,
    /// A number is out of range, or the limit for all addresses is below the limit for one address.
    Number,
    /// More than [`RATE_CLASSES_MAX`] classes.
    TooMany,
    /// A class limits all addresses together, but only one of its two bindings exists.
    HalfBound,
}

impl fmt::Display for RatesFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => {
                concat!(
                    r#"a JSON object such as {"page": {"requests": 300, "per_seconds": 60, "#,
                    r#""token_requests": 20000}}, token_requests optional"#
                )
            }
            Self::Name => "names of a letter and up to 31 letters and digits, lower case",
            Self::Number => {
                "requests from 1 to 1000000, per_seconds 10 or 60, token_requests (if given) from requests \
                 to 1000000"
            }
            Self::TooMany => "at most 20 classes",
            Self::HalfBound => {
                "for a class with token_requests both bindings, RATE_<CLASS> and RATE_<CLASS>_TOKEN, or \
                 neither"
            }
        })
    }
}

/// A class as written in `RATES`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    requests: u32,
    per_seconds: u32,
    #[serde(default)]
    token_requests: Option<u32>,
}

impl RateClasses {
    /// Parses `RATES`. `is_bound` says whether a binding of this name exists.
    ///
    /// # Errors
    /// [`RatesFault`] when it cannot be used.
    pub fn parse(text: &str, is_bound: impl Fn(&str) -> bool) -> Result<Self, RatesFault> {
        let value = json::parse(text).map_err(|_| RatesFault::Form)?;
        let written: BTreeMap<String, Written> =
            serde_json::from_value(value).map_err(|_| RatesFault::Form)?;
        if written.len() > RATE_CLASSES_MAX {
            return Err(RatesFault::TooMany);
        }
        let classes = written.into_iter().map(|(name, written)| {
            let name = ClassName::parse(&name).ok_or(RatesFault::Name)?;
            let class = Class::of(&name, &written, &is_bound)?;
            Ok((name, class))
        });
        classes.collect::<Result<_, _>>().map(Self)
    }

    /// Whether a class of this name exists.
    #[must_use]
    pub fn has(&self, name: &ClassName) -> bool {
        self.0.contains_key(name)
    }

    /// Whether there are no classes. Then addresses need not be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All classes, in the order of their names.
    pub fn find(&self, name: &ClassName) -> Option<(&ClassName, &Class)> {
        self.0.get_key_value(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&ClassName, &Class)> {
        self.0.iter()
    }
}

impl Class {
    fn of(name: &ClassName, written: &Written, is_bound: &impl Fn(&str) -> bool) -> Result<Self, RatesFault> {
        let Written { requests, per_seconds, token_requests } = *written;
        let is_total_fit = token_requests.is_none_or(|total| (requests..=RATE_REQUESTS_MAX).contains(&total));
        if !(1..=RATE_REQUESTS_MAX).contains(&requests) || !matches!(per_seconds, 10 | 60) || !is_total_fit {
            return Err(RatesFault::Number);
        }
        let counted_by = match (is_bound(&binding(name)), is_bound(&token_binding(name))) {
            (true, true) => CountedBy::Binding,
            (true, false) if token_requests.is_none() => CountedBy::Binding,
            (false, false) => CountedBy::Isolate,
            _ => return Err(RatesFault::HalfBound),
        };
        Ok(Self { requests, token_requests, per_seconds, counted_by })
    }
}

/// The name of the binding that counts a class by address.
pub(crate) fn binding(name: &ClassName) -> String {
    format!("RATE_{}", name.as_str().to_ascii_uppercase())
}

/// The name of the binding that counts a class in all.
pub(crate) fn token_binding(name: &ClassName) -> String {
    format!("{}_TOKEN", binding(name))
}
