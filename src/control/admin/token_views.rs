//! The JSON of tokens and receipts: one type for each response, serialised as documented.
//!
//! Standards: docs/lifecycle.md, "Life"; docs/bound.md, "Receipts"; RFC 3339 for instants.
//! Invariants: the schema in docs/openapi.json is derived from these types, and keeps its names: a type whose
//! name another type of the crate has ends in `Json` here.
//! What it must not know: HTTP.
//! What a mistake costs: a person or a script takes a token for more restricted, or sooner ended, than it is.

use super::fault_problems::fault_problem;
use super::ids;
use super::page::object;
use crate::base::time::{UnixMillis, UnixSeconds};
use crate::control::registry::command;
use crate::control::registry::command::{Fault, TokenState, TokenView, token_warnings};
use crate::formats::origin::{MissingOrigin, OriginMode, OriginRules};
use crate::formats::rate_class::ClassName;
use crate::formats::scope::{Methods, ScopeMode, ScopePaths};
use crate::http::problem::Reason;
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A token, without its text.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct Token {
    /// The token's id, `tok_…`.
    pub id: String,
    /// Id of its family: the token and its successors.
    pub family: String,
    /// A name for people.
    pub label: String,
    /// Whom to ask about the token.
    pub owner: Option<String>,
    /// The operator's own id for the customer.
    pub external_id: Option<String>,
    /// A JSON object with the operator's own data.
    pub metadata: Option<Value>,
    /// The first 12 and the last 8 characters of the token. The first 12 name it.
    pub fingerprint: String,
    /// The state at the time of the call.
    #[cfg_attr(
        not(target_arch = "wasm32"),
        schemars(extend("enum" = ["active", "disabled", "revoked", "expired"]))
    )]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String"))]
    pub state: TokenState,
    /// Whether it is the token of its family to copy and to give out: the newest that is active.
    pub current: bool,
    /// Version of its record. The ETag is this number in quotes.
    pub version: u32,
    /// `any`, or a list of rules in their canonical spelling.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(schema_with = "origins_schema"))]
    pub origins: OriginRules,
    /// `report` admits and counts the requests that the rules would refuse.
    #[cfg_attr(
        not(target_arch = "wasm32"),
        schemars(with = "String", extend("enum" = ["enforce", "report"]))
    )]
    pub origin_mode: OriginMode,
    /// What happens to a request that shows no origin.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("enum" = ["refuse", "allow"])))]
    pub missing_origin: MissingOrigin,
    /// The audiences for which it is valid.
    pub audiences: Vec<String>,
    /// The rate class; null: no limit.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<String>"))]
    pub rate: Option<ClassName>,
    /// How many requests it may make per UTC day or month; null: no quota.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(schema_with = "quota_schema"))]
    pub quota: Option<command::Quota>,
    /// What is used of the quota in the current period.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "QuotaUseJson"))]
    pub quota_use: Option<QuotaUseJson>,
    /// The methods for which it is good; null: those of the route, or else all.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<Vec<String>>"))]
    pub methods: Option<Methods>,
    /// The paths for which it is good, each exact or a prefix that ends in `/*`; null: those of the route, or
    /// else all.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<Vec<String>>"))]
    pub paths: Option<ScopePaths>,
    /// `report` admits and counts the requests that methods and paths would refuse.
    #[cfg_attr(
        not(target_arch = "wasm32"),
        schemars(with = "String", extend("enum" = ["enforce", "report"]))
    )]
    pub scope_mode: ScopeMode,
    /// What the upstream is told about it, as `Wayleave-Claims`.
    pub claims: Option<Value>,
    /// Whether only an owner may do what could break the pages that use it or open it to others.
    pub protected: bool,
    /// Whether pages on its sites may fetch the family's current token.
    pub distribute: bool,
    /// Settings of automatic rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(schema_with = "auto_rotate_schema"))]
    pub auto_rotate: Option<command::AutoRotate>,
    /// When it was created.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub created_at: String,
    /// The admin key that created it.
    pub created_by: String,
    /// The expiry signed into the token.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub expires_at: String,
    /// An earlier end, set by an operator or by a licence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("format" = "date-time")))]
    pub ends_at: Option<String>,
    /// The end of its licence. The token ends then, unless it ends before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("format" = "date-time")))]
    pub licensed_until: Option<String>,
    /// When its revocation was committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("format" = "date-time")))]
    pub revoked_at: Option<String>,
    /// Kind of the revocation, and free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String"))]
    pub revoked_reason: Option<String>,
    /// By when its latest revocation or disabling holds everywhere: the acknowledgement plus the bound, plus
    /// the clock skew allowed for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("format" = "date-time")))]
    pub effective_by: Option<String>,
    /// Whether it can be rotated by the default plan, and why not.
    pub can_rotate: CanRotate,
    /// The token that it succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String"))]
    pub predecessor: Option<String>,
    /// The token that succeeded it, unless that is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String"))]
    pub successor: Option<String>,
    /// The end that a rotation planned for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Rotation"))]
    pub rotation: Option<Rotation>,
    /// The first known use.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("format" = "date-time")))]
    pub first_used_at: Option<String>,
    /// The latest known use, within some minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("format" = "date-time")))]
    pub last_used_at: Option<String>,
    /// Codes of warnings for the token's owner.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(schema_with = "warnings_schema"))]
    pub warnings: Vec<&'static str>,
}

