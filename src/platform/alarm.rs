//! The alarm of a Durable Object, set only when necessary.
//!
//! Setting an alarm writes a row. So it is set only when it must fire before the one known to be set, or when
//! that one is long overdue, which means that the platform lost it. The time is noted before the await, so
//! that calls meanwhile need not set it again, and cleared if setting fails.
//! What a mistake costs: pending work is delayed until the next call, or each call writes a row.

use super::clock;
use crate::base::time::UnixMillis;
use crate::limits::ALARM_LATE_MAX_MS;
use std::cell::Cell;
use worker::{Result, State};

/// The time for which this instance knows the alarm to be set.
#[derive(Default)]
pub(super) struct Alarm(Cell<Option<UnixMillis>>);

impl Alarm {
    /// Notes that the alarm has fired.
    pub(super) fn fired(&self) {
        self.0.set(None);
    }

    /// Makes sure that the alarm fires by `due`.
    pub(super) async fn fire_by(&self, state: &State, due: UnixMillis) -> Result<()> {
        let now = clock::now();
        let known = self.0.get().filter(|at| now.since_ms(*at) < ALARM_LATE_MAX_MS);
        if known.is_some_and(|at| at <= due) {
            return Ok(());
        }
        self.0.set(Some(due));
        let set = state.storage().set_alarm(due.since_ms(now).max(0)).await;
        if set.is_err() {
            self.0.set(None);
        }
        set
    }
}
