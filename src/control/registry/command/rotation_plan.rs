//! When a rotated token ends, and whether the registry rotates it by itself.
//!
//! Standard: docs/lifecycle.md, "Plans", "Automatic rotation". Durations are whole seconds, as in the API;
//! instants are milliseconds.

use crate::base::time::UnixMillis;
use crate::limits::{ROTATE_AFTER_DEFAULT_SECONDS, ROTATE_DRAIN_DEFAULT_SECONDS};
use serde::{Deserialize, Serialize};

/// When the predecessor ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "when", rename_all = "snake_case")]
pub enum RevokeOld {
    /// At a set time, but only after the successor was used and the drain is over; until then the end is
    /// held.
    After {
        /// Seconds from the rotation.
        after_seconds: i64,
        /// Least seconds from the successor's first use.
        drain_seconds: i64,
        /// End at the set time even if the successor was not used.
        strict: bool,
    },
    /// A number of seconds after the successor's first use.
    FirstUse {
        /// Seconds from the first use; 0 is at once.
        drain_seconds: i64,
        /// Seconds from the rotation. If the successor was used by then, the end comes at the deadline at the
        /// latest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline_seconds: Option<i64>,
        /// End at the deadline even if the successor was not used.
        strict: bool,
    },
    /// Not until somebody ends it.
    Never,
    /// At once, with every other token of the family, because it was compromised.
    Now,
}

/// The old token ends after a week, but not before the new one was used.
impl Default for RevokeOld {
    fn default() -> Self {
        Self::After {
            after_seconds: ROTATE_AFTER_DEFAULT_SECONDS,
            drain_seconds: ROTATE_DRAIN_DEFAULT_SECONDS,
            strict: false,
        }
    }
}

impl RevokeOld {
    /// Whether the plan waits for the successor's first use and then leaves pages at least a day.
    #[must_use]
    pub const fn leaves_time(&self) -> bool {
        match *self {
            Self::After { drain_seconds, strict, .. } => {
                !strict && drain_seconds >= ROTATE_DRAIN_DEFAULT_SECONDS
            }
            // A deadline could shorten the day.
            Self::FirstUse { drain_seconds, deadline_seconds, strict } => {
                !strict && deadline_seconds.is_none() && drain_seconds >= ROTATE_DRAIN_DEFAULT_SECONDS
            }
            Self::Never => true,
            Self::Now => false,
        }
    }
}

/// Settings of automatic rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoRotate {
    /// Seconds before `expires_at` at which the token is rotated.
    pub before_expiry_seconds: i64,
    /// Lifetime of the successor in seconds; `None`: the same as its predecessor's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<i64>,
    pub revoke_old: RevokeOld,
}

/// A rotation as shown on the predecessor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RotationView {
    pub revoke_old: RevokeOld,
    /// When the rotation was requested.
    pub begun_at: UnixMillis,
    /// When the predecessor ends, as far as known yet.
    pub planned_end: Option<UnixMillis>,
    /// Since when the end is held, because the successor is not in use or does not work.
    pub held_since: Option<UnixMillis>,
}
