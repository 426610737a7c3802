//! Notices about admin keys that end soon. They cannot be prolonged, so somebody must make another in time.
//!
//! Standard: docs/lifecycle.md, "Notices"; docs/http.md, "Callers and roles".
//! Invariants: each threshold is reported once for each key, and only the nearest of several. A notice shows
//! neither text nor role: viewers read notices, and only owners the list of keys.
//! What it must not know: how a webhook is signed or sent.
//! What a mistake costs: a job stops at the moment when its key ends.

use super::admin_key_row::{COLUMNS, KeyRow};
use super::command::AdminKeyView;
use super::notices;
use super::row::StorageError;
use super::settings::RegistrySettings;
use crate::base::database::{Database, Rows};
use crate::base::time::UnixMillis;
use crate::limits::{EXPIRY_NOTICE_SECONDS, MS_PER_SECOND, SECONDS_PER_DAY};
use serde_json::{Value as Json, json};

/// Days before the end at which a key is reported, the nearest first: as for tokens.
const THRESHOLDS_DAYS: [u32; 3] = [1, 7, 30];

/// Stores one notice for each threshold that valid keys have newly reached. Part of the daily sweep.
pub(super) fn make<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let sql = format!(
        "SELECT {COLUMNS}, noticed_within_days FROM admin_key WHERE deleted_at IS NULL AND expires_at <= ? \
         ORDER BY id"
    );
    let until = now.floor_seconds().plus_seconds(EXPIRY_NOTICE_SECONDS);
    let keys = database.query_all(&sql, &[until.into()], |columns| {
        Ok((KeyRow::read(columns)?, columns.optional_number::<u32>()?))
    })?;
    let live = keys.into_iter().filter(|(key, _)| key.is_live(settings, now));
    let due: Vec<_> = live
        .filter_map(|(key, noticed)| {
            let days = reached(&key.view, now)?;
            noticed.is_none_or(|noticed| days < noticed).then_some((days, key.view))
        })
        .collect();
    for days in THRESHOLDS_DAYS {
        let these: Vec<_> = due.iter().filter(|(reached, _)| *reached == days).map(|(_, key)| key).collect();
        if these.is_empty() {
            continue;
        }
        for key in &these {
            let sql = "UPDATE admin_key SET noticed_within_days = ? WHERE id = ?";
            database.execute(sql, &[days.into(), key.id.into()])?;
        }
        let keys: Vec<Json> = these.into_iter().map(shown).collect();
        notices::keep_of_admin_keys(database, settings, days, &Json::Array(keys), now)?;
    }
    Ok(())
}

/// The nearest threshold that the key has reached. One longer than half of its life says nothing.
fn reached(key: &AdminKeyView, now: UnixMillis) -> Option<u32> {
    let end = key.expires_at?.to_millis();
    let (left_ms, life_ms) = (end.since_ms(now), end.since_ms(key.created_at));
    THRESHOLDS_DAYS.into_iter().find(|days| {
        let ms = i64::from(*days) * SECONDS_PER_DAY * MS_PER_SECOND;
        left_ms <= ms && ms <= life_ms / 2
    })
}

fn shown(key: &AdminKeyView) -> Json {
    json!({
        "id": format!("key_{}", key.id),
        "label": key.label,
        "expires_at": key.expires_at.map(|at| at.to_rfc3339()),
        "last_used_at": key.last_used_at.map(UnixMillis::to_rfc3339),
    })
}
