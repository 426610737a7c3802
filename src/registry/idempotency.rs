//! Idempotency: a create that is sent again, its answer lost, makes nothing new and gets the same answer.
//!
//! Standard: DESIGN section 7 ("per admin key and kept 7 days"); the `Idempotency-Key` header (IETF draft).
//! Invariants: what a key made is kept in the transaction that made it; no token's or admin key's text is stored: a
//! token is minted again, an admin key derived again from its nonce.
//! What it must not know: how anything is made.
//! What a mistake costs: two tokens where one was asked for, one of them in nobody's list.

use super::command::{Fault, Idempotency};
use super::database::{Database, Value};
use super::row::{Columns, Stop, StorageError};
use crate::limits::{IDEMPOTENCY_RETENTION_SECONDS, MS_PER_SECOND};
use crate::time::UnixMillis;
use crate::token::Serial;

/// What an idempotency key made.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Made {
    Token(Serial),
    AdminKey {
        id: u32,
        /// The key's random bytes are derived from it under `CHECK_SECRET`.
        nonce: Vec<u8>,
    },
}

/// What an earlier request under this key made; first forgets keys older than they are kept.
///
/// # Errors
/// [`Fault::IdempotencyConflict`] when that request was another.
pub(super) fn find<D: Database>(
    database: &D,
    admin_key: u32,
    idempotency: &Idempotency,
    now: UnixMillis,
) -> Result<Option<Made>, Stop> {
    forget_old(database, now)?;
    let mut rows = database.query(
        "SELECT request_sha256, made, made_id, nonce FROM idempotency WHERE admin_key = ? AND key = ?",
        &[admin_key.into(), idempotency.key.as_str().into()],
    )?;
    let Some(row) = rows.pop() else { return Ok(None) };
    let mut columns = Columns::of(row);
    if columns.text()? != idempotency.request_sha256 {
        return Err(Fault::IdempotencyConflict.into());
    }
    let made = columns.text()?;
    let id = columns.number()?;
    match (made.as_str(), columns.optional_blob()?) {
        ("token", None) => Ok(Some(Made::Token(Serial(id)))),
        ("admin_key", Some(nonce)) => Ok(Some(Made::AdminKey { id, nonce })),
        _ => Err(StorageError::Unreadable.into()),
    }
}

/// Keeps what was made.
pub(super) fn keep<D: Database>(
    database: &D,
    admin_key: u32,
    idempotency: &Idempotency,
    made: &Made,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let (kind, id, nonce) = match made {
        Made::Token(serial) => ("token", serial.0, Value::Null),
        Made::AdminKey { id, nonce } => ("admin_key", *id, Value::Blob(nonce.clone())),
    };
    database.query(
        "INSERT INTO idempotency (admin_key, key, request_sha256, at, made, made_id, nonce) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        &[
            admin_key.into(),
            idempotency.key.as_str().into(),
            idempotency.request_sha256.as_str().into(),
            now.into(),
            kind.into(),
            id.into(),
            nonce,
        ],
    )?;
    Ok(())
}

/// Forgets keys older than they are kept.
pub(super) fn forget_old<D: Database>(database: &D, now: UnixMillis) -> Result<(), StorageError> {
    let kept_since = now.plus_ms(-IDEMPOTENCY_RETENTION_SECONDS * MS_PER_SECOND);
    database.query("DELETE FROM idempotency WHERE at < ?", &[kept_since.into()])?;
    Ok(())
}
