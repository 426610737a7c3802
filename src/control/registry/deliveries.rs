//! Deliveries: which webhooks are owed, which is under way, and what became of each.
//!
//! Standard: Standard Webhooks 1.0.0 ("Webhook transmission": at least once, retried with back-off and jitter, one id).
//! Invariants: a delivery is owed in the transaction that makes its notice, and ends only when the receiver has taken it, or
//! by a failure a day later; one request is under way at most, under a lease with a deadline: an instance that is gone
//! leaves nobody stuck, and the next one sends the same notice under the same id.
//! What it must not know: what a notice says, HTTP, promises.
//! What a mistake costs: a receiver told twice (it knows the id), or never, with nobody seeing that in `/status`.

use super::command::{DeliveryState, WebhookView};
use super::database::{Database, Value};
use super::row::{Columns, StorageError};
use crate::limits::{WEBHOOK_BACKOFF_MAX_MS, WEBHOOK_BACKOFF_MIN_MS, WEBHOOK_LEASE_MS, WEBHOOK_RETRIED_MS};
use crate::time::UnixMillis;
use crate::webhook::WebhookFault;

/// A request that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The number of the notice.
    pub(super) notice: i64,
    /// Which of its requests this is, from 1.
    pub(super) number: u32,
}

/// Owes the webhook of a notice, at once.
pub(super) fn owe<D: Database>(database: &D, notice: i64, now: UnixMillis) -> Result<(), StorageError> {
    database.query(
        "INSERT INTO webhook_delivery (notice, state, owed_at, due_at, attempts, under_way) VALUES (?, ?, ?, ?, 0, 0)",
        &[Value::Integer(notice), DeliveryState::Pending.as_str().into(), now.into(), now.into()],
    )?;
    Ok(())
}

/// When there is something to do next: a webhook to send, or, while one is under way, the end of its lease.
pub(super) fn next_due<D: Database>(database: &D) -> Result<Option<UnixMillis>, StorageError> {
    let rows = database.query(
        "SELECT due_at FROM webhook_delivery WHERE state = 'pending' ORDER BY under_way DESC, due_at LIMIT 1",
        &[],
    )?;
    rows.into_iter().next().map(|row| Columns::of(row).millis()).transpose()
}

/// Begins the next request that is due, of the oldest notice. `None` while one is under way.
pub(super) fn begin<D: Database>(database: &D, now: UnixMillis) -> Result<Option<Attempt>, StorageError> {
    let rows = database.query(
        "SELECT notice, owed_at, due_at, attempts FROM webhook_delivery WHERE state = 'pending' AND under_way = 1",
        &[],
    )?;
    if let Some(row) = rows.into_iter().next() {
        let mut columns = Columns::of(row);
        let (notice, owed_at, lease_until) = (columns.integer()?, columns.millis()?, columns.millis()?);
        if (1..=WEBHOOK_LEASE_MS).contains(&lease_until.since_ms(now)) {
            return Ok(None);
        }
        // Its instance is gone. The lease was wait enough, unless this was the last try.
        note_failure(database, WebhookFault::Interrupted, now)?;
        if !is_given_up(owed_at, now) {
            return begin_request(database, notice, columns.number()?, now).map(Some);
        }
        give_up(database, notice, WebhookFault::Interrupted, now)?;
    }
    // A clock that was set back must not put it off.
    let ahead = now.plus_ms(WEBHOOK_BACKOFF_MAX_MS * 2);
    let rows = database.query(
        "SELECT notice, attempts FROM webhook_delivery \
         WHERE state = 'pending' AND (due_at <= ? OR due_at > ?) ORDER BY notice LIMIT 1",
        &[now.into(), ahead.into()],
    )?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let mut columns = Columns::of(row);
    let (notice, attempts) = (columns.integer()?, columns.number()?);
    begin_request(database, notice, attempts, now).map(Some)
}

fn begin_request<D: Database>(
    database: &D,
    notice: i64,
    attempts: u32,
    now: UnixMillis,
) -> Result<Attempt, StorageError> {
    let number = attempts.saturating_add(1);
    database.query(
        "UPDATE webhook_delivery SET attempts = ?, under_way = 1, due_at = ? WHERE notice = ?",
        &[number.into(), now.plus_ms(WEBHOOK_LEASE_MS).into(), Value::Integer(notice)],
    )?;
    Ok(Attempt { notice, number })
}

