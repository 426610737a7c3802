//! The JSON of `GET /notices`, and of webhooks in `GET /status`.
//!
//! Standard: DESIGN sections 7 and 8; Standard Webhooks 1.0.0; RFC 3339 for instants.
//! Invariants: a notice is shown exactly as it was or will be sent; the schema in docs/openapi.json is derived from these
//! types.
//! What it must not know: HTTP.
//! What a mistake costs: an operator who believes that a receiver was told.

use crate::registry::command::{DeliveryState, DeliveryView, NoticeView, WebhookView};
use crate::time::UnixMillis;
use crate::webhook::WebhookFault;
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// A notice: a digest of up to 500 tokens.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct Notice {
    /// The `webhook-id`.
    pub id: String,
    /// `type`, `timestamp` and `data`.
    #[serde(flatten)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Body"))]
    pub body: Map<String, Value>,
    /// What became of its webhook; null: `WEBHOOK_URL` was not set.
    pub delivery: Option<Delivery>,
}

/// The webhook's body.
#[cfg(not(target_arch = "wasm32"))]
#[derive(JsonSchema)]
#[allow(dead_code)] // its schema alone is used: the registry keeps the body as text
struct Body {
    /// What happened: `token.revoked`, …
    r#type: String,
    /// When the digest was made.
    #[schemars(extend("format" = "date-time"))]
    timestamp: String,
    /// The tokens, and what is the same for all of them.
    data: Data,
}

#[cfg(not(target_arch = "wasm32"))]
#[derive(JsonSchema)]
#[allow(dead_code)]
struct Data {
    /// Which threshold was met, where the type has any.
    #[schemars(with = "u32", skip_serializing_if = "Option::is_none")]
    within_days: Option<u32>,
    /// At most 500, each with id, family, label, owner, external_id, audiences, expires_at, last_used_at, and what the type adds.
    tokens: Vec<Map<String, Value>>,
}

/// What became of a notice's webhook.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct Delivery {
    /// How far it got.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("enum" = ["pending", "delivered", "given_up"])))]
    pub state: DeliveryState,
    /// Requests begun.
    pub attempts: u32,
    /// Why the latest that failed did.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(schema_with = "fault_schema"))]
    pub error: Option<WebhookFault>,
    /// When it was taken or given up; while it is pending, when it is tried next.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub at: String,
}

/// How the receiver of webhooks does.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct WebhookStatus {
    /// Whether `WEBHOOK_URL` is set.
    pub configured: bool,
    /// Webhooks still to be taken.
    pub pending: u64,
    /// When the oldest of them was owed; null when none is.
    pub oldest_at: Option<String>,
    /// Requests that failed, ever.
    pub failures: u64,
    /// Webhooks given up after a day, ever.
    pub given_up: u64,
    /// When one was last given up; null is never.
    pub given_up_at: Option<String>,
    /// When the receiver last took one; null is never.
    pub succeeded_at: Option<String>,
    /// When a request last failed; null is never.
    pub failed_at: Option<String>,
    /// Why it did.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(schema_with = "fault_schema"))]
    pub error: Option<WebhookFault>,
}

impl From<NoticeView> for Notice {
    fn from(view: NoticeView) -> Self {
        Self {
            id: view.id,
            // The registry wrote it; one that cannot be read is shown without.
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

/// A fault's code, or null.
#[cfg(not(target_arch = "wasm32"))]
fn fault_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let codes = WebhookFault::ALL.map(WebhookFault::code);
    schemars::json_schema!({"anyOf": [{"type": "string", "enum": codes}, {"type": "null"}]})
}
