//! How a token is rotated, and what came of it (docs/lifecycle.md, "Rotation").

use super::receipt::Receipt;
use super::rotation_plan::RevokeOld;
use super::token::{Lifetime, TokenEdit, TokenView};
use serde::{Deserialize, Serialize};

/// Which token to revoke when the leaf was never used and its predecessor still works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Supersede {
    /// The leaf: the new token succeeds the original, whose end does not change.
    Successor,
    /// The original; then the leaf is rotated.
    Original,
}

/// How a token is rotated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rotate {
    pub revoke_old: RevokeOld,
    /// When the successor ends; `None`: it gets the same lifetime as its predecessor.
    pub lifetime: Option<Lifetime>,
    /// Settings that differ in the successor.
    pub overrides: TokenEdit,
    /// Which token to revoke for an unused leaf. Ignored when there is no obstacle.
    pub supersede: Option<Supersede>,
    /// Revokes the predecessor of a leaf that is in use. Ignored when there is no obstacle.
    pub revoke_oldest: bool,
    /// Revokes the original even if it was used in the last day.
    pub force: bool,
}

/// The result of a rotation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rotated {
    pub token: TokenView,
    /// The successor's full text.
    pub text: String,
    /// The predecessor, with its planned end.
    pub predecessor: Option<TokenView>,
    /// Receipts of the tokens revoked in the same transaction, the rotated token's first.
    pub receipts: Vec<Receipt>,
}
