//! One admin call inside its transaction: what every rule needs at hand, and which rule answers which command.
//!
//! Invariants: runs inside one transaction; returning a [`Stop`] undoes everything the call wrote, its audit too.
//! What it must not know: HTTP; how the transaction is made.
//! What a mistake costs: a refusal that leaves half of its work behind.

use super::command::{Answer, Command, Fault, Idempotency, Receipt};
use super::database::Database;
use super::lifecycle::Reason;
use super::row::{Stop, StorageError};
use super::settings::RegistrySettings;
use super::token_row::TokenRow;
use super::{admin_keys, events, expiries, notices, outbox, state, token_query};
use crate::admin_key::Role;
use crate::time::{UnixMillis, UnixSeconds};
use crate::token::Serial;
use std::collections::BTreeSet;

/// Who calls.
#[derive(Clone, Debug)]
pub(super) enum Actor {
    /// An admin key, or a console session that one opened.
    Key(Caller),
    /// The registry itself: planned ends, first uses.
    System,
}

/// The admin key that calls.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) id: u32,
    pub(super) label: String,
    pub(super) role: Role,
    /// When the key ends.
    pub(super) expires_at: Option<UnixSeconds>,
    /// SHA-256 (hex) of the session that it calls by.
    pub(super) session: Option<String>,
}

impl Actor {
    pub(super) fn role(&self) -> Role {
        match self {
            Self::Key(key) => key.role,
            Self::System => Role::Owner,
        }
    }

    /// The admin key's number; 0 is no key's.
    pub(super) fn key_id(&self) -> u32 {
        match self {
            Self::Key(key) => key.id,
            Self::System => 0,
        }
    }

    /// As `created_by` has it.
    pub(super) fn label(&self) -> &str {
        match self {
            Self::Key(key) => &key.label,
            Self::System => events::SYSTEM,
        }
    }

    /// As the audit has it.
    fn audited(&self) -> String {
        match self {
            Self::Key(key) => format!("key_{} {}", key.id, key.label),
            Self::System => events::SYSTEM.to_owned(),
        }
    }
}

/// One admin call.
pub(super) struct Call<'a, D: Database> {
    pub(super) database: &'a D,
    pub(super) settings: &'a RegistrySettings,
    pub(super) actor: Actor,
    pub(super) now: UnixMillis,
    pub(super) entropy: &'a mut dyn FnMut(&mut [u8]),
    /// Set when the call changes what the revocation list says.
    pub(super) list_changed: bool,
    /// Tokens that the call made or changed.
    pub(super) touched: BTreeSet<Serial>,
}

