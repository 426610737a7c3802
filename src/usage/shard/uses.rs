//! Uses: when tokens were first and last used, and telling the registry.
//!
//! Standard: DESIGN sections 3 (at most every 10 s) and 8 ("First use").
//! Invariants: a first use only moves to an earlier instant and a last use only to a later one; both are owed to the
//! registry until it has answered; a last use is told only when it is some minutes later than what was told before.
//! What it must not know: what the registry does with them.
//! What a mistake costs: a successor in use that nobody knows to be used holds a rotation's end; a predecessor in use that
//! counts as idle may be ended.

use super::Shard;
use super::rows::{self, ShardError};
use crate::database::{Database, Value};
use crate::limits::{
    LAST_USE_TOLD_INTERVAL_MS, USAGE_RETRY_MAX_MS, USAGE_RETRY_MIN_MS, USES_TOLD_INTERVAL_MS, USES_TOLD_MAX,
};
use crate::registry::command::TokenUse;
use crate::time::UnixMillis;

impl<D: Database> Shard<D> {
    /// Uses to tell the registry now; empty when none are due. Reported by [`Self::told`] or [`Self::not_told`].
    pub fn uses_due(&mut self, now: UnixMillis) -> Vec<TokenUse> {
        let due = self.tells_at(now).and_then(|at| match at {
            Some(at) if at <= now => owed(&self.database),
            _ => Ok(Vec::new()),
        });
        due.unwrap_or_else(|error| {
            self.rest(&error, now);
            Vec::new()
        })
    }

    /// The registry has taken them.
    pub fn told(&mut self, uses: &[TokenUse], now: UnixMillis) {
        // More than one call's worth may be owed: then the rest waits its turn, unless it was urgent.
        let is_all = u32::try_from(uses.len()).is_ok_and(|told| told < USES_TOLD_MAX);
        self.is_urgent &= !is_all;
        self.retry = None;
        let settled = self.database.transaction(|database| settle(database, uses, now));
        if let Err(error) = settled {
            self.rest(&error, now);
        }
    }

    /// The registry did not answer: they are due again, later and later.
    pub fn not_told(&mut self, now: UnixMillis) {
        let wait_ms = self.retry.map_or(USAGE_RETRY_MIN_MS, |(_, waited_ms)| waited_ms.saturating_mul(2));
        let wait_ms = wait_ms.min(USAGE_RETRY_MAX_MS);
        self.retry = Some((now.plus_ms(wait_ms), wait_ms));
    }

    /// When uses are to be told; `None` when none are owed.
    pub(super) fn tells_at(&self, now: UnixMillis) -> Result<Option<UnixMillis>, ShardError> {
        if self.database.query("SELECT serial FROM token WHERE owed = 1 LIMIT 1", &[])?.is_empty() {
            return Ok(None);
        }
        if let Some((at, wait_ms)) = self.retry {
            // A clock that was set back must not put it off.
            return Ok(Some(at.min(now.plus_ms(wait_ms))));
        }
        if self.is_urgent {
            return Ok(Some(now));
        }
        let [told_at, _, _] = rows::instants(&self.database)?;
        Ok(Some(told_at.min(now).plus_ms(USES_TOLD_INTERVAL_MS)))
    }
}

/// Takes what an isolate saw. Gives whether the registry does not know yet that the token was used so early.
pub(super) fn note<D: Database>(database: &D, seen: &TokenUse, now: UnixMillis) -> Result<bool, ShardError> {
    let (first_at, last_at) = (seen.first_at.min(now), seen.last_at.min(now));
    let held = find(database, seen)?;
    let is_first = held.is_none_or(|held| first_at < held.first_at);
    let is_later = held
        .and_then(|held| held.told_last_at)
        .is_none_or(|told_at| last_at.since_ms(told_at) >= LAST_USE_TOLD_INTERVAL_MS);
    let lags = held.is_none_or(|held| last_at.since_ms(held.last_at) >= LAST_USE_TOLD_INTERVAL_MS);
    if is_first || (is_later && lags) {
        let first_at = held.map_or(first_at, |held| held.first_at.min(first_at));
        let last_at = held.map_or(last_at, |held| held.last_at.max(last_at));
        database.query(
            "INSERT INTO token (serial, first_at, last_at, owed) VALUES (?, ?, ?, 1) ON CONFLICT (serial) \
             DO UPDATE SET first_at = excluded.first_at, last_at = excluded.last_at, owed = 1",
            &[seen.serial.into(), first_at.into(), last_at.into()],
        )?;
    }
    Ok(is_first)
}

/// What is kept of a token's uses.
#[derive(Clone, Copy)]
struct Held {
    first_at: UnixMillis,
    last_at: UnixMillis,
    told_last_at: Option<UnixMillis>,
}

fn find<D: Database>(database: &D, seen: &TokenUse) -> Result<Option<Held>, ShardError> {
    let rows = database
        .query("SELECT first_at, last_at, told_last_at FROM token WHERE serial = ?", &[seen.serial.into()])?;
    match rows.first().map(Vec::as_slice) {
        None => Ok(None),
        Some([Value::Integer(first), Value::Integer(last), told @ (Value::Integer(_) | Value::Null)]) => {
            let told_last_at = match told {
                Value::Integer(told) => Some(UnixMillis(*told)),
                _ => None,
            };
            Ok(Some(Held { first_at: UnixMillis(*first), last_at: UnixMillis(*last), told_last_at }))
        }
        Some(_) => Err(ShardError::Unreadable),
    }
}

fn owed<D: Database>(database: &D) -> Result<Vec<TokenUse>, ShardError> {
    let rows = database.query(
        "SELECT serial, first_at, last_at FROM token WHERE owed = 1 ORDER BY serial LIMIT ?",
        &[USES_TOLD_MAX.into()],
    )?;
    rows.iter().map(|row| of_row(row)).collect()
}

/// A row of serial, first and last use.
pub(super) fn of_row(row: &[Value]) -> Result<TokenUse, ShardError> {
    match row {
        [serial, Value::Integer(first), Value::Integer(last)] => Ok(TokenUse {
            serial: rows::serial(serial)?,
            first_at: UnixMillis(*first),
            last_at: UnixMillis(*last),
        }),
        _ => Err(ShardError::Unreadable),
    }
}

/// What was told is owed no more, unless it has changed since.
fn settle<D: Database>(database: &D, uses: &[TokenUse], now: UnixMillis) -> Result<(), ShardError> {
    for told in uses {
        database.query(
            "UPDATE token SET owed = 0, told_last_at = ? WHERE serial = ? AND first_at = ? AND last_at = ?",
            &[told.last_at.into(), told.serial.into(), told.first_at.into(), told.last_at.into()],
        )?;
    }
    database.query("UPDATE shard SET told_at = ?", &[now.into()])?;
    Ok(())
}
