//! What only the running instance knows and adds to answers: its list, its counters and the locations'
//! reports. Of these only the reports are stored, now and then. No promise rests on any of it.
//!
//! Standard: docs/http.md, "Status and metrics"; docs/bound.md, "Reports".

use super::command::{Answer, StatusView};
use super::propagation_kept;
use super::single_writer::Registry;
use super::status;
use crate::base::database::Database;
use crate::base::time::UnixMillis;
use crate::limits::{LOCATION_SHOWN_MS, TRAFFIC_LASTS_MS};

impl<D: Database> Registry<D> {
    /// Completes an answer with what storage does not know.
    pub(super) fn completed(&self, answer: Answer, now: UnixMillis) -> Answer {
        match answer {
            Answer::Status(status) => Answer::Status(self.completed_status(status, now)),
            Answer::Metrics { status, mut expiries, notices } => {
                expiries.within = self.token_counts.ending_within();
                Answer::Metrics { status: self.completed_status(status, now), expiries, notices }
            }
            Answer::Probe { mut probe, begun } => {
                let (since, change) = (now.plus_ms(-TRAFFIC_LASTS_MS), probe.receipt.list_number);
                probe.locations = self.propagation.locations(since, change, now);
                probe.took_ms = self.propagation.took_ms(probe.receipt.list_number.1);
                probe.is_idle &= probe.locations.is_empty();
                Answer::Probe { probe, begun }
            }
            other => other,
        }
    }

    /// Stores what locations reported, when that is due. A failure here delays nothing else.
    pub(super) fn keep_propagation(&mut self, now: UnixMillis) {
        let Some(summary) = self.propagation.take_unkept(now) else { return };
        let stored = self.database.transaction(|database| propagation_kept::store(database, &summary));
        if let Err(error) = stored {
            self.log.push(format!("measured propagation was not stored: {error}"));
        }
    }

    fn completed_status(&self, mut status: Box<StatusView>, now: UnixMillis) -> Box<StatusView> {
        if let Some(list) = &self.list {
            status.list_number = (list.number.epoch, list.number.n);
            status.list_entries = u64::try_from(list.entries).unwrap_or(u64::MAX);
            status.list_bytes = u64::try_from(list.sealed.len()).unwrap_or(u64::MAX);
        }
        status.tokens = self.token_counts.by_state();
        status.tokens_naming_no_origin = self.token_counts.naming_no_origin();
        status.outbox_failures = self.kv_failures;
        status.calls = self.load.totals();
        status.calls_last_minute = self.load.last_minute(now);
        status.held_calls = u64::try_from(self.held_calls()).unwrap_or(u64::MAX);
        status.propagation = self.propagation.view(self.settings.bound_seconds);
        let shown_since = now.plus_ms(-LOCATION_SHOWN_MS);
        status.locations = self.propagation.locations(shown_since, status.changed_number, now);
        status.locations_without_addresses = self.propagation.without_addresses(shown_since);
        status.warnings = status::warnings(&status, now);
        status
    }
}
