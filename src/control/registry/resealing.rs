//! Resealing: after a key was retired, the records that it had sealed are written to KV again under the
//! current key.
//!
//! Standard: docs/lifecycle.md, "Signing keys".
//! Invariants: each step examines a bounded number of rows. The next step waits until KV has accepted most of
//! the last one, so that no list or new record queues behind a million of these. The position is stored, so a
//! restart continues there. Until a record is resealed, locations get it from the registry.
//! What it must not know: why a key was retired, KV.
//! What a mistake costs: locations keep asking the registry for some records (load; it cannot admit).

use super::distribution;
use super::outbox;
use super::retired_keys::{self, key_retired};
use super::row::StorageError;
use super::settings::RegistrySettings;
use super::state::State;
use super::token_row::TokenRow;
use crate::base::database::{Columns, Database, Rows};
use crate::base::time::UnixMillis;
use crate::formats::key::KeyId;
use crate::formats::token::Serial;
use crate::limits::{RESEAL_BACKLOG_MAX, RESEAL_STEP_MAX};

/// Examines the next rows, if any are left and KV keeps up. Call it in a transaction.
pub(super) fn step<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let Some((key_id, after)) = next(database)? else { return Ok(()) };
    let rows = database.query_all(
        "SELECT serial FROM token WHERE serial > ? ORDER BY serial LIMIT ?",
        &[after.into(), RESEAL_STEP_MAX.into()],
        Columns::serial,
    )?;
    let is_last = u32::try_from(rows.len()).is_ok_and(|looked_at| looked_at < RESEAL_STEP_MAX);
    let Some(last) = rows.into_iter().next_back() else {
        return retired_keys::looked_at(database, key_id, None);
    };
    let signing_key = State::read(database)?.signing_key;
    for serial in sealed_by(database, key_id, after, last, now)? {
        let Some(row) = TokenRow::find(database, serial)? else { continue };
        outbox::queue_resealed(database, &row, row.sealed_record(settings, signing_key)?, now)?;
        distribution::queue_resealed(database, settings, &row, now)?;
    }
    distribution::queue_named_under(database, settings, key_id, (after, last), now)?;
    retired_keys::looked_at(database, key_id, Some(last).filter(|_| !is_last))
}

/// When the next step is due: now; `None` when no rows are left, or KV must catch up first.
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

/// Live tokens after `after`, up to `last`, whose newest record `key_id` sealed.
fn sealed_by<D: Database>(
    database: &D,
    key_id: KeyId,
    after: Serial,
    last: Serial,
    now: UnixMillis,
) -> Result<Vec<Serial>, StorageError> {
    Ok(database.query_all(
        concat!(
            "SELECT serial FROM token WHERE serial > ? AND serial <= ? AND sealed_by = ? \
             AND status <> 'revoked' AND expires_at > ? AND NOT ",
            key_retired!()
        ),
        &[after.into(), last.into(), u32::from(key_id.0).into(), now.floor_seconds().into()],
        Columns::serial,
    )?)
}
