//! Uses: when tokens were first and last used, and the reports about that to the registry.
//!
//! Standard: docs/lifecycle.md, "First uses".
//! Invariants: a first use only moves to an earlier instant, a last use only to a later one. A report of
//! either is pending until the registry has answered. A last use is reported only if it is some minutes later
//! than the one reported before.
//! What it must not know: what the registry does with them.
//! What a mistake costs: if a successor's use stays unknown, a rotation's end is held; if a predecessor's use
//! stays unknown, it may be ended while in use.

use super::meters;
use super::rows::{self, ShardError};
use super::state::Shard;
use crate::base::database::{Columns, Database, ReadError, Rows};
use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::formats::usage::token_use::TokenUse;
use crate::limits::{
    LAST_USE_REPORT_INTERVAL_MS, TRAFFIC_REPORT_INTERVAL_MS, USAGE_RETRY_MAX_MS, USAGE_RETRY_MIN_MS,
    USES_REPORT_INTERVAL_MS, USES_REPORTED_MAX,
};

impl<D: Database> Shard<D> {
    /// Uses to report to the registry now; empty when none are due. The caller then calls
    /// [`Self::uses_reported`] or [`Self::report_failed`].
    pub fn uses_due(&mut self, now: UnixMillis) -> Vec<TokenUse> {
        self.is_urgent_anew = false;
        let due = self.reports_at(now).and_then(|at| match at {
            Some(at) if at <= now => pending(&self.database),
            _ => Ok(Vec::new()),
        });
        due.unwrap_or_else(|error| {
            self.back_off(&error, now);
            Vec::new()
        })
    }

    /// The newest time at which a request was counted that needed the revocation list: it goes with uses, or
    /// by itself when the registry was told nothing for some minutes. `None`: there is none to tell.
    pub fn traffic_due(&mut self, has_uses: bool, now: UnixMillis) -> Option<UnixMillis> {
        let is_due = has_uses || self.traffic_reports_at(now).is_ok_and(|at| at.is_some_and(|at| at <= now));
        self.counted_at.filter(|_| is_due)
    }

    /// When to tell the registry that requests are counted. No alarm is set for later: a batch that comes
    /// then is told at once, and without one there is nothing to tell.
    fn traffic_reports_at(&self, now: UnixMillis) -> Result<Option<UnixMillis>, ShardError> {
        if self.counted_at.is_none() {
            return Ok(None);
        }
        let [told_at, _, _] = rows::instants(&self.database)?;
        let is_due = !(0..TRAFFIC_REPORT_INTERVAL_MS).contains(&now.since_ms(told_at));
        Ok(is_due.then(|| self.retries_at(now).unwrap_or(now)))
    }

    /// When to try again after the registry did not answer.
    fn retries_at(&self, now: UnixMillis) -> Option<UnixMillis> {
        // A clock that was set back must not delay the report.
        self.retry.map(|(at, wait_ms)| at.min(now.plus_ms(wait_ms)))
    }

    /// Notes that the registry has accepted them, and that requests were counted at `counted_at`.
    pub fn uses_reported(&mut self, uses: &[TokenUse], counted_at: Option<UnixMillis>, now: UnixMillis) {
        self.counted_at = self.counted_at.filter(|newest| counted_at.is_none_or(|told| *newest > told));
        // More uses may be pending than one call can carry. The rest waits for its turn, unless one is
        // urgent.
        let is_all = u32::try_from(uses.len()).is_ok_and(|count| count < USES_REPORTED_MAX);
        self.is_urgent &= !is_all || self.is_urgent_anew;
        self.retry = None;
        let settled = self.database.transaction(|database| settle(database, uses, now));
        if let Err(error) = settled {
            self.back_off(&error, now);
        }
    }

    /// Notes that the registry did not answer. The next attempts follow at growing intervals.
    pub fn report_failed(&mut self, now: UnixMillis) {
        let wait_ms = self.retry.map_or(USAGE_RETRY_MIN_MS, |(_, waited_ms)| waited_ms.saturating_mul(2));
        let wait_ms = wait_ms.min(USAGE_RETRY_MAX_MS);
        self.retry = Some((now.plus_ms(wait_ms), wait_ms));
    }

