//! Reading: what was counted of tokens, whatever the rows it lies in now.
//!
//! Invariants: a minute that was rolled up into its hour, or an hour into its day, is told in the step that it is kept in or
//! a coarser one; nothing is told twice.
//! What it must not know: which ranges make sense: a step finer than what is kept gives less.
//! What a mistake costs: an operator who ends a token in the belief that nobody uses it.

use super::super::heaviest::Heaviest;
use super::super::outcome::Counts;
use super::super::reading::{Range, Step, TokenUsage};
use super::super::tally::Tally;
use super::rows::{self, ShardError};
use super::uses;
use crate::database::{Database, Value};
use crate::registry::command::TokenUse;
use crate::time::UnixMillis;
use crate::token::Serial;
use std::collections::BTreeMap;

/// The usage of each token.
pub(super) fn usage<D: Database>(
    database: &D,
    serials: &[Serial],
    range: Range,
) -> Result<Vec<TokenUsage>, ShardError> {
    serials.iter().map(|serial| usage_of(database, *serial, range)).collect()
}

/// The usage of one token.
pub(super) fn usage_of<D: Database>(
    database: &D,
    serial: Serial,
    range: Range,
) -> Result<TokenUsage, ShardError> {
    let mut periods: BTreeMap<UnixMillis, Counts> = BTreeMap::new();
    let (mut allowed, mut refused) = (Heaviest::default(), Heaviest::default());
    // Origins are kept by the day once their minute is over: whole days are told of them in every case.
    let days = Range::of(range.from, range.to, Step::Day);
    for step in [Step::Minute, Step::Hour, Step::Day] {
        for (at, tally) in tallies(database, step, serial, days.from, days.to)? {
            allowed.merge(tally.allowed);
            refused.merge(tally.refused);
            let is_asked = step <= range.step && range.from <= at && at < range.to;
            if is_asked && !tally.counts.is_empty() {
                periods.entry(range.step.floor(at)).or_default().merge(&tally.counts);
            }
        }
    }
    Ok(TokenUsage {
        serial,
        periods: periods.into_iter().collect(),
        allowed: allowed.sorted(),
        refused: refused.sorted(),
        uses: use_of(database, serial)?,
    })
}

/// First and last uses of those tokens that were ever used.
pub(super) fn uses<D: Database>(database: &D, serials: &[Serial]) -> Result<Vec<TokenUse>, ShardError> {
    let uses = serials.iter().map(|serial| use_of(database, *serial));
    uses.filter_map(Result::transpose).collect()
}

/// What is stored of a token's last use lags by some minutes; the minutes since then have it exactly.
fn use_of<D: Database>(database: &D, serial: Serial) -> Result<Option<TokenUse>, ShardError> {
    let rows =
        database.query("SELECT serial, first_at, last_at FROM token WHERE serial = ?", &[serial.into()])?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut found = uses::of_row(row)?;
    for (_, tally) in tallies(database, Step::Minute, serial, found.last_at, UnixMillis(i64::MAX))? {
        if let Some((_, last_at)) = tally.used {
            found.last_at = found.last_at.max(last_at);
        }
    }
    Ok(Some(found))
}

/// What is kept in rows of this step that begin in `from..to`, with their beginnings, ascending.
fn tallies<D: Database>(
    database: &D,
    step: Step,
    serial: Serial,
    from: UnixMillis,
    to: UnixMillis,
) -> Result<Vec<(UnixMillis, Tally)>, ShardError> {
    let rows = database.query(
        "SELECT at, tally FROM tally WHERE step = ? AND serial = ? AND at >= ? AND at < ? ORDER BY at",
        &[
            rows::step(step),
            serial.into(),
            Value::Integer(rows::number(step, from)),
            Value::Integer(rows::number(step, to)),
        ],
    )?;
    let read = |row: &Vec<Value>| match row.as_slice() {
        [Value::Integer(at), Value::Blob(tally)] => Ok((rows::begin_of(step, *at), rows::of_bytes(tally)?)),
        _ => Err(ShardError::Unreadable),
    };
    rows.iter().map(read).collect()
}
