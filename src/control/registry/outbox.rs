//! The publisher's outbox: pending writes to KV, when to try them, and what a confirmation removes.
//!
//! Standard: docs/formats.md, "KV keys"; docs/bound.md, "The publisher".
//! Invariants:
//! - A row is inserted in the transaction of the change that needs the write. It is deleted only when KV has
//!   confirmed that very write. So a process killed at any step repeats the write, and a newer write to the
//!   same key stays pending when an older one is confirmed.
//! - A record is written before the first list that names its version, unless KV refuses the record for
//!   longer than the list can wait. The same holds for a base and the first list that rests on it.
//! - A key gets at most one write per second.
//!
//! What it must not know: KV's API, promises, alarms.
//! What a mistake costs: if a record never reaches KV, the registry has to serve it permanently. If a list
//! never does, every location has to call the registry (false refuse at worst: the bound does not rest on
//! KV).

use super::row::StorageError;
use super::state::State;
use super::token_row::{SealedRecord, TokenRow};
use crate::base::database::{Columns, Database, Rows, unsigned};
use crate::base::time::{UnixMillis, UnixSeconds};
use crate::formats::distribution;
use crate::formats::family::FamilyId;
use crate::formats::list;
use crate::formats::list::Number;
use crate::formats::record::kv_name;
use crate::limits::{
    BASE_KV_MARGIN_SECONDS, KV_EXPIRATION_MIN_SECONDS, KV_WRITE_INTERVAL_MS, LIST_HELD_MAX_MS, MS_PER_SECOND,
    NOTHING_KV_SECONDS, OUTBOX_BACKOFF_MAX_MS, OUTBOX_BACKOFF_MIN_MS, OUTBOX_REPEAT_LEASE_MS,
    RECORD_KV_MARGIN_SECONDS, RECORD_REPUBLISH_INTERVAL_MS,
};

/// One pending write to KV.
#[derive(Clone, Debug, PartialEq)]
pub struct KvWrite {
    /// Identifies this write, and no other ever; passed back when it succeeded or failed.
    pub id: i64,
    pub key: String,
    pub value: Vec<u8>,
    /// When KV may delete the value, at least 60 s ahead; `None`: never.
    pub expiration: Option<UnixSeconds>,
    /// KV refused this record before. Nothing may wait for it: it may take as long as the time limit again.
    /// Its value never changes, so it may arrive later than a newer write.
    pub is_repeated: bool,
}

/// Makes the record of `row` a pending write, due at once. Pending writes of earlier versions are dropped,
/// because no list names those versions.
pub(super) fn queue_record<D: Database>(
    database: &D,
    row: &TokenRow,
    sealed: SealedRecord,
    now: UnixMillis,
) -> Result<(), StorageError> {
    database.execute(
        "DELETE FROM outbox WHERE serial = ? AND version < ?",
        &[row.serial.into(), row.version.into()],
    )?;
    insert_record(database, row, sealed, false, now)
}

/// Makes the record of `row` a pending write because only its seal is outdated in KV. No list waits for it.
pub(super) fn queue_resealed<D: Database>(
    database: &D,
    row: &TokenRow,
    sealed: SealedRecord,
    now: UnixMillis,
) -> Result<(), StorageError> {
    insert_record(database, row, sealed, true, now)
}

fn insert_record<D: Database>(
    database: &D,
    row: &TokenRow,
    sealed: SealedRecord,
    resealed: bool,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let key = kv_name(row.serial, row.version);
    let mut resealed = resealed;
    if sealed.by != row.sealed_by {
        database.execute(
            "UPDATE token SET sealed_by = ? WHERE serial = ?",
            &[u32::from(sealed.by.0).into(), row.serial.into()],
        )?;
        // What waits has the older seal. If a list waits for it, it goes on waiting.
        let sql = "DELETE FROM outbox WHERE key = ? RETURNING resealed";
        let waiting = database.query_optional(sql, &[key.as_str().into()], Columns::flag)?;
        resealed = waiting.unwrap_or(resealed);
    }
    // A key names its version, and under one seal its value never changes, so one row is enough.
    database.execute(
        "INSERT INTO outbox (key, serial, version, expires_at, value, owed_at, due_at, attempts, resealed) \
         VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?) ON CONFLICT (key) DO NOTHING",
        &[
            key.into(),
            row.serial.into(),
            row.version.into(),
            row.expires_at.into(),
            sealed.value.into(),
            now.into(),
            now.into(),
            resealed.into(),
        ],
    )?;
    Ok(())
}

