//! The delta: everything that changed since a base, and until when it may be used. It is the one mutable
//! value in KV.
//!
//! Standards: RFC 5280 section 5 for the terms (`this_update`, `next_update`, CRL number, delta).
//! docs/formats.md, "Delta": `list/delta`. The body is postcard, format 1 or 2, inside a seal.
//! Invariants:
//! - Serials are strictly ascending, so each has one state.
//! - The state is the final one. So the delta completes the base at `since` as well as the newest, whatever
//!   happened in between. It pins both bases by their hashes.
//! - Format 2 says of some serial that its quota is used up; format 1 of none. So a deployment without quotas
//!   writes what every release reads.
//! - Only `number` orders deltas; only `this_update` tells their age.
//!
//! What it must not know: what a base holds, when a list may be used, where it was read.
//! What a mistake costs: a serial lost from a delta lets a revoked token work again (false accept).

use super::base::{FORMAT, FORMAT_OF_QUOTAS, OpenedBase};
use super::entry::{Change, ListFault, Number, SerialStatus};
use crate::base::time::UnixMillis;
use crate::formats::key::{KeyId, KeyRing};
use crate::formats::seal;
use crate::formats::seal::Purpose;
use crate::formats::token::Serial;
use serde::{Deserialize, Serialize};

/// The KV key of the delta.
pub const KV_NAME: &str = "list/delta";

/// Everything in a delta but the changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeltaHead {
    pub number: Number,
    /// The registry's clock when it made the delta. Every change committed earlier is in the delta or in its
    /// base.
    pub this_update: UnixMillis,
    /// The delta may not be used from this instant on.
    pub next_update: UnixMillis,
    /// The newest base, which the delta completes.
    pub base: Number,
    /// SHA-256 of the body of `base`.
    pub base_sha256: [u8; 32],
    /// The n of the oldest base that the delta completes: for some time the one before `base`, otherwise
    /// `base` itself. 0 means the empty base.
    pub since: u64,
    /// SHA-256 of the body of the base at `since`.
    pub since_sha256: [u8; 32],
    /// The n of the newest list that contained a change. Lists with the same value say the same.
    pub changed: u64,
    /// The highest serial issued.
    pub highest_serial: Serial,
}

/// The final state of every serial that changed since a base.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    pub head: DeltaHead,
    /// Strictly ascending by serial.
    changes: Vec<Change>,
    /// Signing keys whose tokens are refused.
    retired: Vec<KeyId>,
}

/// A delta whose tag verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedDelta {
    pub delta: Delta,
    /// The key that sealed the delta. A later list may retire it.
    pub sealed_by: KeyId,
}

impl Delta {
    /// Makes a delta. `changes` may come in any order; if a serial occurs twice, the later entry counts.
    #[must_use]
    pub fn new(
        head: DeltaHead,
        changes: impl IntoIterator<Item = Change>,
        retired: impl IntoIterator<Item = KeyId>,
    ) -> Self {
        let by_serial: std::collections::BTreeMap<Serial, Change> =
            changes.into_iter().map(|change| (change.serial, change)).collect();
        Self { head, changes: by_serial.into_values().collect(), retired: retired.into_iter().collect() }
    }

    /// Seals the value for KV. `None` when the ring lacks the signing key.
    #[must_use]
    pub fn seal(&self, ring: &KeyRing, signing_key: KeyId) -> Option<Vec<u8>> {
        let body = postcard::to_allocvec(self).ok()?;
        seal::seal(ring, Purpose::List, signing_key, KV_NAME, self.format(), &body)
    }

    /// Opens a value read from KV as the delta.
    ///
    /// # Errors
    /// [`ListFault`]. Callers keep the list they hold, and count the fault.
    pub fn open(ring: &KeyRing, value: &[u8]) -> Result<OpenedDelta, ListFault> {
        let opened = seal::open(ring, Purpose::List, KV_NAME, value).ok_or(ListFault::BrokenSeal)?;
        if ![FORMAT, FORMAT_OF_QUOTAS].contains(&opened.format) {
            return Err(ListFault::UnknownFormat);
        }
        let (delta, rest) =
            postcard::take_from_bytes::<Self>(opened.body).map_err(|_| ListFault::Misshapen)?;
        let is_whole = rest.is_empty() && delta.format() == opened.format;
        if !is_whole || !delta.is_ascending() || !delta.head.is_ordered() {
            return Err(ListFault::Misshapen);
        }
        if delta.retires(opened.key_id) {
            return Err(ListFault::RetiredKey);
        }
        Ok(OpenedDelta { delta, sealed_by: opened.key_id })
    }

