//! The gate: one synchronous decision over everything that was awaited before.
//!
//! Standards: DESIGN sections 3 (order), 5 (freshness), 6 (origins); RFC 6750 for what each refusal means.
//! Invariants: the decision reads no clock and does no IO; `now` was read after the last await, so that a status looked
//! up before a slow read cannot admit after it; an [`Admission`] comes from [`decide`] alone.
//! What it must not know: HTTP messages, where list and record came from.
//! What a mistake costs: this is the one place where a request is let through.

use crate::freshness::{ListHolder, Terms};
use crate::key::KeyId;
use crate::list::{RevocationList, Status};
use crate::origin::{self, Origin, OriginEvidence, OriginMode, OriginRefusal};
use crate::problem::Code;
use crate::record::{Record, VersionedRecord};
use crate::time::{UnixMillis, UnixSeconds};
use crate::token::{Claims, Serial, VerifiedToken};
use std::rc::Rc;

/// What a location does when it cannot know whether a token was revoked (`ON_UNKNOWN`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnknown {
    /// 503 `revocation_status_unknown`: the bound holds.
    Refuse,
    /// Admit, yet refuse whatever the newest list held names: the bound is not guaranteed.
    Admit,
}

/// What is known of the token's record.
#[derive(Clone, Debug)]
pub enum RecordFact {
    /// A record, at some version.
    Known(Rc<VersionedRecord>),
    /// The registry says that there is no such token.
    NoSuchToken,
    /// It could not be had from anywhere in time.
    Unavailable,
    /// It was not looked for yet.
    NotRead,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The audience of the route.
    pub audience: &'a str,
    /// What the request says of where it comes from.
    pub evidence: OriginEvidence<'a>,
}

/// Why a request is not let through, or not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Refuse it with this problem.
    Refused(Code),
    /// Not decidable: read the record at this version or a later one, and ask again.
    NeedsRecord(u32),
}

/// A request was let through, and as what. Made by [`decide`] alone.
#[derive(Clone, Debug)]
pub struct Admission {
    serial: Serial,
    record: Rc<VersionedRecord>,
    ends_at: UnixSeconds,
    reported: Option<Code>,
    origin: Option<Origin>,
}

impl Admission {
    /// The token's number.
    #[must_use]
    pub fn serial(&self) -> Serial {
        self.serial
    }

    /// Its policy.
    #[must_use]
    pub fn policy(&self) -> &Record {
        &self.record.record
    }

    /// When the token ends: `expires_at` or an earlier `ends_at`.
    #[must_use]
    pub fn ends_at(&self) -> UnixSeconds {
        self.ends_at
    }

    /// Under report mode: the refusal that enforcing would have given.
    #[must_use]
    pub fn reported(&self) -> Option<Code> {
        self.reported
    }

    /// The origin that the request showed; `None` when it showed none, or nothing that is one origin.
    #[must_use]
    pub fn into_origin(self) -> Option<Origin> {
        self.origin
    }
}

/// The list that this decision may use.
struct Standing {
    list: Option<Rc<RevocationList>>,
}

/// Whether the token's own expiry has passed: to the second, from the signed token alone.
#[must_use]
pub fn has_expired(claims: &Claims, now: UnixMillis) -> bool {
    now >= claims.expires_at.to_millis()
}

/// Decides on a verified token. `now` must have been read after the last await.
///
/// # Errors
/// [`Unfit`]: the refusal, or the version of the record that must be read first.
pub fn decide(
    token: VerifiedToken,
    lists: &ListHolder,
    terms: &Terms,
    on_unknown: OnUnknown,
    record: &RecordFact,
    asked: &Asked<'_>,
    now: UnixMillis,
) -> Result<Admission, Unfit> {
    let record = standing_record(token, lists, terms, on_unknown, record, now)?;
    let policy = &record.record;
    if !policy.audiences.iter().any(|audience| audience == asked.audience) {
        return Err(Unfit::Refused(Code::AudienceMismatch));
    }
    let (reported, origin) = judge_origin(policy, &asked.evidence)?;
    let claims = token.claims();
    let ends_at = policy.ends_at.map_or(claims.expires_at, |at| at.floor_seconds().min(claims.expires_at));
    Ok(Admission { serial: claims.serial, ends_at, reported, origin, record })
}