/// Whether to rewrite a record that a location did not find in KV. Not while a write is pending. Not soon
/// after a write, because a location that cached the absence asks for hours and another write does not help.
/// Not after the token's end.
pub(super) fn needs_republishing(row: &TokenRow, now: UnixMillis) -> bool {
    let recently = row.published_at.is_some_and(|at| now.since_ms(at) < RECORD_REPUBLISH_INTERVAL_MS);
    !recently && now < row.expires_at.to_millis()
}

/// Makes a new list a pending write. Each call gives it a new id, so confirming a list that was handed out
/// before this change leaves the new one pending.
pub(super) fn queue_list<D: Database>(database: &D, now: UnixMillis) -> Result<(), StorageError> {
    // A clock that was set back must not delay the write.
    let due_at = State::read(database)?.list_handed_at.min(now).plus_ms(KV_WRITE_INTERVAL_MS);
    let due_at = due_at.max(now);
    database.execute(
        "INSERT OR REPLACE INTO outbox (key, owed_at, due_at, attempts) \
         VALUES (?, COALESCE((SELECT owed_at FROM outbox WHERE key = ?), ?), ?, 0)",
        &[list::KV_NAME.into(), list::KV_NAME.into(), now.into(), due_at.into()],
    )?;
    Ok(())
}

/// Whether a list is pending that KV has not refused yet. Then another one need not be requested.
pub(super) fn has_pending_list<D: Database>(database: &D) -> Result<bool, StorageError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM outbox WHERE key = ? AND attempts = 0)";
    Ok(database.query_one(sql, &[list::KV_NAME.into()], Columns::flag)?)
}

/// Makes the base `number` a pending write, due at once. Its body is read when it is written.
pub(super) fn queue_base<D: Database>(
    database: &D,
    number: Number,
    now: UnixMillis,
) -> Result<(), StorageError> {
    database.execute(
        "INSERT OR REPLACE INTO outbox (key, base_epoch, base_n, owed_at, due_at, attempts) \
         VALUES (?, ?, ?, ?, ?, 0)",
        &[list::base_kv_name(number).into(), number.epoch.into(), unsigned(number.n), now.into(), now.into()],
    )?;
    Ok(())
}

/// Whether a base is pending.
pub(super) fn has_pending_base<D: Database>(database: &D) -> Result<bool, StorageError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM outbox WHERE base_n IS NOT NULL)";
    Ok(database.query_one(sql, &[], Columns::flag)?)
}

/// Removes the base `number`, which no list completes any more, from KV. KV cannot set an expiry on an
/// existing value, so an empty value that expires in an hour overwrites it.
pub(super) fn queue_base_removal<D: Database>(
    database: &D,
    number: Number,
    now: UnixMillis,
) -> Result<(), StorageError> {
    database.execute(
        "INSERT OR REPLACE INTO outbox (key, expires_at, value, owed_at, due_at, attempts) \
         VALUES (?, ?, ?, ?, ?, 0)",
        &[
            list::base_kv_name(number).into(),
            now.ceil_seconds().plus_seconds(BASE_KV_MARGIN_SECONDS).into(),
            Vec::new().into(),
            now.into(),
            now.plus_ms(BASE_KV_MARGIN_SECONDS * MS_PER_SECOND / 2).into(),
        ],
    )?;
    Ok(())
}

/// Makes the name of the token that the family hands out to pages a pending write, due at once.
pub(super) fn queue_family<D: Database>(
    database: &D,
    row: &TokenRow,
    value: Vec<u8>,
    now: UnixMillis,
) -> Result<(), StorageError> {
    queue_value(database, distribution::kv_name(&row.family), value, row.expires_at, now)
}