    fn format(&self) -> u8 {
        let is_exhausted = |change: &Change| matches!(change.status, SerialStatus::Exhausted(_));
        if self.changes.iter().any(is_exhausted) { FORMAT_OF_QUOTAS } else { FORMAT }
    }

    fn is_ascending(&self) -> bool {
        self.changes.iter().zip(self.changes.iter().skip(1)).all(|(a, b)| a.serial < b.serial)
    }

    /// Whether `held` and this delta make up a list. The SHA-256 identifies the base and covers its number.
    /// So it is the base that the registry meant, whichever key sealed it, even where a restored registry
    /// gave a number twice.
    #[must_use]
    pub fn completes(&self, held: &OpenedBase) -> bool {
        [self.head.base_sha256, self.head.since_sha256].contains(&held.sha256)
    }

    /// Whether tokens signed with `key_id` are refused.
    #[must_use]
    pub fn retires(&self, key_id: KeyId) -> bool {
        self.retired.contains(&key_id)
    }

    /// Signing keys whose tokens are refused, by id.
    #[must_use]
    pub fn retired(&self) -> &[KeyId] {
        &self.retired
    }

    /// Every changed serial with its state, ascending.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The state of `serial`; `None` when it has not changed since the base.
    #[must_use]
    pub fn change(&self, serial: Serial) -> Option<&Change> {
        let at = self.changes.binary_search_by_key(&serial, |change| change.serial).ok()?;
        self.changes.get(at)
    }
}

