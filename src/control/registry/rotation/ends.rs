//! Planned ends: the end that a rotation planned for a predecessor is carried out, or held.
//!
//! Standard: docs/lifecycle.md, "Plans"; docs/promises.md, "The promises", 4 ("a rotation's end is a
//! revocation that the registry makes: late, it only prolongs") and 9.
//! Invariants: only a `strict` plan ends a family's last active token. Any other such end is held, and
//! checked again. A step is bounded, and one transaction with its KV writes.
//! What it must not know: alarms. It says what is due.
//! What a mistake costs: pages that still carry the old token break (false refuse).

use crate::base::database::{Columns, Database, Rows};
use crate::base::time::UnixMillis;
use crate::control::registry::command::{NoticeKind, TokenState};
use crate::control::registry::fetches;
use crate::control::registry::lifecycle::RevocationReason;
use crate::control::registry::notice_rules::{self, DueNotice};
use crate::control::registry::rotation_plan::RotationPlan;
use crate::control::registry::row::{Stop, StorageError};
use crate::control::registry::sweep;
use crate::control::registry::token_row::{COLUMNS, TokenRow};
use crate::control::registry::tokens::event;
use crate::control::registry::transaction::Transaction;
use crate::limits::{PLANNED_ENDS_STEP_MAX, ROTATION_HELD_CHECK_MS};
use serde_json::json;

/// When the next plan must be examined.
pub(in crate::control::registry) fn next_due<D: Database>(
    database: &D,
) -> Result<Option<UnixMillis>, StorageError> {
    let sql = "SELECT MIN(rotation_due_at) FROM token WHERE rotation_due_at IS NOT NULL";
    Ok(database.query_one(sql, &[], Columns::optional_millis)?)
}

/// Whether a plan is due.
pub(in crate::control::registry) fn is_due<D: Database>(
    database: &D,
    now: UnixMillis,
) -> Result<bool, StorageError> {
    Ok(next_due(database)?.is_some_and(|at| at <= now))
}

impl<D: Database> Transaction<'_, D> {
    /// Carries out a bounded number of due plans.
    pub(in crate::control::registry) fn carry_out_plans(&mut self) -> Result<(), Stop> {
        let sql = format!(
            "SELECT {COLUMNS} FROM token WHERE rotation_due_at <= ? ORDER BY rotation_due_at LIMIT ?"
        );
        let limit = PLANNED_ENDS_STEP_MAX.into();
        for row in self.database.query_all(&sql, &[self.now.into(), limit], TokenRow::read)? {
            self.carry_out(row)?;
        }
        Ok(())
    }

    /// Tells at once who has not fetched the successor of `row`, if it ends so soon that no sweep need come
    /// before.
    pub(in crate::control::registry) fn tell_who_is_behind(&self, row: &TokenRow) -> Result<(), Stop> {
        let Some(successor) = row.successor else { return Ok(()) };
        let planned_end = row.rotation.and_then(|plan| plan.planned_end);
        let end = planned_end.map_or(row.end(), |at| at.min(row.end()));
        let Some(due) = notice_rules::unfetched_at_once(end, self.now) else { return Ok(()) };
        let Some(made) = TokenRow::find(self.database, successor)? else { return Ok(()) };
        if fetches::behind(self.database, row.family.as_str(), successor, self.now)?.is_empty() {
            return Ok(());
        }
        let last = sweep::last_notice(self.database, row.serial, due.kind)?;
        match last.filter(|last| notice_rules::is_same_end(last, made.created_at, end)) {
            Some(last) => {
                let due = DueNotice { within_days: last.within_days, ..due };
                sweep::store_last_notice(self.database, row.serial, &due, last.at)?;
            }
            None => sweep::queue(self.database, row.serial, &due, end, self.now)?,
        }
        Ok(())
    }

    fn carry_out(&mut self, mut row: TokenRow) -> Result<(), Stop> {
        let Some(plan) = row.rotation.filter(|_| row.is_live(self.now)) else {
            return Ok(row.update_ends(self.database, None)?);
        };
        let is_time = plan.planned_end.is_some_and(|at| at <= self.now);
        let may_end =
            plan.is_strict() || row.state(self.now) != TokenState::Active || self.another_is_in_use(&row)?;
        if is_time && may_end {
            self.withdraw(row, RevocationReason::Rotated, None)?;
            return Ok(());
        }
        // Held until a first use makes a new plan, or until another token of the family works again.
        let next = is_time.then(|| self.now.plus_ms(ROTATION_HELD_CHECK_MS));
        if plan.held_since.is_none() {
            row.rotation = Some(RotationPlan { held_since: Some(self.now), ..plan });
            let successor = row.successor.map(|successor| format!("tok_{}", successor.0));
            let after = json!({ "successor": successor, "successor_used": is_time });
            self.audit(event("token.rotation_held", &row, None, Some(after)))?;
            let held = DueNotice { kind: NoticeKind::RotationHeld, within_days: 0, about: self.now };
            sweep::queue(self.database, row.serial, &held, row.end(), self.now)?;
        }
        Ok(row.update_ends(self.database, next)?)
    }
}
