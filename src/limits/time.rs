//! Units of time.

pub const MS_PER_SECOND: i64 = 1_000;
pub const SECONDS_PER_DAY: i64 = 24 * 60 * 60;
