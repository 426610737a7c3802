//! Retention: tokens leave the registry `RETENTION_DAYS` after their end; audit events and serials never do.
//!
//! Standard: docs/lifecycle.md, "Retention".
//! Invariants: the time counts from `expires_at`, however early a token was revoked. A row is deleted only
//! after lists have stopped naming its serial. A base that still names it is followed by one without it.
//! What it must not know: who calls it.
//! What a mistake costs: deleting a revoked token's row too early removes it from the list (false accept).

use super::bases;
use super::fetches;
use super::idempotency;
use super::meters;
use super::origin_index;
use super::row::StorageError;
use super::settings::RegistrySettings;
use super::state::State;
use super::sweep;
use super::token_index;
use crate::base::database::{Columns, Database, Rows};
use crate::base::time::{UnixMillis, UnixSeconds};
use crate::limits::{RETENTION_SWEEP_MAX, REVOCATION_BOUND_MAX_SECONDS, SECONDS_PER_DAY};

/// Rows are deleted on the hour, so that tokens that end one after the other do not each wake the registry.
const SWEEP_STEP_SECONDS: i64 = 3_600;

fn kept_seconds(settings: &RegistrySettings) -> i64 {
    settings.retention_days.saturating_mul(SECONDS_PER_DAY).max(REVOCATION_BOUND_MAX_SECONDS)
}

/// Deletes a bounded number of rows that are past their time.
pub(super) fn sweep<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let ended_by = now.floor_seconds().plus_seconds(-kept_seconds(settings));
    let deleted = database.query_all(
        "DELETE FROM token WHERE serial IN (SELECT serial FROM token WHERE expires_at <= ? LIMIT ?) \
         RETURNING serial, expires_at, listed_n, family",
        &[ended_by.into(), RETENTION_SWEEP_MAX.into()],
        |columns| Ok((columns.serial()?, columns.seconds()?, columns.number::<u64>()?, columns.text()?)),
    )?;
    if !deleted.is_empty() {
        token_index::forget(database, &deleted.iter().map(|(serial, ..)| *serial).collect::<Vec<_>>())?;
    }
    let mut listed = Vec::new();
    for (serial, expires_at, listed_n, family) in deleted {
        fetches::forget_gone(database, &family)?;
        origin_index::forget(database, serial)?;
        sweep::forget(database, serial)?;
        meters::forget(database, serial)?;
        if listed_n > 0 {
            listed.push((serial, expires_at));
        }
    }
    if !listed.is_empty() {
        let newest = bases::newest(database, State::read(database)?.list_number.epoch)?;
        bases::rows_are_gone(database, &newest, listed)?;
    }
    idempotency::forget_old(database, now)
}

/// When the next row is past its time; `None` when there are no tokens.
pub(super) fn next_due<D: Database>(
    database: &D,
    settings: &RegistrySettings,
) -> Result<Option<UnixMillis>, StorageError> {
    let first = database.query_one("SELECT MIN(expires_at) FROM token", &[], Columns::optional_integer)?;
    Ok(first.map(|expires_at| {
        let due = expires_at.saturating_add(kept_seconds(settings));
        let step = due.saturating_add(SWEEP_STEP_SECONDS - 1).div_euclid(SWEEP_STEP_SECONDS);
        UnixSeconds(step.saturating_mul(SWEEP_STEP_SECONDS)).to_millis()
    }))
}
