//! What a receipt promises: by when a change holds everywhere, and from which list on.
//!
//! Standard: docs/bound.md, "Receipts".
//! Invariants: every location stops admitting against the change by `effective_by`. That is t + B, rounded up
//! to a second, plus the clock skew. B is the largest bound of all lists that may still be in use.
//! What it must not know: what changed.
//! What a mistake costs: a receipt promises too early, so an operator trusts a token to be refused that is
//! still admitted (false accept).

use super::settings::RegistrySettings;
use super::state::State;
use crate::base::time::{UnixMillis, UnixSeconds};
use crate::limits::{CLOCK_SKEW_MS, MS_PER_SECOND};

/// The promise for one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Promise {
    pub(super) effective_by: UnixSeconds,
    pub(super) bound_seconds: i64,
    pub(super) guaranteed: bool,
    /// Epoch and n of the first list that contains the change.
    pub(super) list_number: (u32, u64),
}

impl Promise {
    /// The promise for a change committed at `now`: the next list contains it.
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
