//! Outcomes of requests, and how often each was counted.
//!
//! Standard: docs/lifecycle.md, "Usage"; docs/http.md, "Problems".
//! Invariants: a request has one outcome, and a second one only if its upstream failed. Numbers are stored
//! and sent, so a number is never reused. A number that this release does not know is kept.
//! What it must not know: tokens, where counts are kept.
//! What a mistake costs: an operator ends a token in the wrong belief that nobody uses it.

use crate::http::problem::Code;
use serde::{Deserialize, Serialize};

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// Forwarded to the upstream.
    Admitted = 0,
    /// Admitted in report mode. If rules were enforced, the refusal would be `origin_missing`.
    ReportedOriginMissing = 1,
    /// Admitted in report mode. If rules were enforced, the refusal would be `origin_not_allowed`.
    ReportedOriginNotAllowed = 2,
    /// Refused with the code `token_expired`
    Expired = 3,
    /// Refused with the code `token_revoked`
    Revoked = 4,
    /// Refused with the code `token_disabled`
    Disabled = 5,
    /// Refused with the code `origin_missing`
    OriginMissing = 6,
    /// Refused with the code `origin_not_allowed`
    OriginNotAllowed = 7,
    /// Refused with the code `audience_mismatch`
    AudienceMismatch = 8,
    /// Refused with the code `rate_limited`
    RateLimited = 9,
    /// Refused with the code `revocation_status_unknown`
    StatusUnknown = 10,
    /// Second outcome of an admitted request: `upstream_unreachable`.
    UpstreamUnreachable = 11,
    /// Second outcome of an admitted request: `upstream_timeout`.
    UpstreamTimeout = 12,
    /// Admitted without a token, on an anonymous route.
    Anonymous = 13,
    /// Refused with the code `token_missing`
    Missing = 14,
    /// Refused with the code `token_malformed`
    Malformed = 15,
    /// `token_invalid`: this deployment did not issue the token, so its serial means nothing.
    Invalid = 16,
    /// Refused with the code `credential_conflict`
    Conflict = 17,
    /// A request with another outcome, counted only for the deployment because the isolate had no room for
    /// one more token.
    Unattributed = 18,
    /// A request with another outcome, in a batch that no shard accepted in time.
    Lost = 19,
    /// Refused with the code `quota_exceeded`
    QuotaExceeded = 20,
    /// Refused with the code `scope_mismatch`
    ScopeMismatch = 21,
    /// Admitted in report mode. If scopes were enforced, the refusal would be `scope_mismatch`.
    ReportedScopeMismatch = 22,
}

impl Outcome {
    /// Every outcome, in the order of their numbers.
    pub const ALL: [Self; 23] = [
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
        Self::QuotaExceeded,
        Self::ScopeMismatch,
        Self::ReportedScopeMismatch,
    ];

    /// The outcome of a request that is refused with this problem; `None` for problems unrelated to tokens.
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
            Code::ScopeMismatch => Some(Self::ScopeMismatch),
            Code::RateLimited => Some(Self::RateLimited),
            Code::QuotaExceeded => Some(Self::QuotaExceeded),
            Code::RevocationStatusUnknown => Some(Self::StatusUnknown),
            Code::UpstreamUnreachable => Some(Self::UpstreamUnreachable),
            Code::UpstreamTimeout => Some(Self::UpstreamTimeout),
            _ => None,
        }
    }

    /// The outcome of an admitted request. `reported` is the refusal that enforcement would have caused.
    #[must_use]
    pub fn of_admission(reported: Option<Code>) -> Self {
        match reported {
            None => Self::Admitted,
            Some(Code::OriginMissing) => Self::ReportedOriginMissing,
            Some(Code::ScopeMismatch) => Self::ReportedScopeMismatch,
            Some(_) => Self::ReportedOriginNotAllowed,
        }
    }

    /// The outcome with this number; `None` for one of a later release.
    #[must_use]
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Whether it counts as a use of the token: any admission, including report mode.
    #[must_use]
    pub fn is_use(self) -> bool {
        matches!(
            self,
            Self::Admitted
                | Self::ReportedOriginMissing
                | Self::ReportedOriginNotAllowed
                | Self::ReportedScopeMismatch
        )
    }

    /// Whether the gateway needed the revocation list for it: the token verified, and had not expired.
    #[must_use]
    pub fn needs_list(self) -> bool {
        match self {
            Self::Admitted
            | Self::ReportedOriginMissing
            | Self::ReportedOriginNotAllowed
            | Self::Revoked
            | Self::Disabled
            | Self::OriginMissing
            | Self::OriginNotAllowed
            | Self::AudienceMismatch
            | Self::ScopeMismatch
            | Self::ReportedScopeMismatch
            | Self::RateLimited
            | Self::QuotaExceeded
            | Self::StatusUnknown => true,
            Self::Expired
            | Self::UpstreamUnreachable
            | Self::UpstreamTimeout
            | Self::Anonymous
            | Self::Missing
            | Self::Malformed
            | Self::Invalid
            | Self::Conflict
            | Self::Unattributed
            | Self::Lost => false,
        }
    }

    /// Whether the origin rules refused the request, or would have in report mode.
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

    /// The name, as a label of a metric and in a data point.
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
            Self::QuotaExceeded => Code::QuotaExceeded.code(),
            Self::ScopeMismatch => Code::ScopeMismatch.code(),
            Self::ReportedScopeMismatch => "reported_scope_mismatch",
        }
    }

    /// The number under which it is stored and sent.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// The count of each outcome. Most tokens have one or two outcomes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Counts(Vec<(u8, u64)>);

impl Counts {
    /// The count of `outcome`.
    #[must_use]
    pub fn get(&self, outcome: Outcome) -> u64 {
        self.0.iter().find(|(number, _)| *number == outcome.number()).map_or(0, |(_, count)| *count)
    }

    /// Adds `count` to the count of `outcome`.
    pub fn add(&mut self, outcome: Outcome, count: u64) {
        self.add_number(outcome.number(), count);
    }

    /// Adds all counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (number, count) in &other.0 {
            self.add_number(*number, *count);
        }
    }

    /// Number of requests. A request whose upstream failed is counted once.
    #[must_use]
    pub fn requests(&self) -> u64 {
        let again =
            [Outcome::UpstreamUnreachable, Outcome::UpstreamTimeout, Outcome::Unattributed, Outcome::Lost];
        let counted =
            self.0.iter().filter(|(number, _)| !again.iter().any(|other| other.number() == *number));
        counted.fold(0, |sum: u64, (_, count)| sum.saturating_add(*count))
    }

    /// Number of admitted requests: the uses of a token.
    #[must_use]
    pub fn uses(&self) -> u64 {
        let uses = self.iter().filter(|(outcome, _)| outcome.is_use());
        uses.fold(0, |sum: u64, (_, count)| sum.saturating_add(count))
    }

    /// The outcomes with their counts, in the order of their numbers.
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
            assert_eq!(Outcome::of_number(outcome.number()), Some(outcome));
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
