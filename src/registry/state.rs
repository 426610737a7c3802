//! The registry's one row about itself: which key signs, the highest serial, list numbers, and which bound it promises.
//!
//! Standard: DESIGN section 5 (numbers; "when B is lowered, receipts promise the old B until the last list made under
//! it has ended").
//! Invariants: the highest serial and the list number only rise, and are stored before anything that bears them is
//! handed out.
//! What it must not know: tokens.
//! What a mistake costs: a serial or list number used twice revives what was revoked (false accept).

use super::database::{Database, Value};
use super::row::{Columns, StorageError, unsigned};
use super::settings::RegistrySettings;
use crate::key::KeyId;
use crate::list::Number;
use crate::time::UnixMillis;
use crate::token::Serial;

/// The row of `registry`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    /// The key that signs.
    pub(super) signing_key: KeyId,
    /// 0 before the first token.
    pub(super) highest_serial: Serial,
    /// The newest list made; n is 0 before the first.
    pub(super) list_number: Number,
    list_next_update: UnixMillis,
    list_bound_seconds: i64,
    earlier_bound_seconds: i64,
    earlier_bound_until: UnixMillis,
    /// When the list was last handed out for KV.
    pub(super) list_handed_at: UnixMillis,
}

impl State {
    /// Reads the row, and makes it in a database that has none.
    pub(super) fn open<D: Database>(database: &D, settings: &RegistrySettings) -> Result<Self, StorageError> {
        database.query(
            "INSERT INTO registry (id, signing_key, highest_serial, epoch, list_n, list_next_update, \
             list_bound_seconds, earlier_bound_seconds, earlier_bound_until, list_handed_at) \
             VALUES (1, ?, 0, 1, 0, 0, 0, 0, 0, 0) ON CONFLICT (id) DO NOTHING",
            &[u32::from(settings.first_signing_key.0).into()],
        )?;
        let state = Self::read(database)?;
        if settings.ring.get(state.signing_key).is_none() {
            return Err(StorageError::MissingKey);
        }
        Ok(state)
    }

    pub(super) fn read<D: Database>(database: &D) -> Result<Self, StorageError> {
        let rows = database.query(
            "SELECT signing_key, highest_serial, epoch, list_n, list_next_update, list_bound_seconds, \
             earlier_bound_seconds, earlier_bound_until, list_handed_at FROM registry",
            &[],
        )?;
        let mut columns = Columns::of(rows.into_iter().next().ok_or(StorageError::Unreadable)?);
        Ok(Self {
            signing_key: columns.number().map(KeyId)?,
            highest_serial: columns.serial()?,
            list_number: Number { epoch: columns.number()?, n: columns.number()? },
            list_next_update: columns.millis()?,
            list_bound_seconds: columns.integer()?,
            earlier_bound_seconds: columns.integer()?,
            earlier_bound_until: columns.millis()?,
            list_handed_at: columns.millis()?,
        })
    }

    /// Takes the next serial and stores it. `None` when all 2^32 − 1 are used.
    pub(super) fn next_serial<D: Database>(&mut self, database: &D) -> Result<Option<Serial>, StorageError> {
        let Some(next) = self.highest_serial.0.checked_add(1).map(Serial) else { return Ok(None) };
        database.query("UPDATE registry SET highest_serial = ?", &[next.into()])?;
        self.highest_serial = next;
        Ok(Some(next))
    }

    /// The number of the list that will be made next: it contains everything committed until then.
    pub(super) fn next_list_number(&self) -> Number {
        Number { n: self.list_number.n.saturating_add(1), ..self.list_number }
    }

    /// Takes the next list number and stores it with the list's end, so that a restart neither gives the number again
    /// nor forgets how long a list made under a larger bound may be used.
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
        database.query(
            "UPDATE registry SET list_n = ?, list_next_update = ?, list_bound_seconds = ?, \
             earlier_bound_seconds = ?, earlier_bound_until = ?",
            &[
                unsigned(self.list_number.n),
                self.list_next_update.into(),
                Value::Integer(self.list_bound_seconds),
                Value::Integer(self.earlier_bound_seconds),
                self.earlier_bound_until.into(),
            ],
        )?;
        Ok(())
    }

    /// The bound that a receipt of `now` may promise: the configured one, or a larger one under which a list was made
    /// that may still be in use.
    pub(super) fn promised_bound_seconds(&self, configured_seconds: i64, now: UnixMillis) -> i64 {
        let alive = |seconds: i64, until: UnixMillis| if until > now { seconds } else { 0 };
        configured_seconds
            .max(alive(self.list_bound_seconds, self.list_next_update))
            .max(alive(self.earlier_bound_seconds, self.earlier_bound_until))
    }
}

/// Notes that the list was handed out for KV at `now`: KV takes one write a second of a key.
pub(super) fn list_handed<D: Database>(database: &D, now: UnixMillis) -> Result<(), StorageError> {
    database.query("UPDATE registry SET list_handed_at = ?", &[now.into()])?;
    Ok(())
}
