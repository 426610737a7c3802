//! The JSON of `GET /status`.
//!
//! Standard: DESIGN section 7; RFC 3339 for instants.
//! Invariants: the schema in docs/openapi.json is derived from these types, so what is documented is what is sent.
//! What it must not know: HTTP.
//! What a mistake costs: an SRE who believes that a revocation went out.

use super::notice_views::WebhookStatus;
use super::probe_view::Location;
use crate::limits::REGISTRY_CALLS_PER_SECOND;
use crate::rate::ClassName;
use crate::registry::command::{StatusView, StatusWarning};
use crate::time::UnixMillis;
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;

/// The registry's state.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct Status {
    /// The newest revocation list.
    pub list: ListStatus,
    /// The revocation bound.
    pub bound: BoundStatus,
    /// How KV's copy of the list is kept fresh.
    pub heartbeat: HeartbeatStatus,
    /// What is owed to KV.
    pub outbox: OutboxStatus,
    /// How long changes took to reach locations, measured.
    pub propagation: PropagationStatus,
    /// Locations that told in the last hour which list they hold, by id.
    pub locations: Vec<Location>,
    /// Tokens by state; of 10,000 and more, as it was up to a minute ago.
    pub tokens: TokenCounts,
    /// The highest serial issued.
    pub highest_serial: u32,
    /// The key id that signs.
    pub signing_key: u8,
    /// Calls to the registry since its instance started.
    pub calls: CallCounts,
    /// How much of what the registry carries is used.
    pub load: LoadStatus,
    /// Whether usage is counted.
    pub usage: UsageStatus,
    /// When the registry was last put back from a backup; null is never.
    pub restored_at: Option<String>,
    /// When the last daily sweep for notices ended; null is never.
    pub swept_at: Option<String>,
    /// Which rate classes do not limit as they say.
    pub rate_classes: RateClassesStatus,
    /// How the receiver of webhooks does.
    pub webhook: WebhookStatus,
    /// What to look at.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(schema_with = "warnings_schema"))]
    pub warnings: Vec<StatusWarning>,
}

/// The newest revocation list.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct ListStatus {
    /// Epoch, then number.
    pub number: (u32, u64),
    /// Serials that it names.
    pub entries: u64,
    /// Its size.
    pub bytes: u64,
    /// The base that it rests on.
    pub base: BaseStatus,
}

/// The newest base of the list.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct BaseStatus {
    /// Epoch, then number; number 0 is the empty one.
    pub number: (u32, u64),
    /// Its size.
    pub bytes: u64,
}

/// The revocation bound.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct BoundStatus {
    /// B.
    pub seconds: i64,
    /// False under `ON_UNKNOWN = "admit"`.
    pub guaranteed: bool,
}

/// How KV's copy of the list is kept fresh.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct HeartbeatStatus {
    /// How often it is written anew while there is traffic; 0: never.
    pub seconds: i64,
    /// When a list was last given to KV; null is never.
    pub published_at: Option<String>,
    /// When a location last gave a sign of traffic, to the minute; null is never.
    pub traffic_at: Option<String>,
}

/// How long changes took from their commit to the locations that told, since the registry's instance started: the newest
/// 1,024 of each change and location.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct PropagationStatus {
    /// How many were measured.
    pub samples: u64,
    /// Half took no longer; null without samples.
    pub p50_ms: Option<i64>,
    /// 99 of 100 took no longer.
    pub p99_ms: Option<i64>,
    /// The longest.
    pub max_ms: Option<i64>,
    /// The samples counted in equal parts of the bound, and those beyond it; empty without samples.
    pub histogram: Vec<HistogramPart>,
}

/// How many samples took up to a time, and longer than the part before.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct HistogramPart {
    /// Null: longer than the bound.
    pub up_to_ms: Option<i64>,
    /// Samples.
    pub count: u64,
}

impl HistogramPart {
    fn of((up_to_ms, count): (Option<i64>, u64)) -> Self {
        Self { up_to_ms, count }
    }
}

/// How much of what the registry carries is used.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct LoadStatus {
    /// Over the last minute.
    pub calls_per_second: f64,
    /// What one registry carries.
    pub limit_per_second: u64,
    /// The part of it that is used; 1 is all.
    pub share: f64,
}

/// Whether usage is counted.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct UsageStatus {
    /// False where no usage shards are bound (`USAGE`): nothing is counted, no first use is known, and what a rotation holds
    /// until its successor was used stays held.
    pub counting: bool,
}

/// Which rate classes do not limit as they say.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct RateClassesStatus {
    /// Not configured any more, but tokens that have not ended are of them: those are not limited.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Vec<String>"))]
    pub missing: Vec<ClassName>,
    /// Each isolate counts for them by itself, since there is no binding `RATE_<CLASS>`: a location admits a multiple.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Vec<String>"))]
    pub counted_by_isolates: Vec<ClassName>,
}

/// What is owed to KV.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct OutboxStatus {
    /// Writes.
    pub pending: u64,
    /// When the oldest of them was owed; null when nothing is.
    pub oldest_at: Option<String>,
    /// Writes that failed since the registry's instance started.
    pub failures: u64,
}

/// Tokens by state.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
#[allow(missing_docs)] // the states
pub struct TokenCounts {
    pub active: u64,
    pub disabled: u64,
    pub revoked: u64,
    pub expired: u64,
}

/// Calls by kind.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
#[allow(missing_docs)] // the kinds
pub struct CallCounts {
    pub list: u64,
    pub record: u64,
    pub admin: u64,
    pub base: u64,
    pub report: u64,
}

impl Status {
    /// The status as it is at `now`; `counting` is whether usage is counted.
    #[must_use]
    pub fn of(view: StatusView, counting: bool, now: UnixMillis) -> Self {
        let [active, disabled, revoked, expired] = view.tokens;
        let [list, record, admin, base, report] = view.calls;
        let load = load(view.calls_last_minute);
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
            tokens: TokenCounts { active, disabled, revoked, expired },
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
            },
            webhook: view.webhook.into(),
            warnings: view.warnings,
        }
    }
}

/// The load that so many calls in a minute are.
pub(super) fn load(calls_last_minute: u64) -> LoadStatus {
    // Two digits are enough, and keep binary fractions out of the answer.
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    let hundredths = |number: u64, of: u64| (number * 100 / of) as f64 / 100.0;
    LoadStatus {
        calls_per_second: hundredths(calls_last_minute, SECONDS_PER_MINUTE),
        limit_per_second: REGISTRY_CALLS_PER_SECOND,
        share: hundredths(calls_last_minute, SECONDS_PER_MINUTE * REGISTRY_CALLS_PER_SECOND),
    }
}

const SECONDS_PER_MINUTE: u64 = 60;

/// The schema of `warnings`.
#[cfg(not(target_arch = "wasm32"))]
fn warnings_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "array", "items": {"type": "string", "enum": StatusWarning::ALL}})
}
