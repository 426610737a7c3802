//! What the registry says of itself: its state, its signing keys, and what locations told it.
//!
//! Standard: DESIGN section 5 (receipts, measured propagation) and section 7 (`/status`, `/signing-keys`, probes).
//! What it must not know: HTTP, SQL.
//! What a mistake costs: an SRE who believes that a revocation went out, or arrived.

use super::command::{Receipt, WebhookView};
use crate::key::KeyId;
use crate::rate::ClassName;
use crate::time::{UnixMillis, UnixSeconds};
use crate::token::Serial;
use serde::{Deserialize, Serialize};

/// A signing key as the API shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SigningKeyView {
    /// Its id.
    pub id: KeyId,
    /// What it does.
    pub state: SigningKeyState,
    /// Whether `SIGNING_KEYS` has it.
    pub in_ring: bool,
    /// Tokens under it that are neither revoked nor ended.
    pub live_tokens: u64,
    /// Locations that told lately and lack it.
    pub missing_at: Vec<String>,
    /// When it was retired.
    pub retired_at: Option<UnixMillis>,
    /// When its retirement holds everywhere.
    pub effective_by: Option<UnixSeconds>,
}

/// What a signing key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SigningKeyState {
    /// Signs and verifies.
    Signing,
    /// Verifies what was signed with it.
    Verifying,
    /// Is refused, for ever.
    Retired,
}

/// That a signing key was retired, and by when that holds everywhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyReceipt {
    /// The key.
    pub key_id: KeyId,
    /// When it was committed.
    pub retired_at: UnixMillis,
    /// No location admits a token under it after this.
    pub effective_by: UnixSeconds,
    /// The bound that it was computed from.
    pub bound_seconds: i64,
    /// False under `ON_UNKNOWN = "admit"`.
    pub guaranteed: bool,
    /// Lists with this number or a later one name the key: epoch and n.
    pub list_number: (u32, u64),
}

/// Where a token's latest change has arrived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeView {
    /// Of the latest change; its state is that of the call.
    pub receipt: Receipt,
    /// The newest list that brought a change or that a probe asked for: epoch and n.
    pub probe_list_number: (u32, u64),
    /// Locations that told in the last ten minutes.
    pub locations: Vec<LocationView>,
    /// No location has given a sign of traffic for ten minutes.
    pub is_idle: bool,
}

/// A location, and the list it said to hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LocationView {
    /// What it calls itself.
    pub id: String,
    /// The list: epoch and n.
    pub list_number: (u32, u64),
    /// When it said so.
    pub at: UnixMillis,
}

/// How long changes took to reach locations, measured; since the registry's instance started, the newest 1,024.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PropagationView {
    /// How many were measured.
    pub samples: u64,
    /// Half took no longer.
    pub p50_ms: Option<i64>,
    /// 99 of 100 took no longer.
    pub p99_ms: Option<i64>,
    /// The longest.
    pub max_ms: Option<i64>,
    /// How many took up to so many milliseconds, and longer than the entry before; `None` is longer than the bound.
    pub histogram: Vec<(Option<i64>, u64)>,
}

/// A token that ends, and has no successor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpiryView {
    /// The token's number.
    pub serial: Serial,
    /// `fam_…`
    pub family: String,
    /// When it ends: what was signed, or an operator's earlier end.
    pub at: UnixSeconds,
}

/// Which tokens end next without a successor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExpiriesView {
    /// The nearest, at most [`crate::limits::EXPIRIES_SHOWN_MAX`].
    pub nearest: Vec<ExpiryView>,
    /// How many end within 1, 7 and 30 days, and how many there are.
    pub within: [u64; 4],
}

/// The registry's state for `GET /status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusView {
    /// The newest list: epoch and n.
    pub list_number: (u32, u64),
    /// Serials that the list names.
    pub list_entries: u64,
    /// Bytes of the list.
    pub list_bytes: u64,
    /// The base that it rests on: epoch and n, which is 0 for the empty one.
    pub base_number: (u32, u64),
    /// Bytes of that base.
    pub base_bytes: u64,
    /// The revocation bound B, seconds.
    pub bound_seconds: i64,
    /// False under `ON_UNKNOWN = "admit"`.
    pub guaranteed: bool,
    /// How often KV's copy of the list is written anew while there is traffic, seconds; 0: never.
    pub heartbeat_seconds: i64,
    /// When the list was last handed out for KV.
    pub published_at: Option<UnixMillis>,
    /// When a location last gave a sign of traffic, to the minute.
    pub traffic_at: Option<UnixMillis>,
    /// When the storage was last put back from a backup.
    pub restored_at: Option<UnixMillis>,
    /// How long changes took to reach locations.
    pub propagation: PropagationView,
    /// Locations that told in the last hour.
    pub locations: Vec<LocationView>,
    /// Writes owed to KV.
    pub outbox_pending: u64,
    /// When the oldest of them was owed.
    pub outbox_oldest_at: Option<UnixMillis>,
    /// KV writes that failed since the instance started.
    pub outbox_failures: u64,
    /// Tokens by state: active, disabled, revoked, expired.
    pub tokens: [u64; 4],
    /// The highest serial issued.
    pub highest_serial: Serial,
    /// The key id that signs.
    pub signing_key: KeyId,
    /// Calls through the registry's door since the instance started, by kind: list, record, admin, base, report.
    pub calls: [u64; 5],
    /// Calls of any kind in the last minute.
    pub calls_last_minute: u64,
    /// When the last daily sweep for notices ended.
    pub swept_at: Option<UnixMillis>,
    /// Rate classes of tokens that have not ended, and which are not configured.
    pub rate_classes_missing: Vec<ClassName>,
    /// Rate classes that isolates count for, each by itself.
    pub rate_classes_of_isolates: Vec<ClassName>,
    /// How the receiver of webhooks does.
    pub webhook: WebhookView,
    /// What an operator should look at.
    pub warnings: Vec<StatusWarning>,
}

/// What an operator should look at. A closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusWarning {
    /// The registry gets half of the calls that it can carry, or more.
    RegistryLoad,
    /// `ON_UNKNOWN = "admit"`: receipts promise nothing.
    Unguaranteed,
    /// A write has been owed to KV for longer than the bound.
    KvUnwritten,
    /// The storage was put back from a backup in the last seven days: tokens may have been disabled.
    Restored,
    /// A webhook has not been taken for an hour, or one was given up in the last seven days.
    WebhookUndelivered,
    /// A token that has not ended is of a rate class which is not configured: it is not limited.
    RateClassMissing,
}

impl StatusWarning {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::RegistryLoad,
        Self::Unguaranteed,
        Self::KvUnwritten,
        Self::Restored,
        Self::WebhookUndelivered,
        Self::RateClassMissing,
    ];

    /// As the API has it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::RegistryLoad => "registry_load",
            Self::Unguaranteed => "unguaranteed",
            Self::KvUnwritten => "kv_unwritten",
            Self::Restored => "restored",
            Self::WebhookUndelivered => "webhook_undelivered",
            Self::RateClassMissing => "rate_class_missing",
        }
    }
}
