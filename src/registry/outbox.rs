//! The publisher's outbox: what KV is owed, when to try it, and what a confirmation takes away.
//!
//! Standard: DESIGN section 4 "KV", section 5 ("the publisher writes the delta right after a change").
//! Invariants: a row is written in the transaction of the change that owes it, and deleted only when KV confirmed the very
//! write it names; so a process killed at any step writes again, and a write that raced with a newer one of its key leaves
//! the newer one owed. A record is written before the first list that names its version, unless KV refuses the record
//! for longer than the list can wait; so is a base before the first list that rests on it. KV gets one write a second of a key.
//! What it must not know: KV's API, promises, alarms.
//! What a mistake costs: a record that never reaches KV makes the registry answer for it for ever; a list that never does
//! costs every location a call (false refuse at worst: the bound does not rest on KV).

use super::database::{Database, Value};
use super::row::{Columns, StorageError, unsigned};
use super::state::State;
use super::token_row::{SealedRecord, TokenRow};
use crate::distribution;
use crate::family::FamilyId;
use crate::limits::{
    BASE_KV_MARGIN_SECONDS, KV_EXPIRATION_MIN_SECONDS, KV_WRITE_INTERVAL_MS, LIST_HELD_MAX_MS, MS_PER_SECOND,
    NOTHING_KV_SECONDS, OUTBOX_BACKOFF_MAX_MS, OUTBOX_BACKOFF_MIN_MS, RECORD_KV_MARGIN_SECONDS,
    RECORD_REPUBLISH_INTERVAL_MS,
};
use crate::list::{self, Number};
use crate::record::kv_name;
use crate::time::{UnixMillis, UnixSeconds};

/// One write that KV is owed.
#[derive(Clone, Debug, PartialEq)]
pub struct KvWrite {
    /// Names this write for ever; given back when it was written or failed.
    pub id: i64,
    /// KV's key.
    pub key: String,
    /// The sealed value.
    pub value: Vec<u8>,
    /// When KV may drop it, at least 60 s ahead; `None` is never.
    pub expiration: Option<UnixSeconds>,
}

/// Owes KV the record of `row`, at once. Earlier versions that KV still lacks are owed no longer: no list names them.
pub(super) fn owe_record<D: Database>(
    database: &D,
    row: &TokenRow,
    sealed: SealedRecord,
    now: UnixMillis,
) -> Result<(), StorageError> {
    database.query(
        "DELETE FROM outbox WHERE serial = ? AND version < ?",
        &[row.serial.into(), row.version.into()],
    )?;
    insert_record(database, row, sealed, false, now)
}

/// Owes KV a record that it has under an older seal. No list waits for it.
pub(super) fn owe_resealed<D: Database>(
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
        database.query(
            "UPDATE token SET sealed_by = ? WHERE serial = ?",
            &[u32::from(sealed.by.0).into(), row.serial.into()],
        )?;
        // What waits has the older seal. If a list waits for it, it goes on waiting.
        let waiting = database
            .query("DELETE FROM outbox WHERE key = ? RETURNING resealed", &[Value::from(key.as_str())])?
            .pop();
        resealed = waiting.map_or(Ok(resealed), |row| Columns::of(row).flag())?;
    }
    // A key names its version, and under one seal its value never changes, so one row is enough.
    database.query(
        "INSERT INTO outbox (key, serial, version, expires_at, value, owed_at, due_at, attempts, resealed) \
         VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?) ON CONFLICT (key) DO NOTHING",
        &[
            Value::Text(key),
            row.serial.into(),
            row.version.into(),
            row.expires_at.into(),
            Value::Blob(sealed.value),
            now.into(),
            now.into(),
            resealed.into(),
        ],
    )?;
    Ok(())
}

/// Whether a record that a location did not find in KV is to be written again: not while a write is owed, nor soon after
/// one (a location that cached "not there" will ask for hours, and writing again does not help it), nor after its end.
pub(super) fn wants_republishing(row: &TokenRow, now: UnixMillis) -> bool {
    let recently = row.published_at.is_some_and(|at| now.since_ms(at) < RECORD_REPUBLISH_INTERVAL_MS);
    !recently && now < row.expires_at.to_millis()
}

/// Owes KV a new list. A new id each time: confirming a list handed out before this change leaves this one owed.
pub(super) fn owe_list<D: Database>(database: &D, now: UnixMillis) -> Result<(), StorageError> {
    // A clock that was set back must not put it off.
    let due_at = State::read(database)?.list_handed_at.min(now).plus_ms(KV_WRITE_INTERVAL_MS);
    let due_at = due_at.max(now);
    database.query(
        "INSERT OR REPLACE INTO outbox (key, owed_at, due_at, attempts) \
         VALUES (?, COALESCE((SELECT owed_at FROM outbox WHERE key = ?), ?), ?, 0)",
        &[list::KV_NAME.into(), list::KV_NAME.into(), now.into(), due_at.into()],
    )?;
    Ok(())
}

