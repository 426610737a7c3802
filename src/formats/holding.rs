//! What a location reports to the registry about its list and its keys.
//!
//! Standard: docs/bound.md, "Reports". An earlier release leaves fields out; each has a default that means
//! "not said".

use crate::formats::key::KeyId;
use crate::formats::list::Number;
use serde::{Deserialize, Serialize};

/// One report of a location to the registry: of one isolate, or of all isolates of the location that use
/// one relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// The number of the list held; of several isolates, the lowest.
    pub number: Number,
    /// The isolate that reports; 0 in reports of an earlier release.
    #[serde(default)]
    pub isolate: u64,
    /// For how many isolates it speaks.
    #[serde(default = "one")]
    pub isolates: u32,
    /// Changes that arrived since the last report.
    pub took: Vec<Took>,
    /// Signing keys that the location has. Empty in reports of an earlier release.
    #[serde(default)]
    pub keys: Vec<KeyId>,
    /// Signing keys that the list held retires. A registry restored from a backup may have forgotten them.
    #[serde(default)]
    pub retired: Vec<KeyId>,
    /// Whether requests that are counted by address show one; an earlier release does not say, nor one that
    /// has seen few.
    #[serde(default)]
    pub addresses: Option<AddressesArrive>,
}

fn one() -> u32 {
    1
}

/// Changes that arrived together in one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Took {
    /// The `changed` of the list held before: the n of the newest change that it contained.
    pub after: u64,
    /// The `changed` of the list that replaced it.
    pub changed: u64,
    /// Milliseconds from that moment to the report.
    pub ago_ms: i64,
}

/// Whether the requests that an isolate counts by address have an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressesArrive {
    /// At least one request had an address.
    Yes,
    /// Of many requests none had an address, so all callers share one limit.
    Never,
}
