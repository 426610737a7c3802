//! The JSON of `GET /notices`, and of webhooks in `GET /status`.
//!
//! Standards: docs/lifecycle.md, "Notices"; Standard Webhooks 1.0.0; RFC 3339 for instants.
//! Invariants: a notice is shown exactly as it was or will be sent. The schema in docs/openapi.json is
//! derived from these types.
//! What it must not know: HTTP.
//! What a mistake costs: an operator wrongly believes that a receiver was notified.

use crate::base::time::UnixMillis;
use crate::control::registry::command::{DeliveryState, DeliveryView, NoticeView, WebhookView};
use crate::control::webhook::WebhookFault;
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// A notice: a digest of up to 500 tokens, or a condition of the deployment.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct Notice {
    /// The notice's id, sent as `webhook-id`.
    pub id: String,
    /// `type`, `timestamp` and `data`.
    #[serde(flatten)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "WebhookBody"))]
    pub body: Map<String, Value>,
    /// State of the notice's webhook; null: `WEBHOOK_URL` was not set.
    pub delivery: Option<Delivery>,
}

/// The webhook's body, for the schema.
#[cfg(not(target_arch = "wasm32"))]
#[derive(JsonSchema)]
#[expect(dead_code, reason = "its schema alone is used: the registry keeps the body as text")]
struct WebhookBody {
    /// The type of event: `token.revoked`, …, `deployment.reports_missing`, `deployment.admin_key_expiring`,
    /// `deployment.webhook_test`.
    r#type: String,
    /// When the digest was made.
    #[schemars(extend("format" = "date-time"))]
    timestamp: String,
    /// The tokens, and what they have in common.
    data: WebhookData,
}

#[cfg(not(target_arch = "wasm32"))]
#[derive(JsonSchema)]
#[schemars(rename = "Data")]
#[expect(dead_code, reason = "its schema alone is used")]
struct WebhookData {
    /// The threshold that was reached, for types that have one.
    #[schemars(with = "u32", skip_serializing_if = "Option::is_none")]
    within_days: Option<u32>,
    /// Since when the condition holds, for types about the deployment.
    #[schemars(with = "String", skip_serializing_if = "Option::is_none", extend("format" = "date-time"))]
    since: Option<String>,
    /// With `deployment.admin_key_expiring`: the keys, each with id, label, expires_at, last_used_at.
    #[schemars(with = "Vec<Map<String, Value>>", skip_serializing_if = "Option::is_none")]
    admin_keys: Option<Vec<Map<String, Value>>>,
    /// At most 500 tokens, none for types about the deployment. Each has id, family, label, owner,
    /// external_id, audiences, expires_at, last_used_at, and what the type adds.
    tokens: Vec<Map<String, Value>>,
}

/// State of a notice's webhook.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct Delivery {
    /// Progress of the delivery.
    #[cfg_attr(
        not(target_arch = "wasm32"),
        schemars(with = "String", extend("enum" = ["pending", "delivered", "given_up"]))
    )]
    pub state: DeliveryState,
    /// Number of requests begun.
    pub attempts: u32,
    /// Why the latest failed request failed.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(schema_with = "fault_schema"))]
    pub error: Option<WebhookFault>,
    /// When it was delivered or given up; while it is pending, when the next attempt is due.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub at: String,
}

/// State of the webhook receiver.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct WebhookStatus {
    /// Whether `WEBHOOK_URL` is set.
    pub configured: bool,
    /// Webhooks that are not yet delivered.
    pub pending: u64,
    /// When the oldest of them became due; null when there is none.
    pub oldest_at: Option<String>,
    /// Requests that failed, since the registry began.
    pub failures: u64,
    /// Webhooks given up after a day, since the registry began.
    pub given_up: u64,
    /// When a webhook was last given up; null: never.
    pub given_up_at: Option<String>,
    /// When the receiver last accepted a webhook; null: never.
    pub succeeded_at: Option<String>,
    /// When a request last failed; null: never.
    pub failed_at: Option<String>,
    /// Why that request failed.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(schema_with = "fault_schema"))]
    pub error: Option<WebhookFault>,
}

impl From<NoticeView> for Notice {
    fn from(view: NoticeView) -> Self {
        Self {
            id: view.id,
            // The registry wrote this JSON. If it cannot be read, the notice is shown without it.
            body: serde_json::from_str(&view.body).unwrap_or_default(),
            delivery: view.delivery.map(Delivery::from),
        }
    }
}

impl From<DeliveryView> for Delivery {
    fn from(view: DeliveryView) -> Self {
        Self { state: view.state, attempts: view.attempts, error: view.fault, at: view.at.to_rfc3339() }
    }
}

impl From<WebhookView> for WebhookStatus {
    fn from(view: WebhookView) -> Self {
        let shown = |at: Option<UnixMillis>| at.map(UnixMillis::to_rfc3339);
        Self {
            configured: view.configured,
            pending: view.pending,
            oldest_at: shown(view.oldest_at),
            failures: view.failures,
            given_up: view.given_up,
            given_up_at: shown(view.given_up_at),
            succeeded_at: shown(view.succeeded_at),
            failed_at: shown(view.failed_at),
            error: view.fault,
        }
    }
}

/// Schema of a fault's code, or null.
#[cfg(not(target_arch = "wasm32"))]
fn fault_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let codes = WebhookFault::ALL.map(WebhookFault::code);
    schemars::json_schema!({"anyOf": [{"type": "string", "enum": codes}, {"type": "null"}]})
}
