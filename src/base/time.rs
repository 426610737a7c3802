//! Instants and durations with their unit in the type, and RFC 3339 text.
//!
//! Standards: RFC 3339 (text, UTC, whole seconds or milliseconds); POSIX time.
//! Invariants: arithmetic saturates, so no input can make a comparison overflow. Nothing here reads a clock.
//! What it must not know: where `now` comes from.
//! What a mistake costs: an expiry compared in the wrong unit admits a token for a thousand times its life.

use crate::limits::MS_PER_SECOND;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// An instant: milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(pub i64);

/// An instant: whole seconds since the Unix epoch. A token's `expires_at` has this unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixSeconds(pub i64);

impl UnixMillis {
    /// This instant plus `ms`, which may be negative; saturating.
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this instant; negative when `earlier` is later.
    #[must_use]
    pub fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Rounds down to a whole second.
    #[must_use]
    pub fn floor_seconds(self) -> UnixSeconds {
        UnixSeconds(self.0.div_euclid(MS_PER_SECOND))
    }

    /// Rounds up to a whole second, as needed for a promise ("effective by").
    #[must_use]
    pub fn ceil_seconds(self) -> UnixSeconds {
        UnixSeconds(self.0.saturating_add(MS_PER_SECOND - 1).div_euclid(MS_PER_SECOND))
    }

    /// RFC 3339 in UTC with milliseconds, for audit entries. Beyond chrono's range (year ±262,000) it is the
    /// epoch.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        DateTime::<Utc>::from_timestamp_millis(self.0)
            .unwrap_or_default()
            .to_rfc3339_opts(SecondsFormat::Millis, true)
    }
}

impl UnixSeconds {
    /// The same instant in milliseconds, saturating.
    #[must_use]
    pub fn to_millis(self) -> UnixMillis {
        UnixMillis(self.0.saturating_mul(MS_PER_SECOND))
    }

    /// This instant plus `seconds`, which may be negative; saturating.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// RFC 3339 in UTC, whole seconds: `2026-11-22T02:03:04Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        DateTime::<Utc>::from_timestamp(self.0, 0)
            .unwrap_or_default()
            .to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// IMF-fixdate (RFC 9110 section 5.6.7), the form that `Sunset` (RFC 8594) requires.
    #[must_use]
    pub fn to_http_date(self) -> String {
        DateTime::<Utc>::from_timestamp(self.0, 0)
            .unwrap_or_default()
            .format("%a, %d %b %Y %H:%M:%S GMT")
            .to_string()
    }
}

/// Parses RFC 3339 with any offset and drops fractions of a second. `None` when the text is not RFC 3339.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<UnixSeconds> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| UnixSeconds(at.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_rounded_up_and_an_age_down() {
        assert_eq!(UnixMillis(1_001).ceil_seconds(), UnixSeconds(2));
        assert_eq!(UnixMillis(1_000).ceil_seconds(), UnixSeconds(1));
        assert_eq!(UnixMillis(1_999).floor_seconds(), UnixSeconds(1));
        assert_eq!(UnixMillis(-1).floor_seconds(), UnixSeconds(-1));
    }

    #[test]
    fn rfc3339_round_trips_and_refuses_what_it_is_not() {
        let at = UnixSeconds(1_795_312_984);
        assert_eq!(parse_rfc3339(&at.to_rfc3339()), Some(at));
        assert_eq!(parse_rfc3339("2026-11-22T02:03:04+01:00"), Some(UnixSeconds(1_795_309_384)));
        assert_eq!(parse_rfc3339("2026-11-22"), None);
        assert_eq!(parse_rfc3339(""), None);
    }

    #[test]
    fn an_http_date_is_an_imf_fixdate() {
        assert_eq!(UnixSeconds(784_111_777).to_http_date(), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(UnixSeconds(i64::MAX).to_millis(), UnixMillis(i64::MAX));
        assert_eq!(UnixMillis(i64::MAX).plus_ms(1), UnixMillis(i64::MAX));
    }
}
