//! What is counted of a request, from what was decided about it.
//!
//! Standard: DESIGN section 2 (a *use*) and section 7 (`/tokens/{id}/usage`).
//! Invariants: self-tests, preflights, health and the admin API are never counted; a serial is named only for a token whose
//! tag verified and that the deployment has, since anyone can write any serial.
//! What it must not know: where counts go.
//! What a mistake costs: as in `usage`.

use crate::gate::Admission;
use crate::origin::{Origin, OriginEvidence};
use crate::problem::Code;
use crate::token::Serial;
use crate::usage::{Counted, Outcome};

/// Of a request that the gate admitted.
pub(super) fn admitted(admission: Admission) -> Counted {
    let outcome = Outcome::of_admission(admission.reported());
    let (serial, is_watched) = (Some(admission.serial()), admission.policy().watched);
    Counted { serial, outcome, origin: kept(admission.into_origin()), is_watched }
}

/// Of a request that is refused; `serial` is that of a token whose tag verified.
pub(super) fn refused(code: Code, serial: Option<Serial>, evidence: &OriginEvidence<'_>) -> Counted {
    // Every code that the gateway refuses with has an outcome; another would still be a refusal.
    let outcome = Outcome::of_problem(code).unwrap_or(Outcome::Invalid);
    // No such token, or one of a retired key.
    let serial = serial.filter(|_| outcome != Outcome::Invalid);
    // Admitted ones bring theirs; here it is read only where it is shown.
    let origin = if outcome.is_refusal_by_origin() { kept(evidence.seen().origin) } else { None };
    Counted { serial, outcome, origin, is_watched: false }
}

/// Strangers choose origins: what is kept of them is bounded in length too.
fn kept(origin: Option<Origin>) -> Option<Origin> {
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
        // Of a retired key, or never issued: whoever forged it chose the serial.
        assert_eq!(refused(Code::TokenInvalid, serial, &from).serial, None);
        assert_eq!(refused(Code::TokenMissing, None, &from), Counted::of_nobody(Outcome::Missing));
        let long = format!("{}://host.example/", "a".repeat(400));
        assert_eq!(refused(Code::OriginNotAllowed, serial, &evidence(&long)).origin, None);
    }
}
