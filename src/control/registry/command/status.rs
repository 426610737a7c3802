//! The registry's own state: its list, its load, its locations, and the next ends of tokens.
//!
//! Standard: docs/bound.md, "Reports"; docs/http.md, "Status and metrics".

use super::notice::WebhookView;
use super::receipt::Receipt;
use crate::base::time::{UnixMillis, UnixSeconds};
use crate::formats::key::KeyId;
use crate::formats::rate_class::ClassName;
use crate::formats::token::Serial;
use serde::{Deserialize, Serialize};

/// Where a token's latest change has arrived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeView {
    /// The receipt of the latest change. Its state is the one at the time of this call.
    pub receipt: Receipt,
    /// The newest list that contains a change or that a probe requested: epoch and n.
    pub probe_list_number: (u32, u64),
    /// Milliseconds from the commit of the change until it last arrived at an isolate, by their reports.
    #[serde(default)] // the registry of the previous release does not send it
    pub took_ms: Option<i64>,
    /// Locations that reported in the last ten minutes.
    pub locations: Vec<LocationView>,
    /// No location showed traffic for ten minutes.
    pub is_idle: bool,
}

/// A location and the list that it reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LocationView {
    /// The location's own name.
    pub id: String,
    /// The oldest list that an isolate heard from lately holds: epoch and n.
    pub list_number: (u32, u64),
    /// When the location sent the report.
    pub at: UnixMillis,
    /// How many of its isolates were heard from lately.
    #[serde(default)] // the registry of the previous release does not send it
    pub isolates: u32,
    /// How many of these hold the change that was asked about: a probe's, or the newest one.
    #[serde(default)] // the registry of the previous release does not send it
    pub isolates_holding: u32,
}

/// How long changes took to arrive at locations: the newest 1,024 measurements since the instance started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PropagationView {
    /// The number of measurements.
    pub samples: u64,
    /// Median in milliseconds; `None` without samples.
    pub p50_ms: Option<i64>,
    /// 99th percentile in milliseconds; `None` without samples.
    pub p99_ms: Option<i64>,
    pub max_ms: Option<i64>,
    /// Measurements up to each number of milliseconds and above the entry before. `None` counts those beyond
    /// the bound.
    pub histogram: Vec<(Option<i64>, u64)>,
}

/// A token without a successor, and its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpiryView {
    pub serial: Serial,
    /// The family's id, `fam_…`.
    pub family: String,
    /// When it ends: by its signature, or earlier by an operator.
    pub at: UnixSeconds,
}

/// Tokens without a successor that end next.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExpiriesView {
    /// The nearest ends, at most `shown_max`.
    pub nearest: Vec<ExpiryView>,
    /// How many end within 1, 7 and 30 days, and how many there are in all.
    pub within: [u64; 4],
    /// When families were last fetched, the latest first; at most `shown_max`.
    #[serde(default)] // the registry of the previous release does not send it
    pub fetched: Vec<(String, UnixSeconds)>,
    /// How many families were fetched.
    #[serde(default)]
    pub fetched_in_all: u64,
    /// The setting `METRICS_TOKENS_MAX`.
    #[serde(default)]
    pub shown_max: i64,
    /// How many families have a consumer that has not fetched the successor.
    #[serde(default)] // the registry of the previous release does not send it
    pub unfetched: u64,
}

