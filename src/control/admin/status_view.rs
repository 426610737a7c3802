//! The JSON of `GET /status`.
//!
//! Standards: docs/http.md, "Status and metrics"; RFC 3339 for instants.
//! Invariants: the schema in docs/openapi.json is derived from these types.
//! What it must not know: HTTP.
//! What a mistake costs: an operator wrongly believes that a revocation was published.

use super::notice_views::WebhookStatus;
use super::probe_view::Location;
use crate::base::time::UnixMillis;
use crate::control::registry::command::{StatusView, StatusWarning};
use crate::formats::rate_class::ClassName;
use crate::limits::REGISTRY_CALLS_PER_SECOND;
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;

/// The registry's state, and warnings for the operator.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema), schemars(rename = "Status"))]
pub(super) struct StatusJson {
    /// The newest revocation list.
    pub list: ListStatus,
    /// The revocation bound, and whether it is guaranteed.
    pub bound: BoundStatus,
    /// How KV's copy of the list is kept fresh.
    pub heartbeat: HeartbeatStatus,
    /// Pending writes to KV.
    pub outbox: OutboxStatus,
    /// Measured delay until changes reach locations.
    pub propagation: PropagationStatus,
    /// Locations that reported in the last hour which list they hold, by id.
    pub locations: Vec<Location>,
    /// Tokens by state. With 10,000 tokens or more, up to a minute old.
    pub tokens: TokenCountsJson,
    /// Tokens that have not ended, work anywhere or only report, and are for an audience of a route with
    /// `credentials`: that route refuses them. Of 10,000 tokens and more, as it was up to a minute ago.
    pub tokens_naming_no_origin: u64,
    /// The highest serial issued so far.
    pub highest_serial: u32,
    /// Id of the key that signs new tokens.
    pub signing_key: u8,
    /// Calls to the registry since its instance started.
    pub calls: CallCounts,
    /// How much of the registry's capacity is used.
    pub load: LoadStatus,
    /// Whether usage is counted.
    pub usage: UsageStatus,
    /// When the registry was last restored from a backup; null: never.
    pub restored_at: Option<String>,
    /// When the last daily sweep for notices ended; null: never.
    pub swept_at: Option<String>,
    /// Rate classes that do not limit as configured.
    pub rate_classes: RateClassesStatus,
    /// State of the webhook receiver.
    pub webhook: WebhookStatus,
    /// Codes of conditions that need attention.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(schema_with = "warnings_schema"))]
    pub warnings: Vec<StatusWarning>,
}

/// The newest revocation list.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct ListStatus {
    /// The list's number: epoch, then number.
    pub number: (u32, u64),
    /// Number of serials that it names.
    pub entries: u64,
    /// Size in bytes, as stored in KV.
    pub bytes: u64,
    /// The base that it completes.
    pub base: BaseStatus,
}

/// The newest base of the list.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct BaseStatus {
    /// The base's number: epoch, then number. Number 0 is the empty base.
    pub number: (u32, u64),
    /// Size in bytes, as stored in KV.
    pub bytes: u64,
}

/// The revocation bound, and whether it is guaranteed.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct BoundStatus {
    /// The bound B, in seconds.
    pub seconds: i64,
    /// False under `ON_UNKNOWN = "admit"`.
    pub guaranteed: bool,
}

/// How KV's copy of the list is kept fresh.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct HeartbeatStatus {
    /// How often it is rewritten while there is traffic, in seconds; 0: never.
    pub seconds: i64,
    /// When a list was last written to KV; null: never.
    pub published_at: Option<String>,
    /// The last sign of traffic, to the minute: a location asked for a list or reported, or a request was
    /// counted; null: never.
    pub traffic_at: Option<String>,
    /// When a location last asked for a list or reported, to the minute; null: never.
    pub heard_at: Option<String>,
}

/// Delay from a change's commit until a location reported it, since the registry's instance started: the
/// newest 1,024 samples, one for each change and location.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct PropagationStatus {
    /// Number of samples, at most 1,024.
    pub samples: u64,
    /// Median, in milliseconds; null without samples.
    pub p50_ms: Option<i64>,
    /// 99th percentile, in milliseconds; null without samples.
    pub p99_ms: Option<i64>,
    /// Maximum, in milliseconds; null without samples.
    pub max_ms: Option<i64>,
    /// The samples counted in equal parts of the bound, and those beyond it; empty without samples.
    pub histogram: Vec<HistogramPart>,
}

/// Number of samples up to this part's limit and above the previous part's.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct HistogramPart {
    /// Upper limit in milliseconds, inclusive; null: longer than the bound.
    pub up_to_ms: Option<i64>,
    /// Number of samples in this part.
    pub count: u64,
}

impl HistogramPart {
    fn of((up_to_ms, count): (Option<i64>, u64)) -> Self {
        Self { up_to_ms, count }
    }
}

/// How much of the registry's capacity is used.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct LoadStatus {
    /// Calls per second, averaged over the last minute.
    pub calls_per_second: f64,
    /// Calls per second that one registry can carry.
    pub limit_per_second: u64,
    /// The fraction of that limit in use; 1 is all of it.
    pub share: f64,
    /// Calls of isolates and relays that wait for a change at present.
    pub held_calls: u64,
    /// How many may wait. A further one is answered at once.
    pub held_calls_limit: u64,
}

