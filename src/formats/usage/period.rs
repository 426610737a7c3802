//! The period of a quota: a day or a month in UTC, by its index.
//!
//! Standard: docs/lifecycle.md, "Quotas"; the proleptic Gregorian calendar (RFC 3339).
//! Invariants: periods follow each other without a gap. Indices ascend with time.
//! What a mistake costs: a token is refused in a period in which it may be used (false refuse).

use crate::base::time::{UnixMillis, UnixSeconds};
use crate::limits::{MS_PER_SECOND, SECONDS_PER_DAY};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

/// How long a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// From 00:00 UTC to 00:00 UTC.
    Day,
    /// From the first of a month, 00:00 UTC, to that of the next.
    Month,
}

impl Per {
    pub const ALL: [Self; 2] = [Self::Day, Self::Month];

    /// The index of the period that contains `at`: days since 1970, or months since the year 0.
    #[must_use]
    pub fn index(self, at: UnixMillis) -> i64 {
        match self {
            Self::Day => at.0.div_euclid(SECONDS_PER_DAY * MS_PER_SECOND),
            Self::Month => {
                let date = DateTime::<Utc>::from_timestamp_millis(at.0).unwrap_or_default();
                i64::from(date.year()).saturating_mul(MONTHS).saturating_add(i64::from(date.month0()))
            }
        }
    }

    /// The first second of the period with this index.
    #[must_use]
    pub fn begin(self, index: i64) -> UnixSeconds {
        match self {
            Self::Day => UnixSeconds(index.saturating_mul(SECONDS_PER_DAY)),
            Self::Month => {
                let month = u32::try_from(index.rem_euclid(MONTHS)).unwrap_or(0).saturating_add(1);
                let year = i32::try_from(index.div_euclid(MONTHS)).ok();
                let first = year.and_then(|year| NaiveDate::from_ymd_opt(year, month, 1)).unwrap_or_default();
                UnixSeconds(first.and_time(chrono::NaiveTime::MIN).and_utc().timestamp())
            }
        }
    }

    /// The second at which the period with this index has ended: the first of the next one.
    #[must_use]
    pub fn end(self, index: i64) -> UnixSeconds {
        self.begin(index.saturating_add(1))
    }
}

const MONTHS: i64 = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::parse_rfc3339;

    #[test]
    fn a_period_is_a_utc_day_or_a_calendar_month() {
        for (at, day, month) in [
            ("2026-11-27T13:00:00Z", "2026-11-28T00:00:00Z", "2026-12-01T00:00:00Z"),
            ("2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z", "2027-02-01T00:00:00Z"),
            ("2028-02-28T12:00:00Z", "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"),
            ("2027-02-28T12:00:00Z", "2027-03-01T00:00:00Z", "2027-03-01T00:00:00Z"),
        ] {
            let at = parse_rfc3339(at).unwrap();
            for (per, end) in [(Per::Day, day), (Per::Month, month)] {
                let index = per.index(at.to_millis());
                assert_eq!(per.end(index).to_rfc3339(), end, "{per:?} of {at:?}");
                assert!(per.begin(index) <= at);
                // The last millisecond belongs to it, and the next one to the next.
                let end = per.end(index).to_millis();
                assert_eq!((per.index(end.plus_ms(-1)), per.index(end)), (index, index + 1));
            }
        }
    }
}
