//! Web origins, the rules of a token about them, and the decision on a request.
//!
//! Standards: RFC 6454 (the web origin), the Fetch standard (`Origin`, `Sec-Fetch-Site`), the URL standard
//! (parsing), RFC 9110 section 10.1.3 (`Referer`), the Public Suffix List.
//! Invariants: origins and rules are parsed and compared as tuples. No text is matched as a prefix, suffix or
//! pattern. An unreadable `Origin` is refused; `Referer` is not read in its place.
//! What it must not know: tokens, records, HTTP types.
//! What a mistake costs: a page of another site uses the token, or the owner's own page stops working.

mod app_schemes;
mod decision;
mod host;
mod public_suffix;
mod rule;
mod rule_text;
mod rules;
mod shared_hosts;
mod suffix_parents;
mod tuple;
mod warning;

pub use app_schemes::{APP_SCHEMES_DEFAULT, APP_SCHEMES_EXPECTED, parse_app_schemes};
pub use decision::{
    OriginAllowed, OriginDecision, OriginEvidence, OriginOutcome, OriginRefusal, OriginSource, OriginTest,
    SeenOrigin, decide, origin_test,
};
pub use rule::OriginRule;
pub use rule_text::RuleError;
pub use rules::{MissingOrigin, OriginMode, OriginRules, RulesError};
pub use tuple::{Origin, TupleOrigin};
pub use warning::RuleWarning;
