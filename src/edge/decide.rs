//! The gate: one synchronous decision over everything that was awaited before it.
//!
//! Standards: docs/http.md, "The decision"; RFC 6750 for what each refusal means.
//! Invariants: the decision reads no clock and does no IO. `now` is read after the last await, so a status
//! that was looked up before a slow read cannot admit after it. Only [`decide`] makes an [`Admission`].
//! What it must not know: HTTP messages, where list and record came from.
//! What a mistake costs: this is the one place where a request is admitted.

use crate::base::time::{UnixMillis, UnixSeconds};
use crate::edge::freshness::{ListHolder, Terms};
use crate::edge::scope;
use crate::formats::key::KeyId;
use crate::formats::list::{RevocationList, SerialStatus};
use crate::formats::origin;
use crate::formats::origin::{Origin, OriginEvidence, OriginMode, OriginRefusal};
use crate::formats::record::{Record, VersionedRecord};
use crate::formats::scope::{Scope, ScopeMode};
use crate::formats::token::{Claims, Serial, VerifiedToken};
use crate::http::problem::{Code, Problem, Reason};
use std::rc::Rc;

/// What a location does when it cannot know whether a token was revoked (`ON_UNKNOWN`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnknown {
    /// Refuse with 503 `revocation_status_unknown`: the bound holds.
    Refuse,
    /// Admit, except what the newest list held names: the bound is not guaranteed.
    Admit,
}

impl OnUnknown {
    /// The value as written in `ON_UNKNOWN`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Admit => "admit",
        }
    }
}

/// What is known about the token's record.
#[derive(Clone, Debug)]
pub enum RecordFact {
    /// A record of some version.
    Known(Rc<VersionedRecord>),
    /// The registry answered that no such token exists.
    NoSuchToken,
    /// No source had the record in time.
    Unavailable,
    /// The record was not looked up yet.
    NotRead,
}

/// What is known when a decision is made: everything that was awaited for it, and the instant after the last
/// await.
#[derive(Clone, Copy, Debug)]
pub struct Known<'k> {
    pub lists: &'k ListHolder,
    /// How old a list may be.
    pub terms: &'k Terms,
    pub on_unknown: OnUnknown,
    pub record: &'k RecordFact,
    /// Read after the last await.
    pub now: UnixMillis,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The audience of the route.
    pub audience: &'a str,
    /// Pages may send cookies to the route: only sites that the token names may then read what comes back.
    pub credentials: bool,
    /// What the request says of where it comes from.
    pub evidence: OriginEvidence<'a>,
    /// The method as sent.
    pub method: &'a str,
    /// The path as sent, without the query.
    pub path: &'a str,
    /// The scope on this route of a token that says nothing of it itself.
    pub default_scope: &'a Scope,
}

/// Why a request is not admitted, or not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Refuse it with this problem.
    Refused(Problem),
    /// Refuse it with `quota_exceeded`: the token's quota is used up until its period ends.
    QuotaExceeded {
        /// Seconds until then, at least 1.
        retry_after_seconds: u32,
    },
    /// Not decidable: read the record at this version or a later one, and ask again.
    NeedsRecord(u32),
}

/// An admitted request. Only [`decide`] makes one.
#[derive(Clone, Debug)]
pub struct Admission {
    serial: Serial,
    record: Rc<VersionedRecord>,
    ends_at: UnixSeconds,
    reported: Option<Code>,
    origin: Option<Origin>,
    is_named: bool,
}

impl Admission {
    #[must_use]
    pub fn serial(&self) -> Serial {
        self.serial
    }

    /// The policy of the admitted token.
    #[must_use]
    pub fn policy(&self) -> &Record {
        &self.record.record
    }

    /// When the token ends: `expires_at` or an earlier `ends_at`.
    #[must_use]
    pub fn ends_at(&self) -> UnixSeconds {
        self.ends_at
    }

    /// In report mode: the refusal that enforcement would have given.
    #[must_use]
    pub fn reported(&self) -> Option<Code> {
        self.reported
    }

    /// A rule that is enforced names the origin that the request showed.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.is_named
    }

    /// The origin that the request showed; `None` when it showed none, or nothing that is one origin.
    #[must_use]
    pub fn into_origin(self) -> Option<Origin> {
        self.origin
    }
}

