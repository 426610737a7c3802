//! The token's row, read from and written to SQL, and what is derived from it: the view, the record, the
//! token's text.
//!
//! Invariants: the token's text is not stored; it is minted again from key id, serial and expiry.
//! What it must not know: who may see it, which changes are allowed.
//! What a mistake costs: a column that is mistaken for another is a different policy (false accept).

use super::command::{AutoRotate, KeyReceipt, Receipt, TokenPolicy, TokenState, token_warnings};
use super::origin_index;
use super::promise::Promise;
use super::retired_keys;
use super::rotation_plan::RotationPlan;
use super::row::StorageError;
use super::settings::RegistrySettings;
use super::token_index::{self, Indexed};
use crate::base::database::{Columns, Database, ReadError, Rows, Value, json, optional_json, unsigned};
use crate::base::time::{UnixMillis, UnixSeconds};
use crate::formats::family::FamilyId;
use crate::formats::key::KeyId;
use crate::formats::rate_class::ClassName;
use crate::formats::record::Record;
use crate::formats::scope::Scope;
use crate::formats::token::{Claims, Serial};
use crate::formats::upstream_claims::UpstreamClaims;
use crate::limits::MS_PER_SECOND;
use serde::{Deserialize, Serialize};

/// Whether an operator revoked or disabled the token. Its end by time is separate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum TokenStatus {
    Good,
    Disabled,
    Revoked,
}

impl TokenStatus {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Disabled => "disabled",
            Self::Revoked => "revoked",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Good, Self::Disabled, Self::Revoked].into_iter().find(|status| status.as_str() == text)
    }

    pub(super) fn read(columns: &mut Columns) -> Result<Self, ReadError> {
        Self::parse(&columns.text()?).ok_or(ReadError::Unreadable)
    }
}

/// Kind of the revocations caused by the retirement of the token's key.
pub(super) const KEY_RETIRED: &str = "key_retired";

#[derive(Clone, Debug, PartialEq)]
pub(super) struct TokenRow {
    pub(super) serial: Serial,
    pub(super) family: FamilyId,
    pub(super) key_id: KeyId,
    pub(super) expires_at: UnixSeconds,
    /// As it was shown when the token was made; [`TokenRow::view`] shows today's form.
    pub(super) fingerprint: String,
    pub(super) version: u32,
    pub(super) policy: TokenPolicy,
    pub(super) created_at: UnixMillis,
    pub(super) created_by: String,
    /// The earlier of the two ends below, as the record has it. [`TokenRow::combine_ends`] computes it.
    pub(super) ends_at: Option<UnixMillis>,
    /// An operator's end.
    pub(super) own_end: Option<UnixMillis>,
    /// The end of its licence; perhaps after `expires_at`.
    pub(super) licensed_until: Option<UnixMillis>,
    pub(super) status: TokenStatus,
    /// Receipt of the latest change of status.
    pub(super) receipt: Option<Receipt>,
    /// When KV last accepted the newest record.
    pub(super) published_at: Option<UnixMillis>,
    /// The key that sealed the newest record.
    pub(super) sealed_by: KeyId,
    /// Receipt of the latest change of any kind.
    pub(super) changed_receipt: Option<Receipt>,
    /// The token that it succeeds.
    pub(super) predecessor: Option<Serial>,
    /// The token that succeeds it, unless that is revoked.
    pub(super) successor: Option<Serial>,
    /// The end planned by a rotation.
    pub(super) rotation: Option<RotationPlan>,
    pub(super) first_used_at: Option<UnixMillis>,
    pub(super) last_used_at: Option<UnixMillis>,
    /// Receipt of the retirement of its key.
    pub(super) key_receipt: Option<KeyReceipt>,
    /// What is known of its quota: requests, the end of the period that they were counted in, and until when
    /// it is used up.
    pub(super) quota_use: Option<(u64, UnixSeconds, Option<UnixSeconds>)>,
}

/// A sealed record, and the key that sealed it.
#[derive(Clone, Debug)]
pub(super) struct SealedRecord {
    pub(super) by: KeyId,
    pub(super) value: Vec<u8>,
}

/// The columns to select, in the order in which [`TokenRow::read`] reads them. [`TokenRow::columns`] names
/// those to write.
pub(super) const COLUMNS: &str = "serial, family, key_id, expires_at, fingerprint, version, label, owner, \
     external_id, metadata, origins, origin_mode, missing_origin, audiences, rate, quota, methods, paths, \
     scope_mode, claims, protected, distribute, auto_rotate, created_at, created_by, ends_at, own_end, \
     licensed_until, status, receipt, published_at, sealed_by, changed_receipt, \
     predecessor, successor, rotation, first_used_at, last_used_at, \
     (SELECT receipt FROM retired_key WHERE retired_key.key_id = token.key_id) AS key_receipt, \
     (SELECT json_array(used, used_until, exhausted_until) FROM meter WHERE meter.serial = token.serial) \
     AS quota_use";