impl<D: Database> Call<'_, D> {
    /// Applies the rule of `command`. The caller's role has been checked.
    pub(super) fn run(
        &mut self,
        command: Command,
        idempotency: Option<&Idempotency>,
    ) -> Result<Answer, Stop> {
        match command {
            Command::ActivateSigningKey(key_id) => Ok(Answer::SigningKey(self.activate_signing_key(key_id)?)),
            Command::Authenticate => Ok(Answer::Authenticated),
            Command::BeginProbe(serial) => {
                let probe = Box::new(self.begin_probe(serial)?);
                Ok(Answer::Probe { probe, begun: true })
            }
            Command::CloseSession => self.close_session().map(|()| Answer::SessionClosed),
            Command::CreateAdminKey(new) => {
                let (key, text) = self.create_admin_key(&new, idempotency)?;
                Ok(Answer::AdminKeyCreated { key, text })
            }
            Command::CreateToken(new) => {
                let (row, text) = self.create_token(new, idempotency)?;
                Ok(Answer::Created { token: self.shown(&row)?, text })
            }
            Command::DeleteAdminKey(id) => self.delete_admin_key(id).map(|()| Answer::AdminKeyDeleted),
            Command::DisableToken(serial) => self.disable(serial).map(Answer::Receipt),
            Command::EditFamily { family, edit } => {
                self.edit_family(&family, &edit).map(Answer::FamilyEdited)
            }
            Command::EditToken { serial, if_match, edit } => {
                let (row, receipt) = self.edit_token(serial, if_match, edit)?;
                Ok(Answer::Edited { token: self.shown(&row)?, receipt })
            }
            Command::EnableToken(serial) => self.enable(serial).map(Answer::Receipt),
            Command::EndToken { serial, at, force } => self.end(serial, at, force).map(Answer::Receipt),
            Command::GetFamily(family) => self.family(&family).map(|family| Answer::Family(Box::new(family))),
            Command::GetFamilyToken(family) => self.family_token(&family),
            Command::GetSession => self.session().map(Answer::Session),
            Command::GetProbe(serial) => {
                Ok(Answer::Probe { probe: Box::new(self.probe(serial)?), begun: false })
            }
            Command::GetToken(serial) | Command::LookupToken(serial) => {
                let row = self.token(serial)?;
                self.shown(&row).map(Answer::Token)
            }
            Command::ListAdminKeys => Ok(Answer::AdminKeys(admin_keys::list(self.database)?)),
            Command::ListEvents(filter) => {
                let (items, next) = events::page(self.database, &filter)?;
                Ok(Answer::Events { items, next })
            }
            Command::ListNotices(filter) => {
                let (items, next) = notices::page(self.database, &filter)?;
                Ok(Answer::Notices { items, next })
            }
            Command::ListSigningKeys => Ok(Answer::SigningKeys(self.signing_keys()?)),
            Command::ListTokens(filter) => {
                let (items, next) = token_query::page(self.database, &filter, self.now)?;
                Ok(Answer::Tokens { items, next })
            }
            Command::OpenSession => {
                let (session, text) = self.open_session()?;
                Ok(Answer::SessionOpened { session, text })
            }
            Command::RetireSigningKey { key_id, force } => {
                Ok(Answer::SigningKeyRetired(self.retire_signing_key(key_id, force)?))
            }
            Command::RevealToken(serial) => self.reveal_token(serial).map(Answer::Revealed),
            Command::RevokeFamily { family, reason, include_protected } => {
                self.revoke_family(&family, reason.as_deref(), include_protected).map(Answer::RevokedInBulk)
            }
            Command::RevokeToken { serial, reason, force } => {
                self.revoke(serial, reason.as_deref(), force).map(Answer::Receipt)
            }
            Command::RevokeTokens { bulk, reason, owner_removed, include_protected } => {
                let kind = if owner_removed { Reason::OwnerRemoved } else { Reason::Bulk };
                self.revoke_tokens(&bulk, kind, reason.as_deref(), include_protected)
                    .map(Answer::RevokedInBulk)
            }
            Command::RotateFamily { family, rotate } => {
                self.rotate_family(&family, &rotate, idempotency).map(|made| Answer::Rotated(Box::new(made)))
            }
            Command::RotateToken { serial, rotate } => {
                self.rotate(serial, &rotate, idempotency).map(|made| Answer::Rotated(Box::new(made)))
            }
            Command::RotateTokens { bulk, rotate } => {
                self.rotate_tokens(&bulk, &rotate).map(Answer::RotatedInBulk)
            }
            Command::Metrics => Ok(Answer::Metrics {
                status: Box::new(super::status::view(self.database, self.settings, self.now)?),
                expiries: expiries::view(self.database, self.now)?,
                notices: notices::counts(self.database)?,
            }),
            Command::Status => {
                Ok(Answer::Status(Box::new(super::status::view(self.database, self.settings, self.now)?)))
            }
        }
    }

    /// The row of `serial`.
    pub(super) fn token(&self, serial: Serial) -> Result<TokenRow, Stop> {
        TokenRow::find(self.database, serial)?.ok_or_else(|| Fault::NotFound.into())
    }

    /// Appends an audit event by the caller.
    pub(super) fn audit(&self, event: events::Event<'_>) -> Result<(), Stop> {
        Ok(events::append(self.database, self.now, &self.actor.audited(), event)?)
    }

    /// Notes that the list says something new of the token that `receipt` is for: the next list names it.
    pub(super) fn list_names(&mut self, receipt: &Receipt) -> Result<(), StorageError> {
        self.touched.insert(receipt.serial);
        state::change_listed(self.database, receipt, self.now)?;
        self.list_changes()
    }

    /// Notes that the next list brings something new that is of no one token.
    pub(super) fn list_announces(&mut self) -> Result<(), StorageError> {
        state::change_announced(self.database, self.now)?;
        self.list_changes()
    }

    /// Notes that the list says something new: the next one is made anew, and KV is owed it.
    pub(super) fn list_changes(&mut self) -> Result<(), StorageError> {
        self.list_changed = true;
        outbox::owe_list(self.database, self.now)
    }
}
