//! Sweeping: minutes become hours, hours become days, and days end.
//!
//! Standard: none; the times are in `limits`.
//! Invariants: a step of the walk is one transaction, so a row is rolled up once; a walk that is cut off begins anew and
//! finds what is left; a late batch makes a new minute that the next walk finds.
//! Hours go with their day into a row that has the day's origins already: origins go there straight from the minute.
//! What it must not know: what is read how.
//! What a mistake costs: counts that vanish, or storage that grows for ever.

use super::super::reading::Step;
use super::super::tally::Tally;
use super::Shard;
use super::rows::{self, ShardError};
use super::signs::Look;
use crate::database::{Database, Value};
use crate::limits::{
    USAGE_DAYS_KEPT_MS, USAGE_HOURS_KEPT_MS, USAGE_MINUTES_KEPT_MS, USAGE_ORIGINS_KEPT_MS,
    USAGE_REPORTERS_KEPT_MS, USAGE_WALK_STEP_MAX,
};
use crate::time::UnixMillis;
use crate::token::Serial;

/// A walk through all rows of one step after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    began_at: UnixMillis,
    /// When days were last gone through.
    pruned_at: UnixMillis,
    /// The last one: days once a day, else minutes alone.
    last: Step,
    step: Step,
    /// The row reached: token and number of the step.
    reached: (Serial, i64),
}

impl<D: Database> Shard<D> {
    /// Goes through some rows, if it is time.
    pub fn sweep(&mut self, now: UnixMillis) {
        if let Err(error) = self.try_sweep(now) {
            self.rest(&error, now);
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
            self.look = Some(Look { hour, reached: Serial(0) });
        }
        // Before its minutes become hours.
        if let Some(look) = self.look {
            self.look = self.look_on(look)?;
            return Ok(());
        }
        if let Some(walk) = self.walk {
            self.walk = self.database.transaction(|database| go_on(database, walk))?;
        }
        Ok(())
    }

    /// When rows are to be gone through; `None` when there are none.
    pub(super) fn sweeps_at(&self, now: UnixMillis) -> Result<Option<UnixMillis>, ShardError> {
        if self.walk.is_some() {
            return Ok(Some(now));
        }
        let [_, swept_at, pruned_at] = rows::instants(&self.database)?;
        let any = |sql: &str, parameters: &[Value]| {
            Ok::<_, ShardError>(!self.database.query(sql, parameters)?.is_empty())
        };
        let minutes = any("SELECT at FROM tally WHERE step = ? LIMIT 1", &[rows::step(Step::Minute)])?;
        if minutes {
            return Ok(Some(Step::Hour.floor(swept_at.min(now)).plus_ms(Step::Hour.ms())));
        }
        let rest = any("SELECT at FROM tally LIMIT 1", &[])? || any("SELECT at FROM reporter LIMIT 1", &[])?;
        Ok(rest.then(|| Step::Day.floor(pruned_at.min(now)).plus_ms(Step::Day.ms())))
    }
}

/// Does one step of the walk, and gives the rest of it.
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

/// The rows that something is to be done with, from the one reached.
fn rows_after<D: Database>(database: &D, walk: Walk) -> Result<Vec<(Serial, i64, Tally)>, ShardError> {
    let ((serial, at), (from, to)) = (walk.reached, walk.aged());
    let rows = database.query(
        "SELECT serial, at, tally FROM tally WHERE step = ? AND (serial, at) > (?, ?) AND at >= ? AND at < ? \
         ORDER BY serial, at LIMIT ?",
        &[
            rows::step(walk.step),
            serial.into(),
            Value::Integer(at),
            Value::Integer(rows::number(walk.step, from)),
            Value::Integer(rows::number(walk.step, to)),
            USAGE_WALK_STEP_MAX.into(),
        ],
    )?;
    let read = |row: &Vec<Value>| match row.as_slice() {
        [serial, Value::Integer(at), Value::Blob(tally)] => {
            Ok((rows::serial(serial)?, *at, rows::of_bytes(tally)?))
        }
        _ => Err(ShardError::Unreadable),
    };
    rows.iter().map(read).collect()
}

impl Walk {
    /// Between which times rows of the present step have come of age. Of an hour or a day all is rolled up together.
    fn aged(&self) -> (UnixMillis, UnixMillis) {
        let ago = |at: UnixMillis, ms: i64, coarser: Step| coarser.floor(at.plus_ms(-ms));
        match self.step {
            Step::Minute => (UnixMillis(0), ago(self.began_at, USAGE_MINUTES_KEPT_MS, Step::Hour)),
            Step::Hour => (UnixMillis(0), ago(self.began_at, USAGE_HOURS_KEPT_MS, Step::Day)),
            // Those before lost their origins when they came of age, and get none any more.
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
    let Tally { counts, allowed, refused, .. } = tally;
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
    database.query(
        "DELETE FROM tally WHERE step = ? AND serial = ? AND at = ?",
        &[rows::step(step), serial.into(), Value::Integer(at)],
    )?;
    Ok(())
}

/// The walk is done.
fn end<D: Database>(database: &D, walk: Walk) -> Result<(), ShardError> {
    let now = walk.began_at;
    database.query("UPDATE shard SET swept_at = ?", &[now.into()])?;
    database.query("DELETE FROM reporter WHERE at < ?", &[now.plus_ms(-USAGE_REPORTERS_KEPT_MS).into()])?;
    if walk.last == Step::Day {
        database.query("UPDATE shard SET pruned_at = ?", &[now.into()])?;
        let gone = now.plus_ms(-USAGE_DAYS_KEPT_MS);
        database.query(
            "DELETE FROM tally WHERE step = ? AND at < ?",
            &[rows::step(Step::Day), Value::Integer(rows::number(Step::Day, gone))],
        )?;
        database.query("DELETE FROM token WHERE last_at < ? AND owed = 0", &[gone.into()])?;
    }
    Ok(())
}
