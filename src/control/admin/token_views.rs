//! The JSON of answers: one type each, serialised as it is documented.
//!
//! Standard: DESIGN section 7 (the token object, lists) and section 5 (the receipt); RFC 3339 for instants.
//! Invariants: the schema in docs/openapi.json is derived from these types, so what is documented is what is sent.
//! What it must not know: HTTP.
//! What a mistake costs: a person or a script reads a token as more restricted, or sooner dead, than it is.

use super::ids;
use crate::admin_key::Role;
use crate::limits::{MS_PER_SECOND, SECONDS_PER_DAY, SESSION_IDLE_MS, UNUSED_NOTICE_MS};
use crate::origin::{MissingOrigin, OriginMode, OriginRules, RuleWarning};
use crate::rate::ClassName;
use crate::registry::command::{self, AdminKeyView, EventView, SessionView, TokenState, TokenView};
use crate::time::{UnixMillis, UnixSeconds};
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A token, without its text.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct Token {
    /// `tok_` and its number.
    pub id: String,
    /// The family that it is of: it and its successors.
    pub family: String,
    /// What people call it.
    pub label: String,
    /// Who to ask about it.
    pub owner: Option<String>,
    /// The operator's own id for the customer.
    pub external_id: Option<String>,
    /// A JSON object of the operator's own.
    pub metadata: Option<Value>,
    /// Its first 8 and last 8 characters.
    pub fingerprint: String,
    /// At the time of the call.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("enum" = ["active", "disabled", "revoked", "expired"])))]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String"))]
    pub state: TokenState,
    /// It is the one of its family to copy and to give out: the newest that is active.
    pub current: bool,
    /// Of its record; the ETag is this in quotes.
    pub version: u32,
    /// `any`, or a list of rules in their one spelling.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(schema_with = "origins_schema"))]
    pub origins: OriginRules,
    /// `report` admits what the rules refuse, and counts it.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("enum" = ["enforce", "report"])))]
    pub origin_mode: OriginMode,
    /// What a request without any origin gets.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("enum" = ["refuse", "allow"])))]
    pub missing_origin: MissingOrigin,
    /// What it is for.
    pub audiences: Vec<String>,
    /// Its rate class; null: no limit.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<String>"))]
    pub rate: Option<ClassName>,
    /// Refuses revoke and disable.
    pub protected: bool,
    /// Pages on its sites may fetch the family's current token.
    pub distribute: bool,
    /// That the registry rotates it by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(schema_with = "auto_rotate_schema"))]
    pub auto_rotate: Option<command::AutoRotate>,
    /// When it was made.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub created_at: String,
    /// The admin key that made it.
    pub created_by: String,
    /// When it ends, as signed into it.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub expires_at: String,
    /// An operator's earlier end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("format" = "date-time")))]
    pub ends_at: Option<String>,
    /// When its revocation was committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("format" = "date-time")))]
    pub revoked_at: Option<String>,
    /// Kind and free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String"))]
    pub revoked_reason: Option<String>,
    /// When its latest revocation or disabling holds everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("format" = "date-time")))]
    pub effective_by: Option<String>,
    /// The token that it succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String"))]
    pub predecessor: Option<String>,
    /// The token that succeeded it and is not revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String"))]
    pub successor: Option<String>,
    /// What a rotation planned for its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Rotation"))]
    pub rotation: Option<Rotation>,
    /// Its first use known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("format" = "date-time")))]
    pub first_used_at: Option<String>,
    /// Its latest use known, to some minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("format" = "date-time")))]
    pub last_used_at: Option<String>,
    /// What its owner should know.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(schema_with = "warnings_schema"))]
    pub warnings: Vec<&'static str>,
}

