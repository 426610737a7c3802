//! Outcomes: what becomes of a request, as it is counted, and how often each did.
//!
//! Standard: DESIGN section 7, the table of problems.
//! Invariants: a request has one outcome, and a second one only when its upstream failed; numbers are stored and sent, so
//! they are never given anew; a number that this release does not know is kept.
//! What it must not know: tokens, where counts are kept.
//! What a mistake costs: an operator who ends a token in the belief that nobody uses it.

use crate::problem::Code;
use serde::{Deserialize, Serialize};

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// Admitted.
    Admitted = 0,
    /// Admitted in report mode; enforcing would have said `origin_missing`.
    ReportedOriginMissing = 1,
    /// Admitted in report mode; enforcing would have said `origin_not_allowed`.
    ReportedOriginNotAllowed = 2,
    /// `token_expired`
    Expired = 3,
    /// `token_revoked`
    Revoked = 4,
    /// `token_disabled`
    Disabled = 5,
    /// `origin_missing`
    OriginMissing = 6,
    /// `origin_not_allowed`
    OriginNotAllowed = 7,
    /// `audience_mismatch`
    AudienceMismatch = 8,
    /// `rate_limited`
    RateLimited = 9,
    /// `revocation_status_unknown`
    StatusUnknown = 10,
    /// Admitted, and counted as that too; then `upstream_unreachable`.
    UpstreamUnreachable = 11,
    /// Admitted, and counted as that too; then `upstream_timeout`.
    UpstreamTimeout = 12,
    /// No token, on an anonymous route.
    Anonymous = 13,
    /// `token_missing`
    Missing = 14,
    /// `token_malformed`
    Malformed = 15,
    /// `token_invalid`: the token is not ours, whatever serial it names.
    Invalid = 16,
    /// `credential_conflict`
    Conflict = 17,
    /// Had another outcome, counted for the deployment alone: the isolate had no room for one more token.
    Unattributed = 18,
    /// Had another outcome, but no shard took the batch in time.
    Lost = 19,
}

impl Outcome {
    /// Every outcome, by number.
    pub const ALL: [Self; 20] = [
        Self::Admitted,
        Self::ReportedOriginMissing,
        Self::ReportedOriginNotAllowed,
        Self::Expired,
        Self::Revoked,
        Self::Disabled,
        Self::OriginMissing,
        Self::OriginNotAllowed,
        Self::AudienceMismatch,
        Self::RateLimited,
        Self::StatusUnknown,
        Self::UpstreamUnreachable,
        Self::UpstreamTimeout,
        Self::Anonymous,
        Self::Missing,
        Self::Malformed,
        Self::Invalid,
        Self::Conflict,
        Self::Unattributed,
        Self::Lost,
    ];

    /// The outcome of a request that gets this problem; `None` for problems that are no token's.
    #[must_use]
    pub fn of_problem(code: Code) -> Option<Self> {
        match code {
            Code::TokenMissing => Some(Self::Missing),
            Code::TokenMalformed => Some(Self::Malformed),
            Code::TokenInvalid => Some(Self::Invalid),
            Code::TokenExpired => Some(Self::Expired),
            Code::TokenRevoked => Some(Self::Revoked),
            Code::TokenDisabled => Some(Self::Disabled),
            Code::CredentialConflict => Some(Self::Conflict),
            Code::OriginMissing => Some(Self::OriginMissing),
            Code::OriginNotAllowed => Some(Self::OriginNotAllowed),
            Code::AudienceMismatch => Some(Self::AudienceMismatch),
            Code::RateLimited => Some(Self::RateLimited),
            Code::RevocationStatusUnknown => Some(Self::StatusUnknown),
            Code::UpstreamUnreachable => Some(Self::UpstreamUnreachable),
            Code::UpstreamTimeout => Some(Self::UpstreamTimeout),
            _ => None,
        }
    }

    /// The outcome of an admission; `reported` is what enforcing would have said.
    #[must_use]
    pub fn of_admission(reported: Option<Code>) -> Self {
        match reported {
            None => Self::Admitted,
            Some(Code::OriginMissing) => Self::ReportedOriginMissing,
            Some(_) => Self::ReportedOriginNotAllowed,
        }
    }

    /// Whether it is a use: an admission, in report mode too.
    #[must_use]
    pub fn is_use(self) -> bool {
        matches!(self, Self::Admitted | Self::ReportedOriginMissing | Self::ReportedOriginNotAllowed)
    }