/// The receiver has taken it, by whichever request.
pub(super) fn taken<D: Database>(
    database: &D,
    attempt: Attempt,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let ended = database.query(
        "UPDATE webhook_delivery SET state = 'delivered', under_way = 0, due_at = ? \
         WHERE notice = ? AND state = 'pending' RETURNING notice",
        &[now.into(), Value::Integer(attempt.notice)],
    )?;
    if !ended.is_empty() {
        database.query("UPDATE webhook SET succeeded_at = ?", &[now.into()])?;
    }
    Ok(())
}

/// The receiver has not taken it: again after 5, 10, 20 … s and as much as half of that by `chance`, at most an hour and a
/// half; a day after it was owed no more. What an earlier request came to after its lease ran out is of no interest.
pub(super) fn failed<D: Database>(
    database: &D,
    attempt: Attempt,
    fault: WebhookFault,
    chance: u32,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let rows = database.query(
        "SELECT owed_at FROM webhook_delivery \
         WHERE notice = ? AND attempts = ? AND state = 'pending' AND under_way = 1",
        &[Value::Integer(attempt.notice), attempt.number.into()],
    )?;
    let Some(row) = rows.into_iter().next() else { return Ok(()) };
    note_failure(database, fault, now)?;
    if is_given_up(Columns::of(row).millis()?, now) {
        return give_up(database, attempt.notice, fault, now);
    }
    let due_at = now.plus_ms(wait_ms(attempt.number, chance));
    database.query(
        "UPDATE webhook_delivery SET under_way = 0, due_at = ?, fault = ? WHERE notice = ?",
        &[due_at.into(), fault.code().into(), Value::Integer(attempt.notice)],
    )?;
    Ok(())
}

/// The wait after the failure of request `number`.
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
    database.query(
        "UPDATE webhook_delivery SET state = 'given_up', under_way = 0, due_at = ?, fault = ? WHERE notice = ?",
        &[now.into(), fault.code().into(), Value::Integer(notice)],
    )?;
    database.query("UPDATE webhook SET given_up = given_up + 1, given_up_at = ?", &[now.into()])?;
    Ok(())
}

fn note_failure<D: Database>(database: &D, fault: WebhookFault, now: UnixMillis) -> Result<(), StorageError> {
    database.query(
        "UPDATE webhook SET failures = failures + 1, failed_at = ?, fault = ?",
        &[now.into(), fault.code().into()],
    )?;
    Ok(())
}

/// The notice is gone.
pub(super) fn forget<D: Database>(database: &D, notice: i64) -> Result<(), StorageError> {
    database.query("DELETE FROM webhook_delivery WHERE notice = ?", &[Value::Integer(notice)])?;
    Ok(())
}

/// How the receiver does.
pub(super) fn view<D: Database>(database: &D, configured: bool) -> Result<WebhookView, StorageError> {
    let rows =
        database.query("SELECT COUNT(*), MIN(owed_at) FROM webhook_delivery WHERE state = 'pending'", &[])?;
    let mut owed = Columns::of(rows.into_iter().next().ok_or(StorageError::Unreadable)?);
    let rows = database
        .query("SELECT failures, given_up, given_up_at, succeeded_at, failed_at, fault FROM webhook", &[])?;
    let mut columns = Columns::of(rows.into_iter().next().ok_or(StorageError::Unreadable)?);
    Ok(WebhookView {
        configured,
        pending: owed.number()?,
        oldest_at: owed.optional_millis()?,
        failures: columns.number()?,
        given_up: columns.number()?,
        given_up_at: columns.optional_millis()?,
        succeeded_at: columns.optional_millis()?,
        failed_at: columns.optional_millis()?,
        fault: parse_fault(columns.optional_text()?)?,
    })
}

pub(super) fn parse_state(text: &str) -> Result<DeliveryState, StorageError> {
    DeliveryState::parse(text).ok_or(StorageError::Unreadable)
}

pub(super) fn parse_fault(text: Option<String>) -> Result<Option<WebhookFault>, StorageError> {
    let Some(text) = text else { return Ok(None) };
    let fault = WebhookFault::ALL.into_iter().find(|fault| fault.code() == text);
    fault.map(Some).ok_or(StorageError::Unreadable)
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
