//! The JSON of signing keys.
//!
//! Standards: docs/lifecycle.md, "Signing keys"; RFC 3339 for instants.
//! Invariants: no secret is shown. The schema in docs/openapi.json is derived from these types.
//! What it must not know: HTTP.
//! What a mistake costs: an owner wrongly believes that a leaked key is refused.

use crate::base::time::{UnixMillis, UnixSeconds};
use crate::control::registry::command;
use crate::control::registry::command::{SigningKeyState, SigningKeyView};
use crate::formats::key::KeyId;
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;

/// A signing key, without its secret.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct SigningKey {
    /// The key's id, 0 to 255, as in `SIGNING_KEYS`.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "u8"))]
    pub id: KeyId,
    /// `signing` makes tokens, `verifying` only verifies them, `retired` is refused permanently.
    #[cfg_attr(
        not(target_arch = "wasm32"),
        schemars(with = "String", extend("enum" = ["signing", "verifying", "retired"]))
    )]
    pub state: SigningKeyState,
    /// Whether `SIGNING_KEYS` contains it.
    pub in_ring: bool,
    /// Tokens signed with it that are neither revoked nor ended.
    pub live_tokens: u64,
    /// Locations that reported in the last hour and lack the key. It can be activated only when there are
    /// none.
    pub missing_at: Vec<String>,
    /// When it was retired; null: it is not retired.
    pub retired_at: Option<String>,
    /// After this, no location admits a token signed with it, by any clock that is within 2 s of true time;
    /// null: it is not retired.
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

/// Receipt for retiring a signing key: by when it holds everywhere.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema), schemars(rename = "KeyReceipt"))]
pub(super) struct KeyReceiptJson {
    /// The key's id, 0 to 255, as in `SIGNING_KEYS`.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "u8"))]
    pub id: KeyId,
    /// The key's state, always `retired`.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("enum" = ["retired"])))]
    pub state: SigningKeyState,
    /// When the retirement was committed.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub retired_at: String,
    /// After this, no location admits a token signed with it, by any clock that is within 2 s of true time.
    /// Computed as the acknowledgement plus `bound_seconds`, rounded up to a second, plus 2 s of clock skew.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub effective_by: String,
    /// The revocation bound: no location admits such a token more than this many seconds after the
    /// acknowledgement.
    pub bound_seconds: i64,
    /// False under `ON_UNKNOWN = "admit"`.
    pub guaranteed: bool,
    /// The first list that names the key, as epoch and number; later lists do as well.
    pub list_number: (u32, u64),
}

impl From<command::KeyReceipt> for KeyReceiptJson {
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