impl Token {
    /// The view of `view`; what is long or overdue is judged at `now`.
    #[must_use]
    pub fn of(view: TokenView, now: UnixMillis) -> Self {
        let warnings = token_warnings::of(&view, now);
        let policy = view.policy;
        Self {
            id: ids::token_id(view.serial),
            family: view.family,
            label: policy.label,
            owner: policy.owner,
            external_id: policy.external_id,
            metadata: policy.metadata.as_deref().and_then(object),
            fingerprint: view.fingerprint,
            state: view.state,
            current: view.is_current,
            version: view.version,
            origins: policy.origins,
            origin_mode: policy.origin_mode,
            missing_origin: policy.missing_origin,
            audiences: policy.audiences,
            rate: policy.rate,
            quota: policy.quota,
            quota_use: view.quota_use.map(QuotaUseJson::from),
            methods: policy.methods,
            paths: policy.paths,
            scope_mode: policy.scope_mode,
            claims: policy.claims.as_ref().and_then(|claims| object(claims.text())),
            protected: policy.protected,
            distribute: policy.distribute,
            auto_rotate: policy.auto_rotate,
            created_at: view.created_at.to_rfc3339(),
            created_by: view.created_by,
            expires_at: view.expires_at.to_rfc3339(),
            ends_at: view.ends_at.map(UnixMillis::to_rfc3339),
            licensed_until: view.licensed_until.map(UnixMillis::to_rfc3339),
            revoked_at: view.revoked_at.map(UnixMillis::to_rfc3339),
            revoked_reason: view.revoked_reason,
            effective_by: view.effective_by.map(UnixSeconds::to_rfc3339),
            can_rotate: CanRotate::of(view.rotation_obstacle),
            predecessor: view.predecessor.map(ids::token_id),
            successor: view.successor.map(ids::token_id),
            rotation: view.rotation.map(Rotation::from),
            first_used_at: view.first_used_at.map(UnixMillis::to_rfc3339),
            last_used_at: view.last_used_at.map(UnixMillis::to_rfc3339),
            warnings,
        }
    }
}

/// What is used of a quota, as far as the registry knows.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema), schemars(rename = "QuotaUse"))]
pub struct QuotaUseJson {
    /// Admitted requests that were counted in the current period. It is exact at 80 % and 100 % within half a
    /// minute, and about a minute after the last one that went beyond. Else the uses of the last ten minutes
    /// before the token's last use may be missing.
    pub used: u64,
    /// When the period ends and the next one begins.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub period_ends_at: String,
    /// Whether the token is refused until then.
    pub exceeded: bool,
}

impl From<command::QuotaUse> for QuotaUseJson {
    fn from(view: command::QuotaUse) -> Self {
        Self { used: view.used, period_ends_at: view.period_ends_at.to_rfc3339(), exceeded: view.exceeded }
    }
}

/// The end that a rotation planned for the predecessor.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct Rotation {
    /// The plan that the rotation asked for.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(schema_with = "revoke_old_schema"))]
    pub revoke_old: command::RevokeOld,
    /// When the rotation was requested.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub begun_at: String,
    /// When the token ends; null: not before its successor was used, or never.
    pub planned_end: Option<String>,
    /// Since when the end is held, because the successor is not used or does not work; null: it is not held.
    pub held_since: Option<String>,
}

impl From<command::RotationView> for Rotation {
    fn from(view: command::RotationView) -> Self {
        Self {
            revoke_old: view.revoke_old,
            begun_at: view.begun_at.to_rfc3339(),
            planned_end: view.planned_end.map(UnixMillis::to_rfc3339),
            held_since: view.held_since.map(UnixMillis::to_rfc3339),
        }
    }
}

