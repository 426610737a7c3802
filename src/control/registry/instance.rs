//! What only the running instance knows, added to answers: its list, its counters, what locations told it.
//!
//! Standard: DESIGN section 7 (`/status`, `/tokens/{id}/probe`).
//! Invariants: nothing here is stored, and nothing that is promised rests on it.
//! What it must not know: SQL.
//! What a mistake costs: an SRE who believes that a revocation arrived.

use super::Registry;
use super::command::{Answer, StatusView};
use super::database::Database;
use super::status;
use crate::limits::{LOCATION_SHOWN_MS, TRAFFIC_LASTS_MS};
use crate::time::UnixMillis;

impl<D: Database> Registry<D> {
    /// The answer with what storage could not say.
    pub(super) fn completed(&self, answer: Answer, now: UnixMillis) -> Answer {
        match answer {
            Answer::Status(status) => Answer::Status(self.completed_status(status, now)),
            Answer::Metrics { status, expiries, notices } => {
                Answer::Metrics { status: self.completed_status(status, now), expiries, notices }
            }
            Answer::Probe { mut probe, begun } => {
                probe.locations = self.propagation.locations(now.plus_ms(-TRAFFIC_LASTS_MS));
                probe.is_idle &= probe.locations.is_empty();
                Answer::Probe { probe, begun }
            }
            other => other,
        }
    }

    fn completed_status(&self, mut status: Box<StatusView>, now: UnixMillis) -> Box<StatusView> {
        if let Some(list) = &self.list {
            status.list_number = (list.number.epoch, list.number.n);
            status.list_entries = u64::try_from(list.entries).unwrap_or(u64::MAX);
            status.list_bytes = u64::try_from(list.sealed.len()).unwrap_or(u64::MAX);
        }
        status.tokens = self.token_counts.newest();
        status.outbox_failures = self.kv_failures;
        status.calls = self.load.totals();
        status.calls_last_minute = self.load.last_minute(now);
        status.propagation = self.propagation.view(self.settings.bound_seconds);
        status.locations = self.propagation.locations(now.plus_ms(-LOCATION_SHOWN_MS));
        status.warnings = status::warnings(&status, now);
        status
    }
}
