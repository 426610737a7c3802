//! Distribution: which token a family hands out to pages, and the value in KV that names it.
//!
//! Standard: docs/lifecycle.md, "Distribution".
//! Invariants: whatever changes that token makes the new name a pending write in the same transaction. A
//! family that hands out none (switched off, or all tokens ended) is removed from KV. An end by time alone
//! causes no write: the gate notices it, and then the registry is asked.
//! What it must not know: HTTP, KV, what makes a token current.
//! What a mistake costs: locations ask the registry for every page (load), or pages learn late of a
//! successor. It cannot admit, because the gate checks what KV names.

use super::command::{Answer, Fault};
use super::families;
use super::outbox;
use super::row::{Stop, StorageError};
use super::settings::RegistrySettings;
use super::state::State;
use super::token_row::{TokenRow, stored_family};
use super::transaction::Transaction;
use crate::base::database::{Columns, Database, Rows, json};
use crate::base::time::UnixMillis;
use crate::formats::distribution;
use crate::formats::family::FamilyId;
use crate::formats::key::KeyId;
use crate::formats::token::Serial;
use std::collections::BTreeSet;

/// The token that `family` hands out to pages; `None` when it hands out none or does not exist.
pub(super) fn given_out<D: Database>(
    database: &D,
    family: &str,
    now: UnixMillis,
) -> Result<Option<TokenRow>, StorageError> {
    let current = families::current(database, family, now)?;
    Ok(current.filter(|row| row.policy.distribute))
}

/// Makes the names of these tokens' families pending writes, where they differ from the last ones.
pub(super) fn queue<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    touched: &BTreeSet<Serial>,
    now: UnixMillis,
) -> Result<(), StorageError> {
    if touched.is_empty() {
        return Ok(());
    }
    // Most families are not distributed, and never were.
    let families = database.query_all(
        "SELECT DISTINCT family FROM token WHERE serial IN (SELECT value FROM json_each(?)) \
         AND EXISTS (SELECT 1 FROM token AS of_family \
         WHERE of_family.family = token.family AND (of_family.named = 1 OR of_family.distribute = 1))",
        &[json(touched)?],
        |columns| stored_family(&columns.text()?),
    )?;
    families.iter().try_for_each(|family| queue_family(database, settings, family, now))
}

/// The same for families whose named token is one of the retired key, among those after the first serial, up
/// to the second.
pub(super) fn queue_named_under<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    key_id: KeyId,
    (after, last): (Serial, Serial),
    now: UnixMillis,
) -> Result<(), StorageError> {
    let families = database.query_all(
        "SELECT DISTINCT family FROM token WHERE serial > ? AND serial <= ? AND key_id = ? AND named = 1",
        &[after.into(), last.into(), u32::from(key_id.0).into()],
        |columns| stored_family(&columns.text()?),
    )?;
    families.iter().try_for_each(|family| queue_family(database, settings, family, now))
}

fn queue_family<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    family: &FamilyId,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let given = given_out(database, family.as_str(), now)?;
    if given.as_ref().map(|row| row.serial) == named(database, family.as_str())? {
        return Ok(());
    }
    database
        .execute("UPDATE token SET named = 0 WHERE family = ? AND named = 1", &[family.as_str().into()])?;
    match given {
        Some(row) => {
            database.execute("UPDATE token SET named = 1 WHERE serial = ?", &[row.serial.into()])?;
            queue_name(database, settings, &row, now)
        }
        None => outbox::queue_family_removal(database, family, now),
    }
}

/// If KV names this token, makes the same name a pending write under the current key's seal.
pub(super) fn queue_resealed<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    row: &TokenRow,
    now: UnixMillis,
) -> Result<(), StorageError> {
    if named(database, row.family.as_str())? == Some(row.serial) {
        queue_name(database, settings, row, now)?;
    }
    Ok(())
}

fn queue_name<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    row: &TokenRow,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let signing_key = State::read(database)?.signing_key;
    let value = distribution::seal(&settings.ring, signing_key, &row.family, row.claims());
    outbox::queue_family(database, row, value.ok_or(StorageError::MissingKey)?, now)
}

/// The token last written (or pending) to KV as the family's; `None` when there is none.
fn named<D: Database>(database: &D, family: &str) -> Result<Option<Serial>, StorageError> {
    let sql = "SELECT MAX(serial) FROM token WHERE family = ? AND named = 1";
    Ok(database.query_one(sql, &[family.into()], Columns::optional_serial)?)
}

impl<D: Database> Transaction<'_, D> {
    /// Answers `GET /families/{id}/token`, whether or not pages may fetch the token. Not audited: a job asks
    /// every day and the audit is never deleted. The family shows which key asked last. (A person who reveals
    /// a token is audited.)
    pub(super) fn family_token(&self, family: &str) -> Result<Answer, Stop> {
        let Some(row) = families::current(self.database, family, self.now)? else {
            let is_known = families::newest(self.database, family)?.is_some();
            return Err(if is_known { Fault::NoCurrentToken } else { Fault::NotFound }.into());
        };
        let text = row.text(self.settings)?.ok_or(Fault::NoCurrentToken)?;
        self.note_fetch(family, row.serial)?;
        Ok(Answer::FamilyToken { token: self.shown(&row)?, text })
    }
}
