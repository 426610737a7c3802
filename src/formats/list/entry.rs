//! What a list says of one serial, the list's number, and why a list is refused.
//!
//! Standard: RFC 6960 section 2.2 for the states.

use crate::base::time::UnixSeconds;
use crate::formats::token::Serial;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A list's number. A later list contains every change that an earlier one contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Number {
    /// From 1; raised by each restore from a backup.
    pub epoch: u32,
    /// Raised by every new list, and by a restore.
    pub n: u64,
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.n)
    }
}

/// A serial's status on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SerialStatus {
    /// Neither revoked nor disabled.
    Good,
    /// Refused until it is enabled again.
    Disabled,
    /// Revoked: the token is refused permanently.
    Revoked,
    /// Its quota is used up: the token is refused until this second, the end of the quota's period. Only in
    /// format 2.
    Exhausted(UnixSeconds),
}

/// The state of one serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub serial: Serial,
    pub status: SerialStatus,
    /// The lowest version of its record that may be used, from 1.
    pub version: u32,
}

/// Why a value read as a base or delta was refused. Each refusal is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListFault {
    /// Truncated, altered, sealed by another deployment, or not a sealed value at all.
    BrokenSeal,
    /// Sealed in a format version that this release does not read.
    UnknownFormat,
    /// The seal is right but the content is not: serials out of order, another number than its key names, or
    /// bytes left over.
    Misshapen,
    /// Sealed by a key that the list itself retires.
    RetiredKey,
}