/// Whether a page may be given this token: everything that [`decide`] asks of its use, but for the audience, since it is asked
/// for by no route. Admits nothing.
///
/// # Errors
/// [`Unfit`]: the refusal, or the version of the record that must be read first.
pub fn may_be_given(
    token: VerifiedToken,
    lists: &ListHolder,
    terms: &Terms,
    on_unknown: OnUnknown,
    record: &RecordFact,
    evidence: &OriginEvidence<'_>,
    now: UnixMillis,
) -> Result<Rc<VersionedRecord>, Unfit> {
    let record = standing_record(token, lists, terms, on_unknown, record, now)?;
    judge_origin(&record.record, evidence)?;
    Ok(record)
}

/// The refusal by origin, an error where the policy enforces it, else told; and the origin that was seen.
fn judge_origin(
    policy: &Record,
    evidence: &OriginEvidence<'_>,
) -> Result<(Option<Code>, Option<Origin>), Unfit> {
    let verdict = origin::decide(&policy.origins, policy.missing_origin, evidence);
    let refused = verdict.refusal().map(refusal_code);
    match (refused, policy.origin_mode) {
        (Some(code), OriginMode::Enforce) => Err(Unfit::Refused(code)),
        _ => Ok((refused, verdict.seen.origin)),
    }
}

/// Everything about the token itself, and nothing about what is asked: expiry, list age, status, record, its end.
///
/// # Errors
/// [`Unfit`]: the refusal, or the version of the record that must be read first.
pub fn standing_record(
    token: VerifiedToken,
    lists: &ListHolder,
    terms: &Terms,
    on_unknown: OnUnknown,
    record: &RecordFact,
    now: UnixMillis,
) -> Result<Rc<VersionedRecord>, Unfit> {
    let claims = token.claims();
    if has_expired(&claims, now) {
        return Err(Unfit::Refused(Code::TokenExpired));
    }
    let standing = Standing::at(lists, terms, on_unknown, now).map_err(Unfit::Refused)?;
    if standing.retires(claims.key_id) {
        return Err(Unfit::Refused(Code::TokenInvalid));
    }
    match standing.status(claims.serial) {
        Status::Good => {}
        Status::Disabled => return Err(Unfit::Refused(Code::TokenDisabled)),
        Status::Revoked => return Err(Unfit::Refused(Code::TokenRevoked)),
    }
    let record = match record {
        RecordFact::Known(record) if standing.allows(claims.serial, record) => record,
        RecordFact::Known(_) | RecordFact::NotRead => {
            return Err(Unfit::NeedsRecord(standing.record_version(claims.serial)));
        }
        RecordFact::NoSuchToken => return Err(Unfit::Refused(Code::TokenInvalid)),
        RecordFact::Unavailable => return Err(Unfit::Refused(Code::RevocationStatusUnknown)),
    };
    if !record.record.is_of(&claims) {
        return Err(Unfit::Refused(Code::TokenInvalid));
    }
    if record.record.ends_at.is_some_and(|at| now >= at) {
        return Err(Unfit::Refused(Code::TokenRevoked));
    }
    Ok(Rc::clone(record))
}

impl Standing {
    fn at(lists: &ListHolder, terms: &Terms, on_unknown: OnUnknown, now: UnixMillis) -> Result<Self, Code> {
        match (lists.usable(terms, now), on_unknown) {
            (Some(list), _) => Ok(Self { list: Some(list) }),
            (None, OnUnknown::Admit) => Ok(Self { list: lists.newest() }),
            (None, OnUnknown::Refuse) => Err(Code::RevocationStatusUnknown),
        }
    }

    fn retires(&self, key_id: KeyId) -> bool {
        self.list.as_ref().is_some_and(|list| list.retires(key_id))
    }

    fn status(&self, serial: Serial) -> Status {
        self.list.as_ref().map_or(Status::Good, |list| list.status(serial))
    }

    fn allows(&self, serial: Serial, record: &VersionedRecord) -> bool {
        self.list.as_ref().is_none_or(|list| list.allows(serial, record))
    }

    fn record_version(&self, serial: Serial) -> u32 {
        self.list.as_ref().map_or(1, |list| list.record_version(serial))
    }
}

/// The problem of a refusal by origin.
#[must_use]
pub fn refusal_code(refusal: OriginRefusal) -> Code {
    match refusal {
        OriginRefusal::Missing { .. } => Code::OriginMissing,
        OriginRefusal::NotAllowed => Code::OriginNotAllowed,
    }
}
