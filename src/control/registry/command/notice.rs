//! Notices: kinds, the delivery of each notice's webhook, and the state of the receiver.
//!
//! Standard: docs/lifecycle.md, "Notices"; Standard Webhooks 1.0.0 for the form of a notice.

use crate::base::time::UnixMillis;
use crate::control::webhook::WebhookFault;
use serde::{Deserialize, Serialize};

/// What a notice says about its tokens, or about the deployment. A closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Ends soon and has no successor.
    Expiring,
    /// Has a successor, ends soon, and pages still use it.
    PredecessorStillUsed,
    /// Outlives its rotation's end, because its successor is not in use or does not work.
    RotationHeld,
    /// A successor that was used for the first time.
    FirstUse,
    /// The token got a successor.
    Rotated,
    /// The token was revoked.
    Revoked,
    /// Was not used for 90 days.
    Unused,
    /// Had an hour with far more requests than usual.
    UsageSpike,
    /// Its rules refused an origin often, or would have in report mode.
    RefusedOrigins,
    /// Has used 80 % of its quota.
    QuotaNear,
    /// Has used up its quota, and is refused until the period ends.
    QuotaExceeded,
    /// Requests are counted, but no location reports. About the deployment, not about tokens.
    ReportsMissing,
    /// An admin key ends soon. About the deployment, not about tokens.
    AdminKeyExpiring,
    /// Has a successor that a job or page, which fetched an earlier one, has not fetched.
    SuccessorUnfetched,
    /// Somebody tries the receiver of webhooks. About the deployment, not about tokens.
    WebhookTest,
}

impl NoticeKind {
    pub const ALL: [Self; 15] = [
        Self::Expiring,
        Self::PredecessorStillUsed,
        Self::RotationHeld,
        Self::FirstUse,
        Self::Rotated,
        Self::Revoked,
        Self::Unused,
        Self::UsageSpike,
        Self::RefusedOrigins,
        Self::QuotaNear,
        Self::QuotaExceeded,
        Self::ReportsMissing,
        Self::AdminKeyExpiring,
        Self::SuccessorUnfetched,
        Self::WebhookTest,
    ];

    /// The name of the kind, as docs/lifecycle.md, "Notices" has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expiring => "expiring",
            Self::PredecessorStillUsed => "predecessor_still_used",
            Self::RotationHeld => "rotation_held",
            Self::FirstUse => "first_use",
            Self::Rotated => "rotated",
            Self::Revoked => "revoked",
            Self::Unused => "unused",
            Self::UsageSpike => "usage_spike",
            Self::RefusedOrigins => "refused_origins",
            Self::QuotaNear => "quota_near",
            Self::QuotaExceeded => "quota_exceeded",
            Self::ReportsMissing => "reports_missing",
            Self::AdminKeyExpiring => "admin_key_expiring",
            Self::SuccessorUnfetched => "successor_unfetched",
            Self::WebhookTest => "webhook_test",
        }
    }

    /// Parses the name of a kind; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The `type` of a webhook: hierarchical, as the specification recommends.
    #[must_use]
    pub fn event_type(self) -> String {
        let is_of_deployment =
            matches!(self, Self::ReportsMissing | Self::AdminKeyExpiring | Self::WebhookTest);
        let subject = if is_of_deployment { "deployment" } else { "token" };
        format!("{subject}.{}", self.as_str())
    }
}

/// One notice: a digest about one or more tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoticeView {
    /// The `webhook-id`, unique even across restores.
    pub id: String,
    /// JSON of `type`, `timestamp` and `data`: the exact body of the webhook.
    pub body: String,
    /// The delivery of its webhook; `None` when no receiver was configured.
    pub delivery: Option<DeliveryView>,
}

/// The delivery of a notice's webhook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveryView {
    pub state: DeliveryState,
    /// Requests begun so far.
    pub attempts: u32,
    /// Why the latest failed request failed.
    pub fault: Option<WebhookFault>,
    /// When it was delivered or given up; while it is pending, when it is tried next.
    pub at: UnixMillis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Will be tried (again).
    Pending,
    /// The receiver accepted it.
    Delivered,
    /// It failed for a day. The notice can only be read here.
    GivenUp,
}

impl DeliveryState {
    /// The name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }

    /// Parses a name; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::GivenUp].into_iter().find(|state| state.as_str() == text)
    }
}

/// A page of `GET /notices`, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NoticeFilter {
    /// Most items on the page.
    pub limit: u32,
    /// Only notices with a lower number.
    pub below: Option<i64>,
}

/// The state of the receiver of webhooks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WebhookView {
    /// Whether `WEBHOOK_URL` is set.
    pub configured: bool,
    /// Webhooks not yet delivered.
    pub pending: u64,
    /// Since when the oldest of them is pending.
    pub oldest_at: Option<UnixMillis>,
    /// Failed requests since the registry exists.
    pub failures: u64,
    /// Webhooks given up since the registry exists.
    pub given_up: u64,
    /// When one was last given up.
    pub given_up_at: Option<UnixMillis>,
    /// When the receiver last accepted one.
    pub succeeded_at: Option<UnixMillis>,
    /// When a request last failed.
    pub failed_at: Option<UnixMillis>,
    pub fault: Option<WebhookFault>,
}
