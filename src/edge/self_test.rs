//! `GET /_wayleave/token`, the self-test: what the holder of a token may learn about it.
//!
//! Standard: docs/http.md, "Self-test". Unlike RFC 7662, the answer gives the reason of a refusal: the holder
//! has the token anyway, and it is public.
//! Invariants: only a token that verified and is in force gets here. A refusal by origin is reported, not
//! enforced, so that a developer sees what the gate would answer. A self-test is not counted as a use.
//! What it must not know: HTTP.
//! What a mistake costs: the answer reveals more of a token than its holder should know. Its rules, scope and
//! claims are not in the answer.

use crate::base::time::UnixMillis;
use crate::edge::decide as gate;
use crate::formats::origin;
use crate::formats::origin::{OriginEvidence, OriginMode, OriginSource};
use crate::formats::record::Record;
use crate::formats::token::VerifiedToken;
use crate::limits::MS_PER_SECOND;
use serde::Serialize;

/// The JSON body of the answer.
#[derive(Debug, Serialize)]
pub struct SelfTest {
    active: bool,
    state: &'static str,
    id: String,
    family: String,
    expires_at: String,
    /// Whole seconds until the token expires, rounded down.
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<String>,
    audiences: Vec<String>,
    origin: OriginSeen,
    /// The token that replaced this one and should be used instead.
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

/// The gate's view of this token on this request.
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
        successor: record.successor.map(|serial| format!("tok_{}", serial.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::UnixSeconds;
    use crate::formats::key::{KeyId, KeyRing};
    use crate::formats::scope::{Methods, Scope};
    use crate::formats::token::{Claims, Serial, UnverifiedToken};
    use crate::formats::upstream_claims::UpstreamClaims;
    use zeroize::Zeroizing;

    /// The holder learns what the record says of the token, above all its successor.
    #[test]
    fn the_holder_of_a_rotated_token_learns_its_successor() {
        let ring = KeyRing::derive(&[(KeyId(1), Zeroizing::new(vec![1; 32]))], "d");
        let claims = Claims { key_id: KeyId(1), serial: Serial(7), expires_at: UnixSeconds(2_000_000_000) };
        let text = claims.mint(&ring).unwrap();
        let token = UnverifiedToken::parse(&text).unwrap().verify(&ring).unwrap();
        let evidence = OriginEvidence { origin: None, referer: None, sec_fetch_site: None, own_origin: "" };
        let seen = |successor| {
            let record = Record {
                successor,
                scope: Scope { methods: Methods::parse(["GET"]).ok(), ..Scope::default() },
                claims: UpstreamClaims::of(&serde_json::json!({"plan": "free"})).ok(),
                ..Record::of_test(claims.expires_at)
            };
            let view = view(token, &record, &evidence, UnixMillis(1_900_000_000_000));
            let shown = serde_json::to_value(view).unwrap();
            for secret in ["GET", "methods", "paths", "scope", "plan", "claims"] {
                assert!(!shown.to_string().contains(secret), "{secret}");
            }
            shown["successor"].clone()
        };
        assert_eq!(seen(Some(Serial(9))), "tok_9");
        assert_eq!(seen(None), serde_json::Value::Null);
    }
}
