//! What is to be counted before a request goes on, and what came of it.
//!
//! Standards: RFC 9110 section 10.2.3 (`Retry-After`).
//! Invariants: a fact names the class that was counted, so that it is never taken for another's.
//! What it must not know: who counts.
//! What a mistake costs: a caller who comes back too early and is refused again.

use super::ClassName;
use crate::limits::MS_PER_SECOND;
use crate::time::UnixMillis;

/// How a request that the gate has admitted stands with its rate class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It goes on.
    Free,
    /// Have this counted, and decide anew.
    Ask(Question),
    /// It is refused: `rate_limited`.
    Exceeded {
        /// Seconds until it may be tried again.
        retry_after_seconds: u32,
    },
}

/// Limits that a request must all be within.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    class: ClassName,
    limits: Vec<AskedLimit>,
}

/// One limit: count one request for `key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedLimit {
    /// Whose requests are counted together.
    pub key: String,
    /// Requests in a period, at least 1.
    pub requests: u32,
    /// The period, 10 or 60.
    pub per_seconds: u32,
    /// The binding that counts; `None`: the isolate's [`super::WindowCounter`].
    pub binding: Option<String>,
}

/// What was counted of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Nothing yet.
    NotCounted,
    /// It was counted as one of this class.
    Counted {
        /// The class.
        class: ClassName,
        /// What came of it.
        verdict: Verdict,
    },
}

/// What came of counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Within every limit.
    Within,
    /// Above one of them.
    Exceeded {
        /// Seconds until it may be tried again, from 1 to the period.
        retry_after_seconds: u32,
    },
}

impl Question {
    pub(super) fn new(class: ClassName, limits: Vec<AskedLimit>) -> Self {
        Self { class, limits }
    }

    /// To be asked in this order, and no further than the first that is exceeded.
    #[must_use]
    pub fn limits(&self) -> &[AskedLimit] {
        &self.limits
    }

    /// The fact when all were within.
    #[must_use]
    pub fn within(self) -> Fact {
        Fact::Counted { class: self.class, verdict: Verdict::Within }
    }

    /// The fact when one was exceeded at `now`. Periods begin at multiples of their length, in isolates and in what the
    /// platform emulates; Cloudflare does not say, so there it is a good guess.
    #[must_use]
    pub fn exceeded(self, now: UnixMillis) -> Fact {
        let per_seconds = self.limits.first().map_or(1, |limit| limit.per_seconds);
        let into_period = now.0.div_euclid(MS_PER_SECOND).rem_euclid(per_seconds.into());
        let retry_after_seconds = per_seconds.saturating_sub(u32::try_from(into_period).unwrap_or(0));
        Fact::Counted { class: self.class, verdict: Verdict::Exceeded { retry_after_seconds } }
    }
}
