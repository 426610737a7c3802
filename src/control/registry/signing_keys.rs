//! Signing keys: which exist, which one signs, and retiring one.
//!
//! Standard: docs/lifecycle.md, "Signing keys".
//! Invariants: the signing key is in the ring and not retired. A key starts to sign only when every location
//! that reported recently has it. A retirement is final, even if a restore lost it and a location still knows
//! it. The list that names it becomes a pending write in the same transaction.
//! What it must not know: HTTP, the secrets themselves.
//! What a mistake costs: the tokens of a leaked key go on working (false accept), or every token stops
//! working at once (false refuse).

use super::command::{Clash, Fault, KeyReceipt, SigningKeyState, SigningKeyView};
use super::events::Event;
use super::promise::Promise;
use super::row::{Stop, StorageError};
use super::settings::RegistrySettings;
use super::state::{self, State};
use super::transaction::Transaction;
use super::{bases, events, families, key_holders, outbox, retired_keys, rotation, sweep};
use crate::base::database::{Columns, Database, Rows};
use crate::base::time::UnixMillis;
use crate::formats::key::KeyId;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

impl KeyReceipt {
    pub(super) fn new(key_id: KeyId, promise: Promise, now: UnixMillis) -> Self {
        Self {
            key_id,
            retired_at: now,
            effective_by: promise.effective_by,
            bound_seconds: promise.bound_seconds,
            guaranteed: promise.guaranteed,
            list_number: promise.list_number,
        }
    }
}

impl<D: Database> Transaction<'_, D> {
    /// The keys of the ring and the retired ones, ascending.
    pub(super) fn signing_keys(&self) -> Result<Vec<SigningKeyView>, StorageError> {
        let signing_key = State::read(self.database)?.signing_key;
        let receipts = retired_keys::receipts(self.database)?;
        let live = self.live_tokens()?;
        let holders = key_holders::all(self.database, self.now)?;
        let retired = receipts.iter().map(|receipt| receipt.key_id);
        let ids: BTreeSet<KeyId> = self.settings.ring.ids().chain(retired).collect();
        let view = |id: KeyId| {
            let receipt = receipts.iter().find(|receipt| receipt.key_id == id);
            let state = match receipt {
                Some(_) => SigningKeyState::Retired,
                None if id == signing_key => SigningKeyState::Signing,
                None => SigningKeyState::Verifying,
            };
            SigningKeyView {
                id,
                state,
                in_ring: self.settings.ring.get(id).is_some(),
                live_tokens: live.get(&id).copied().filter(|_| receipt.is_none()).unwrap_or(0),
                missing_at: if receipt.is_none() { key_holders::lacking(&holders, id) } else { Vec::new() },
                retired_at: receipt.map(|receipt| receipt.retired_at),
                effective_by: receipt.map(|receipt| receipt.effective_by),
            }
        };
        Ok(ids.into_iter().map(view).collect())
    }

    /// Makes `key_id` sign tokens, lists and records from now on.
    pub(super) fn activate_signing_key(&mut self, key_id: KeyId) -> Result<SigningKeyView, Stop> {
        if self.settings.ring.get(key_id).is_none() {
            return Err(Fault::KeyNotInRing.into());
        }
        if retired_keys::receipt_of(self.database, key_id)?.is_some() {
            return Err(Fault::Conflict(Clash::KeyRetired).into());
        }
        let before = State::read(self.database)?.signing_key;
        if before != key_id {
            let missing_at = key_holders::lacking(&key_holders::all(self.database, self.now)?, key_id);
            if !missing_at.is_empty() {
                return Err(Fault::KeyMissing { missing_at }.into());
            }
            state::signs_with(self.database, key_id)?;
            self.audit(Event {
                action: "signing_key.activated",
                before: Some(json!({ "signing_key": before })),
                after: Some(json!({ "signing_key": key_id })),
                ..Event::default()
            })?;
        }
        let view = self.signing_keys()?.into_iter().find(|key| key.id == key_id);
        Ok(view.ok_or(StorageError::Unreadable)?)
    }

    /// Refuses a key permanently, with every token, list and record signed with it. Idempotent: repeating it
    /// returns the first receipt.
    pub(super) fn retire_signing_key(&mut self, key_id: KeyId, force: bool) -> Result<KeyReceipt, Stop> {
        if let Some(receipt) = retired_keys::receipt_of(self.database, key_id)? {
            return Ok(receipt);
        }
        let state = State::read(self.database)?;
        // Retiring uses up an id permanently, so a mistyped one must be refused. A key that is gone from the
        // ring may still have leaked.
        if self.settings.ring.get(key_id).is_none() && !self.was_issued_under(key_id)? {
            return Err(Fault::KeyNotInRing.into());
        }
        if key_id == state.signing_key {
            return Err(Fault::Conflict(Clash::KeySigns).into());
        }
        let live_tokens = self.live_tokens()?.get(&key_id).copied().unwrap_or(0);
        if live_tokens > 0 && !force {
            return Err(Fault::KeyInUse { live_tokens }.into());
        }
        let receipt = retire(self.database, self.settings, &state, key_id, self.now)?;
        self.list_changed = true;
        self.audit(Event {
            action: "signing_key.retired",
            after: Some(json!({ "key_id": key_id, "live_tokens": live_tokens })),
            ..Event::default()
        })?;
        Ok(receipt)
    }

    /// The number of tokens per key that are neither revoked nor ended.
    fn live_tokens(&self) -> Result<BTreeMap<KeyId, u64>, StorageError> {
        let counted = self.database.query_all(
            "SELECT key_id, COUNT(*) FROM token WHERE status <> 'revoked' AND expires_at > ? \
             AND (ends_at IS NULL OR ends_at > ?) GROUP BY key_id",
            &[self.now.floor_seconds().into(), self.now.into()],
            |columns| Ok((columns.number().map(KeyId)?, columns.number()?)),
        )?;
        Ok(counted.into_iter().collect())
    }

    fn was_issued_under(&self, key_id: KeyId) -> Result<bool, StorageError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM token WHERE key_id = ?)";
        Ok(self.database.query_one(sql, &[u32::from(key_id.0).into()], Columns::flag)?)
    }
}

