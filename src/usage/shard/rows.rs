//! The contents of a shard's rows: tallies as bytes, steps as numbers, and the shard's single row; also the
//! errors.
//!
//! Standard: postcard 1 for tallies, after one byte for the format. A mistake here makes stored counts
//! unreadable.

use crate::base::database::migration::MigrationError;
use crate::base::database::{Columns, Database, DatabaseError, ReadError, Rows, Value};
use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::formats::usage::outcome::Counts;
use crate::formats::usage::reading::Step;
use crate::formats::usage::tally::Tally;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;

/// Why a shard's storage cannot be used, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShardError {
    /// SQLite refused or failed.
    Database(DatabaseError),
    /// A later release migrated the database.
    NewerSchema,
    /// A row does not have the form in which it was written.
    Unreadable,
}

impl fmt::Display for ShardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(DatabaseError(text)) => write!(f, "a usage shard's storage failed: {text}"),
            Self::NewerSchema => f.write_str("a usage shard's database was migrated by a later release"),
            Self::Unreadable => f.write_str("a row of a usage shard has an unexpected type or value"),
        }
    }
}

impl From<DatabaseError> for ShardError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl From<ReadError> for ShardError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Database(error) => Self::Database(error),
            ReadError::Unreadable => Self::Unreadable,
        }
    }
}

impl From<MigrationError> for ShardError {
    fn from(error: MigrationError) -> Self {
        match error {
            MigrationError::Database(error) => Self::Database(error),
            MigrationError::NewerSchema => Self::NewerSchema,
        }
    }
}

/// The only format of tallies and totals.
const FORMAT: u8 = 1;

/// Encodes a value as a BLOB.
fn bytes(value: &impl Serialize) -> Result<Value, ShardError> {
    let bytes = postcard::to_extend(value, vec![FORMAT]).map_err(|_| ShardError::Unreadable)?;
    Ok(bytes.into())
}

/// Decodes a column that [`bytes`] encoded.
fn of_bytes<T: DeserializeOwned>(columns: &mut Columns) -> Result<T, ReadError> {
    let bytes = columns.blob()?;
    let Some((&FORMAT, body)) = bytes.split_first() else { return Err(ReadError::Unreadable) };
    postcard::from_bytes(body).map_err(|_| ReadError::Unreadable)
}

pub(super) fn tally(columns: &mut Columns) -> Result<Tally, ReadError> {
    of_bytes(columns)
}

/// The number of a step in SQL.
pub(super) fn step(step: Step) -> Value {
    Value::Integer(match step {
        Step::Minute => 0,
        Step::Hour => 1,
        Step::Day => 2,
    })
}

/// Index, since 1970, of the step that contains `at`.
pub(super) fn number(of: Step, at: UnixMillis) -> i64 {
    at.0.div_euclid(of.ms())
}

/// Start of the step with this index.
pub(super) fn begin_of(of: Step, number: i64) -> UnixMillis {
    UnixMillis(number.saturating_mul(of.ms()))
}

/// Adds `tally` to the row of a token and the step with index `at`.
pub(super) fn merge<D: Database>(
    database: &D,
    of: Step,
    serial: Serial,
    at: i64,
    tally: Tally,
) -> Result<(), ShardError> {
    let key = [step(of), serial.into(), at.into()];
    let sql = "SELECT tally FROM tally WHERE step = ? AND serial = ? AND at = ?";
    let all = match database.query_optional::<Tally>(sql, &key, of_bytes)? {
        None => tally,
        Some(mut held) => {
            held.merge(tally);
            held
        }
    };
    let [step, serial, at] = key;
    database.execute(
        "INSERT INTO tally (step, serial, at, tally) VALUES (?, ?, ?, ?) \
         ON CONFLICT (step, serial, at) DO UPDATE SET tally = excluded.tally",
        &[step, serial, at, bytes(&all)?],
    )?;
    Ok(())
}

/// Inserts the shard's row into a database that has none.
pub(super) fn begin<D: Database>(database: &D) -> Result<(), ShardError> {
    database.execute(
        "INSERT INTO shard (id, totals, told_at, swept_at, pruned_at) VALUES (1, ?, 0, 0, 0) \
         ON CONFLICT (id) DO NOTHING",
        &[bytes(&Counts::default())?],
    )?;
    Ok(())
}

/// All counts since the shard began.
pub(super) fn totals<D: Database>(database: &D) -> Result<Counts, ShardError> {
    Ok(database.query_one("SELECT totals FROM shard", &[], of_bytes)?)
}

/// Stores all counts since the shard began.
pub(super) fn store_totals<D: Database>(database: &D, totals: &Counts) -> Result<(), ShardError> {
    database.execute("UPDATE shard SET totals = ?", &[bytes(totals)?])?;
    Ok(())
}

/// The shard's instants: when uses were last reported, minutes swept, hours pruned. 0 means never.
pub(super) fn instants<D: Database>(database: &D) -> Result<[UnixMillis; 3], ShardError> {
    Ok(database.query_one("SELECT told_at, swept_at, pruned_at FROM shard", &[], |columns| {
        Ok([columns.millis()?, columns.millis()?, columns.millis()?])
    })?)
}

/// The rows with this step that begin in `from..to`, with their starts, ascending.
pub(super) fn tallies<D: Database>(
    database: &D,
    of: Step,
    serial: Serial,
    from: UnixMillis,
    to: UnixMillis,
) -> Result<Vec<(UnixMillis, Tally)>, ShardError> {
    Ok(database.query_all(
        "SELECT at, tally FROM tally WHERE step = ? AND serial = ? AND at >= ? AND at < ? ORDER BY at",
        &[self::step(of), serial.into(), number(of, from).into(), number(of, to).into()],
        |columns| Ok((begin_of(of, columns.integer()?), tally(columns)?)),
    )?)
}
