//! Licences: until when tokens of a family, an owner or an external id may work; and owners who are switched
//! off (docs/lifecycle.md, "Licences").

use crate::base::time::{UnixMillis, UnixSeconds};
use serde::{Deserialize, Serialize};

/// Whose tokens a licence is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LicenceOf {
    /// The family's id, `fam_…`.
    Family(String),
    /// An owner, in any spelling that folds alike.
    Owner(String),
    /// Exactly this external id.
    ExternalId(String),
}

/// The fields of `POST /licences`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetLicence {
    pub of: LicenceOf,
    /// When its tokens end; `None` takes the licence back.
    pub ends_at: Option<UnixSeconds>,
    /// Also where a token that it concerns is protected.
    pub include_protected: bool,
}

/// A licence as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceView {
    pub id: i64,
    pub of: LicenceOf,
    /// `None`: it was taken back.
    pub ends_at: Option<UnixSeconds>,
    pub set_at: UnixMillis,
    /// Label of the admin key that set it last.
    pub set_by: String,
    /// Whether some of its tokens have yet to get this end.
    pub pending: bool,
    /// By when it holds everywhere, in the answer to the call that set it, unless it is pending.
    pub effective_by: Option<UnixSeconds>,
}

/// The fields of `POST /owners/switch-off`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchOwnerOff {
    pub owner: String,
    /// Free text, at most 200 characters.
    pub reason: Option<String>,
    /// Also where a token of the owner is protected.
    pub include_protected: bool,
}

/// An owner who is switched off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerOffView {
    pub id: i64,
    /// As it was spelled in the call.
    pub owner: String,
    pub reason: Option<String>,
    pub off_at: UnixMillis,
    /// Label of the admin key that did it.
    pub off_by: String,
    /// Whether some of the owner's tokens have yet to be revoked.
    pub pending: bool,
    /// By when all revocations hold everywhere, in the answer to the call that made them, unless some are
    /// pending.
    pub effective_by: Option<UnixSeconds>,
}

/// A page of `GET /licences` or `GET /owners`, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListPage {
    /// Most items on the page.
    pub limit: u32,
    /// Only items with a lower number.
    pub below: Option<i64>,
}
