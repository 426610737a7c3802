//! The JSON of probes, and of locations wherever they are shown.
//!
//! Standard: DESIGN section 7 (`/tokens/{id}/probe`); RFC 3339 for instants.
//! Invariants: the schema in docs/openapi.json is derived from these types, so what is documented is what is sent.
//! What it must not know: HTTP.
//! What a mistake costs: an SRE who believes that a revocation arrived.

use super::views::Receipt;
use crate::limits::MS_PER_SECOND;
use crate::registry::command::{LocationView, ProbeView};
use crate::time::UnixMillis;
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;

/// Where a token's latest change has arrived: its receipt, and what locations hold.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct Probe {
    /// Of the latest change. Of a token that never changed: since it was made, and its list number is that of the newest
    /// list that brought a change of anything.
    #[serde(flatten)]
    pub receipt: Receipt,
    /// The newest list that brought a change or that a probe asked for: epoch, then number.
    pub probe_list_number: (u32, u64),
    /// Locations that told in the last ten minutes. One that holds `list_number` or a later one refuses what the change
    /// refuses; one that holds `probe_list_number` has heard since the probe.
    pub locations: Vec<Location>,
    /// No location has given a sign of traffic for ten minutes: none will tell, and none holds a list that it could use.
    pub idle: bool,
}

impl Probe {
    /// The probe as it is at `now`.
    #[must_use]
    pub fn of(view: ProbeView, now: UnixMillis) -> Self {
        Self {
            receipt: view.receipt.into(),
            probe_list_number: view.probe_list_number,
            locations: view.locations.into_iter().map(|location| Location::of(location, now)).collect(),
            idle: view.is_idle,
        }
    }
}

/// A location, and the list it said to hold.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct Location {
    /// What it calls itself: on Cloudflare the airport's code.
    pub id: String,
    /// Epoch, then number.
    pub list_number: (u32, u64),
    /// When it said so.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub at: String,
    /// How long ago that was.
    pub age_seconds: i64,
}

impl Location {
    /// The location as it is at `now`.
    #[must_use]
    pub fn of(view: LocationView, now: UnixMillis) -> Self {
        Self {
            id: view.id,
            list_number: view.list_number,
            at: view.at.to_rfc3339(),
            age_seconds: whole_seconds(now.since_ms(view.at)),
        }
    }
}

/// Whole seconds of a time past, never negative: clocks differ.
pub(super) fn whole_seconds(ms: i64) -> i64 {
    ms.max(0) / MS_PER_SECOND
}
