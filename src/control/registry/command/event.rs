//! The audit: events, and by what they are found.

use crate::base::time::{UnixMillis, UnixSeconds};
use crate::formats::token::Serial;
use serde::{Deserialize, Serialize};

/// Filters and page of `GET /events`, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EventFilter {
    pub token: Option<Serial>,
    pub family: Option<String>,
    /// Exactly as events show it.
    pub actor: Option<String>,
    pub action: Option<String>,
    /// Only events at this time or later.
    pub from: Option<UnixSeconds>,
    /// Only events before this time.
    pub to: Option<UnixSeconds>,
    /// Items on the page, 1 to `PAGE_LIMIT_MAX`.
    pub limit: u32,
    /// Only events with a lower number.
    pub below: Option<i64>,
}

/// One audit event. Never deleted or changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventView {
    /// Number of the event, ascending.
    pub id: i64,
    pub at: UnixMillis,
    /// The actor: `key_<n> <label>`, or `system`.
    pub actor: String,
    /// The action: `token.created`, `token.revealed`, `token.edited`, `token.revoked`, `token.disabled`,
    /// `token.enabled`, `token.end_set`, `token.end_cancelled`, `token.rotated`, `token.rotation_held`,
    /// `token.rotation_cancelled`, `token.first_used`, `token.quota_exceeded`, `token.restored`,
    /// `signing_key.activated`,
    /// `signing_key.retired`, `registry.restored`, `admin_key.created`, `admin_key.deleted`,
    /// `admin_key.bootstrapped`, `session.opened`, `session.closed`.
    pub action: String,
    pub token: Option<Serial>,
    /// The token's present label; `None` when the token has left the registry.
    pub label: Option<String>,
    pub family: Option<String>,
    /// The values before: a JSON object as text, with the changed fields only.
    pub before: Option<String>,
    /// The values after, in the same form.
    pub after: Option<String>,
}
