//! Rows ⇄ Rust: tallies as bytes, the shard's one row, and what stops a call.
//!
//! Standard: postcard 1 for tallies, behind one byte of format.
//! Invariants: a row of another shape than the statement promised is an error, never a default.
//! What it must not know: what is counted when.
//! What a mistake costs: counts read as others.

use super::super::outcome::Counts;
use super::super::reading::Step;
use super::super::tally::Tally;
use crate::database::migration::MigrationError;
use crate::database::{Database, DatabaseError, Value};
use crate::time::UnixMillis;
use crate::token::Serial;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;

/// A shard's storage cannot be used. For the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShardError {
    /// SQLite refused or failed.
    Database(DatabaseError),
    /// A later release migrated the database.
    NewerSchema,
    /// A row is not of the shape that was written.
    Unreadable,
}

impl fmt::Display for ShardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(DatabaseError(text)) => write!(f, "a usage shard's storage failed: {text}"),
            Self::NewerSchema => f.write_str("a usage shard's database was migrated by a later release"),
            Self::Unreadable => f.write_str("a row of a usage shard is not of the shape that was written"),
        }
    }
}

impl From<DatabaseError> for ShardError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
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

/// A value as a BLOB.
pub(super) fn bytes(value: &impl Serialize) -> Result<Value, ShardError> {
    let bytes = postcard::to_extend(value, vec![FORMAT]).map_err(|_| ShardError::Unreadable)?;
    Ok(Value::Blob(bytes))
}

/// What [`bytes`] wrote.
pub(super) fn of_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ShardError> {
    let Some((&FORMAT, body)) = bytes.split_first() else { return Err(ShardError::Unreadable) };
    postcard::from_bytes(body).map_err(|_| ShardError::Unreadable)
}

/// The number of a step in SQL.
pub(super) fn step(step: Step) -> Value {
    Value::Integer(match step {
        Step::Minute => 0,
        Step::Hour => 1,
        Step::Day => 2,
    })
}

/// The number, since 1970, of the step that `at` lies in.
pub(super) fn number(of: Step, at: UnixMillis) -> i64 {
    at.0.div_euclid(of.ms())
}

/// The beginning of a step from its number.
pub(super) fn begin_of(of: Step, number: i64) -> UnixMillis {
    UnixMillis(number.saturating_mul(of.ms()))
}

/// Adds `tally` to what is kept of a token and the `at`th step.
pub(super) fn merge<D: Database>(
    database: &D,
    of: Step,
    serial: Serial,
    at: i64,
    tally: Tally,
) -> Result<(), ShardError> {
    let key = [step(of), serial.into(), Value::Integer(at)];
    let rows = database.query("SELECT tally FROM tally WHERE step = ? AND serial = ? AND at = ?", &key)?;
    let tally = match rows.first().map(Vec::as_slice) {
        None => tally,
        Some([Value::Blob(held)]) => {
            let mut held: Tally = of_bytes(held)?;
            held.merge(tally);
            held
        }
        Some(_) => return Err(ShardError::Unreadable),
    };
    let [step, serial, at] = key;
    database.query(
        "INSERT INTO tally (step, serial, at, tally) VALUES (?, ?, ?, ?) \
         ON CONFLICT (step, serial, at) DO UPDATE SET tally = excluded.tally",
        &[step, serial, at, bytes(&tally)?],
    )?;
    Ok(())
}

/// Makes the shard's row in a database that has none.
pub(super) fn begin<D: Database>(database: &D) -> Result<(), ShardError> {
    database.query(
        "INSERT INTO shard (id, totals, told_at, swept_at, pruned_at) VALUES (1, ?, 0, 0, 0) \
         ON CONFLICT (id) DO NOTHING",
        &[bytes(&Counts::default())?],
    )?;
    Ok(())
}

/// What was counted since the shard began.
pub(super) fn totals<D: Database>(database: &D) -> Result<Counts, ShardError> {
    match database.query("SELECT totals FROM shard", &[])?.first().map(Vec::as_slice) {
        Some([Value::Blob(totals)]) => of_bytes(totals),
        _ => Err(ShardError::Unreadable),
    }
}

/// Stores what was counted since the shard began.
pub(super) fn store_totals<D: Database>(database: &D, totals: &Counts) -> Result<(), ShardError> {
    database.query("UPDATE shard SET totals = ?", &[bytes(totals)?])?;
    Ok(())
}

/// The shard's instants: uses were told, minutes swept, hours pruned. 0 is never.
pub(super) fn instants<D: Database>(database: &D) -> Result<[UnixMillis; 3], ShardError> {
    match database.query("SELECT told_at, swept_at, pruned_at FROM shard", &[])?.first().map(Vec::as_slice) {
        Some([Value::Integer(told), Value::Integer(swept), Value::Integer(pruned)]) => {
            Ok([told, swept, pruned].map(|at| UnixMillis(*at)))
        }
        _ => Err(ShardError::Unreadable),
    }
}

/// A serial as a column has it.
pub(super) fn serial(column: &Value) -> Result<Serial, ShardError> {
    match column {
        Value::Integer(number) => u32::try_from(*number).map(Serial).map_err(|_| ShardError::Unreadable),
        _ => Err(ShardError::Unreadable),
    }
}
