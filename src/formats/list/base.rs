//! The base of revocation lists: bitmaps of all unexpired tokens that are revoked, disabled or edited.
//!
//! Standard: docs/formats.md, "Base"; the roaring format specification; RFC 5280 section 5.2.4
//! for base and delta. The body is postcard, format 1, inside a seal.
//! Invariants: a base never changes after its number was given. A serial is in at most one of revoked and
//! disabled. The SHA-256 covers the body alone, so it stays the same when another key seals the base.
//! What it must not know: when a list may be used; where a base is kept.
//! What a mistake costs: a serial lost from a base lets a revoked token work again (false accept).

use super::entry::{Change, ListFault, Number, SerialStatus};
use super::record_versions::RecordVersions;
use crate::formats::key::{KeyId, KeyRing, sha256};
use crate::formats::seal;
use crate::formats::seal::Purpose;
use crate::formats::token::Serial;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// The format version of the body, the only one.
pub(super) const FORMAT: u8 = 1;

/// The KV key of the base `number`.
#[must_use]
pub fn kv_name(number: Number) -> String {
    format!("list/base/{number}")
}

/// Statuses and record versions as of one list number.
#[derive(Clone, Debug, PartialEq)]
pub struct Base {
    number: Number,
    revoked: RoaringBitmap,
    disabled: RoaringBitmap,
    versions: RecordVersions,
}

/// A base and its SHA-256, by which deltas refer to it.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenedBase {
    pub base: Base,
    /// SHA-256 of the base's body.
    pub sha256: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct BaseBody {
    number: Number,
    revoked: Vec<u8>,
    disabled: Vec<u8>,
    versions: Vec<Vec<u8>>,
}

impl Base {
    /// The empty base. It precedes every list of its epoch; it is neither stored nor read.
    #[must_use]
    pub fn empty(epoch: u32) -> Self {
        Self {
            number: Number { epoch, n: 0 },
            revoked: RoaringBitmap::new(),
            disabled: RoaringBitmap::new(),
            versions: RecordVersions::default(),
        }
    }

    #[must_use]
    pub fn number(&self) -> Number {
        self.number
    }

    /// The status of `serial` in this base.
    #[must_use]
    pub fn status(&self, serial: Serial) -> SerialStatus {
        if self.revoked.contains(serial.0) {
            SerialStatus::Revoked
        } else if self.disabled.contains(serial.0) {
            SerialStatus::Disabled
        } else {
            SerialStatus::Good
        }
    }

    /// The lowest version of `serial`'s record that may be used.
    #[must_use]
    pub fn record_version(&self, serial: Serial) -> u32 {
        self.versions.of(serial)
    }

    /// The number of serials named.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.named().len()
    }

    /// Every serial named, ascending.
    pub fn serials(&self) -> impl Iterator<Item = Serial> {
        self.named().into_iter().map(Serial)
    }

    fn named(&self) -> RoaringBitmap {
        self.versions.edited() | &self.revoked | &self.disabled
    }

    /// Makes the next base: this one with `changes` (the final state of each serial) and without the serials
    /// `gone`, whose tokens have ended.
    #[must_use]
    pub fn fold(
        mut self,
        changes: impl IntoIterator<Item = Change>,
        gone: impl IntoIterator<Item = Serial>,
        number: Number,
    ) -> Self {
        for change in changes {
            self.set(change);
        }
        for serial in gone {
            self.set(Change { serial, status: SerialStatus::Good, version: 1 });
        }
        self.revoked.optimize();
        self.disabled.optimize();
        self.versions.compact();
        Self { number, ..self }
    }

    /// This base with a range of serials revoked. A restore uses it for serials that the lost registry may
    /// have issued.
    #[must_use]
    pub fn with_revoked(mut self, serials: RangeInclusive<Serial>) -> Self {
        let range = serials.start().0..=serials.end().0;
        self.disabled.remove_range(range.clone());
        self.revoked.insert_range(range);
        self.revoked.optimize();
        self
    }

    fn set(&mut self, change: Change) {
        let Change { serial, status, version } = change;
        let put = |set: &mut RoaringBitmap, member: bool| match member {
            true => set.insert(serial.0),
            false => set.remove(serial.0),
        };
        put(&mut self.revoked, status == SerialStatus::Revoked);
        put(&mut self.disabled, status == SerialStatus::Disabled);
        self.versions.set(serial, version);
    }

    /// The bytes that are stored and hashed. `None` when serialising fails, which only a lack of memory could
    /// cause.
    #[must_use]
    pub fn body(&self) -> Option<Vec<u8>> {
        let body = BaseBody {
            number: self.number,
            revoked: bytes(&self.revoked)?,
            disabled: bytes(&self.disabled)?,
            versions: self.versions.slices().iter().map(bytes).collect::<Option<_>>()?,
        };
        postcard::to_allocvec(&body).ok()
    }

    /// Parses a body.
    ///
    /// # Errors
    /// [`ListFault::Misshapen`] when the bytes are not a base.
    pub fn from_body(body: &[u8]) -> Result<Self, ListFault> {
        let (body, rest) = postcard::take_from_bytes::<BaseBody>(body).map_err(|_| ListFault::Misshapen)?;
        let versions = body.versions.iter().map(|bytes| bitmap(bytes)).collect::<Option<Vec<_>>>();
        let (Some(revoked), Some(disabled), Some(versions), []) = (
            bitmap(&body.revoked),
            bitmap(&body.disabled),
            versions.and_then(RecordVersions::from_slices),
            rest,
        ) else {
            return Err(ListFault::Misshapen);
        };
        if !revoked.is_disjoint(&disabled) {
            return Err(ListFault::Misshapen);
        }
        Ok(Self { number: body.number, revoked, disabled, versions })
    }
}

