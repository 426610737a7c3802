//! A token's record: the policy that KV holds of it, immutable by version.
//!
//! Standard: DESIGN section 4, `token/<serial>/<version>`. The body is JSON (RFC 8259), format 1, inside a seal.
//! Invariants: a record is used only for the serial and version in its key name, which its tag covers; an unknown
//! field or format is refused, since a policy that is not understood is not enforced.
//! What it must not know: whether the token is revoked; where the record came from.
//! What a mistake costs: an older or another token's policy admits from the wrong site (false accept).

use crate::family::FamilyId;
use crate::key::{KeyId, KeyRing};
use crate::origin::{MissingOrigin, OriginMode, OriginRules};
use crate::rate::ClassName;
use crate::seal::{self, Purpose};
use crate::time::{UnixMillis, UnixSeconds};
use crate::token::{Claims, Serial};
use serde::{Deserialize, Serialize};

/// The only body format.
pub const FORMAT: u8 = 1;

/// What KV holds of a token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The signing key as issued; must equal the token's.
    pub key_id: KeyId,
    /// The end as issued; must equal the token's.
    pub expires_at: UnixSeconds,
    /// The token and its successors.
    pub family: FamilyId,
    /// An operator's earlier end, enforced by the gate itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<UnixMillis>,
    /// What the token is for.
    pub audiences: Vec<String>,
    /// Where it works.
    pub origins: OriginRules,
    /// Whether a refusal by origin is enforced or only counted.
    pub origin_mode: OriginMode,
    /// What a request without any origin gets.
    pub missing_origin: MissingOrigin,
    /// Its rate class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<ClassName>,
    /// The operator's own id for the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// A successor whose first use nobody has told yet: whoever admits it reports at once.
    #[serde(default, skip_serializing_if = "is_false")]
    pub watched: bool,
    /// The family's current token is given to pages on its sites.
    #[serde(default, skip_serializing_if = "is_false")]
    pub distribute: bool,
    /// The token that succeeded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<Serial>,
    /// When a rotation means to end it, as far as that is known: for headers. The gate does not enforce it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_end: Option<UnixMillis>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's
fn is_false(flag: &bool) -> bool {
    !flag
}

/// A record with the version under which it was sealed.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionedRecord {
    /// From 1, raised by every edit.
    pub version: u32,
    /// The signing key that sealed it: a record sealed by a retired one is not used.
    pub sealed_by: KeyId,
    /// The policy.
    pub record: Record,
}

/// The value is no record of this deployment for this serial and version, or in a format not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenRecord;

/// Bits of a version that count the edits of one epoch: a million of a token. The 12 above them hold the epoch less one.
const COUNT_BITS: u32 = 20;

/// The version that follows `current` in `epoch`: above every version that an earlier epoch gave, also to edits that a
/// restored registry has never heard of. `None` when a token was edited a million times, or `epoch` is above 4,096.
#[must_use]
pub fn next_version(current: u32, epoch: u32) -> Option<u32> {
    let earlier_epochs = epoch.saturating_sub(1);
    let first =
        earlier_epochs.checked_shl(COUNT_BITS).filter(|first| first >> COUNT_BITS == earlier_epochs)?;
    let next = current.checked_add(1)?.max(first.saturating_add(1));
    (next >> COUNT_BITS == earlier_epochs).then_some(next)
}

/// The epoch in which a version was given.
#[must_use]
pub fn epoch_of(version: u32) -> u32 {
    (version >> COUNT_BITS).saturating_add(1)
}

/// The KV key of a record.
#[must_use]
pub fn kv_name(serial: Serial, version: u32) -> String {
    format!("token/{}/{version}", serial.0)
}

impl Record {
    /// The value for KV. `None` when the ring lacks the signing key.
    #[must_use]
    pub fn seal(&self, ring: &KeyRing, signing_key: KeyId, serial: Serial, version: u32) -> Option<Vec<u8>> {
        let body = serde_json::to_vec(self).ok()?;
        seal::seal(ring, Purpose::Record, signing_key, &kv_name(serial, version), FORMAT, &body)
    }

