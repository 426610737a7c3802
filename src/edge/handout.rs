//! `GET /_wayleave/families/{family}/token`: gives a page the current token of a family.
//!
//! Standard: docs/http.md, "The token of a family".
//! Invariants:
//! - The check in the family id is verified before anything is read.
//! - The gate decides on the named token as on any request, with `now` read after the last await.
//! - A family that is unknown, switched off or dead gets one and the same answer, byte for byte.
//! - A hand-out is not counted as a use of the token.
//!
//! What it must not know: whether KV or the registry named the token; Workers.
//! What a mistake costs: a page gets a token that is refused. Giving one to the wrong page costs little: the
//! token is public and stands in the pages of its sites.

use crate::base::time::UnixMillis;
use crate::edge::decide as gate;
use crate::edge::decide::{RecordFact, Unfit};
use crate::edge::freshness::ListHolder;
use crate::edge::refusal::{readable, refusal};
use crate::edge::request_facts::RequestFacts;
use crate::edge::settings::EdgeSettings;
use crate::formats::distribution;
use crate::formats::family::FamilyId;
use crate::formats::origin::{Origin, OriginEvidence};
use crate::formats::page_fetch::PageFetch;
use crate::formats::token::{Claims, Serial, UnverifiedToken, VerifiedToken};
use crate::http::problem::Code;
use crate::http::reply::Reply;

/// A page's request for the token of a family.
#[derive(Debug)]
pub struct Handout<'a> {
    /// The family. This deployment made the id, but the family may have been deleted since.
    pub family: FamilyId,
    pub(crate) evidence: OriginEvidence<'a>,
}

/// The known answer to which token a family has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyFact {
    /// The token that KV or the registry names.
    Names(Claims),
    /// The registry says that the family has no token to give out.
    NamesNone,
    /// No source answered in time.
    Unavailable,
}

/// The result of a decision on the named token.
#[derive(Debug)]
pub enum HandoutOutcome {
    /// Send this answer: the token.
    Given(Reply),
    /// Send this answer: a refusal.
    Reply(Reply),
    /// Read the token's record at this version or a later one, then decide again.
    NeedsRecord(u32),
    /// The gate would refuse the token, so its source is outdated. Ask a source closer to the registry.
    Outdated,
}

impl Handout<'_> {
    /// Decides on the named token. `now` must have been read after the last await.
    #[must_use]
    pub fn decide(
        &self,
        settings: &EdgeSettings,
        facts: &RequestFacts<'_>,
        lists: &ListHolder,
        named: Claims,
        record: &RecordFact,
        now: UnixMillis,
    ) -> HandoutOutcome {
        let Some((text, token)) = issued(settings, named) else { return HandoutOutcome::Outdated };
        let known = settings.known(lists, record, now);
        match gate::may_be_given(token, &known, &self.evidence) {
            Ok(record) if record.record.distribute && record.record.family == self.family => {
                let given = distribution::handed_out(text, token, &record.record, now);
                HandoutOutcome::Given(readable(Reply::json(200, &given), None, facts))
            }
            Ok(_) => HandoutOutcome::Outdated,
            Err(Unfit::NeedsRecord(version)) => HandoutOutcome::NeedsRecord(version),
            Err(Unfit::Refused(problem)) if concerns_page(problem.code()) => {
                HandoutOutcome::Reply(refusal(problem, None, facts))
            }
            Err(Unfit::Refused(_) | Unfit::QuotaExceeded { .. }) => HandoutOutcome::Outdated,
        }
    }

    /// What to note of a page that got the token `serial` at `now`; `None` when it shows no origin.
    #[must_use]
    pub fn fetch(&self, serial: Serial, now: UnixMillis) -> Option<PageFetch> {
        // A `Referer` may be as long as its caller likes.
        let seen = self.evidence.seen().origin.filter(|origin| !origin.is_overlong());
        let Some(Origin::Tuple(origin)) = seen else { return None };
        let family = self.family.as_str().to_owned();
        Some(PageFetch { family, serial, origin: origin.to_string(), at: now })
    }

    /// The answer when the family has no token to give out.
    #[must_use]
    pub fn nothing(facts: &RequestFacts<'_>) -> Reply {
        refusal(Code::NotFound, None, facts)
    }

    /// The answer when no source answered, or when the registry names a token that this location refuses. The
    /// latter happens when one of the two has not yet learnt of a change; it resolves within seconds.
    #[must_use]
    pub fn undecided(facts: &RequestFacts<'_>) -> Reply {
        refusal(Code::RevocationStatusUnknown, None, facts)
    }
}

/// Whether this refusal is about the page or about this location, so that the page should get it as it is.
/// Any other refusal means that the token is not the newest one.
fn concerns_page(code: Code) -> bool {
    matches!(code, Code::OriginMissing | Code::OriginNotAllowed | Code::RevocationStatusUnknown)
}

/// Signs a token with these claims. `None` when this deployment does not have the key, or no longer has it.
fn issued(settings: &EdgeSettings, claims: Claims) -> Option<(String, VerifiedToken)> {
    let text = claims.mint(&settings.ring)?;
    let token = UnverifiedToken::parse(&text)?.verify(&settings.ring)?;
    Some((text, token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::key::TagKey;

    #[test]
    fn what_is_noted_of_a_page_is_short_whatever_its_referer() {
        let family = FamilyId::mint([1; 13], &TagKey::derive(&[2; 32], "test", "family"));
        let noted = |referer: &str| {
            let evidence = OriginEvidence {
                origin: None,
                referer: Some(referer),
                sec_fetch_site: None,
                own_origin: "https://api.example",
            };
            let handout = Handout { family: family.clone(), evidence };
            handout.fetch(Serial(1), UnixMillis(0)).map(|fetch| fetch.origin)
        };
        assert_eq!(noted("https://shop.example/a?b"), Some("https://shop.example".to_owned()));
        assert_eq!(noted(&format!("{}://x/", "a".repeat(16_000))), None);
        assert_eq!(noted("about:blank"), None);
    }
}
