//! The stored bases of the revocation list: the newest, and the one before it while lists still complete it.
//!
//! Standard: DESIGN section 4, `list/base/<number>`.
//! Invariants: a base is made in the transaction of the list that first names it, and never changes; the body is stored
//! whole, in parts that SQLite takes; there is no stored base before the first fold: then it is the empty one. A serial
//! leaves with the first base made when its token has ended for every clock, also when its row is gone by then; one that
//! never had a row here (a restore skipped it) never does.
//! What it must not know: KV, who reads a base.
//! What a mistake costs: a base that lacks a serial is a revoked token that works again (false accept).

use super::database::{Database, Row, Value};
use super::row::{Columns, StorageError, unsigned};
use super::settings::RegistrySettings;
use super::state::State;
use crate::key::sha256;
use crate::limits::BASE_CHUNK_BYTES;
use crate::list::{self, Base, Change, Number, OpenedBase};
use crate::time::{UnixMillis, UnixSeconds};
use crate::token::Serial;

/// A base without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StoredBase {
    pub(super) number: Number,
    pub(super) sha256: [u8; 32],
    /// Zero for the empty base.
    pub(super) made_at: UnixMillis,
    /// Serials whose tokens ended by then are not in it.
    gone_until: UnixSeconds,
}

/// The newest base: the empty one before the first fold.
pub(super) fn newest<D: Database>(database: &D, epoch: u32) -> Result<StoredBase, StorageError> {
    let rows = database
        .query("SELECT n, epoch, sha256, made_at, gone_until FROM list_base ORDER BY n DESC LIMIT 1", &[])?;
    stored_or_empty(rows, epoch)
}

/// The newest base of this n or a lower one: the empty one when none is stored.
pub(super) fn up_to<D: Database>(database: &D, n: u64, epoch: u32) -> Result<StoredBase, StorageError> {
    let rows = database.query(
        "SELECT n, epoch, sha256, made_at, gone_until FROM list_base WHERE n <= ? ORDER BY n DESC LIMIT 1",
        &[unsigned(n)],
    )?;
    stored_or_empty(rows, epoch)
}

fn stored_or_empty(rows: Vec<Row>, epoch: u32) -> Result<StoredBase, StorageError> {
    let Some(row) = rows.into_iter().next() else {
        let OpenedBase { base, sha256 } = OpenedBase::empty(epoch);
        let (made_at, gone_until) = (UnixMillis(0), UnixSeconds(0));
        return Ok(StoredBase { number: base.number(), sha256, made_at, gone_until });
    };
    let mut columns = Columns::of(row);
    let n = columns.number()?;
    Ok(StoredBase {
        number: Number { n, epoch: columns.number()? },
        sha256: columns
            .optional_blob()?
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(StorageError::Unreadable)?,
        made_at: columns.millis()?,
        gone_until: columns.seconds()?,
    })
}

/// The body of the base `number`; `None` when it is not, or no longer, stored.
pub(super) fn body<D: Database>(database: &D, number: Number) -> Result<Option<Vec<u8>>, StorageError> {
    let rows = database.query(
        "SELECT bytes FROM list_base_part JOIN list_base USING (n) WHERE n = ? AND epoch = ? ORDER BY part",
        &[unsigned(number.n), number.epoch.into()],
    )?;
    let mut body = Vec::new();
    for row in rows {
        body.extend(Columns::of(row).optional_blob()?.ok_or(StorageError::Unreadable)?);
    }
    Ok((!body.is_empty()).then_some(body))
}

/// The base `number`, sealed by the key that signs; `None` when it is not, or no longer, stored.
pub(super) fn sealed<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    number: Number,
) -> Result<Option<Vec<u8>>, StorageError> {
    let Some(body) = body(database, number)? else { return Ok(None) };
    let signing_key = State::read(database)?.signing_key;
    list::seal_base(&settings.ring, signing_key, number, &body).ok_or(StorageError::MissingKey).map(Some)
}

