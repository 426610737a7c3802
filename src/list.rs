//! The revocation list: what is revoked, disabled or edited, with its number and the time it speaks for.
//!
//! Standards: RFC 5280 section 5 for the terms (`this_update`, `next_update`, CRL number); RFC 6960 section 2.2 for
//! the states. DESIGN section 4, `list/delta`. The body is postcard, format 1, inside a seal: a delta without a base,
//! so it names every unexpired serial that is not simply good. (Base and delta proper are a later format.)
//! Invariants: serials strictly ascending, so a serial has one state; the order between lists is by `number` alone,
//! their age by `this_update` alone.
//! What it must not know: when a list may be used (that is `freshness`), or where it came from.
//! What a mistake costs: a serial lost from a list is a revoked token that works again (false accept).

use crate::key::{KeyId, KeyRing};
use crate::seal::{self, Purpose};
use crate::time::UnixMillis;
use crate::token::Serial;
use serde::{Deserialize, Serialize};

/// The only body format.
pub const FORMAT: u8 = 1;
/// The one mutable KV key.
pub const KV_NAME: &str = "list/delta";

/// A list's number: a later one contains every change of an earlier one. `epoch` rises when a registry is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Number {
    /// Raised by a restore from backup.
    pub epoch: u32,
    /// Raised by every list made.
    pub n: u64,
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

/// One serial that is not simply good at version 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The token's number.
    pub serial: Serial,
    /// Its state.
    pub status: Status,
    /// The version of its record that must be used, or a later one; from 1.
    pub version: u32,
}

/// A revocation list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationList {
    /// Its number.
    pub number: Number,
    /// The registry's clock when it was made: every change committed before is in it.
    pub this_update: UnixMillis,
    /// It may not be used from this instant on.
    pub next_update: UnixMillis,
    /// Strictly ascending by serial.
    changes: Vec<Change>,
    /// Signing keys whose tokens are refused.
    retired: Vec<KeyId>,
    /// The highest serial issued.
    pub highest_serial: Serial,
}

/// A list whose seal is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedList {
    /// The list.
    pub list: RevocationList,
    /// The key that sealed it: a later list may retire it.
    pub sealed_by: KeyId,
}

/// Why a list read from somewhere is not taken. Counted by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListFault {
    /// Cut, altered, from another deployment, or not ours at all.
    BrokenSeal,
    /// Sealed in a format that this release does not read.
    UnknownFormat,
    /// Sealed by us, yet not a list: serials out of order, or bytes left over.
    Misshapen,
    /// Sealed by a key that the list itself retires.
    RetiredKey,
}

impl RevocationList {
    /// Makes a list. `changes` may come in any order; of one serial named twice the later entry counts.
    #[must_use]
    pub fn new(
        number: Number,
        this_update: UnixMillis,
        next_update: UnixMillis,
        changes: impl IntoIterator<Item = Change>,
        retired: impl IntoIterator<Item = KeyId>,
        highest_serial: Serial,
    ) -> Self {
        let by_serial: std::collections::BTreeMap<Serial, Change> =
            changes.into_iter().map(|change| (change.serial, change)).collect();
        Self {
            number,
            this_update,
            next_update,
            changes: by_serial.into_values().collect(),
            retired: retired.into_iter().collect(),
            highest_serial,
        }
    }

    /// The value for KV. `None` when the ring lacks the signing key.
    #[must_use]
    pub fn seal(&self, ring: &KeyRing, signing_key: KeyId) -> Option<Vec<u8>> {
        let body = postcard::to_allocvec(self).ok()?;
        seal::seal(ring, Purpose::List, signing_key, KV_NAME, FORMAT, &body)
    }

    /// Opens a value read as the list.
    ///
    /// # Errors
    /// [`ListFault`]; callers keep what they hold, and count it.
    pub fn open(ring: &KeyRing, value: &[u8]) -> Result<OpenedList, ListFault> {
        let opened = seal::open(ring, Purpose::List, KV_NAME, value).map_err(|_| ListFault::BrokenSeal)?;
        if opened.format != FORMAT {
            return Err(ListFault::UnknownFormat);
        }
        let (list, rest) =
            postcard::take_from_bytes::<Self>(opened.body).map_err(|_| ListFault::Misshapen)?;
        let ascending =
            list.changes.iter().zip(list.changes.iter().skip(1)).all(|(a, b)| a.serial < b.serial);
        if !rest.is_empty() || !ascending {
            return Err(ListFault::Misshapen);
        }
        if list.retires(opened.key_id) {
            return Err(ListFault::RetiredKey);
        }
        Ok(OpenedList { list, sealed_by: opened.key_id })
    }

