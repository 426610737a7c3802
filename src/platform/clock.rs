//! The only clock.
//!
//! On Workers the time advances only with IO: `now` is the time of the last IO, or of the request's arrival.
//! So the time read after the last await is as current as the platform allows.

use crate::base::time::UnixMillis;

/// The current time, in Unix milliseconds.
#[expect(clippy::cast_possible_truncation, reason = "whole milliseconds far below 2^53")]
pub(super) fn now() -> UnixMillis {
    UnixMillis(js_sys::Date::now() as i64)
}