/// Whether a list is owed that KV has not refused: nothing is gained by owing it another.
pub(super) fn awaits_list<D: Database>(database: &D) -> Result<bool, StorageError> {
    let rows = database.query(
        "SELECT EXISTS (SELECT 1 FROM outbox WHERE key = ? AND attempts = 0)",
        &[list::KV_NAME.into()],
    )?;
    Columns::of(rows.into_iter().next().ok_or(StorageError::Unreadable)?).flag()
}

/// Owes KV the base `number`, at once. The body is read when it is written.
pub(super) fn owe_base<D: Database>(
    database: &D,
    number: Number,
    now: UnixMillis,
) -> Result<(), StorageError> {
    database.query(
        "INSERT OR REPLACE INTO outbox (key, base_epoch, base_n, owed_at, due_at, attempts) VALUES (?, ?, ?, ?, ?, 0)",
        &[
            Value::Text(list::base_kv_name(number)),
            number.epoch.into(),
            unsigned(number.n),
            now.into(),
            now.into(),
        ],
    )?;
    Ok(())
}

/// Whether KV has yet to take a base.
pub(super) fn owes_base<D: Database>(database: &D) -> Result<bool, StorageError> {
    let rows = database.query("SELECT EXISTS (SELECT 1 FROM outbox WHERE base_n IS NOT NULL)", &[])?;
    Columns::of(rows.into_iter().next().ok_or(StorageError::Unreadable)?).flag()
}

/// Lets the base `number`, which no list completes any more, leave KV: KV has no write that ends a value later, so it is
/// written over by nothing at all, for an hour.
pub(super) fn owe_end_of_base<D: Database>(
    database: &D,
    number: Number,
    now: UnixMillis,
) -> Result<(), StorageError> {
    database.query(
        "INSERT OR REPLACE INTO outbox (key, expires_at, value, owed_at, due_at, attempts) VALUES (?, ?, ?, ?, ?, 0)",
        &[
            Value::Text(list::base_kv_name(number)),
            now.ceil_seconds().plus_seconds(BASE_KV_MARGIN_SECONDS).into(),
            Value::Blob(Vec::new()),
            now.into(),
            now.plus_ms(BASE_KV_MARGIN_SECONDS * MS_PER_SECOND / 2).into(),
        ],
    )?;
    Ok(())
}

/// Owes KV the name of the token that pages of its family are given, at once.
pub(super) fn owe_family<D: Database>(
    database: &D,
    row: &TokenRow,
    value: Vec<u8>,
    now: UnixMillis,
) -> Result<(), StorageError> {
    owe_value(database, distribution::kv_name(&row.family), value, row.expires_at, now)
}

/// Lets a family of which pages are given no token leave KV, as a base does.
pub(super) fn owe_end_of_family<D: Database>(
    database: &D,
    family: &FamilyId,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let expires_at = now.ceil_seconds().plus_seconds(NOTHING_KV_SECONDS);
    owe_value(database, distribution::kv_name(family), Vec::new(), expires_at, now)
}

/// Owes KV a value whose key is written over by later ones. A new id each time, as for a list.
fn owe_value<D: Database>(
    database: &D,
    key: String,
    value: Vec<u8>,
    expires_at: UnixSeconds,
    now: UnixMillis,
) -> Result<(), StorageError> {
    database.query(
        "INSERT OR REPLACE INTO outbox (key, expires_at, value, owed_at, due_at, attempts) VALUES (?, ?, ?, ?, ?, 0)",
        &[Value::Text(key), expires_at.into(), Value::Blob(value), now.into(), now.into()],
    )?;
    Ok(())
}

/// The bases due at `now`: the id of the write, and which base.
pub(super) fn due_bases<D: Database>(
    database: &D,
    now: UnixMillis,
) -> Result<Vec<(i64, Number)>, StorageError> {
    let rows = database.query(
        "SELECT id, base_epoch, base_n FROM outbox WHERE base_n IS NOT NULL AND due_at <= ?",
        &[now.into()],
    )?;
    rows.into_iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            let id = columns.integer()?;
            Ok((id, Number { epoch: columns.number()?, n: columns.number()? }))
        })
        .collect()
}

