//! Admin keys: who calls, the bootstrap of the first owner, creating, listing and deleting.
//!
//! Standard: DESIGN section 4 "Admin key", section 7 (roles, `/admin-keys`), section 9 (`ADMIN_KEY`).
//! The one rule ([`KeyRow::is_live`]): a key lives while it is neither deleted nor expired and, when `ADMIN_KEY` made it,
//! while `ADMIN_KEY` is still its text. Only a live key calls, and only a live owner's key counts as an owner.
//! Invariants: only SHA-256 of a key is stored; a deleted key's row stays, so that a deleted `ADMIN_KEY` stays dead
//! however often it is configured, while a new value bootstraps a new owner; the last live owner's key is not deleted.
//! What it must not know: the form of a key's text beyond minting it.
//! What a mistake costs: a deleted key that works again (false accept), or everyone locked out (false refuse).

use super::call::{Actor, Call, Caller};
use super::command::{AdminKeyView, Fault, Idempotency, NewAdminKey};
use super::database::{Database, Row, Value};
use super::events::{self, Event};
use super::idempotency::{self, Made};
use super::policy::field_fault;
use super::row::{Columns, Stop, StorageError};
use super::sessions;
use super::settings::RegistrySettings;
use crate::admin_key::{AdminKey, Role, random_from_nonce};
use crate::limits::ADMIN_KEY_USE_INTERVAL_MS;
use crate::time::UnixMillis;
use data_encoding::HEXLOWER;
use serde_json::json;

/// What people see of the key that `ADMIN_KEY` bootstraps.
const BOOTSTRAP_LABEL: &str = "ADMIN_KEY";
/// Bytes of the nonce that a key created under an idempotency key is derived from.
const NONCE_BYTES: usize = 24;

/// Finds the key presented, making the bootstrap's row on its first use, and notes the use.
///
/// # Errors
/// [`Fault::Unauthorized`] when it is unknown or does not live.
pub(super) fn authenticate<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    key_sha256: &str,
    now: UnixMillis,
) -> Result<Actor, Stop> {
    let found = match find(database, key_sha256)? {
        Some(row) => row,
        None => bootstrap(database, settings, key_sha256, now)?.ok_or(Fault::Unauthorized)?,
    };
    live_actor(database, settings, found, now)
}

/// The key as the one that acts, with its use noted.
///
/// # Errors
/// [`Fault::Unauthorized`] when it does not live.
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
        database.query(
            "UPDATE admin_key SET last_used_at = ? WHERE id = ?",
            &[now.into(), found.view.id.into()],
        )?;
    }
    let AdminKeyView { id, label, role, expires_at, .. } = found.view;
    Ok(Actor::Key(Caller { id, label, role, expires_at, session: None }))
}

fn bootstrap<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    key_sha256: &str,
    now: UnixMillis,
) -> Result<Option<KeyRow>, StorageError> {
    if !is_configured(settings, key_sha256) {
        return Ok(None);
    }
    let key = NewAdminKey { label: BOOTSTRAP_LABEL.to_owned(), role: Role::Owner, expires_at: None };
    let row = insert(database, &key, key_sha256, true, now)?;
    let event =
        Event { action: "admin_key.bootstrapped", after: Some(audited(&row.view)), ..Event::default() };
    events::append(database, now, events::SYSTEM, event)?;
    Ok(Some(row))
}

/// Whether `ADMIN_KEY` is now the text with this SHA-256. The comparison need not be in constant time: whoever reaches it
/// has shown the text, and its SHA-256 was looked up in an index.
fn is_configured(settings: &RegistrySettings, key_sha256: &str) -> bool {
    settings.bootstrap_sha256.is_some_and(|sha256| HEXLOWER.encode(&sha256) == key_sha256)
}

