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
use crate::formats::usage::refusal::RefusedRequest;
use crate::http::problem::Code;

/// The count for a request that the gate admitted.
pub(crate) fn admitted(admission: Admission) -> Counted {
    let outcome = Outcome::of_admission(admission.reported());
    let (serial, is_watched) = (Some(admission.serial()), admission.policy().watched);
    Counted { serial, outcome, origin: not_overlong(admission.into_origin()), is_watched, refused: None }
}

/// The count for a refused request. `serial` is that of a token whose tag verified. `kept`: method and path,
/// if a tail of refusals is kept.
pub(crate) fn refused(
    code: Code,
    serial: Option<Serial>,
    evidence: &OriginEvidence<'_>,
    kept: Option<(&str, &str)>,
) -> Counted {
    // Every code that the gateway refuses with has an outcome. The default still counts a refusal.
    let outcome = Outcome::of_problem(code).unwrap_or(Outcome::Invalid);
    // The outcome is `Invalid` for a token that was never issued and for one of a retired key.
    let serial = serial.filter(|_| outcome != Outcome::Invalid);
    // For refusals, the origin is parsed only where reports or the tail show it.
    let is_shown = outcome.is_refusal_by_origin() || kept.is_some();
    let site = if is_shown { not_overlong(evidence.seen().origin) } else { None };
    let origin = if outcome.is_refusal_by_origin() { site.clone() } else { None };
    let refused = kept.map(|(method, path)| Box::new(RefusedRequest::of(method, path, site)));
    Counted { serial, outcome, origin, is_watched: false, refused }
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
        let counted = refused(Code::OriginNotAllowed, serial, &from, None);
        assert_eq!((counted.serial, counted.outcome), (serial, Outcome::OriginNotAllowed));
        assert_eq!(counted.origin.unwrap().to_string(), "https://a.example");
        let counted = refused(Code::TokenRevoked, serial, &from, None);
        assert_eq!((counted.serial, counted.origin), (serial, None));
        // The key is retired or the token was never issued, so a forger may have chosen the serial.
        assert_eq!(refused(Code::TokenInvalid, serial, &from, None).serial, None);
        assert_eq!(refused(Code::TokenMissing, None, &from, None), Counted::of_nobody(Outcome::Missing));
        let long = format!("{}://host.example/", "a".repeat(400));
        assert_eq!(refused(Code::OriginNotAllowed, serial, &evidence(&long), None).origin, None);
    }

    #[test]
    fn the_tail_shows_site_and_path_of_every_refusal_where_one_is_kept() {
        let from = OriginEvidence { origin: Some("https://a.example"), ..OriginEvidence::default() };
        let counted = refused(Code::TokenExpired, Some(Serial(7)), &from, Some(("POST", "/tiles/1")));
        assert_eq!((counted.origin, counted.outcome), (None, Outcome::Expired));
        let kept = counted.refused.unwrap();
        assert_eq!((kept.method.as_str(), kept.path.as_str()), ("POST", "/tiles/1"));
        assert_eq!(kept.site.unwrap().to_string(), "https://a.example");
        assert!(refused(Code::TokenExpired, None, &from, None).refused.is_none());
    }
}
