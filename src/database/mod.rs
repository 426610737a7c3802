//! The one small door to SQLite, so that our SQL is the same text in a Durable Object and in native tests.
//!
//! Standard: SQLite's SQL; positional `?` parameters.
//! Invariants: a transaction is all or nothing: what `body` wrote is gone when it returns an error.
//! What it must not know: tables, rules, Workers.
//! What a mistake costs: half of a transaction is an acknowledged write that is lost, or a revocation never listed.

pub mod migration;

/// A value in a row or bound to a statement. Integers beyond ±2^53 do not cross JavaScript and are refused there.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// INTEGER, within ±2^53.
    Integer(i64),
    /// TEXT.
    Text(String),
    /// BLOB.
    Blob(Vec<u8>),
}

/// One row, in the order of the statement's columns.
pub type Row = Vec<Value>;

/// SQLite refused or failed; the text is the platform's own, for the log only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseError(pub String);

/// A SQLite database with one writer: us.
pub trait Database {
    /// Runs one statement and gives back every row it yields.
    ///
    /// # Errors
    /// [`DatabaseError`] when SQLite refuses the statement.
    fn query(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, DatabaseError>;

    /// Runs `body` in a transaction: committed when it returns `Ok`, undone when it returns `Err`. Not nested.
    ///
    /// # Errors
    /// What `body` returns, or [`DatabaseError`] from BEGIN or COMMIT.
    fn transaction<T, E: From<DatabaseError>>(
        &self,
        body: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E>;
}
