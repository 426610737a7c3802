//! The token's row: SQL ⇄ Rust, and what is derived from it: the view, the record, the text.
//!
//! Invariants: the token's text is stored nowhere; it is minted again from key id, serial and end.
//! What it must not know: who may see it, which changes are allowed.
//! What a mistake costs: a column bound to another's place is another policy (false accept).

use super::command::{KeyReceipt, Receipt, TokenState, TokenView};
use super::database::{Database, Row, Value};
use super::origin_index;
use super::policy::Policy;
use super::promise::Promise;
use super::retired_keys;
use super::rotation::{Plan, auto};
use super::row::{Columns, StorageError, json};
use super::settings::RegistrySettings;
use crate::family::FamilyId;
use crate::key::KeyId;
use crate::rate::ClassName;
use crate::record::Record;
use crate::time::{UnixMillis, UnixSeconds};
use crate::token::{Claims, Serial};
use serde::{Deserialize, Serialize};

/// Whether an operator withdrew the token. Its end is a matter of time and stands apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Good,
    Disabled,
    Revoked,
}

impl Status {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Disabled => "disabled",
            Self::Revoked => "revoked",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, StorageError> {
        match text {
            "good" => Ok(Self::Good),
            "disabled" => Ok(Self::Disabled),
            "revoked" => Ok(Self::Revoked),
            _ => Err(StorageError::Unreadable),
        }
    }
}

/// The kind of a revocation that came with the retirement of the token's key.
pub(super) const KEY_RETIRED: &str = "key_retired";

/// One row of `token`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TokenRow {
    pub(super) serial: Serial,
    pub(super) family: FamilyId,
    pub(super) key_id: KeyId,
    pub(super) expires_at: UnixSeconds,
    pub(super) fingerprint: String,
    pub(super) version: u32,
    pub(super) policy: Policy,
    pub(super) created_at: UnixMillis,
    pub(super) created_by: String,
    pub(super) ends_at: Option<UnixMillis>,
    pub(super) status: Status,
    /// Of the latest change of status.
    pub(super) receipt: Option<Receipt>,
    /// When KV last took the newest record.
    pub(super) published_at: Option<UnixMillis>,
    /// The key that sealed the newest record.
    pub(super) sealed_by: KeyId,
    /// Of the latest change of any kind.
    pub(super) changed_receipt: Option<Receipt>,
    /// The token that it succeeded.
    pub(super) predecessor: Option<Serial>,
    /// The token that succeeded it and is not revoked.
    pub(super) successor: Option<Serial>,
    /// The plan of a rotation for its end.
    pub(super) rotation: Option<Plan>,
    pub(super) first_used_at: Option<UnixMillis>,
    pub(super) last_used_at: Option<UnixMillis>,
    /// Of the retirement of its key.
    pub(super) key_receipt: Option<KeyReceipt>,
}

/// A record as KV takes it, and the key that sealed it.
#[derive(Clone, Debug)]
pub(super) struct SealedRecord {
    pub(super) by: KeyId,
    pub(super) value: Vec<u8>,
}

/// The columns of a row, in the order in which they are written.
macro_rules! stored {
    () => {
        "serial, family, key_id, expires_at, fingerprint, version, label, owner, external_id, metadata, origins, \
         origin_mode, missing_origin, audiences, protected, created_at, created_by, ends_at, status, receipt, \
         published_at, sealed_by, changed_receipt, predecessor, successor, rotation, distribute, auto_rotate, \
         first_used_at, last_used_at, rate"
    };
}

/// What to select, in the order in which [`TokenRow::read`] takes it.
pub(super) const COLUMNS: &str = concat!(
    stored!(),
    ", (SELECT receipt FROM retired_key WHERE retired_key.key_id = token.key_id) AS key_receipt"
);

