//! One action on the registry inside its database transaction: the context that every rule needs.
//!
//! Invariants: returning a [`Stop`] undoes everything that was written, including its audit event.
//! What it must not know: HTTP; how the transaction is made.
//! What a mistake costs: a refused request leaves half of its changes behind.

use super::command::{Fault, Receipt};
use super::promise::Promise;
use super::row::{Stop, StorageError};
use super::settings::RegistrySettings;
use super::state::State;
use super::token_row::TokenRow;
use super::{events, outbox, state};
use crate::base::database::Database;
use crate::base::time::{UnixMillis, UnixSeconds};
use crate::formats::admin_key::Role;
use crate::formats::token::Serial;
use std::collections::BTreeSet;

/// Who makes the changes of a transaction.
#[derive(Clone, Debug)]
pub(super) enum Actor {
    /// An admin key, directly or through a console session.
    Key(ActingKey),
    /// The registry itself, for example for planned ends and first uses.
    System,
}

/// The admin key of the operator who acts.
#[derive(Clone, Debug)]
pub(super) struct ActingKey {
    pub(super) id: u32,
    pub(super) label: String,
    pub(super) role: Role,
    pub(super) expires_at: Option<UnixSeconds>,
    /// Whether it is the key of `ADMIN_KEY`.
    pub(super) bootstrap: bool,
    /// SHA-256 (hex) of the console session used; `None` when the key itself was presented.
    pub(super) session: Option<String>,
}

impl Actor {
    pub(super) fn role(&self) -> Role {
        match self {
            Self::Key(key) => key.role,
            Self::System => Role::Owner,
        }
    }

    /// The admin key's number; 0 for the registry itself.
    pub(super) fn key_id(&self) -> u32 {
        match self {
            Self::Key(key) => key.id,
            Self::System => 0,
        }
    }

    /// The text for `created_by`.
    pub(super) fn label(&self) -> &str {
        match self {
            Self::Key(key) => &key.label,
            Self::System => events::SYSTEM,
        }
    }

    /// The text for audit events.
    fn audited(&self) -> String {
        match self {
            Self::Key(key) => format!("key_{} {}", key.id, key.label),
            Self::System => events::SYSTEM.to_owned(),
        }
    }
}

/// One action, inside its database transaction.
pub(super) struct Transaction<'a, D: Database> {
    pub(super) database: &'a D,
    pub(super) settings: &'a RegistrySettings,
    pub(super) actor: Actor,
    pub(super) now: UnixMillis,
    pub(super) entropy: &'a mut dyn FnMut(&mut [u8]),
    /// Set when the action changes what the revocation list says.
    pub(super) list_changed: bool,
    /// The next list's n and the promise for changes in it, from the first change on.
    pub(super) announced: Option<(u64, Promise)>,
    /// Tokens that the action created or changed.
    pub(super) touched: BTreeSet<Serial>,
}

impl<D: Database> Transaction<'_, D> {
    /// The row of `serial`.
    pub(super) fn token(&self, serial: Serial) -> Result<TokenRow, Stop> {
        TokenRow::find(self.database, serial)?.ok_or_else(|| Fault::NotFound.into())
    }

    /// Appends an audit event in the name of the actor.
    pub(super) fn audit(&self, event: events::Event<'_>) -> Result<(), Stop> {
        Ok(events::append(self.database, self.now, &self.actor.audited(), event)?)
    }

    /// Notes a change of the token that `receipt` describes: the next list contains it.
    pub(super) fn record_token_change(&mut self, receipt: &Receipt) -> Result<(), StorageError> {
        let n = self.list_token(receipt.serial)?;
        state::change_listed(self.database, receipt, n)
    }

    /// Notes that the next list contains a change of this token; the caller stores its n, which is returned.
    pub(super) fn list_token(&mut self, serial: Serial) -> Result<u64, StorageError> {
        self.touched.insert(serial);
        Ok(self.announce()?.0)
    }

    /// What a change that is committed now promises.
    pub(super) fn promise(&mut self) -> Result<Promise, StorageError> {
        Ok(self.announce()?.1)
    }

    /// Notes a change of the list that concerns no single token.
    pub(super) fn record_list_change(&mut self) -> Result<(), StorageError> {
        self.announce().map(|_| ())
    }

    /// Once for all changes of a transaction: they are in the same list, under the same promise.
    fn announce(&mut self) -> Result<(u64, Promise), StorageError> {
        if let Some(announced) = self.announced {
            return Ok(announced);
        }
        let promise = Promise::of(self.settings, &State::read(self.database)?, self.now);
        let announced = (state::change_announced(self.database, self.now)?, promise);
        self.announced = Some(announced);
        self.renew_list()?;
        Ok(announced)
    }

    /// Notes that the list has changed: the next one is made anew, and becomes a pending write to KV.
    pub(super) fn renew_list(&mut self) -> Result<(), StorageError> {
        if self.list_changed {
            return Ok(());
        }
        self.list_changed = true;
        outbox::queue_list(self.database, self.now)
    }
}
