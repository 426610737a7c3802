//! Converts between SQLite rows and Rust values: columns are read in order and by type.
//!
//! Invariants: a row of an unexpected shape is an error, never a default. That covers a column of another
//! type, a missing column, and an extra one.
//! What it must not know: tables, rules.
//! What a mistake costs: a column read as another one gives a wrong policy, which admits or refuses wrongly.

use super::connection::{Database, DatabaseError, Row, Value};
use crate::base::time::{UnixMillis, UnixSeconds};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why rows could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// SQLite refused the statement or failed.
    Database(DatabaseError),
    /// A row does not have the expected shape.
    Unreadable,
}

impl From<DatabaseError> for ReadError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

/// Statements that return parsed rows. A row of which `read` leaves columns unread is unreadable.
pub(crate) trait Rows: Database {
    /// Runs a statement and ignores its rows.
    fn execute(&self, sql: &str, parameters: &[Value]) -> Result<(), DatabaseError> {
        self.query(sql, parameters).map(drop)
    }

    /// Inserts one row into `table`. `columns` pairs each column's name with its value.
    fn insert(&self, table: &str, columns: Vec<(&str, Value)>) -> Result<(), DatabaseError> {
        let (names, values): (Vec<&str>, Vec<Value>) = columns.into_iter().unzip();
        let marks = vec!["?"; names.len()].join(", ");
        self.execute(&format!("INSERT INTO {table} ({}) VALUES ({marks})", names.join(", ")), &values)
    }

    /// Updates the rows of `table` whose column `key.0` equals `key.1`. `columns` pairs each column's name
    /// with its value.
    fn update(
        &self,
        table: &str,
        columns: Vec<(&str, Value)>,
        key: (&str, Value),
    ) -> Result<(), DatabaseError> {
        let (names, mut values): (Vec<&str>, Vec<Value>) = columns.into_iter().unzip();
        values.push(key.1);
        let sql = format!("UPDATE {table} SET {} = ? WHERE {} = ?", names.join(" = ?, "), key.0);
        self.execute(&sql, &values)
    }

    /// Whether the statement returns at least one row.
    fn yields(&self, sql: &str, parameters: &[Value]) -> Result<bool, DatabaseError> {
        Ok(!self.query(sql, parameters)?.is_empty())
    }

    /// The row of a statement that returns at most one. `None` when it returns none.
    fn query_optional<T>(
        &self,
        sql: &str,
        parameters: &[Value],
        read: impl FnOnce(&mut Columns) -> Result<T, ReadError>,
    ) -> Result<Option<T>, ReadError> {
        let row = self.query(sql, parameters)?.into_iter().next();
        row.map(|row| Columns::read(row, read)).transpose()
    }

    /// The row of a statement that always returns one: an aggregate, or a table with one row.
    fn query_one<T>(
        &self,
        sql: &str,
        parameters: &[Value],
        read: impl FnOnce(&mut Columns) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        self.query_optional(sql, parameters, read)?.ok_or(ReadError::Unreadable)
    }

    /// All rows of the statement.
    fn query_all<T>(
        &self,
        sql: &str,
        parameters: &[Value],
        mut read: impl FnMut(&mut Columns) -> Result<T, ReadError>,
    ) -> Result<Vec<T>, ReadError> {
        let rows = self.query(sql, parameters)?;
        rows.into_iter().map(|row| Columns::read(row, &mut read)).collect()
    }
}

impl<D: Database> Rows for D {}

/// The columns of one row, read in order. Each call reads the next one and returns [`ReadError::Unreadable`]
/// when there is none, or when it has another type.
pub(crate) struct Columns(std::vec::IntoIter<Value>);

impl Columns {
    fn read<T>(row: Row, read: impl FnOnce(&mut Self) -> Result<T, ReadError>) -> Result<T, ReadError> {
        let mut columns = Self(row.into_iter());
        let value = read(&mut columns)?;
        if columns.0.len() == 0 { Ok(value) } else { Err(ReadError::Unreadable) }
    }

    fn next(&mut self) -> Result<Value, ReadError> {
        self.0.next().ok_or(ReadError::Unreadable)
    }

    pub(crate) fn optional_integer(&mut self) -> Result<Option<i64>, ReadError> {
        match self.next()? {
            Value::Integer(integer) => Ok(Some(integer)),
            Value::Null => Ok(None),
            Value::Text(_) | Value::Blob(_) => Err(ReadError::Unreadable),
        }
    }

    pub(crate) fn integer(&mut self) -> Result<i64, ReadError> {
        self.optional_integer()?.ok_or(ReadError::Unreadable)
    }

