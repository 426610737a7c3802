//! Decides whether a request comes from an origin at which its token may be used.
//!
//! Standards: RFC 6454 section 7 (`Origin`); the Fetch standard (when browsers send it; `Sec-Fetch-Site` in
//! Fetch Metadata); RFC 9110 section 10.1.3 (`Referer`).
//! Invariants: the headers are read in the order `Origin`, `Referer`, `Sec-Fetch-Site`. The first that is
//! present decides. Adding a rule never refuses more requests.
//! What it must not know: modes, tokens, HTTP types.
//! What a mistake costs: a page of another site uses the token, or the owner's own page stops working. A
//! mistake gives a script nothing new, since a script can write any header.

use super::rule::OriginRule;
use super::rules::{MissingOrigin, OriginRules};
use super::tuple::Origin;
use super::warning::RuleWarning;
use serde::Serialize;

/// What a request shows of its origin: header values as the platform read them. A header sent twice is one
/// value, joined by `, `.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OriginEvidence<'a> {
    /// The value of the header `Origin`.
    pub origin: Option<&'a str>,
    /// The value of the header `Referer`.
    pub referer: Option<&'a str>,
    /// The value of the header `Sec-Fetch-Site`.
    pub sec_fetch_site: Option<&'a str>,
    /// The origin that the request was sent to, `scheme://host[:port]`.
    pub own_origin: &'a str,
}

/// The decision and the evidence for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginDecision {
    pub outcome: OriginOutcome,
    /// What the request showed.
    pub seen: SeenOrigin,
}

impl OriginDecision {
    /// Whether the request is allowed because a rule names its origin.
    #[must_use]
    pub fn is_by_rule(&self) -> bool {
        matches!(self.outcome, OriginOutcome::Allowed(OriginAllowed::Rule(_)))
    }

    /// Why the request is refused; `None` when it is allowed.
    #[must_use]
    pub fn refusal(&self) -> Option<OriginRefusal> {
        match self.outcome {
            OriginOutcome::Allowed(_) => None,
            OriginOutcome::Refused(refusal) => Some(refusal),
        }
    }
}

/// The outcome of a decision on an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginOutcome {
    Allowed(OriginAllowed),
    Refused(OriginRefusal),
}

/// Why a request is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginAllowed {
    /// The token is not restricted to origins.
    Any,
    /// A rule matched that names the origin or a name above it. Its index in the list, from 0.
    Rule(usize),
    /// The rule for every installation of an extension matched, which names no origin. Its index in the list,
    /// from 0.
    EveryInstallation(usize),
    /// The request shows no origin, and the token allows that.
    MissingAllowed,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginRefusal {
    /// The request shows no origin.
    Missing {
        /// `Sec-Fetch-Site` says that a page of another origin sent the request. So the browser withheld the
        /// `Referer`, most likely because of `Referrer-Policy: no-referrer`.
        hidden_by_browser: bool,
    },
    /// The request shows an origin that no rule names, or a value that is not an origin.
    NotAllowed,
}

impl OriginRefusal {
    /// The code of the problem to answer with.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing { .. } => "origin_missing",
            Self::NotAllowed => "origin_not_allowed",
        }
    }
}

/// The header from which the origin was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OriginSource {
    Origin,
    Referer,
    /// Neither header was present.
    None,
}

/// What a request shows of its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenOrigin {
    /// Where the origin was read.
    pub from: OriginSource,
    /// `None` when there was no value, or one that is not an origin. With [`OriginSource::None`] it is the
    /// request's own origin, if the browser says `Sec-Fetch-Site: same-origin`.
    pub origin: Option<Origin>,
}