impl Token {
    /// The token as `view` has it; what is long or overdue is judged at `now`.
    #[must_use]
    pub fn of(view: TokenView, now: UnixMillis) -> Self {
        let warnings = warnings(&view, now);
        Self {
            id: ids::token_id(view.serial),
            family: view.family,
            label: view.label,
            owner: view.owner,
            external_id: view.external_id,
            metadata: view.metadata.as_deref().and_then(object),
            fingerprint: view.fingerprint,
            state: view.state,
            current: view.is_current,
            version: view.version,
            origins: view.origins,
            origin_mode: view.origin_mode,
            missing_origin: view.missing_origin,
            audiences: view.audiences,
            rate: view.rate,
            protected: view.protected,
            distribute: view.distribute,
            auto_rotate: view.auto_rotate,
            created_at: view.created_at.to_rfc3339(),
            created_by: view.created_by,
            expires_at: view.expires_at.to_rfc3339(),
            ends_at: view.ends_at.map(UnixMillis::to_rfc3339),
            revoked_at: view.revoked_at.map(UnixMillis::to_rfc3339),
            revoked_reason: view.revoked_reason,
            effective_by: view.effective_by.map(UnixSeconds::to_rfc3339),
            predecessor: view.predecessor.map(ids::token_id),
            successor: view.successor.map(ids::token_id),
            rotation: view.rotation.map(Rotation::from),
            first_used_at: view.first_used_at.map(UnixMillis::to_rfc3339),
            last_used_at: view.last_used_at.map(UnixMillis::to_rfc3339),
            warnings,
        }
    }
}

/// Codes of what a token's owner should know, in a fixed order.
fn warnings(view: &TokenView, now: UnixMillis) -> Vec<&'static str> {
    let mut warnings: Vec<_> = view.origins.warnings().into_iter().map(RuleWarning::code).collect();
    let life_seconds = view.expires_at.0.saturating_sub(view.created_at.ceil_seconds().0);
    let may_be_used = matches!(view.state, TokenState::Active | TokenState::Disabled);
    let idle_since = view.last_used_at.unwrap_or(view.created_at);
    let others = [
        (view.origin_mode == OriginMode::Report, "report_mode"),
        (view.missing_origin == MissingOrigin::Allow, "missing_origin_allowed"),
        (life_seconds > YEAR_SECONDS, "long_lived"),
        (may_be_used && now.since_ms(view.created_at) > YEAR_SECONDS * 1_000, "rotation_overdue"),
        (may_be_used && now.since_ms(idle_since) >= UNUSED_NOTICE_MS, "unused"),
    ];
    warnings.extend(others.into_iter().filter(|(holds, _)| *holds).map(|(_, code)| code));
    warnings
}

/// Codes that [`warnings`] can give.
pub const WARNINGS: [&str; 9] = [
    "origin_any",
    "http_origin",
    "international_name",
    "loopback_https",
    "report_mode",
    "missing_origin_allowed",
    "long_lived",
    "rotation_overdue",
    "unused",
];

/// The default life is a year and not called long; tokens are to be rotated once a year (DESIGN section 8).
const YEAR_SECONDS: i64 = 365 * SECONDS_PER_DAY;

/// What a rotation planned for the end of its predecessor.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct Rotation {
    /// As it was asked for.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(schema_with = "revoke_old_schema"))]
    pub revoke_old: command::RevokeOld,
    /// When it was asked for.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub begun_at: String,
    /// When the token ends; null: not before its successor was used, or never.
    pub planned_end: Option<String>,
    /// Since when the end is held, since the successor is not used or does not work; null: it is not.
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

/// A token just made, with its text.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct CreatedToken {
    /// The token's settings.
    #[serde(flatten)]
    pub settings: Token,
    /// Its full text, `wlp_…`.
    pub token: String,
}

/// A token after an edit.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct EditedToken {
    /// The token as it now is.
    #[serde(flatten)]
    pub settings: Token,
    /// When the edit holds everywhere.
    pub receipt: Receipt,
}

/// A token's full text.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct RevealedToken {
    /// `wlp_…`
    pub token: String,
}