/// The list on which this decision rests. `None` only under `ON_UNKNOWN = "admit"` while no list is held.
struct ListInForce {
    list: Option<Rc<RevocationList>>,
}

/// Whether the token's own expiry has passed, to the second. Only the signed token is needed for this.
#[must_use]
pub fn has_expired(claims: &Claims, now: UnixMillis) -> bool {
    now >= claims.expires_at.to_millis()
}

/// Decides on a verified token.
///
/// # Errors
/// [`Unfit`]: the refusal, or the version of the record that must be read first.
pub fn decide(token: VerifiedToken, known: &Known<'_>, asked: &Asked<'_>) -> Result<Admission, Unfit> {
    let InForce { record, used_up_until } = record_in_force(token, known)?;
    let policy = &record.record;
    if !policy.audiences.iter().any(|audience| audience == asked.audience) {
        return Err(Unfit::Refused(Code::AudienceMismatch.into()));
    }
    // Whoever may use such a token, its answers may hold what a visitor's cookies open, and every site would
    // read them.
    let names_origins = policy.origin_mode == OriginMode::Enforce && policy.origins.name_origins();
    if asked.credentials && !names_origins {
        return Err(Unfit::Refused(Reason::OriginsNotNamed.into()));
    }
    let Judged { reported, origin, is_named } = judge_origin(policy, &asked.evidence)?;
    // The origin was admitted by a rule that does not name it: one for every installation of an extension.
    if asked.credentials && !is_named && origin.is_some() {
        return Err(Unfit::Refused(Reason::OriginsNotNamed.into()));
    }
    // After the origin, so that only who may use the token at all learns that it may not do this.
    let is_outside = !scope::admits(&policy.scope, asked.default_scope, asked.method, asked.path);
    if is_outside && policy.scope_mode == ScopeMode::Enforce {
        return Err(Unfit::Refused(Code::ScopeMismatch.into()));
    }
    let reported = reported.or(is_outside.then_some(Code::ScopeMismatch));
    may_be_used(used_up_until, known.now)?;
    let claims = token.claims();
    let ends_at = policy.ends_at.map_or(claims.expires_at, |at| at.floor_seconds().min(claims.expires_at));
    Ok(Admission { serial: claims.serial, ends_at, reported, origin, is_named, record })
}

/// Whether a page may receive this token: all checks of [`decide`] except the audience, since no route is
/// involved. Admits nothing.
///
/// # Errors
/// [`Unfit`]: the refusal, or the version of the record that must be read first.
pub fn may_be_given(
    token: VerifiedToken,
    known: &Known<'_>,
    evidence: &OriginEvidence<'_>,
) -> Result<Rc<VersionedRecord>, Unfit> {
    // A page whose token has used up its quota still gets it: it works again in the next period.
    let InForce { record, used_up_until: _ } = record_in_force(token, known)?;
    judge_origin(&record.record, evidence)?;
    Ok(record)
}

/// What is made of a request's origin.
struct Judged {
    /// The refusal that enforcing would have given.
    reported: Option<Code>,
    origin: Option<Origin>,
    is_named: bool,
}

/// An error where the policy enforces its rules and the origin is refused.
fn judge_origin(policy: &Record, evidence: &OriginEvidence<'_>) -> Result<Judged, Unfit> {
    let verdict = origin::decide(&policy.origins, policy.missing_origin, evidence);
    let refused = verdict.refusal().map(refusal_code);
    match (refused, policy.origin_mode) {
        (Some(code), OriginMode::Enforce) => Err(Unfit::Refused(code.into())),
        (reported, mode) => {
            let is_named = mode == OriginMode::Enforce && verdict.is_by_rule();
            Ok(Judged { reported, origin: verdict.seen.origin, is_named })
        }
    }
}

/// Whether an enforced rule of the record at hand names the origin that a request shows. Decides nothing: a
/// refused request too may be readable to the site that the token is for.
#[must_use]
pub fn names_origin(record: &RecordFact, evidence: &OriginEvidence<'_>) -> bool {
    match record {
        RecordFact::Known(record) => {
            judge_origin(&record.record, evidence).is_ok_and(|judged| judged.is_named)
        }
        RecordFact::NoSuchToken | RecordFact::Unavailable | RecordFact::NotRead => false,
    }
}

