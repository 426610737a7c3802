//! Admin keys: creating, listing and deleting them.
//!
//! Standard: docs/formats.md, "Admin key"; docs/http.md, "Callers and roles".
//! Invariants: the last valid owner's key cannot be deleted (`admin_key_row` says which keys are valid).
//! What it must not know: the form of a key's text, except for minting it.
//! What a mistake costs: a deleted key works again (false accept), or everyone is locked out (false refuse).

use super::admin_key_row::{self, COLUMNS, KeyRow};
use super::authentication::audited;
use super::command::{AdminKeyView, Clash, Fault, Idempotency, NewAdminKey};
use super::events::Event;
use super::idempotency::{self, Made};
use super::policy::field_fault;
use super::row::{Stop, StorageError};
use super::sessions;
use super::settings::RegistrySettings;
use super::transaction::Transaction;
use crate::base::database::{Database, Rows};
use crate::base::time::{UnixMillis, UnixSeconds};
use crate::formats::admin_key::{AdminKey, Role, random_from_nonce};
use crate::limits::{ADMIN_KEY_LIFETIME_DEFAULT_SECONDS, ADMIN_KEY_LIFETIME_MAX_SECONDS};

/// Bytes of the nonce from which a created key is derived.
const NONCE_BYTES: usize = 24;

impl<D: Database> Transaction<'_, D> {
    /// Creates a key. A retry returns the same one.
    pub(super) fn create_admin_key(
        &mut self,
        new: &NewAdminKey,
        idempotency: Option<&Idempotency>,
    ) -> Result<(AdminKeyView, String), Stop> {
        if let Some(idempotency) = idempotency
            && let Some(made) = idempotency::find(self.database, self.actor.key_id(), idempotency, self.now)?
        {
            let Made::AdminKey { id, nonce } = made else { return Err(Fault::IdempotencyConflict.into()) };
            let key = admin_key_row::by_id(self.database, id)?
                .filter(|row| !row.deleted)
                .ok_or(Fault::Conflict(Clash::MadeIsGone))?;
            return Ok((key.view, self.admin_key_text(&nonce)));
        }
        let new = &NewAdminKey { expires_at: Some(self.end_of_key(new.expires_at)?), ..new.clone() };
        let mut nonce = [0; NONCE_BYTES];
        (self.entropy)(&mut nonce);
        let text = self.admin_key_text(&nonce);
        let sha256 = hex::encode(crate::formats::key::sha256(text.as_bytes()));
        let key = admin_key_row::insert(self.database, new, &sha256, false, self.now)?.view;
        if let Some(idempotency) = idempotency {
            let made = Made::AdminKey { id: key.id, nonce: nonce.to_vec() };
            idempotency::keep(self.database, self.actor.key_id(), idempotency, &made, self.now)?;
        }
        self.audit(Event { action: "admin_key.created", after: Some(audited(&key)), ..Event::default() })?;
        Ok((key, text))
    }

    /// When a new key ends. It cannot be edited, so a key is prolonged only by another one.
    fn end_of_key(&self, asked: Option<UnixSeconds>) -> Result<UnixSeconds, Fault> {
        let start = self.now.ceil_seconds();
        let at = asked.unwrap_or(start.plus_seconds(ADMIN_KEY_LIFETIME_DEFAULT_SECONDS));
        let latest = start.plus_seconds(ADMIN_KEY_LIFETIME_MAX_SECONDS);
        if at.to_millis() > self.now && at <= latest {
            return Ok(at);
        }
        let detail = "an instant in the future, at most 365 days from now";
        Err(Fault::Fields(vec![field_fault("expires_at", "out_of_range", detail)]))
    }

    /// Derives the text of the key with this nonce. It needs `CHECK_SECRET`, so the stored nonce alone
    /// reveals no key.
    fn admin_key_text(&self, nonce: &[u8]) -> String {
        let keys = &self.settings.check_keys;
        AdminKey::mint(random_from_nonce(nonce, keys), keys).as_str().to_owned()
    }

    pub(super) fn delete_admin_key(&mut self, id: u32) -> Result<(), Stop> {
        let row =
            admin_key_row::by_id(self.database, id)?.filter(|row| !row.deleted).ok_or(Fault::NotFound)?;
        if row.view.role == Role::Owner && self.other_owners(id)? == 0 {
            return Err(Fault::Conflict(Clash::LastOwner).into());
        }
        self.database
            .execute("UPDATE admin_key SET deleted_at = ? WHERE id = ?", &[self.now.into(), id.into()])?;
        sessions::end_of_key(self.database, id)?;
        self.audit(Event {
            action: "admin_key.deleted",
            before: Some(audited(&row.view)),
            ..Event::default()
        })
    }

    /// The number of other valid owners' keys.
    fn other_owners(&self, id: u32) -> Result<usize, StorageError> {
        let sql =
            format!("SELECT {COLUMNS} FROM admin_key WHERE role = ? AND id <> ? AND deleted_at IS NULL");
        let rows = self.database.query_all(&sql, &[Role::Owner.as_str().into(), id.into()], KeyRow::read)?;
        Ok(rows.iter().filter(|row| row.is_live(self.settings, self.now)).count())
    }
}

/// Whether a bootstrapped key is valid, and how many other valid keys have no end, as those of an earlier
/// release may.
pub(super) fn lasting<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    now: UnixMillis,
) -> Result<(bool, u64), StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM admin_key WHERE deleted_at IS NULL AND expires_at IS NULL");
    let mut keys = database.query_all(&sql, &[], KeyRow::read)?;
    keys.retain(|key| key.is_live(settings, now));
    let others = keys.iter().filter(|key| !key.bootstrap).count();
    Ok((keys.iter().any(|key| key.bootstrap), u64::try_from(others).unwrap_or(u64::MAX)))
}

/// All keys that are not deleted, oldest first. Includes expired keys and earlier values of `ADMIN_KEY`, so
/// that people can see why a job stopped, and delete a value that must not come back.
pub(super) fn list<D: Database>(database: &D) -> Result<Vec<AdminKeyView>, StorageError> {
    let sql = format!("SELECT {COLUMNS} FROM admin_key WHERE deleted_at IS NULL ORDER BY id");
    Ok(database.query_all(&sql, &[], |columns| Ok(KeyRow::read(columns)?.view))?)
}
