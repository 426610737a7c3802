//! Meters: the uses of some tokens in their current day and month, which the registry wants to know.
//!
//! Standard: docs/lifecycle.md, "Quotas".
//! Invariants: a batch is added in the transaction that folds it, so it counts once. A token that the shard
//! begins to meter has the uses that its tallies hold of the period. A count that reached its mark is told
//! until the registry has answered; the first use in a period is one.
//! What it must not know: quotas. The registry says which tokens are metered, and from which count on it
//! wants to be told.
//! What a mistake costs: a quota is noticed late, or not at all (false accept); uses that are counted twice
//! refuse a token too early (false refuse).

use super::rows::{self, ShardError};
use super::state::Shard;
use crate::base::database::{Columns, Database, ReadError, Rows, Value, unsigned};
use crate::base::time::UnixMillis;
use crate::formats::list::Number;
use crate::formats::token::Serial;
use crate::formats::usage::meter::{Marks, MeterChanges, MeterReport, PeriodUses};
use crate::formats::usage::outcome::Counts;
use crate::formats::usage::period::Per;
use crate::formats::usage::reading::Step;
use crate::formats::usage::shard_of;
use crate::limits::{METER_TOLD_INTERVAL_MS, METERS_TOLD_MAX};

impl<D: Database> Shard<D> {
    /// Counts to tell the registry, and the question which marks have changed; `None` when there is nothing
    /// to tell and `asks` is false. The caller then calls [`Self::meters_taken`] or
    /// [`Self::report_failed`].
    pub fn meters_due(&mut self, asks: bool, now: UnixMillis) -> Option<MeterReport> {
        match self.try_meters_due(asks, now) {
            Ok(report) => report,
            Err(error) => {
                self.back_off(&error, now);
                None
            }
        }
    }

    fn try_meters_due(&self, asks: bool, now: UnixMillis) -> Result<Option<MeterReport>, ShardError> {
        // Before a token of it was used the shard does not know its number, and needs no marks.
        let sql = "SELECT serial FROM token LIMIT 1";
        let Some(any) = self.database.query_optional(sql, &[], Columns::serial)? else { return Ok(None) };
        let is_due = asks || self.reports_at(now)?.is_some_and(|at| at <= now);
        let counts = if is_due { owed(&self.database)? } else { Vec::new() };
        let is_news = asks || self.marks_left || !counts.is_empty();
        let known = known(&self.database)?;
        Ok((is_due && is_news).then_some(MeterReport { shard: shard_of(any), known, counts }))
    }

    /// Notes that the registry has accepted the counts, and meters what it asks for.
    pub fn meters_taken(&mut self, report: &MeterReport, changes: &MeterChanges, now: UnixMillis) {
        let taken = self.database.transaction(|database| {
            settle(database, report, now)?;
            let forgets = changes.known.epoch != report.known.epoch;
            if forgets {
                // The registry was restored from a backup: it says anew which tokens it wants metered.
                database.execute("DELETE FROM metered", &[])?;
            }
            let mut has_new = false;
            for (serial, marks) in &changes.marks {
                has_new |= set_marks(database, *serial, *marks, now)?;
            }
            database.execute(
                "UPDATE shard SET meters_epoch = ?, meters_n = ?",
                &[changes.known.epoch.into(), unsigned(changes.known.n)],
            )?;
            Ok::<_, ShardError>(has_new)
        });
        self.marks_left = changes.more;
        self.retry = None;
        match taken {
            Ok(has_new) => self.is_urgent |= has_new || changes.more || is_full(report),
            Err(error) => self.back_off(&error, now),
        }
    }
}

/// More counts may be owed than one report carries.
fn is_full(report: &MeterReport) -> bool {
    u32::try_from(report.counts.len()).is_ok_and(|count| count >= METERS_TOLD_MAX)
}

/// A metered token.
#[derive(Clone, Copy, Debug)]
struct Metered {
    marks: Marks,
    uses: PeriodUses,
    told_at: UnixMillis,
    owed: bool,
}

