//! A connection to a SQLite database, and the values that pass through it.

/// A value in a row or bound to a statement. JavaScript refuses integers beyond ±2^53.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    /// SQL type INTEGER, within ±2^53.
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// One row, in the order of the statement's columns.
pub type Row = Vec<Value>;

/// SQLite failed. The text is the platform's own and only for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseError(pub String);

/// A SQLite database with one writer.
pub trait Database {
    /// Runs one statement and returns all its rows.
    ///
    /// # Errors
    /// [`DatabaseError`] when SQLite refuses the statement.
    fn query(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, DatabaseError>;

    /// Runs `body` in a transaction, which is committed when it returns `Ok` and undone when it returns
    /// `Err`. Transactions cannot be nested.
    ///
    /// # Errors
    /// What `body` returns, or [`DatabaseError`] when the transaction fails to begin or commit.
    fn transaction<T, E: From<DatabaseError>>(
        &self,
        body: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E>;
}
