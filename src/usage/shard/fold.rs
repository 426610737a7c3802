//! Folding: a report becomes rows.
//!
//! Invariants: one transaction for a report: its number, its counts and its uses are kept together or not at all; a number
//! of an isolate that was taken, or lies before one that was, changes nothing again.
//! Counts are of the minute in which their batch began: a batch spans 30 s, longer only while no shard answered.
//! What it must not know: what becomes of old rows.
//! What a mistake costs: counts doubled or lost.

use super::super::reading::{Answer, Step};
use super::super::report::{Batch, Report};
use super::rows::{self, ShardError};
use super::{Shard, uses};
use crate::database::{Database, Value};
use crate::limits::USAGE_BATCH_AGE_MAX_MS;
use crate::registry::command::TokenUse;
use crate::time::UnixMillis;

impl<D: Database> Shard<D> {
    /// Keeps a report.
    pub(super) fn take(&mut self, report: &Report, now: UnixMillis) -> Result<Answer, ShardError> {
        let is_news = self.database.transaction(|database| {
            let mut is_news = false;
            for told in &report.first_uses {
                is_news |= uses::note(database, told, now)?;
            }
            if let Some(batch) = &report.batch
                && is_new(database, report.isolate, batch.sequence, now)?
            {
                fold(database, batch, now)?;
            }
            Ok::<_, ShardError>(is_news)
        })?;
        self.is_urgent |= is_news;
        Ok(Answer::Taken)
    }
}

/// Whether the isolate's batch was not taken before; then it is noted.
fn is_new<D: Database>(
    database: &D,
    isolate: u64,
    sequence: u64,
    now: UnixMillis,
) -> Result<bool, ShardError> {
    let isolate = Value::Blob(isolate.to_be_bytes().to_vec());
    let sequence = i64::try_from(sequence).map_err(|_| ShardError::Unreadable)?;
    let rows =
        database.query("SELECT sequence FROM reporter WHERE isolate = ?", std::slice::from_ref(&isolate))?;
    match rows.first().map(Vec::as_slice) {
        None => {}
        Some([Value::Integer(taken)]) if *taken < sequence => {}
        Some([Value::Integer(_)]) => return Ok(false),
        Some(_) => return Err(ShardError::Unreadable),
    }
    database.query(
        "INSERT INTO reporter (isolate, sequence, at) VALUES (?, ?, ?) \
         ON CONFLICT (isolate) DO UPDATE SET sequence = excluded.sequence, at = excluded.at",
        &[isolate, Value::Integer(sequence), now.into()],
    )?;
    Ok(true)
}

fn fold<D: Database>(database: &D, batch: &Batch, now: UnixMillis) -> Result<(), ShardError> {
    // Clocks differ, and an isolate may have waited long for an answer.
    let at = batch.began_at.max(now.plus_ms(-USAGE_BATCH_AGE_MAX_MS)).min(now);
    let minute = rows::number(Step::Minute, at);
    let mut totals = rows::totals(database)?;
    totals.merge(&batch.others);
    for (serial, tally) in &batch.tokens {
        totals.merge(&tally.counts);
        rows::merge(database, Step::Minute, *serial, minute, tally.clone())?;
        if let Some((first_at, last_at)) = tally.used {
            uses::note(database, &TokenUse { serial: *serial, first_at, last_at }, now)?;
        }
    }
    rows::store_totals(database, &totals)
}
