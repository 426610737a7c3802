//! Sweeping: minutes become hours, hours become days, and old days are deleted.
//!
//! The times are constants in `limits`.
//! Invariants: a step of the walk is one transaction, so a row is rolled up once. A walk that was interrupted
//! starts again and finds what is left. A late batch makes a new minute, which the next walk finds. A day's
//! row gets its hours' counts later than its origins, because origins move from the minute directly into the
//! day.
//! What it must not know: how rows are read.
//! What a mistake costs: counts disappear, or storage grows without limit.

use super::meters;
use super::refusals;
use super::rows::{self, ShardError};
use super::state::{AnomalySearch, Shard, Walk};
use super::uses;
use crate::base::database::{Database, Rows};
use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::formats::usage::reading::Step;
use crate::formats::usage::tally::Tally;
use crate::limits::{
    USAGE_DAYS_KEPT_MS, USAGE_HOURS_KEPT_MS, USAGE_MINUTES_KEPT_MS, USAGE_ORIGINS_KEPT_MS,
    USAGE_REPORTERS_KEPT_MS, USAGE_WALK_STEP_MAX,
};

impl<D: Database> Shard<D> {
    /// Processes some rows, if any are due.
    pub fn sweep(&mut self, now: UnixMillis) {
        if let Err(error) = self.try_sweep(now) {
            self.back_off(&error, now);
        }
    }

    fn try_sweep(&mut self, now: UnixMillis) -> Result<(), ShardError> {
        if self.walk.is_none() && self.sweeps_at(now)?.is_some_and(|at| at <= now) {
            let [_, _, pruned_at] = rows::instants(&self.database)?;
            let is_daily = Step::Day.floor(now) != Step::Day.floor(pruned_at);
            let last = if is_daily { Step::Day } else { Step::Minute };
            let reached = (Serial(0), -1);
            self.walk = Some(Walk { began_at: now, pruned_at, last, step: Step::Minute, reached });
            let hour = Step::Hour.floor(now.plus_ms(-Step::Hour.ms()));
            self.search = Some(AnomalySearch { hour, reached: Serial(0) });
        }
        // The search needs the minutes, so it comes first.
        if let Some(search) = self.search {
            self.search = self.search_on(search)?;
            return Ok(());
        }
        if let Some(walk) = self.walk {
            self.walk = self.database.transaction(|database| go_on(database, walk))?;
        }
        Ok(())
    }

    /// When rows are due to be processed; `None` when there are no rows.
    pub(super) fn sweeps_at(&self, now: UnixMillis) -> Result<Option<UnixMillis>, ShardError> {
        if self.walk.is_some() {
            return Ok(Some(now));
        }
        let [_, swept_at, pruned_at] = rows::instants(&self.database)?;
        let database = &self.database;
        if database.yields("SELECT at FROM tally WHERE step = ? LIMIT 1", &[rows::step(Step::Minute)])? {
            return Ok(Some(Step::Hour.floor(swept_at.min(now)).plus_ms(Step::Hour.ms())));
        }
        let rest = database.yields("SELECT at FROM tally LIMIT 1", &[])?
            || database.yields("SELECT at FROM reporter LIMIT 1", &[])?
            || database.yields("SELECT position FROM refusal LIMIT 1", &[])?;
        Ok(rest.then(|| Step::Day.floor(pruned_at.min(now)).plus_ms(Step::Day.ms())))
    }
}

/// Does one step of the walk. Returns the rest of it.
fn go_on<D: Database>(database: &D, walk: Walk) -> Result<Option<Walk>, ShardError> {
    let rows = rows_after(database, walk)?;
    for (serial, at, tally) in rows.iter().cloned() {
        match walk.step {
            Step::Minute => roll_minute(database, serial, at, tally)?,
            Step::Hour => roll_hour(database, serial, at, tally)?,
            Step::Day => forget_origins(database, serial, at, tally)?,
        }
    }
    if let Some((serial, at, _)) = rows.last() {
        return Ok(Some(Walk { reached: (*serial, *at), ..walk }));
    }
    if walk.step < walk.last {
        let step = if walk.step == Step::Minute { Step::Hour } else { Step::Day };
        return Ok(Some(Walk { step, reached: (Serial(0), -1), ..walk }));
    }
    end(database, walk)?;
    Ok(None)
}

