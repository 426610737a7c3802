//! `GET /_wayleave/token`: what the holder of a token may learn of it.
//!
//! Standard: DESIGN section 7. Unlike RFC 7662, the answer says why: the holder has the token, and it is public.
//! Invariants: only a token that verified and is good gets here; an origin that is refused is told, not enforced, so
//! that a developer sees what the gate would say; not a use.
//! What it must not know: HTTP.
//! What a mistake costs: says more of a token than its holder should know (its rules are not in the answer).

use crate::gate;
use crate::limits::MS_PER_SECOND;
use crate::origin::{self, OriginEvidence, OriginMode, OriginSource};
use crate::record::Record;
use crate::time::UnixMillis;
use crate::token::VerifiedToken;
use serde::Serialize;

/// The answer.
#[derive(Debug, Serialize)]
pub struct SelfTest {
    active: bool,
    state: &'static str,
    id: String,
    family: String,
    expires_at: String,
    /// Whole seconds, rounded down.
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<String>,
    audiences: Vec<String>,
    origin: OriginSeen,
    successor: Option<String>,
}

#[derive(Debug, Serialize)]
struct OriginSeen {
    seen: Option<String>,
    from: OriginSource,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

/// What the gate sees of this token, sent from here.
#[must_use]
pub fn view(
    token: VerifiedToken,
    record: &Record,
    evidence: &OriginEvidence<'_>,
    now: UnixMillis,
) -> SelfTest {
    let claims = token.claims();
    let decision = origin::decide(&record.origins, record.missing_origin, evidence);
    let code = decision.refusal().map(|refusal| gate::refusal_code(refusal).code());
    SelfTest {
        active: true,
        state: "active",
        id: format!("tok_{}", claims.serial.0),
        family: record.family.as_str().to_owned(),
        expires_at: claims.expires_at.to_rfc3339(),
        expires_in: claims.expires_at.to_millis().since_ms(now) / MS_PER_SECOND,
        ends_at: record.ends_at.map(|at| at.floor_seconds().to_rfc3339()),
        audiences: record.audiences.clone(),
        origin: OriginSeen {
            seen: decision.seen.origin.as_ref().map(ToString::to_string),
            from: decision.seen.from,
            allowed: code.is_none() || record.origin_mode == OriginMode::Report,
            code,
        },
        successor: None,
    }
}
