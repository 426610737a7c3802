//! The JSON of licences and of owners who are switched off (docs/lifecycle.md, "Licences").
//!
//! The schema in docs/openapi.json is derived from these types, so the documentation and the responses agree.

use crate::base::time::UnixSeconds;
use crate::control::registry::command::{LicenceOf, LicenceView, OwnerOffView};
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;

/// Until when the tokens of a family, an owner or an external id may work.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema), schemars(rename = "Licence"))]
pub(super) struct LicenceJson {
    /// The family that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String"))]
    pub family: Option<String>,
    /// The owner that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String"))]
    pub owner: Option<String>,
    /// The external id that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String"))]
    pub external_id: Option<String>,
    /// When the tokens end; null: the licence was taken back.
    pub ends_at: Option<String>,
    /// When this end was set.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub set_at: String,
    /// The admin key that set it.
    pub set_by: String,
    /// Whether some of its tokens have yet to get this end. More than 100 get it in steps, within seconds.
    pub pending: bool,
    /// By when the end that was set holds everywhere. Only in the answer to the call that set it; absent
    /// while it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("format" = "date-time")))]
    pub effective_by: Option<String>,
}

impl From<LicenceView> for LicenceJson {
    fn from(view: LicenceView) -> Self {
        let (family, owner, external_id) = match view.of {
            LicenceOf::Family(family) => (Some(family), None, None),
            LicenceOf::Owner(owner) => (None, Some(owner), None),
            LicenceOf::ExternalId(id) => (None, None, Some(id)),
        };
        Self {
            family,
            owner,
            external_id,
            ends_at: view.ends_at.map(UnixSeconds::to_rfc3339),
            set_at: view.set_at.to_rfc3339(),
            set_by: view.set_by,
            pending: view.pending,
            effective_by: view.effective_by.map(UnixSeconds::to_rfc3339),
        }
    }
}

/// An owner who is switched off: all tokens were revoked, and no new one is made.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema), schemars(rename = "SwitchedOffOwner"))]
pub(super) struct OwnerOffJson {
    /// The owner, as it was spelled in the call.
    pub owner: String,
    /// Free text.
    pub reason: Option<String>,
    /// When the owner was switched off.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub switched_off_at: String,
    /// The admin key that did it.
    pub switched_off_by: String,
    /// Whether some of the owner's tokens have yet to be revoked. More than 100 are revoked in steps, within
    /// seconds.
    pub pending: bool,
    /// By when the revocations hold everywhere. Only in the answer to the call that made them; absent while
    /// some are pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("format" = "date-time")))]
    pub effective_by: Option<String>,
}

impl From<OwnerOffView> for OwnerOffJson {
    fn from(view: OwnerOffView) -> Self {
        Self {
            owner: view.owner,
            reason: view.reason,
            switched_off_at: view.off_at.to_rfc3339(),
            switched_off_by: view.off_by,
            pending: view.pending,
            effective_by: view.effective_by.map(UnixSeconds::to_rfc3339),
        }
    }
}