/// Seals the value for KV. `None` when the ring lacks the signing key.
#[must_use]
pub fn seal(ring: &KeyRing, signing_key: KeyId, number: Number, body: &[u8]) -> Option<Vec<u8>> {
    seal::seal(ring, Purpose::List, signing_key, &kv_name(number), FORMAT, body)
}

impl OpenedBase {
    /// The empty base of `epoch`.
    #[must_use]
    pub fn empty(epoch: u32) -> Self {
        let base = Base::empty(epoch);
        let sha256 = sha256(&base.body().unwrap_or_default());
        Self { base, sha256 }
    }

    /// Opens a value read from KV as the base `number`.
    ///
    /// # Errors
    /// [`ListFault`]. Callers treat the value as absent, and count it.
    pub fn open(ring: &KeyRing, number: Number, value: &[u8]) -> Result<Self, ListFault> {
        let opened = seal::open(ring, Purpose::List, &kv_name(number), value).ok_or(ListFault::BrokenSeal)?;
        if opened.format != FORMAT {
            return Err(ListFault::UnknownFormat);
        }
        let base = Base::from_body(opened.body)?;
        if base.number != number {
            return Err(ListFault::Misshapen);
        }
        Ok(Self { base, sha256: sha256(opened.body) })
    }
}

fn bytes(set: &RoaringBitmap) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(set.serialized_size());
    set.serialize_into(&mut bytes).ok()?;
    Some(bytes)
}

fn bitmap(mut bytes: &[u8]) -> Option<RoaringBitmap> {
    let set = RoaringBitmap::deserialize_from(&mut bytes).ok()?;
    bytes.is_empty().then_some(set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    fn ring() -> KeyRing {
        KeyRing::derive(&[(KeyId(1), Zeroizing::new(vec![1; 32]))], "d")
    }

    fn change(serial: u32, status: SerialStatus, version: u32) -> Change {
        Change { serial: Serial(serial), status, version }
    }

    fn number(n: u64) -> Number {
        Number { epoch: 1, n }
    }

    fn base() -> Base {
        let changes = [
            change(4, SerialStatus::Revoked, 1),
            change(9, SerialStatus::Disabled, 3),
            change(70_000, SerialStatus::Good, 2),
            change(80_000, SerialStatus::Revoked, 5),
        ];
        Base::empty(1).fold(changes, [], number(7))
    }

    fn says(base: &Base, serial: u32) -> (SerialStatus, u32) {
        (base.status(Serial(serial)), base.record_version(Serial(serial)))
    }

    #[test]
    fn a_fold_has_the_last_word_and_drops_what_has_ended() {
        let folded = base().fold(
            [
                change(4, SerialStatus::Revoked, 2),
                change(9, SerialStatus::Good, 4),
                change(5, SerialStatus::Disabled, 1),
            ],
            [Serial(80_000)],
            number(8),
        );
        assert_eq!(folded.number(), number(8));
        assert_eq!(
            [4, 5, 9].map(|serial| says(&folded, serial)),
            [(SerialStatus::Revoked, 2), (SerialStatus::Disabled, 1), (SerialStatus::Good, 4)]
        );
        assert_eq!(
            (says(&folded, 70_000), says(&folded, 80_000)),
            ((SerialStatus::Good, 2), (SerialStatus::Good, 1))
        );
        assert_eq!(folded.serials().collect::<Vec<_>>(), [4, 5, 9, 70_000].map(Serial));
        assert_eq!(folded.entries(), 4);
        let body = folded.body().unwrap().len();
        let lost = folded.with_revoked(Serial(9)..=Serial(1_000_000));
        assert_eq!(
            [8, 9, 1_000_000, 1_000_001].map(|serial| lost.status(Serial(serial))),
            [SerialStatus::Good, SerialStatus::Revoked, SerialStatus::Revoked, SerialStatus::Good]
        );
        assert!(Base::from_body(&lost.body().unwrap()).is_ok());
        // Runs: a million serials cost next to nothing.
        assert!(lost.body().unwrap().len() < body + 500);
    }

    #[test]
    fn what_was_sealed_opens_under_its_own_number_only() {
        let body = base().body().unwrap();
        let value = seal(&ring(), KeyId(1), number(7), &body).unwrap();
        let opened = OpenedBase::open(&ring(), number(7), &value).unwrap();
        assert_eq!(opened, OpenedBase { base: base(), sha256: sha256(&body) });
        assert_eq!(OpenedBase::open(&ring(), number(8), &value), Err(ListFault::BrokenSeal));
        // The number inside counts too: a base sealed under another name was not made so by us.
        let misnamed = seal(&ring(), KeyId(1), number(8), &body).unwrap();
        assert_eq!(OpenedBase::open(&ring(), number(8), &misnamed), Err(ListFault::Misshapen));
    }

    #[test]
    fn another_format_a_longer_body_or_a_serial_in_two_states_is_refused() {
        let body = base().body().unwrap();
        let name = kv_name(number(7));
        let value = seal::seal(&ring(), Purpose::List, KeyId(1), &name, 2, &body).unwrap();
        assert_eq!(OpenedBase::open(&ring(), number(7), &value), Err(ListFault::UnknownFormat));
        assert_eq!(Base::from_body(&[&body[..], &[0]].concat()), Err(ListFault::Misshapen));
        assert_eq!(Base::from_body(&body[..body.len() - 1]), Err(ListFault::Misshapen));
        let both = Base { disabled: RoaringBitmap::from([4]), ..base() };
        assert_eq!(Base::from_body(&both.body().unwrap()), Err(ListFault::Misshapen));
    }
}
