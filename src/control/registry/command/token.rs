//! Tokens: what is given at creation and in an edit, and how they are shown.

use super::fault::Fault;
use super::quota::{Quota, QuotaUse};
use super::rotation_plan::{AutoRotate, RotationView};
use crate::base::time::{UnixMillis, UnixSeconds};
use crate::formats::key::KeyId;
use crate::formats::origin::{MissingOrigin, OriginMode, OriginRules};
use crate::formats::rate_class::ClassName;
use crate::formats::scope::{Methods, ScopeMode, ScopePaths};
use crate::formats::token::Serial;
use crate::formats::upstream_claims::UpstreamClaims;
use serde::{Deserialize, Serialize};

/// The fields of `POST /tokens`. A field not given has the clone's value, or else the default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewToken {
    /// The token whose settings are all copied; it must be active.
    pub clone_of: Option<Serial>,
    /// When it ends; `None`: after the default lifetime.
    pub lifetime: Option<Lifetime>,
    /// All other settings given.
    pub settings: TokenEdit,
}

/// The end of a new token.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Lifetime {
    /// Seconds from the commit.
    ExpiresIn(i64),
    ExpiresAt(UnixSeconds),
}

/// Every setting of a token that an operator chooses and can edit. Audit events show this serialised form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenPolicy {
    /// A name for people.
    pub label: String,
    /// Whom to ask about the token.
    pub owner: Option<String>,
    /// The operator's own id for the customer.
    pub external_id: Option<String>,
    /// A JSON object as text.
    pub metadata: Option<String>,
    /// The origins from which it works.
    pub origins: OriginRules,
    /// Whether refusals by origin are enforced or only counted.
    pub origin_mode: OriginMode,
    /// What happens to a request that shows no origin.
    pub missing_origin: MissingOrigin,
    /// The audiences for which it is valid.
    pub audiences: Vec<String>,
    /// The rate class; `None`: no limit.
    pub rate: Option<ClassName>,
    /// How many requests it may make in a day or a month.
    #[serde(default)] // the registry of the previous release does not send it
    pub quota: Option<Quota>,
    /// The methods for which it is good; `None`: those of the route.
    #[serde(default)]
    pub methods: Option<Methods>,
    /// The paths for which it is good; `None`: those of the route.
    #[serde(default)]
    pub paths: Option<ScopePaths>,
    /// Whether refusals by scope are enforced or only counted.
    #[serde(default)]
    pub scope_mode: ScopeMode,
    /// What the upstream is told about it.
    #[serde(default)]
    pub claims: Option<UpstreamClaims>,
    /// Whether only an owner may do what could break its pages or open it to others.
    pub protected: bool,
    /// Whether pages on its sites may fetch the family's current token.
    pub distribute: bool,
    /// The settings of automatic rotation.
    pub auto_rotate: Option<AutoRotate>,
}

