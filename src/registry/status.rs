//! `GET /status`: what the registry holds and owes.
//!
//! Standard: DESIGN section 7.
//! What it must not know: anything that it would have to change to answer.
//! What a mistake costs: an SRE who believes that a revocation went out.

use super::command::{StatusView, TokenState};
use super::database::Database;
use super::outbox;
use super::row::{Columns, StorageError};
use super::state::State;
use super::token_row::Status;
use crate::time::UnixMillis;

/// Everything that storage knows; the instance's own counters and the size of its list are zero here.
pub(super) fn view<D: Database>(database: &D, now: UnixMillis) -> Result<StatusView, StorageError> {
    let state = State::read(database)?;
    let (outbox_pending, outbox_oldest_at) = outbox::backlog(database)?;
    Ok(StatusView {
        list_number: (state.list_number.epoch, state.list_number.n),
        list_entries: 0,
        list_bytes: 0,
        outbox_pending,
        outbox_oldest_at,
        outbox_failures: 0,
        tokens: count_by_state(database, now)?,
        highest_serial: state.highest_serial,
        signing_key: state.signing_key,
        calls: [0; 5],
    })
}

/// Active, disabled, revoked, expired.
fn count_by_state<D: Database>(database: &D, now: UnixMillis) -> Result<[u64; 4], StorageError> {
    let rows = database.query(
        "SELECT status, (expires_at <= ? OR (ends_at IS NOT NULL AND ends_at <= ?)) AS ended, COUNT(*) \
         FROM token GROUP BY status, ended",
        &[now.floor_seconds().into(), now.into()],
    )?;
    let mut counts = [0_u64; 4];
    let [active, disabled, revoked, expired] = &mut counts;
    for row in rows {
        let mut columns = Columns::of(row);
        let status = Status::parse(&columns.text()?)?;
        let ended = columns.flag()?;
        let count: u64 = columns.number()?;
        let state = match status {
            Status::Revoked => TokenState::Revoked,
            _ if ended => TokenState::Expired,
            Status::Disabled => TokenState::Disabled,
            Status::Good => TokenState::Active,
        };
        let slot = match state {
            TokenState::Active => &mut *active,
            TokenState::Disabled => &mut *disabled,
            TokenState::Revoked => &mut *revoked,
            TokenState::Expired => &mut *expired,
        };
        *slot = slot.saturating_add(count);
    }
    Ok(counts)
}
