//! Families: a token and its successors, and which of them is current.
//!
//! Standard: docs/lifecycle.md, "Families".
//! Invariants: the leaf is the newest token that is not revoked, and that no operator ended before its
//! expiry. The *current* token, which people copy and pages receive, is the newest active one: the leaf, or
//! its predecessor while the leaf is disabled or has ended.
//! What it must not know: HTTP; what a rotation plans.
//! What a mistake costs: a page gets a token that the gate refuses (false refuse).

mod bulk;
mod commands;
mod relatives;

use super::command::{FamilyView, Fault, TokenState, TokenView};
use super::fetches;
use super::retired_keys::key_retired;
use super::row::{Stop, StorageError};
use super::token_row::{COLUMNS, TokenRow};
use super::transaction::Transaction;
use crate::base::database::{Columns, Database, Rows, Value};
use crate::base::time::UnixMillis;
use crate::formats::key::KeyId;
use crate::formats::token::Serial;
use crate::limits::FAMILY_TOKENS_SHOWN_MAX;
pub(super) use relatives::Relatives;
use relatives::{is_live, is_not_revoked, may_be_leaf};

/// The newest token of `family` that is not revoked, and that no operator ended. It may be disabled, or have
/// expired.
pub(super) fn leaf<D: Database>(
    database: &D,
    family: &str,
    now: UnixMillis,
) -> Result<Option<TokenRow>, StorageError> {
    let parameters = [now.into(), now.floor_seconds().into()];
    Ok(rows(database, family, may_be_leaf!(), &parameters, 1)?.pop())
}

/// The family's tokens that are active or disabled, newest first: at most two.
pub(super) fn live<D: Database>(
    database: &D,
    family: &str,
    now: UnixMillis,
) -> Result<Vec<TokenRow>, StorageError> {
    let parameters = [now.floor_seconds().into(), now.into()];
    rows(database, family, is_live!(), &parameters, FAMILY_TOKENS_SHOWN_MAX)
}

/// The current token of `family`; `None` when none is active.
pub(super) fn current<D: Database>(
    database: &D,
    family: &str,
    now: UnixMillis,
) -> Result<Option<TokenRow>, StorageError> {
    let live = live(database, family, now)?;
    Ok(live.into_iter().find(|row| row.state(now) == TokenState::Active))
}

/// The family's newest token, in any state; `None` when there is no such family.
pub(super) fn newest<D: Database>(database: &D, family: &str) -> Result<Option<Serial>, StorageError> {
    let sql = "SELECT MAX(serial) FROM token WHERE family = ?";
    Ok(database.query_one(sql, &[family.into()], Columns::optional_serial)?)
}

/// The family's tokens in any state, newest first, at most [`FAMILY_TOKENS_SHOWN_MAX`].
pub(super) fn newest_first<D: Database>(database: &D, family: &str) -> Result<Vec<TokenRow>, StorageError> {
    rows(database, family, "TRUE", &[], FAMILY_TOKENS_SHOWN_MAX)
}

/// The first use of the successor of `row`, or of a later token of the family, that is not revoked, by
/// itself or with its key. An earlier successor, which an operator ended, says nothing of the one that came
/// after it.
pub(super) fn first_use_after<D: Database>(
    database: &D,
    row: &TokenRow,
) -> Result<Option<UnixMillis>, StorageError> {
    Ok(database.query_one(
        concat!(
            "SELECT MIN(first_used_at) FROM token WHERE family = ? AND serial > ? AND serial >= ? AND ",
            is_not_revoked!()
        ),
        &[row.family.as_str().into(), row.serial.into(), row.successor.unwrap_or(row.serial).into()],
        Columns::optional_millis,
    )?)
}

/// After `key_id` was retired, clears the successors signed with it from their predecessors, together with
/// the planned ends. The predecessors are current again. Their records are left alone: they mention the
/// successor only for response headers.
pub(super) fn release_predecessors<D: Database>(database: &D, key_id: KeyId) -> Result<(), StorageError> {
    let sql = concat!(
        "UPDATE token SET successor = NULL, rotation = NULL, rotation_due_at = NULL \
         WHERE successor IN (SELECT serial FROM token WHERE key_id = ? AND ",
        key_retired!(),
        ")"
    );
    database.execute(sql, &[u32::from(key_id.0).into()])?;
    Ok(())
}

/// The same for every successor that is revoked, by itself or with its key, after a restore.
pub(super) fn release_all<D: Database>(database: &D) -> Result<(), StorageError> {
    let sql = concat!(
        "UPDATE token SET successor = NULL, rotation = NULL, rotation_due_at = NULL \
         WHERE status <> 'revoked' AND successor IN (SELECT serial FROM token WHERE NOT (",
        is_not_revoked!(),
        "))"
    );
    Ok(database.execute(sql, &[])?)
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
    Ok(database.query_all(&sql, &all, TokenRow::read)?)
}

impl<D: Database> Transaction<'_, D> {
    /// A token as callers see it.
    pub(super) fn shown(&self, row: &TokenRow) -> Result<Box<TokenView>, Stop> {
        let relatives = Relatives::of(self.database, std::slice::from_ref(row), self.now)?;
        Ok(Box::new(self.shown_among(row, &relatives)?))
    }

    /// Tokens as callers see them. Reads as often for many as for one.
    pub(super) fn all_shown(&self, rows: &[TokenRow]) -> Result<Vec<TokenView>, Stop> {
        let relatives = Relatives::of(self.database, rows, self.now)?;
        rows.iter().map(|row| self.shown_among(row, &relatives)).collect()
    }

    fn shown_among(&self, row: &TokenRow, relatives: &Relatives) -> Result<TokenView, Stop> {
        let is_active = |row: &TokenRow| row.state(self.now) == TokenState::Active;
        let current = relatives.live(row).iter().find(|row| is_active(row));
        let is_current = current.is_some_and(|current| current.serial == row.serial);
        Ok(row.view(is_current, self.rotation_obstacle(row, relatives)?, self.settings, self.now))
    }

    /// The family and its newest tokens, for `GET /families/{id}`.
    pub(super) fn family(&self, family: &str) -> Result<FamilyView, Stop> {
        let rows = newest_first(self.database, family)?;
        if rows.is_empty() {
            return Err(Fault::NotFound.into());
        }
        let current = current(self.database, family, self.now)?;
        let sql = "SELECT COUNT(*) FROM token WHERE family = ?";
        let total = self.database.query_one(sql, &[family.into()], Columns::number)?;
        let tokens = self.all_shown(&rows)?;
        let fetches = fetches::of_family(self.database, family)?;
        let current = current.map(|row| row.serial);
        Ok(FamilyView { family: family.to_owned(), current, tokens, total, fetches })
    }
}
