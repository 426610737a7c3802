//! What is counted for a request, derived from the decision on it.
//!
//! Standard: docs/lifecycle.md, "Usage".
//! Invariants: self-tests, preflights, health and the admin API are never counted. A serial is counted only
//! if the token's tag verified and the deployment has that token, since anyone can write any serial.
//! What it must not know: where counts are stored.
//! What a mistake costs: usage is wrong, so that an operator ends a token that is in use.

use crate::edge::decide::Admission;
use crate::formats::origin::{Origin, OriginEvidence};
use crate::formats::token::Serial;
use crate::formats::usage::counted::Counted;
use crate::formats::usage::outcome::Outcome;
use crate::http::problem::Code;

/// The count for a request that the gate admitted.
pub(crate) fn admitted(admission: Admission) -> Counted {
    let outcome = Outcome::of_admission(admission.reported());
    let (serial, is_watched) = (Some(admission.serial()), admission.policy().watched);
    Counted { serial, outcome, origin: not_overlong(admission.into_origin()), is_watched }
}

/// The count for a refused request. `serial` is that of a token whose tag verified.
pub(crate) fn refused(code: Code, serial: Option<Serial>, evidence: &OriginEvidence<'_>) -> Counted {
    // Every code that the gateway refuses with has an outcome. The default still counts a refusal.
    let outcome = Outcome::of_problem(code).unwrap_or(Outcome::Invalid);
    // The outcome is `Invalid` for a token that was never issued and for one of a retired key.
    let serial = serial.filter(|_| outcome != Outcome::Invalid);
    // For refusals, the origin is parsed only where reports show it.
    let origin = if outcome.is_refusal_by_origin() { not_overlong(evidence.seen().origin) } else { None };
    Counted { serial, outcome, origin, is_watched: false }
}

/// Drops an overlong origin: callers choose this value, so its stored length must be bounded.
fn not_overlong(origin: Option<Origin>) -> Option<Origin> {
    origin.filter(|origin| !origin.is_overlong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_a_token_of_ours_and_an_origin_only_where_that_was_refused() {
        let evidence = |referer| OriginEvidence { referer: Some(referer), ..OriginEvidence::default() };
        let from = evidence("https://a.example/page");
        let serial = Some(Serial(7));
        let counted = refused(Code::OriginNotAllowed, serial, &from);
        assert_eq!((counted.serial, counted.outcome), (serial, Outcome::OriginNotAllowed));
        assert_eq!(counted.origin.unwrap().to_string(), "https://a.example");
        let counted = refused(Code::TokenRevoked, serial, &from);
        assert_eq!((counted.serial, counted.origin), (serial, None));
        // The key is retired or the token was never issued, so a forger may have chosen the serial.
        assert_eq!(refused(Code::TokenInvalid, serial, &from).serial, None);
        assert_eq!(refused(Code::TokenMissing, None, &from), Counted::of_nobody(Outcome::Missing));
        let long = format!("{}://host.example/", "a".repeat(400));
        assert_eq!(refused(Code::OriginNotAllowed, serial, &evidence(&long)).origin, None);
    }
}