impl TokenRow {
    pub(super) fn read(row: Row) -> Result<Self, StorageError> {
        let mut columns = Columns::of(row);
        let mut row = Self {
            serial: columns.serial()?,
            family: stored_family(&columns.text()?)?,
            key_id: columns.number().map(KeyId)?,
            expires_at: columns.seconds()?,
            fingerprint: columns.text()?,
            version: columns.number()?,
            policy: Policy {
                label: columns.text()?,
                owner: columns.optional_text()?,
                external_id: columns.optional_text()?,
                metadata: columns.optional_text()?,
                origins: columns.json()?,
                origin_mode: columns.json()?,
                missing_origin: columns.json()?,
                audiences: columns.json()?,
                protected: columns.flag()?,
                // They stand further on: a struct's fields are read in the order of this text.
                distribute: false,
                auto_rotate: None,
                rate: None,
            },
            created_at: columns.millis()?,
            created_by: columns.text()?,
            ends_at: columns.optional_millis()?,
            status: Status::parse(&columns.text()?)?,
            receipt: columns.optional_json()?,
            published_at: columns.optional_millis()?,
            sealed_by: columns.number().map(KeyId)?,
            changed_receipt: columns.optional_json()?,
            predecessor: columns.optional_serial()?,
            successor: columns.optional_serial()?,
            rotation: columns.optional_json()?,
            first_used_at: None,
            last_used_at: None,
            key_receipt: None,
        };
        (row.policy.distribute, row.policy.auto_rotate) = (columns.flag()?, columns.optional_json()?);
        (row.first_used_at, row.last_used_at) = (columns.optional_millis()?, columns.optional_millis()?);
        row.policy.rate = columns.optional_text()?.map(stored_class).transpose()?;
        row.key_receipt = columns.optional_json()?;
        Ok(row)
    }

    /// The row of `serial`.
    pub(super) fn find<D: Database>(database: &D, serial: Serial) -> Result<Option<Self>, StorageError> {
        let sql = format!("SELECT {COLUMNS} FROM token WHERE serial = ?");
        database.query(&sql, &[serial.into()])?.pop().map(Self::read).transpose()
    }

    pub(super) fn insert<D: Database>(&self, database: &D) -> Result<(), StorageError> {
        let sql = format!("INSERT INTO token ({}, search) VALUES (?{})", stored!(), ", ?".repeat(31));
        let mut values: Vec<Value> = vec![
            self.serial.into(),
            self.family.as_str().into(),
            u32::from(self.key_id.0).into(),
            self.expires_at.into(),
            self.fingerprint.as_str().into(),
            self.version.into(),
        ];
        let [policy @ .., distribute, auto_rotate, rate, search] = self.policy_values()?;
        values.extend(policy);
        values.extend([
            self.created_at.into(),
            self.created_by.as_str().into(),
            self.ends_at.map_or(Value::Null, Value::from),
            self.status.as_str().into(),
            self.receipt.as_ref().map_or(Ok(Value::Null), json)?,
            self.published_at.map_or(Value::Null, Value::from),
            u32::from(self.sealed_by.0).into(),
            self.changed_receipt.as_ref().map_or(Ok(Value::Null), json)?,
            self.predecessor.map_or(Value::Null, Value::from),
            self.successor.map_or(Value::Null, Value::from),
            self.rotation.as_ref().map_or(Ok(Value::Null), json)?,
            distribute,
            auto_rotate,
            self.first_used_at.map_or(Value::Null, Value::from),
            self.last_used_at.map_or(Value::Null, Value::from),
            rate,
            search,
        ]);
        database.query(&sql, &values)?;
        if self.policy.auto_rotate.is_some() {
            auto::plan(database, self)?;
        }
        origin_index::write(database, self.serial, &self.policy.origins)
    }

    /// Writes policy and version.
    pub(super) fn update_policy<D: Database>(&self, database: &D) -> Result<(), StorageError> {
        let mut values = self.policy_values()?.to_vec();
        values.extend([self.version.into(), self.serial.into()]);
        database.query(
            "UPDATE token SET label = ?, owner = ?, external_id = ?, metadata = ?, origins = ?, origin_mode = ?, \
             missing_origin = ?, audiences = ?, protected = ?, distribute = ?, auto_rotate = ?, rate = ?, search = ?, \
             version = ? WHERE serial = ?",
            &values,
        )?;
        auto::plan(database, self)?;
        origin_index::write(database, self.serial, &self.policy.origins)
    }

