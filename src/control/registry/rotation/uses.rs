//! Uses: the shards' reports of token uses, and what a successor's first use triggers.
//!
//! Standard: docs/lifecycle.md, "First uses".
//! Invariants: a first use only moves to an earlier instant, a last use only to a later one. A repeated
//! report changes nothing. No use lies ahead of the registry's clock, because ends are counted from it.
//! What it must not know: how uses are counted, who reported.
//! What a mistake costs: a predecessor ends although no page has its successor (false refuse).

use crate::base::database::{Database, Rows};
use crate::base::time::UnixMillis;
use crate::control::registry::command::{Call, Command, NoticeKind};
use crate::control::registry::families;
use crate::control::registry::notices;
use crate::control::registry::notices::QueuedNotice;
use crate::control::registry::row::{Stop, StorageError};
use crate::control::registry::token_index;
use crate::control::registry::token_row::TokenRow;
use crate::control::registry::tokens::event;
use crate::control::registry::transaction::Transaction;
use crate::formats::token::Serial;
use crate::formats::usage::token_use::TokenUse;
use crate::limits::LAST_USE_STORED_INTERVAL_MS;
use serde_json::json;

/// The tokens whose latest uses a call needs before it is carried out: those of the family that it rotates.
/// Bulk calls rely on earlier reports.
pub(in crate::control::registry) fn wanted<D: Database>(
    database: &D,
    call: &Call,
    now: UnixMillis,
) -> Result<Vec<Serial>, StorageError> {
    let Call::Admin(admin) = call else { return Ok(Vec::new()) };
    let family = match &admin.command {
        Command::RotateFamily { family, .. } => Some(family.clone()),
        Command::RotateToken { serial, .. } => {
            TokenRow::find(database, *serial)?.map(|row| row.family.as_str().to_owned())
        }
        _ => None,
    };
    let live = family.map_or(Ok(Vec::new()), |family| families::live(database, &family, now))?;
    Ok(live.into_iter().map(|row| row.serial).collect())
}

impl<D: Database> Transaction<'_, D> {
    /// Takes reported uses. Skips unknown tokens, which retention has deleted.
    pub(in crate::control::registry) fn note_uses(&mut self, uses: &[TokenUse]) -> Result<(), Stop> {
        for used in uses {
            if let Some(row) = TokenRow::find(self.database, used.serial)? {
                self.note_use(row, used)?;
            }
        }
        Ok(())
    }

    fn note_use(&mut self, mut row: TokenRow, used: &TokenUse) -> Result<(), Stop> {
        let first_at = used.first_at.min(used.last_at).min(self.now).max(row.created_at);
        let last_at = used.last_at.min(self.now).max(first_at);
        let was_unused = row.first_used_at.is_none();
        let is_earlier = row.first_used_at.is_none_or(|at| first_at < at);
        let is_later = row.last_used_at.is_none_or(|at| last_at.since_ms(at) >= LAST_USE_STORED_INTERVAL_MS);
        if !is_earlier && !is_later {
            return Ok(());
        }
        let used_before = row.last_used_at;
        row.first_used_at = row.first_used_at.into_iter().chain([first_at]).min();
        row.last_used_at = row.last_used_at.into_iter().chain([last_at]).max();
        update(self.database, &row)?;
        token_index::set_use(self.database, row.serial, used_before, row.last_used_at)?;
        if row.predecessor.is_some() && is_earlier {
            if was_unused {
                let after = json!({ "first_used_at": first_at.to_rfc3339() });
                self.audit(event("token.first_used", &row, None, Some(after)))?;
                let queued = QueuedNotice::of(NoticeKind::FirstUse, row.serial);
                let queued =
                    queued.with("predecessor", row.predecessor.map(|serial| format!("tok_{}", serial.0)));
                notices::queue(self.database, queued.with("first_used_at", first_at.to_rfc3339()), self.now)?;
            }
            self.plan_predecessors(&row)?;
        }
        Ok(())
    }

    /// Recomputes the plans of the family's older tokens from this first use.
    fn plan_predecessors(&mut self, row: &TokenRow) -> Result<(), Stop> {
        let older = families::live(self.database, row.family.as_str(), self.now)?;
        for older in older.into_iter().filter(|older| older.serial < row.serial && older.rotation.is_some()) {
            self.replan(older)?;
        }
        Ok(())
    }
}

fn update<D: Database>(database: &D, row: &TokenRow) -> Result<(), StorageError> {
    database.execute(
        "UPDATE token SET first_used_at = ?, last_used_at = ? WHERE serial = ?",
        &[row.first_used_at.into(), row.last_used_at.into(), row.serial.into()],
    )?;
    Ok(())
}
