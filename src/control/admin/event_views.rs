//! The JSON of audit events.
//!
//! Standard: RFC 3339 for instants.
//! Invariants: the schema in docs/openapi.json is derived from these types, and keeps its names: a type whose
//! name another type of the crate has ends in `Json` here.
//! What it must not know: HTTP.

use super::ids;
use super::page::object;
use crate::control::registry::command::EventView;
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// One event of the audit log.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema), schemars(rename = "Event"))]
pub(super) struct EventJson {
    /// Number of the event, ascending.
    pub id: i64,
    /// When the change was committed.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub at: String,
    /// Who made the change: an admin key's id and label, or `system`.
    pub actor: String,
    /// The kind of change: `token.created`, `token.revoked`, `admin_key.deleted`, …
    pub action: String,
    /// Id of the token that was changed.
    pub token: Option<String>,
    /// The token's present label; null when the event is of no token, or the token has left the registry.
    pub label: Option<String>,
    /// Id of the family that was changed.
    pub family: Option<String>,
    /// The values before, for changed fields only.
    pub before: Option<Value>,
    /// The values after, for changed fields only.
    pub after: Option<Value>,
}

impl From<EventView> for EventJson {
    fn from(view: EventView) -> Self {
        Self {
            id: view.id,
            at: view.at.to_rfc3339(),
            actor: view.actor,
            action: view.action,
            token: view.token.map(ids::token_id),
            label: view.label,
            family: view.family,
            before: view.before.as_deref().and_then(object),
            after: view.after.as_deref().and_then(object),
        }
    }
}