    /// Opens a value read as this serial and version.
    ///
    /// # Errors
    /// [`BrokenRecord`]; callers treat the value as absent and count it.
    pub fn open(
        ring: &KeyRing,
        serial: Serial,
        version: u32,
        value: &[u8],
    ) -> Result<VersionedRecord, BrokenRecord> {
        let name = kv_name(serial, version);
        let opened = seal::open(ring, Purpose::Record, &name, value).map_err(|_| BrokenRecord)?;
        if opened.format != FORMAT {
            return Err(BrokenRecord);
        }
        let record = serde_json::from_slice(opened.body).map_err(|_| BrokenRecord)?;
        Ok(VersionedRecord { version, sealed_by: opened.key_id, record })
    }

    /// Whether the record was made for a token with these claims.
    #[must_use]
    pub fn is_of(&self, claims: &Claims) -> bool {
        self.key_id == claims.key_id && self.expires_at == claims.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::TagKey;
    use zeroize::Zeroizing;

    fn ring() -> KeyRing {
        KeyRing::derive(&[(KeyId(1), Zeroizing::new(vec![1; 32]))], "d")
    }

    fn record() -> Record {
        Record {
            key_id: KeyId(1),
            expires_at: UnixSeconds(2_000_000_000),
            family: FamilyId::mint([1; 13], &TagKey::derive(&[2; 32], "d", "family")),
            ends_at: Some(UnixMillis(1_900_000_000_000)),
            audiences: vec!["default".into()],
            origins: OriginRules::Any,
            origin_mode: OriginMode::Enforce,
            missing_origin: MissingOrigin::Refuse,
            rate: None,
            external_id: None,
            watched: false,
            distribute: false,
            successor: None,
            planned_end: None,
        }
    }

    #[test]
    fn a_record_opens_under_its_own_serial_and_version_only() {
        let value = record().seal(&ring(), KeyId(1), Serial(7), 2).unwrap();
        let opened = Record::open(&ring(), Serial(7), 2, &value).unwrap();
        assert_eq!(opened, VersionedRecord { version: 2, sealed_by: KeyId(1), record: record() });
        assert_eq!(Record::open(&ring(), Serial(7), 3, &value), Err(BrokenRecord));
        assert_eq!(Record::open(&ring(), Serial(8), 2, &value), Err(BrokenRecord));
    }

    #[test]
    fn versions_of_a_later_epoch_lie_above_all_earlier_ones() {
        assert_eq!([next_version(1, 1), next_version(7, 1)], [Some(2), Some(8)]);
        let second = 1 << 20;
        assert_eq!(next_version(1, 2), Some(second | 1));
        assert_eq!(next_version(second | 1, 2), Some(second | 2));
        // Used up: neither the next epoch's versions are touched nor the count begun again.
        assert_eq!([next_version(second - 1, 1), next_version(second * 2 - 1, 2)], [None, None]);
        assert_eq!([next_version(u32::MAX, 4_096), next_version(1, 4_097)], [None, None]);
        assert_eq!(next_version(5, 4_096), Some((4_095 << 20) | 1));
        assert_eq!([1, second - 1, second | 1, u32::MAX].map(epoch_of), [1, 1, 2, 4_096]);
    }

    #[test]
    fn an_unknown_field_or_format_is_refused() {
        let name = kv_name(Serial(7), 1);
        let sealed = |format, body: &[u8]| {
            seal::seal(&ring(), Purpose::Record, KeyId(1), &name, format, body).unwrap()
        };
        let body = serde_json::to_vec(&record()).unwrap();
        assert!(Record::open(&ring(), Serial(7), 1, &sealed(1, &body)).is_ok());
        assert_eq!(Record::open(&ring(), Serial(7), 1, &sealed(2, &body)), Err(BrokenRecord));
        let mut value: serde_json::Value = serde_json::from_slice(&body).unwrap();
        value["only_on_sundays"] = true.into();
        let body = serde_json::to_vec(&value).unwrap();
        assert_eq!(Record::open(&ring(), Serial(7), 1, &sealed(1, &body)), Err(BrokenRecord));
    }

    #[test]
    fn claims_must_equal_the_record() {
        let claims = Claims { key_id: KeyId(1), serial: Serial(7), expires_at: UnixSeconds(2_000_000_000) };
        assert!(record().is_of(&claims));
        assert!(!record().is_of(&Claims { expires_at: UnixSeconds(2_000_000_001), ..claims }));
        assert!(!record().is_of(&Claims { key_id: KeyId(2), ..claims }));
    }
}
