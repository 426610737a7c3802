//! Signing keys that are refused for ever: they stand on every list, and their tokens died with them.
//!
//! Standard: DESIGN section 4, "Keys".
//! Invariants: a retired key is never taken off; the one that signs is never retired; a token that had not ended when its
//! key was retired counts as revoked, and the SQL and the Rust of that rule ([`key_retired`], [`ends_token`]) agree.
//! What it must not know: who retires a key; how records get a new seal.
//! What a mistake costs: a leaked key whose tokens go on working (false accept).

use super::command::KeyReceipt;
use super::database::{Database, Value};
use super::row::{Columns, StorageError, json};
use crate::key::KeyId;
use crate::time::{UnixMillis, UnixSeconds};
use crate::token::Serial;

/// SQL: the token's key was retired before the token ended.
macro_rules! key_retired {
    () => {
        "EXISTS (SELECT 1 FROM retired_key WHERE retired_key.key_id = token.key_id \
         AND token.expires_at > retired_key.retired_second \
         AND (token.ends_at IS NULL OR token.ends_at > retired_key.retired_at))"
    };
}
pub(super) use key_retired;

/// Whether a key that was retired at `retired_at` took a token with these ends with it.
pub(super) fn ends_token(
    retired_at: UnixMillis,
    expires_at: UnixSeconds,
    ends_at: Option<UnixMillis>,
) -> bool {
    expires_at > retired_at.floor_seconds() && ends_at.is_none_or(|at| at > retired_at)
}

/// All of them, ascending.
pub(super) fn all<D: Database>(database: &D) -> Result<Vec<KeyId>, StorageError> {
    let rows = database.query("SELECT key_id FROM retired_key ORDER BY key_id", &[])?;
    rows.into_iter().map(|row| Columns::of(row).number().map(KeyId)).collect()
}

/// The receipts of all of them, ascending by key.
pub(super) fn receipts<D: Database>(database: &D) -> Result<Vec<KeyReceipt>, StorageError> {
    let rows = database.query("SELECT receipt FROM retired_key ORDER BY key_id", &[])?;
    rows.into_iter().map(|row| Columns::of(row).json()).collect()
}

/// The receipt of a key's retirement; `None` while it is not retired.
pub(super) fn receipt_of<D: Database>(
    database: &D,
    key_id: KeyId,
) -> Result<Option<KeyReceipt>, StorageError> {
    Ok(receipts(database)?.into_iter().find(|receipt| receipt.key_id == key_id))
}

/// Retires a key; one that is retired stays as it is.
pub(super) fn add<D: Database>(database: &D, receipt: &KeyReceipt) -> Result<(), StorageError> {
    database.query(
        "INSERT INTO retired_key (key_id, retired_at, retired_second, receipt, resealed_to) \
         VALUES (?, ?, ?, ?, 0) ON CONFLICT (key_id) DO NOTHING",
        &[
            u32::from(receipt.key_id.0).into(),
            receipt.retired_at.into(),
            receipt.retired_at.floor_seconds().into(),
            json(receipt)?,
        ],
    )?;
    Ok(())
}

/// A retired key whose seals are still to be replaced, and the highest serial that was looked at.
pub(super) fn resealed_to<D: Database>(database: &D) -> Result<Option<(KeyId, Serial)>, StorageError> {
    let rows = database.query(
        "SELECT key_id, resealed_to FROM retired_key WHERE resealed_to IS NOT NULL ORDER BY key_id LIMIT 1",
        &[],
    )?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let mut columns = Columns::of(row);
    Ok(Some((columns.number().map(KeyId)?, columns.serial()?)))
}

/// Every record up to `serial` was looked at; `None`: all were.
pub(super) fn looked_at<D: Database>(
    database: &D,
    key_id: KeyId,
    serial: Option<Serial>,
) -> Result<(), StorageError> {
    database.query(
        "UPDATE retired_key SET resealed_to = ? WHERE key_id = ?",
        &[serial.map_or(Value::Null, Value::from), u32::from(key_id.0).into()],
    )?;
    Ok(())
}
