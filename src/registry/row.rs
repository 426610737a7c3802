//! Rows ⇄ Rust: columns read in order and by type, and the storage errors that stop a call.
//!
//! Invariants: a row of another shape than the statement promised is an error, never a default.
//! What it must not know: tables, rules.
//! What a mistake costs: a column read as another is a wrong policy (false accept or refuse).

use super::command::Fault;
use super::database::{DatabaseError, Row, Value};
use crate::database::migration::MigrationError;
use crate::list::ListFault;
use crate::time::{UnixMillis, UnixSeconds};
use crate::token::Serial;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;

/// The registry's storage cannot be used or does not hold what we wrote. For the log; callers see [`Fault::Internal`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageError {
    /// SQLite refused or failed.
    Database(DatabaseError),
    /// A later release migrated the database.
    NewerSchema,
    /// `SIGNING_KEYS` lacks the key id that the registry signs with, or one that a token was issued under.
    MissingKey,
    /// A row is not of the shape that was written.
    Unreadable,
    /// The storage was put back from a backup, and KV's list, without which it must not start, cannot be read.
    KvList(ListFault),
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(DatabaseError(text)) => write!(f, "registry storage failed: {text}"),
            Self::NewerSchema => f.write_str("the registry's database was migrated by a later release"),
            Self::MissingKey => f.write_str("SIGNING_KEYS lacks a key id that the registry's state names"),
            Self::Unreadable => f.write_str("a row of the registry is not of the shape that was written"),
            Self::KvList(fault) => write!(
                f,
                "put back from a backup, and KV's list, without which acknowledged revocations would be lost, cannot be \
                 read: {fault:?}. Put KV's list/delta and its base right, or delete list/delta to start without them"
            ),
        }
    }
}

impl From<DatabaseError> for StorageError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl From<MigrationError> for StorageError {
    fn from(error: MigrationError) -> Self {
        match error {
            MigrationError::Database(error) => Self::Database(error),
            MigrationError::NewerSchema => Self::NewerSchema,
        }
    }
}

/// Why a call changes nothing. Returned from a transaction's body, so whatever it wrote before is undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// A rule refuses it.
    Fault(Fault),
    /// Storage failed.
    Storage(StorageError),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<DatabaseError> for Stop {
    fn from(error: DatabaseError) -> Self {
        Self::Storage(error.into())
    }
}

/// The columns of one row, taken in order.
pub(super) struct Columns(std::vec::IntoIter<Value>);

impl Columns {
    pub(super) fn of(row: Row) -> Self {
        Self(row.into_iter())
    }

    fn next(&mut self) -> Result<Value, StorageError> {
        self.0.next().ok_or(StorageError::Unreadable)
    }

    pub(super) fn optional_integer(&mut self) -> Result<Option<i64>, StorageError> {
        match self.next()? {
            Value::Integer(integer) => Ok(Some(integer)),
            Value::Null => Ok(None),
            Value::Text(_) | Value::Blob(_) => Err(StorageError::Unreadable),
        }
    }

    pub(super) fn integer(&mut self) -> Result<i64, StorageError> {
        self.optional_integer()?.ok_or(StorageError::Unreadable)
    }

    /// An integer that must fit another type.
    pub(super) fn number<N: TryFrom<i64>>(&mut self) -> Result<N, StorageError> {
        N::try_from(self.integer()?).map_err(|_| StorageError::Unreadable)
    }

    pub(super) fn serial(&mut self) -> Result<Serial, StorageError> {
        self.number().map(Serial)
    }

    pub(super) fn flag(&mut self) -> Result<bool, StorageError> {
        Ok(self.integer()? != 0)
    }

    pub(super) fn millis(&mut self) -> Result<UnixMillis, StorageError> {
        self.integer().map(UnixMillis)
    }

    pub(super) fn optional_millis(&mut self) -> Result<Option<UnixMillis>, StorageError> {
        Ok(self.optional_integer()?.map(UnixMillis))
    }

    pub(super) fn seconds(&mut self) -> Result<UnixSeconds, StorageError> {
        self.integer().map(UnixSeconds)
    }

    pub(super) fn optional_serial(&mut self) -> Result<Option<Serial>, StorageError> {
        let number = self.optional_integer()?.map(u32::try_from).transpose();
        Ok(number.map_err(|_| StorageError::Unreadable)?.map(Serial))
    }

    pub(super) fn optional_text(&mut self) -> Result<Option<String>, StorageError> {
        match self.next()? {
            Value::Text(text) => Ok(Some(text)),
            Value::Null => Ok(None),
            Value::Integer(_) | Value::Blob(_) => Err(StorageError::Unreadable),
        }
    }

    pub(super) fn text(&mut self) -> Result<String, StorageError> {
        self.optional_text()?.ok_or(StorageError::Unreadable)
    }

    pub(super) fn optional_blob(&mut self) -> Result<Option<Vec<u8>>, StorageError> {
        match self.next()? {
            Value::Blob(blob) => Ok(Some(blob)),
            Value::Null => Ok(None),
            Value::Integer(_) | Value::Text(_) => Err(StorageError::Unreadable),
        }
    }

    /// A column that [`json`] wrote.
    pub(super) fn json<T: DeserializeOwned>(&mut self) -> Result<T, StorageError> {
        serde_json::from_str(&self.text()?).map_err(|_| StorageError::Unreadable)
    }

    /// A column that [`json`] wrote, or NULL.
    pub(super) fn optional_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, StorageError> {
        match self.optional_text()? {
            Some(text) => serde_json::from_str(&text).map(Some).map_err(|_| StorageError::Unreadable),
            None => Ok(None),
        }
    }
}

/// A value kept as JSON text.
pub(super) fn json(value: &impl Serialize) -> Result<Value, StorageError> {
    serde_json::to_string(value).map(Value::Text).map_err(|_| StorageError::Unreadable)
}

/// A count or list number as SQL sees it; beyond 2^63 it would not fit, and never gets there.
pub(super) fn unsigned(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

impl From<Serial> for Value {
    fn from(serial: Serial) -> Self {
        Self::Integer(serial.0.into())
    }
}

impl From<UnixMillis> for Value {
    fn from(at: UnixMillis) -> Self {
        Self::Integer(at.0)
    }
}

impl From<UnixSeconds> for Value {
    fn from(at: UnixSeconds) -> Self {
        Self::Integer(at.0)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Integer(flag.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Null, Self::from)
    }
}
