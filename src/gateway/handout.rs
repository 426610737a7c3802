//! `GET /_wayleave/families/{family}/token`: whether a page gets the token that KV or the registry names.
//!
//! Standard: DESIGN section 7, "Public endpoints".
//! Invariants: the id's check was verified before anything was read; the gate decides on what is named as on any request, with
//! `now` read after the last await; a family that is unknown, switched off or dead is one answer, byte for byte. Not a use.
//! What it must not know: where a name came from; Workers.
//! What a mistake costs: a page gets a token that is refused (false refuse). A token is public: whoever gets it wrongly gets
//! what stands in the pages of its sites.

use super::{RequestFacts, readable, refusal};
use crate::config::Config;
use crate::distribution;
use crate::family::FamilyId;
use crate::freshness::ListHolder;
use crate::gate::{self, RecordFact, Unfit};
use crate::origin::OriginEvidence;
use crate::problem::Code;
use crate::reply::Reply;
use crate::time::UnixMillis;
use crate::token::{Claims, UnverifiedToken, VerifiedToken};

/// A page asks for the token of a family.
#[derive(Debug)]
pub struct Handout<'a> {
    /// The family: an id that this deployment made, if perhaps of a family that has gone.
    pub family: FamilyId,
    pub(super) evidence: OriginEvidence<'a>,
}

/// What is known of a family's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyFact {
    /// The token that KV or the registry names.
    Names(Claims),
    /// The registry says that there is none to give out.
    NamesNone,
    /// It could not be had from anywhere in time.
    Unavailable,
}

/// What became of a token that was named.
#[derive(Debug)]
pub enum HandoutOutcome {
    /// Answer it.
    Reply(Reply),
    /// Read the record of the token at this version or a later one, and decide anew.
    NeedsRecord(u32),
    /// The gate would refuse it: what named it is behind, and somebody nearer to the registry must be asked.
    Outdated,
}

impl Handout<'_> {
    /// Decides on the token that is named. `now` must have been read after the last await.
    #[must_use]
    pub fn decide(
        &self,
        config: &Config,
        facts: &RequestFacts<'_>,
        lists: &ListHolder,
        named: Claims,
        record: &RecordFact,
        now: UnixMillis,
    ) -> HandoutOutcome {
        let Some((text, token)) = issued(config, named) else { return HandoutOutcome::Outdated };
        let (terms, on_unknown) = (&config.terms, config.on_unknown);
        match gate::may_be_given(token, lists, terms, on_unknown, record, &self.evidence, now) {
            Ok(record) if record.record.distribute && record.record.family == self.family => {
                let given = distribution::handed_out(text, token, &record.record, now);
                HandoutOutcome::Reply(readable(Reply::json(200, &given), None, facts))
            }
            Ok(_) => HandoutOutcome::Outdated,
            Err(Unfit::NeedsRecord(version)) => HandoutOutcome::NeedsRecord(version),
            Err(Unfit::Refused(
                code @ (Code::OriginMissing | Code::OriginNotAllowed | Code::RevocationStatusUnknown),
            )) => HandoutOutcome::Reply(refusal(code, None, facts)),
            Err(Unfit::Refused(_)) => HandoutOutcome::Outdated,
        }
    }

    /// The answer when there is nothing to give out.
    #[must_use]
    pub fn nothing(facts: &RequestFacts<'_>) -> Reply {
        refusal(Code::NotFound, None, facts)
    }

    /// The answer when it could not be had, or the registry names what this location refuses, having heard of a change that
    /// the other has not: in seconds they agree.
    #[must_use]
    pub fn undecided(facts: &RequestFacts<'_>) -> Reply {
        refusal(Code::RevocationStatusUnknown, None, facts)
    }
}

/// The token with these claims; `None` when this deployment has not the key (any more).
fn issued(config: &Config, claims: Claims) -> Option<(String, VerifiedToken)> {
    let text = claims.mint(&config.ring).ok()?;
    let token = UnverifiedToken::parse(&text).ok()?.verify(&config.ring).ok()?;
    Some((text, token))
}
