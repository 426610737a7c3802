//! Retention: tokens leave the registry `RETENTION_DAYS` after their end; audit events and serials never do.
//!
//! Standard: DESIGN section 8, last rule.
//! Invariants: the age counts from `expires_at`, however early a token was revoked; a row never goes before the list has
//! stopped naming its serial; what a base still names of it leaves with the next base.
//! What it must not know: who calls it.
//! What a mistake costs: a revoked token's row deleted too early takes it off the list (false accept).

use super::bases;
use super::database::{Database, Value};
use super::idempotency;
use super::origin_index;
use super::row::{Columns, StorageError};
use super::settings::RegistrySettings;
use super::state::State;
use super::sweep;
use crate::limits::{RETENTION_SWEEP_MAX, REVOCATION_BOUND_MAX_SECONDS, SECONDS_PER_DAY};
use crate::time::{UnixMillis, UnixSeconds};

/// Rows go on the hour, so that tokens which end one after the other do not wake the registry for each.
const SWEEP_STEP_SECONDS: i64 = 3_600;

fn kept_seconds(settings: &RegistrySettings) -> i64 {
    settings.retention_days.saturating_mul(SECONDS_PER_DAY).max(REVOCATION_BOUND_MAX_SECONDS)
}

/// Deletes what is past its time, a bounded number of rows.
pub(super) fn sweep<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let ended_by = now.floor_seconds().plus_seconds(-kept_seconds(settings));
    let deleted = database.query(
        "DELETE FROM token WHERE serial IN (SELECT serial FROM token WHERE expires_at <= ? LIMIT ?) \
         RETURNING serial, expires_at, listed_n",
        &[ended_by.into(), Value::from(RETENTION_SWEEP_MAX)],
    )?;
    let mut listed = Vec::new();
    for row in deleted {
        let mut columns = Columns::of(row);
        let (serial, expires_at, listed_n) =
            (columns.serial()?, columns.seconds()?, columns.number::<u64>()?);
        origin_index::forget(database, serial)?;
        sweep::forget(database, serial)?;
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

/// When the next row is past its time; `None` without tokens.
pub(super) fn next_due<D: Database>(
    database: &D,
    settings: &RegistrySettings,
) -> Result<Option<UnixMillis>, StorageError> {
    let rows = database.query("SELECT MIN(expires_at) FROM token", &[])?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    Ok(Columns::of(row).optional_integer()?.map(|expires_at| {
        let due = expires_at.saturating_add(kept_seconds(settings));
        let step = due.saturating_add(SWEEP_STEP_SECONDS - 1).div_euclid(SWEEP_STEP_SECONDS);
        UnixSeconds(step.saturating_mul(SWEEP_STEP_SECONDS)).to_millis()
    }))
}
