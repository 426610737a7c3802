//! What is done to a family as a whole: its tokens edited together, or all withdrawn.
//!
//! Standard: DESIGN section 7 (`PATCH /families/{id}`, `POST /families/{id}/revoke`).
//! Invariants: an edit is of every token that has not ended, or of none; an emergency stop has no last-active guard, and
//! names what it leaves.
//! What it must not know: HTTP.
//! What a mistake costs: a compromised family of which one token goes on working (false accept).

use super::super::call::Call;
use super::super::command::{BulkStep, Fault, Receipt, Skipped, TokenEdit, TokenView};
use super::super::database::Database;
use super::super::lifecycle::Reason;
use super::super::row::Stop;
use super::super::token_row::TokenRow;

impl<D: Database> Call<'_, D> {
    /// Edits every token of the family that is active or disabled, newest first.
    pub(in crate::registry) fn edit_family(
        &mut self,
        family: &str,
        edit: &TokenEdit,
    ) -> Result<Vec<(TokenView, Receipt)>, Stop> {
        let live = self.live_of(family)?;
        if live.is_empty() {
            return Err(Fault::TokenEnded.into());
        }
        let mut edited = Vec::with_capacity(live.len());
        for row in live {
            let (row, receipt) = self.edit_token(row.serial, None, edit.clone())?;
            edited.push((*self.shown(&row)?, receipt));
        }
        Ok(edited)
    }

    /// Revokes every token of the family that is active or disabled. One of which nothing is left is no error: a stop that is
    /// pressed twice has stopped.
    pub(in crate::registry) fn revoke_family(
        &mut self,
        family: &str,
        text: Option<&str>,
        include_protected: bool,
    ) -> Result<BulkStep<Receipt>, Stop> {
        let live = self.live_of(family)?;
        let matched = u64::try_from(live.len()).unwrap_or(u64::MAX);
        // Oldest first: one whose successor has gone would else be planned anew in between.
        self.revoke_all(live.into_iter().rev(), matched, Reason::Family, text, include_protected)
    }

    /// Revokes `rows`, leaving out protected ones unless they are included.
    pub(super) fn revoke_all(
        &mut self,
        rows: impl Iterator<Item = TokenRow>,
        matched: u64,
        reason: Reason,
        text: Option<&str>,
        include_protected: bool,
    ) -> Result<BulkStep<Receipt>, Stop> {
        let mut step = BulkStep { matched, done: Vec::new(), skipped: Vec::new(), next: None };
        for row in rows {
            if row.policy.protected && !include_protected {
                step.skipped.push(Skipped { serial: row.serial, fault: Box::new(Fault::TokenProtected) });
                continue;
            }
            // As it is now: an earlier revocation of this step may have changed its plan.
            let row = self.token(row.serial)?;
            step.done.push(self.withdraw(row, reason, text)?);
        }
        Ok(step)
    }

    fn live_of(&self, family: &str) -> Result<Vec<TokenRow>, Stop> {
        if super::newest(self.database, family)?.is_none() {
            return Err(Fault::NotFound.into());
        }
        Ok(super::live(self.database, family, self.now)?)
    }
}
