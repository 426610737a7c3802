//! The registry's own state, in one row: the signing key, the highest serial, list numbers and the bound it
//! promises.
//!
//! Standard: docs/bound.md, "Receipts" ("when B is lowered, receipts promise the old B until the last list
//! made under it has ended").
//! Invariants: the highest serial and the list number only rise. Each is stored before anything that carries
//! it is handed out.
//! What it must not know: tokens, except which list names one.
//! What a mistake costs: a serial or list number used twice revives what was revoked (false accept).

use super::command::Receipt;
use super::row::StorageError;
use super::settings::RegistrySettings;
use crate::base::database::{Columns, Database, ReadError, Rows, json, unsigned};
use crate::base::time::UnixMillis;
use crate::formats::key::{KeyId, KeyRing};
use crate::formats::list::{Number, RevocationList};
use crate::formats::token::Serial;
use crate::limits::{MS_PER_SECOND, REPORTS_MISSING_AFTER_MS, TRAFFIC_LASTS_MS};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    pub(super) signing_key: KeyId,
    /// 0 before the first token.
    pub(super) highest_serial: Serial,
    /// The number of the newest list; n is 0 before the first.
    pub(super) list_number: Number,
    list_next_update: UnixMillis,
    list_bound_seconds: i64,
    earlier_bound_seconds: i64,
    earlier_bound_until: UnixMillis,
    /// When the list was last handed out to be written to KV.
    pub(super) list_handed_at: UnixMillis,
    /// Lists complete every base from this n on.
    pub(super) since: u64,
    /// The n of the newest list that contains a change.
    pub(super) changed: u64,
    /// When that change was committed.
    pub(super) changed_at: UnixMillis,
    /// The last sign of traffic, to the minute: from a location, or of a request that a usage shard counted.
    pub(super) traffic_at: UnixMillis,
    /// When a location last asked for a list or reported, to the minute.
    pub(super) heard_at: UnixMillis,
    /// `RESTORE_ID` when the storage was last found to be whole.
    pub(super) restore_id: Option<String>,
    /// When the storage was last restored from a backup.
    pub(super) restored_at: Option<UnixMillis>,
}

impl State {
    /// Reads the row, or creates it in a new database.
    pub(super) fn open<D: Database>(database: &D, settings: &RegistrySettings) -> Result<Self, StorageError> {
        database.execute(
            "INSERT INTO registry (id, signing_key, highest_serial, epoch, list_n, list_next_update, \
             list_bound_seconds, earlier_bound_seconds, earlier_bound_until, list_handed_at, since_n, \
             changed_n, changed_at, traffic_at, restore_id) \
             VALUES (1, ?, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ?) ON CONFLICT (id) DO NOTHING",
            &[u32::from(settings.first_signing_key.0).into(), settings.restore_id.as_deref().into()],
        )?;
        // The first start that finds the storage unconfirmed notes where it stood; those after it leave that.
        database.execute(
            "UPDATE registry SET unconfirmed_epoch = epoch, unconfirmed_n = list_n \
             WHERE unconfirmed_n IS NULL",
            &[],
        )?;
        Self::read(database)
    }

    /// The number of the newest list when the storage was last found to be whole, or was first opened after
    /// that. Lists handed out before the comparison with KV prove nothing, even after another start.
    pub(super) fn unconfirmed<D: Database>(database: &D) -> Result<Number, StorageError> {
        Ok(database.query_one(
            "SELECT COALESCE(unconfirmed_epoch, epoch), COALESCE(unconfirmed_n, list_n) FROM registry",
            &[],
            |columns| Ok(Number { epoch: columns.number()?, n: columns.number()? }),
        )?)
    }

    /// Notes that the storage is whole.
    pub(super) fn confirm<D: Database>(database: &D) -> Result<(), StorageError> {
        database.execute("UPDATE registry SET unconfirmed_epoch = NULL, unconfirmed_n = NULL", &[])?;
        Ok(())
    }

    pub(super) fn read<D: Database>(database: &D) -> Result<Self, StorageError> {
        Ok(database.query_one(
            "SELECT signing_key, highest_serial, epoch, list_n, list_next_update, list_bound_seconds, \
             earlier_bound_seconds, earlier_bound_until, list_handed_at, since_n, changed_n, changed_at, \
             traffic_at, heard_at, restore_id, restored_at FROM registry",
            &[],
            Self::of_row,
        )?)
    }

