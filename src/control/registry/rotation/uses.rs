//! Uses: what the usage shards tell of tokens, and what a successor's first use sets off.
//!
//! Standard: DESIGN section 8, "First use".
//! Invariants: a first use only moves to an earlier instant, a last use only to a later one; told twice it changes nothing;
//! none lies ahead of the registry's clock, since an end is counted from it.
//! What it must not know: how uses are counted, who told.
//! What a mistake costs: a predecessor that ends although its successor is in no page (false refuse).

use super::super::call::Call;
use super::super::database::Database;
use super::super::families;
use super::super::notices::{self, Owed};
use super::super::row::{Stop, StorageError};
use super::super::token_row::TokenRow;
use super::super::tokens::event;
use crate::limits::LAST_USE_STORED_INTERVAL_MS;
use crate::registry::command::{Command, NoticeKind, Request, TokenUse};
use crate::time::UnixMillis;
use crate::token::Serial;
use serde_json::json;

/// The tokens whose first and last use a call must know as they are now, before it is carried out: those of the family that
/// it rotates. Bulk calls go by what was told.
pub(in crate::registry) fn wanted<D: Database>(
    database: &D,
    request: &Request,
    now: UnixMillis,
) -> Result<Vec<Serial>, StorageError> {
    let Request::Admin(call) = request else { return Ok(Vec::new()) };
    let family = match &call.command {
        Command::RotateFamily { family, .. } => Some(family.clone()),
        Command::RotateToken { serial, .. } => {
            TokenRow::find(database, *serial)?.map(|row| row.family.as_str().to_owned())
        }
        _ => None,
    };
    let live = family.map_or(Ok(Vec::new()), |family| families::live(database, &family, now))?;
    Ok(live.into_iter().map(|row| row.serial).collect())
}

impl<D: Database> Call<'_, D> {
    /// Takes what shards told. Tokens that are not known, gone after their retention, are passed over.
    pub(in crate::registry) fn note_uses(&mut self, uses: &[TokenUse]) -> Result<(), Stop> {
        for told in uses {
            if let Some(row) = TokenRow::find(self.database, told.serial)? {
                self.note_use(row, told)?;
            }
        }
        Ok(())
    }

    fn note_use(&mut self, mut row: TokenRow, told: &TokenUse) -> Result<(), Stop> {
        let first_at = told.first_at.min(told.last_at).min(self.now).max(row.created_at);
        let last_at = told.last_at.min(self.now).max(first_at);
        let was_unused = row.first_used_at.is_none();
        let is_earlier = row.first_used_at.is_none_or(|at| first_at < at);
        let is_later = row.last_used_at.is_none_or(|at| last_at.since_ms(at) >= LAST_USE_STORED_INTERVAL_MS);
        if !is_earlier && !is_later {
            return Ok(());
        }
        row.first_used_at = row.first_used_at.into_iter().chain([first_at]).min();
        row.last_used_at = row.last_used_at.into_iter().chain([last_at]).max();
        update(self.database, &row)?;
        if row.predecessor.is_some() && is_earlier {
            if was_unused {
                let after = json!({ "first_used_at": first_at.to_rfc3339() });
                self.audit(event("token.first_used", &row, None, Some(after)))?;
                let owed = Owed::of(NoticeKind::FirstUse, row.serial);
                let owed =
                    owed.with("predecessor", row.predecessor.map(|serial| format!("tok_{}", serial.0)));
                notices::owe(self.database, owed.with("first_used_at", first_at.to_rfc3339()), self.now)?;
            }
            self.plan_predecessors(&row)?;
        }
        Ok(())
    }

    /// The plans of older tokens of the family count from this first use.
    fn plan_predecessors(&mut self, row: &TokenRow) -> Result<(), Stop> {
        let older = families::live(self.database, row.family.as_str(), self.now)?;
        for older in older.into_iter().filter(|older| older.serial < row.serial && older.rotation.is_some()) {
            self.replan(older)?;
        }
        Ok(())
    }
}

fn update<D: Database>(database: &D, row: &TokenRow) -> Result<(), StorageError> {
    let at = |at: Option<UnixMillis>| at.map_or(super::super::database::Value::Null, Into::into);
    database.query(
        "UPDATE token SET first_used_at = ?, last_used_at = ? WHERE serial = ?",
        &[at(row.first_used_at), at(row.last_used_at), row.serial.into()],
    )?;
    Ok(())
}
