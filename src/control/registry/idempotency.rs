//! Idempotency: a command that is repeated because its answer was lost changes nothing again and gets the
//! same answer.
//!
//! Standard: docs/http.md, "Idempotency"; the `Idempotency-Key` header (IETF draft).
//! Invariants: what a key made is stored in the transaction that made it. No token's or admin key's text is
//! stored: a token is minted again, an admin key derived again from its nonce. `kept` defines what is stored
//! for other commands.
//! What it must not know: how anything is made.
//! What a mistake costs: a request makes two tokens, and nobody knows of one of them.

use super::command::{Clash, Fault, Idempotency};
use super::kept::Kept;
use super::row::{Stop, StorageError};
use crate::base::database::{Columns, Database, ReadError, Rows, Value, json};
use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::limits::{IDEMPOTENCY_RETENTION_SECONDS, MS_PER_SECOND};

/// What the key made is gone, or its text cannot be rebuilt.
pub(super) const MADE_IS_GONE: Fault = Fault::Conflict(Clash::MadeIsGone);

/// What an idempotency key made.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Made {
    /// The command made nothing new; it changed something that exists.
    Done(Box<Kept>),
    Token(Serial),
    AdminKey {
        id: u32,
        /// Nonce from which, with `CHECK_SECRET`, the admin key's random bytes are derived.
        nonce: Vec<u8>,
    },
}

/// Finds what an earlier request with this key created. Deletes outdated keys first.
///
/// # Errors
/// [`Fault::IdempotencyConflict`] when the earlier request was a different one.
pub(super) fn find<D: Database>(
    database: &D,
    admin_key: u32,
    idempotency: &Idempotency,
    now: UnixMillis,
) -> Result<Option<Made>, Stop> {
    forget_old(database, now)?;
    let found = database.query_optional(
        "SELECT request_sha256, made, made_id, nonce, kept FROM idempotent_call \
         WHERE admin_key = ? AND key = ?",
        &[admin_key.into(), idempotency.key.as_str().into()],
        |columns| Ok((columns.text()?, read_made(columns)?)),
    )?;
    match found {
        None => Ok(None),
        Some((request_sha256, made)) if request_sha256 == idempotency.request_sha256 => {
            Ok(Some(made.ok_or(MADE_IS_GONE)?))
        }
        Some(_) => Err(Fault::IdempotencyConflict.into()),
    }
}

/// Reads what a key made; `None` if an earlier release stored it in a form that is no longer known.
fn read_made(columns: &mut Columns) -> Result<Option<Made>, ReadError> {
    let made = columns.text()?;
    let id = columns.number()?;
    match (made.as_str(), columns.optional_blob()?, columns.optional_text()?) {
        ("token", None, None) => Ok(Some(Made::Token(Serial(id)))),
        ("admin_key", Some(nonce), None) => Ok(Some(Made::AdminKey { id, nonce })),
        ("done", None, Some(kept)) => Ok(serde_json::from_str(&kept).ok().map(Made::Done)),
        _ => Err(ReadError::Unreadable),
    }
}

/// Stores what was created.
pub(super) fn keep<D: Database>(
    database: &D,
    admin_key: u32,
    idempotency: &Idempotency,
    made: &Made,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let (kind, id, nonce, kept) = match made {
        Made::Token(serial) => ("token", serial.0, Value::Null, Value::Null),
        Made::AdminKey { id, nonce } => ("admin_key", *id, nonce.clone().into(), Value::Null),
        Made::Done(kept) => ("done", 0, Value::Null, json(kept)?),
    };
    database.execute(
        "INSERT INTO idempotent_call (admin_key, key, request_sha256, at, made, made_id, nonce, kept) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        &[
            admin_key.into(),
            idempotency.key.as_str().into(),
            idempotency.request_sha256.as_str().into(),
            now.into(),
            kind.into(),
            id.into(),
            nonce,
            kept,
        ],
    )?;
    Ok(())
}

/// Deletes keys that are past their retention.
pub(super) fn forget_old<D: Database>(database: &D, now: UnixMillis) -> Result<(), StorageError> {
    let kept_since = now.plus_ms(-IDEMPOTENCY_RETENTION_SECONDS * MS_PER_SECOND);
    database.execute("DELETE FROM idempotent_call WHERE at < ?", &[kept_since.into()])?;
    Ok(())
}
