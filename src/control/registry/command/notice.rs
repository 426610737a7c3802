//! Notices as they are asked for and shown: their kinds, what became of each one's webhook, and how the receiver does.
//!
//! Standard: DESIGN section 8, "Notices"; Standard Webhooks 1.0.0 for the form of a notice.
//! What it must not know: HTTP, SQL, when a notice is due.
//! What a mistake costs: an operator who is told of the wrong token, or believes that a receiver was told.

use crate::time::UnixMillis;
use crate::webhook::WebhookFault;
use serde::{Deserialize, Serialize};

/// What a notice says of its tokens. A closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// It ends soon and has no successor.
    Expiring,
    /// It has a successor, ends soon, and pages still use it.
    PredecessorStillUsed,
    /// Its rotation would have ended it by now, but its successor is not in use, or does not work.
    RotationHeld,
    /// A successor was used for the first time.
    FirstUse,
    /// It has got a successor.
    Rotated,
    /// It was revoked.
    Revoked,
    /// Nobody has used it for 90 days.
    Unused,
    /// It had an hour with far more requests than usual.
    UsageSpike,
    /// Its rules refused an origin often, or in report mode would have.
    RefusedOrigins,
}

impl NoticeKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Expiring,
        Self::PredecessorStillUsed,
        Self::RotationHeld,
        Self::FirstUse,
        Self::Rotated,
        Self::Revoked,
        Self::Unused,
        Self::UsageSpike,
        Self::RefusedOrigins,
    ];

    /// As DESIGN section 8 has it.
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
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// A webhook's `type`: hierarchical, as the standard wants it.
    #[must_use]
    pub fn event_type(self) -> String {
        format!("token.{}", self.as_str())
    }
}

/// One notice: a digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoticeView {
    /// The `webhook-id`: one for ever, over restores too.
    pub id: String,
    /// JSON of `type`, `timestamp` and `data`: the webhook's very body.
    pub body: String,
    /// What became of its webhook; `None`: nobody was to receive it.
    pub delivery: Option<DeliveryView>,
}

/// What became of a notice's webhook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveryView {
    /// As far as it got.
    pub state: DeliveryState,
    /// Requests begun.
    pub attempts: u32,
    /// Why the latest that failed did.
    pub fault: Option<WebhookFault>,
    /// When it was taken or given up; while it is owed, when it is tried next.
    pub at: UnixMillis,
}

/// How far a delivery got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// To be tried, again or still.
    Pending,
    /// The receiver has it.
    Delivered,
    /// A day of failures: it can only be read here.
    GivenUp,
}

impl DeliveryState {
    /// As the database has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::GivenUp].into_iter().find(|state| state.as_str() == text)
    }
}

/// Page of `GET /notices`, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NoticeFilter {
    /// Items on the page, at most.
    pub limit: u32,
    /// Only notices below this number.
    pub below: Option<i64>,
}

/// How the receiver of webhooks does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WebhookView {
    /// `WEBHOOK_URL` is set.
    pub configured: bool,
    /// Webhooks still to be taken.
    pub pending: u64,
    /// When the oldest of them was owed.
    pub oldest_at: Option<UnixMillis>,
    /// Requests that failed, ever.
    pub failures: u64,
    /// Webhooks given up after a day, ever.
    pub given_up: u64,
    /// When one was last given up.
    pub given_up_at: Option<UnixMillis>,
    /// When the receiver last took one.
    pub succeeded_at: Option<UnixMillis>,
    /// When a request last failed.
    pub failed_at: Option<UnixMillis>,
    /// Why it did.
    pub fault: Option<WebhookFault>,
}