/// The newest base with everything that follows from it laid over it, not stored yet: `changes` since, without what
/// ended by `gone_until`.
pub(super) fn folded<D: Database>(
    database: &D,
    newest: &StoredBase,
    changes: impl IntoIterator<Item = Change>,
    gone_until: UnixSeconds,
    number: Number,
) -> Result<Base, StorageError> {
    let base = match body(database, newest.number)? {
        Some(body) => Base::from_body(&body).map_err(|_| StorageError::Unreadable)?,
        None if newest.number.n == 0 => Base::empty(number.epoch),
        None => return Err(StorageError::Unreadable),
    };
    // A change of one that has ended is left out with it; a clock that went back takes nothing out twice.
    let gone = database.query(
        "SELECT serial FROM token WHERE expires_at > ? AND expires_at <= ? AND listed_n > 0 \
         UNION ALL SELECT serial FROM gone_serial",
        &[newest.gone_until.into(), gone_until.into()],
    )?;
    let gone = gone.into_iter().map(|row| Columns::of(row).serial()).collect::<Result<Vec<Serial>, _>>()?;
    Ok(base.fold(changes, gone, number))
}

/// The rows of these tokens are gone, each long after its end: the next base is made without those that `newest` may name.
/// That they have no row would not tell so then: neither have serials that a restore skipped, and those stay revoked.
pub(super) fn rows_are_gone<D: Database>(
    database: &D,
    newest: &StoredBase,
    listed: impl IntoIterator<Item = (Serial, UnixSeconds)>,
) -> Result<(), StorageError> {
    let may_be_named = |expires_at: &UnixSeconds| newest.number.n > 0 && *expires_at > newest.gone_until;
    for (serial, _) in listed.into_iter().filter(|(_, expires_at)| may_be_named(expires_at)) {
        database.query("INSERT OR IGNORE INTO gone_serial (serial) VALUES (?)", &[serial.into()])?;
    }
    Ok(())
}

/// Stores `base`, which [`folded`] made, as the newest.
pub(super) fn store<D: Database>(
    database: &D,
    base: &Base,
    gone_until: UnixSeconds,
    now: UnixMillis,
) -> Result<StoredBase, StorageError> {
    let (number, body) = (base.number(), base.body().ok_or(StorageError::Unreadable)?);
    let stored = StoredBase { number, sha256: sha256(&body), made_at: now, gone_until };
    database.query(
        "INSERT INTO list_base (n, epoch, sha256, made_at, gone_until) VALUES (?, ?, ?, ?, ?)",
        &[
            unsigned(number.n),
            number.epoch.into(),
            Value::Blob(stored.sha256.to_vec()),
            now.into(),
            gone_until.into(),
        ],
    )?;
    database.query("DELETE FROM gone_serial", &[])?;
    for (part, bytes) in body.chunks(BASE_CHUNK_BYTES).zip(0_u32..).map(|(bytes, part)| (part, bytes)) {
        database.query(
            "INSERT INTO list_base_part (n, part, bytes) VALUES (?, ?, ?)",
            &[unsigned(number.n), part.into(), Value::Blob(bytes.to_vec())],
        )?;
    }
    Ok(stored)
}

/// Forgets the bases before `n`, and says which they were.
pub(super) fn forget_before<D: Database>(database: &D, n: u64) -> Result<Vec<Number>, StorageError> {
    database.query("DELETE FROM list_base_part WHERE n < ?", &[unsigned(n)])?;
    let rows = database.query("DELETE FROM list_base WHERE n < ? RETURNING n, epoch", &[unsigned(n)])?;
    rows.into_iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            let n = columns.number()?;
            Ok(Number { n, epoch: columns.number()? })
        })
        .collect()
}

/// Bytes of the newest base's body; 0 for the empty one.
pub(super) fn newest_bytes<D: Database>(database: &D) -> Result<u64, StorageError> {
    let rows = database.query(
        "SELECT COALESCE(SUM(LENGTH(bytes)), 0) FROM list_base_part WHERE n = (SELECT MAX(n) FROM list_base)",
        &[],
    )?;
    Columns::of(rows.into_iter().next().ok_or(StorageError::Unreadable)?).number()
}
