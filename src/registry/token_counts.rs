//! How many tokens are in which state, for `/status` and `/metrics`.
//!
//! Invariants: of few tokens the counts are those of now; of many they are at most a minute old, since counting walks through
//! the table and a million rows take a second in which the registry does nothing else. Kept in memory alone.
//! What it must not know: who asks.
//! What a mistake costs: a wrong figure on a dashboard.

use super::command::TokenState;
use super::database::Database;
use super::retired_keys::key_retired;
use super::row::{Columns, StorageError};
use super::token_row::Status;
use crate::limits::{COUNTS_KEPT_FROM_TOKENS, COUNTS_KEPT_MS};
use crate::time::UnixMillis;

/// Active, disabled, revoked, expired.
pub(super) type Counts = [u64; 4];

/// The counts, and when they were made.
#[derive(Debug, Default)]
pub(super) struct TokenCounts {
    kept: Option<(UnixMillis, Counts)>,
}

impl TokenCounts {
    /// Counts, unless there are many and that was done a moment ago.
    pub(super) fn refresh<D: Database>(&mut self, database: &D, now: UnixMillis) -> Result<(), StorageError> {
        let is_young = |(at, counts): &(UnixMillis, Counts)| {
            let many = counts.iter().sum::<u64>() >= COUNTS_KEPT_FROM_TOKENS;
            many && (0..COUNTS_KEPT_MS).contains(&now.since_ms(*at))
        };
        if self.kept.as_ref().is_none_or(|kept| !is_young(kept)) {
            self.kept = Some((now, count_by_state(database, now)?));
        }
        Ok(())
    }

    /// What was counted last.
    pub(super) fn newest(&self) -> Counts {
        self.kept.map_or([0; 4], |(_, counts)| counts)
    }
}

fn count_by_state<D: Database>(database: &D, now: UnixMillis) -> Result<Counts, StorageError> {
    let rows = database.query(
        concat!(
            "SELECT status, (expires_at <= ? OR (ends_at IS NOT NULL AND ends_at <= ?)) AS ended, ",
            key_retired!(),
            " AS key_retired, COUNT(*) FROM token GROUP BY status, ended, key_retired"
        ),
        &[now.floor_seconds().into(), now.into()],
    )?;
    let mut counts = [0_u64; 4];
    let [active, disabled, revoked, expired] = &mut counts;
    for row in rows {
        let mut columns = Columns::of(row);
        let status = Status::parse(&columns.text()?)?;
        let (ended, key_retired) = (columns.flag()?, columns.flag()?);
        let count: u64 = columns.number()?;
        let state = match status {
            Status::Revoked => TokenState::Revoked,
            _ if key_retired => TokenState::Revoked,
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
