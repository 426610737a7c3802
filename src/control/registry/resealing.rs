//! New seals: after a key was retired, records that it had sealed are owed to KV again under the key that signs.
//!
//! Standard: DESIGN section 4, "Keys" ("retiring one tags KV anew").
//! Invariants: a bounded number of rows at a time; a new step only when KV has taken most of the last one, so that neither
//! a list nor a fresh record waits behind a million of these; where it got to is stored, so a restart goes on. Until a
//! record has its new seal, locations get it from the registry.
//! What it must not know: why a key was retired, KV.
//! What a mistake costs: records that locations must ask the registry for, for ever (load; it cannot admit).

use super::database::Database;
use super::distribution;
use super::outbox;
use super::retired_keys::{self, key_retired};
use super::row::{Columns, StorageError};
use super::settings::RegistrySettings;
use super::state::State;
use super::token_row::TokenRow;
use crate::key::KeyId;
use crate::limits::{RESEAL_BACKLOG_MAX, RESEAL_STEP_MAX};
use crate::time::UnixMillis;
use crate::token::Serial;

/// Looks at the next rows, if any are left and KV keeps up. Call in a transaction.
pub(super) fn step<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let Some((key_id, after)) = next(database)? else { return Ok(()) };
    let rows = database.query(
        "SELECT serial FROM token WHERE serial > ? ORDER BY serial LIMIT ?",
        &[after.into(), RESEAL_STEP_MAX.into()],
    )?;
    let is_last = u32::try_from(rows.len()).is_ok_and(|looked_at| looked_at < RESEAL_STEP_MAX);
    let Some(last) = rows.into_iter().next_back() else {
        return retired_keys::looked_at(database, key_id, None);
    };
    let last = Columns::of(last).serial()?;
    let signing_key = State::read(database)?.signing_key;
    for serial in sealed_by(database, key_id, after, last, now)? {
        let Some(row) = TokenRow::find(database, serial)? else { continue };
        outbox::owe_resealed(database, &row, row.sealed_record(settings, signing_key)?, now)?;
        distribution::owe_resealed(database, settings, &row, now)?;
    }
    retired_keys::looked_at(database, key_id, Some(last).filter(|_| !is_last))
}

/// When the next step is to be made: at once, or when KV has taken more; `None` when nothing is left or KV must go first.
pub(super) fn next_due<D: Database>(
    database: &D,
    now: UnixMillis,
) -> Result<Option<UnixMillis>, StorageError> {
    Ok(next(database)?.map(|_| now))
}

fn next<D: Database>(database: &D) -> Result<Option<(KeyId, Serial)>, StorageError> {
    match retired_keys::resealed_to(database)? {
        Some(step) if outbox::backlog(database)?.0 < RESEAL_BACKLOG_MAX => Ok(Some(step)),
        _ => Ok(None),
    }
}

/// Live tokens after `after` up to `last` whose newest record `key_id` sealed.
fn sealed_by<D: Database>(
    database: &D,
    key_id: KeyId,
    after: Serial,
    last: Serial,
    now: UnixMillis,
) -> Result<Vec<Serial>, StorageError> {
    let rows = database.query(
        concat!(
            "SELECT serial FROM token WHERE serial > ? AND serial <= ? AND sealed_by = ? AND status <> 'revoked' \
             AND expires_at > ? AND NOT ",
            key_retired!()
        ),
        &[after.into(), last.into(), u32::from(key_id.0).into(), now.floor_seconds().into()],
    )?;
    rows.into_iter().map(|row| Columns::of(row).serial()).collect()
}
