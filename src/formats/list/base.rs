//! The base of revocation lists: bitmaps of all unexpired tokens that are revoked, disabled, edited, or whose
//! quota is used up.
//!
//! Standard: docs/formats.md, "Base"; the roaring format specification; RFC 5280 section 5.2.4
//! for base and delta. The body is postcard, format 1 or 2, inside a seal.
//! Invariants: a base never changes after its number was given. A serial is in at most one of revoked,
//! disabled and the groups of used-up quotas. Format 2 has such a group; format 1 has none. The SHA-256
//! covers the body alone, so it stays the same when another key seals the base.
//! What it must not know: when a list may be used; where a base is kept.
//! What a mistake costs: a serial lost from a base lets a revoked token work again (false accept).

use super::bitmap::{bitmap, bytes};
use super::entry::{Change, ListFault, Number, SerialStatus};
use super::record_versions::RecordVersions;
use super::used_up_quotas::UsedUpQuotas;
use crate::base::time::UnixSeconds;
use crate::formats::key::{KeyId, KeyRing, sha256};
use crate::formats::seal;
use crate::formats::seal::Purpose;
use crate::formats::token::Serial;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// The format of bodies that name no used-up quota.
pub(super) const FORMAT: u8 = 1;
/// The format of bodies that name at least one.
pub(super) const FORMAT_OF_QUOTAS: u8 = 2;

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
    exhausted: UsedUpQuotas,
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
            exhausted: UsedUpQuotas::default(),
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
            self.exhausted.until(serial).map_or(SerialStatus::Good, SerialStatus::Exhausted)
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
        self.versions.edited() | &self.revoked | &self.disabled | self.exhausted.all()
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
        self.exhausted.compact();
        Self { number, ..self }
    }

    /// This base without the quotas whose periods have ended at `now`.
    #[must_use]
    pub fn without_ended_periods(mut self, now: UnixSeconds) -> Self {
        self.exhausted.drop_ended(now);
        self
    }

    /// This base with a range of serials revoked. A restore uses it for serials that the lost registry may
    /// have issued.
    #[must_use]
    pub fn with_revoked(mut self, serials: RangeInclusive<Serial>) -> Self {
        let range = serials.start().0..=serials.end().0;
        self.disabled.remove_range(range.clone());
        self.exhausted.remove_range(range.clone());
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
        let until = if let SerialStatus::Exhausted(until) = status { Some(until) } else { None };
        self.exhausted.set(serial, until);
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
        let body = postcard::to_allocvec(&body).ok()?;
        // The groups are the last field of format 2; format 1 ends before it.
        if self.exhausted.is_empty() { Some(body) } else { self.exhausted.append_to(body) }
    }

    /// Parses a body.
    ///
    /// # Errors
    /// [`ListFault::Misshapen`] when the bytes are not a base.
    pub fn from_body(body: &[u8]) -> Result<Self, ListFault> {
        let (body, rest) = postcard::take_from_bytes::<BaseBody>(body).map_err(|_| ListFault::Misshapen)?;
        let versions = body.versions.iter().map(|bytes| bitmap(bytes)).collect::<Option<Vec<_>>>();
        let exhausted =
            if rest.is_empty() { Some(UsedUpQuotas::default()) } else { UsedUpQuotas::from_bytes(rest) };
        let (Some(revoked), Some(disabled), Some(versions), Some(exhausted)) = (
            bitmap(&body.revoked),
            bitmap(&body.disabled),
            versions.and_then(RecordVersions::from_slices),
            exhausted,
        ) else {
            return Err(ListFault::Misshapen);
        };
        if !revoked.is_disjoint(&disabled) || !exhausted.all().is_disjoint(&(&revoked | &disabled)) {
            return Err(ListFault::Misshapen);
        }
        Ok(Self { number: body.number, revoked, disabled, versions, exhausted })
    }

    fn format(&self) -> u8 {
        if self.exhausted.is_empty() { FORMAT } else { FORMAT_OF_QUOTAS }
    }
}

