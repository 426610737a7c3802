//! The revocation list: which tokens are revoked, disabled, edited or have used up their quota. It is a
//! base and the delta that completes it.
//!
//! Standards: RFC 5280 section 5 for the terms; RFC 6960 section 2.2 for the states.
//! docs/formats.md, "Revocation list".
//! Invariants: a list is made only of a base and a delta that completes it. So it gives the state of every
//! serial that the registry had committed when it made the delta. The cost of a look-up does not grow with
//! the number of entries.
//! What it must not know: when a list may be used (see `freshness`), or where it came from.
//! What a mistake costs: a wrong status lets a revoked token work again (false accept).

mod base;
mod bitmap;
mod delta;
mod entry;
mod record_versions;
mod used_up_quotas;

pub use base::{Base, OpenedBase, kv_name as base_kv_name, seal as seal_base};
pub use delta::{Delta, DeltaHead, KV_NAME, OpenedDelta};
pub use entry::{Change, ListFault, Number, SerialStatus};

use crate::base::time::UnixMillis;
use crate::formats::key::KeyId;
use crate::formats::record;
use crate::formats::record::VersionedRecord;
use crate::formats::token::Serial;
use std::rc::Rc;

/// A base and a delta that completes it.
#[derive(Clone, Debug, PartialEq)]
pub struct RevocationList {
    base: Rc<OpenedBase>,
    delta: Delta,
    sealed_by: KeyId,
}

impl RevocationList {
    /// Combines both; `None` when the delta does not complete the base.
    #[must_use]
    pub fn of(base: Rc<OpenedBase>, opened: OpenedDelta) -> Option<Self> {
        let OpenedDelta { delta, sealed_by } = opened;
        delta.completes(&base).then_some(Self { base, delta, sealed_by })
    }

    /// The status of `serial`.
    #[must_use]
    pub fn status(&self, serial: Serial) -> SerialStatus {
        self.delta.change(serial).map_or_else(|| self.base.base.status(serial), |change| change.status)
    }

    /// The lowest version of `serial`'s record that may be used; 1 for a token that was never edited.
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

    /// Whether `record` may be used for `serial`. Its version must not be below the one named, nor of a later
    /// epoch, and no retired key may have sealed it. The epoch matters after a restore: the registry then
    /// seals records with older settings and disables their tokens, and only lists of its new epoch say so.
    #[must_use]
    pub fn allows(&self, serial: Serial, record: &VersionedRecord) -> bool {
        record.version >= self.record_version(serial)
            && record::epoch_of(record.version) <= self.number().epoch
            && !self.retires(record.sealed_by)
    }

    /// Every serial named, ascending within base and delta. A serial may occur in both.
    pub fn serials(&self) -> impl Iterator<Item = Serial> {
        self.base.base.serials().chain(self.delta.changes().iter().map(|change| change.serial))
    }

    #[must_use]
    pub fn number(&self) -> Number {
        self.delta.head.number
    }

    /// The registry's clock when it made the list.
    #[must_use]
    pub fn this_update(&self) -> UnixMillis {
        self.delta.head.this_update
    }

    /// The list may not be used from this instant on.
    #[must_use]
    pub fn next_update(&self) -> UnixMillis {
        self.delta.head.next_update
    }

    #[must_use]
    pub fn base(&self) -> &Rc<OpenedBase> {
        &self.base
    }

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
mod tests;