impl<D: Database> Call<'_, D> {
    /// Makes a key; the same one again for a retry.
    pub(super) fn create_admin_key(
        &mut self,
        new: &NewAdminKey,
        idempotency: Option<&Idempotency>,
    ) -> Result<(AdminKeyView, String), Stop> {
        if let Some(idempotency) = idempotency
            && let Some(made) = idempotency::find(self.database, self.actor.key_id(), idempotency, self.now)?
        {
            let Made::AdminKey { id, nonce } = made else { return Err(Fault::IdempotencyConflict.into()) };
            let key = by_id(self.database, id)?.filter(|row| !row.deleted).ok_or(Fault::Conflict)?;
            return Ok((key.view, self.admin_key_text(&nonce)));
        }
        if new.expires_at.is_some_and(|at| at.to_millis() <= self.now) {
            return Err(Fault::Fields(vec![field_fault(
                "expires_at",
                "out_of_range",
                "an instant in the future",
            )])
            .into());
        }
        let mut nonce = [0; NONCE_BYTES];
        (self.entropy)(&mut nonce);
        let text = self.admin_key_text(&nonce);
        let sha256 = HEXLOWER.encode(&crate::key::sha256(text.as_bytes()));
        let key = insert(self.database, new, &sha256, false, self.now)?.view;
        if let Some(idempotency) = idempotency {
            let made = Made::AdminKey { id: key.id, nonce: nonce.to_vec() };
            idempotency::keep(self.database, self.actor.key_id(), idempotency, &made, self.now)?;
        }
        self.audit(Event { action: "admin_key.created", after: Some(audited(&key)), ..Event::default() })?;
        Ok((key, text))
    }

    /// The key under a nonce: derived by `CHECK_SECRET`, so the nonce alone, which is stored, gives nobody the key.
    fn admin_key_text(&self, nonce: &[u8]) -> String {
        let keys = &self.settings.check_keys;
        AdminKey::mint(random_from_nonce(nonce, keys), keys).as_str().to_owned()
    }

    pub(super) fn delete_admin_key(&mut self, id: u32) -> Result<(), Stop> {
        let row = by_id(self.database, id)?.filter(|row| !row.deleted).ok_or(Fault::NotFound)?;
        if row.view.role == Role::Owner && self.other_owners(id)? == 0 {
            return Err(Fault::Conflict.into());
        }
        self.database
            .query("UPDATE admin_key SET deleted_at = ? WHERE id = ?", &[self.now.into(), id.into()])?;
        sessions::end_of_key(self.database, id)?;
        self.audit(Event {
            action: "admin_key.deleted",
            before: Some(audited(&row.view)),
            ..Event::default()
        })
    }

    /// Live owners' keys beside `id`.
    fn other_owners(&self, id: u32) -> Result<usize, StorageError> {
        let sql =
            format!("SELECT {COLUMNS} FROM admin_key WHERE role = ? AND id <> ? AND deleted_at IS NULL");
        let rows = self.database.query(&sql, &[Role::Owner.as_str().into(), id.into()])?;
        let rows: Vec<KeyRow> = rows.into_iter().map(KeyRow::read).collect::<Result<_, _>>()?;
        Ok(rows.iter().filter(|row| row.is_live(self.settings, self.now)).count())
    }
}

/// All keys that are not deleted, oldest first; expired ones and earlier values of `ADMIN_KEY` too, so that people can
/// see why a job stopped, and delete a value that must not come back.
pub(super) fn list<D: Database>(database: &D) -> Result<Vec<AdminKeyView>, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM admin_key WHERE deleted_at IS NULL ORDER BY id");
    database.query(&sql, &[])?.into_iter().map(|row| Ok(KeyRow::read(row)?.view)).collect()
}

/// A row of `admin_key`.
pub(super) struct KeyRow {
    view: AdminKeyView,
    deleted: bool,
    sha256: String,
    /// Made by `ADMIN_KEY`, not by an owner.
    bootstrap: bool,
}

const COLUMNS: &str = "id, label, role, created_at, expires_at, last_used_at, deleted_at, sha256, bootstrap";

impl KeyRow {
    fn read(row: Row) -> Result<Self, StorageError> {
        let mut columns = Columns::of(row);
        let view = AdminKeyView {
            id: columns.number()?,
            label: columns.text()?,
            role: Role::parse(&columns.text()?).ok_or(StorageError::Unreadable)?,
            created_at: columns.millis()?,
            expires_at: columns.optional_integer()?.map(crate::time::UnixSeconds),
            last_used_at: columns.optional_millis()?,
        };
        Ok(Self {
            view,
            deleted: columns.optional_integer()?.is_some(),
            sha256: columns.text()?,
            bootstrap: columns.flag()?,
        })
    }

    /// The rule at the top of this file.
    fn is_live(&self, settings: &RegistrySettings, now: UnixMillis) -> bool {
        let expired = self.view.expires_at.is_some_and(|at| now >= at.to_millis());
        let replaced = self.bootstrap && !is_configured(settings, &self.sha256);
        !(self.deleted || expired || replaced)
    }
}

fn find<D: Database>(database: &D, key_sha256: &str) -> Result<Option<KeyRow>, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM admin_key WHERE sha256 = ?");
    database.query(&sql, &[key_sha256.into()])?.pop().map(KeyRow::read).transpose()
}

pub(super) fn by_id<D: Database>(database: &D, id: u32) -> Result<Option<KeyRow>, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM admin_key WHERE id = ?");
    database.query(&sql, &[id.into()])?.pop().map(KeyRow::read).transpose()
}

fn insert<D: Database>(
    database: &D,
    key: &NewAdminKey,
    sha256: &str,
    bootstrap: bool,
    now: UnixMillis,
) -> Result<KeyRow, StorageError> {
    let sql = format!(
        "INSERT INTO admin_key (sha256, label, role, created_at, expires_at, bootstrap) VALUES (?, ?, ?, ?, ?, ?) \
         RETURNING {COLUMNS}"
    );
    let values = [
        sha256.into(),
        key.label.as_str().into(),
        key.role.as_str().into(),
        now.into(),
        key.expires_at.map_or(Value::Null, Value::from),
        bootstrap.into(),
    ];
    KeyRow::read(database.query(&sql, &values)?.pop().ok_or(StorageError::Unreadable)?)
}

fn audited(key: &AdminKeyView) -> serde_json::Value {
    let mut fields = json!({ "id": key.id, "label": key.label, "role": key.role.as_str() });
    if let (Some(at), Some(fields)) = (key.expires_at, fields.as_object_mut()) {
        fields.insert("expires_at".to_owned(), at.to_rfc3339().into());
    }
    fields
}
