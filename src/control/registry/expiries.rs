//! Expiries for `GET /metrics`: which tokens without a successor end next, and how many there are. The size
//! is bounded, however many tokens there are. An operator's earlier end counts.
//!
//! Standard: docs/http.md, "Status and metrics".

use super::command::{ExpiriesView, ExpiryView};
use super::fetches;
use super::retired_keys::key_retired;
use super::row::StorageError;
use crate::base::database::{Database, Rows, Value};
use crate::base::time::UnixMillis;
use crate::limits::SECONDS_PER_DAY;

/// The numbers of days for which ends are counted.
pub(super) const WITHIN_DAYS: [i64; 3] = [1, 7, 30];

/// SQL condition: the token works and has no successor. `+`: most tokens are good, so the ends are found in
/// their own order.
macro_rules! unsucceeded {
    () => {
        concat!("+status = 'good' AND successor IS NULL AND NOT ", key_retired!())
    };
}

/// The nearest ends and the last fetches. [`counts`] has the rest.
pub(super) fn view<D: Database>(
    database: &D,
    shown_max: i64,
    now: UnixMillis,
) -> Result<ExpiriesView, StorageError> {
    let second = now.floor_seconds();
    let limit = Value::from(shown_max);
    let mut nearest = database.query_all(
        concat!(
            "SELECT serial, family, expires_at FROM token WHERE expires_at > ? AND ends_at IS NULL AND ",
            unsucceeded!(),
            " ORDER BY expires_at LIMIT ?"
        ),
        &[second.into(), limit.clone()],
        |columns| {
            let (serial, family) = (columns.serial()?, columns.text()?);
            Ok(ExpiryView { serial, family, at: columns.seconds()? })
        },
    )?;
    nearest.extend(database.query_all(
        concat!(
            "SELECT serial, family, ends_at FROM token WHERE ends_at > ? AND ",
            unsucceeded!(),
            " ORDER BY ends_at LIMIT ?"
        ),
        &[now.into(), limit],
        |columns| {
            let (serial, family) = (columns.serial()?, columns.text()?);
            Ok(ExpiryView { serial, family, at: columns.millis()?.floor_seconds() })
        },
    )?);
    nearest.sort_by_key(|expiry| (expiry.at, expiry.serial));
    nearest.truncate(usize::try_from(shown_max).unwrap_or_default());
    let fetches = fetches::for_metrics(database, shown_max, now)?;
    Ok(ExpiriesView {
        nearest,
        within: [0; 4],
        fetched: fetches.last,
        fetched_in_all: fetches.in_all,
        unfetched: fetches.unfetched,
        shown_max,
    })
}

/// How many end within each of [`WITHIN_DAYS`], and then how many there are.
pub(super) fn counts<D: Database>(database: &D, now: UnixMillis) -> Result<[u64; 4], StorageError> {
    let ended_by = "(expires_at <= ? OR (ends_at IS NOT NULL AND ends_at <= ?))";
    let sql = format!(
        "SELECT COALESCE(SUM({ended_by}), 0), COALESCE(SUM({ended_by}), 0), COALESCE(SUM({ended_by}), 0), \
         COUNT(*) \
         FROM token WHERE expires_at > ? AND (ends_at IS NULL OR ends_at > ?) AND {}",
        unsucceeded!()
    );
    let mut parameters: Vec<Value> = Vec::new();
    for days in WITHIN_DAYS.into_iter().chain([0]) {
        let at = now.floor_seconds().plus_seconds(days * SECONDS_PER_DAY);
        parameters.extend([at.into(), at.to_millis().into()]);
    }
    Ok(database.query_one(&sql, &parameters, |columns| {
        Ok([columns.number()?, columns.number()?, columns.number()?, columns.number()?])
    })?)
}