impl TokenRow {
    pub(super) fn read(columns: &mut Columns) -> Result<Self, ReadError> {
        // A struct's fields are read in the order of this text.
        Ok(Self {
            serial: columns.serial()?,
            family: stored_family(&columns.text()?)?,
            key_id: columns.number().map(KeyId)?,
            expires_at: columns.seconds()?,
            fingerprint: columns.text()?,
            version: columns.number()?,
            policy: TokenPolicy {
                label: columns.text()?,
                owner: columns.optional_text()?,
                external_id: columns.optional_text()?,
                metadata: columns.optional_text()?,
                origins: columns.json()?,
                origin_mode: columns.json()?,
                missing_origin: columns.json()?,
                audiences: columns.json()?,
                rate: columns.optional_text()?.map(stored_class).transpose()?,
                quota: columns.optional_json()?,
                methods: columns.optional_json()?,
                paths: columns.optional_json()?,
                scope_mode: columns.json()?,
                claims: columns.optional_text()?.map(stored_claims).transpose()?,
                protected: columns.flag()?,
                distribute: columns.flag()?,
                auto_rotate: columns.optional_json()?,
            },
            created_at: columns.millis()?,
            created_by: columns.text()?,
            ends_at: columns.optional_millis()?,
            own_end: columns.optional_millis()?,
            licensed_until: columns.optional_millis()?,
            status: TokenStatus::read(columns)?,
            receipt: columns.optional_json()?,
            published_at: columns.optional_millis()?,
            sealed_by: columns.number().map(KeyId)?,
            changed_receipt: columns.optional_json()?,
            predecessor: columns.optional_serial()?,
            successor: columns.optional_serial()?,
            rotation: columns.optional_json()?,
            first_used_at: columns.optional_millis()?,
            last_used_at: columns.optional_millis()?,
            key_receipt: columns.optional_json()?,
            quota_use: columns.optional_json()?,
        })
    }

    pub(super) fn find<D: Database>(database: &D, serial: Serial) -> Result<Option<Self>, StorageError> {
        let sql = format!("SELECT {COLUMNS} FROM token WHERE serial = ?");
        Ok(database.query_optional(&sql, &[serial.into()], Self::read)?)
    }

    /// The newest token's serial; 0 without tokens.
    pub(super) fn newest<D: Database>(database: &D) -> Result<Serial, StorageError> {
        Ok(database.query_one("SELECT COALESCE(MAX(serial), 0) FROM token", &[], Columns::serial)?)
    }

    pub(super) fn insert<D: Database>(&self, database: &D) -> Result<(), StorageError> {
        database.insert("token", self.columns()?)?;
        origin_index::write(database, self.serial, &self.policy.origins)?;
        token_index::insert(database, &[self.indexed()])
    }

    /// Every column of a new row, with its value.
    fn columns(&self) -> Result<Vec<(&'static str, Value)>, ReadError> {
        let mut columns = vec![
            ("serial", self.serial.into()),
            ("family", self.family.as_str().into()),
            ("key_id", u32::from(self.key_id.0).into()),
            ("expires_at", self.expires_at.into()),
            ("fingerprint", self.fingerprint.as_str().into()),
            ("version", self.version.into()),
            ("created_at", self.created_at.into()),
            ("created_by", self.created_by.as_str().into()),
            ("ends_at", self.ends_at.into()),
            ("own_end", self.own_end.into()),
            ("licensed_until", self.licensed_until.into()),
            ("licence_due_at", self.licence_due_at().into()),
            ("status", self.status.as_str().into()),
            ("receipt", optional_json(self.receipt.as_ref())?),
            ("published_at", self.published_at.into()),
            ("sealed_by", u32::from(self.sealed_by.0).into()),
            ("changed_receipt", optional_json(self.changed_receipt.as_ref())?),
            ("predecessor", self.predecessor.into()),
            ("successor", self.successor.into()),
            ("rotation", optional_json(self.rotation.as_ref())?),
            ("first_used_at", self.first_used_at.into()),
            ("last_used_at", self.last_used_at.into()),
            ("auto_rotate_at", self.auto_rotate_at().into()),
        ];
        columns.extend(self.policy_columns()?);
        Ok(columns)
    }

