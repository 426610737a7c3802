//! Who acts: the admin key that a caller presented, found by its digest. The first use of `ADMIN_KEY` makes
//! it an owner's key.
//!
//! Standard: docs/http.md, "Callers and roles".
//! Invariants: only a valid key acts (`admin_key_row`). Its use is recorded.
//! What it must not know: the form of a key's text.
//! What a mistake costs: a deleted key works again (false accept), or everyone is locked out (false refuse).

use super::admin_key_row::{self, KeyRow};
use super::command::{AdminKeyView, Fault, NewAdminKey};
use super::events::{self, Event};
use super::row::{Stop, StorageError};
use super::settings::RegistrySettings;
use super::transaction::{ActingKey, Actor};
use crate::base::database::{Database, Rows};
use crate::base::time::UnixMillis;
use crate::formats::admin_key::Role;
use crate::limits::ADMIN_KEY_USE_INTERVAL_MS;
use serde_json::json;

/// Label of a key that was bootstrapped from `ADMIN_KEY`.
const BOOTSTRAP_LABEL: &str = "ADMIN_KEY";

/// Finds the key presented, and records its use. The first use of `ADMIN_KEY` creates its row.
///
/// # Errors
/// [`Fault::Unauthorized`] when the key is unknown or not valid.
pub(super) fn by_key<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    key_sha256: &str,
    now: UnixMillis,
) -> Result<Actor, Stop> {
    let found = match admin_key_row::find(database, key_sha256)? {
        Some(row) => row,
        None => bootstrap(database, settings, key_sha256, now)?.ok_or(Fault::Unauthorized)?,
    };
    live_actor(database, settings, found, now)
}

/// Makes the key the acting caller, and records its use.
///
/// # Errors
/// [`Fault::Unauthorized`] when the key is not valid.
pub(super) fn live_actor<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    found: KeyRow,
    now: UnixMillis,
) -> Result<Actor, Stop> {
    if !found.is_live(settings, now) {
        return Err(Fault::Unauthorized.into());
    }
    let noted = found.view.last_used_at.is_some_and(|at| now.since_ms(at) < ADMIN_KEY_USE_INTERVAL_MS);
    if !noted {
        database.execute(
            "UPDATE admin_key SET last_used_at = ? WHERE id = ?",
            &[now.into(), found.view.id.into()],
        )?;
    }
    let bootstrap = found.bootstrap;
    let AdminKeyView { id, label, role, expires_at, .. } = found.view;
    Ok(Actor::Key(ActingKey { id, label, role, expires_at, bootstrap, session: None }))
}

fn bootstrap<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    key_sha256: &str,
    now: UnixMillis,
) -> Result<Option<KeyRow>, StorageError> {
    if !admin_key_row::is_configured(settings, key_sha256) {
        return Ok(None);
    }
    let key = NewAdminKey { label: BOOTSTRAP_LABEL.to_owned(), role: Role::Owner, expires_at: None };
    let row = admin_key_row::insert(database, &key, key_sha256, true, now)?;
    let event =
        Event { action: "admin_key.bootstrapped", after: Some(audited(&row.view)), ..Event::default() };
    events::append(database, now, events::SYSTEM, event)?;
    Ok(Some(row))
}

pub(super) fn audited(key: &AdminKeyView) -> serde_json::Value {
    let mut fields = json!({ "id": key.id, "label": key.label, "role": key.role.as_str() });
    if let (Some(at), Some(fields)) = (key.expires_at, fields.as_object_mut()) {
        fields.insert("expires_at".to_owned(), at.to_rfc3339().into());
    }
    fields
}
