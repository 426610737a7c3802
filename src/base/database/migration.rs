//! Numbered migrations: statements that are applied once and in order, in one transaction.
//!
//! Standard: SQLite; the same text runs in a Durable Object and in native tests.
//! Invariants: a released migration is never edited, only followed by another. A database written by a later
//! release is not changed.
//! What a mistake costs: a lost column is a lost policy or revocation.

use super::connection::{Database, DatabaseError};
use super::row::{Columns, ReadError, Rows};

/// One migration: statements run in order.
pub type Migration = &'static [&'static str];

/// Why a database cannot be migrated to this release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MigrationError {
    /// SQLite refused a statement or failed.
    Database(DatabaseError),
    /// A later release has migrated the database.
    NewerSchema,
}

impl From<DatabaseError> for MigrationError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

/// Applies the migrations that the database lacks. Its version is the number of migrations applied.
///
/// # Errors
/// [`MigrationError`]. Nothing has been changed then.
pub fn migrate<D: Database>(database: &D, migrations: &[Migration]) -> Result<(), MigrationError> {
    database.transaction(|database| {
        database
            .execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL) STRICT", &[])?;
        let version = version(database)?;
        let missing = migrations.get(version..).ok_or(MigrationError::NewerSchema)?;
        for statement in missing.iter().copied().flatten() {
            database.execute(statement, &[])?;
        }
        if !missing.is_empty() {
            set_version(database, migrations.len())?;
        }
        Ok(())
    })
}

fn version<D: Database>(database: &D) -> Result<usize, MigrationError> {
    match database.query_optional("SELECT version FROM schema_version", &[], Columns::number) {
        Ok(version) => Ok(version.unwrap_or(0)),
        // No release up to this one writes such a number, so a later one did.
        Err(ReadError::Unreadable) => Err(MigrationError::NewerSchema),
        Err(ReadError::Database(error)) => Err(error.into()),
    }
}

fn set_version<D: Database>(database: &D, version: usize) -> Result<(), DatabaseError> {
    let version = i64::try_from(version).unwrap_or(i64::MAX);
    database.execute("DELETE FROM schema_version", &[])?;
    database.execute("INSERT INTO schema_version (version) VALUES (?)", &[version.into()])?;
    Ok(())
}
