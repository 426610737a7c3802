//! `RATES`: the classes of this deployment, and who counts for each.
//!
//! Standards: DESIGN section 9; the Workers rate-limiting binding, which knows periods of 10 and 60 s.
//! Invariants: a name is one that a binding can be named after; every limit admits something.
//! What it must not know: tokens.
//! What a mistake costs: a limit that is not the one meant.

use super::ClientAddress;
use super::question::{AskedLimit, Fact, Question, Standing, Verdict};
use crate::json;
use crate::limits::{RATE_CLASS_NAME_MAX_CHARS, RATE_CLASSES_MAX, RATE_REQUESTS_MAX};
use crate::token::Serial;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The name of a rate class: a letter, then letters and digits, all lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ClassName(String);

impl ClassName {
    /// What a name looks like, as a regular expression of JSON Schema.
    pub const PATTERN: &'static str = "^[a-z][a-z0-9]{0,31}$";

    /// Reads a name; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_name = text.len() <= RATE_CLASS_NAME_MAX_CHARS
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        is_name.then(|| Self(text.to_owned()))
    }

    /// Its text.
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
    /// The platform, by the bindings `RATE_<CLASS>` (and `RATE_<CLASS>_TOKEN`): for a whole location.
    Binding,
    /// Each isolate by itself, in memory: several of a location admit a multiple of the limit.
    Isolate,
}

/// A rate class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Requests in a period with one token from one address.
    pub requests: u32,
    /// Requests in a period with one token from everywhere.
    pub token_requests: Option<u32>,
    /// The period, seconds: 10 or 60.
    pub per_seconds: u32,
    /// Who counts.
    pub counted_by: CountedBy,
}

/// Every rate class, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateClasses(BTreeMap<ClassName, Class>);

/// `RATES` cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RatesFault {
    /// Not the JSON that is meant.
    Form,
    /// A name is none.
    Name,
    /// A number is out of its range, or the total is below what one address has.
    Number,
    /// More than [`RATE_CLASSES_MAX`].
    TooMany,
    /// A class has a total, and only one of its two bindings is there.
    HalfBound,
}

impl fmt::Display for RatesFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => {
                r#"a JSON object such as {"page": {"requests": 300, "per_seconds": 60, "token_requests": 20000}}, token_requests optional"#
            }
            Self::Name => "names of a letter and up to 31 letters and digits, lower case",
            Self::Number => {
                "requests from 1 to 1000000, per_seconds 10 or 60, token_requests (if given) from requests to 1000000"
            }
            Self::TooMany => "at most 20 classes",
            Self::HalfBound => {
                "for a class with token_requests both bindings, RATE_<CLASS> and RATE_<CLASS>_TOKEN, or neither"
            }
        })
    }
}

/// A class as `RATES` has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    requests: u32,
    per_seconds: u32,
    #[serde(default)]
    token_requests: Option<u32>,
}

impl RateClasses {
    /// Parses `RATES`. `is_bound` says whether there is a binding of this name.
    ///
    /// # Errors
    /// [`RatesFault`].
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

    /// Whether there is a class of this name.
    #[must_use]
    pub fn has(&self, name: &ClassName) -> bool {
        self.0.contains_key(name)
    }

    /// Whether there is none: then nobody's address is looked at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&ClassName, &Class)> {
        self.0.iter()
    }

    /// How a request stands that the gate has admitted: `name` is the class of its record, `fact` what was counted of it.
    #[must_use]
    pub fn standing(
        &self,
        name: Option<&ClassName>,
        serial: Serial,
        client: ClientAddress,
        fact: &Fact,
    ) -> Standing {
        let Some((name, class)) = name.and_then(|name| self.0.get_key_value(name)) else {
            return Standing::Free;
        };
        match fact {
            Fact::Counted { class, verdict: Verdict::Within } if class == name => Standing::Free,
            Fact::Counted { class, verdict: Verdict::Exceeded { retry_after_seconds } } if class == name => {
                Standing::Exceeded { retry_after_seconds: *retry_after_seconds }
            }
            // Nothing was counted, or under the class of an earlier record.
            Fact::Counted { .. } | Fact::NotCounted => Standing::Ask(class.question(name, serial, client)),
        }
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

    /// What is to be counted: first for the address, so that what it has too much is not taken from all.
    fn question(&self, name: &ClassName, serial: Serial, client: ClientAddress) -> Question {
        let is_bound = self.counted_by == CountedBy::Binding;
        let token = format!("{} tok_{}", name.as_str(), serial.0);
        let mut limits = vec![AskedLimit {
            key: format!("{token} {client}"),
            requests: self.requests,
            per_seconds: self.per_seconds,
            binding: is_bound.then(|| binding(name)),
        }];
        limits.extend(self.token_requests.map(|requests| AskedLimit {
            key: token,
            requests,
            per_seconds: self.per_seconds,
            binding: is_bound.then(|| token_binding(name)),
        }));
        Question::new(name.clone(), limits)
    }
}