    /// When uses are due to be reported; `None` when none are pending.
    pub(super) fn reports_at(&self, now: UnixMillis) -> Result<Option<UnixMillis>, ShardError> {
        let traffic_at = self.traffic_reports_at(now)?;
        let owes_uses = self.database.yields("SELECT serial FROM token WHERE owed = 1 LIMIT 1", &[])?;
        if !owes_uses && !self.marks_left && !meters::owes(&self.database)? {
            return Ok(traffic_at);
        }
        if let Some(at) = self.retries_at(now) {
            return Ok(Some(at));
        }
        if self.is_urgent {
            return Ok(Some(now));
        }
        let [reported_at, _, _] = rows::instants(&self.database)?;
        let uses_at = reported_at.min(now).plus_ms(USES_REPORT_INTERVAL_MS);
        Ok(Some(traffic_at.map_or(uses_at, |at| at.min(uses_at))))
    }
}

/// Stores a use that an isolate saw. Returns whether the registry does not know yet that the token was used
/// this early.
pub(super) fn note<D: Database>(database: &D, seen: &TokenUse, now: UnixMillis) -> Result<bool, ShardError> {
    let (first_at, last_at) = (seen.first_at.min(now), seen.last_at.min(now));
    let held = find(database, seen)?;
    let is_first = held.is_none_or(|held| first_at < held.first_at);
    let is_later = held
        .and_then(|held| held.reported_last_at)
        .is_none_or(|reported_at| last_at.since_ms(reported_at) >= LAST_USE_REPORT_INTERVAL_MS);
    let lags = held.is_none_or(|held| last_at.since_ms(held.last_at) >= LAST_USE_REPORT_INTERVAL_MS);
    if is_first || (is_later && lags) {
        let first_at = held.map_or(first_at, |held| held.first_at.min(first_at));
        let last_at = held.map_or(last_at, |held| held.last_at.max(last_at));
        database.execute(
            "INSERT INTO token (serial, first_at, last_at, owed) VALUES (?, ?, ?, 1) ON CONFLICT (serial) \
             DO UPDATE SET first_at = excluded.first_at, last_at = excluded.last_at, owed = 1",
            &[seen.serial.into(), first_at.into(), last_at.into()],
        )?;
    }
    Ok(is_first)
}

/// Keeps a last use whose minute is rolled up, because only that minute has its exact time. If the token was
/// not used since, the use is stored and reported. If the token is in constant use, a later use is already
/// known, and no row is written.
pub(super) fn settle_last<D: Database>(
    database: &D,
    serial: Serial,
    last_at: UnixMillis,
) -> Result<(), ShardError> {
    database.execute(
        "UPDATE token SET last_at = ?, owed = 1 WHERE serial = ? AND last_at < ?",
        &[last_at.into(), serial.into(), last_at.into()],
    )?;
    Ok(())
}

/// The stored uses of a token.
#[derive(Clone, Copy)]
struct StoredUses {
    first_at: UnixMillis,
    last_at: UnixMillis,
    reported_last_at: Option<UnixMillis>,
}

fn find<D: Database>(database: &D, seen: &TokenUse) -> Result<Option<StoredUses>, ShardError> {
    let sql = "SELECT first_at, last_at, told_last_at FROM token WHERE serial = ?";
    Ok(database.query_optional(sql, &[seen.serial.into()], |columns| {
        Ok(StoredUses {
            first_at: columns.millis()?,
            last_at: columns.millis()?,
            reported_last_at: columns.optional_millis()?,
        })
    })?)
}

fn pending<D: Database>(database: &D) -> Result<Vec<TokenUse>, ShardError> {
    Ok(database.query_all(
        "SELECT serial, first_at, last_at FROM token WHERE owed = 1 ORDER BY serial LIMIT ?",
        &[USES_REPORTED_MAX.into()],
        read,
    )?)
}

/// Reads serial, first and last use.
pub(super) fn read(columns: &mut Columns) -> Result<TokenUse, ReadError> {
    Ok(TokenUse { serial: columns.serial()?, first_at: columns.millis()?, last_at: columns.millis()? })
}

/// Clears the pending mark of reported uses, unless they have changed since.
fn settle<D: Database>(database: &D, uses: &[TokenUse], now: UnixMillis) -> Result<(), ShardError> {
    for reported in uses {
        database.execute(
            "UPDATE token SET owed = 0, told_last_at = ? WHERE serial = ? AND first_at = ? AND last_at = ?",
            &[
                reported.last_at.into(),
                reported.serial.into(),
                reported.first_at.into(),
                reported.last_at.into(),
            ],
        )?;
    }
    database.execute("UPDATE shard SET told_at = ?", &[now.into()])?;
    Ok(())
}
