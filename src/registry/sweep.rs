//! The daily sweep: every token is looked at, and what its owner should know of it is owed as a notice.
//!
//! Standard: DESIGN section 8, "Notices"; the rules are `notice_rules.rs`.
//! Invariants: a step reads a bounded number of rows and is one transaction with what it owes, what it has told, and where it
//! got to: a process killed at any moment goes on there, and tells nothing twice; a sweep begins when a cron trigger says so,
//! and where none does, 26 hours after the one before.
//! What it must not know: alarms, cron, how a notice travels.
//! What a mistake costs: a site that goes dark unannounced. It never ends a token.
//!
//! What it costs: one row read a token (with its successor's, two) and three rows written a notice; at 1,000 tokens a step
//! 100,000 are 100 alarms in a row, some milliseconds each, between which lists are published.

use super::command::NoticeKind;
use super::database::{Database, Row, Value};
use super::notice_rules::{self, Finding, Subject, Told};
use super::notices::{self, Owed};
use super::retired_keys::key_retired;
use super::rotation::Plan;
use super::row::{Columns, StorageError};
use super::token_row::{KEY_RETIRED, Status};
use crate::limits::{SWEEP_AGAIN_MS, SWEEP_OVERDUE_MS, SWEEP_STEP_MAX};
use crate::time::UnixMillis;
use crate::token::Serial;

/// The row of `sweep`.
struct Progress {
    /// When the last one ended.
    ended_at: Option<UnixMillis>,
    /// While one is under way, how far it got.
    after: Option<Serial>,
}

impl Progress {
    fn read<D: Database>(database: &D) -> Result<Self, StorageError> {
        let rows = database.query("SELECT ended_at, after_serial FROM sweep", &[])?;
        let mut columns = Columns::of(rows.into_iter().next().ok_or(StorageError::Unreadable)?);
        let ended_at = columns.optional_millis()?;
        let after = columns.optional_integer()?.map(u32::try_from).transpose();
        Ok(Self { ended_at, after: after.map_err(|_| StorageError::Unreadable)?.map(Serial) })
    }
}

/// When the last sweep ended.
pub(super) fn ended_at<D: Database>(database: &D) -> Result<Option<UnixMillis>, StorageError> {
    Ok(Progress::read(database)?.ended_at)
}

/// Looks at every token again from the first: something happened to many of them at once.
pub(super) fn begin_anew<D: Database>(database: &D) -> Result<(), StorageError> {
    goes_on_after(database, Serial(0))
}

/// Begins a sweep, unless one is under way or has just ended: a trigger may fire twice.
pub(super) fn begin<D: Database>(database: &D, now: UnixMillis) -> Result<(), StorageError> {
    let progress = Progress::read(database)?;
    let is_recent = progress.ended_at.is_some_and(|at| (0..SWEEP_AGAIN_MS).contains(&now.since_ms(at)));
    if progress.after.is_none() && !is_recent {
        goes_on_after(database, Serial(0))?;
    }
    Ok(())
}

fn goes_on_after<D: Database>(database: &D, serial: Serial) -> Result<(), StorageError> {
    database.query("UPDATE sweep SET after_serial = ?", &[serial.into()])?;
    Ok(())
}

/// When the next step is due; `None` without tokens.
pub(super) fn next_due<D: Database>(
    database: &D,
    now: UnixMillis,
) -> Result<Option<UnixMillis>, StorageError> {
    let progress = Progress::read(database)?;
    if progress.after.is_some() {
        return Ok(Some(now));
    }
    let oldest = database.query("SELECT created_at FROM token ORDER BY serial LIMIT 1", &[])?;
    let Some(row) = oldest.into_iter().next() else { return Ok(None) };
    let made_at = Columns::of(row).millis()?;
    // A clock that was set back must not put it off.
    let since = progress.ended_at.unwrap_or(made_at).min(now);
    Ok(Some(since.plus_ms(SWEEP_OVERDUE_MS)))
}

/// Takes a step of the sweep that is under way, or overdue.
pub(super) fn step<D: Database>(database: &D, now: UnixMillis) -> Result<(), StorageError> {
    if next_due(database, now)?.is_none_or(|at| at > now) {
        return Ok(());
    }
    let after = Progress::read(database)?.after.unwrap_or(Serial(0));
    let rows = database.query(SUBJECTS, &[after.into(), SWEEP_STEP_MAX.into()])?;
    let is_last = rows.len() < usize::try_from(SWEEP_STEP_MAX).unwrap_or(usize::MAX);
    let mut last = after;
    for row in rows {
        let looked_at = LookedAt::read(row)?;
        last = looked_at.serial;
        look_at(database, &looked_at, now)?;
    }
    if is_last {
        database.query("UPDATE sweep SET after_serial = NULL, ended_at = ?", &[now.into()])?;
        return Ok(());
    }
    goes_on_after(database, last)
}