    fn of_row(columns: &mut Columns) -> Result<Self, ReadError> {
        Ok(Self {
            signing_key: columns.number().map(KeyId)?,
            highest_serial: columns.serial()?,
            list_number: Number { epoch: columns.number()?, n: columns.number()? },
            list_next_update: columns.millis()?,
            list_bound_seconds: columns.integer()?,
            earlier_bound_seconds: columns.integer()?,
            earlier_bound_until: columns.millis()?,
            list_handed_at: columns.millis()?,
            since: columns.number()?,
            changed: columns.number()?,
            changed_at: columns.millis()?,
            traffic_at: columns.millis()?,
            heard_at: columns.millis()?,
            restore_id: columns.optional_text()?,
            restored_at: columns.optional_millis()?,
        })
    }

    /// Takes the next serial and stores it. `None` when all 2^32 − 1 are used.
    pub(super) fn next_serial<D: Database>(&mut self, database: &D) -> Result<Option<Serial>, StorageError> {
        let Some(next) = self.highest_serial.0.checked_add(1).map(Serial) else { return Ok(None) };
        database.execute("UPDATE registry SET highest_serial = ?", &[next.into()])?;
        self.highest_serial = next;
        Ok(Some(next))
    }

    /// Since when no location has reported although requests are counted; `None`: they report, or there is no
    /// traffic. Ten minutes after the last count there is none.
    pub(super) fn reports_missing_since(&self, now: UnixMillis) -> Option<UnixMillis> {
        let is_missing = self.traffic_at.since_ms(self.heard_at) >= REPORTS_MISSING_AFTER_MS;
        Some(self.heard_at).filter(|_| is_missing && !self.is_idle(now))
    }

    /// Whether storage knows of no traffic in the last ten minutes.
    pub(super) fn is_idle(&self, now: UnixMillis) -> bool {
        now.since_ms(self.traffic_at) >= TRAFFIC_LASTS_MS
    }

    /// The number of the list that will be made next. That list contains everything committed until then.
    pub(super) fn next_list_number(&self) -> Number {
        Number { n: self.list_number.n.saturating_add(1), ..self.list_number }
    }

    /// Takes the next list number, and stores it together with the list's end. So a restart neither gives the
    /// number again nor forgets how long a list made under a larger bound may be used.
    pub(super) fn advance_list<D: Database>(
        &mut self,
        database: &D,
        next_update: UnixMillis,
        bound_seconds: i64,
        now: UnixMillis,
    ) -> Result<(), StorageError> {
        if self.list_bound_seconds > bound_seconds && self.list_next_update > now {
            let still = if self.earlier_bound_until > now { self.earlier_bound_seconds } else { 0 };
            self.earlier_bound_seconds = self.list_bound_seconds.max(still);
            self.earlier_bound_until = self.earlier_bound_until.max(self.list_next_update);
        }
        self.list_number = self.next_list_number();
        self.list_next_update = next_update;
        self.list_bound_seconds = bound_seconds;
        database.execute(
            "UPDATE registry SET list_n = ?, list_next_update = ?, list_bound_seconds = ?, \
             earlier_bound_seconds = ?, earlier_bound_until = ?",
            &[
                unsigned(self.list_number.n),
                self.list_next_update.into(),
                self.list_bound_seconds.into(),
                self.earlier_bound_seconds.into(),
                self.earlier_bound_until.into(),
            ],
        )?;
        Ok(())
    }

    /// Begins a new epoch with `number`. Lists of the lost registry may still be in use, so receipts cover
    /// their bound too.
    pub(super) fn begin_epoch<D: Database>(
        &mut self,
        database: &D,
        number: Number,
        known: Option<&RevocationList>,
        restore_id: Option<&str>,
        now: UnixMillis,
    ) -> Result<(), StorageError> {
        self.list_number = number;
        (self.changed, self.changed_at) = (number.n, now);
        if let Some(list) = known.filter(|list| list.next_update() > self.list_next_update) {
            let bound_ms = list.next_update().since_ms(list.this_update());
            self.list_bound_seconds = self.list_bound_seconds.max(bound_ms / MS_PER_SECOND);
            self.list_next_update = list.next_update();
        }
        database.execute(
            "UPDATE registry SET epoch = ?, list_n = ?, changed_n = ?, changed_at = ?, list_next_update = ?, \
             list_bound_seconds = ?, restore_id = ?, restored_at = ?",
            &[
                number.epoch.into(),
                unsigned(number.n),
                unsigned(number.n),
                now.into(),
                self.list_next_update.into(),
                self.list_bound_seconds.into(),
                restore_id.into(),
                now.into(),
            ],
        )?;
        Ok(())
    }