/// What was committed, and by when it holds everywhere.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct Receipt {
    /// `tok_` and its number.
    pub id: String,
    /// After the change.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("enum" = ["active", "disabled", "revoked", "expired"])))]
    pub state: TokenState,
    /// Kind and free text of a revocation.
    pub reason: Option<String>,
    /// When a revocation was committed.
    pub revoked_at: Option<String>,
    /// No location admits against the change after this.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub effective_by: String,
    /// The bound that it was computed from.
    pub bound_seconds: i64,
    /// False under `ON_UNKNOWN = "admit"`.
    pub guaranteed: bool,
    /// Lists with this number or a later one name the change: epoch, then number.
    pub list_number: (u32, u64),
}

impl From<command::Receipt> for Receipt {
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

/// An admin key, without its text.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct AdminKey {
    /// `key_` and its number.
    pub id: String,
    /// Who or what holds it.
    pub label: String,
    /// What it may do.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("enum" = ["distributor", "viewer", "operator", "owner"])))]
    pub role: Role,
    /// When it was made.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub created_at: String,
    /// When it ends; null is never.
    pub expires_at: Option<String>,
    /// Its last call, to the minute; null is none yet.
    pub last_used_at: Option<String>,
}

impl From<AdminKeyView> for AdminKey {
    fn from(view: AdminKeyView) -> Self {
        Self {
            id: ids::admin_key_id(view.id),
            label: view.label,
            role: view.role,
            created_at: view.created_at.to_rfc3339(),
            expires_at: view.expires_at.map(UnixSeconds::to_rfc3339),
            last_used_at: view.last_used_at.map(UnixMillis::to_rfc3339),
        }
    }
}

/// An admin key just made, with its text.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct CreatedAdminKey {
    /// The key's settings.
    #[serde(flatten)]
    pub settings: AdminKey,
    /// Its full text, `wla_…`: not shown again.
    pub key: String,
}

/// Who calls, and until when.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct Session {
    /// `key_` and its number: the admin key that calls, or that opened the session.
    pub admin_key: String,
    /// Who or what holds that key.
    pub label: String,
    /// What it may do.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("enum" = ["distributor", "viewer", "operator", "owner"])))]
    pub role: Role,
    /// When the session, or the key, ends at the latest; null is never.
    pub ends_at: Option<String>,
    /// A session ends after so many seconds without a call.
    pub idle_seconds: i64,
}

impl From<SessionView> for Session {
    fn from(view: SessionView) -> Self {
        Self {
            admin_key: ids::admin_key_id(view.admin_key),
            label: view.label,
            role: view.role,
            ends_at: view.ends_at.map(UnixMillis::to_rfc3339),
            idle_seconds: SESSION_IDLE_MS / MS_PER_SECOND,
        }
    }
}

/// One audit event.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct Event {
    /// Its number, ascending.
    pub id: i64,
    /// When.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub at: String,
    /// Who: an admin key's id and label, or `system`.
    pub actor: String,
    /// What: `token.created`, `token.revoked`, `admin_key.deleted`, …
    pub action: String,
    /// The token concerned.
    pub token: Option<String>,
    /// The family concerned.
    pub family: Option<String>,
    /// What it was before; only fields that changed.
    pub before: Option<Value>,
    /// What it is after, likewise.
    pub after: Option<Value>,
}

impl From<EventView> for Event {
    fn from(view: EventView) -> Self {
        Self {
            id: view.id,
            at: view.at.to_rfc3339(),
            actor: view.actor,
            action: view.action,
            token: view.token.map(ids::token_id),
            family: view.family,
            before: view.before.as_deref().and_then(object),
            after: view.after.as_deref().and_then(object),
        }
    }
}

/// One page of a list.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct Page<T> {
    /// Newest first.
    pub items: Vec<T>,
    /// `cursor` of the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// The registry keeps JSON objects as text; one that cannot be read is shown as none.
fn object(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(Value::is_object)
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

/// The schema of `auto_rotate`, likewise.
#[cfg(not(target_arch = "wasm32"))]
fn auto_rotate_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    use super::fields::Kind;
    schemars::Schema::try_from(super::rotation_kinds::AutoRotateKind.schema()).unwrap_or_default()
}

/// The schema of `warnings`.
#[cfg(not(target_arch = "wasm32"))]
fn warnings_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "array", "items": {"type": "string", "enum": WARNINGS}})
}
