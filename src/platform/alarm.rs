//! The alarm of a Durable Object: set when something is due sooner, and not set again and again.
//!
//! Invariants: setting one is a row written, so it is set only when it must ring sooner than the one known to be set, or
//! when that one should long have rung: then the platform dropped it. It is noted before the await, so that calls that come
//! meanwhile need not set it again, and forgotten if setting it fails.
//! What it must not know: what is due.
//! What a mistake costs: what is owed is not paid until the next call, or a row is written with each one.

use super::clock;
use crate::limits::ALARM_LATE_MAX_MS;
use crate::time::UnixMillis;
use std::cell::Cell;
use worker::{Result, State};

/// The alarm that this instance knows to be set.
#[derive(Default)]
pub struct Alarm(Cell<Option<UnixMillis>>);

impl Alarm {
    /// It rings now.
    pub fn rang(&self) {
        self.0.set(None);
    }

    /// Sees to it that it rings no later than `due`.
    pub async fn ring_by(&self, state: &State, due: UnixMillis) -> Result<()> {
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
