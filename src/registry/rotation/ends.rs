//! Planned ends: what a rotation planned for a predecessor is carried out, or held.
//!
//! Standard: DESIGN section 8; section 1, promises 4 ("a rotation's end is a revocation that the registry makes: late, it only
//! prolongs") and 9.
//! Invariants: a family's last active token is taken by a `strict` plan alone; any other end is held, and looked at again;
//! each step is bounded, and one transaction with what KV is owed.
//! What it must not know: alarms: it says what is due.
//! What a mistake costs: pages that still carry the old token break (false refuse).

use super::super::call::Call;
use super::super::database::{Database, Value};
use super::super::lifecycle::Reason;
use super::super::notice_rules::Finding;
use super::super::row::{Columns, Stop, StorageError};
use super::super::sweep;
use super::super::token_row::{COLUMNS, TokenRow};
use super::super::tokens::event;
use crate::limits::{PLANNED_ENDS_STEP_MAX, ROTATION_HELD_CHECK_MS};
use crate::registry::command::{NoticeKind, TokenState};
use crate::time::UnixMillis;
use serde_json::json;

/// When the next plan must be looked at.
pub(in crate::registry) fn next_due<D: Database>(database: &D) -> Result<Option<UnixMillis>, StorageError> {
    let rows =
        database.query("SELECT MIN(rotation_due_at) FROM token WHERE rotation_due_at IS NOT NULL", &[])?;
    match rows.into_iter().next() {
        Some(row) => Columns::of(row).optional_millis(),
        None => Ok(None),
    }
}

/// Whether a plan is due.
pub(in crate::registry) fn is_due<D: Database>(database: &D, now: UnixMillis) -> Result<bool, StorageError> {
    Ok(next_due(database)?.is_some_and(|at| at <= now))
}

impl<D: Database> Call<'_, D> {
    /// Carries out a bounded number of plans that are due.
    pub(in crate::registry) fn carry_out_plans(&mut self) -> Result<(), Stop> {
        let sql = format!(
            "SELECT {COLUMNS} FROM token WHERE rotation_due_at <= ? ORDER BY rotation_due_at LIMIT ?"
        );
        let rows = self.database.query(&sql, &[self.now.into(), Value::from(PLANNED_ENDS_STEP_MAX)])?;
        for row in rows {
            self.carry_out(TokenRow::read(row)?)?;
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
            self.withdraw(row, Reason::Rotated, None)?;
            return Ok(());
        }
        // Held: until a first use, which plans anew, or until another token of the family works again.
        let next = is_time.then(|| self.now.plus_ms(ROTATION_HELD_CHECK_MS));
        if plan.held_since.is_none() {
            row.rotation = Some(super::Plan { held_since: Some(self.now), ..plan });
            let successor = row.successor.map(|successor| format!("tok_{}", successor.0));
            let after = json!({ "successor": successor, "successor_used": is_time });
            self.audit(event("token.rotation_held", &row, None, Some(after)))?;
            let held = Finding { kind: NoticeKind::RotationHeld, within_days: 0, about: self.now };
            sweep::tell(self.database, row.serial, &held, row.end(), self.now)?;
        }
        Ok(row.update_ends(self.database, next)?)
    }
}
