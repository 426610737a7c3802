//! Why the registry refuses. HTTP codes and texts do not appear here: the admin API gives each fault its own.

use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use serde::{Deserialize, Serialize};

/// Why the registry refused. A closed list: the admin API gives each one its code and text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// The admin key is unknown, deleted, expired, or an earlier value of `ADMIN_KEY`.
    Unauthorized,
    /// The caller's role does not suffice.
    Forbidden,
    /// No such token, admin key, signing key or family.
    NotFound,
    /// `If-Match` names an outdated version.
    PreconditionFailed,
    /// The idempotency key was used for a different request.
    IdempotencyConflict,
    /// Revoking the family's only active token requires `force`.
    LastActiveToken,
    /// The token is protected: nobody may revoke or disable it, or end it earlier.
    TokenProtected,
    /// The token is protected, and only an owner may do this to it.
    OwnersOnly,
    /// The token is revoked or has ended.
    TokenEnded,
    /// The leaf was never used and its predecessor still works. `supersede` chooses which of the two to
    /// revoke.
    SuccessorUnused {
        /// The leaf, which has yet to be deployed.
        waiting: BlockingToken,
        /// The token that pages use meanwhile.
        predecessor: BlockingToken,
    },
    /// The leaf is in use and its predecessor still works: a family has at most two such tokens.
    MaxActiveTokens {
        /// Both tokens, newest first.
        active: Vec<BlockingToken>,
    },
    /// Every token of the family has ended.
    FamilyEnded,
    /// The token's text cannot be rebuilt: its key was retired and removed from the ring.
    TextGone,
    /// The key is not in the ring.
    KeyNotInRing,
    /// No token of the family works.
    NoCurrentToken,
    /// The leaf is disabled, so it is not rotated.
    LeafDisabled {
        /// The token to rotate instead; `None`: none until the leaf is enabled.
        instead: Option<Serial>,
    },
    /// This token cannot be rotated, but perhaps another one of its family.
    RotateInstead {
        /// Whether the token is revoked or has ended; otherwise it has a successor.
        ended: bool,
        /// The token to rotate; `None`: the family has none, so clone one instead.
        instead: Option<Serial>,
    },
    /// The filter finds another number of tokens than expected.
    UnexpectedCount {
        /// Number of tokens that the filter finds.
        matched: u64,
    },
    /// The command conflicts with the present state.
    Conflict(Clash),
    /// Live tokens are signed with the key, so retiring it requires `force`.
    KeyInUse {
        /// The number of live tokens.
        live_tokens: u64,
    },
    /// A signing key can be activated only when every location that reported in the last hour has it.
    KeyMissing {
        /// The locations that lack it.
        missing_at: Vec<String>,
    },
    /// Fields with faults that only the registry can detect.
    Fields(Vec<FieldFault>),
    /// The registry was restored from a backup and has not read KV's lists yet. It answers nothing until
    /// then.
    Restoring,
    /// Storage failed; nothing was changed.
    Internal,
}

/// The present state that a command conflicts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Clash {
    /// The key is the last owner's, so it is not deleted.
    LastOwner,
    /// The key signs new tokens, so it is not retired.
    KeySigns,
    /// The key was retired, so it does not sign again.
    KeyRetired,
    /// What the idempotency key made is gone, or its text cannot be rebuilt.
    MadeIsGone,
    /// The highest possible serial is in use.
    SerialsUsedUp,
    /// The token's version has reached its maximum.
    VersionsUsedUp,
    /// A licence for the token's family, owner or external id has ended.
    LicenceEnded,
    /// The token's owner is switched off.
    OwnerSwitchedOff,
    /// No receiver of webhooks is configured.
    NoWebhook,
}

/// A field that is refused, and why. `code` and `detail` are constant texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldFault {
    /// The field's name; in an array with its index: `origins[2]`.
    pub field: String,
    /// A stable code: `required`, `unknown_field`, `out_of_range`, …
    pub code: String,
    /// What was expected, for people.
    pub detail: String,
}

/// A token and its last use, as part of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockingToken {
    pub serial: Serial,
    /// The latest known use; `None` when there is none.
    pub last_used_at: Option<UnixMillis>,
}
