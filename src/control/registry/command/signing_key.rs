//! Signing keys as they are shown.

use crate::base::time::{UnixMillis, UnixSeconds};
use crate::formats::key::KeyId;
use serde::{Deserialize, Serialize};

/// A signing key as the API shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SigningKeyView {
    pub id: KeyId,
    pub state: SigningKeyState,
    /// Whether `SIGNING_KEYS` has it.
    pub in_ring: bool,
    /// Tokens signed with it that are neither revoked nor ended.
    pub live_tokens: u64,
    /// Locations that reported recently and lack the key.
    pub missing_at: Vec<String>,
    pub retired_at: Option<UnixMillis>,
    /// By when its retirement holds everywhere.
    pub effective_by: Option<UnixSeconds>,
}

/// The use of a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SigningKeyState {
    /// Makes new tags, and verifies them.
    Signing,
    /// Verifies what it signed before.
    Verifying,
    /// Refused permanently, with every token under it.
    Retired,
}
