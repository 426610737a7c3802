//! Commands for a whole family: edit its tokens together, or revoke all of them.
//!
//! Standard: docs/lifecycle.md, "Families".
//! Invariants: an edit changes every unended token of the family, or none. An emergency stop ignores the
//! last-active guard, and names the tokens that it leaves.
//! What it must not know: HTTP.
//! What a mistake costs: one token of a compromised family goes on working (false accept).

use crate::base::database::Database;
use crate::control::registry::command::{
    BulkCounts, BulkStep, Fault, Receipt, Skipped, TokenEdit, TokenView,
};
use crate::control::registry::lifecycle::RevocationReason;
use crate::control::registry::protection::Act;
use crate::control::registry::row::Stop;
use crate::control::registry::token_row::TokenRow;
use crate::control::registry::transaction::Transaction;
use crate::limits::{MS_PER_SECOND, SECONDS_PER_DAY};

impl<D: Database> Transaction<'_, D> {
    /// Edits every token of the family that is active or disabled, newest first.
    pub(in crate::control::registry) fn edit_family(
        &mut self,
        family: &str,
        edit: &TokenEdit,
    ) -> Result<Vec<(TokenView, Receipt)>, Stop> {
        let live = self.live_of(family)?;
        if live.is_empty() {
            return Err(Fault::FamilyEnded.into());
        }
        let mut edited = Vec::with_capacity(live.len());
        for row in live {
            let (row, receipt) = self.edit_token(row.serial, None, edit.clone())?;
            edited.push((*self.shown(&row)?, receipt));
        }
        Ok(edited)
    }

    /// Revokes every token of the family that is active or disabled. DueNotice none is no error, so that the
    /// command can be repeated.
    pub(in crate::control::registry) fn revoke_family(
        &mut self,
        family: &str,
        text: Option<&str>,
        include_protected: bool,
    ) -> Result<BulkStep<Receipt>, Stop> {
        let live = self.live_of(family)?;
        let matched = u64::try_from(live.len()).unwrap_or(u64::MAX);
        let protected = live.iter().filter(|row| row.policy.protected).count();
        let since = self.now.plus_ms(-SECONDS_PER_DAY * MS_PER_SECOND);
        let used = live.iter().filter(|row| row.last_used_at.is_some_and(|at| at > since)).count();
        let counts = Some(BulkCounts {
            matched,
            protected: u64::try_from(protected).unwrap_or(u64::MAX),
            used_lately: u64::try_from(used).unwrap_or(u64::MAX),
        });
        let mut step = BulkStep { counts, done: Vec::new(), skipped: Vec::new(), next: None, until: None };
        // Oldest first. Otherwise revoking a successor would plan the predecessor's end anew before that is
        // revoked too.
        for row in live.into_iter().rev() {
            if !include_protected && let Err(fault) = self.may_do(&row, Act::End) {
                step.skipped.push(Skipped { serial: row.serial, fault: Box::new(fault) });
                continue;
            }
            // Read again what an earlier revocation in this step may have changed.
            let row = if row.is_alone() { row } else { self.token(row.serial)? };
            step.done.push(self.withdraw(row, RevocationReason::Family, text)?);
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