    /// Writes status and receipt.
    pub(super) fn update_status<D: Database>(&self, database: &D) -> Result<(), StorageError> {
        let receipt = self.receipt.as_ref().map_or(Ok(Value::Null), json)?;
        database.query(
            "UPDATE token SET status = ?, receipt = ? WHERE serial = ?",
            &[self.status.as_str().into(), receipt, self.serial.into()],
        )?;
        Ok(())
    }

    /// Writes its ends (an operator's, a rotation's), its successor, and the version. `due_at`: when the plan of the rotation
    /// must be looked at next.
    pub(super) fn update_ends<D: Database>(
        &self,
        database: &D,
        due_at: Option<UnixMillis>,
    ) -> Result<(), StorageError> {
        database.query(
            "UPDATE token SET ends_at = ?, successor = ?, rotation = ?, rotation_due_at = ?, version = ? WHERE serial = ?",
            &[
                self.ends_at.map_or(Value::Null, Value::from),
                self.successor.map_or(Value::Null, Value::from),
                self.rotation.as_ref().map_or(Ok(Value::Null), json)?,
                due_at.map_or(Value::Null, Value::from),
                self.version.into(),
                self.serial.into(),
            ],
        )?;
        Ok(())
    }

    fn policy_values(&self) -> Result<[Value; 13], StorageError> {
        let policy = &self.policy;
        Ok([
            policy.label.as_str().into(),
            policy.owner.as_deref().into(),
            policy.external_id.as_deref().into(),
            policy.metadata.as_deref().into(),
            json(&policy.origins)?,
            json(&policy.origin_mode)?,
            json(&policy.missing_origin)?,
            json(&policy.audiences)?,
            policy.protected.into(),
            policy.distribute.into(),
            policy.auto_rotate.as_ref().map_or(Ok(Value::Null), json)?,
            policy.rate.as_ref().map(ClassName::as_str).into(),
            Value::Text(policy.search_text()),
        ])
    }

    /// When it ends, if nothing is done to it.
    pub(super) fn end(&self) -> UnixMillis {
        let expires_at = self.expires_at.to_millis();
        self.ends_at.map_or(expires_at, |at| at.min(expires_at))
    }

    /// The state that the API shows. A revocation stays visible after the end; so does the retirement of the token's key,
    /// unless the token had ended before. A disabled token that has ended is expired, since enabling it would change
    /// nothing.
    pub(super) fn state(&self, now: UnixMillis) -> TokenState {
        let ended = now >= self.end();
        match self.status {
            Status::Revoked => TokenState::Revoked,
            _ if self.key_end().is_some() => TokenState::Revoked,
            _ if ended => TokenState::Expired,
            Status::Disabled => TokenState::Disabled,
            Status::Good => TokenState::Active,
        }
    }

    /// Whether it may still be admitted, now or once it is enabled.
    pub(super) fn is_live(&self, now: UnixMillis) -> bool {
        matches!(self.state(now), TokenState::Active | TokenState::Disabled)
    }

    /// The retirement of its key, when that came before the token's own end.
    pub(super) fn key_end(&self) -> Option<&KeyReceipt> {
        let receipt = self.key_receipt.as_ref()?;
        retired_keys::ends_token(receipt.retired_at, self.expires_at, self.ends_at).then_some(receipt)
    }

    /// The receipt of a change committed at `now`.
    pub(super) fn receipt_of(&self, promise: Promise, now: UnixMillis) -> Receipt {
        Receipt {
            serial: self.serial,
            state: self.state(now),
            reason: None,
            revoked_at: None,
            effective_by: promise.effective_by,
            bound_seconds: promise.bound_seconds,
            guaranteed: promise.guaranteed,
            list_number: promise.list_number,
        }
    }