    /// The columns of the policy and of its search text, with their values.
    fn policy_columns(&self) -> Result<Vec<(&'static str, Value)>, ReadError> {
        let policy = &self.policy;
        Ok(vec![
            ("label", policy.label.as_str().into()),
            ("owner", policy.owner.as_deref().into()),
            ("external_id", policy.external_id.as_deref().into()),
            ("metadata", policy.metadata.as_deref().into()),
            ("origins", json(&policy.origins)?),
            ("origin_mode", json(&policy.origin_mode)?),
            ("missing_origin", json(&policy.missing_origin)?),
            ("audiences", json(&policy.audiences)?),
            ("rate", policy.rate.as_ref().map(ClassName::as_str).into()),
            ("quota", optional_json(policy.quota.as_ref())?),
            ("methods", optional_json(policy.methods.as_ref())?),
            ("paths", optional_json(policy.paths.as_ref())?),
            ("scope_mode", json(&policy.scope_mode)?),
            ("claims", policy.claims.as_ref().map(UpstreamClaims::text).into()),
            ("protected", policy.protected.into()),
            ("distribute", policy.distribute.into()),
            ("auto_rotate", optional_json(policy.auto_rotate.as_ref())?),
            ("search", policy.search_text().into()),
        ])
    }

    /// Writes policy and version.
    pub(super) fn update_policy<D: Database>(&self, database: &D) -> Result<(), StorageError> {
        let mut columns = self.policy_columns()?;
        columns.push(("version", self.version.into()));
        columns.push(("auto_rotate_at", self.auto_rotate_at().into()));
        self.update(database, columns)?;
        origin_index::write(database, self.serial, &self.policy.origins)?;
        token_index::write(database, &[self.indexed()])
    }

    pub(super) fn update_status<D: Database>(&self, database: &D) -> Result<(), StorageError> {
        let receipt = optional_json(self.receipt.as_ref())?;
        self.update(database, vec![("status", self.status.as_str().into()), ("receipt", receipt)])
    }

    /// Writes its status and the receipt of that change, which the list with this n contains. A token that is
    /// revoked has no plan to end any more.
    pub(super) fn update_listed_status<D: Database>(
        &self,
        database: &D,
        receipt: &Receipt,
        n: u64,
    ) -> Result<(), StorageError> {
        let receipt = json(receipt)?;
        let mut columns = vec![
            ("status", self.status.as_str().into()),
            ("receipt", receipt.clone()),
            ("listed_n", unsigned(n)),
            ("changed_receipt", receipt),
        ];
        if self.status == TokenStatus::Revoked {
            columns.extend([("rotation", Value::Null), ("rotation_due_at", Value::Null)]);
        }
        self.update(database, columns)
    }

    /// Writes its ends (an operator's and a rotation's), its successor, and the version. `due_at` is when the
    /// rotation's plan must be examined next.
    pub(super) fn update_ends<D: Database>(
        &self,
        database: &D,
        due_at: Option<UnixMillis>,
    ) -> Result<(), StorageError> {
        let columns = vec![
            ("ends_at", self.ends_at.into()),
            ("own_end", self.own_end.into()),
            ("licence_due_at", self.licence_due_at().into()),
            ("successor", self.successor.into()),
            ("rotation", optional_json(self.rotation.as_ref())?),
            ("rotation_due_at", due_at.into()),
            ("version", self.version.into()),
        ];
        self.update(database, columns)?;
        token_index::set_end(database, self.serial, self.end())
    }

    /// Writes the end of its licence, what that means for its end, and the version.
    pub(super) fn update_licence<D: Database>(&self, database: &D) -> Result<(), StorageError> {
        let columns = vec![
            ("ends_at", self.ends_at.into()),
            ("licensed_until", self.licensed_until.into()),
            ("licence_due_at", self.licence_due_at().into()),
            ("version", self.version.into()),
        ];
        self.update(database, columns)?;
        token_index::set_end(database, self.serial, self.end())
    }

    /// Computes the end that the gate enforces from the operator's and the licence's.
    pub(super) fn combine_ends(&mut self) {
        let expires_at = self.expires_at.to_millis();
        let licence = self.licensed_until.filter(|at| *at < expires_at);
        self.ends_at = self.own_end.into_iter().chain(licence).min();
    }

    /// When its licence ends it; `None`: something else does before, or did.
    fn licence_due_at(&self) -> Option<UnixMillis> {
        self.licensed_until.filter(|at| self.ends_at == Some(*at) && self.status != TokenStatus::Revoked)
    }

    /// Writes when the registry rotates it by itself, after its successor was written.
    pub(super) fn update_auto_rotation<D: Database>(&self, database: &D) -> Result<(), StorageError> {
        self.update(database, vec![("auto_rotate_at", self.auto_rotate_at().into())])
    }

    /// When the registry rotates it by itself; `None`: never, or it has a successor already.
    fn auto_rotate_at(&self) -> Option<UnixMillis> {
        let auto = self.policy.auto_rotate.as_ref().filter(|_| self.successor.is_none())?;
        Some(self.auto_rotation_due(auto))
    }

