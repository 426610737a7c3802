//! Families as they are shown.

use super::token::TokenView;
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
}