    /// Never issue serials up to `last`.
    pub(super) fn skip_serials_to<D: Database>(
        &mut self,
        database: &D,
        last: Serial,
    ) -> Result<(), StorageError> {
        database.execute("UPDATE registry SET highest_serial = ?", &[last.into()])?;
        self.highest_serial = last;
        Ok(())
    }

    /// Makes sure that the signing key is in the ring and not retired. Prefers `latest` when it has to
    /// choose.
    ///
    /// # Errors
    /// [`StorageError::MissingKey`] when the ring has no such key.
    pub(super) fn choose_signing_key<D: Database>(
        &mut self,
        database: &D,
        ring: &KeyRing,
        retired: &[KeyId],
        latest: Option<KeyId>,
    ) -> Result<(), StorageError> {
        let is_fit = |id: &KeyId| ring.get(*id).is_some() && !retired.contains(id);
        if !is_fit(&self.signing_key) {
            let mut choice = latest.into_iter().chain(ring.ids());
            let key_id = choice.find(is_fit).ok_or(StorageError::MissingKey)?;
            signs_with(database, key_id)?;
            self.signing_key = key_id;
        }
        Ok(())
    }

    /// The bound that a receipt may promise at `now`: the configured one, or a larger one under which a list
    /// was made that may still be in use.
    pub(super) fn promised_bound_seconds(&self, configured_seconds: i64, now: UnixMillis) -> i64 {
        let alive = |seconds: i64, until: UnixMillis| if until > now { seconds } else { 0 };
        configured_seconds
            .max(alive(self.list_bound_seconds, self.list_next_update))
            .max(alive(self.earlier_bound_seconds, self.earlier_bound_until))
    }
}

/// Notes that the list was handed out for KV at `now`. KV accepts one write per second to a key.
pub(super) fn list_handed<D: Database>(database: &D, now: UnixMillis) -> Result<(), StorageError> {
    database.execute("UPDATE registry SET list_handed_at = ?", &[now.into()])?;
    Ok(())
}

/// Notes that a location showed traffic at `now`.
pub(super) fn location_heard<D: Database>(database: &D, now: UnixMillis) -> Result<(), StorageError> {
    database.execute("UPDATE registry SET traffic_at = ?, heard_at = ?", &[now.into(), now.into()])?;
    Ok(())
}

/// Notes that a request was counted at `at`.
pub(super) fn traffic_seen<D: Database>(database: &D, at: UnixMillis) -> Result<(), StorageError> {
    database.execute("UPDATE registry SET traffic_at = ?", &[at.into()])?;
    Ok(())
}

/// From list `n` on, only bases with that n or a later one are completed.
pub(super) fn completes_since<D: Database>(database: &D, n: u64) -> Result<(), StorageError> {
    database.execute("UPDATE registry SET since_n = ?", &[unsigned(n)])?;
    Ok(())
}

/// Notes that the next list contains the change of a token that `receipt` describes, committed at `now`.
pub(super) fn change_listed<D: Database>(
    database: &D,
    receipt: &Receipt,
    n: u64,
) -> Result<(), StorageError> {
    database.execute(
        "UPDATE token SET listed_n = ?, changed_receipt = ? WHERE serial = ?",
        &[unsigned(n), json(receipt)?, receipt.serial.into()],
    )?;
    Ok(())
}

/// Notes that the next list contains a change, committed at `now`. Locations report soon after they receive
/// it. Returns its n.
pub(super) fn change_announced<D: Database>(database: &D, now: UnixMillis) -> Result<u64, StorageError> {
    let n = State::read(database)?.next_list_number().n;
    database.execute("UPDATE registry SET changed_n = ?, changed_at = ?", &[unsigned(n), now.into()])?;
    Ok(n)
}

/// Makes `key_id` the signing key.
pub(super) fn signs_with<D: Database>(database: &D, key_id: KeyId) -> Result<(), StorageError> {
    database.execute("UPDATE registry SET signing_key = ?", &[u32::from(key_id.0).into()])?;
    Ok(())
}