/// The rows that need processing, after the last one processed.
fn rows_after<D: Database>(database: &D, walk: Walk) -> Result<Vec<(Serial, i64, Tally)>, ShardError> {
    let ((serial, at), (from, to)) = (walk.reached, walk.aged());
    Ok(database.query_all(
        "SELECT serial, at, tally FROM tally WHERE step = ? AND (serial, at) > (?, ?) AND at >= ? AND at < ? \
         ORDER BY serial, at LIMIT ?",
        &[
            rows::step(walk.step),
            serial.into(),
            at.into(),
            rows::number(walk.step, from).into(),
            rows::number(walk.step, to).into(),
            USAGE_WALK_STEP_MAX.into(),
        ],
        |columns| Ok((columns.serial()?, columns.integer()?, rows::tally(columns)?)),
    )?)
}

impl Walk {
    /// The interval in which rows of the present step length have become old enough. All rows of an hour or a
    /// day are rolled up together.
    fn aged(&self) -> (UnixMillis, UnixMillis) {
        let ago = |at: UnixMillis, ms: i64, coarser: Step| coarser.floor(at.plus_ms(-ms));
        match self.step {
            Step::Minute => (UnixMillis(0), ago(self.began_at, USAGE_MINUTES_KEPT_MS, Step::Hour)),
            Step::Hour => (UnixMillis(0), ago(self.began_at, USAGE_HOURS_KEPT_MS, Step::Day)),
            // Earlier rows already lost their origins, and get no new ones.
            Step::Day => (
                ago(self.pruned_at, USAGE_ORIGINS_KEPT_MS, Step::Day),
                ago(self.began_at, USAGE_ORIGINS_KEPT_MS, Step::Day),
            ),
        }
    }
}

fn roll_minute<D: Database>(database: &D, serial: Serial, at: i64, tally: Tally) -> Result<(), ShardError> {
    let begin = rows::begin_of(Step::Minute, at);
    let (hour, day) = (rows::number(Step::Hour, begin), rows::number(Step::Day, begin));
    let Tally { counts, allowed, refused, used } = tally;
    if let Some((_, last_at)) = used {
        uses::settle_last(database, serial, last_at)?;
    }
    rows::merge(database, Step::Hour, serial, hour, Tally { counts, ..Tally::default() })?;
    if !allowed.is_empty() || !refused.is_empty() {
        rows::merge(database, Step::Day, serial, day, Tally { allowed, refused, ..Tally::default() })?;
    }
    delete(database, Step::Minute, serial, at)
}

fn roll_hour<D: Database>(database: &D, serial: Serial, at: i64, tally: Tally) -> Result<(), ShardError> {
    let day = rows::number(Step::Day, rows::begin_of(Step::Hour, at));
    rows::merge(database, Step::Day, serial, day, tally)?;
    delete(database, Step::Hour, serial, at)
}

fn forget_origins<D: Database>(
    database: &D,
    serial: Serial,
    at: i64,
    tally: Tally,
) -> Result<(), ShardError> {
    delete(database, Step::Day, serial, at)?;
    rows::merge(database, Step::Day, serial, at, Tally { counts: tally.counts, ..Tally::default() })
}

fn delete<D: Database>(database: &D, step: Step, serial: Serial, at: i64) -> Result<(), ShardError> {
    database.execute(
        "DELETE FROM tally WHERE step = ? AND serial = ? AND at = ?",
        &[rows::step(step), serial.into(), at.into()],
    )?;
    Ok(())
}

/// Stores that the walk is complete, and deletes what has expired.
fn end<D: Database>(database: &D, walk: Walk) -> Result<(), ShardError> {
    let now = walk.began_at;
    database.execute("UPDATE shard SET swept_at = ?", &[now.into()])?;
    database.execute("DELETE FROM reporter WHERE at < ?", &[now.plus_ms(-USAGE_REPORTERS_KEPT_MS).into()])?;
    refusals::forget(database, now)?;
    if walk.last == Step::Day {
        database.execute("UPDATE shard SET pruned_at = ?", &[now.into()])?;
        let gone = now.plus_ms(-USAGE_DAYS_KEPT_MS);
        database.execute(
            "DELETE FROM tally WHERE step = ? AND at < ?",
            &[rows::step(Step::Day), rows::number(Step::Day, gone).into()],
        )?;
        database.execute("DELETE FROM token WHERE last_at < ? AND owed = 0", &[gone.into()])?;
        meters::forget_old(database, gone)?;
    }
    Ok(())
}
