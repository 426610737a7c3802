//! Anomalies that a shard finds in its counts and reports to an operator.
//!
//! Standard: docs/lifecycle.md, "Anomalies".
//! Invariants: an anomaly names its hour or day, so that a repeated report is recognised. A new token has no
//! usual usage, and therefore no spike.
//! What it must not know: how notices are sent.
//! What a mistake costs: an operator learns to ignore notices.

use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::limits::{REFUSED_ORIGIN_NOTICE_MIN, SPIKE_FACTOR, SPIKE_HISTORY_HOURS_MIN, SPIKE_MIN};
use serde::{Deserialize, Serialize};

use crate::formats::usage::heaviest::Weighed;

/// An anomaly in the usage of one token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anomaly {
    pub serial: Serial,
    #[serde(rename = "seen")]
    pub kind: AnomalyKind,
}

/// The kinds of anomalies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AnomalyKind {
    /// An hour with far more requests than usual.
    Spike {
        /// Start of the hour.
        hour: UnixMillis,
        /// Number of requests in the hour.
        requests: u64,
        /// Median number of requests per hour, over the seven days before.
        median: u64,
    },
    /// Origins that the token's rules often refuse, or would refuse in report mode.
    RefusedOrigins {
        /// Start of the day.
        day: UnixMillis,
        /// The most frequent of these origins.
        origins: Vec<String>,
    },
}

/// Returns the median of the earlier hours, zeros included, if `requests` in an hour are a spike compared to
/// them.
#[must_use]
pub fn spike(requests: u64, mut hours_before: Vec<u64>) -> Option<u64> {
    hours_before.sort_unstable();
    let median = *hours_before.get(hours_before.len() / 2)?;
    let is_spike = hours_before.len() >= SPIKE_HISTORY_HOURS_MIN
        && requests >= SPIKE_MIN
        && requests > median.saturating_mul(SPIKE_FACTOR);
    is_spike.then_some(median)
}

/// The refused origins of a day that are frequent enough to be reported, most requests first.
#[must_use]
pub fn often_refused(refused: Vec<Weighed<String>>) -> Vec<String> {
    let often = refused
        .into_iter()
        .filter(|origin| origin.count.saturating_sub(origin.over) >= REFUSED_ORIGIN_NOTICE_MIN);
    often.map(|origin| origin.key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_is_more_than_five_times_the_usual_and_a_thousand_at_least() {
        let usual = |count: u64| vec![count; 168];
        assert_eq!(spike(1_001, usual(200)), Some(200));
        assert_eq!(spike(1_000, usual(200)), None, "five times is not more");
        assert_eq!(spike(999, usual(1)), None);
        assert_eq!(spike(1_000, usual(0)), Some(0));
        assert_eq!(spike(1_000, vec![0; SPIKE_HISTORY_HOURS_MIN - 1]), None, "a new token has no usual use");
        assert_eq!(spike(1_000, vec![]), None);
        let one_busy_hour: Vec<u64> = usual(10).into_iter().chain([9_000]).collect();
        assert_eq!(spike(1_000, one_busy_hour), Some(10), "one busy hour is not usual");
    }

    #[test]
    fn only_what_was_surely_refused_often_is_told() {
        let weighed = |key: &str, count, over| Weighed { key: key.to_owned(), count, over };
        let refused = vec![weighed("https://a.example", 500, 0), weighed("https://b.example", 500, 450)];
        assert_eq!(often_refused(refused), ["https://a.example"]);
    }
}
