//! The daily sweep: it examines every token and queues the notices that its owner should get.
//!
//! Standard: docs/lifecycle.md, "Notices"; the rules are in `notice_rules.rs`.
//! Invariants: a step reads a bounded number of rows. The notices it queues, the record of what was sent, and
//! its position are one transaction. So a process killed at any moment continues there and sends nothing
//! twice. A sweep begins on a cron trigger; without one, 26 hours after the last sweep.
//! What it must not know: alarms, cron, how a notice is delivered.
//! What a mistake costs: a site goes dark unannounced. The sweep never ends a token.
//!
//! Cost: one row read per token (two with its successor), and three rows written per notice. At 1,000 tokens
//! a step, 100,000 tokens take 100 alarms of some milliseconds each; lists are published in between.

use super::command::NoticeKind;
use super::fetches;
use super::notice_rules::{self, DueNotice, LastNotice, Subject};
use super::notices::{self, QueuedNotice};
use super::retired_keys::key_retired;
use super::rotation_plan::RotationPlan;
use super::row::StorageError;
use super::token_row::{KEY_RETIRED, TokenRow, TokenStatus};
use crate::base::database::{Columns, Database, ReadError, Rows, Value};
use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::limits::{CONSUMER_FORGOTTEN_MS, SWEEP_AGAIN_MS, SWEEP_OVERDUE_MS, SWEEP_STEP_MAX};

struct Progress {
    /// End of the last sweep.
    ended_at: Option<UnixMillis>,
    /// Position of the sweep under way: the last serial examined.
    after: Option<Serial>,
}

impl Progress {
    fn read<D: Database>(database: &D) -> Result<Self, StorageError> {
        Ok(database.query_one("SELECT ended_at, after_serial FROM sweep", &[], |columns| {
            Ok(Self { ended_at: columns.optional_millis()?, after: columns.optional_serial()? })
        })?)
    }
}

pub(super) fn ended_at<D: Database>(database: &D) -> Result<Option<UnixMillis>, StorageError> {
    Ok(Progress::read(database)?.ended_at)
}

/// Begins a sweep from the first token, because something happened to many tokens at once.
pub(super) fn begin_anew<D: Database>(database: &D) -> Result<(), StorageError> {
    set_position(database, Serial(0))
}

/// Begins a sweep, unless one is under way or has just ended: a trigger may fire twice.
pub(super) fn begin<D: Database>(database: &D, now: UnixMillis) -> Result<(), StorageError> {
    let progress = Progress::read(database)?;
    let is_recent = progress.ended_at.is_some_and(|at| (0..SWEEP_AGAIN_MS).contains(&now.since_ms(at)));
    if progress.after.is_none() && !is_recent {
        set_position(database, Serial(0))?;
    }
    Ok(())
}

fn set_position<D: Database>(database: &D, serial: Serial) -> Result<(), StorageError> {
    database.execute("UPDATE sweep SET after_serial = ?", &[serial.into()])?;
    Ok(())
}

/// When the next step is due; `None` when there are no tokens.
pub(super) fn next_due<D: Database>(
    database: &D,
    now: UnixMillis,
) -> Result<Option<UnixMillis>, StorageError> {
    let progress = Progress::read(database)?;
    if progress.after.is_some() {
        return Ok(Some(now));
    }
    let oldest = "SELECT created_at FROM token ORDER BY serial LIMIT 1";
    let Some(made_at) = database.query_optional(oldest, &[], Columns::millis)? else { return Ok(None) };
    // A clock that was set back must not put it off.
    let since = progress.ended_at.unwrap_or(made_at).min(now);
    Ok(Some(since.plus_ms(SWEEP_OVERDUE_MS)))
}

/// Takes one step of the sweep, if one is under way or overdue. Returns whether the sweep ended with it.
pub(super) fn step<D: Database>(database: &D, now: UnixMillis) -> Result<bool, StorageError> {
    if next_due(database, now)?.is_none_or(|at| at > now) {
        return Ok(false);
    }
    let after = Progress::read(database)?.after.unwrap_or(Serial(0));
    let rows = database.query_all(
        SUBJECTS,
        &[now.plus_ms(-CONSUMER_FORGOTTEN_MS).into(), after.into(), SWEEP_STEP_MAX.into()],
        Examined::read,
    )?;
    let is_last = rows.len() < usize::try_from(SWEEP_STEP_MAX).unwrap_or(usize::MAX);
    let mut last = after;
    for examined in rows {
        last = examined.serial;
        examine(database, &examined, now)?;
    }
    if is_last {
        database.execute("UPDATE sweep SET after_serial = NULL, ended_at = ?", &[now.into()])?;
        return Ok(true);
    }
    set_position(database, last)?;
    Ok(false)
}

/// The columns read for each token. Ended tokens are read too, which bounds the rows that a step reads.
const SUBJECTS: &str = concat!(
    "SELECT token.serial, token.status, token.created_at, token.expires_at, token.ends_at, token.rotation, ",
    "token.last_used_at, (SELECT made.created_at FROM token AS made WHERE made.serial = token.successor), ",
    key_retired!(),
    ", CASE WHEN token.successor IS NULL THEN 0 ELSE (SELECT COUNT(*) FROM fetch ",
    "WHERE fetch.family = token.family AND fetch.serial < token.successor AND fetch.at > ?) END",
    " FROM token WHERE token.serial > ? ORDER BY token.serial LIMIT ?"
);

