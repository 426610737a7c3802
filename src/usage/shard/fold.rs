//! Folding: storing a report as rows.
//!
//! Invariants: a report is one transaction: its number, its counts and its uses are stored together or not at
//! all. A batch number that is not above the isolate's last one changes nothing. Counts belong to the minute
//! in which their batch began. A batch spans 30 s, or longer while no shard answers.
//! What it must not know: what happens to old rows.
//! What a mistake costs: counts are doubled or lost.

use super::meters;
use super::refusals;
use super::rows::{self, ShardError};
use super::state::Shard;
use super::uses;
use crate::base::database::{Columns, Database, Rows, Value};
use crate::base::time::UnixMillis;
use crate::formats::usage::EVERY_TOKEN;
use crate::formats::usage::reading::{ShardAnswer, Step};
use crate::formats::usage::report::{Batch, Report};
use crate::formats::usage::tally::{Tally, site_of_token};
use crate::formats::usage::token_use::TokenUse;
use crate::limits::USAGE_BATCH_AGE_MAX_MS;

impl<D: Database> Shard<D> {
    /// Folds a report into the tallies, once.
    pub(super) fn take(&mut self, report: &Report, now: UnixMillis) -> Result<ShardAnswer, ShardError> {
        let Self { database, refusal_room, .. } = self;
        let (is_news, is_folded) = database.transaction(|database| {
            let (mut is_news, mut is_folded) = (false, false);
            for first_use in &report.first_uses {
                is_news |= uses::note(database, first_use, now)?;
            }
            if let Some(batch) = &report.batch
                && is_new(database, report.isolate, batch.sequence, now)?
            {
                is_news |= fold(database, batch, now)?;
                refusals::store(database, refusal_room, &batch.refusals, now)?;
                is_folded = true;
            }
            Ok::<_, ShardError>((is_news, is_folded))
        })?;
        self.is_urgent |= is_news;
        self.is_urgent_anew |= is_news;
        let counted = report.batch.as_ref().filter(|_| is_folded).and_then(Batch::traffic_at);
        self.counted_at = self.counted_at.max(counted.map(|at| at.min(now)));
        Ok(ShardAnswer::Taken)
    }
}

/// Whether the isolate's batch is new. Notes its number if it is.
fn is_new<D: Database>(
    database: &D,
    isolate: u64,
    sequence: u64,
    now: UnixMillis,
) -> Result<bool, ShardError> {
    let isolate = Value::from(isolate.to_be_bytes().to_vec());
    let sequence = i64::try_from(sequence).map_err(|_| ShardError::Unreadable)?;
    let sql = "SELECT sequence FROM reporter WHERE isolate = ?";
    let taken = database.query_optional(sql, std::slice::from_ref(&isolate), Columns::integer)?;
    if taken.is_some_and(|taken| taken >= sequence) {
        return Ok(false);
    }
    database.execute(
        "INSERT INTO reporter (isolate, sequence, at) VALUES (?, ?, ?) \
         ON CONFLICT (isolate) DO UPDATE SET sequence = excluded.sequence, at = excluded.at",
        &[isolate, sequence.into(), now.into()],
    )?;
    Ok(true)
}

/// Stores a batch. Returns whether a count reached a mark of which the registry must be told at once.
fn fold<D: Database>(database: &D, batch: &Batch, now: UnixMillis) -> Result<bool, ShardError> {
    // Clocks differ, and an isolate may have waited long for an answer.
    let at = batch.began_at.max(now.plus_ms(-USAGE_BATCH_AGE_MAX_MS)).min(now);
    let minute = rows::number(Step::Minute, at);
    let mut totals = rows::totals(database)?;
    totals.merge(&batch.others);
    let has_meters = meters::has_any(database)?;
    let mut is_urgent = false;
    let mut all = Tally { counts: batch.others.clone(), ..Tally::default() };
    for (serial, tally) in &batch.tokens {
        totals.merge(&tally.counts);
        all.counts.merge(&tally.counts);
        all.refused.merge(tally.refused.clone().map(|site| site_of_token(*serial, &site)));
        rows::merge(database, Step::Minute, *serial, minute, tally.clone())?;
        if has_meters {
            is_urgent |= meters::add(database, *serial, &tally.counts, at, now)?;
        }
        if let Some((first_at, last_at)) = tally.used {
            uses::note(database, &TokenUse { serial: *serial, first_at, last_at }, now)?;
        }
    }
    rows::merge(database, Step::Minute, EVERY_TOKEN, minute, all)?;
    rows::store_totals(database, &totals)?;
    Ok(is_urgent)
}