/// What a step reads of each token, dead ones too: what it reads is then bounded.
const SUBJECTS: &str = concat!(
    "SELECT token.serial, token.status, token.created_at, token.expires_at, token.ends_at, token.rotation, ",
    "token.last_used_at, (SELECT made.created_at FROM token AS made WHERE made.serial = token.successor), ",
    key_retired!(),
    " FROM token WHERE token.serial > ? ORDER BY token.serial LIMIT ?"
);

struct LookedAt {
    serial: Serial,
    status: Status,
    /// It would still work if its key had not been retired.
    lost_with_key: bool,
    subject: Subject,
}

impl LookedAt {
    fn read(row: Row) -> Result<Self, StorageError> {
        let mut columns = Columns::of(row);
        let serial = columns.serial()?;
        let status = Status::parse(&columns.text()?)?;
        let created_at = columns.millis()?;
        let signed_end = columns.seconds()?.to_millis();
        let operators_end = columns.optional_millis()?;
        let plan: Option<Plan> = columns.optional_json()?;
        let last_used_at = columns.optional_millis()?;
        let succeeded_at = columns.optional_millis()?;
        let lost_with_key = columns.flag()?;
        let held_since = plan.and_then(|plan| plan.held_since);
        // One that is held has come to nothing.
        let planned_end = plan.filter(|_| held_since.is_none()).and_then(|plan| plan.planned_end);
        let end = [operators_end, planned_end].into_iter().flatten().fold(signed_end, UnixMillis::min);
        let subject = Subject { created_at, end, succeeded_at, held_since, last_used_at };
        Ok(Self { serial, status, lost_with_key, subject })
    }
}

fn look_at<D: Database>(database: &D, of: &LookedAt, now: UnixMillis) -> Result<(), StorageError> {
    let findings = match of.status {
        Status::Good | Status::Disabled if of.lost_with_key => vec![LOST_WITH_KEY],
        Status::Good if of.subject.end > now => notice_rules::findings(&of.subject, now),
        Status::Good | Status::Disabled | Status::Revoked => Vec::new(),
    };
    for finding in findings {
        let told = told(database, of.serial, finding.kind)?;
        if notice_rules::is_news(&finding, told.as_ref(), now) {
            tell(database, of.serial, &finding, of.subject.end, now)?;
        }
    }
    Ok(())
}

/// No transaction revokes the tokens of a retired key one by one.
const LOST_WITH_KEY: Finding = Finding { kind: NoticeKind::Revoked, within_days: 0, about: UnixMillis(0) };

/// Owes the notice of `finding`, and notes that it was told. `end` is the token's.
pub(super) fn tell<D: Database>(
    database: &D,
    serial: Serial,
    finding: &Finding,
    end: UnixMillis,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let owed = Owed { within_days: finding.within_days, ..Owed::of(finding.kind, serial) };
    let owed = match finding.kind {
        NoticeKind::Expiring | NoticeKind::PredecessorStillUsed => owed.with("ends_at", end.to_rfc3339()),
        NoticeKind::RotationHeld => owed.with("held_since", finding.about.to_rfc3339()),
        NoticeKind::Revoked => owed.with("reason", KEY_RETIRED),
        NoticeKind::FirstUse
        | NoticeKind::Rotated
        | NoticeKind::Unused
        | NoticeKind::UsageSpike
        | NoticeKind::RefusedOrigins => owed,
    };
    notices::owe(database, owed, now)?;
    note_told(database, serial, finding, now)
}

pub(super) fn told<D: Database>(
    database: &D,
    serial: Serial,
    kind: NoticeKind,
) -> Result<Option<Told>, StorageError> {
    let rows = database.query(
        "SELECT within_days, about, at FROM noticed WHERE serial = ? AND kind = ?",
        &[serial.into(), kind.as_str().into()],
    )?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let mut columns = Columns::of(row);
    Ok(Some(Told { within_days: columns.number()?, about: columns.millis()?, at: columns.millis()? }))
}

pub(super) fn note_told<D: Database>(
    database: &D,
    serial: Serial,
    finding: &Finding,
    now: UnixMillis,
) -> Result<(), StorageError> {
    database.query(
        "INSERT OR REPLACE INTO noticed (serial, kind, within_days, about, at) VALUES (?, ?, ?, ?, ?)",
        &[
            serial.into(),
            finding.kind.as_str().into(),
            finding.within_days.into(),
            finding.about.into(),
            now.into(),
        ],
    )?;
    Ok(())
}

/// The token has left the registry.
pub(super) fn forget<D: Database>(database: &D, serial: Serial) -> Result<(), StorageError> {
    database.query("DELETE FROM noticed WHERE serial = ?", &[Value::from(serial)])?;
    Ok(())
}