struct Examined {
    serial: Serial,
    status: TokenStatus,
    /// The token would still work if its key had not been retired.
    lost_with_key: bool,
    subject: Subject,
}

impl Examined {
    fn read(columns: &mut Columns) -> Result<Self, ReadError> {
        let serial = columns.serial()?;
        let status = TokenStatus::read(columns)?;
        let created_at = columns.millis()?;
        let signed_end = columns.seconds()?.to_millis();
        let operators_end = columns.optional_millis()?;
        let plan: Option<RotationPlan> = columns.optional_json()?;
        let last_used_at = columns.optional_millis()?;
        let succeeded_at = columns.optional_millis()?;
        let lost_with_key = columns.flag()?;
        let consumers_behind = columns.number()?;
        let held_since = plan.and_then(|plan| plan.held_since);
        // A held end will not take place at the planned time.
        let planned_end = plan.filter(|_| held_since.is_none()).and_then(|plan| plan.planned_end);
        let end = [operators_end, planned_end].into_iter().flatten().fold(signed_end, UnixMillis::min);
        let subject = Subject { created_at, end, succeeded_at, held_since, last_used_at, consumers_behind };
        Ok(Self { serial, status, lost_with_key, subject })
    }
}

fn examine<D: Database>(database: &D, of: &Examined, now: UnixMillis) -> Result<(), StorageError> {
    let due_notices = match of.status {
        TokenStatus::Good | TokenStatus::Disabled if of.lost_with_key => vec![LOST_WITH_KEY],
        TokenStatus::Good if of.subject.end > now => notice_rules::due_notices(&of.subject, now),
        TokenStatus::Good | TokenStatus::Disabled | TokenStatus::Revoked => Vec::new(),
    };
    for due in due_notices {
        let last = last_notice(database, of.serial, due.kind)?;
        if notice_rules::is_news(&due, last.as_ref(), now) {
            queue(database, of.serial, &due, of.subject.end, now)?;
        }
    }
    Ok(())
}

/// Tokens of a retired key are not revoked one by one, so only the sweep finds them.
const LOST_WITH_KEY: DueNotice =
    DueNotice { kind: NoticeKind::Revoked, within_days: 0, about: UnixMillis(0) };

/// Queues the notice of `due` and notes that it was sent. `end` is the token's end.
pub(super) fn queue<D: Database>(
    database: &D,
    serial: Serial,
    due: &DueNotice,
    end: UnixMillis,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let queued = QueuedNotice { within_days: due.within_days, ..QueuedNotice::of(due.kind, serial) };
    let queued = match due.kind {
        NoticeKind::Expiring | NoticeKind::PredecessorStillUsed => queued.with("ends_at", end.to_rfc3339()),
        NoticeKind::RotationHeld => queued.with("held_since", due.about.to_rfc3339()),
        NoticeKind::Revoked => queued.with("reason", KEY_RETIRED),
        NoticeKind::SuccessorUnfetched => unfetched(database, queued, end, now)?,
        NoticeKind::FirstUse
        | NoticeKind::Rotated
        | NoticeKind::Unused
        | NoticeKind::UsageSpike
        | NoticeKind::RefusedOrigins
        | NoticeKind::QuotaNear
        | NoticeKind::QuotaExceeded
        | NoticeKind::ReportsMissing
        | NoticeKind::AdminKeyExpiring
        | NoticeKind::WebhookTest => queued,
    };
    notices::queue(database, queued, now)?;
    store_last_notice(database, serial, due, now)
}

/// Adds the successor, and who has not fetched it.
fn unfetched<D: Database>(
    database: &D,
    queued: QueuedNotice,
    end: UnixMillis,
    now: UnixMillis,
) -> Result<QueuedNotice, StorageError> {
    let Some(row) = TokenRow::find(database, queued.serial)? else { return Ok(queued) };
    let Some(successor) = row.successor else { return Ok(queued) };
    let made = TokenRow::find(database, successor)?.map(|made| made.created_at.to_rfc3339());
    let consumers = fetches::behind(database, row.family.as_str(), successor, now)?;
    let queued = queued.with("ends_at", end.to_rfc3339()).with("consumers", consumers);
    Ok(queued.with("successor", format!("tok_{}", successor.0)).with("successor_created_at", made))
}

pub(super) fn last_notice<D: Database>(
    database: &D,
    serial: Serial,
    kind: NoticeKind,
) -> Result<Option<LastNotice>, StorageError> {
    Ok(database.query_optional(
        "SELECT within_days, about, at FROM noticed WHERE serial = ? AND kind = ?",
        &[serial.into(), kind.as_str().into()],
        |columns| {
            Ok(LastNotice { within_days: columns.number()?, about: columns.millis()?, at: columns.millis()? })
        },
    )?)
}

pub(super) fn store_last_notice<D: Database>(
    database: &D,
    serial: Serial,
    due: &DueNotice,
    now: UnixMillis,
) -> Result<(), StorageError> {
    database.execute(
        "INSERT OR REPLACE INTO noticed (serial, kind, within_days, about, at) VALUES (?, ?, ?, ?, ?)",
        &[serial.into(), due.kind.as_str().into(), due.within_days.into(), due.about.into(), now.into()],
    )?;
    Ok(())
}

/// Deletes what was noted about a token that has left the registry.
pub(super) fn forget<D: Database>(database: &D, serial: Serial) -> Result<(), StorageError> {
    database.execute("DELETE FROM noticed WHERE serial = ?", &[Value::from(serial)])?;
    Ok(())
}
