//! `POST /tokens/{id}/end`: an operator's end, set, moved or cancelled.
//!
//! Standard: DESIGN sections 1 (promise 4), 7 and 8.
//! Invariants: the end stands in the record, so the gate itself enforces it, without the registry and to the second; a token
//! that has ended stays ended; what would end a token earlier meets the guards of a revocation, what lets it live longer
//! meets none.
//! An operator's word replaces a rotation's plan, whichever way it moves the end.
//! What it must not know: HTTP; how a rotation plans an end.
//! What a mistake costs: a token that outlives its end (false accept), or a family that dies unasked (false refuse).

use super::call::Call;
use super::command::{Fault, Receipt, TokenState};
use super::database::Database;
use super::policy::field_fault;
use super::row::Stop;
use super::state::State;
use super::token_row::TokenRow;
use super::tokens::event;
use crate::record::next_version;
use crate::time::UnixMillis;
use crate::token::Serial;
use serde_json::json;

impl<D: Database> Call<'_, D> {
    /// Sets the end to `at`, or cancels it. When that is what it was, nothing changes, and the receipt is true all the same.
    pub(super) fn end(
        &mut self,
        serial: Serial,
        at: Option<UnixMillis>,
        force: bool,
    ) -> Result<Receipt, Stop> {
        let mut row = self.token(serial)?;
        self.must_not_have_ended(&row)?;
        let (was, state) = (row.ends_at, State::read(self.database)?);
        self.end_fits(&row, at)?;
        if at == was && row.rotation.is_none() {
            return Ok(self.receipt(&row, &state));
        }
        self.guard_end(&row, at, force)?;
        row.ends_at = at;
        // What the operator says takes the place of what a rotation planned.
        row.rotation = None;
        row.version = next_version(row.version, state.list_number.epoch).ok_or(Fault::Conflict)?;
        row.update_ends(self.database, None)?;
        let receipt = self.receipt(&row, &state);
        self.publish_record(&row, &state)?;
        self.list_names(&receipt)?;
        let action = if at.is_some() { "token.end_set" } else { "token.end_cancelled" };
        let shown = |at: Option<UnixMillis>| json!({ "ends_at": at.map(UnixMillis::to_rfc3339) });
        self.audit(event(action, &row, Some(shown(was)), Some(shown(at))))?;
        Ok(receipt)
    }

    /// An end lies ahead, and not past what is signed into the token.
    fn end_fits(&self, row: &TokenRow, at: Option<UnixMillis>) -> Result<(), Fault> {
        let detail = match at {
            Some(at) if at <= self.now => "an instant in the future; to end the token now, revoke it",
            Some(at) if at > row.expires_at.to_millis() => {
                "not past expires_at, which is signed into the token"
            }
            _ => return Ok(()),
        };
        Err(Fault::Fields(vec![field_fault("at", "out_of_range", detail)]))
    }

    fn guard_end(&self, row: &TokenRow, at: Option<UnixMillis>, force: bool) -> Result<(), Stop> {
        let Some(at) = at.filter(|at| *at < row.end()) else { return Ok(()) };
        if row.policy.protected {
            return Err(Fault::TokenProtected.into());
        }
        let is_active = row.state(self.now) == TokenState::Active;
        if is_active && !force && self.others_active_at(row, at)? == 0 {
            return Err(Fault::LastActiveToken.into());
        }
        Ok(())
    }
}
