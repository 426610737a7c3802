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
use crate::control::registry::lifecycle::RevocationReason;
use crate::control::registry::notice_rules::DueNotice;
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

    fn carry_out(&mut self, mut row: TokenRow) -> Result<(), Stop> {
        let Some(plan) = row.rotation.filter(|_| row.is_live(self.now)) else {
            return Ok(row.update_ends(self.database, None)?);
        };
        let is_time = plan.planned_end.is_some_and(|at| at <= self.now);
        let may_end = plan.is_strict()
            || row.state(self.now) != TokenState::Active
            || self.others_active_at(&row, self.now)? > 0;
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