/// Whether a token can be rotated by the default plan. The answer is the refusal that a rotation would get
/// now. (Another plan, or a choice such as `supersede`, may be possible all the same.)
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct CanRotate {
    /// Whether nothing prevents it.
    pub allowed: bool,
    /// The reason of the refusal, or its code if that has no reasons: `successor_unused`,
    /// `max_active_tokens`, `has_successor`, `disabled`, `rotate_another`, `nothing_to_rotate`, …;
    /// null when allowed.
    pub reason: Option<&'static str>,
    /// The token to act on: the one to rotate instead, the unused successor to deploy, or the older of two
    /// active ones, to end first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String"))]
    pub token: Option<String>,
}

impl CanRotate {
    fn of(obstacle: Option<Box<Fault>>) -> Self {
        let Some(fault) = obstacle else { return Self { allowed: true, reason: None, token: None } };
        let token = match &*fault {
            Fault::SuccessorUnused { waiting, .. } => Some(waiting.serial),
            Fault::MaxActiveTokens { active } => active.last().map(|oldest| oldest.serial),
            Fault::LeafDisabled { instead } | Fault::RotateInstead { instead, .. } => *instead,
            _ => None,
        };
        let problem = fault_problem(*fault).problem;
        let reason = problem.reason().map_or(problem.code().code(), Reason::name);
        Self { allowed: false, reason: Some(reason), token: token.map(ids::token_id) }
    }
}

/// A newly made token, with its text.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct CreatedToken {
    /// Settings and state of the token.
    #[serde(flatten)]
    pub settings: Token,
    /// Its full text, `wlp_…`.
    pub token: String,
}

/// A token after an edit.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct EditedToken {
    /// The token after the edit.
    #[serde(flatten)]
    pub settings: Token,
    /// By when the edit holds everywhere.
    pub receipt: ReceiptJson,
}

/// A token's full text.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct RevealedToken {
    /// The full token, `wlp_…`.
    pub token: String,
}

/// Receipt for a committed change: by when it holds everywhere. That is within `bound_seconds` of the
/// acknowledgement, which is this response.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema), schemars(rename = "Receipt"))]
pub struct ReceiptJson {
    /// The token's id, `tok_…`.
    pub id: String,
    /// The state after the change.
    #[cfg_attr(
        not(target_arch = "wasm32"),
        schemars(with = "String", extend("enum" = ["active", "disabled", "revoked", "expired"]))
    )]
    pub state: TokenState,
    /// Kind and free text of a revocation.
    pub reason: Option<String>,
    /// When a revocation was committed.
    pub revoked_at: Option<String>,
    /// After this, no location admits against the change, by any clock that is within 2 s of true time.
    /// Computed as the acknowledgement plus `bound_seconds`, rounded up to a second, plus 2 s of clock skew.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub effective_by: String,
    /// The revocation bound: no location admits against the change more than this many seconds after the
    /// acknowledgement.
    pub bound_seconds: i64,
    /// False under `ON_UNKNOWN = "admit"`.
    pub guaranteed: bool,
    /// The first list that contains the change, as epoch and number; later lists do as well.
    pub list_number: (u32, u64),
}

impl From<command::Receipt> for ReceiptJson {
    fn from(receipt: command::Receipt) -> Self {
        Self {
            id: ids::token_id(receipt.serial),
            state: receipt.state,
            reason: receipt.reason,
            revoked_at: receipt.revoked_at.map(UnixMillis::to_rfc3339),
            effective_by: receipt.effective_by.to_rfc3339(),
            bound_seconds: receipt.bound_seconds,
            guaranteed: receipt.guaranteed,
            list_number: receipt.list_number,
        }
    }
}

/// The schema of `origins`, from the kind that reads it.
#[cfg(not(target_arch = "wasm32"))]
fn origins_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    use super::fields::Kind;
    schemars::Schema::try_from(super::policy_kinds::Origins.schema()).unwrap_or_default()
}

/// The schema of `revoke_old`, from the kind that reads it.
#[cfg(not(target_arch = "wasm32"))]
fn revoke_old_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    use super::fields::Kind;
    schemars::Schema::try_from(super::rotation_kinds::RevokeOldKind.schema()).unwrap_or_default()
}

/// The schema of `quota`, from the kind that reads it.
#[cfg(not(target_arch = "wasm32"))]
fn quota_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    use super::fields::Kind;
    let kind = super::kinds::Nullable(super::quota_kind::QuotaKind);
    schemars::Schema::try_from(kind.schema()).unwrap_or_default()
}

/// The schema of `auto_rotate`, from the kind that reads it.
#[cfg(not(target_arch = "wasm32"))]
fn auto_rotate_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    use super::fields::Kind;
    schemars::Schema::try_from(super::rotation_kinds::AutoRotateKind.schema()).unwrap_or_default()
}

/// The schema of `warnings`.
#[cfg(not(target_arch = "wasm32"))]
fn warnings_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "array", "items": {"type": "string", "enum": token_warnings::codes()}})
}