    /// The time of its automatic rotation under these settings.
    pub(super) fn auto_rotation_due(&self, auto: &AutoRotate) -> UnixMillis {
        let before_ms = auto.before_expiry_seconds.saturating_mul(MS_PER_SECOND);
        self.expires_at.to_millis().plus_ms(-before_ms)
    }

    fn update<D: Database>(&self, database: &D, columns: Vec<(&str, Value)>) -> Result<(), StorageError> {
        Ok(database.update("token", columns, ("serial", self.serial.into()))?)
    }

    /// The lifetime that it was given, in whole seconds.
    pub(super) fn life_seconds(&self) -> i64 {
        self.expires_at.0.saturating_sub(self.created_at.ceil_seconds().0)
    }

    /// Whether no rotation made it or ends it: what is done to another token never changes it.
    pub(super) fn is_alone(&self) -> bool {
        self.predecessor.is_none() && self.successor.is_none() && self.rotation.is_none()
    }

    /// What of it the list is sorted, filtered and searched by.
    pub(super) fn indexed(&self) -> Indexed<'_> {
        Indexed {
            serial: self.serial,
            key_id: self.key_id,
            label: &self.policy.label,
            owner: self.policy.owner.as_deref().unwrap_or_default(),
            end: self.end(),
            last_used_at: self.last_used_at,
            audiences: &self.policy.audiences,
            warnings: token_warnings::of_settings(&self.policy, self.life_seconds()),
            searched: format!("{}\n{}", self.policy.search_text(), self.fingerprint_end().to_lowercase()),
        }
    }

    /// The last characters of the token, which its fingerprint shows.
    pub(super) fn fingerprint_end(&self) -> &str {
        self.fingerprint.split_once('…').map_or("", |(_, end)| end)
    }

    /// When it ends, if nothing is done to it.
    pub(super) fn end(&self) -> UnixMillis {
        let expires_at = self.expires_at.to_millis();
        self.ends_at.map_or(expires_at, |at| at.min(expires_at))
    }

    /// The state that the API shows. A revocation stays visible after the end. So does the retirement of the
    /// token's key, unless the token had ended before. A disabled token that has ended is expired, because
    /// enabling it would change nothing.
    pub(super) fn state(&self, now: UnixMillis) -> TokenState {
        let ended = now >= self.end();
        match self.status {
            TokenStatus::Revoked => TokenState::Revoked,
            _ if self.key_end().is_some() => TokenState::Revoked,
            _ if ended => TokenState::Expired,
            TokenStatus::Disabled => TokenState::Disabled,
            TokenStatus::Good => TokenState::Active,
        }
    }

    /// Whether it can still be admitted, now or after being enabled.
    pub(super) fn is_live(&self, now: UnixMillis) -> bool {
        matches!(self.state(now), TokenState::Active | TokenState::Disabled)
    }

    /// The retirement of its key, if that came before the token's own end.
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

    /// The receipt of its revocation, its own or its key's; `None` while it is not revoked.
    pub(super) fn revocation(&self) -> Option<Receipt> {
        if self.status == TokenStatus::Revoked {
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

    /// Mints the token's text again; `None` when its key was retired and removed from the ring.
    pub(super) fn text(&self, settings: &RegistrySettings) -> Result<Option<String>, StorageError> {
        match self.claims().mint(&settings.ring) {
            Some(text) => Ok(Some(text)),
            None if self.key_receipt.is_some() => Ok(None),
            None => Err(StorageError::MissingKey),
        }
    }

    /// Seals the record of the current version.
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
            scope: Scope { methods: self.policy.methods, paths: self.policy.paths.clone() },
            scope_mode: self.policy.scope_mode,
            claims: self.policy.claims.clone(),
        };
        let value = record.seal(&settings.ring, signing_key, self.serial, self.version);
        Ok(SealedRecord { by: signing_key, value: value.ok_or(StorageError::MissingKey)? })
    }
}

/// Stored claims. They were checked before they were stored.
fn stored_claims(text: String) -> Result<UpstreamClaims, ReadError> {
    UpstreamClaims::try_from(text).map_err(|_| ReadError::Unreadable)
}

/// A stored rate class. Its name was checked before it was stored.
fn stored_class(text: String) -> Result<ClassName, ReadError> {
    ClassName::try_from(text).map_err(|_| ReadError::Unreadable)
}

/// A family id that this registry made and stored. Its check was verified when it came from outside.
pub(super) fn stored_family(text: &str) -> Result<FamilyId, ReadError> {
    serde_json::from_value(serde_json::Value::from(text)).map_err(|_| ReadError::Unreadable)
}
