//! Which signing keys each location has, according to its reports. A key is activated only when all locations
//! have it.
//!
//! Standard: docs/lifecycle.md, "Signing keys".
//! Invariants: the reports are stored, because the deployment that adds a key also restarts the registry, and
//! earlier reports must still count. The number of locations is bounded. A location's latest report counts
//! for one hour, and up to [`KEYS_STORED_INTERVAL_MS`] longer. A report without keys, as an earlier release
//! sends, counts as lacking every key: that delays the activation, while the opposite would break the
//! location.
//! What it must not know: which key signs, how a report is sent.
//! What a mistake costs: a key is activated too early, and a location refuses its tokens and lists (false
//! refuse).

use super::row::StorageError;
use crate::base::database::{Database, Rows};
use crate::base::time::UnixMillis;
use crate::formats::key::KeyId;
use crate::limits::{KEYS_STORED_INTERVAL_MS, LOCATION_SHOWN_MS, LOCATIONS_MAX};

/// A location and its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyHolder {
    pub(super) location: String,
    keys: Vec<u8>,
}

impl KeyHolder {
    pub(super) fn lacks(&self, key_id: KeyId) -> bool {
        !self.keys.contains(&key_id.0)
    }
}

/// Notes a location's report at `now` that it has `keys`. Written when they changed, otherwise only from time
/// to time.
pub(super) fn reported<D: Database>(
    database: &D,
    location: &str,
    keys: &[KeyId],
    now: UnixMillis,
) -> Result<(), StorageError> {
    let keys: Vec<u8> = keys.iter().map(|key_id| key_id.0).collect();
    let sql = "SELECT keys, told_at FROM location WHERE id = ?";
    let stored = database.query_optional(sql, &[location.into()], |columns| {
        Ok((columns.optional_blob()?, columns.millis()?))
    })?;
    if let Some((stored, told_at)) = stored
        && stored.as_ref() == Some(&keys)
        && (0..KEYS_STORED_INTERVAL_MS).contains(&now.since_ms(told_at))
    {
        return Ok(());
    }
    database.execute(
        "INSERT INTO location (id, keys, told_at) VALUES (?, ?, ?) \
         ON CONFLICT (id) DO UPDATE SET keys = excluded.keys, told_at = excluded.told_at",
        &[location.into(), keys.into(), now.into()],
    )?;
    forget(database, now)
}

/// Locations that reported recently, by name.
pub(super) fn all<D: Database>(database: &D, now: UnixMillis) -> Result<Vec<KeyHolder>, StorageError> {
    let sql = "SELECT id, keys FROM location WHERE told_at > ? ORDER BY id";
    Ok(database.query_all(sql, &[silent_since(now).into()], |columns| {
        Ok(KeyHolder { location: columns.text()?, keys: columns.blob()? })
    })?)
}

/// The names of those `holders` that lack `key_id`.
pub(super) fn lacking(holders: &[KeyHolder], key_id: KeyId) -> Vec<String> {
    let lacking = holders.iter().filter(|holder| holder.lacks(key_id));
    lacking.map(|holder| holder.location.clone()).collect()
}

/// Deletes locations that no longer report, and the longest silent ones when there are too many.
fn forget<D: Database>(database: &D, now: UnixMillis) -> Result<(), StorageError> {
    database.execute("DELETE FROM location WHERE told_at <= ?", &[silent_since(now).into()])?;
    let kept = u32::try_from(LOCATIONS_MAX).unwrap_or(u32::MAX);
    database.execute(
        "DELETE FROM location WHERE id IN (SELECT id FROM location ORDER BY told_at DESC LIMIT -1 OFFSET ?)",
        &[kept.into()],
    )?;
    Ok(())
}

fn silent_since(now: UnixMillis) -> UnixMillis {
    now.plus_ms(-(LOCATION_SHOWN_MS + KEYS_STORED_INTERVAL_MS))
}