/// The settings given. An outer `None` keeps a setting; an inner `None` clears it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TokenEdit {
    /// A name for people. Required at creation unless cloned.
    pub label: Option<String>,
    /// Whom to ask about the token.
    #[serde(default, with = "given")]
    pub owner: Option<Option<String>>,
    /// The operator's own id for the customer, sent upstream as `Wayleave-External-Id`.
    #[serde(default, with = "given")]
    pub external_id: Option<Option<String>>,
    /// A JSON object as text.
    #[serde(default, with = "given")]
    pub metadata: Option<Option<String>>,
    /// The origins from which the token works. Required at creation unless cloned.
    pub origins: Option<OriginRules>,
    /// Whether refusals by origin are enforced or only counted.
    pub origin_mode: Option<OriginMode>,
    /// What happens to a request that shows no origin.
    pub missing_origin: Option<MissingOrigin>,
    /// The audiences for which it is valid. Required at creation unless cloned; if the deployment has only
    /// one, the admin API fills it in.
    pub audiences: Option<Vec<String>>,
    #[serde(default, with = "given")]
    pub rate: Option<Option<ClassName>>,
    /// How many requests it may make in a day or a month.
    #[serde(default, with = "given")]
    pub quota: Option<Option<Quota>>,
    /// The methods for which it is good; cleared: those of the route.
    #[serde(default, with = "given")]
    pub methods: Option<Option<Methods>>,
    /// The paths for which it is good; cleared: those of the route.
    #[serde(default, with = "given")]
    pub paths: Option<Option<ScopePaths>>,
    /// Whether refusals by scope are enforced or only counted.
    #[serde(default)]
    pub scope_mode: Option<ScopeMode>,
    /// What the upstream is told about it, sent as `Wayleave-Claims`.
    #[serde(default, with = "given")]
    pub claims: Option<Option<UpstreamClaims>>,
    /// Whether only an owner may do what could break its pages or open it to others.
    pub protected: Option<bool>,
    /// Whether pages on its sites may fetch the family's current token.
    #[serde(default)]
    pub distribute: Option<bool>,
    /// The settings of automatic rotation.
    #[serde(default, with = "given")]
    pub auto_rotate: Option<Option<AutoRotate>>,
}

/// Encodes three states: absent, null and a value.
mod given {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        value: &Option<Option<T>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        // Absent is written as [], null as [null] and a value as [value]: serde_json has no third state
        // besides null.
        value.as_slice().serialize(to)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Ok(Vec::<Option<T>>::deserialize(from)?.into_iter().next())
    }
}

/// A token's state as the API shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenState {
    /// Admitted as far as its settings allow.
    Active,
    /// Refused until it is enabled again.
    Disabled,
    /// Refused permanently; cannot be undone.
    Revoked,
    /// `expires_at` or `ends_at` has passed.
    Expired,
}

/// A token as the API shows it, without its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenView {
    pub serial: Serial,
    /// The family's id, `fam_…`.
    pub family: String,
    /// The first 12 and the last 8 characters.
    pub fingerprint: String,
    /// The signing key that issued it.
    pub key_id: KeyId,
    /// The state at the time of the call.
    pub state: TokenState,
    /// Whether it is its family's current token, which people copy and pages receive.
    pub is_current: bool,
    /// The version of its record, from 1.
    pub version: u32,
    #[serde(flatten)]
    pub policy: TokenPolicy,
    pub created_at: UnixMillis,
    /// Label of the admin key that created it.
    pub created_by: String,
    /// The expiry that the token's tag covers.
    pub expires_at: UnixSeconds,
    /// An earlier end: an operator's or its licence's.
    pub ends_at: Option<UnixMillis>,
    /// The end of its licence; perhaps after `expires_at`.
    #[serde(default)] // a registry of the previous release does not say
    pub licensed_until: Option<UnixMillis>,
    /// When its revocation was committed.
    pub revoked_at: Option<UnixMillis>,
    /// Kind and free text, such as `operator: leaked in a gist`.
    pub revoked_reason: Option<String>,
    /// By when its latest revocation or disabling holds everywhere.
    pub effective_by: Option<UnixSeconds>,
    /// What a rotation by the default plan would be refused for; `None`: nothing.
    #[serde(default)] // a registry of the previous release does not say
    pub rotation_obstacle: Option<Box<Fault>>,
    /// The token that it succeeds.
    pub predecessor: Option<Serial>,
    /// The token that succeeds it, unless that is revoked.
    pub successor: Option<Serial>,
    /// The end planned by a rotation.
    pub rotation: Option<RotationView>,
    /// What is used of its quota in the current period; `None` without a quota.
    #[serde(default)] // the registry of the previous release does not send it
    pub quota_use: Option<QuotaUse>,
    /// A path of its scope lies in no route of its audiences.
    #[serde(default)]
    pub scope_misses_routes: bool,
    /// Its first known use.
    pub first_used_at: Option<UnixMillis>,
    /// Its latest known use, within some minutes.
    pub last_used_at: Option<UnixMillis>,
}