impl DeltaHead {
    /// Holds for every delta that a registry makes: both bases are of the list's epoch and not newer than the
    /// list, `since` is not above `base`, and they have the same hash exactly when they are the same base.
    fn is_ordered(&self) -> bool {
        let is_one_base = self.since == self.base.n;
        self.since <= self.base.n
            && is_one_base == (self.since_sha256 == self.base_sha256)
            && self.base <= self.number
            && self.base.epoch == self.number.epoch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::list::{Base, SerialStatus};
    use zeroize::Zeroizing;

    fn ring() -> KeyRing {
        let secrets = [1, 2].map(|id| (KeyId(id), Zeroizing::new(vec![id; 32])));
        KeyRing::derive(&secrets, "d")
    }

    fn change(serial: u32, status: SerialStatus, version: u32) -> Change {
        Change { serial: Serial(serial), status, version }
    }

    fn number(epoch: u32, n: u64) -> Number {
        Number { epoch, n }
    }

    fn head() -> DeltaHead {
        DeltaHead {
            number: number(2, 9),
            this_update: UnixMillis(1_000),
            next_update: UnixMillis(61_000),
            base: number(2, 7),
            base_sha256: opened_base(7).sha256,
            since: 4,
            since_sha256: opened_base(4).sha256,
            changed: 8,
            highest_serial: Serial(100),
        }
    }

    fn delta(changes: Vec<Change>, retired: Vec<KeyId>) -> Delta {
        Delta::new(head(), changes, retired)
    }

    fn opened_base(n: u64) -> OpenedBase {
        let base = Base::empty(2).fold([change(1, SerialStatus::Revoked, 1)], [], number(2, n));
        let sha256 = crate::formats::key::sha256(&base.body().unwrap());
        OpenedBase { base, sha256 }
    }

    #[test]
    fn the_last_word_on_a_serial_counts() {
        let delta = delta(
            vec![
                change(9, SerialStatus::Disabled, 1),
                change(4, SerialStatus::Revoked, 3),
                change(9, SerialStatus::Good, 2),
            ],
            vec![KeyId(7)],
        );
        let read = Delta::open(&ring(), &delta.seal(&ring(), KeyId(1)).unwrap()).unwrap();
        assert_eq!(read, OpenedDelta { delta: delta.clone(), sealed_by: KeyId(1) });
        assert_eq!(delta.change(Serial(4)), Some(&change(4, SerialStatus::Revoked, 3)));
        assert_eq!(delta.change(Serial(9)), Some(&change(9, SerialStatus::Good, 2)));
        assert_eq!(delta.change(Serial(5)), None);
        assert!(delta.retires(KeyId(7)) && !delta.retires(KeyId(1)));
    }

    #[test]
    fn a_delta_out_of_order_or_with_bytes_left_over_is_refused() {
        let misshapen = |delta: &Delta| {
            let value = delta.seal(&ring(), KeyId(1)).unwrap();
            assert_eq!(Delta::open(&ring(), &value), Err(ListFault::Misshapen), "{delta:?}");
        };
        let mut unordered =
            delta(vec![change(1, SerialStatus::Revoked, 1), change(2, SerialStatus::Good, 2)], vec![]);
        unordered.changes.reverse();
        misshapen(&unordered);
        for head in [
            DeltaHead { since: 8, ..head() },
            DeltaHead { since: 7, ..head() },
            DeltaHead { since_sha256: head().base_sha256, ..head() },
            DeltaHead { base: number(2, 10), ..head() },
            DeltaHead { base: number(1, 7), ..head() },
        ] {
            misshapen(&Delta { head, ..delta(vec![], vec![]) });
        }
        let mut body = postcard::to_allocvec(&delta(vec![], vec![])).unwrap();
        body.push(0);
        let value = seal::seal(&ring(), Purpose::List, KeyId(1), KV_NAME, FORMAT, &body).unwrap();
        assert_eq!(Delta::open(&ring(), &value), Err(ListFault::Misshapen));
    }

    #[test]
    fn a_used_up_quota_needs_format_2_and_format_2_a_used_up_quota() {
        let until = SerialStatus::Exhausted(crate::base::time::UnixSeconds(1_795_392_000));
        let exhausted = delta(vec![change(3, until, 1), change(5, SerialStatus::Good, 2)], vec![]);
        let value = exhausted.seal(&ring(), KeyId(1)).unwrap();
        assert_eq!(value.first(), Some(&FORMAT_OF_QUOTAS));
        assert_eq!(Delta::open(&ring(), &value).unwrap().delta, exhausted);
        let plain = delta(vec![change(5, SerialStatus::Good, 2)], vec![]);
        assert_eq!(plain.seal(&ring(), KeyId(1)).unwrap().first(), Some(&FORMAT));
        for (delta, format) in [(&exhausted, FORMAT), (&plain, FORMAT_OF_QUOTAS)] {
            let body = postcard::to_allocvec(delta).unwrap();
            let value = seal::seal(&ring(), Purpose::List, KeyId(1), KV_NAME, format, &body).unwrap();
            assert_eq!(Delta::open(&ring(), &value), Err(ListFault::Misshapen), "{format}");
        }
    }

    #[test]
    fn another_format_deployment_or_a_self_retiring_key_is_refused() {
        let body = postcard::to_allocvec(&delta(vec![], vec![])).unwrap();
        let value = seal::seal(&ring(), Purpose::List, KeyId(1), KV_NAME, 3, &body).unwrap();
        assert_eq!(Delta::open(&ring(), &value), Err(ListFault::UnknownFormat));
        let other = KeyRing::derive(&[(KeyId(1), Zeroizing::new(vec![1; 32]))], "e");
        let value = delta(vec![], vec![]).seal(&other, KeyId(1)).unwrap();
        assert_eq!(Delta::open(&ring(), &value), Err(ListFault::BrokenSeal));
        let value = delta(vec![], vec![KeyId(1)]).seal(&ring(), KeyId(1)).unwrap();
        assert_eq!(Delta::open(&ring(), &value), Err(ListFault::RetiredKey));
    }

    #[test]
    fn it_completes_its_base_and_the_one_before_and_no_other() {
        let completes = |base: &OpenedBase| delta(vec![], vec![]).completes(base);
        assert_eq!([3, 4, 6, 7, 8].map(|n| completes(&opened_base(n))), [false, true, false, true, false]);
        // The same number of a lost time, and the empty base, which it does not complete.
        let other = |n| {
            let base = Base::empty(2).fold([change(2, SerialStatus::Revoked, 1)], [], number(2, n));
            let sha256 = crate::formats::key::sha256(&base.body().unwrap());
            OpenedBase { base, sha256 }
        };
        assert!(!completes(&other(4)) && !completes(&other(7)) && !completes(&OpenedBase::empty(2)));
        let since_sha256 = OpenedBase::empty(2).sha256;
        let from_nothing =
            Delta { head: DeltaHead { since: 0, since_sha256, ..head() }, ..delta(vec![], vec![]) };
        assert!(from_nothing.completes(&OpenedBase::empty(2)));
    }
}
