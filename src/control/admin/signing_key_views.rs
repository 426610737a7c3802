//! The JSON of signing keys.
//!
//! Standard: DESIGN section 7 (`/signing-keys`); RFC 3339 for instants.
//! Invariants: no secret; the schema in docs/openapi.json is derived from these types.
//! What it must not know: HTTP.
//! What a mistake costs: an owner who believes that a leaked key is refused.

use crate::key::KeyId;
use crate::registry::command::{self, SigningKeyState, SigningKeyView};
use crate::time::{UnixMillis, UnixSeconds};
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;

/// A signing key, without its secret.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct SigningKey {
    /// As in `SIGNING_KEYS`.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "u8"))]
    pub id: KeyId,
    /// `signing` makes tokens, `verifying` only verifies them, `retired` is refused for ever.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("enum" = ["signing", "verifying", "retired"])))]
    pub state: SigningKeyState,
    /// Whether `SIGNING_KEYS` has it.
    pub in_ring: bool,
    /// Tokens under it that are neither revoked nor ended.
    pub live_tokens: u64,
    /// Locations that told in the last hour and lack it: while there are any, it cannot be activated.
    pub missing_at: Vec<String>,
    /// When it was retired; null while it is not.
    pub retired_at: Option<String>,
    /// No location admits a token under it after this; null while it is not retired.
    pub effective_by: Option<String>,
}

impl From<SigningKeyView> for SigningKey {
    fn from(view: SigningKeyView) -> Self {
        Self {
            id: view.id,
            state: view.state,
            in_ring: view.in_ring,
            live_tokens: view.live_tokens,
            missing_at: view.missing_at,
            retired_at: view.retired_at.map(UnixMillis::to_rfc3339),
            effective_by: view.effective_by.map(UnixSeconds::to_rfc3339),
        }
    }
}

/// That a signing key was retired, and by when that holds everywhere.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct KeyReceipt {
    /// As in `SIGNING_KEYS`.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "u8"))]
    pub id: KeyId,
    /// Always `retired`.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("enum" = ["retired"])))]
    pub state: SigningKeyState,
    /// When that was committed.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub retired_at: String,
    /// No location admits a token under it after this.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub effective_by: String,
    /// The bound that it was computed from.
    pub bound_seconds: i64,
    /// False under `ON_UNKNOWN = "admit"`.
    pub guaranteed: bool,
    /// Lists with this number or a later one name the key: epoch, then number.
    pub list_number: (u32, u64),
}

impl From<command::KeyReceipt> for KeyReceipt {
    fn from(receipt: command::KeyReceipt) -> Self {
        Self {
            id: receipt.key_id,
            state: SigningKeyState::Retired,
            retired_at: receipt.retired_at.to_rfc3339(),
            effective_by: receipt.effective_by.to_rfc3339(),
            bound_seconds: receipt.bound_seconds,
            guaranteed: receipt.guaranteed,
            list_number: receipt.list_number,
        }
    }
}