/// Seals the value for KV. `None` when the ring lacks the signing key, or `body` is none that [`Base::body`]
/// made.
#[must_use]
pub fn seal(ring: &KeyRing, signing_key: KeyId, number: Number, body: &[u8]) -> Option<Vec<u8>> {
    let (_, rest) = postcard::take_from_bytes::<BodyOutline<'_>>(body).ok()?;
    let format = if rest.is_empty() { FORMAT } else { FORMAT_OF_QUOTAS };
    seal::seal(ring, Purpose::List, signing_key, &kv_name(number), format, body)
}

/// A body up to where format 1 ends, with its bitmaps left as they are: number, revoked, disabled, versions.
type BodyOutline<'b> = (Number, &'b [u8], &'b [u8], Vec<&'b [u8]>);

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
        if ![FORMAT, FORMAT_OF_QUOTAS].contains(&opened.format) {
            return Err(ListFault::UnknownFormat);
        }
        let base = Base::from_body(opened.body)?;
        if base.number != number || base.format() != opened.format {
            return Err(ListFault::Misshapen);
        }
        Ok(Self { base, sha256: sha256(opened.body) })
    }
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
        let value = seal::seal(&ring(), Purpose::List, KeyId(1), &name, 3, &body).unwrap();
        assert_eq!(OpenedBase::open(&ring(), number(7), &value), Err(ListFault::UnknownFormat));
        assert_eq!(Base::from_body(&[&body[..], &[0]].concat()), Err(ListFault::Misshapen));
        assert_eq!(Base::from_body(&body[..body.len() - 1]), Err(ListFault::Misshapen));
        let both = Base { disabled: RoaringBitmap::from([4]), ..base() };
        assert_eq!(Base::from_body(&both.body().unwrap()), Err(ListFault::Misshapen));
    }

    #[test]
    fn used_up_quotas_are_folded_end_with_their_period_and_need_format_2() {
        let until = |day: i64| SerialStatus::Exhausted(UnixSeconds(day * 86_400));
        let changes = [change(3, until(1), 1), change(4, until(31), 2), change(9, until(1), 3)];
        let folded = base().fold(changes, [], number(8));
        assert_eq!(
            [3, 4, 9, 5].map(|serial| says(&folded, serial)),
            [(until(1), 1), (until(31), 2), (until(1), 3), (SerialStatus::Good, 1)]
        );
        assert_eq!(folded.entries(), 5);
        let body = folded.body().unwrap();
        assert_eq!(Base::from_body(&body), Ok(folded.clone()));
        let value = seal(&ring(), KeyId(1), number(8), &body).unwrap();
        assert_eq!(value.first(), Some(&FORMAT_OF_QUOTAS));
        assert_eq!(OpenedBase::open(&ring(), number(8), &value).unwrap().base, folded);
        // The other format around either body is refused.
        let name = kv_name(number(8));
        let plain = base().fold([], [], number(8)).body().unwrap();
        for (body, format) in [(&body, FORMAT), (&plain, FORMAT_OF_QUOTAS)] {
            let value = seal::seal(&ring(), Purpose::List, KeyId(1), &name, format, body).unwrap();
            assert_eq!(OpenedBase::open(&ring(), number(8), &value), Err(ListFault::Misshapen));
        }
        let day_over = folded.clone().without_ended_periods(UnixSeconds(86_400));
        assert_eq!(
            [3, 4, 9].map(|serial| says(&day_over, serial)),
            [(SerialStatus::Good, 1), (until(31), 2), (SerialStatus::Good, 3)]
        );
        let kept = folded.clone().without_ended_periods(UnixSeconds(86_399));
        assert_eq!(kept, folded);
        let raised = folded.fold([change(4, SerialStatus::Good, 3)], [Serial(3)], number(9));
        assert_eq!([says(&raised, 3), says(&raised, 4)], [(SerialStatus::Good, 1), (SerialStatus::Good, 3)]);
        let lost = raised.with_revoked(Serial(9)..=Serial(9));
        assert_eq!((lost.status(Serial(9)), lost.body().unwrap().len()), {
            let length = lost.clone().fold([], [], number(9)).body().unwrap().len();
            (SerialStatus::Revoked, length)
        });
        assert_eq!(lost.format(), FORMAT);
    }
}