impl OriginEvidence<'_> {
    /// Reads the evidence without applying rules.
    #[must_use]
    pub fn seen(&self) -> SeenOrigin {
        match (self.origin, self.referer) {
            (Some(value), _) => {
                SeenOrigin { from: OriginSource::Origin, origin: Origin::parse_header(value) }
            }
            (None, Some(value)) => {
                SeenOrigin { from: OriginSource::Referer, origin: Origin::parse_referer(value) }
            }
            (None, None) => {
                let own = (self.sec_fetch_site == Some("same-origin")).then_some(self.own_origin);
                SeenOrigin { from: OriginSource::None, origin: own.and_then(Origin::parse_header) }
            }
        }
    }
}

/// Applies the rules to the evidence.
#[must_use]
pub fn decide(rules: &OriginRules, missing: MissingOrigin, evidence: &OriginEvidence<'_>) -> OriginDecision {
    let seen = evidence.seen();
    let outcome = match rules {
        OriginRules::Any => OriginOutcome::Allowed(OriginAllowed::Any),
        OriginRules::Rules(rules) => match &seen {
            SeenOrigin { origin: Some(Origin::Tuple(origin)), .. } => {
                match rules.iter().enumerate().find(|(_, rule)| rule.matches(origin)) {
                    Some((index, rule)) if rule.is_for_every_installation() => {
                        OriginOutcome::Allowed(OriginAllowed::EveryInstallation(index))
                    }
                    Some((index, _)) => OriginOutcome::Allowed(OriginAllowed::Rule(index)),
                    None => OriginOutcome::Refused(OriginRefusal::NotAllowed),
                }
            }
            SeenOrigin { origin: None, from: OriginSource::None } => {
                without_origin(missing, evidence.sec_fetch_site)
            }
            SeenOrigin { .. } => OriginOutcome::Refused(OriginRefusal::NotAllowed),
        },
    };
    OriginDecision { outcome, seen }
}

/// Decides on a request with neither `Origin` nor `Referer`. If a browser sends `Sec-Fetch-Site` with another
/// origin, it knows the source and was told to withhold it. `allow` is meant for apps and servers, so such a
/// request is refused, and so is one with a value that the standard does not define.
fn without_origin(missing: MissingOrigin, sec_fetch_site: Option<&str>) -> OriginOutcome {
    match (missing, sec_fetch_site) {
        (MissingOrigin::Allow, None | Some("none")) => OriginOutcome::Allowed(OriginAllowed::MissingAllowed),
        (_, site) => OriginOutcome::Refused(OriginRefusal::Missing {
            hidden_by_browser: matches!(site, Some("cross-site" | "same-site")),
        }),
    }
}

/// The body of the answer to `POST /origin-test`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OriginTest {
    /// Whether a request like this is admitted.
    pub allowed: bool,
    /// The canonical text of the rule that matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The problem code of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// Codes of the warnings about all the rules.
    pub warnings: Vec<&'static str>,
    /// How each rule is read, in order. Empty for `any`.
    pub rules: Vec<RuleReading>,
}

/// How a rule was understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleReading {
    /// The rule's one spelling, as it is stored and compared: A-labels.
    pub rule: String,
    /// The rule with its name in U-labels, for people to read. `None` where it is the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unicode: Option<String>,
    /// Codes of the warnings about this rule.
    pub warnings: Vec<&'static str>,
}

impl RuleReading {
    fn of(rule: &OriginRule) -> Self {
        let (text, unicode) = (rule.to_string(), rule.to_unicode());
        let warnings = rule.warnings().into_iter().map(RuleWarning::code).collect();
        Self { unicode: (unicode != text).then_some(unicode), rule: text, warnings }
    }
}

/// Decides which rule matches this evidence, or why none does.
#[must_use]
pub fn origin_test(rules: &OriginRules, missing: MissingOrigin, evidence: &OriginEvidence<'_>) -> OriginTest {
    let decision = decide(rules, missing, evidence);
    let rule = match (decision.outcome, rules) {
        (
            OriginOutcome::Allowed(OriginAllowed::Rule(index) | OriginAllowed::EveryInstallation(index)),
            OriginRules::Rules(rules),
        ) => rules.get(index).map(ToString::to_string),
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