    /// The receipt of its revocation, by itself or with its key; `None` while it is not revoked.
    pub(super) fn revocation(&self) -> Option<Receipt> {
        if self.status == Status::Revoked {
            return self.receipt.clone();
        }
        self.key_end().map(|receipt| Receipt {
            serial: self.serial,
            state: TokenState::Revoked,
            reason: Some(KEY_RETIRED.to_owned()),
            revoked_at: Some(receipt.retired_at),
            effective_by: receipt.effective_by,
            bound_seconds: receipt.bound_seconds,
            guaranteed: receipt.guaranteed,
            list_number: receipt.list_number,
        })
    }

    pub(super) fn claims(&self) -> Claims {
        Claims { key_id: self.key_id, serial: self.serial, expires_at: self.expires_at }
    }

    /// The token's text; `None` when its key was retired and is gone from the ring.
    pub(super) fn text(&self, settings: &RegistrySettings) -> Result<Option<String>, StorageError> {
        match self.claims().mint(&settings.ring) {
            Ok(text) => Ok(Some(text)),
            Err(_) if self.key_receipt.is_some() => Ok(None),
            Err(_) => Err(StorageError::MissingKey),
        }
    }

    /// The sealed record of this version.
    pub(super) fn sealed_record(
        &self,
        settings: &RegistrySettings,
        signing_key: KeyId,
    ) -> Result<SealedRecord, StorageError> {
        let record = Record {
            key_id: self.key_id,
            expires_at: self.expires_at,
            family: self.family.clone(),
            ends_at: self.ends_at,
            audiences: self.policy.audiences.clone(),
            origins: self.policy.origins.clone(),
            origin_mode: self.policy.origin_mode,
            missing_origin: self.policy.missing_origin,
            rate: self.policy.rate.clone(),
            external_id: self.policy.external_id.clone(),
            watched: self.predecessor.is_some() && self.first_used_at.is_none(),
            distribute: self.policy.distribute,
            successor: self.successor,
            planned_end: self.rotation.and_then(|plan| plan.planned_end),
        };
        let value = record.seal(&settings.ring, signing_key, self.serial, self.version);
        Ok(SealedRecord { by: signing_key, value: value.ok_or(StorageError::MissingKey)? })
    }

    /// What callers see; whether it is the one of its family to copy, the family knows: `families::view`.
    pub(super) fn view(&self, is_current: bool, now: UnixMillis) -> TokenView {
        let policy = self.policy.clone();
        let disabling = || self.receipt.clone().filter(|_| self.status == Status::Disabled);
        let withdrawal = self.revocation().or_else(disabling);
        TokenView {
            serial: self.serial,
            family: self.family.as_str().to_owned(),
            label: policy.label,
            owner: policy.owner,
            external_id: policy.external_id,
            metadata: policy.metadata,
            fingerprint: self.fingerprint.clone(),
            key_id: self.key_id,
            state: self.state(now),
            is_current,
            version: self.version,
            origins: policy.origins,
            origin_mode: policy.origin_mode,
            missing_origin: policy.missing_origin,
            audiences: policy.audiences,
            rate: policy.rate,
            protected: policy.protected,
            distribute: policy.distribute,
            auto_rotate: policy.auto_rotate,
            created_at: self.created_at,
            created_by: self.created_by.clone(),
            expires_at: self.expires_at,
            ends_at: self.ends_at,
            revoked_at: withdrawal.as_ref().and_then(|receipt| receipt.revoked_at),
            revoked_reason: withdrawal.as_ref().and_then(|receipt| receipt.reason.clone()),
            effective_by: withdrawal.map(|receipt| receipt.effective_by),
            predecessor: self.predecessor,
            successor: self.successor,
            rotation: self.rotation.map(|plan| plan.view()),
            first_used_at: self.first_used_at,
            last_used_at: self.last_used_at,
        }
    }
}

/// A rate class that was a name when it was stored.
fn stored_class(text: String) -> Result<ClassName, StorageError> {
    ClassName::try_from(text).map_err(|_| StorageError::Unreadable)
}

/// A family id that we minted and stored; its check was made when it came from outside.
pub(super) fn stored_family(text: &str) -> Result<FamilyId, StorageError> {
    serde_json::from_value(serde_json::Value::from(text)).map_err(|_| StorageError::Unreadable)
}
