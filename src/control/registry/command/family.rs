//! Families as they are shown.

use super::token::TokenView;
use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use serde::{Deserialize, Serialize};

/// A family: its tokens, and which one is current.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FamilyView {
    /// The family's id, `fam_…`.
    pub family: String,
    /// The current token; `None` when none works.
    pub current: Option<Serial>,
    /// Newest first, at most [`crate::limits::FAMILY_TOKENS_SHOWN_MAX`].
    pub tokens: Vec<TokenView>,
    /// The number of its tokens, including those not shown.
    pub total: u64,
    /// Who last fetched a token of it, the latest first.
    #[serde(default)] // a registry of the previous release does not say
    pub fetches: Vec<FetchView>,
}

/// The last fetch of a job or of the pages of an origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchView {
    /// `key_` and an admin key's number, or an origin.
    pub by: String,
    pub serial: Serial,
    /// When, within ten minutes.
    pub at: UnixMillis,
}
