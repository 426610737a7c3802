//! Deliveries: which webhooks are pending, which one is under way, and the outcome of each.
//!
//! Standard: Standard Webhooks 1.0.0 ("Webhook transmission": at least once, retried with back-off and
//! jitter, one id).
//! Invariants: a delivery becomes pending in the transaction that makes its notice. It ends only when the
//! receiver has accepted it, or with a failure after a day. At most one request is under way, under a lease
//! with a deadline. So an instance that disappears blocks nothing; the next one sends the same notice under
//! the same id.
//! What it must not know: what a notice says, HTTP, promises.
//! What a mistake costs: a receiver gets a notice twice (it can tell by the id), or never, with nobody seeing
//! that in `/status`.

use super::command::{DeliveryState, WebhookView};
use super::row::StorageError;
use crate::base::database::{Columns, Database, ReadError, Rows};
use crate::base::time::UnixMillis;
use crate::control::webhook::WebhookFault;
use crate::limits::{WEBHOOK_BACKOFF_MAX_MS, WEBHOOK_BACKOFF_MIN_MS, WEBHOOK_LEASE_MS, WEBHOOK_RETRIED_MS};

/// One request of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub(super) notice: i64,
    /// Number of the request within its delivery, from 1.
    pub(super) number: u32,
}

/// Makes the webhook of a notice pending, due at once.
pub(super) fn queue<D: Database>(database: &D, notice: i64, now: UnixMillis) -> Result<(), StorageError> {
    database.execute(
        "INSERT INTO webhook_delivery (notice, state, owed_at, due_at, attempts, under_way) \
         VALUES (?, ?, ?, ?, 0, 0)",
        &[notice.into(), DeliveryState::Pending.as_str().into(), now.into(), now.into()],
    )?;
    Ok(())
}

/// When to act next: when a webhook is due, or, while a request is under way, when its lease ends.
pub(super) fn next_due<D: Database>(database: &D) -> Result<Option<UnixMillis>, StorageError> {
    Ok(database.query_optional(
        "SELECT due_at FROM webhook_delivery WHERE state = 'pending' ORDER BY under_way DESC, due_at LIMIT 1",
        &[],
        Columns::millis,
    )?)
}

/// Begins the next due request, for the oldest notice. `None` while one is under way.
pub(super) fn begin<D: Database>(database: &D, now: UnixMillis) -> Result<Option<Attempt>, StorageError> {
    let under_way = database.query_optional(
        "SELECT notice, owed_at, due_at, attempts FROM webhook_delivery \
         WHERE state = 'pending' AND under_way = 1",
        &[],
        |columns| Ok((columns.integer()?, columns.millis()?, columns.millis()?, columns.number()?)),
    )?;
    if let Some((notice, owed_at, lease_until, attempts)) = under_way {
        if (1..=WEBHOOK_LEASE_MS).contains(&lease_until.since_ms(now)) {
            return Ok(None);
        }
        // The instance that sent it is gone. The lease was the wait, so try again now, unless it is to be
        // given up.
        note_failure(database, WebhookFault::Interrupted, now)?;
        if !is_given_up(owed_at, now) {
            return begin_request(database, notice, attempts, now).map(Some);
        }
        give_up(database, notice, WebhookFault::Interrupted, now)?;
    }
    // A clock that was set back must not delay it.
    let ahead = now.plus_ms(WEBHOOK_BACKOFF_MAX_MS * 2);
    let due = database.query_optional(
        "SELECT notice, attempts FROM webhook_delivery \
         WHERE state = 'pending' AND (due_at <= ? OR due_at > ?) ORDER BY notice LIMIT 1",
        &[now.into(), ahead.into()],
        |columns| Ok((columns.integer()?, columns.number()?)),
    )?;
    let Some((notice, attempts)) = due else { return Ok(None) };
    begin_request(database, notice, attempts, now).map(Some)
}

fn begin_request<D: Database>(
    database: &D,
    notice: i64,
    attempts: u32,
    now: UnixMillis,
) -> Result<Attempt, StorageError> {
    let number = attempts.saturating_add(1);
    database.execute(
        "UPDATE webhook_delivery SET attempts = ?, under_way = 1, due_at = ? WHERE notice = ?",
        &[number.into(), now.plus_ms(WEBHOOK_LEASE_MS).into(), notice.into()],
    )?;
    Ok(Attempt { notice, number })
}

/// Records that the receiver accepted the webhook, in whichever request.
pub(super) fn taken<D: Database>(
    database: &D,
    attempt: Attempt,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let has_ended = database.yields(
        "UPDATE webhook_delivery SET state = 'delivered', under_way = 0, due_at = ? \
         WHERE notice = ? AND state = 'pending' RETURNING notice",
        &[now.into(), attempt.notice.into()],
    )?;
    if has_ended {
        database.execute("UPDATE webhook SET succeeded_at = ?", &[now.into()])?;
    }
    Ok(())
}