impl Metered {
    fn read(columns: &mut Columns) -> Result<Self, ReadError> {
        Ok(Self {
            marks: Marks { day: columns.optional_number()?, month: columns.optional_number()? },
            uses: PeriodUses {
                day: columns.integer()?,
                day_uses: columns.number()?,
                month: columns.integer()?,
                month_uses: columns.number()?,
            },
            told_at: columns.millis()?,
            owed: columns.flag()?,
        })
    }

    fn store<D: Database>(&self, database: &D, serial: Serial) -> Result<(), ShardError> {
        let mark = |mark: Option<u64>| mark.map_or(Value::Null, unsigned);
        database.execute(
            "INSERT OR REPLACE INTO metered (serial, day_mark, month_mark, day, day_uses, month, month_uses, \
             told_at, owed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            &[
                serial.into(),
                mark(self.marks.day),
                mark(self.marks.month),
                self.uses.day.into(),
                unsigned(self.uses.day_uses),
                self.uses.month.into(),
                unsigned(self.uses.month_uses),
                self.told_at.into(),
                self.owed.into(),
            ],
        )?;
        Ok(())
    }

    /// Whether a mark is reached by `uses` that was not reached before.
    fn reaches_mark(&self, uses: &PeriodUses) -> bool {
        let reaches = |per: Per, mark: Option<u64>| {
            let ((before, had), (period, has)) = (self.uses.of(per), uses.of(per));
            let had = if before == period { had } else { 0 };
            mark.is_some_and(|mark| has > had && ((had == 0) || (had < mark && has >= mark)))
        };
        reaches(Per::Day, self.marks.day) || reaches(Per::Month, self.marks.month)
    }
}

fn find<D: Database>(database: &D, serial: Serial) -> Result<Option<Metered>, ShardError> {
    Ok(database.query_optional(
        "SELECT day_mark, month_mark, day, day_uses, month, month_uses, told_at, owed FROM metered \
         WHERE serial = ?",
        &[serial.into()],
        Metered::read,
    )?)
}

/// Whether any token is metered.
pub(super) fn has_any<D: Database>(database: &D) -> Result<bool, ShardError> {
    Ok(database.yields("SELECT serial FROM metered LIMIT 1", &[])?)
}

/// Whether counts are to be told.
pub(super) fn owes<D: Database>(database: &D) -> Result<bool, ShardError> {
    Ok(database.yields("SELECT serial FROM metered WHERE owed = 1 LIMIT 1", &[])?)
}

/// Adds the uses of a batch that began at `at`. Returns whether the registry must be told at once.
pub(super) fn add<D: Database>(
    database: &D,
    serial: Serial,
    counts: &Counts,
    at: UnixMillis,
    now: UnixMillis,
) -> Result<bool, ShardError> {
    let added = counts.uses();
    if added == 0 {
        return Ok(false);
    }
    let Some(metered) = find(database, serial)? else { return Ok(false) };
    let uses = plus(metered.uses, added, at);
    let is_urgent = metered.reaches_mark(&uses);
    let is_old = !(0..METER_TOLD_INTERVAL_MS).contains(&now.since_ms(metered.told_at));
    // Locations are about to refuse the token: no later use may come that would bring these along.
    let may_be_last = metered.marks.are_passed();
    let owed = metered.owed || is_urgent || is_old || may_be_last;
    Metered { uses, owed, ..metered }.store(database, serial)?;
    Ok(is_urgent)
}

/// Adds uses at `at` to the counts of its day and month. Uses of an earlier period change nothing.
fn plus(counted: PeriodUses, added: u64, at: UnixMillis) -> PeriodUses {
    let next = |per: Per| {
        let (index, uses) = counted.of(per);
        match per.index(at) {
            of if of == index => (index, uses.saturating_add(added)),
            of if of > index => (of, added),
            _ => (index, uses),
        }
    };
    let ((day, day_uses), (month, month_uses)) = (next(Per::Day), next(Per::Month));
    PeriodUses { day, day_uses, month, month_uses }
}

