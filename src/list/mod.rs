//! The revocation list: what is revoked, disabled or edited; a base and the delta that completes it.
//!
//! Standards: RFC 5280 section 5 for the terms; RFC 6960 section 2.2 for the states. DESIGN section 4.
//! Invariants: a list is made only of a base and a delta that completes it, so it says of every serial what the registry
//! had committed when the delta was made; looking a serial up costs the same however many are named.
//! What it must not know: when a list may be used (that is `freshness`), or where it came from.
//! What a mistake costs: a serial looked up wrongly is a revoked token that works again (false accept).

mod base;
mod delta;
mod record_versions;

pub use base::{Base, OpenedBase, kv_name as base_kv_name, seal as seal_base};
pub use delta::{Delta, DeltaHead, KV_NAME, OpenedDelta};

use crate::key::KeyId;
use crate::record::{self, VersionedRecord};
use crate::time::UnixMillis;
use crate::token::Serial;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::rc::Rc;

/// A list's number: a later one contains every change of an earlier one. `epoch` rises when a registry is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Number {
    /// Raised by a restore from backup; from 1.
    pub epoch: u32,
    /// Raised by every list made, and by a restore too.
    pub n: u64,
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.n)
    }
}

/// What the list says of a serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Neither revoked nor disabled.
    Good,
    /// Refused until enabled again.
    Disabled,
    /// Refused for ever.
    Revoked,
}

/// The state of one serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The token's number.
    pub serial: Serial,
    /// Its state.
    pub status: Status,
    /// The version of its record that must be used, or a later one; from 1.
    pub version: u32,
}

/// Why a value read as a base or delta is not taken. Counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListFault {
    /// Cut, altered, from another deployment, or not ours at all.
    BrokenSeal,
    /// Sealed in a format that this release does not read.
    UnknownFormat,
    /// Sealed by us, yet no base or delta: serials out of order, a number that is not its own, bytes left over.
    Misshapen,
    /// Sealed by a key that the list itself retires.
    RetiredKey,
}

/// A revocation list.
#[derive(Clone, Debug, PartialEq)]
pub struct RevocationList {
    base: Rc<OpenedBase>,
    delta: Delta,
    sealed_by: KeyId,
}

impl RevocationList {
    /// Puts a list together; `None` when the delta does not complete the base.
    #[must_use]
    pub fn of(base: Rc<OpenedBase>, opened: OpenedDelta) -> Option<Self> {
        let OpenedDelta { delta, sealed_by } = opened;
        delta.completes(&base).then_some(Self { base, delta, sealed_by })
    }

    /// What the list says of `serial`.
    #[must_use]
    pub fn status(&self, serial: Serial) -> Status {
        self.delta.change(serial).map_or_else(|| self.base.base.status(serial), |change| change.status)
    }

    /// The lowest version of `serial`'s record that may be used: 1 for a token never edited.
    #[must_use]
    pub fn record_version(&self, serial: Serial) -> u32 {
        self.delta
            .change(serial)
            .map_or_else(|| self.base.base.record_version(serial), |change| change.version)
    }

    /// Whether tokens, lists and records signed with `key_id` are refused.
    #[must_use]
    pub fn retires(&self, key_id: KeyId) -> bool {
        self.delta.retires(key_id)
    }

    /// Whether `record` of `serial` may be used: not below the version named, nor of a later epoch, nor sealed by a retired
    /// key. A restored registry makes records of settings older than those that a list of the lost time names, and disables
    /// their tokens, which only its own lists say.
    #[must_use]
    pub fn allows(&self, serial: Serial, record: &VersionedRecord) -> bool {
        record.version >= self.record_version(serial)
            && record::epoch_of(record.version) <= self.number().epoch
            && !self.retires(record.sealed_by)
    }

    /// Every serial that it names, ascending within base and delta; one may come twice.
    pub fn serials(&self) -> impl Iterator<Item = Serial> {
        self.base.base.serials().chain(self.delta.changes().iter().map(|change| change.serial))
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> Number {
        self.delta.head.number
    }

    /// The registry's clock when it was made.
    #[must_use]
    pub fn this_update(&self) -> UnixMillis {
        self.delta.head.this_update
    }

    /// It may not be used from this instant on.
    #[must_use]
    pub fn next_update(&self) -> UnixMillis {
        self.delta.head.next_update
    }

    /// The base it rests on.
    #[must_use]
    pub fn base(&self) -> &Rc<OpenedBase> {
        &self.base
    }

    /// The delta that completes it.
    #[must_use]
    pub fn delta(&self) -> &Delta {
        &self.delta
    }

    /// The key that sealed the delta.
    #[must_use]
    pub fn sealed_by(&self) -> KeyId {
        self.sealed_by
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(serial: u32, status: Status, version: u32) -> Change {
        Change { serial: Serial(serial), status, version }
    }

    #[test]
    fn the_delta_has_the_last_word_and_the_base_the_rest() {
        let number = |n| Number { epoch: 1, n };
        let base = Base::empty(1).fold(
            [change(1, Status::Revoked, 2), change(2, Status::Disabled, 3), change(3, Status::Good, 4)],
            [],
            number(5),
        );
        let sha256 = crate::key::sha256(&base.body().unwrap());
        let head = DeltaHead {
            number: number(9),
            this_update: UnixMillis(1_000),
            next_update: UnixMillis(61_000),
            base: number(5),
            base_sha256: sha256,
            since: 5,
            since_sha256: sha256,
            changed: 9,
            highest_serial: Serial(9),
        };
        let changes = [change(2, Status::Good, 3), change(3, Status::Revoked, 5)];
        let opened = OpenedDelta { delta: Delta::new(head, changes, [KeyId(4)]), sealed_by: KeyId(1) };
        assert_eq!(RevocationList::of(Rc::new(OpenedBase::empty(1)), opened.clone()), None);
        let base = Rc::new(OpenedBase { base, sha256 });
        let list = RevocationList::of(base, opened).unwrap();
        let says = |serial| (list.status(Serial(serial)), list.record_version(Serial(serial)));
        assert_eq!(
            [1, 2, 3, 4].map(says),
            [(Status::Revoked, 2), (Status::Good, 3), (Status::Revoked, 5), (Status::Good, 1)]
        );
        assert!(list.retires(KeyId(4)) && !list.retires(KeyId(1)));
        assert_eq!(list.number().to_string(), "1.9");
    }
}