/// Retires keys again whose retirement a restore lost, but which `location` knows to be retired. A retirement
/// is final, and the location learned it from a list that the registry sealed. Returns the state if there
/// were any.
pub(super) fn restore_retirements<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    location: &str,
    reported: &[KeyId],
    now: UnixMillis,
) -> Result<Option<State>, StorageError> {
    let known = retired_keys::all(database)?;
    let mut lost = reported.iter().copied().filter(|key_id| !known.contains(key_id)).peekable();
    if lost.peek().is_none() {
        return Ok(None);
    }
    let mut state = State::read(database)?;
    for key_id in lost {
        retire(database, settings, &state, key_id, now)?;
        let after = Some(json!({ "key_id": key_id, "told_by": location }));
        let event = Event { action: "signing_key.retired", after, ..Event::default() };
        events::append(database, now, events::SYSTEM, event)?;
    }
    state.choose_signing_key(database, &settings.ring, &retired_keys::all(database)?, None)?;
    State::read(database).map(Some)
}

/// Stores the retirement, and makes the list that names it a pending write.
fn retire<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    state: &State,
    key_id: KeyId,
    now: UnixMillis,
) -> Result<KeyReceipt, StorageError> {
    let receipt = KeyReceipt::new(key_id, Promise::of(settings, state, now), now);
    retired_keys::add(database, &receipt)?;
    families::release_predecessors(database, key_id)?;
    rotation::auto::plan_released(database, now)?;
    sweep::begin_anew(database)?;
    // KV's copy of the base may have this key's seal. Records may as well; `resealing` examines those from
    // the alarm.
    let base = bases::newest(database, state.list_number.epoch)?;
    if base.number.n > 0 {
        outbox::queue_base(database, base.number, now)?;
    }
    state::change_announced(database, now)?;
    outbox::queue_list(database, now)?;
    Ok(receipt)
}
