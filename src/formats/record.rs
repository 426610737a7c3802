//! A token's record: its policy as KV holds it, immutable for each version.
//!
//! Standard: docs/formats.md, "Record". The body is JSON (RFC 8259), format 1 or 2, inside a seal.
//! Invariants: a record is used only for the serial and version in its key name, which the tag covers. An
//! unknown field or format is refused, because a policy that is not understood cannot be enforced. A record
//! is written in the oldest format that can say what it says, so that locations of an earlier release read
//! those of every other token.
//! What it must not know: whether the token is revoked; where the record came from.
//! What a mistake costs: an outdated policy, or another token's, admits from the wrong site (false accept).

use crate::base::time::{UnixMillis, UnixSeconds};
use crate::formats::family::FamilyId;
use crate::formats::key::{KeyId, KeyRing};
use crate::formats::origin::{MissingOrigin, OriginMode, OriginRules};
use crate::formats::rate_class::ClassName;
use crate::formats::scope::{Scope, ScopeMode};
use crate::formats::seal;
use crate::formats::seal::Purpose;
use crate::formats::token::{Claims, Serial};
use crate::formats::upstream_claims::UpstreamClaims;
use serde::{Deserialize, Serialize};

/// The format version of a body without scope and claims.
pub const FORMAT: u8 = 1;
/// The format version of a body that may have them.
pub const FORMAT_WITH_SCOPE: u8 = 2;

/// The policy of a token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The signing key of the token as issued; the token must name the same.
    pub key_id: KeyId,
    /// The end of the token as issued; the token must name the same.
    pub expires_at: UnixSeconds,
    /// The family: this token, its predecessors and its successors.
    pub family: FamilyId,
    /// An earlier end set by an operator. The gate enforces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<UnixMillis>,
    /// The audiences (routes) for which the token is valid.
    pub audiences: Vec<String>,
    /// The origins from which the token works.
    pub origins: OriginRules,
    /// Whether refusals by origin are enforced or only counted.
    pub origin_mode: OriginMode,
    /// What happens to a request that shows no origin.
    pub missing_origin: MissingOrigin,
    /// The rate class; `None`: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<ClassName>,
    /// The operator's own id for the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The token is a successor that is not known to have been used. A location that admits it reports the
    /// first use at once.
    #[serde(default, skip_serializing_if = "is_false")]
    pub watched: bool,
    /// The family's current token is handed out to pages on its sites.
    #[serde(default, skip_serializing_if = "is_false")]
    pub distribute: bool,
    /// The token that succeeds it by rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<Serial>,
    /// The end that a rotation plans, as far as known. Only response headers use it; the gate does not
    /// enforce it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_end: Option<UnixMillis>,
    /// The methods and paths that it is good for, where it says anything about them. From format 2.
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// Whether refusals by scope, its own or the route's, are enforced or only counted. From format 2.
    #[serde(default, skip_serializing_if = "is_enforced")]
    pub scope_mode: ScopeMode,
    /// What the upstream is told about it. From format 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<UpstreamClaims>,
}

// By reference, as serde calls it.
fn is_false(flag: &bool) -> bool {
    !flag
}

// By reference, as serde calls it.
fn is_enforced(mode: &ScopeMode) -> bool {
    *mode == ScopeMode::Enforce
}

/// A record and the version under which it was sealed.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionedRecord {
    /// The version, from 1; each edit raises it.
    pub version: u32,
    /// The signing key that sealed the record. A record sealed by a retired key is not used.
    pub sealed_by: KeyId,
    pub record: Record,
}

/// Low bits of a version: they count the edits in one epoch, a million per token. The upper 12 bits hold the
/// epoch minus 1.
const COUNT_BITS: u32 = 20;

/// The version after `current` in `epoch`. It is above every version that an earlier epoch may have given,
/// including edits that a restored registry does not know. `None` when the token was edited a million times,
/// or `epoch` is above 4,096.
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
    /// Seals the value for KV. `None` when the ring lacks the signing key.
    #[must_use]
    pub fn seal(&self, ring: &KeyRing, signing_key: KeyId, serial: Serial, version: u32) -> Option<Vec<u8>> {
        let body = serde_json::to_vec(self).ok()?;
        seal::seal(ring, Purpose::Record, signing_key, &kv_name(serial, version), self.format(), &body)
    }

    /// The oldest format that can say what the record says.
    fn format(&self) -> u8 {
        let has_none = self.scope.is_empty() && is_enforced(&self.scope_mode) && self.claims.is_none();
        if has_none { FORMAT } else { FORMAT_WITH_SCOPE }
    }

    /// Opens a value read from KV as the record of this serial and version. `None` when it is not a record of
    /// this deployment for them, or its format is unknown. Callers treat it as absent, and count it.
    #[must_use]
    pub fn open(ring: &KeyRing, serial: Serial, version: u32, value: &[u8]) -> Option<VersionedRecord> {
        let name = kv_name(serial, version);
        let opened = seal::open(ring, Purpose::Record, &name, value)?;
        let record: Self = serde_json::from_slice(opened.body).ok()?;
        // A body of format 1 has no member of a later one.
        let is_known = opened.format == FORMAT_WITH_SCOPE || opened.format == record.format();
        is_known.then_some(VersionedRecord { version, sealed_by: opened.key_id, record })
    }

    /// Whether the record belongs to a token with these claims.
    #[must_use]
    pub fn is_of(&self, claims: &Claims) -> bool {
        self.key_id == claims.key_id && self.expires_at == claims.expires_at
    }
}

