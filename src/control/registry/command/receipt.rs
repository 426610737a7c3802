//! Receipts: by when a committed change holds everywhere (docs/bound.md, "Receipts").

use super::token::TokenState;
use crate::base::time::{UnixMillis, UnixSeconds};
use crate::formats::key::KeyId;
use crate::formats::token::Serial;
use serde::{Deserialize, Serialize};

/// Receipt for a committed change: by when it holds everywhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    pub serial: Serial,
    /// The token's state after the change.
    pub state: TokenState,
    /// Kind and free text of a revocation.
    pub reason: Option<String>,
    /// When a revocation was committed.
    pub revoked_at: Option<UnixMillis>,
    /// After this, no location admits against the change.
    pub effective_by: UnixSeconds,
    /// The bound from which `effective_by` was computed, in seconds.
    pub bound_seconds: i64,
    /// False under `ON_UNKNOWN = "admit"`.
    pub guaranteed: bool,
    /// The first list that contains the change, as epoch and n; later lists do as well.
    pub list_number: (u32, u64),
}

/// Receipt for the retirement of a signing key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyReceipt {
    pub key_id: KeyId,
    /// When the retirement was committed.
    pub retired_at: UnixMillis,
    /// After this, no location admits a token signed with the key.
    pub effective_by: UnixSeconds,
    /// The bound from which `effective_by` was computed, in seconds.
    pub bound_seconds: i64,
    /// False under `ON_UNKNOWN = "admit"`.
    pub guaranteed: bool,
    /// The first list that names the key, as epoch and n; later lists do as well.
    pub list_number: (u32, u64),
}
