//! What is asked of rotations and families, and what is answered: part of the registry's vocabulary ([`super::super::command`]).
//!
//! Standard: DESIGN sections 7 and 8. Durations are whole seconds, as the API has them; instants are milliseconds.
//! Invariants: a value of these types is well formed; whether it is allowed is the rules' to say.
//! What it must not know: HTTP, SQL, the rules.
//! What a mistake costs: an end that comes sooner than was asked for (false refuse).

use crate::registry::command::{Lifetime, Receipt, TokenEdit, TokenFilter, TokenView};
use crate::time::UnixMillis;
use crate::token::Serial;
use serde::{Deserialize, Serialize};

/// When the predecessor ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "when", rename_all = "snake_case")]
pub enum RevokeOld {
    /// At a set time, once the successor has been used and drained; else held until then.
    After {
        /// From the rotation on.
        after_seconds: i64,
        /// From the first use on, at least.
        drain_seconds: i64,
        /// At the set time whether the successor was used or not.
        strict: bool,
    },
    /// So long after the successor's first use.
    FirstUse {
        /// From the first use on; 0 is at once.
        drain_seconds: i64,
        /// From the rotation on: the end, if the successor was used by then and still drains.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline_seconds: Option<i64>,
        /// At the deadline whether the successor was used or not.
        strict: bool,
    },
    /// Not until somebody ends it.
    Never,
    /// At once, and every other token of the family with it: it was compromised.
    Now,
}

/// What to give up when the leaf that is to be rotated was never used and its predecessor still works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Supersede {
    /// The leaf: the new token succeeds the original, whose end stays as it was.
    Successor,
    /// The original; the leaf is then rotated.
    Original,
}

/// How a token is rotated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rotate {
    /// When the predecessor ends.
    pub revoke_old: RevokeOld,
    /// When the successor ends; `None`: it lives as long as its predecessor was given.
    pub lifetime: Option<Lifetime>,
    /// Settings in which the successor differs.
    pub overrides: TokenEdit,
    /// What to give up for an unused leaf; without effect where nothing stands in the way.
    pub supersede: Option<Supersede>,
    /// Revokes the predecessor of a leaf that is in use; without effect where nothing stands in the way.
    pub revoke_oldest: bool,
    /// Gives up the original although it was used in the last day.
    pub force: bool,
}

/// What a rotation made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rotated {
    /// The successor.
    pub token: TokenView,
    /// Its full text.
    pub text: String,
    /// The predecessor, with its planned end.
    pub predecessor: Option<TokenView>,
    /// Receipts of what was revoked in the same step, the rotated token's first.
    pub receipts: Vec<Receipt>,
}

/// A rotation as the predecessor shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RotationView {
    /// What was asked for.
    pub revoke_old: RevokeOld,
    /// When it was asked for.
    pub begun_at: UnixMillis,
    /// When the predecessor ends, as far as that is known yet.
    pub planned_end: Option<UnixMillis>,
    /// Since when the end is held: the successor is not in use, or does not work.
    pub held_since: Option<UnixMillis>,
}

/// That the registry rotates a token by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoRotate {
    /// So long before `expires_at`.
    pub before_expiry_seconds: i64,
    /// Life of the successor; `None`: as long as its predecessor was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<i64>,
    /// When the predecessor ends.
    pub revoke_old: RevokeOld,
}

/// What a usage shard saw of one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUse {
    /// The token's number.
    pub serial: Serial,
    /// The earliest admission known.
    pub first_at: UnixMillis,
    /// The latest.
    pub last_at: UnixMillis,
}

/// A token and when it was last used, in a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The token's number.
    pub serial: Serial,
    /// Its latest use known; `None` is none.
    pub last_used_at: Option<UnixMillis>,
}

/// A family: its lineage, and which token is the one to copy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FamilyView {
    /// `fam_…`
    pub family: String,
    /// The one to copy; `None` when none works.
    pub current: Option<Serial>,
    /// Newest first, at most [`crate::limits::FAMILY_TOKENS_SHOWN_MAX`].
    pub tokens: Vec<TokenView>,
    /// How many tokens it has, those not shown included.
    pub total: u64,
}

/// Which tokens a bulk call is for, one step of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bulk {
    /// Which tokens; `limit` and `below` say which step.
    pub filter: TokenFilter,
    /// Only says what would be done.
    pub dry_run: bool,
    /// How many tokens the filter must find: the dry run's count. Looked at in the first step.
    pub expect: Option<u64>,
}

/// One step of a bulk call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BulkStep<T> {
    /// How many tokens the filter finds from this step on, this one included.
    pub matched: u64,
    /// What was done, token by token; empty in a dry run.
    pub done: Vec<T>,
    /// What was left out, and why.
    pub skipped: Vec<Skipped>,
    /// Ask again with `below` this; `None` when nothing is left.
    pub next: Option<Serial>,
}

/// A token that a bulk call left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skipped {
    /// The token's number.
    pub serial: Serial,
    /// Why: the code of the problem that the call for this token alone would have got.
    pub fault: Box<super::super::command::Fault>,
}