/// Removes the name of a family that hands out no token from KV, as for a base.
pub(super) fn queue_family_removal<D: Database>(
    database: &D,
    family: &FamilyId,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let expires_at = now.ceil_seconds().plus_seconds(NOTHING_KV_SECONDS);
    queue_value(database, distribution::kv_name(family), Vec::new(), expires_at, now)
}

/// Makes a pending write for a key that later writes overwrite. Each call gives it a new id, as for a list.
fn queue_value<D: Database>(
    database: &D,
    key: String,
    value: Vec<u8>,
    expires_at: UnixSeconds,
    now: UnixMillis,
) -> Result<(), StorageError> {
    database.execute(
        "INSERT OR REPLACE INTO outbox (key, expires_at, value, owed_at, due_at, attempts) \
         VALUES (?, ?, ?, ?, ?, 0)",
        &[key.into(), expires_at.into(), value.into(), now.into(), now.into()],
    )?;
    Ok(())
}

/// Bases due at `now`: the id of the write, and the base's number.
pub(super) fn due_bases<D: Database>(
    database: &D,
    now: UnixMillis,
) -> Result<Vec<(i64, Number)>, StorageError> {
    Ok(database.query_all(
        "SELECT id, base_epoch, base_n FROM outbox WHERE base_n IS NOT NULL AND due_at <= ?",
        &[now.into()],
        |columns| {
            let id = columns.integer()?;
            Ok((id, Number { epoch: columns.number()?, n: columns.number()? }))
        },
    )?)
}

/// Records due at `now`, longest due first. Drops those of tokens that have ended.
pub(super) fn due_records<D: Database>(
    database: &D,
    now: UnixMillis,
    limit: u32,
) -> Result<Vec<KvWrite>, StorageError> {
    database.execute("DELETE FROM outbox WHERE expires_at <= ?", &[now.floor_seconds().into()])?;
    let writes = database.query_all(
        "SELECT id, key, value, expires_at, version IS NOT NULL AND attempts > 0 FROM outbox \
         WHERE value IS NOT NULL AND due_at <= ? ORDER BY due_at, id LIMIT ?",
        &[now.into(), limit.into()],
        |columns| {
            Ok(KvWrite {
                id: columns.integer()?,
                key: columns.text()?,
                value: columns.blob()?,
                expiration: Some(columns.seconds()?.plus_seconds(RECORD_KV_MARGIN_SECONDS)),
                is_repeated: columns.flag()?,
            })
        },
    )?;
    for write in writes.iter().filter(|write| write.is_repeated) {
        let until = now.plus_ms(OUTBOX_REPEAT_LEASE_MS);
        database.execute("UPDATE outbox SET due_at = ? WHERE id = ?", &[until.into(), write.id.into()])?;
    }
    Ok(writes)
}

/// The pending list's row and when it is due; `None` when KV has the newest list. It waits for bases and for
/// records of edited tokens, but no longer than [`LIST_HELD_MAX_MS`], and not for one that KV refused before
/// this list was pending: that one has had its time.
pub(super) fn list_due<D: Database>(database: &D) -> Result<Option<(i64, UnixMillis)>, StorageError> {
    let owed = database.query_optional(
        "SELECT id, owed_at, due_at, EXISTS (SELECT 1 FROM outbox AS other \
         WHERE ((other.version > 1 AND other.resealed = 0) OR other.base_n IS NOT NULL) \
         AND (other.attempts = 0 OR other.owed_at >= outbox.owed_at)) \
         FROM outbox WHERE key = ?",
        &[list::KV_NAME.into()],
        |columns| Ok((columns.integer()?, columns.millis()?, columns.millis()?, columns.flag()?)),
    )?;
    let Some((id, owed_at, due_at, is_held)) = owed else { return Ok(None) };
    let held_until = if is_held { owed_at.plus_ms(LIST_HELD_MAX_MS) } else { due_at };
    Ok(Some((id, due_at.max(held_until))))
}

