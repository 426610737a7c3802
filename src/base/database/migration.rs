//! Numbered migrations: statements applied in order, in one transaction, each once.
//!
//! Standard: SQLite; the same text runs in a Durable Object and in native tests.
//! Invariants: a migration is never edited once released, only followed by another; a database of a later release is
//! not touched.
//! What it must not know: any table but its own.
//! What a mistake costs: a column lost in a migration is a policy or a revocation lost (false accept).

use super::{Database, DatabaseError, Value};

/// One migration: statements run in order.
pub type Migration = &'static [&'static str];

/// Why a database cannot be brought to this release's version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MigrationError {
    /// SQLite refused or failed.
    Database(DatabaseError),
    /// A later release migrated it.
    NewerSchema,
}

impl From<DatabaseError> for MigrationError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

/// Applies those of `migrations` that the database lacks; its version is how many of them it has had.
///
/// # Errors
/// [`MigrationError`]; then nothing was changed.
pub fn migrate<D: Database>(database: &D, migrations: &[Migration]) -> Result<(), MigrationError> {
    database.transaction(|database| {
        database.query("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL) STRICT", &[])?;
        let version = version(database)?;
        let missing = migrations.get(version..).ok_or(MigrationError::NewerSchema)?;
        for statement in missing.iter().copied().flatten() {
            database.query(statement, &[])?;
        }
        if !missing.is_empty() {
            set_version(database, migrations.len())?;
        }
        Ok(())
    })
}

fn version<D: Database>(database: &D) -> Result<usize, MigrationError> {
    match database.query("SELECT version FROM schema_version", &[])?.first().map(Vec::as_slice) {
        None => Ok(0),
        // A number that none of our releases wrote is a later one's.
        Some([Value::Integer(version)]) => usize::try_from(*version).map_err(|_| MigrationError::NewerSchema),
        Some(_) => Err(MigrationError::NewerSchema),
    }
}

fn set_version<D: Database>(database: &D, version: usize) -> Result<(), DatabaseError> {
    let version = i64::try_from(version).unwrap_or(i64::MAX);
    database.query("DELETE FROM schema_version", &[])?;
    database.query("INSERT INTO schema_version (version) VALUES (?)", &[Value::Integer(version)])?;
    Ok(())
}
