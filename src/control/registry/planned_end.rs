//! `POST /tokens/{id}/end`: an operator sets, moves or cancels a token's end.
//!
//! Standard: docs/lifecycle.md, "Ends".
//! Invariants: the end is part of the record, so the gate enforces it to the second, without the registry. A
//! token that has ended stays ended. An earlier end needs to pass the guards of a revocation; a later one
//! does not. An operator's end replaces a rotation's plan, whether it is earlier or later.
//! What it must not know: HTTP; how a rotation plans an end.
//! What a mistake costs: a token outlives its end (false accept), or a family ends unintentionally (false
//! refuse).

use super::command::{Clash, Fault, Receipt, TokenState};
use super::policy::field_fault;
use super::protection::Act;
use super::row::Stop;
use super::state::State;
use super::token_row::TokenRow;
use super::tokens::event;
use super::transaction::Transaction;
use crate::base::database::Database;
use crate::base::time::UnixMillis;
use crate::formats::record::next_version;
use crate::formats::token::Serial;
use serde_json::json;

impl<D: Database> Transaction<'_, D> {
    /// Sets the end to `at`, or cancels it. If the end is already so, nothing changes, and the receipt is
    /// valid all the same.
    pub(super) fn end(
        &mut self,
        serial: Serial,
        at: Option<UnixMillis>,
        force: bool,
    ) -> Result<Receipt, Stop> {
        let mut row = self.token(serial)?;
        self.must_not_have_ended(&row)?;
        let (was, state) = (row.own_end, State::read(self.database)?);
        self.end_fits(&row, at)?;
        if at == was && row.rotation.is_none() {
            return Ok(self.receipt(&row, &state));
        }
        self.guard_end(&row, at, force)?;
        row.own_end = at;
        row.combine_ends();
        // An operator's end replaces a rotation's plan.
        row.rotation = None;
        row.version = next_version(row.version, state.list_number.epoch)
            .ok_or(Fault::Conflict(Clash::VersionsUsedUp))?;
        row.update_ends(self.database, None)?;
        self.tell_who_is_behind(&row)?;
        let receipt = self.receipt(&row, &state);
        self.publish_record(&row, &state)?;
        self.record_token_change(&receipt)?;
        let action = if at.is_some() { "token.end_set" } else { "token.end_cancelled" };
        let shown = |at: Option<UnixMillis>| json!({ "ends_at": at.map(UnixMillis::to_rfc3339) });
        self.audit(event(action, &row, Some(shown(was)), Some(shown(at))))?;
        Ok(receipt)
    }

    /// Checks that an end is in the future, and not after the signed expiry.
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
        // A licence's end may be put off; then this end holds.
        let own = row.own_end.unwrap_or(row.expires_at.to_millis());
        let Some(at) = at.filter(|at| *at < own) else {
            let plan = row.rotation.map(|plan| Act::rotation(&plan.revoke_old));
            // What an owner alone could set, an owner alone takes back.
            let is_owners = row.own_end.is_some() || plan == Some(Act::RotateFirmly);
            return Ok(self.may_do(row, if is_owners { Act::Prolong } else { Act::Keep })?);
        };
        self.may_do(row, Act::End)?;
        let is_active = row.state(self.now) == TokenState::Active;
        if is_active && !force && self.others_active_at(row, at)? == 0 {
            return Err(Fault::LastActiveToken.into());
        }
        Ok(())
    }
}