/// Records a failed request. The next one follows after 5, 10, 20 … s, at most one hour, plus up to half of
/// that at random (`chance`). After a day it is given up. The outcome of a request whose lease has expired is
/// ignored.
pub(super) fn failed<D: Database>(
    database: &D,
    attempt: Attempt,
    fault: WebhookFault,
    chance: u32,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let owed_at = database.query_optional(
        "SELECT owed_at FROM webhook_delivery \
         WHERE notice = ? AND attempts = ? AND state = 'pending' AND under_way = 1",
        &[attempt.notice.into(), attempt.number.into()],
        Columns::millis,
    )?;
    let Some(owed_at) = owed_at else { return Ok(()) };
    note_failure(database, fault, now)?;
    if is_given_up(owed_at, now) {
        return give_up(database, attempt.notice, fault, now);
    }
    let due_at = now.plus_ms(wait_ms(attempt.number, chance));
    database.execute(
        "UPDATE webhook_delivery SET under_way = 0, due_at = ?, fault = ? WHERE notice = ?",
        &[due_at.into(), fault.code().into(), attempt.notice.into()],
    )?;
    Ok(())
}

/// Wait in milliseconds after the failure of request `number`.
fn wait_ms(number: u32, chance: u32) -> i64 {
    let doublings = number.saturating_sub(1).min(20);
    let wait_ms = (WEBHOOK_BACKOFF_MIN_MS << doublings).min(WEBHOOK_BACKOFF_MAX_MS);
    wait_ms + i64::from(chance) * wait_ms / 2 / i64::from(u32::MAX)
}

fn is_given_up(owed_at: UnixMillis, now: UnixMillis) -> bool {
    now.since_ms(owed_at) >= WEBHOOK_RETRIED_MS
}

fn give_up<D: Database>(
    database: &D,
    notice: i64,
    fault: WebhookFault,
    now: UnixMillis,
) -> Result<(), StorageError> {
    database.execute(
        "UPDATE webhook_delivery SET state = 'given_up', under_way = 0, due_at = ?, fault = ? \
         WHERE notice = ?",
        &[now.into(), fault.code().into(), notice.into()],
    )?;
    database.execute("UPDATE webhook SET given_up = given_up + 1, given_up_at = ?", &[now.into()])?;
    Ok(())
}

fn note_failure<D: Database>(database: &D, fault: WebhookFault, now: UnixMillis) -> Result<(), StorageError> {
    database.execute(
        "UPDATE webhook SET failures = failures + 1, failed_at = ?, fault = ?",
        &[now.into(), fault.code().into()],
    )?;
    Ok(())
}

/// Deletes the delivery of a notice that was deleted.
pub(super) fn forget<D: Database>(database: &D, notice: i64) -> Result<(), StorageError> {
    database.execute("DELETE FROM webhook_delivery WHERE notice = ?", &[notice.into()])?;
    Ok(())
}

/// The state of the receiver.
pub(super) fn view<D: Database>(database: &D, configured: bool) -> Result<WebhookView, StorageError> {
    let (pending, oldest_at) = database.query_one(
        "SELECT COUNT(*), MIN(owed_at) FROM webhook_delivery WHERE state = 'pending'",
        &[],
        |columns| Ok((columns.number()?, columns.optional_millis()?)),
    )?;
    let sql = "SELECT failures, given_up, given_up_at, succeeded_at, failed_at, fault FROM webhook";
    Ok(database.query_one(sql, &[], |columns| {
        Ok(WebhookView {
            configured,
            pending,
            oldest_at,
            failures: columns.number()?,
            given_up: columns.number()?,
            given_up_at: columns.optional_millis()?,
            succeeded_at: columns.optional_millis()?,
            failed_at: columns.optional_millis()?,
            fault: read_fault(columns)?,
        })
    })?)
}

/// Why the latest failed request failed; `None` if none did.
pub(super) fn read_fault(columns: &mut Columns) -> Result<Option<WebhookFault>, ReadError> {
    let Some(code) = columns.optional_text()? else { return Ok(None) };
    WebhookFault::parse(&code).map(Some).ok_or(ReadError::Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour_and_chance_adds_at_most_half() {
        let seconds = |number, chance| wait_ms(number, chance) / 1_000;
        assert_eq!([1, 2, 3, 10, 11, 40].map(|number| seconds(number, 0)), [5, 10, 20, 2_560, 3_600, 3_600]);
        assert_eq!([1, 11].map(|number| wait_ms(number, u32::MAX)), [7_500, 5_400_000]);
        assert!(wait_ms(1, u32::MAX / 2) > 6_000 && wait_ms(1, u32::MAX / 2) < 6_500);
        let day: i64 = (1..=31).map(|number| wait_ms(number, u32::MAX / 2)).sum();
        assert!(day > WEBHOOK_RETRIED_MS, "some 30 tries in a day, as limits.rs says: {day}");
    }
}
