//! Signing keys that are refused for ever: they stand on every list.
//!
//! Standard: DESIGN section 4, "Keys".
//! Invariants: a retired key is never taken off; the one that signs is never retired.
//! What it must not know: what was signed with them.
//! What a mistake costs: a leaked key whose tokens go on working (false accept).

use super::database::Database;
use super::row::{Columns, StorageError};
use crate::key::KeyId;
use crate::time::UnixMillis;

/// All of them, ascending.
pub(super) fn all<D: Database>(database: &D) -> Result<Vec<KeyId>, StorageError> {
    let rows = database.query("SELECT key_id FROM retired_key ORDER BY key_id", &[])?;
    rows.into_iter().map(|row| Columns::of(row).number().map(KeyId)).collect()
}

/// Retires a key at `now`; one that is retired stays so.
pub(super) fn add<D: Database>(database: &D, key_id: KeyId, now: UnixMillis) -> Result<(), StorageError> {
    database.query(
        "INSERT INTO retired_key (key_id, retired_at) VALUES (?, ?) ON CONFLICT (key_id) DO NOTHING",
        &[u32::from(key_id.0).into(), now.into()],
    )?;
    Ok(())
}
