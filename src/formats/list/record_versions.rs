//! The record version of every edited serial, as bitmaps: one for each bit of the version.
//!
//! Standard: docs/formats.md, "Base"; the roaring format specification for each bitmap.
//! Invariants: slice i holds the serials whose version − 1 has bit i set, so a serial in no slice has the
//! version 1. The last slice is never empty. A look-up reads as many bitmaps as the highest version has bits,
//! however many serials there are.
//! What it must not know: statuses, list numbers.
//! What a mistake costs: a version read too low admits under a policy that was edited away (false accept).

use crate::formats::token::Serial;
use roaring::RoaringBitmap;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RecordVersions {
    slices: Vec<RoaringBitmap>,
}

/// Most slices: a version is a `u32`.
const BITS: usize = 32;

impl RecordVersions {
    /// The version of `serial`, from 1.
    pub(super) fn of(&self, serial: Serial) -> u32 {
        let mut above_first = 0_u32;
        for (slice, bit) in self.slices.iter().zip(0_u32..) {
            above_first |= u32::from(slice.contains(serial.0)) << bit;
        }
        above_first.saturating_add(1)
    }

    /// Sets the version of `serial`; 0 means 1.
    pub(super) fn set(&mut self, serial: Serial, version: u32) {
        let above_first = version.saturating_sub(1);
        let bits = usize::try_from(u32::BITS - above_first.leading_zeros()).unwrap_or(BITS);
        if bits > self.slices.len() {
            self.slices.resize_with(bits, RoaringBitmap::new);
        }
        for (slice, bit) in self.slices.iter_mut().zip(0_u32..) {
            if above_first & (1 << bit) == 0 {
                slice.remove(serial.0);
            } else {
                slice.insert(serial.0);
            }
        }
    }

    /// Call after the last [`Self::set`]: drops empty slices at the end and compresses the others.
    pub(super) fn compact(&mut self) {
        while self.slices.last().is_some_and(RoaringBitmap::is_empty) {
            self.slices.pop();
        }
        for slice in &mut self.slices {
            slice.optimize();
        }
    }

    /// Every serial whose version is above 1.
    pub(super) fn edited(&self) -> RoaringBitmap {
        self.slices.iter().fold(RoaringBitmap::new(), |all, slice| all | slice)
    }

    /// The slices, lowest bit first.
    pub(super) fn slices(&self) -> &[RoaringBitmap] {
        &self.slices
    }

    /// Rebuilds the versions from slices. `None` when there are more than 32, or the last one is empty.
    pub(super) fn from_slices(slices: Vec<RoaringBitmap>) -> Option<Self> {
        let is_whole = slices.len() <= BITS && !slices.last().is_some_and(RoaringBitmap::is_empty);
        is_whole.then_some(Self { slices })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_serial_has_the_version_set_last() {
        let mut versions = RecordVersions::default();
        for version in [1, 2, 3, 4, 7, 8, 1 << 20, (1 << 20) + 1, u32::MAX] {
            versions.set(Serial(version), version);
            versions.set(Serial(5), version);
            assert_eq!((versions.of(Serial(version)), versions.of(Serial(5))), (version, version));
        }
        versions.set(Serial(5), 2);
        versions.set(Serial(u32::MAX), 1);
        versions.compact();
        assert_eq!(
            [1, 2, 3, 4, 5, 6, 7, 8].map(|serial| versions.of(Serial(serial))),
            [1, 2, 3, 4, 2, 1, 7, 8]
        );
        assert_eq!(versions.slices().len(), 21);
        assert!(!versions.edited().contains(u32::MAX) && versions.edited().contains(1 << 20));
        assert_eq!(RecordVersions::from_slices(versions.slices().to_vec()), Some(versions));
    }

    #[test]
    fn slices_that_no_writer_makes_are_refused() {
        assert_eq!(RecordVersions::from_slices(vec![RoaringBitmap::from([1]); 33]), None);
        assert_eq!(RecordVersions::from_slices(vec![RoaringBitmap::new()]), None);
    }
}
