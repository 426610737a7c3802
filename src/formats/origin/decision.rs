//! Whether a request comes from where its token may be used.
//!
//! Standards: RFC 6454 section 7 (`Origin`), the Fetch standard (when browsers send it; `Sec-Fetch-Site` in Fetch
//! Metadata), RFC 9110 section 10.1.3 (`Referer`).
//! Invariants: the evidence is read in one order, `Origin`, `Referer`, `Sec-Fetch-Site`; what is present decides and
//! nothing after it is read; one more rule never refuses more.
//! What it must not know: modes, tokens, HTTP types.
//! What a mistake costs: as in the rest of `origin`. No mistake here helps a script, which can write any header.

use super::rule::{OriginRule, RuleWarning};
use super::rules::{MissingOrigin, OriginRules};
use super::tuple::Origin;
use serde::Serialize;

/// What a request shows of its origin: header values as the platform read them. A header sent twice is one value,
/// joined by `, `.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OriginEvidence<'a> {
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// `Referer`.
    pub referer: Option<&'a str>,
    /// `Sec-Fetch-Site`.
    pub sec_fetch_site: Option<&'a str>,
    /// `scheme://host[:port]` of the request itself.
    pub own_origin: &'a str,
}

/// The decision, and what it was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginDecision {
    /// Allowed or refused.
    pub outcome: OriginOutcome,
    /// What was seen.
    pub seen: Seen,
}

impl OriginDecision {
    /// Why the request is refused; `None` when it is allowed.
    #[must_use]
    pub fn refusal(&self) -> Option<OriginRefusal> {
        match self.outcome {
            OriginOutcome::Allowed(_) => None,
            OriginOutcome::Refused(refusal) => Some(refusal),
        }
    }
}

/// Allowed or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginOutcome {
    /// Allowed, and why.
    Allowed(OriginAllowed),
    /// Refused, and why.
    Refused(OriginRefusal),
}

/// Why a request is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginAllowed {
    /// The token works everywhere.
    Any,
    /// This rule matched: its place in the list, from 0.
    Rule(usize),
    /// It shows no origin, and the token allows that.
    MissingAllowed,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginRefusal {
    /// It shows no origin.
    Missing {
        /// `Sec-Fetch-Site` says that a page of another origin sent it, so the browser held the `Referer` back:
        /// most likely the page has `Referrer-Policy: no-referrer`.
        hidden_by_browser: bool,
    },
    /// It shows an origin that no rule names, or something that is no origin.
    NotAllowed,
}

impl OriginRefusal {
    /// The problem code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing { .. } => "origin_missing",
            Self::NotAllowed => "origin_not_allowed",
        }
    }
}

/// Where the origin was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OriginSource {
    /// The header `Origin`.
    Origin,
    /// The header `Referer`.
    Referer,
    /// Neither header was there.
    None,
}

/// What a request shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Where it was read.
    pub from: OriginSource,
    /// `None` when there was nothing, or nothing that is one origin. With [`OriginSource::None`] it is the request's
    /// own origin, if the browser says `Sec-Fetch-Site: same-origin`.
    pub origin: Option<Origin>,
}

impl OriginEvidence<'_> {
    /// What the request shows, before any rule.
    #[must_use]
    pub fn seen(&self) -> Seen {
        match (self.origin, self.referer) {
            (Some(value), _) => Seen { from: OriginSource::Origin, origin: Origin::parse_header(value).ok() },
            (None, Some(value)) => {
                Seen { from: OriginSource::Referer, origin: Origin::parse_referer(value).ok() }
            }
            (None, None) => {
                let own = (self.sec_fetch_site == Some("same-origin")).then_some(self.own_origin);
                Seen { from: OriginSource::None, origin: own.and_then(|own| Origin::parse_header(own).ok()) }
            }
        }
    }
}

/// Decides.
#[must_use]
pub fn decide(rules: &OriginRules, missing: MissingOrigin, evidence: &OriginEvidence<'_>) -> OriginDecision {
    let seen = evidence.seen();
    let outcome = match rules {
        OriginRules::Any => OriginOutcome::Allowed(OriginAllowed::Any),
        OriginRules::Rules(rules) => match &seen {
            Seen { origin: Some(Origin::Tuple(origin)), .. } => {
                match rules.iter().position(|rule| rule.matches(origin)) {
                    Some(index) => OriginOutcome::Allowed(OriginAllowed::Rule(index)),
                    None => OriginOutcome::Refused(OriginRefusal::NotAllowed),
                }
            }
            Seen { origin: None, from: OriginSource::None } => {
                without_origin(missing, evidence.sec_fetch_site)
            }
            Seen { .. } => OriginOutcome::Refused(OriginRefusal::NotAllowed),
        },
    };
    OriginDecision { outcome, seen }
}

/// Neither `Origin` nor `Referer`. A browser that sends `Sec-Fetch-Site` of another origin knows where the request
/// comes from and was told not to say; that is not the app or server that `allow` is meant for. Nor is a value that
/// the standard does not know.
fn without_origin(missing: MissingOrigin, sec_fetch_site: Option<&str>) -> OriginOutcome {
    match (missing, sec_fetch_site) {
        (MissingOrigin::Allow, None | Some("none")) => OriginOutcome::Allowed(OriginAllowed::MissingAllowed),
        (_, site) => OriginOutcome::Refused(OriginRefusal::Missing {
            hidden_by_browser: matches!(site, Some("cross-site" | "same-site")),
        }),
    }
}

/// The answer of `POST /origin-test`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OriginTest {
    /// Whether a request like this is let in.
    pub allowed: bool,
    /// The canonical text of the rule that matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The problem code of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// Codes of the warnings about the rules.
    pub warnings: Vec<&'static str>,
    /// How each rule is read, in their order; empty for `any`.
    pub rules: Vec<RuleReading>,
}

/// How one rule is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleReading {
    /// Its one spelling, as it is stored and compared: A-labels.
    pub rule: String,
    /// With its name in U-labels, for people, where that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unicode: Option<String>,
    /// Codes of the warnings about it.
    pub warnings: Vec<&'static str>,
}

impl RuleReading {
    fn of(rule: &OriginRule) -> Self {
        let (text, unicode) = (rule.to_string(), rule.to_unicode());
        let warnings = rule.warnings().into_iter().map(RuleWarning::code).collect();
        Self { unicode: (unicode != text).then_some(unicode), rule: text, warnings }
    }
}

/// Which rule matches this evidence, or why none does.
#[must_use]
pub fn origin_test(rules: &OriginRules, missing: MissingOrigin, evidence: &OriginEvidence<'_>) -> OriginTest {
    let decision = decide(rules, missing, evidence);
    let rule = match (decision.outcome, rules) {
        (OriginOutcome::Allowed(OriginAllowed::Rule(index)), OriginRules::Rules(rules)) => {
            rules.get(index).map(ToString::to_string)
        }
        _ => None,
    };
    let code = decision.refusal().map(OriginRefusal::code);
    let warnings = rules.warnings().into_iter().map(RuleWarning::code).collect();
    let readings = match rules {
        OriginRules::Any => Vec::new(),
        OriginRules::Rules(rules) => rules.iter().map(RuleReading::of).collect(),
    };
    OriginTest { allowed: code.is_none(), rule, code, warnings, rules: readings }
}
