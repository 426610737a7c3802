//! The JSON of admin keys and console sessions.
//!
//! Standards: docs/http.md, "Callers and roles"; RFC 3339 for instants.
//! Invariants: the schema in docs/openapi.json is derived from these types, and keeps its names: a type whose
//! name another type of the crate has ends in `Json` here.
//! What it must not know: HTTP.
//! What a mistake costs: someone takes a key for weaker, or sooner ended, than it is.

use super::ids;
use crate::base::time::{UnixMillis, UnixSeconds};
use crate::control::registry::command::{AdminKeyView, SessionView};
use crate::formats::admin_key::Role;
use crate::limits::{MS_PER_SECOND, SESSION_IDLE_MS};
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;

/// An admin key, without its text.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema), schemars(rename = "AdminKey"))]
pub(super) struct AdminKeyJson {
    /// The admin key's id, `key_…`.
    pub id: String,
    /// The person or system that holds the key.
    pub label: String,
    /// What the key may do.
    #[cfg_attr(
        not(target_arch = "wasm32"),
        schemars(with = "String", extend("enum" = ["distributor", "viewer", "operator", "owner"]))
    )]
    pub role: Role,
    /// When it was created.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub created_at: String,
    /// When it ends; null: never.
    pub expires_at: Option<String>,
    /// The last call with it, to the minute; null: none yet.
    pub last_used_at: Option<String>,
}

impl From<AdminKeyView> for AdminKeyJson {
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

/// A newly made admin key, with its text.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct CreatedAdminKey {
    /// Settings of the key, without its text.
    #[serde(flatten)]
    pub settings: AdminKeyJson,
    /// The full key, `wla_…`. It is not shown again.
    pub key: String,
}

/// The caller, and when the session or key ends.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct Session {
    /// Id of the admin key that calls or that opened the session, `key_…`.
    pub admin_key: String,
    /// The person or system that holds that key.
    pub label: String,
    /// What the caller may do.
    #[cfg_attr(
        not(target_arch = "wasm32"),
        schemars(with = "String", extend("enum" = ["distributor", "viewer", "operator", "owner"]))
    )]
    pub role: Role,
    /// Whether the key is that of the secret `ADMIN_KEY`, which never ends and belongs to nobody by name.
    pub bootstrap: bool,
    /// The latest possible end of the session or the key; null: never.
    pub ends_at: Option<String>,
    /// A session ends after this many seconds without a call.
    pub idle_seconds: i64,
}

impl From<SessionView> for Session {
    fn from(view: SessionView) -> Self {
        Self {
            admin_key: ids::admin_key_id(view.admin_key),
            label: view.label,
            role: view.role,
            bootstrap: view.bootstrap,
            ends_at: view.ends_at.map(UnixMillis::to_rfc3339),
            idle_seconds: SESSION_IDLE_MS / MS_PER_SECOND,
        }
    }
}