/// Records due at `now`, longest due first; drops those of tokens that have ended.
pub(super) fn due_records<D: Database>(
    database: &D,
    now: UnixMillis,
    limit: u32,
) -> Result<Vec<KvWrite>, StorageError> {
    database.query("DELETE FROM outbox WHERE expires_at <= ?", &[now.floor_seconds().into()])?;
    let rows = database.query(
        "SELECT id, key, value, expires_at FROM outbox WHERE value IS NOT NULL AND due_at <= ? \
         ORDER BY due_at, id LIMIT ?",
        &[now.into(), limit.into()],
    )?;
    rows.into_iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            Ok(KvWrite {
                id: columns.integer()?,
                key: columns.text()?,
                value: columns.optional_blob()?.ok_or(StorageError::Unreadable)?,
                expiration: Some(columns.seconds()?.plus_seconds(RECORD_KV_MARGIN_SECONDS)),
            })
        })
        .collect()
}

/// The list's row and when it is due; `None` when KV has the newest. It waits for bases and for records of edited tokens,
/// but not longer than [`LIST_HELD_MAX_MS`].
pub(super) fn list_due<D: Database>(database: &D) -> Result<Option<(i64, UnixMillis)>, StorageError> {
    let rows = database.query(
        "SELECT id, owed_at, due_at, EXISTS (SELECT 1 FROM outbox \
         WHERE (version > 1 AND resealed = 0) OR base_n IS NOT NULL) \
         FROM outbox WHERE key = ?",
        &[list::KV_NAME.into()],
    )?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let mut columns = Columns::of(row);
    let (id, owed_at, due_at) = (columns.integer()?, columns.millis()?, columns.millis()?);
    let held_until = if columns.flag()? { owed_at.plus_ms(LIST_HELD_MAX_MS) } else { due_at };
    Ok(Some((id, due_at.max(held_until))))
}

/// KV took the write `id`. Of a write that a newer one of its key has replaced nothing is left to take away.
pub(super) fn written<D: Database>(database: &D, id: i64, now: UnixMillis) -> Result<(), StorageError> {
    let mut rows =
        database.query("DELETE FROM outbox WHERE id = ? RETURNING serial", &[Value::Integer(id)])?;
    let Some(row) = rows.pop() else { return Ok(()) };
    // A row of an earlier version went when the later one was owed, so this is the token's present record.
    if let Some(serial) = Columns::of(row).optional_integer()? {
        database.query(
            "UPDATE token SET published_at = ? WHERE serial = ?",
            &[now.into(), Value::Integer(serial)],
        )?;
    }
    Ok(())
}

/// KV did not take the write `id`: tried again after 2, 4, 8 … s, at most 5 minutes.
pub(super) fn failed<D: Database>(database: &D, id: i64, now: UnixMillis) -> Result<(), StorageError> {
    let mut rows = database.query("SELECT attempts FROM outbox WHERE id = ?", &[Value::Integer(id)])?;
    let Some(row) = rows.pop() else { return Ok(()) };
    let attempts: u32 = Columns::of(row).number()?;
    let doubled = OUTBOX_BACKOFF_MIN_MS.saturating_mul(1_i64.checked_shl(attempts).unwrap_or(i64::MAX));
    // Shifted into the sign the doubling is negative: as long as can be, too.
    let wait_ms = if doubled > 0 { doubled.min(OUTBOX_BACKOFF_MAX_MS) } else { OUTBOX_BACKOFF_MAX_MS };
    database.query(
        "UPDATE outbox SET attempts = ?, due_at = ? WHERE id = ?",
        &[attempts.saturating_add(1).into(), now.plus_ms(wait_ms).into(), Value::Integer(id)],
    )?;
    Ok(())
}

/// When the publisher has something to do next; `None` when KV has everything.
pub(super) fn next_due<D: Database>(database: &D) -> Result<Option<UnixMillis>, StorageError> {
    let rows = database
        .query("SELECT MIN(due_at) FROM outbox WHERE value IS NOT NULL OR base_n IS NOT NULL", &[])?;
    let records = match rows.into_iter().next() {
        Some(row) => Columns::of(row).optional_millis()?,
        None => None,
    };
    let list = list_due(database)?.map(|(_, at)| at);
    Ok(records.into_iter().chain(list).min())
}

/// How many writes are owed, and since when the oldest is. That a base leaves KV is no debt: it is planned.
pub(super) fn backlog<D: Database>(database: &D) -> Result<(u64, Option<UnixMillis>), StorageError> {
    let rows = database
        .query("SELECT COUNT(*), MIN(owed_at) FROM outbox WHERE value IS NULL OR LENGTH(value) > 0", &[])?;
    let mut columns = Columns::of(rows.into_iter().next().ok_or(StorageError::Unreadable)?);
    Ok((columns.number()?, columns.optional_millis()?))
}

// A record is owed only before its token's end, so its expiry is never nearer than KV allows.
const _: () = assert!(RECORD_KV_MARGIN_SECONDS > KV_EXPIRATION_MIN_SECONDS);
