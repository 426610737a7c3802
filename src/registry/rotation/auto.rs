//! `auto_rotate`: the registry rotates a token by itself, so long before its end.
//!
//! Standard: DESIGN section 8, "`auto_rotate`".
//! Invariants: a rotation like any other, by `system`, under the same table of what stands in the way; at most one an hour of a
//! family; an unused leaf is superseded only where pages fetch their token (`distribute`), since nothing else could have
//! deployed it. What stands in the way is tried again each hour, and told of daily.
//! What it must not know: alarms: it says what is due.
//! What a mistake costs: a page whose token ends unrenewed (false refuse), or a family that rotates in circles.

use super::super::call::Call;
use super::super::database::{Database, Value};
use super::super::notice_rules::Finding;
use super::super::notices::{self, Owed};
use super::super::row::{Columns, Stop, StorageError};
use super::super::token_row::TokenRow;
use super::super::{families, sweep};
use crate::limits::{AUTO_ROTATE_INTERVAL_MS, MS_PER_SECOND, SECONDS_PER_DAY};
use crate::registry::command::{
    AutoRotate, Fault, Lifetime, NoticeKind, Rotate, Supersede, TokenEdit, TokenState,
};
use crate::time::UnixMillis;
use crate::token::Serial;

/// When a token of this end is to be rotated.
fn due_at(row: &TokenRow, auto: &AutoRotate) -> UnixMillis {
    let before_ms = auto.before_expiry_seconds.saturating_mul(MS_PER_SECOND);
    row.expires_at.to_millis().plus_ms(-before_ms)
}

/// Plans the rotation of `row`, whose settings, or whose successor, have just been written.
pub(in crate::registry) fn plan<D: Database>(database: &D, row: &TokenRow) -> Result<(), StorageError> {
    let auto = row.policy.auto_rotate.as_ref().filter(|_| row.successor.is_none());
    look_at(database, row.serial, auto.map(|auto| due_at(row, auto)))
}

/// Tokens that have lost their successors with a retired key are looked at again now.
pub(in crate::registry) fn plan_released<D: Database>(
    database: &D,
    now: UnixMillis,
) -> Result<(), StorageError> {
    database.query(
        "UPDATE token SET auto_rotate_at = ? WHERE auto_rotate IS NOT NULL AND successor IS NULL \
         AND auto_rotate_at IS NULL AND status <> 'revoked'",
        &[now.into()],
    )?;
    Ok(())
}

fn look_at<D: Database>(database: &D, serial: Serial, at: Option<UnixMillis>) -> Result<(), StorageError> {
    database.query(
        "UPDATE token SET auto_rotate_at = ? WHERE serial = ?",
        &[at.map_or(Value::Null, Value::from), serial.into()],
    )?;
    Ok(())
}

/// The token to look at next, and when.
pub(in crate::registry) fn next<D: Database>(
    database: &D,
) -> Result<Option<(Serial, UnixMillis)>, StorageError> {
    let rows = database.query(
        "SELECT serial, auto_rotate_at FROM token WHERE auto_rotate_at IS NOT NULL ORDER BY auto_rotate_at LIMIT 1",
        &[],
    )?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let mut columns = Columns::of(row);
    Ok(Some((columns.serial()?, columns.millis()?)))
}

impl<D: Database> Call<'_, D> {
    /// Rotates `serial`, if it is to be rotated by now.
    pub(in crate::registry) fn auto_rotate(&mut self, serial: Serial) -> Result<(), Stop> {
        let row = self.token(serial)?;
        let state = row.state(self.now);
        let has_ended = state == TokenState::Revoked
            || (state == TokenState::Expired && self.now < row.expires_at.to_millis());
        let Some(auto) = row.policy.auto_rotate.clone().filter(|_| row.successor.is_none() && !has_ended)
        else {
            return Ok(look_at(self.database, serial, None)?);
        };
        let hour_ago = self.now.plus_ms(-AUTO_ROTATE_INTERVAL_MS);
        let again_at = self.now.plus_ms(AUTO_ROTATE_INTERVAL_MS);
        if state == TokenState::Disabled {
            return Ok(look_at(self.database, serial, Some(again_at))?);
        }
        if row.predecessor.is_some() && row.created_at > hour_ago {
            let at = row.created_at.plus_ms(AUTO_ROTATE_INTERVAL_MS).min(again_at);
            return Ok(look_at(self.database, serial, Some(at))?);
        }
        let how = Rotate {
            revoke_old: auto.revoke_old,
            lifetime: auto.expires_in.map(Lifetime::ExpiresIn),
            overrides: TokenEdit::default(),
            supersede: row.policy.distribute.then_some(Supersede::Successor),
            revoke_oldest: false,
            force: false,
        };
        self.rotate(serial, &how, None)?;
        Ok(look_at(self.database, serial, None)?)
    }

    /// Something stands in the way of rotating `serial`: again in an hour. It is told of daily, unless it goes away by itself:
    /// the end of the other token is planned.
    pub(in crate::registry) fn put_off_auto_rotation(
        &mut self,
        serial: Serial,
        fault: &Fault,
    ) -> Result<(), Stop> {
        let row = self.token(serial)?;
        look_at(self.database, serial, Some(self.now.plus_ms(AUTO_ROTATE_INTERVAL_MS)))?;
        let reason = match fault {
            Fault::SuccessorUnused { .. } => "successor_unused",
            Fault::MaxActiveTokens { .. } if self.other_ends(&row)? => return Ok(()),
            Fault::MaxActiveTokens { .. } => "max_active_tokens",
            Fault::TokenProtected => "token_protected",
            _ => "not_possible",
        };
        let about = row.policy.auto_rotate.as_ref().map_or(self.now, |auto| due_at(&row, auto));
        let held = Finding { kind: NoticeKind::RotationHeld, within_days: 0, about };
        let told = sweep::told(self.database, serial, held.kind)?;
        let is_recent = |at: UnixMillis| (0..DAY_MS).contains(&self.now.since_ms(at));
        if !told.is_some_and(|told| told.about == about && is_recent(told.at)) {
            let owed = Owed::of(held.kind, serial).with("held_since", about.to_rfc3339());
            notices::owe(self.database, owed.with("reason", reason), self.now)?;
            sweep::note_told(self.database, serial, &held, self.now)?;
        }
        Ok(())
    }

    fn other_ends(&self, row: &TokenRow) -> Result<bool, Stop> {
        let live = families::live(self.database, row.family.as_str(), self.now)?;
        let others = live.iter().filter(|other| other.serial != row.serial);
        let ends = |other: &TokenRow| other.rotation.is_some_and(|plan| plan.planned_end.is_some());
        Ok(others.into_iter().any(ends))
    }
}

const DAY_MS: i64 = SECONDS_PER_DAY * MS_PER_SECOND;
