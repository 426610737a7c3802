//! Families: a token and its successors, and which of them is the one to copy.
//!
//! Standard: DESIGN section 2 (leaf, predecessor, successor) and section 8.
//! Invariants: the leaf is the newest token that is not revoked; the *current* one, to be copied and given out, is the newest
//! that is active: the leaf, or its predecessor while the leaf is disabled or has ended.
//! What it must not know: HTTP; what a rotation plans.
//! What a mistake costs: a page gets a token that the gate refuses (false refuse).

mod bulk;
mod commands;

use super::call::Call;
use super::command::{FamilyView, Fault, TokenState, TokenView};
use super::database::{Database, Value};
use super::retired_keys::key_retired;
use super::row::{Columns, Stop, StorageError};
use super::token_row::{COLUMNS, TokenRow};
use crate::key::KeyId;
use crate::limits::FAMILY_TOKENS_SHOWN_MAX;
use crate::time::UnixMillis;
use crate::token::Serial;

/// The newest token of `family` that is not revoked; it may be disabled or have ended.
pub(super) fn leaf<D: Database>(database: &D, family: &str) -> Result<Option<TokenRow>, StorageError> {
    let condition = concat!("status <> 'revoked' AND NOT ", key_retired!());
    Ok(rows(database, family, condition, &[], 1)?.pop())
}

/// Its tokens that are active or disabled, newest first: two at most.
pub(super) fn live<D: Database>(
    database: &D,
    family: &str,
    now: UnixMillis,
) -> Result<Vec<TokenRow>, StorageError> {
    let condition = concat!(
        "status <> 'revoked' AND expires_at > ? AND (ends_at IS NULL OR ends_at > ?) AND NOT ",
        key_retired!()
    );
    rows(database, family, condition, &[now.floor_seconds().into(), now.into()], FAMILY_TOKENS_SHOWN_MAX)
}

/// The token of `family` to copy or give out.
pub(super) fn current<D: Database>(
    database: &D,
    family: &str,
    now: UnixMillis,
) -> Result<Option<TokenRow>, StorageError> {
    let live = live(database, family, now)?;
    Ok(live.into_iter().find(|row| row.state(now) == TokenState::Active))
}

/// A token as callers see it. Whether it is the current one costs a search in the index of families.
pub(super) fn view<D: Database>(
    database: &D,
    row: &TokenRow,
    now: UnixMillis,
) -> Result<TokenView, StorageError> {
    let is_current = row.state(now) == TokenState::Active
        && current(database, row.family.as_str(), now)?.is_some_and(|current| current.serial == row.serial);
    Ok(row.view(is_current, now))
}

/// Its newest token, in whatever state; `None`: there is no such family.
pub(super) fn newest<D: Database>(database: &D, family: &str) -> Result<Option<Serial>, StorageError> {
    let rows = database.query("SELECT MAX(serial) FROM token WHERE family = ?", &[family.into()])?;
    rows.into_iter().next().map_or(Ok(None), |row| Columns::of(row).optional_serial())
}

/// Its tokens in whatever state, newest first, at most [`FAMILY_TOKENS_SHOWN_MAX`].
pub(super) fn newest_first<D: Database>(database: &D, family: &str) -> Result<Vec<TokenRow>, StorageError> {
    rows(database, family, "TRUE", &[], FAMILY_TOKENS_SHOWN_MAX)
}

/// When a successor of `row` that is not revoked was first used.
pub(super) fn first_use_after<D: Database>(
    database: &D,
    row: &TokenRow,
) -> Result<Option<UnixMillis>, StorageError> {
    let rows = database.query(
        "SELECT MIN(first_used_at) FROM token WHERE family = ? AND serial > ? AND status <> 'revoked'",
        &[row.family.as_str().into(), row.serial.into()],
    )?;
    rows.into_iter().next().map_or(Ok(None), |row| Columns::of(row).optional_millis())
}

/// The successors under `key_id` have died with it: those that they had succeeded are the ones to copy again, and what was
/// planned for their ends is off. Their records, which say so in headers alone, are left as they are.
pub(super) fn release_predecessors<D: Database>(database: &D, key_id: KeyId) -> Result<(), StorageError> {
    let sql = concat!(
        "UPDATE token SET successor = NULL, rotation = NULL, rotation_due_at = NULL \
         WHERE successor IN (SELECT serial FROM token WHERE key_id = ? AND ",
        key_retired!(),
        ")"
    );
    database.query(sql, &[u32::from(key_id.0).into()])?;
    Ok(())
}

/// At most `limit` rows of the family that meet `condition`, newest first.
fn rows<D: Database>(
    database: &D,
    family: &str,
    condition: &'static str,
    parameters: &[Value],
    limit: u32,
) -> Result<Vec<TokenRow>, StorageError> {
    let sql =
        format!("SELECT {COLUMNS} FROM token WHERE family = ? AND {condition} ORDER BY serial DESC LIMIT ?");
    let mut all = vec![Value::from(family)];
    all.extend_from_slice(parameters);
    all.push(limit.into());
    database.query(&sql, &all)?.into_iter().map(TokenRow::read).collect()
}

impl<D: Database> Call<'_, D> {
    /// A token as callers see it.
    pub(super) fn shown(&self, row: &TokenRow) -> Result<Box<TokenView>, Stop> {
        Ok(Box::new(view(self.database, row, self.now)?))
    }

    /// `GET /families/{id}`.
    pub(super) fn family(&self, family: &str) -> Result<FamilyView, Stop> {
        let rows = newest_first(self.database, family)?;
        if rows.is_empty() {
            return Err(Fault::NotFound.into());
        }
        let current = current(self.database, family, self.now)?;
        let total = self.database.query("SELECT COUNT(*) FROM token WHERE family = ?", &[family.into()])?;
        let total = Columns::of(total.into_iter().next().ok_or(StorageError::Unreadable)?).number()?;
        let is_current =
            |row: &TokenRow| current.as_ref().is_some_and(|current| current.serial == row.serial);
        let tokens = rows.iter().map(|row| row.view(is_current(row), self.now)).collect();
        Ok(FamilyView { family: family.to_owned(), current: current.map(|row| row.serial), tokens, total })
    }
}
