//! Signing keys: which there are, which one signs, and retiring one.
//!
//! Standard: DESIGN section 4 "Keys", section 7 (`/signing-keys`).
//! Invariants: the key that signs is in the ring and never retired; a retirement is final, and the list that names it is
//! owed in the same transaction.
//! What it must not know: HTTP, the secrets themselves.
//! What a mistake costs: a leaked key whose tokens go on working (false accept), or every token dead at once (false refuse).

use super::call::Call;
use super::command::{Fault, KeyReceipt, SigningKeyState, SigningKeyView};
use super::database::Database;
use super::events::Event;
use super::promise::Promise;
use super::row::{Columns, Stop, StorageError};
use super::state::{self, State};
use super::{bases, families, outbox, retired_keys, sweep};
use crate::key::KeyId;
use crate::time::UnixMillis;
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

impl<D: Database> Call<'_, D> {
    /// The ring's keys and those retired, ascending.
    pub(super) fn signing_keys(&self) -> Result<Vec<SigningKeyView>, StorageError> {
        let signing_key = State::read(self.database)?.signing_key;
        let receipts = retired_keys::receipts(self.database)?;
        let live = self.live_tokens()?;
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
                retired_at: receipt.map(|receipt| receipt.retired_at),
                effective_by: receipt.map(|receipt| receipt.effective_by),
            }
        };
        Ok(ids.into_iter().map(view).collect())
    }

    /// `key_id` signs tokens, lists and records from now on.
    pub(super) fn activate_signing_key(&mut self, key_id: KeyId) -> Result<SigningKeyView, Stop> {
        if self.settings.ring.get(key_id).is_none() {
            return Err(Fault::NotFound.into());
        }
        if retired_keys::receipt_of(self.database, key_id)?.is_some() {
            return Err(Fault::Conflict.into());
        }
        let before = State::read(self.database)?.signing_key;
        if before != key_id {
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

    /// Refuses a key, and every token, list and record under it, for ever. Again: the same receipt.
    pub(super) fn retire_signing_key(&mut self, key_id: KeyId, force: bool) -> Result<KeyReceipt, Stop> {
        if let Some(receipt) = retired_keys::receipt_of(self.database, key_id)? {
            return Ok(receipt);
        }
        let state = State::read(self.database)?;
        // An id is burnt for ever: a mistyped one must not be. One that is gone from the ring may have leaked all the same.
        if self.settings.ring.get(key_id).is_none() && !self.was_issued_under(key_id)? {
            return Err(Fault::NotFound.into());
        }
        if key_id == state.signing_key {
            return Err(Fault::Conflict.into());
        }
        let live_tokens = self.live_tokens()?.get(&key_id).copied().unwrap_or(0);
        if live_tokens > 0 && !force {
            return Err(Fault::KeyInUse { live_tokens }.into());
        }
        let receipt = KeyReceipt::new(key_id, Promise::of(self.settings, &state, self.now), self.now);
        retired_keys::add(self.database, &receipt)?;
        families::release_predecessors(self.database, key_id)?;
        sweep::begin_anew(self.database)?;
        // KV's copy may bear its seal. So may records': `resealing` looks at them, from the alarm.
        let base = bases::newest(self.database, state.list_number.epoch)?;
        if base.number.n > 0 {
            outbox::owe_base(self.database, base.number, self.now)?;
        }
        self.list_announces()?;
        self.audit(Event {
            action: "signing_key.retired",
            after: Some(json!({ "key_id": key_id, "live_tokens": live_tokens })),
            ..Event::default()
        })?;
        Ok(receipt)
    }

    /// Tokens by key that are neither revoked nor ended.
    fn live_tokens(&self) -> Result<BTreeMap<KeyId, u64>, StorageError> {
        let rows = self.database.query(
            "SELECT key_id, COUNT(*) FROM token WHERE status <> 'revoked' AND expires_at > ? \
             AND (ends_at IS NULL OR ends_at > ?) GROUP BY key_id",
            &[self.now.floor_seconds().into(), self.now.into()],
        )?;
        rows.into_iter()
            .map(|row| {
                let mut columns = Columns::of(row);
                Ok((columns.number().map(KeyId)?, columns.number()?))
            })
            .collect()
    }

    fn was_issued_under(&self, key_id: KeyId) -> Result<bool, StorageError> {
        let rows = self
            .database
            .query("SELECT EXISTS (SELECT 1 FROM token WHERE key_id = ?)", &[u32::from(key_id.0).into()])?;
        Columns::of(rows.into_iter().next().ok_or(StorageError::Unreadable)?).flag()
    }
}
