//! Signs: what a shard sees in its counts that an operator should be told of.
//!
//! Standard: DESIGN section 8, the notices `usage_spike` and `refused_origins`.
//! Invariants: a sign names its hour or day, so that told twice it is one story; a token that is new has no usual use, and
//! no spike.
//! What it must not know: how notices are told.
//! What a mistake costs: an operator who learns to ignore notices.

use crate::limits::{REFUSED_ORIGIN_NOTICE_MIN, SPIKE_FACTOR, SPIKE_HISTORY_HOURS_MIN, SPIKE_MIN};
use crate::time::UnixMillis;
use crate::token::Serial;
use serde::{Deserialize, Serialize};

use super::heaviest::Weighed;

/// What is to be told of one token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sign {
    /// The token.
    pub serial: Serial,
    /// What was seen.
    pub seen: Seen,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seen {
    /// An hour with far more requests than usual.
    Spike {
        /// Its beginning.
        hour: UnixMillis,
        /// Requests in it.
        requests: u64,
        /// The median of the hours of the seven days before.
        median: u64,
    },
    /// Origins that the token's rules refuse often, or in report mode would.
    RefusedOrigins {
        /// The beginning of the day.
        day: UnixMillis,
        /// The heaviest of them.
        origins: Vec<String>,
    },
}

/// Whether `requests` in an hour are a spike after hours with so many, zeros included; the median if they are.
#[must_use]
pub fn spike(requests: u64, mut hours_before: Vec<u64>) -> Option<u64> {
    hours_before.sort_unstable();
    let median = *hours_before.get(hours_before.len() / 2)?;
    let is_spike = hours_before.len() >= SPIKE_HISTORY_HOURS_MIN
        && requests >= SPIKE_MIN
        && requests > median.saturating_mul(SPIKE_FACTOR);
    is_spike.then_some(median)
}

/// Those of a day's refused origins that are worth a word, heaviest first.
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
