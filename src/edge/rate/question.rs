//! What must be counted before a request is forwarded, and the outcome.
//!
//! Standard: RFC 9110 section 10.2.3 (`Retry-After`).
//! Invariants: a fact names the class that was counted, so it is never used for another class.
//! What it must not know: who counts.
//! What a mistake costs: a caller comes back too early and is refused again.

use super::client::ClientAddress;
use crate::base::time::UnixMillis;
use crate::formats::rate_class::ClassName;
use crate::limits::MS_PER_SECOND;

/// What the rate class means for a request that the gate has admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RateStanding {
    /// The request is forwarded.
    Free,
    /// Count this, then decide again.
    Ask(Question),
    /// The request is refused with `rate_limited`.
    Exceeded {
        /// Seconds until the caller may try again.
        retry_after_seconds: u32,
    },
}

/// The limits that one request must satisfy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    class: ClassName,
    limits: Vec<AskedLimit>,
    has_address: bool,
}

/// One limit: count one request for `key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedLimit {
    /// Identifies the requests that are counted together.
    pub key: String,
    /// Requests per period, at least 1.
    pub requests: u32,
    /// The period in seconds: 10 or 60.
    pub per_seconds: u32,
    /// The binding that counts; `None`: the isolate's [`super::WindowCounter`].
    pub binding: Option<String>,
}

/// What was counted for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    NotCounted,
    /// The request was counted against the limits of `class`.
    Counted {
        class: ClassName,
        verdict: Verdict,
    },
}

/// The outcome of counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The request is within all limits.
    Within,
    /// The request exceeds one of the limits.
    Exceeded {
        /// Seconds until the caller may try again, from 1 to the period.
        retry_after_seconds: u32,
    },
}

impl Question {
    pub(super) fn new(class: ClassName, limits: Vec<AskedLimit>, client: ClientAddress) -> Self {
        Self { class, limits, has_address: client != ClientAddress::Unknown }
    }

    /// Whether the request had a client address.
    #[must_use]
    pub fn has_address(&self) -> bool {
        self.has_address
    }

    /// The limits, in the order of counting. Stop at the first one exceeded.
    #[must_use]
    pub fn limits(&self) -> &[AskedLimit] {
        &self.limits
    }

    /// The fact when the request was within all limits.
    #[must_use]
    pub fn within(self) -> Fact {
        Fact::Counted { class: self.class, verdict: Verdict::Within }
    }

    /// The fact when a limit was exceeded at `now`. The wait lasts to the end of the period. Periods begin at
    /// multiples of their length in isolates and in the local emulation; Cloudflare does not document it, so
    /// there it is an estimate.
    #[must_use]
    pub fn exceeded(self, now: UnixMillis) -> Fact {
        let per_seconds = self.limits.first().map_or(1, |limit| limit.per_seconds);
        let into_period = now.0.div_euclid(MS_PER_SECOND).rem_euclid(per_seconds.into());
        let retry_after_seconds = per_seconds.saturating_sub(u32::try_from(into_period).unwrap_or(0));
        Fact::Counted { class: self.class, verdict: Verdict::Exceeded { retry_after_seconds } }
    }
}
