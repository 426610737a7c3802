//! Probes: publish now, and say which location holds what.
//!
//! Standard: DESIGN section 7 (`/tokens/{id}/probe`).
//! A probe counts as a change of the list, so that locations that take it tell so within seconds; no token is touched, and
//! probes follow each other no faster than locations tell.
//! What it must not know: HTTP; locations are the instance's to add.
//! What a mistake costs: an SRE who believes that a revocation arrived.

use super::call::Call;
use super::command::{ProbeView, Receipt};
use super::database::Database;
use super::promise::Promise;
use super::row::Stop;
use super::state::State;
use super::token_row::TokenRow;
use crate::limits::REPORT_CHANGE_INTERVAL_MS;
use crate::token::Serial;

impl<D: Database> Call<'_, D> {
    /// Owes a new list, unless something new went out a moment ago.
    pub(super) fn begin_probe(&mut self, serial: Serial) -> Result<ProbeView, Stop> {
        self.token(serial)?;
        let since_ms = self.now.since_ms(State::read(self.database)?.changed_at);
        if !(0..REPORT_CHANGE_INTERVAL_MS).contains(&since_ms) {
            self.list_announces()?;
        }
        self.probe(serial)
    }

    /// The token's latest change, and what to look for at locations.
    pub(super) fn probe(&self, serial: Serial) -> Result<ProbeView, Stop> {
        let row = self.token(serial)?;
        let state = State::read(self.database)?;
        Ok(ProbeView {
            receipt: self.latest_receipt(&row, &state),
            probe_list_number: (state.list_number.epoch, state.changed),
            locations: Vec::new(),
            is_idle: state.is_idle(self.now),
        })
    }

    /// The receipt of the latest change. A token that never changed holds since it was made, and any list will do for it.
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
