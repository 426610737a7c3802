//! Probes: publish a list now, and show which location holds which list.
//!
//! Standard: docs/bound.md, "Reports".
//! A probe counts as a change of the list, so that locations report within seconds when they receive it. It
//! changes no token. Probes follow each other no faster than locations report.

use super::command::{ProbeView, Receipt};
use super::promise::Promise;
use super::row::Stop;
use super::state::State;
use super::token_row::TokenRow;
use super::transaction::Transaction;
use crate::base::database::Database;
use crate::formats::token::Serial;
use crate::limits::REPORT_CHANGE_INTERVAL_MS;

impl<D: Database> Transaction<'_, D> {
    /// Requests a new list, unless a change was committed a moment ago.
    pub(super) fn begin_probe(&mut self, serial: Serial) -> Result<ProbeView, Stop> {
        self.token(serial)?;
        let since_ms = self.now.since_ms(State::read(self.database)?.changed_at);
        if !(0..REPORT_CHANGE_INTERVAL_MS).contains(&since_ms) {
            self.record_list_change()?;
        }
        self.probe(serial)
    }

    /// The token's latest change, and the list number to look for at locations.
    pub(super) fn probe(&self, serial: Serial) -> Result<ProbeView, Stop> {
        let row = self.token(serial)?;
        let state = State::read(self.database)?;
        Ok(ProbeView {
            receipt: self.latest_receipt(&row, &state),
            probe_list_number: (state.list_number.epoch, state.changed),
            took_ms: None,
            locations: Vec::new(),
            is_idle: state.is_idle(self.now),
        })
    }

    /// The receipt of the latest change. A token that never changed has held since it was created, and any
    /// list contains that.
    fn latest_receipt(&self, row: &TokenRow, state: &State) -> Receipt {
        let by_key = row.key_end().and_then(|_| row.revocation());
        let changed = by_key.or_else(|| row.changed_receipt.clone());
        let receipt = changed.unwrap_or_else(|| Receipt {
            list_number: (state.list_number.epoch, state.changed),
            ..row.receipt_of(Promise::of(self.settings, state, row.created_at), self.now)
        });
        Receipt { state: row.state(self.now), ..receipt }
    }
}
