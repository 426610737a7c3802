//! What is counted of a request, from what was decided about it.
//!
//! Standard: DESIGN section 2 (a *use*) and section 7 (`/tokens/{id}/usage`).
//! Invariants: self-tests, preflights, health and the admin API are never counted; a serial is named only for a token whose
//! tag verified and that the deployment has, since anyone can write any serial.
//! What it must not know: where counts go.
//! What a mistake costs: as in `usage`.

use crate::gate::Admission;
use crate::origin::OriginEvidence;
use crate::problem::Code;
use crate::token::Serial;
use crate::usage::{Counted, Outcome};

/// Of a request that the gate admitted.
pub(super) fn admitted(admission: Admission) -> Counted {
    let outcome = Outcome::of_admission(admission.reported());
    let (serial, is_watched) = (Some(admission.serial()), admission.policy().watched);
    Counted { serial, outcome, origin: admission.into_origin(), is_watched }
}

/// Of a request that is refused; `serial` is that of a token whose tag verified.
pub(super) fn refused(code: Code, serial: Option<Serial>, evidence: &OriginEvidence<'_>) -> Counted {
    // Every code that the gateway refuses with has an outcome; another would still be a refusal.
    let outcome = Outcome::of_problem(code).unwrap_or(Outcome::Invalid);
    // No such token, or one of a retired key.
    let serial = serial.filter(|_| outcome != Outcome::Invalid);
    // Admitted ones bring theirs; here it is read only where it is shown.
    let origin = if outcome.is_refusal_by_origin() { evidence.seen().origin } else { None };
    Counted { serial, outcome, origin, is_watched: false }
}
