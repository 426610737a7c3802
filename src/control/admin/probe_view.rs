//! The JSON of probes, and of locations wherever they are shown.
//!
//! Standards: docs/bound.md, "Reports"; RFC 3339 for instants.
//! Invariants: the schema in docs/openapi.json is derived from these types.
//! What it must not know: HTTP.
//! What a mistake costs: an operator wrongly believes that a revocation has reached a location.

use super::token_views::ReceiptJson;
use crate::base::time::UnixMillis;
use crate::control::registry::command::{LocationView, ProbeView};
use crate::limits::MS_PER_SECOND;
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;

/// Which locations have received a token's latest change: its receipt, and the list that each location holds.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct Probe {
    /// The receipt of the latest change. For a token that never changed, `effective_by` counts from its
    /// creation, and `list_number` is the newest list that brought any change.
    #[serde(flatten)]
    pub receipt: ReceiptJson,
    /// The newest list that brought a change or that a probe asked for: epoch, then number.
    pub probe_list_number: (u32, u64),
    /// Locations that reported in the last ten minutes. A location that holds `list_number` or a later one
    /// refuses what the change refuses. One that holds `probe_list_number` or a later one has fetched a list
    /// since the probe.
    pub locations: Vec<Location>,
    /// Milliseconds from the commit of the change until it last arrived at an isolate, by the isolates'
    /// reports; null: none has reported it. When every location holds `list_number` or a later one, the
    /// change has been in effect since then wherever there is traffic.
    pub took_ms: Option<i64>,
    /// True when no location has reported traffic for ten minutes. Then none will report, and none holds a
    /// usable list.
    pub idle: bool,
}

impl Probe {
    /// The probe; ages are judged at `now`.
    #[must_use]
    pub(super) fn of(view: ProbeView, now: UnixMillis) -> Self {
        Self {
            receipt: view.receipt.into(),
            probe_list_number: view.probe_list_number,
            locations: view.locations.into_iter().map(|location| Location::of(location, now)).collect(),
            took_ms: view.took_ms,
            idle: view.is_idle,
        }
    }
}

/// A location, and the list that it reported.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct Location {
    /// The location's own name; on Cloudflare the airport's code.
    pub id: String,
    /// The oldest list that one of its isolates holds, of those that reported in the last minute: epoch, then
    /// number.
    pub list_number: (u32, u64),
    /// How many isolates these are; 1 when none reported in the last minute, and then only the last report
    /// counts.
    pub isolates: u32,
    /// How many of these hold the change: in a probe its `list_number`, otherwise the newest list that
    /// brought one. The location is confirmed when all of them do.
    pub isolates_holding: u32,
    /// When one of them last reported.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub at: String,
    /// Seconds since that report.
    pub age_seconds: i64,
}

impl Location {
    /// The location; its age is judged at `now`.
    #[must_use]
    pub(super) fn of(view: LocationView, now: UnixMillis) -> Self {
        Self {
            id: view.id,
            list_number: view.list_number,
            isolates: view.isolates,
            isolates_holding: view.isolates_holding,
            at: view.at.to_rfc3339(),
            age_seconds: whole_seconds(now.since_ms(view.at)),
        }
    }
}

/// Converts a past duration to whole seconds. Never negative, although clocks differ.
pub(super) fn whole_seconds(ms: i64) -> i64 {
    ms.max(0) / MS_PER_SECOND
}