fn binding(name: &ClassName) -> String {
    format!("RATE_{}", name.as_str().to_ascii_uppercase())
}

fn token_binding(name: &ClassName) -> String {
    format!("{}_TOKEN", binding(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixMillis;

    const PAGE: &str = r#"{"page": {"requests": 3, "per_seconds": 10, "token_requests": 5}}"#;

    fn name() -> ClassName {
        ClassName::parse("page").unwrap()
    }

    fn unbound(json: &str) -> Result<RateClasses, RatesFault> {
        RateClasses::parse(json, |_| false)
    }

    fn standing(classes: &RateClasses, fact: &Fact) -> Standing {
        classes.standing(Some(&name()), Serial(7), ClientAddress::read(Some("192.0.2.1")), fact)
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for json in ["", "[]", "{\"page\":{}}", r#"{"page":{"requests":1,"per_seconds":10,"burst":1}}"#] {
            assert_eq!(unbound(json), Err(RatesFault::Form), "{json}");
        }
        assert_eq!(unbound(&PAGE.replace("3,", "3.5,")), Err(RatesFault::Form));
        let twice = r#"{"page":{"requests":1,"per_seconds":10},"page":{"requests":9,"per_seconds":10}}"#;
        assert_eq!(unbound(twice), Err(RatesFault::Form));
        for name in ["", "Page", "a_b", "1a", &"a".repeat(33)] {
            assert_eq!(unbound(&PAGE.replace("page", name)), Err(RatesFault::Name), "{name}");
        }
        for (from, to) in [("3,", "0,"), ("3,", "1000001,"), ("10", "30"), ("5}", "2}"), ("5}", "1000001}")] {
            assert_eq!(unbound(&PAGE.replace(from, to)), Err(RatesFault::Number), "{to}");
        }
        let many: Vec<String> =
            (0..21).map(|n| format!(r#""c{n}":{{"requests":1,"per_seconds":60}}"#)).collect();
        assert_eq!(unbound(&format!("{{{}}}", many.join(","))), Err(RatesFault::TooMany));
    }

    #[test]
    fn a_class_is_counted_by_its_bindings_or_by_isolates_never_by_half() {
        let by = |json: &str, bound: &[&str]| {
            let classes = RateClasses::parse(json, |name| bound.contains(&name))?;
            Ok(classes.iter().next().unwrap().1.counted_by)
        };
        let without_total = PAGE.replace(r#", "token_requests": 5"#, "");
        assert_eq!(by(PAGE, &[]), Ok(CountedBy::Isolate));
        assert_eq!(by(PAGE, &["RATE_PAGE", "RATE_PAGE_TOKEN"]), Ok(CountedBy::Binding));
        assert_eq!(by(PAGE, &["RATE_PAGE"]), Err(RatesFault::HalfBound));
        assert_eq!(by(PAGE, &["RATE_PAGE_TOKEN"]), Err(RatesFault::HalfBound));
        assert_eq!(by(&without_total, &["RATE_PAGE"]), Ok(CountedBy::Binding));
    }

    #[test]
    fn the_address_is_counted_first_then_the_token() {
        let classes = unbound(PAGE).unwrap();
        let Standing::Ask(question) = standing(&classes, &Fact::NotCounted) else { panic!("not asked") };
        let limits: Vec<_> =
            question.limits().iter().map(|limit| (limit.key.as_str(), limit.requests)).collect();
        assert_eq!(limits, [("page tok_7 192.0.2.1", 3), ("page tok_7", 5)]);
    }

    #[test]
    fn what_was_counted_holds_for_the_class_that_it_was_counted_for() {
        let classes = unbound(PAGE).unwrap();
        let Standing::Ask(question) = standing(&classes, &Fact::NotCounted) else { panic!("not asked") };
        let within = question.clone().within();
        assert_eq!(standing(&classes, &within), Standing::Free);
        let exceeded = question.exceeded(UnixMillis(12_000));
        assert_eq!(standing(&classes, &exceeded), Standing::Exceeded { retry_after_seconds: 8 });
        let others = unbound(&PAGE.replace("page", "other")).unwrap();
        let other = ClassName::parse("other");
        for fact in [exceeded, within] {
            let anew = others.standing(other.as_ref(), Serial(7), ClientAddress::read(None), &fact);
            assert!(matches!(anew, Standing::Ask(_)), "{fact:?}");
        }
    }

    #[test]
    fn no_class_and_one_that_is_not_known_here_limit_nothing() {
        let classes = unbound(PAGE).unwrap();
        let client = ClientAddress::read(None);
        assert_eq!(classes.standing(None, Serial(7), client, &Fact::NotCounted), Standing::Free);
        assert_eq!(standing(&RateClasses::default(), &Fact::NotCounted), Standing::Free);
    }
}
