//! The row of an admin key, and when a key is valid.
//!
//! Standard: docs/formats.md, "Admin key".
//! The one rule ([`KeyRow::is_live`]): a key is valid while it is neither deleted nor expired. A key made
//! from `ADMIN_KEY` must also still be its value. Only a valid key can call, and only a valid owner's key
//! counts as an owner.
//! Invariants: only the SHA-256 of a key is stored. A deleted key's row stays, so a deleted `ADMIN_KEY` stays
//! invalid however often it is configured, while a new value bootstraps a new owner.
//! What it must not know: who calls.
//! What a mistake costs: a deleted key works again (false accept), or everyone is locked out (false refuse).

use super::command::{AdminKeyView, NewAdminKey};
use super::row::StorageError;
use super::settings::RegistrySettings;
use crate::base::database::{Columns, Database, ReadError, Rows};
use crate::base::time::UnixMillis;
use crate::formats::admin_key::Role;

pub(super) struct KeyRow {
    pub(super) view: AdminKeyView,
    pub(super) deleted: bool,
    sha256: String,
    /// Made from `ADMIN_KEY`, not by an owner.
    pub(super) bootstrap: bool,
}

pub(super) const COLUMNS: &str =
    "id, label, role, created_at, expires_at, last_used_at, deleted_at, sha256, bootstrap";

impl KeyRow {
    pub(super) fn read(columns: &mut Columns) -> Result<Self, ReadError> {
        let view = AdminKeyView {
            id: columns.number()?,
            label: columns.text()?,
            role: Role::parse(&columns.text()?).ok_or(ReadError::Unreadable)?,
            created_at: columns.millis()?,
            expires_at: columns.optional_seconds()?,
            last_used_at: columns.optional_millis()?,
        };
        Ok(Self {
            view,
            deleted: columns.optional_integer()?.is_some(),
            sha256: columns.text()?,
            bootstrap: columns.flag()?,
        })
    }

    /// Implements the rule at the top of this file.
    pub(super) fn is_live(&self, settings: &RegistrySettings, now: UnixMillis) -> bool {
        let expired = self.view.expires_at.is_some_and(|at| now >= at.to_millis());
        let replaced = self.bootstrap && !is_configured(settings, &self.sha256);
        !(self.deleted || expired || replaced)
    }
}

/// Whether this is the SHA-256 of the current `ADMIN_KEY`. The comparison need not take constant time: the
/// caller has presented the text, and its SHA-256 was already looked up in an index.
pub(super) fn is_configured(settings: &RegistrySettings, key_sha256: &str) -> bool {
    settings.bootstrap_sha256.is_some_and(|sha256| hex::encode(sha256) == key_sha256)
}

pub(super) fn find<D: Database>(database: &D, key_sha256: &str) -> Result<Option<KeyRow>, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM admin_key WHERE sha256 = ?");
    Ok(database.query_optional(&sql, &[key_sha256.into()], KeyRow::read)?)
}

pub(super) fn by_id<D: Database>(database: &D, id: u32) -> Result<Option<KeyRow>, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM admin_key WHERE id = ?");
    Ok(database.query_optional(&sql, &[id.into()], KeyRow::read)?)
}

pub(super) fn insert<D: Database>(
    database: &D,
    key: &NewAdminKey,
    sha256: &str,
    bootstrap: bool,
    now: UnixMillis,
) -> Result<KeyRow, StorageError> {
    let sql = format!(
        "INSERT INTO admin_key (sha256, label, role, created_at, expires_at, bootstrap) \
         VALUES (?, ?, ?, ?, ?, ?) \
         RETURNING {COLUMNS}"
    );
    let values = [
        sha256.into(),
        key.label.as_str().into(),
        key.role.as_str().into(),
        now.into(),
        key.expires_at.into(),
        bootstrap.into(),
    ];
    Ok(database.query_one(&sql, &values, KeyRow::read)?)
}