/// Sets marks. Returns whether the token was not metered before; then it is to be told.
fn set_marks<D: Database>(
    database: &D,
    serial: Serial,
    marks: Marks,
    now: UnixMillis,
) -> Result<bool, ShardError> {
    if marks == Marks::default() {
        database.execute("DELETE FROM metered WHERE serial = ?", &[serial.into()])?;
        return Ok(false);
    }
    if let Some(metered) = find(database, serial)? {
        // Uses may have passed the new mark while the registry sent it.
        let reached = |per: Per, mark: Option<u64>| {
            let (index, uses) = metered.uses.of(per);
            index == per.index(now) && mark.is_some_and(|mark| uses >= mark)
        };
        let is_late = reached(Per::Day, marks.day) || reached(Per::Month, marks.month);
        // Uses that came while the shard told of a quota that is used up may be the last ones.
        let may_be_last = marks.are_passed() && !metered.marks.are_passed();
        let owed = metered.owed || is_late || may_be_last;
        Metered { marks, owed, ..metered }.store(database, serial)?;
        return Ok(is_late);
    }
    let uses = counted_so_far(database, serial, now)?;
    Metered { marks, uses, told_at: now, owed: true }.store(database, serial)?;
    Ok(true)
}

/// The uses since the present day and month began.
fn counted_so_far<D: Database>(
    database: &D,
    serial: Serial,
    now: UnixMillis,
) -> Result<PeriodUses, ShardError> {
    let (day, month) = (Per::Day.index(now), Per::Month.index(now));
    let began = |per: Per, index| per.begin(index).to_millis();
    let mut uses = PeriodUses { day, month, ..PeriodUses::default() };
    let (from, to) = (began(Per::Month, month), UnixMillis(i64::MAX));
    for step in [Step::Minute, Step::Hour, Step::Day] {
        for (at, tally) in rows::tallies(database, step, serial, from, to)? {
            uses.month_uses = uses.month_uses.saturating_add(tally.counts.uses());
            if at >= began(Per::Day, day) {
                uses.day_uses = uses.day_uses.saturating_add(tally.counts.uses());
            }
        }
    }
    Ok(uses)
}

fn owed<D: Database>(database: &D) -> Result<Vec<(Serial, PeriodUses)>, ShardError> {
    Ok(database.query_all(
        "SELECT serial, day, day_uses, month, month_uses FROM metered WHERE owed = 1 ORDER BY serial LIMIT ?",
        &[METERS_TOLD_MAX.into()],
        |columns| {
            let serial = columns.serial()?;
            let (day, day_uses) = (columns.integer()?, columns.number()?);
            let (month, month_uses) = (columns.integer()?, columns.number()?);
            Ok((serial, PeriodUses { day, day_uses, month, month_uses }))
        },
    )?)
}

/// The number of the last change of marks that the shard knows.
fn known<D: Database>(database: &D) -> Result<Number, ShardError> {
    Ok(database.query_one("SELECT meters_epoch, meters_n FROM shard", &[], |columns| {
        Ok(Number { epoch: columns.number()?, n: columns.number()? })
    })?)
}

/// Clears what the registry has accepted. Uses that came since stay owed if they reached a mark, or may be
/// the last ones before locations refuse the token.
fn settle<D: Database>(database: &D, report: &MeterReport, now: UnixMillis) -> Result<(), ShardError> {
    for (serial, told) in &report.counts {
        let Some(metered) = find(database, *serial)? else { continue };
        let since = Metered { uses: *told, ..metered };
        let may_be_last = metered.marks.are_passed() && metered.uses != *told;
        let owed = since.reaches_mark(&metered.uses) || may_be_last;
        Metered { told_at: now, owed, ..metered }.store(database, *serial)?;
    }
    Ok(())
}

/// Deletes meters of tokens that were not told for as long as days are kept. The registry then says all marks
/// again: a token that rested for so long may be used once more.
pub(super) fn forget_old<D: Database>(database: &D, told_before: UnixMillis) -> Result<(), ShardError> {
    let sql = "DELETE FROM metered WHERE told_at < ? RETURNING serial";
    let gone = database.query_all(sql, &[told_before.into()], Columns::serial)?;
    if !gone.is_empty() {
        database.execute("UPDATE shard SET meters_n = 0", &[])?;
    }
    Ok(())
}
