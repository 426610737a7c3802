//! The only clock.
//!
//! On Workers time stands still between IO: `now` is the time of the last IO, at the earliest the request's arrival.
//! So an instant read after the last await is as true as the platform gives it.

use crate::time::UnixMillis;

/// The time now.
#[allow(clippy::cast_possible_truncation)] // whole milliseconds far below 2^53
pub fn now() -> UnixMillis {
    UnixMillis(worker::js_sys::Date::now() as i64)
}
