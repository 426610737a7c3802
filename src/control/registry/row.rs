//! Why a transaction stops: a rule refuses it, or the registry's storage fails. (`base::database::row` says
//! how rows are read.)
//!
//! A mistake here could turn a storage failure into an answer.

use super::command::Fault;
use crate::base::database::DatabaseError;
use crate::base::database::ReadError;
use crate::base::database::migration::MigrationError;
use crate::formats::list::ListFault;
use std::fmt;

/// The registry's storage cannot be used, or contains something unexpected. The text is for the log; callers
/// see [`Fault::Internal`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageError {
    Database(DatabaseError),
    /// A later release migrated the database.
    NewerSchema,
    /// `SIGNING_KEYS` lacks the current signing key, or one that issued a token.
    MissingKey,
    /// A row does not have the expected shape.
    Unreadable,
    /// The storage was restored from a backup, and KV's list, which is needed to start, cannot be read.
    KvList(ListFault),
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(DatabaseError(text)) => write!(f, "registry storage failed: {text}"),
            Self::NewerSchema => f.write_str("the registry's database was migrated by a later release"),
            Self::MissingKey => f.write_str("SIGNING_KEYS lacks a key id that the registry's state names"),
            Self::Unreadable => f.write_str("a row of the registry has an unexpected type or value"),
            Self::KvList(fault) => write!(
                f,
                "the registry was restored from a backup, but KV's list cannot be read: {fault:?}. Without \
                 it acknowledged revocations would be lost. Repair list/delta and its base in KV, or delete \
                 list/delta to start without it"
            ),
        }
    }
}

impl From<DatabaseError> for StorageError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl From<ReadError> for StorageError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Database(error) => Self::Database(error),
            ReadError::Unreadable => Self::Unreadable,
        }
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

/// Why a transaction changes nothing. Returning it undoes what was written before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// A rule refused the action.
    Fault(Fault),
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

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Storage(error.into())
    }
}
