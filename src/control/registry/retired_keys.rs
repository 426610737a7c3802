//! Retired signing keys. Every list names them, and they are refused permanently, together with their tokens.
//!
//! Standard: docs/lifecycle.md, "Signing keys".
//! Invariants: a key stays retired; the current signing key is never retired. A token that had not ended when
//! its key was retired counts as revoked. The SQL and the Rust of that rule ([`key_retired`], [`ends_token`])
//! agree.
//! What it must not know: who retires a key; how records are resealed.
//! What a mistake costs: the tokens of a leaked key go on working (false accept).

use super::command::KeyReceipt;
use super::row::StorageError;
use crate::base::database::{Columns, Database, Rows, json};
use crate::base::time::{UnixMillis, UnixSeconds};
use crate::formats::key::KeyId;
use crate::formats::token::Serial;

/// SQL condition: the token's key was retired before the token ended.
macro_rules! key_retired {
    () => {
        "EXISTS (SELECT 1 FROM retired_key WHERE retired_key.key_id = token.key_id \
         AND token.expires_at > retired_key.retired_second \
         AND (token.ends_at IS NULL OR token.ends_at > retired_key.retired_at))"
    };
}
pub(super) use key_retired;

/// Whether the retirement of its key at `retired_at` ended a token with these ends.
pub(super) fn ends_token(
    retired_at: UnixMillis,
    expires_at: UnixSeconds,
    ends_at: Option<UnixMillis>,
) -> bool {
    expires_at > retired_at.floor_seconds() && ends_at.is_none_or(|at| at > retired_at)
}

/// All retired keys, ascending.
pub(super) fn all<D: Database>(database: &D) -> Result<Vec<KeyId>, StorageError> {
    Ok(database.query_all("SELECT key_id FROM retired_key ORDER BY key_id", &[], |columns| {
        columns.number().map(KeyId)
    })?)
}

/// The receipts of all retirements, ascending by key.
pub(super) fn receipts<D: Database>(database: &D) -> Result<Vec<KeyReceipt>, StorageError> {
    Ok(database.query_all("SELECT receipt FROM retired_key ORDER BY key_id", &[], Columns::json)?)
}

/// The receipt of a key's retirement; `None` when it is not retired.
pub(super) fn receipt_of<D: Database>(
    database: &D,
    key_id: KeyId,
) -> Result<Option<KeyReceipt>, StorageError> {
    Ok(receipts(database)?.into_iter().find(|receipt| receipt.key_id == key_id))
}

/// Retires a key. A key that is already retired keeps its receipt.
pub(super) fn add<D: Database>(database: &D, receipt: &KeyReceipt) -> Result<(), StorageError> {
    database.execute(
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

/// A retired key whose records are still to be resealed, and the highest serial examined.
pub(super) fn resealed_to<D: Database>(database: &D) -> Result<Option<(KeyId, Serial)>, StorageError> {
    Ok(database.query_optional(
        "SELECT key_id, resealed_to FROM retired_key WHERE resealed_to IS NOT NULL ORDER BY key_id LIMIT 1",
        &[],
        |columns| Ok((columns.number().map(KeyId)?, columns.serial()?)),
    )?)
}

/// Notes that every record up to `serial` was examined; `None` means all of them.
pub(super) fn looked_at<D: Database>(
    database: &D,
    key_id: KeyId,
    serial: Option<Serial>,
) -> Result<(), StorageError> {
    database.execute(
        "UPDATE retired_key SET resealed_to = ? WHERE key_id = ?",
        &[serial.into(), u32::from(key_id.0).into()],
    )?;
    Ok(())
}
