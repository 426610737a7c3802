//! Bulk: many tokens revoked or rotated by a filter, in bounded steps.
//!
//! Standard: DESIGN section 7 (`POST /tokens/revoke`, `POST /tokens/rotate`).
//! Invariants: a step is one transaction of at most [`BULK_STEP_MAX`] tokens, and says where the next one starts; what it
//! leaves out it names, with the reason that the call for that token alone would have had; a dry run writes nothing.
//! A token that a step has dealt with is not found by the next one, so that a retry after a lost answer does nothing twice.
//! What it must not know: HTTP; that a filter is not empty is the admin API's to see to.
//! What a mistake costs: an emergency stop that misses a token (false accept), or takes one more (false refuse).

use super::super::call::Call;
use super::super::command::{Bulk, BulkStep, Fault, Receipt, Rotate, Skipped, TokenFilter, TokenView};
use super::super::database::Database;
use super::super::lifecycle::Reason;
use super::super::row::Stop;
use super::super::token_query::{self, Only};
use super::super::token_row::TokenRow;
use crate::limits::BULK_STEP_MAX;
use crate::token::Serial;

impl<D: Database> Call<'_, D> {
    /// Revokes a step of the tokens that the filter finds and that have not ended.
    pub(in crate::registry) fn revoke_tokens(
        &mut self,
        bulk: &Bulk,
        reason: Reason,
        text: Option<&str>,
        include_protected: bool,
    ) -> Result<BulkStep<Receipt>, Stop> {
        let (rows, matched, next) = self.step_of(bulk, Only::NotEnded)?;
        if bulk.dry_run {
            let left_out = rows.iter().filter(|row| row.policy.protected && !include_protected);
            let skipped = left_out
                .map(|row| Skipped { serial: row.serial, fault: Box::new(Fault::TokenProtected) })
                .collect();
            return Ok(BulkStep { matched, done: Vec::new(), skipped, next });
        }
        // Oldest first, as in a family.
        let rows = rows.into_iter().rev();
        let step = self.revoke_all(rows, matched, reason, text, include_protected)?;
        Ok(BulkStep { next, ..step })
    }

    /// Rotates a step of the active leaves that the filter finds.
    pub(in crate::registry) fn rotate_tokens(
        &mut self,
        bulk: &Bulk,
        rotate: &Rotate,
    ) -> Result<BulkStep<(Serial, TokenView)>, Stop> {
        let (rows, matched, next) = self.step_of(bulk, Only::ActiveLeaves)?;
        let mut step = BulkStep { matched, done: Vec::new(), skipped: Vec::new(), next };
        for row in rows {
            if bulk.dry_run {
                // What would stand in the way is what stands in the way now.
                if let Err(stop) = self.obstacle_to(&row, rotate) {
                    step.skipped.push(Skipped { serial: row.serial, fault: Box::new(fault_of(stop)?) });
                }
                continue;
            }
            // Refusals come before anything is written, so that the step goes on without this one.
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

/// The refusal, unless storage failed.
fn fault_of(stop: Stop) -> Result<Fault, Stop> {
    match stop {
        Stop::Fault(fault) => Ok(fault),
        Stop::Storage(_) => Err(stop),
    }
}
