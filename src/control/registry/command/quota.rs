//! Quotas: how many requests a token, or its family, may make in a day or a month.

use crate::base::time::UnixSeconds;
use crate::formats::usage::period::Per;
use serde::{Deserialize, Serialize};

/// At most so many admitted requests in each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    pub requests: u64,
    /// The period, in UTC.
    pub per: Per,
    /// Whose requests count.
    pub counts: QuotaCounts,
}

/// Whose requests count against a token's quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuotaCounts {
    /// The token's own.
    #[default]
    Token,
    /// Those of all tokens of its family together.
    Family,
}

/// How much of a quota is used, as far as the registry knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaUse {
    /// Requests counted in the current period.
    pub used: u64,
    /// When the period ends and the next one begins.
    pub period_ends_at: UnixSeconds,
    /// The token is refused until then.
    pub exceeded: bool,
}