    /// Whether the origin's rule refused it, or in report mode would have.
    #[must_use]
    pub fn is_refusal_by_origin(self) -> bool {
        matches!(
            self,
            Self::ReportedOriginMissing
                | Self::ReportedOriginNotAllowed
                | Self::OriginMissing
                | Self::OriginNotAllowed
        )
    }

    /// Its name, as a label of a metric and in a data point.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::ReportedOriginMissing => "reported_origin_missing",
            Self::ReportedOriginNotAllowed => "reported_origin_not_allowed",
            Self::Expired => Code::TokenExpired.code(),
            Self::Revoked => Code::TokenRevoked.code(),
            Self::Disabled => Code::TokenDisabled.code(),
            Self::OriginMissing => Code::OriginMissing.code(),
            Self::OriginNotAllowed => Code::OriginNotAllowed.code(),
            Self::AudienceMismatch => Code::AudienceMismatch.code(),
            Self::RateLimited => Code::RateLimited.code(),
            Self::StatusUnknown => Code::RevocationStatusUnknown.code(),
            Self::UpstreamUnreachable => Code::UpstreamUnreachable.code(),
            Self::UpstreamTimeout => Code::UpstreamTimeout.code(),
            Self::Anonymous => "anonymous",
            Self::Missing => Code::TokenMissing.code(),
            Self::Malformed => Code::TokenMalformed.code(),
            Self::Invalid => Code::TokenInvalid.code(),
            Self::Conflict => Code::CredentialConflict.code(),
            Self::Unattributed => "unattributed",
            Self::Lost => "lost",
        }
    }

    fn number(self) -> u8 {
        self as u8
    }
}

/// How often each outcome was counted. Most tokens have one or two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Counts(Vec<(u8, u64)>);

impl Counts {
    /// How often `outcome` was counted.
    #[must_use]
    pub fn get(&self, outcome: Outcome) -> u64 {
        self.0.iter().find(|(number, _)| *number == outcome.number()).map_or(0, |(_, count)| *count)
    }

    /// Counts `outcome` `count` more times.
    pub fn add(&mut self, outcome: Outcome, count: u64) {
        self.add_number(outcome.number(), count);
    }

    /// Counts everything that `other` has.
    pub fn merge(&mut self, other: &Self) {
        for (number, count) in &other.0 {
            self.add_number(*number, *count);
        }
    }

    /// Requests: each once, whatever came of its upstream.
    #[must_use]
    pub fn requests(&self) -> u64 {
        let again =
            [Outcome::UpstreamUnreachable, Outcome::UpstreamTimeout, Outcome::Unattributed, Outcome::Lost];
        let counted =
            self.0.iter().filter(|(number, _)| !again.iter().any(|other| other.number() == *number));
        counted.fold(0, |sum: u64, (_, count)| sum.saturating_add(*count))
    }

    /// Outcomes that were counted, by number.
    pub fn iter(&self) -> impl Iterator<Item = (Outcome, u64)> + '_ {
        Outcome::ALL.into_iter().map(|outcome| (outcome, self.get(outcome))).filter(|(_, count)| *count > 0)
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add_number(&mut self, number: u8, count: u64) {
        match self.0.iter_mut().find(|(present, _)| *present == number) {
            Some((_, sum)) => *sum = sum.saturating_add(count),
            None => self.0.push((number, count)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_outcome_has_its_own_number_and_name() {
        for (number, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(outcome.number()), number);
        }
        let names: BTreeSet<_> = Outcome::ALL.into_iter().map(Outcome::name).collect();
        assert_eq!(names.len(), Outcome::ALL.len());
    }

    #[test]
    fn a_refusal_is_counted_under_the_name_of_its_problem() {
        for code in Code::ALL {
            if let Some(outcome) = Outcome::of_problem(code) {
                assert_eq!(outcome.name(), code.code());
                assert!(!outcome.is_use());
            }
        }
    }

    #[test]
    fn counts_add_up_and_keep_numbers_of_later_releases() {
        let mut counts: Counts = serde_json::from_str("[[0,2],[200,7]]").unwrap();
        let mut other = Counts::default();
        other.add(Outcome::Admitted, 3);
        other.add(Outcome::UpstreamTimeout, 1);
        counts.merge(&other);
        assert_eq!([counts.get(Outcome::Admitted), counts.get(Outcome::Revoked)], [5, 0]);
        assert_eq!(serde_json::to_string(&counts).unwrap(), "[[0,5],[200,7],[12,1]]");
        assert_eq!(other.requests(), 3);
    }
}