/// A token that is in force by itself, whatever the request asks.
#[derive(Clone, Debug)]
pub struct InForce {
    pub record: Rc<VersionedRecord>,
    /// Until when the list refuses it because its quota is used up. The time may have passed.
    pub used_up_until: Option<UnixSeconds>,
}

/// Refuses a token whose quota is used up, until the second at which its period ends. The list says that
/// second, so the token works again then, also while no newer list can be had.
///
/// # Errors
/// [`Unfit::QuotaExceeded`].
pub fn may_be_used(used_up_until: Option<UnixSeconds>, now: UnixMillis) -> Result<(), Unfit> {
    let left_ms = used_up_until.map_or(0, |until| until.to_millis().since_ms(now));
    if left_ms <= 0 {
        return Ok(());
    }
    let seconds = UnixMillis(left_ms).ceil_seconds().0;
    Err(Unfit::QuotaExceeded { retry_after_seconds: u32::try_from(seconds).unwrap_or(u32::MAX) })
}

/// Checks the token itself, independently of the request: expiry, age of the list, status, record, earlier
/// end. Whether its quota is used up is for [`may_be_used`].
///
/// # Errors
/// [`Unfit`]: the refusal, or the version of the record that must be read first.
pub fn record_in_force(token: VerifiedToken, known: &Known<'_>) -> Result<InForce, Unfit> {
    let claims = token.claims();
    if has_expired(&claims, known.now) {
        return Err(Unfit::Refused(Code::TokenExpired.into()));
    }
    let list = ListInForce::of(known)?;
    if list.retires(claims.key_id) {
        return Err(Unfit::Refused(Code::TokenInvalid.into()));
    }
    let used_up_until = match list.status(claims.serial) {
        SerialStatus::Good => None,
        SerialStatus::Exhausted(until) => Some(until),
        SerialStatus::Disabled => return Err(Unfit::Refused(Code::TokenDisabled.into())),
        SerialStatus::Revoked => return Err(Unfit::Refused(Code::TokenRevoked.into())),
    };
    let record = match known.record {
        RecordFact::Known(record) if list.allows(claims.serial, record) => record,
        RecordFact::Known(_) | RecordFact::NotRead => {
            return Err(Unfit::NeedsRecord(list.record_version(claims.serial)));
        }
        RecordFact::NoSuchToken => return Err(Unfit::Refused(Code::TokenInvalid.into())),
        RecordFact::Unavailable => return Err(Unfit::Refused(Code::RevocationStatusUnknown.into())),
    };
    if !record.record.is_of(&claims) {
        return Err(Unfit::Refused(Code::TokenInvalid.into()));
    }
    if record.record.ends_at.is_some_and(|at| known.now >= at) {
        return Err(Unfit::Refused(Code::TokenRevoked.into()));
    }
    Ok(InForce { record: Rc::clone(record), used_up_until })
}

impl ListInForce {
    fn of(known: &Known<'_>) -> Result<Self, Unfit> {
        match (known.lists.usable(known.terms, known.now), known.on_unknown) {
            (Some(list), _) => Ok(Self { list: Some(list) }),
            (None, OnUnknown::Admit) => Ok(Self { list: known.lists.newest() }),
            (None, OnUnknown::Refuse) => Err(Unfit::Refused(Code::RevocationStatusUnknown.into())),
        }
    }

    fn retires(&self, key_id: KeyId) -> bool {
        self.list.as_ref().is_some_and(|list| list.retires(key_id))
    }

    fn status(&self, serial: Serial) -> SerialStatus {
        self.list.as_ref().map_or(SerialStatus::Good, |list| list.status(serial))
    }

    fn allows(&self, serial: Serial, record: &VersionedRecord) -> bool {
        self.list.as_ref().is_none_or(|list| list.allows(serial, record))
    }

    fn record_version(&self, serial: Serial) -> u32 {
        self.list.as_ref().map_or(1, |list| list.record_version(serial))
    }
}

/// The problem code of a refusal by origin.
#[must_use]
pub fn refusal_code(refusal: OriginRefusal) -> Code {
    match refusal {
        OriginRefusal::Missing { .. } => Code::OriginMissing,
        OriginRefusal::NotAllowed => Code::OriginNotAllowed,
    }
}
