//! Bulk calls: many tokens found by a filter are revoked or rotated in bounded steps.
//!
//! Standard: docs/http.md, "Bulk calls".
//! Invariants: a step is one transaction of at most [`BULK_STEP_MAX`] tokens, and returns where the next one
//! starts. It names each token that it skips, with the refusal that a call for that token alone would get. A
//! dry run writes nothing. The filter no longer finds tokens that an earlier step has handled, so a retry
//! after a lost answer does nothing twice.
//! What it must not know: HTTP. The admin API makes sure that a filter is not empty.
//! What a mistake costs: an emergency stop misses a token (false accept), or hits one too many (false
//! refuse).

use crate::base::database::Database;
use crate::control::registry::command::{
    Bulk, BulkStep, Fault, Receipt, Rotate, Skipped, TokenFilter, TokenView,
};
use crate::control::registry::lifecycle::RevocationReason;
use crate::control::registry::protection::Act;
use crate::control::registry::row::Stop;
use crate::control::registry::token_query;
use crate::control::registry::token_query::Only;
use crate::control::registry::token_row::TokenRow;
use crate::control::registry::transaction::Transaction;
use crate::formats::token::Serial;
use crate::limits::BULK_STEP_MAX;

impl<D: Database> Transaction<'_, D> {
    /// Revokes one step of the unended tokens that the filter finds.
    pub(in crate::control::registry) fn revoke_tokens(
        &mut self,
        bulk: &Bulk,
        reason: RevocationReason,
        text: Option<&str>,
        include_protected: bool,
    ) -> Result<BulkStep<Receipt>, Stop> {
        let (rows, matched, next) = self.step_of(bulk, Only::NotEnded)?;
        if bulk.dry_run {
            let skipped = rows.iter().filter(|_| !include_protected).filter_map(|row| {
                let fault = Box::new(self.may_do(row, Act::End).err()?);
                Some(Skipped { serial: row.serial, fault })
            });
            let skipped = skipped.collect();
            return Ok(BulkStep { matched, done: Vec::new(), skipped, next });
        }
        // Oldest first, as for a family.
        let rows = rows.into_iter().rev();
        let step = self.revoke_all(rows, matched, reason, text, include_protected)?;
        Ok(BulkStep { next, ..step })
    }

    /// Rotates one step of the active leaves that the filter finds.
    pub(in crate::control::registry) fn rotate_tokens(
        &mut self,
        bulk: &Bulk,
        rotate: &Rotate,
    ) -> Result<BulkStep<(Serial, TokenView)>, Stop> {
        let (rows, matched, next) = self.step_of(bulk, Only::ActiveLeaves)?;
        let mut step = BulkStep { matched, done: Vec::new(), skipped: Vec::new(), next };
        for row in rows {
            if bulk.dry_run {
                // A dry run reports the obstacle that a real run would meet.
                if let Err(stop) = self.obstacle_to(&row, rotate) {
                    step.skipped.push(Skipped { serial: row.serial, fault: Box::new(fault_of(stop)?) });
                }
                continue;
            }
            // The check writes nothing, so after a refusal the step continues without this token.
            match self.obstacle_to(&row, rotate) {
                Ok(()) => {
                    let made = self.rotate(row.serial, rotate, None)?;
                    step.done.push((row.serial, made.token));
                }
                Err(stop) => {
                    step.skipped.push(Skipped { serial: row.serial, fault: Box::new(fault_of(stop)?) });
                }
            }
        }
        Ok(step)
    }

    fn step_of(&self, bulk: &Bulk, only: Only) -> Result<(Vec<TokenRow>, u64, Option<Serial>), Stop> {
        let matched = token_query::count(self.database, &bulk.filter, only, self.now)?;
        let is_first = bulk.filter.below.is_none();
        if is_first && bulk.expect.is_some_and(|expected| expected != matched) {
            return Err(Fault::UnexpectedCount { matched }.into());
        }
        let limit = bulk.filter.limit.clamp(1, BULK_STEP_MAX);
        let filter = TokenFilter { limit, ..bulk.filter.clone() };
        let (rows, next) = token_query::rows(self.database, &filter, only, self.now)?;
        Ok((rows, matched, next))
    }
}

/// The refusal; an error when storage failed.
fn fault_of(stop: Stop) -> Result<Fault, Stop> {
    match stop {
        Stop::Fault(fault) => Ok(fault),
        Stop::Storage(_) => Err(stop),
    }
}