    /// What the list says of `serial`.
    #[must_use]
    pub fn status(&self, serial: Serial) -> Status {
        self.change(serial).map_or(Status::Good, |change| change.status)
    }

    /// The lowest version of `serial`'s record that may be used: 1 for a token never edited.
    #[must_use]
    pub fn record_version(&self, serial: Serial) -> u32 {
        self.change(serial).map_or(1, |change| change.version)
    }

    /// Whether tokens signed with `key_id` are refused.
    #[must_use]
    pub fn retires(&self, key_id: KeyId) -> bool {
        self.retired.contains(&key_id)
    }

    /// How many serials the list names.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.changes.len()
    }

    fn change(&self, serial: Serial) -> Option<&Change> {
        let at = self.changes.binary_search_by_key(&serial, |change| change.serial).ok()?;
        self.changes.get(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    fn ring() -> KeyRing {
        KeyRing::derive(&[(KeyId(1), Zeroizing::new(vec![1; 32]))], "d")
    }

    fn change(serial: u32, status: Status, version: u32) -> Change {
        Change { serial: Serial(serial), status, version }
    }

    fn list(changes: Vec<Change>, retired: Vec<KeyId>) -> RevocationList {
        let number = Number { epoch: 1, n: 9 };
        RevocationList::new(number, UnixMillis(1_000), UnixMillis(61_000), changes, retired, Serial(100))
    }

    #[test]
    fn the_last_word_on_a_serial_counts_and_the_rest_is_good() {
        let list = list(
            vec![change(9, Status::Disabled, 1), change(4, Status::Revoked, 3), change(9, Status::Good, 2)],
            vec![KeyId(7)],
        );
        let read = RevocationList::open(&ring(), &list.seal(&ring(), KeyId(1)).unwrap()).unwrap().list;
        assert_eq!(read, list);
        assert_eq!((read.status(Serial(4)), read.record_version(Serial(4))), (Status::Revoked, 3));
        assert_eq!((read.status(Serial(9)), read.record_version(Serial(9))), (Status::Good, 2));
        assert_eq!((read.status(Serial(5)), read.record_version(Serial(5))), (Status::Good, 1));
        assert!(read.retires(KeyId(7)) && !read.retires(KeyId(1)));
        assert_eq!(read.entries(), 2);
    }

    #[test]
    fn a_list_out_of_order_or_with_bytes_left_over_is_refused() {
        let mut unordered = list(vec![change(1, Status::Revoked, 1), change(2, Status::Good, 2)], vec![]);
        unordered.changes.reverse();
        assert_eq!(
            RevocationList::open(&ring(), &unordered.seal(&ring(), KeyId(1)).unwrap()),
            Err(ListFault::Misshapen)
        );
        let mut body = postcard::to_allocvec(&list(vec![], vec![])).unwrap();
        body.push(0);
        let value = seal::seal(&ring(), Purpose::List, KeyId(1), KV_NAME, FORMAT, &body).unwrap();
        assert_eq!(RevocationList::open(&ring(), &value), Err(ListFault::Misshapen));
    }

    #[test]
    fn another_format_deployment_or_a_self_retiring_key_is_refused() {
        let body = postcard::to_allocvec(&list(vec![], vec![])).unwrap();
        let value = seal::seal(&ring(), Purpose::List, KeyId(1), KV_NAME, 2, &body).unwrap();
        assert_eq!(RevocationList::open(&ring(), &value), Err(ListFault::UnknownFormat));
        let other = KeyRing::derive(&[(KeyId(1), Zeroizing::new(vec![1; 32]))], "e");
        let value = list(vec![], vec![]).seal(&other, KeyId(1)).unwrap();
        assert_eq!(RevocationList::open(&ring(), &value), Err(ListFault::BrokenSeal));
        let value = list(vec![], vec![KeyId(1)]).seal(&ring(), KeyId(1)).unwrap();
        assert_eq!(RevocationList::open(&ring(), &value), Err(ListFault::RetiredKey));
    }
}