/// The registry's state, for `GET /status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusView {
    /// The newest list: epoch and n.
    pub list_number: (u32, u64),
    /// The newest list that brought a change: epoch and n.
    #[serde(default)] // the registry of the previous release does not send it
    pub changed_number: (u32, u64),
    /// Entries in the list's delta.
    pub list_entries: u64,
    /// Bytes of the sealed delta.
    pub list_bytes: u64,
    /// The base of the list: epoch and n; n is 0 for the empty base.
    pub base_number: (u32, u64),
    /// Bytes of the base's body.
    pub base_bytes: u64,
    /// The revocation bound B in seconds.
    pub bound_seconds: i64,
    /// False under `ON_UNKNOWN = "admit"`.
    pub guaranteed: bool,
    /// Seconds between two rewrites of KV's copy of the list while there is traffic; 0: never.
    pub heartbeat_seconds: i64,
    /// When the list was last handed out to be written to KV.
    pub published_at: Option<UnixMillis>,
    /// The last sign of traffic, to the minute.
    pub traffic_at: Option<UnixMillis>,
    /// When a location last asked for a list or reported, to the minute.
    #[serde(default)] // the registry of the previous release does not send it
    pub heard_at: Option<UnixMillis>,
    /// Since when no location has reported although requests are counted.
    #[serde(default)] // the registry of the previous release does not send it
    pub reports_missing_since: Option<UnixMillis>,
    /// When the storage was last restored from a backup.
    pub restored_at: Option<UnixMillis>,
    pub propagation: PropagationView,
    /// Locations that reported in the last hour.
    pub locations: Vec<LocationView>,
    /// Pending writes to KV.
    pub outbox_pending: u64,
    /// Since when the oldest of them is pending.
    pub outbox_oldest_at: Option<UnixMillis>,
    /// Failed KV writes since the instance started.
    pub outbox_failures: u64,
    /// Tokens by state: active, disabled, revoked, expired.
    pub tokens: [u64; 4],
    /// Tokens that have not ended, name no origin, and are for audiences of routes to which pages may send
    /// cookies.
    pub tokens_naming_no_origin: u64,
    /// The highest serial issued.
    pub highest_serial: Serial,
    /// The id of the key that signs.
    pub signing_key: KeyId,
    /// Calls to the registry since the instance started, by kind: list, record, admin, base, report.
    pub calls: [u64; 5],
    pub calls_last_minute: u64,
    /// Calls that wait for a change at present, and how many may.
    pub held_calls: u64,
    pub held_calls_max: u64,
    /// When the last daily sweep ended.
    pub swept_at: Option<UnixMillis>,
    /// Rate classes of unended tokens that are not configured.
    pub rate_classes_missing: Vec<ClassName>,
    /// Rate classes that each isolate counts by itself.
    pub rate_classes_of_isolates: Vec<ClassName>,
    /// Locations in which no request that is counted by address has one.
    #[serde(default)] // a registry of the release before does not say
    pub locations_without_addresses: Vec<String>,
    /// Whether the key of `ADMIN_KEY` is valid, so that it was not replaced by keys of people and jobs.
    #[serde(default)] // a registry of the release before does not say
    pub bootstrap_key_valid: bool,
    /// How many other valid admin keys have no end.
    #[serde(default)] // a registry of the release before does not say
    pub admin_keys_without_end: u64,
    /// Whether a token that has not ended has a quota.
    #[serde(default)] // a registry of the release before does not say
    pub has_quotas: bool,
    /// State of the webhook receiver.
    pub webhook: WebhookView,
    pub warnings: Vec<StatusWarning>,
}

/// Something that an operator should look at. A closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusWarning {
    /// The registry receives at least half of the calls that it can serve.
    RegistryLoad,
    /// `ON_UNKNOWN = "admit"`: receipts guarantee nothing.
    Unguaranteed,
    /// A write to KV has been pending for longer than the bound.
    KvUnwritten,
    /// The storage was restored from a backup in the last seven days; tokens may have been disabled.
    Restored,
    /// A webhook has been pending for an hour, or one was given up in the last seven days.
    WebhookUndelivered,
    /// An unended token has a rate class that is not configured, so it is not limited.
    RateClassMissing,
    /// The header in `CLIENT_IP_HEADER` never arrives at a location, so all callers there share the limit
    /// meant for each.
    ClientAddressMissing,
    /// `CONTROL_HOSTS` is not set, so the admin API answers on every public host. The admin API adds this;
    /// the registry does not know it.
    AdminApiOnEveryHost,
    /// A token for a route to which pages may send cookies names no origin, so that route refuses it.
    OriginsNotNamed,
    /// Requests are counted, but for three minutes no location has asked for a list or reported.
    ReportsMissing,
    /// The key of `ADMIN_KEY`, which has no end, is valid: it was not replaced yet.
    BootstrapKey,
    /// An admin key that an earlier release made has no end.
    AdminKeyWithoutEnd,
    /// A token has a quota, and no usage shards are bound (`USAGE`), so nothing uses it up. The admin API
    /// adds this; the registry does not know it.
    QuotasNotCounted,
}

impl StatusWarning {
    /// Every warning, in a fixed order.
    pub const ALL: [Self; 13] = [
        Self::RegistryLoad,
        Self::Unguaranteed,
        Self::KvUnwritten,
        Self::Restored,
        Self::WebhookUndelivered,
        Self::RateClassMissing,
        Self::ClientAddressMissing,
        Self::AdminApiOnEveryHost,
        Self::OriginsNotNamed,
        Self::ReportsMissing,
        Self::BootstrapKey,
        Self::AdminKeyWithoutEnd,
        Self::QuotasNotCounted,
    ];

    /// The name in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::RegistryLoad => "registry_load",
            Self::Unguaranteed => "unguaranteed",
            Self::KvUnwritten => "kv_unwritten",
            Self::Restored => "restored",
            Self::WebhookUndelivered => "webhook_undelivered",
            Self::RateClassMissing => "rate_class_missing",
            Self::ClientAddressMissing => "client_address_missing",
            Self::AdminApiOnEveryHost => "admin_api_on_every_host",
            Self::OriginsNotNamed => "origins_not_named",
            Self::ReportsMissing => "reports_missing",
            Self::BootstrapKey => "bootstrap_key",
            Self::AdminKeyWithoutEnd => "admin_key_without_end",
            Self::QuotasNotCounted => "quotas_not_counted",
        }
    }
}
