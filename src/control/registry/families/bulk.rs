//! Bulk calls: many tokens found by a filter are revoked, rotated, disabled, enabled or given to another
//! owner, in bounded steps.
//!
//! Standard: docs/http.md, "Bulk calls".
//! Invariants: a step is one transaction of at most [`BULK_STEP_MAX`] tokens, and returns where the next one
//! starts. Steps go from the oldest token to the newest of when the call began: what is done to a token may
//! change what the filter says of an older one of its family, and never of a newer one. A step names each
//! token that it skips, with the refusal that a call for that token alone would get. A dry run writes
//! nothing. The filter no longer finds tokens that an earlier step has handled, or the step changes nothing
//! about them, so a retry after a lost answer does nothing twice.
//! What it must not know: HTTP. The admin API makes sure that a filter is not empty.
//! What a mistake costs: an emergency stop misses a token (false accept), or hits one too many (false
//! refuse).

use crate::base::database::Database;
use crate::control::registry::command::{
    Bulk, BulkChange, BulkCounts, BulkStep, Fault, Receipt, Rotate, Skipped, Sort, SortBy, TokenEdit,
    TokenFilter, TokenView,
};
use crate::control::registry::lifecycle::RevocationReason;
use crate::control::registry::protection::Act;
use crate::control::registry::row::Stop;
use crate::control::registry::token_query::{self, Only, Question};
use crate::control::registry::token_row::TokenRow;
use crate::control::registry::transaction::Transaction;
use crate::formats::token::Serial;
use crate::limits::BULK_STEP_MAX;

/// What a bulk call does to each token: which tokens it finds, what may prevent it, and the act itself.
///
/// `prevents` writes nothing, so after a refusal the step continues without this token, and a dry run reports
/// the obstacle that a real run would meet.
struct Kind<P, A> {
    only: Only,
    prevents: P,
    act: A,
}

impl<D: Database> Transaction<'_, D> {
    /// Revokes one step of the unended tokens that the filter finds.
    pub(in crate::control::registry) fn revoke_tokens(
        &mut self,
        bulk: &Bulk,
        owner_removed: bool,
        text: Option<&str>,
        include_protected: bool,
    ) -> Result<BulkStep<Receipt>, Stop> {
        let reason = RevocationReason::of_bulk(owner_removed);
        let kind = Kind {
            only: Only::NotEnded,
            prevents: |this: &Self, row: &TokenRow| -> Result<(), Stop> {
                if include_protected { Ok(()) } else { Ok(this.may_do(row, Act::End)?) }
            },
            act: |this: &mut Self, row: TokenRow| -> Result<Receipt, Stop> {
                // Read again what an earlier revocation in this step may have changed.
                let row = if row.is_alone() { row } else { this.token(row.serial)? };
                this.withdraw(row, reason, text)
            },
        };
        self.in_bulk(bulk, &kind)
    }

    /// Rotates one step of the active leaves that the filter finds.
    pub(in crate::control::registry) fn rotate_tokens(
        &mut self,
        bulk: &Bulk,
        rotate: &Rotate,
    ) -> Result<BulkStep<(Serial, TokenView)>, Stop> {
        let kind = Kind {
            only: Only::ActiveLeaves,
            prevents: |this: &Self, row: &TokenRow| this.obstacle_to(row, rotate),
            act: |this: &mut Self, row: TokenRow| -> Result<(Serial, TokenView), Stop> {
                Ok((row.serial, this.rotate(row.serial, rotate, None)?.token))
            },
        };
        self.in_bulk(bulk, &kind)
    }

    /// Disables, enables or edits one step of the tokens that the filter finds.
    pub(in crate::control::registry) fn change_tokens(
        &mut self,
        bulk: &Bulk,
        change: &BulkChange,
    ) -> Result<BulkStep<Receipt>, Stop> {
        match change {
            BulkChange::Disable => self.in_bulk(
                bulk,
                &Kind {
                    only: Only::Active,
                    prevents: |this: &Self, row: &TokenRow| -> Result<(), Stop> {
                        Ok(this.may_do(row, Act::End)?)
                    },
                    act: |this: &mut Self, row: TokenRow| this.disable(row.serial),
                },
            ),
            BulkChange::Enable => self.in_bulk(
                bulk,
                &Kind {
                    only: Only::Disabled,
                    prevents: |this: &Self, row: &TokenRow| -> Result<(), Stop> {
                        Ok(this.may_do(row, Act::Prolong)?)
                    },
                    act: |this: &mut Self, row: TokenRow| this.enable(row.serial),
                },
            ),
            BulkChange::Owner(owner) => {
                let edit = TokenEdit { owner: Some(owner.clone()), ..TokenEdit::default() };
                self.in_bulk(
                    bulk,
                    &Kind {
                        only: Only::NotEnded,
                        prevents: |this: &Self, row: &TokenRow| -> Result<(), Stop> {
                            this.judged_edit(row.clone(), edit.clone()).map(|_| ())
                        },
                        act: |this: &mut Self, row: TokenRow| -> Result<Receipt, Stop> {
                            Ok(this.edit_token(row.serial, None, edit.clone())?.1)
                        },
                    },
                )
            }
        }
    }

    /// Takes one step.
    fn in_bulk<T>(
        &mut self,
        bulk: &Bulk,
        kind: &Kind<
            impl Fn(&Self, &TokenRow) -> Result<(), Stop>,
            impl Fn(&mut Self, TokenRow) -> Result<T, Stop>,
        >,
    ) -> Result<BulkStep<T>, Stop> {
        let counts = self.counted(bulk, kind.only)?;
        let until = match bulk.filter.until {
            Some(until) => until,
            None => TokenRow::newest(self.database)?,
        };
        let (rows, next) = self.step_of(bulk, until, kind.only)?;
        let mut step =
            BulkStep { counts, done: Vec::new(), skipped: Vec::new(), next, until: next.map(|_| until) };
        for row in rows {
            match (kind.prevents)(self, &row) {
                Err(stop) => {
                    step.skipped.push(Skipped { serial: row.serial, fault: Box::new(fault_of(stop)?) });
                }
                Ok(()) if bulk.dry_run => {}
                Ok(()) => step.done.push((kind.act)(self, row)?),
            }
        }
        Ok(step)
    }

    /// How many tokens the call meets; in the first step only.
    fn counted(&self, bulk: &Bulk, only: Only) -> Result<Option<BulkCounts>, Stop> {
        if bulk.filter.below.is_some() {
            return Ok(None);
        }
        let question = Question { filter: &bulk.filter, only, settings: self.settings, now: self.now };
        let counts = token_query::tally(self.database, question)?;
        if bulk.expect.is_some_and(|expected| expected != counts.matched) {
            return Err(Fault::UnexpectedCount { matched: counts.matched }.into());
        }
        Ok(Some(counts))
    }

    fn step_of(
        &self,
        bulk: &Bulk,
        until: Serial,
        only: Only,
    ) -> Result<(Vec<TokenRow>, Option<Serial>), Stop> {
        let limit = bulk.filter.limit.clamp(1, BULK_STEP_MAX);
        let sort = Sort { by: SortBy::Created, ascending: true };
        let filter = TokenFilter { limit, sort, until: Some(until), ..bulk.filter.clone() };
        let question = Question { filter: &filter, only, settings: self.settings, now: self.now };
        Ok(token_query::rows(self.database, question)?)
    }
}

/// The refusal; an error when storage failed.
fn fault_of(stop: Stop) -> Result<Fault, Stop> {
    match stop {
        Stop::Fault(fault) => Ok(fault),
        Stop::Storage(_) => Err(stop),
    }
}