#[cfg(test)]
impl Record {
    /// A record for tests that works from every origin until `expires_at`. A test sets only the fields it is
    /// about: `Record { watched: true, ..Record::of_test(end) }`.
    pub(crate) fn of_test(expires_at: UnixSeconds) -> Self {
        Self {
            key_id: KeyId(1),
            expires_at,
            family: FamilyId::mint([1; 13], &crate::formats::key::TagKey::derive(&[2; 32], "d", "family")),
            ends_at: None,
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
            scope: Scope::default(),
            scope_mode: ScopeMode::Enforce,
            claims: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    fn ring() -> KeyRing {
        KeyRing::derive(&[(KeyId(1), Zeroizing::new(vec![1; 32]))], "d")
    }

    fn record() -> Record {
        let ends_at = Some(UnixMillis(1_900_000_000_000));
        Record { ends_at, ..Record::of_test(UnixSeconds(2_000_000_000)) }
    }

    #[test]
    fn a_record_opens_under_its_own_serial_and_version_only() {
        let value = record().seal(&ring(), KeyId(1), Serial(7), 2).unwrap();
        let opened = Record::open(&ring(), Serial(7), 2, &value).unwrap();
        assert_eq!(opened, VersionedRecord { version: 2, sealed_by: KeyId(1), record: record() });
        assert_eq!(Record::open(&ring(), Serial(7), 3, &value), None);
        assert_eq!(Record::open(&ring(), Serial(8), 2, &value), None);
    }

    #[test]
    fn versions_of_a_later_epoch_lie_above_all_earlier_ones() {
        assert_eq!([next_version(1, 1), next_version(7, 1)], [Some(2), Some(8)]);
        let second = 1 << 20;
        assert_eq!(next_version(1, 2), Some(second | 1));
        assert_eq!(next_version(second | 1, 2), Some(second | 2));
        // All versions of this epoch are used: the count must neither reach into the next epoch's versions
        // nor start again.
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
        assert!(Record::open(&ring(), Serial(7), 1, &sealed(1, &body)).is_some());
        assert!(Record::open(&ring(), Serial(7), 1, &sealed(2, &body)).is_some());
        for unknown in [0, 3, 255] {
            assert_eq!(Record::open(&ring(), Serial(7), 1, &sealed(unknown, &body)), None, "{unknown}");
        }
        let mut value: serde_json::Value = serde_json::from_slice(&body).unwrap();
        value["only_on_sundays"] = true.into();
        let body = serde_json::to_vec(&value).unwrap();
        assert_eq!(Record::open(&ring(), Serial(7), 1, &sealed(1, &body)), None);
    }

    #[test]
    fn scope_and_claims_are_of_format_2_and_everything_else_stays_in_format_1() {
        let value = record().seal(&ring(), KeyId(1), Serial(7), 1).unwrap();
        assert_eq!(value[0], FORMAT);
        let scope = |json: serde_json::Value| serde_json::from_value::<Scope>(json).unwrap();
        let claims = UpstreamClaims::of(&serde_json::json!({"plan": "free"})).ok();
        for later in [
            Record { scope: scope(serde_json::json!({"methods": ["GET"]})), ..record() },
            Record { scope: scope(serde_json::json!({"paths": ["/v1/*"]})), ..record() },
            Record { scope_mode: ScopeMode::Report, ..record() },
            Record { claims, ..record() },
        ] {
            let value = later.seal(&ring(), KeyId(1), Serial(7), 1).unwrap();
            assert_eq!(value[0], FORMAT_WITH_SCOPE);
            assert_eq!(Record::open(&ring(), Serial(7), 1, &value).unwrap().record, later);
            // An earlier release never wrote such a body under its own format.
            let body = serde_json::to_vec(&later).unwrap();
            let name = kv_name(Serial(7), 1);
            let value = seal::seal(&ring(), Purpose::Record, KeyId(1), &name, FORMAT, &body).unwrap();
            assert_eq!(Record::open(&ring(), Serial(7), 1, &value), None);
        }
        for unreadable in [
            serde_json::json!({"methods": ["get"]}),
            serde_json::json!({"methods": []}),
            serde_json::json!({"paths": ["/v1/../x"]}),
            serde_json::json!({"hosts": ["a.example"]}),
        ] {
            let mut body = serde_json::to_value(record()).unwrap();
            body["scope"] = unreadable.clone();
            assert!(serde_json::from_value::<Record>(body).is_err(), "{unreadable}");
        }
    }

    #[test]
    fn a_rule_of_a_kind_not_known_here_makes_the_record_unusable() {
        let opened = |rules: serde_json::Value| {
            let mut value = serde_json::to_value(record()).unwrap();
            value["origins"] = rules;
            let body = serde_json::to_vec(&value).unwrap();
            let name = kv_name(Serial(7), 1);
            let sealed = seal::seal(&ring(), Purpose::Record, KeyId(1), &name, FORMAT, &body).unwrap();
            Record::open(&ring(), Serial(7), 1, &sealed).map(|opened| opened.record.origins)
        };
        let every = serde_json::json!(["https://example.com", "moz-extension://*"]);
        assert_eq!(serde_json::to_value(opened(every.clone()).unwrap()).unwrap(), every);
        // Rules that a later release might write, as an earlier release reads them.
        for unknown in ["chrome-extension://*", "https://*", "moz-extension://*:*", "https://example-*.com"] {
            let rules = serde_json::json!(["https://example.com", unknown]);
            assert_eq!(opened(rules), None, "{unknown}");
        }
    }

    #[test]
    fn claims_must_equal_the_record() {
        let claims = Claims { key_id: KeyId(1), serial: Serial(7), expires_at: UnixSeconds(2_000_000_000) };
        assert!(record().is_of(&claims));
        assert!(!record().is_of(&Claims { expires_at: UnixSeconds(2_000_000_001), ..claims }));
        assert!(!record().is_of(&Claims { key_id: KeyId(2), ..claims }));
    }
}
