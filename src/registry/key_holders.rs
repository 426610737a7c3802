//! Which signing keys each location has, as its reports tell: a key is activated only once all of them have it.
//!
//! Standard: DESIGN section 4, "Keys" ("the registry refuses while a location that reported in the last hour lacks it").
//! Invariants: stored, since the deploy that brings a key starts the registry anew too, and what was told before must go on
//! counting; bounded; a location's latest report counts, for an hour and up to [`KEYS_STORED_INTERVAL_MS`] more; one that
//! names no keys, as an earlier release's, lacks every key: that costs a wait, the contrary a location that cannot read.
//! What it must not know: which key signs, how a report is sent.
//! What a mistake costs: a key activated too early, whose tokens and lists a location refuses (false refuse).

use super::database::{Database, Value};
use super::row::{Columns, StorageError};
use crate::key::KeyId;
use crate::limits::{KEYS_STORED_INTERVAL_MS, LOCATION_SHOWN_MS, LOCATIONS_MAX};
use crate::time::UnixMillis;

/// A location, and the keys that it has.
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

/// A location told at `now` that it has `keys`. Written when that is news, and now and then when it is not.
pub(super) fn told<D: Database>(
    database: &D,
    location: &str,
    keys: &[KeyId],
    now: UnixMillis,
) -> Result<(), StorageError> {
    let keys: Vec<u8> = keys.iter().map(|key_id| key_id.0).collect();
    let stored = database.query("SELECT keys, told_at FROM location WHERE id = ?", &[location.into()])?;
    if let Some(row) = stored.into_iter().next() {
        let mut columns = Columns::of(row);
        let same = columns.optional_blob()?.as_ref() == Some(&keys);
        if same && (0..KEYS_STORED_INTERVAL_MS).contains(&now.since_ms(columns.millis()?)) {
            return Ok(());
        }
    }
    database.query(
        "INSERT INTO location (id, keys, told_at) VALUES (?, ?, ?) \
         ON CONFLICT (id) DO UPDATE SET keys = excluded.keys, told_at = excluded.told_at",
        &[location.into(), Value::Blob(keys), now.into()],
    )?;
    forget(database, now)
}

/// Locations that told lately, by name.
pub(super) fn all<D: Database>(database: &D, now: UnixMillis) -> Result<Vec<KeyHolder>, StorageError> {
    let rows = database
        .query("SELECT id, keys FROM location WHERE told_at > ? ORDER BY id", &[silent_since(now).into()])?;
    rows.into_iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            let location = columns.text()?;
            Ok(KeyHolder { location, keys: columns.optional_blob()?.ok_or(StorageError::Unreadable)? })
        })
        .collect()
}

/// Names of the locations among `holders` that lack `key_id`.
pub(super) fn lacking(holders: &[KeyHolder], key_id: KeyId) -> Vec<String> {
    let lacking = holders.iter().filter(|holder| holder.lacks(key_id));
    lacking.map(|holder| holder.location.clone()).collect()
}

/// Forgets locations that are silent, and those that were silent longest when there are too many.
fn forget<D: Database>(database: &D, now: UnixMillis) -> Result<(), StorageError> {
    database.query("DELETE FROM location WHERE told_at <= ?", &[silent_since(now).into()])?;
    let kept = u32::try_from(LOCATIONS_MAX).unwrap_or(u32::MAX);
    database.query(
        "DELETE FROM location WHERE id IN (SELECT id FROM location ORDER BY told_at DESC LIMIT -1 OFFSET ?)",
        &[kept.into()],
    )?;
    Ok(())
}

fn silent_since(now: UnixMillis) -> UnixMillis {
    now.plus_ms(-(LOCATION_SHOWN_MS + KEYS_STORED_INTERVAL_MS))
}