/// Whether usage is counted.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct UsageStatus {
    /// False where no usage shards are bound (`USAGE`). Then nothing is counted, no first use is known, and
    /// an end that waits for the successor's first use stays held.
    pub counting: bool,
}

/// Rate classes that do not limit as configured.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct RateClassesStatus {
    /// Classes that are no longer configured although unended tokens have them. Those tokens are not limited.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Vec<String>"))]
    pub missing: Vec<ClassName>,
    /// Classes without a binding `RATE_<CLASS>`. Each isolate counts for itself, so a location admits a
    /// multiple of the limit.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Vec<String>"))]
    pub counted_by_isolates: Vec<ClassName>,
    /// Locations, by id, where no counted request shows the caller's address. There `CLIENT_IP_HEADER` names
    /// a header that the proxy in front does not set, and all callers share one limit.
    pub without_addresses: Vec<String>,
}

/// Pending writes to KV.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct OutboxStatus {
    /// Number of pending writes.
    pub pending: u64,
    /// When the oldest of them became due; null when there is none.
    pub oldest_at: Option<String>,
    /// Writes that failed since the registry's instance started.
    pub failures: u64,
}

/// Number of tokens in each state.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema), schemars(rename = "TokenCounts"))]
pub(super) struct TokenCountsJson {
    pub active: u64,
    pub disabled: u64,
    pub revoked: u64,
    pub expired: u64,
}

/// Calls to the registry since its instance started, by kind.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct CallCounts {
    pub list: u64,
    pub record: u64,
    pub admin: u64,
    pub base: u64,
    pub report: u64,
}

impl StatusJson {
    /// The status; times are judged at `now`. `counting` says whether usage is counted.
    #[must_use]
    pub(super) fn of(view: StatusView, counting: bool, now: UnixMillis) -> Self {
        let [active, disabled, revoked, expired] = view.tokens;
        let [list, record, admin, base, report] = view.calls;
        let load = load(&view);
        Self {
            list: ListStatus {
                number: view.list_number,
                entries: view.list_entries,
                bytes: view.list_bytes,
                base: BaseStatus { number: view.base_number, bytes: view.base_bytes },
            },
            bound: BoundStatus { seconds: view.bound_seconds, guaranteed: view.guaranteed },
            heartbeat: HeartbeatStatus {
                seconds: view.heartbeat_seconds,
                published_at: view.published_at.map(UnixMillis::to_rfc3339),
                traffic_at: view.traffic_at.map(UnixMillis::to_rfc3339),
                heard_at: view.heard_at.map(UnixMillis::to_rfc3339),
            },
            outbox: OutboxStatus {
                pending: view.outbox_pending,
                oldest_at: view.outbox_oldest_at.map(UnixMillis::to_rfc3339),
                failures: view.outbox_failures,
            },
            propagation: PropagationStatus {
                samples: view.propagation.samples,
                p50_ms: view.propagation.p50_ms,
                p99_ms: view.propagation.p99_ms,
                max_ms: view.propagation.max_ms,
                histogram: view.propagation.histogram.into_iter().map(HistogramPart::of).collect(),
            },
            locations: view.locations.into_iter().map(|location| Location::of(location, now)).collect(),
            tokens: TokenCountsJson { active, disabled, revoked, expired },
            tokens_naming_no_origin: view.tokens_naming_no_origin,
            highest_serial: view.highest_serial.0,
            signing_key: view.signing_key.0,
            calls: CallCounts { list, record, admin, base, report },
            load,
            usage: UsageStatus { counting },
            restored_at: view.restored_at.map(UnixMillis::to_rfc3339),
            swept_at: view.swept_at.map(UnixMillis::to_rfc3339),
            rate_classes: RateClassesStatus {
                missing: view.rate_classes_missing,
                counted_by_isolates: view.rate_classes_of_isolates,
                without_addresses: view.locations_without_addresses,
            },
            webhook: view.webhook.into(),
            warnings: view.warnings,
        }
    }
}

/// The load at present.
pub(super) fn load(status: &StatusView) -> LoadStatus {
    let calls_last_minute = status.calls_last_minute;
    // Two digits are enough, and keep binary fractions out of the response.
    // Exact: far below 2^52.
    let hundredths = |number: u64, of: u64| (number * 100 / of) as f64 / 100.0;
    LoadStatus {
        calls_per_second: hundredths(calls_last_minute, SECONDS_PER_MINUTE),
        limit_per_second: REGISTRY_CALLS_PER_SECOND,
        share: hundredths(calls_last_minute, SECONDS_PER_MINUTE * REGISTRY_CALLS_PER_SECOND),
        held_calls: status.held_calls,
        held_calls_limit: status.held_calls_max,
    }
}

const SECONDS_PER_MINUTE: u64 = 60;

/// The schema of `warnings`.
#[cfg(not(target_arch = "wasm32"))]
fn warnings_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "array", "items": {"type": "string", "enum": StatusWarning::ALL}})
}
