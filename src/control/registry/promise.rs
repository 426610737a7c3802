//! What a receipt promises: by when a change holds everywhere, and which lists name it.
//!
//! Standard: DESIGN section 5, "The receipt".
//! Invariants: `effective_by` is never earlier than any location stops admitting against the change: t + B, rounded up to
//! a second, and the clock skew; B is the largest bound under which a list was made that may still be in use.
//! What it must not know: what changed.
//! What a mistake costs: a receipt that promises too early (false accept, believed to be none).

use super::settings::RegistrySettings;
use super::state::State;
use crate::limits::{CLOCK_SKEW_MS, MS_PER_SECOND};
use crate::time::{UnixMillis, UnixSeconds};

/// What is promised of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Promise {
    pub(super) effective_by: UnixSeconds,
    pub(super) bound_seconds: i64,
    pub(super) guaranteed: bool,
    /// Epoch and n of the first list that names the change.
    pub(super) list_number: (u32, u64),
}

impl Promise {
    /// For a change committed at `now`: the next list names it.
    pub(super) fn of(settings: &RegistrySettings, state: &State, now: UnixMillis) -> Self {
        let bound_seconds = state.promised_bound_seconds(settings.bound_seconds, now);
        let bounded = now.plus_ms(bound_seconds * MS_PER_SECOND).ceil_seconds();
        let number = state.next_list_number();
        Self {
            effective_by: bounded.plus_seconds(CLOCK_SKEW_MS / MS_PER_SECOND),
            bound_seconds,
            guaranteed: settings.guaranteed,
            list_number: (number.epoch, number.n),
        }
    }
}
