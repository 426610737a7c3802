//! The stored bases of the revocation list: the newest, and the one before it while lists still complete it.
//!
//! Standard: docs/formats.md, "Base"; docs/bound.md, "The publisher".
//! Invariants: a base is made in the transaction of the first list that names it, and never changes. Its body
//! is stored completely, in chunks that fit into SQLite rows. Before the first fold no base is stored; then
//! the empty one is used. A serial leaves with the first base made after its token ended by every clock, even
//! if its row is gone by then. A serial that never had a row here (skipped by a restore) never leaves.
//! What it must not know: KV, who reads a base.
//! What a mistake costs: a serial lost from a base lets a revoked token work again (false accept).

use super::row::StorageError;
use super::settings::RegistrySettings;
use super::state::State;
use crate::base::database::{Columns, Database, ReadError, Rows, unsigned};
use crate::base::time::{UnixMillis, UnixSeconds};
use crate::formats::key::sha256;
use crate::formats::list;
use crate::formats::list::{Base, Change, Number, OpenedBase};
use crate::formats::token::Serial;
use crate::limits::BASE_CHUNK_BYTES;

/// A stored base without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StoredBase {
    pub(super) number: Number,
    pub(super) sha256: [u8; 32],
    /// Zero for the empty base.
    pub(super) made_at: UnixMillis,
    /// The base does not contain serials whose tokens ended by this second.
    gone_until: UnixSeconds,
}

/// The newest base; before the first fold, the empty one.
pub(super) fn newest<D: Database>(database: &D, epoch: u32) -> Result<StoredBase, StorageError> {
    let sql = "SELECT n, epoch, sha256, made_at, gone_until FROM list_base ORDER BY n DESC LIMIT 1";
    Ok(database.query_optional(sql, &[], StoredBase::read)?.unwrap_or_else(|| StoredBase::empty(epoch)))
}

/// The newest base with this n or a lower one; the empty one when none is stored.
pub(super) fn up_to<D: Database>(database: &D, n: u64, epoch: u32) -> Result<StoredBase, StorageError> {
    let stored = database.query_optional(
        "SELECT n, epoch, sha256, made_at, gone_until FROM list_base WHERE n <= ? ORDER BY n DESC LIMIT 1",
        &[unsigned(n)],
        StoredBase::read,
    )?;
    Ok(stored.unwrap_or_else(|| StoredBase::empty(epoch)))
}

impl StoredBase {
    fn read(columns: &mut Columns) -> Result<Self, ReadError> {
        let n = columns.number()?;
        Ok(Self {
            number: Number { n, epoch: columns.number()? },
            sha256: columns.blob()?.try_into().map_err(|_| ReadError::Unreadable)?,
            made_at: columns.millis()?,
            gone_until: columns.seconds()?,
        })
    }

    fn empty(epoch: u32) -> Self {
        let OpenedBase { base, sha256 } = OpenedBase::empty(epoch);
        Self { number: base.number(), sha256, made_at: UnixMillis(0), gone_until: UnixSeconds(0) }
    }
}

/// The body of the base `number`; `None` when it is not stored (any more).
pub(super) fn body<D: Database>(database: &D, number: Number) -> Result<Option<Vec<u8>>, StorageError> {
    let parts = database.query_all(
        "SELECT bytes FROM list_base_part JOIN list_base USING (n) WHERE n = ? AND epoch = ? ORDER BY part",
        &[unsigned(number.n), number.epoch.into()],
        Columns::blob,
    )?;
    let body = parts.concat();
    Ok((!body.is_empty()).then_some(body))
}

/// The base `number`, sealed by the current signing key; `None` when it is not stored (any more).
pub(super) fn sealed<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    number: Number,
) -> Result<Option<Vec<u8>>, StorageError> {
    let Some(body) = body(database, number)? else { return Ok(None) };
    let signing_key = State::read(database)?.signing_key;
    list::seal_base(&settings.ring, signing_key, number, &body).ok_or(StorageError::MissingKey).map(Some)
}

/// Folds `changes` into the newest base and drops the serials that ended by `gone_until`. The result is not
/// stored yet.
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
    // Leaves out a changed serial that has ended, too. A clock that was set back removes nothing twice.
    let gone = database.query_all(
        "SELECT serial FROM token WHERE expires_at > ? AND expires_at <= ? AND listed_n > 0 \
         UNION ALL SELECT serial FROM gone_serial",
        &[newest.gone_until.into(), gone_until.into()],
        Columns::serial,
    )?;
    Ok(base.fold(changes, gone, number))
}

/// Notes tokens whose rows retention has deleted, long after their end, if `newest` may contain them. The
/// next base is then made without them. A missing row alone is not enough to drop a serial: those skipped by
/// a restore have no row either, and must stay revoked.
pub(super) fn rows_are_gone<D: Database>(
    database: &D,
    newest: &StoredBase,
    listed: impl IntoIterator<Item = (Serial, UnixSeconds)>,
) -> Result<(), StorageError> {
    let may_be_named = |expires_at: &UnixSeconds| newest.number.n > 0 && *expires_at > newest.gone_until;
    for (serial, _) in listed.into_iter().filter(|(_, expires_at)| may_be_named(expires_at)) {
        database.execute("INSERT OR IGNORE INTO gone_serial (serial) VALUES (?)", &[serial.into()])?;
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
    database.execute(
        "INSERT INTO list_base (n, epoch, sha256, made_at, gone_until) VALUES (?, ?, ?, ?, ?)",
        &[
            unsigned(number.n),
            number.epoch.into(),
            stored.sha256.to_vec().into(),
            now.into(),
            gone_until.into(),
        ],
    )?;
    database.execute("DELETE FROM gone_serial", &[])?;
    for (part, bytes) in body.chunks(BASE_CHUNK_BYTES).zip(0_u32..).map(|(bytes, part)| (part, bytes)) {
        database.execute(
            "INSERT INTO list_base_part (n, part, bytes) VALUES (?, ?, ?)",
            &[unsigned(number.n), part.into(), bytes.to_vec().into()],
        )?;
    }
    Ok(stored)
}

/// Deletes the bases before `n` and returns their numbers.
pub(super) fn forget_before<D: Database>(database: &D, n: u64) -> Result<Vec<Number>, StorageError> {
    database.execute("DELETE FROM list_base_part WHERE n < ?", &[unsigned(n)])?;
    let sql = "DELETE FROM list_base WHERE n < ? RETURNING n, epoch";
    Ok(database.query_all(sql, &[unsigned(n)], |columns| {
        let n = columns.number()?;
        Ok(Number { n, epoch: columns.number()? })
    })?)
}

/// Bytes of the newest base's body; 0 for the empty one.
pub(super) fn newest_bytes<D: Database>(database: &D) -> Result<u64, StorageError> {
    Ok(database.query_one(
        "SELECT COALESCE(SUM(LENGTH(bytes)), 0) FROM list_base_part WHERE n = (SELECT MAX(n) FROM list_base)",
        &[],
        Columns::number,
    )?)
}