    /// An integer that must fit another type.
    pub(crate) fn number<N: TryFrom<i64>>(&mut self) -> Result<N, ReadError> {
        N::try_from(self.integer()?).map_err(|_| ReadError::Unreadable)
    }

    pub(crate) fn optional_number<N: TryFrom<i64>>(&mut self) -> Result<Option<N>, ReadError> {
        let number = self.optional_integer()?.map(N::try_from);
        number.transpose().map_err(|_| ReadError::Unreadable)
    }

    pub(crate) fn flag(&mut self) -> Result<bool, ReadError> {
        Ok(self.integer()? != 0)
    }

    pub(crate) fn millis(&mut self) -> Result<UnixMillis, ReadError> {
        self.integer().map(UnixMillis)
    }

    pub(crate) fn optional_millis(&mut self) -> Result<Option<UnixMillis>, ReadError> {
        Ok(self.optional_integer()?.map(UnixMillis))
    }

    pub(crate) fn seconds(&mut self) -> Result<UnixSeconds, ReadError> {
        self.integer().map(UnixSeconds)
    }

    pub(crate) fn optional_seconds(&mut self) -> Result<Option<UnixSeconds>, ReadError> {
        Ok(self.optional_integer()?.map(UnixSeconds))
    }

    pub(crate) fn optional_text(&mut self) -> Result<Option<String>, ReadError> {
        match self.next()? {
            Value::Text(text) => Ok(Some(text)),
            Value::Null => Ok(None),
            Value::Integer(_) | Value::Blob(_) => Err(ReadError::Unreadable),
        }
    }

    pub(crate) fn text(&mut self) -> Result<String, ReadError> {
        self.optional_text()?.ok_or(ReadError::Unreadable)
    }

    pub(crate) fn optional_blob(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        match self.next()? {
            Value::Blob(blob) => Ok(Some(blob)),
            Value::Null => Ok(None),
            Value::Integer(_) | Value::Text(_) => Err(ReadError::Unreadable),
        }
    }

    pub(crate) fn blob(&mut self) -> Result<Vec<u8>, ReadError> {
        self.optional_blob()?.ok_or(ReadError::Unreadable)
    }

    /// A column that [`json`] wrote.
    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Result<T, ReadError> {
        serde_json::from_str(&self.text()?).map_err(|_| ReadError::Unreadable)
    }

    /// A column that [`json`] wrote, or NULL.
    pub(crate) fn optional_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ReadError> {
        match self.optional_text()? {
            Some(text) => serde_json::from_str(&text).map(Some).map_err(|_| ReadError::Unreadable),
            None => Ok(None),
        }
    }
}

/// A value kept as JSON text.
pub(crate) fn json(value: &impl Serialize) -> Result<Value, ReadError> {
    serde_json::to_string(value).map(Value::Text).map_err(|_| ReadError::Unreadable)
}

/// A value kept as JSON text, or NULL.
pub(crate) fn optional_json(value: Option<&impl Serialize>) -> Result<Value, ReadError> {
    value.map_or(Ok(Value::Null), json)
}

/// A count or list number as SQL stores it. Values from 2^63 would not fit; none gets that large.
pub(crate) fn unsigned(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
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

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
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

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, T::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        vec![Value::from(7_u32), "text".into(), Value::Null, vec![1, 2].into()]
    }

    #[test]
    fn columns_are_read_in_order_and_by_type() {
        let read = Columns::read(row(), |columns| {
            Ok((columns.number::<u32>()?, columns.text()?, columns.optional_millis()?, columns.blob()?))
        });
        assert_eq!(read, Ok((7, "text".to_owned(), None, vec![1, 2])));
    }

    #[test]
    fn a_row_of_another_shape_is_an_error_and_no_default() {
        let unreadable = |read: fn(&mut Columns) -> Result<(), ReadError>| {
            assert_eq!(Columns::read(row(), read), Err(ReadError::Unreadable));
        };
        unreadable(|columns| columns.text().map(drop));
        unreadable(|columns| columns.optional_blob().map(drop));
        unreadable(|columns| columns.number::<i8>().and_then(|_| columns.integer()).map(drop));
        // NULL where there must be a value.
        unreadable(|columns| columns.integer().and(columns.text()).and(columns.millis()).map(drop));
        // A column too few and a column too many.
        unreadable(|columns| (0..5).try_for_each(|_| columns.next().map(drop)));
        unreadable(|columns| (0..3).try_for_each(|_| columns.next().map(drop)));
        let too_large = Columns::read(vec![Value::Integer(300)], |columns| columns.number::<u8>());
        assert_eq!(too_large, Err(ReadError::Unreadable));
    }
}
