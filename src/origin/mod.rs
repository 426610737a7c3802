//! Origins, the rules of a token about them, and the decision.
//!
//! Standards: RFC 6454 (the web origin), the Fetch standard (`Origin`, `Sec-Fetch-Site`), the URL standard (parsing),
//! RFC 9110 section 10.1.3 (`Referer`), the Public Suffix List.
//! Invariants: origins and rules are parsed and compared as tuples; no text is ever matched as a prefix, suffix or
//! pattern; an `Origin` that is present and unreadable is refused and never falls through to `Referer`.
//! What it must not know: tokens, records, HTTP types.
//! What a mistake costs: a page of another site uses the token (false accept), or the owner's own page stops working
//! (false refuse).

mod decision;
mod host;
mod public_suffix;
mod rule;
mod rules;
mod tuple;

pub use decision::{
    OriginAllowed, OriginDecision, OriginEvidence, OriginOutcome, OriginRefusal, OriginSource, OriginTest,
    Seen, decide, origin_test,
};
pub use rule::{APP_SCHEMES_DEFAULT, AppSchemesError, OriginRule, RuleError, RuleWarning, parse_app_schemes};
pub use rules::{MissingOrigin, OriginMode, OriginRules, RulesError};
pub use tuple::{Origin, OriginFault, TupleOrigin};
