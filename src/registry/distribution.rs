//! Distribution: which token of a family pages are given, and KV's name of it.
//!
//! Standard: DESIGN sections 4 (`family/<id>`) and 7.
//! Invariants: whatever changes which token that is owes KV the new name in the same transaction; a family of which pages are
//! given none (switched off, all its tokens ended) leaves KV. An end that comes by the clock alone owes nothing: the gate sees
//! it, and the registry is asked.
//! What it must not know: HTTP, KV, what makes a token current.
//! What a mistake costs: locations that ask the registry for every page (load), or pages that learn late of a successor. It
//! cannot admit: the gate judges what KV names.

use super::call::Call;
use super::command::{Answer, Fault};
use super::database::Database;
use super::families;
use super::outbox;
use super::row::{Columns, Stop, StorageError};
use super::settings::RegistrySettings;
use super::state::State;
use super::token_row::{TokenRow, stored_family};
use crate::distribution;
use crate::time::UnixMillis;
use crate::token::Serial;

/// The token of `family` that pages are given; `None`: none is, whether or not there is such a family.
pub(super) fn given_out<D: Database>(
    database: &D,
    family: &str,
    now: UnixMillis,
) -> Result<Option<TokenRow>, StorageError> {
    let current = families::current(database, family, now)?;
    Ok(current.filter(|row| row.policy.distribute))
}

/// Owes KV the name of the family of `serial`, when it is another than the last that was owed.
pub(super) fn owe<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    serial: Serial,
    now: UnixMillis,
) -> Result<(), StorageError> {
    // Most families are not distributed, and never were.
    let rows = database.query(
        "SELECT family FROM token WHERE serial = ? AND EXISTS (SELECT 1 FROM token AS of_family \
         WHERE of_family.family = token.family AND (of_family.named = 1 OR of_family.distribute = 1))",
        &[serial.into()],
    )?;
    let Some(row) = rows.into_iter().next() else { return Ok(()) };
    let family = stored_family(&Columns::of(row).text()?)?;
    let given = given_out(database, family.as_str(), now)?;
    if given.as_ref().map(|row| row.serial) == named(database, family.as_str())? {
        return Ok(());
    }
    database.query("UPDATE token SET named = 0 WHERE family = ? AND named = 1", &[family.as_str().into()])?;
    match given {
        Some(row) => {
            database.query("UPDATE token SET named = 1 WHERE serial = ?", &[row.serial.into()])?;
            owe_name(database, settings, &row, now)
        }
        None => outbox::owe_end_of_family(database, &family, now),
    }
}

/// Owes KV the same name under the seal of the key that signs now, when it is this token that KV names.
pub(super) fn owe_resealed<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    row: &TokenRow,
    now: UnixMillis,
) -> Result<(), StorageError> {
    if named(database, row.family.as_str())? == Some(row.serial) {
        owe_name(database, settings, row, now)?;
    }
    Ok(())
}

fn owe_name<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    row: &TokenRow,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let signing_key = State::read(database)?.signing_key;
    let value = distribution::seal(&settings.ring, signing_key, &row.family, row.claims());
    outbox::owe_family(database, row, value.ok_or(StorageError::MissingKey)?, now)
}

/// The token that KV was last owed as the family's; `None`: none is.
fn named<D: Database>(database: &D, family: &str) -> Result<Option<Serial>, StorageError> {
    let rows =
        database.query("SELECT MAX(serial) FROM token WHERE family = ? AND named = 1", &[family.into()])?;
    rows.into_iter().next().map_or(Ok(None), |row| Columns::of(row).optional_serial())
}

impl<D: Database> Call<'_, D> {
    /// `GET /families/{id}/token`, whether pages are given it or not. Not audited: a job asks day after day, and the audit is
    /// never deleted; the key's role and last use tell who could. (A person who reveals a token is audited.)
    pub(super) fn family_token(&self, family: &str) -> Result<Answer, Stop> {
        let row = families::current(self.database, family, self.now)?.ok_or(Fault::NotFound)?;
        let text = row.text(self.settings)?.ok_or(Fault::NotFound)?;
        Ok(Answer::FamilyToken { token: self.shown(&row)?, text })
    }
}