/// A pending write whose outcome is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tried {
    pub(super) is_list: bool,
    /// KV had refused it before.
    pub(super) had_failed: bool,
}

/// Records that KV accepted the write `id`. `None` when a newer write of the same key has replaced it.
pub(super) fn written<D: Database>(
    database: &D,
    id: i64,
    now: UnixMillis,
) -> Result<Option<Tried>, StorageError> {
    let sql = "DELETE FROM outbox WHERE id = ? RETURNING serial, key, attempts > 0";
    let row = database.query_optional(sql, &[id.into()], |columns| {
        Ok((columns.optional_integer()?, columns.text()?, columns.flag()?))
    })?;
    let Some((serial, key, had_failed)) = row else { return Ok(None) };
    // A row of an earlier version went when the later one was owed, so this is the token's present record.
    if let Some(serial) = serial {
        database
            .execute("UPDATE token SET published_at = ? WHERE serial = ?", &[now.into(), serial.into()])?;
    }
    Ok(Some(Tried { is_list: key == list::KV_NAME, had_failed }))
}

/// Makes all writes due that KV refused before: it accepts writes again.
pub(super) fn bring_forward<D: Database>(database: &D, now: UnixMillis) -> Result<(), StorageError> {
    database.execute(
        "UPDATE outbox SET due_at = ? WHERE attempts > 0 AND due_at > ?",
        &[now.into(), now.into()],
    )?;
    Ok(())
}

/// Records that KV did not accept the write `id`. The next attempt follows after 2, 4, 8 … s, at most a
/// minute. `None` when a newer write of the same key has replaced it.
pub(super) fn failed<D: Database>(
    database: &D,
    id: i64,
    now: UnixMillis,
) -> Result<Option<Tried>, StorageError> {
    let sql = "SELECT key, attempts FROM outbox WHERE id = ?";
    let row = database
        .query_optional(sql, &[id.into()], |columns| Ok((columns.text()?, columns.number::<u32>()?)))?;
    let Some((key, attempts)) = row else { return Ok(None) };
    let doubled = OUTBOX_BACKOFF_MIN_MS.saturating_mul(1_i64.checked_shl(attempts).unwrap_or(i64::MAX));
    // An overflow into the sign bit makes it negative: then the longest wait applies too.
    let wait_ms = if doubled > 0 { doubled.min(OUTBOX_BACKOFF_MAX_MS) } else { OUTBOX_BACKOFF_MAX_MS };
    database.execute(
        "UPDATE outbox SET attempts = ?, due_at = ? WHERE id = ?",
        &[attempts.saturating_add(1).into(), now.plus_ms(wait_ms).into(), id.into()],
    )?;
    Ok(Some(Tried { is_list: key == list::KV_NAME, had_failed: attempts > 0 }))
}

/// When the publisher must act next; `None` when KV has everything.
pub(super) fn next_due<D: Database>(database: &D) -> Result<Option<UnixMillis>, StorageError> {
    let sql = "SELECT MIN(due_at) FROM outbox WHERE value IS NOT NULL OR base_n IS NOT NULL";
    let records = database.query_one(sql, &[], Columns::optional_millis)?;
    let list = list_due(database)?.map(|(_, at)| at);
    Ok(records.into_iter().chain(list).min())
}

/// The number of pending writes, and since when the oldest is pending. The removal of a base does not count:
/// it is planned.
pub(super) fn backlog<D: Database>(database: &D) -> Result<(u64, Option<UnixMillis>), StorageError> {
    Ok(database.query_one(
        "SELECT COUNT(*), MIN(owed_at) FROM outbox WHERE value IS NULL OR LENGTH(value) > 0",
        &[],
        |columns| Ok((columns.number()?, columns.optional_millis()?)),
    )?)
}

// A record is written only before its token's end, so its expiry is never nearer than KV allows.
const _: () = assert!(RECORD_KV_MARGIN_SECONDS > KV_EXPIRATION_MIN_SECONDS);
