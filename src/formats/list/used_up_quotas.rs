//! The serials in a base whose quota is used up, grouped by the end of the period.
//!
//! Standard: docs/formats.md, "Base". Postcard: a sequence of the end in Unix seconds and a bitmap.
//! Invariants: ends ascend strictly. No group is empty, and a serial is in one group at most.
//! What it must not know: what a quota is; when a period ends.
//! What a mistake costs: a serial that is lost works beyond its quota (false accept); one that stays too long
//! is refused in its next period (false refuse).

use super::bitmap::{bitmap, bytes};
use crate::base::time::UnixSeconds;
use crate::formats::token::Serial;
use roaring::RoaringBitmap;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The ends of periods, and the serials that are refused until then.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct UsedUpQuotas(BTreeMap<UnixSeconds, RoaringBitmap>);

impl UsedUpQuotas {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The end until which `serial` is refused; `None`: its quota is not used up.
    pub(super) fn until(&self, serial: Serial) -> Option<UnixSeconds> {
        self.0.iter().find(|(_, serials)| serials.contains(serial.0)).map(|(until, _)| *until)
    }

    /// Every serial of every group.
    pub(super) fn all(&self) -> RoaringBitmap {
        self.0.values().fold(RoaringBitmap::new(), |all, serials| all | serials)
    }

    pub(super) fn set(&mut self, serial: Serial, until: Option<UnixSeconds>) {
        for group in self.0.values_mut() {
            group.remove(serial.0);
        }
        self.0.retain(|_, group| !group.is_empty());
        if let Some(until) = until {
            self.0.entry(until).or_default().insert(serial.0);
        }
    }

    pub(super) fn remove_range(&mut self, serials: RangeInclusive<u32>) {
        for group in self.0.values_mut() {
            group.remove_range(serials.clone());
        }
        self.0.retain(|_, group| !group.is_empty());
    }

    /// Drops the groups whose period has ended at `now`.
    pub(super) fn drop_ended(&mut self, now: UnixSeconds) {
        self.0.retain(|until, _| *until > now);
    }

    /// Chooses the shortest encoding of each group.
    pub(super) fn compact(&mut self) {
        for group in self.0.values_mut() {
            group.optimize();
        }
    }

    /// `body` followed by the groups. `None` only for want of memory.
    pub(super) fn append_to(&self, body: Vec<u8>) -> Option<Vec<u8>> {
        let groups = self.0.iter().map(|(until, serials)| Some((*until, bytes(serials)?)));
        postcard::to_extend(&groups.collect::<Option<Vec<_>>>()?, body).ok()
    }

    /// Reads what [`Self::append_to`] appended.
    pub(super) fn from_bytes(groups: &[u8]) -> Option<Self> {
        let (groups, rest) = postcard::take_from_bytes::<Vec<(UnixSeconds, Vec<u8>)>>(groups).ok()?;
        let (mut read, mut named) = (BTreeMap::new(), RoaringBitmap::new());
        for (until, serials) in groups {
            let serials = bitmap(&serials)?;
            let is_next = read.last_key_value().is_none_or(|(last, _)| *last < until);
            if !is_next || serials.is_empty() || !serials.is_disjoint(&named) {
                return None;
            }
            named |= &serials;
            read.insert(until, serials);
        }
        (rest.is_empty() && !read.is_empty()).then_some(Self(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_out_of_order_empty_or_overlapping_are_refused() {
        let group = |until: i64, serials: &[u32]| {
            (UnixSeconds(until), bytes(&RoaringBitmap::from_iter(serials)).unwrap())
        };
        let read = |groups: &[(UnixSeconds, Vec<u8>)]| {
            UsedUpQuotas::from_bytes(&postcard::to_allocvec(groups).unwrap())
        };
        let right = read(&[group(1, &[7]), group(2, &[8, 9])]).unwrap();
        assert_eq!(right.append_to(vec![5]).unwrap()[0], 5);
        assert_eq!(UsedUpQuotas::from_bytes(&right.append_to(vec![]).unwrap()), Some(right.clone()));
        assert_eq!(
            [7, 8, 6].map(|serial| right.until(Serial(serial)).map(|until| until.0)),
            [Some(1), Some(2), None]
        );
        for wrong in [
            vec![],
            vec![group(1, &[])],
            vec![group(2, &[7]), group(1, &[8])],
            vec![group(1, &[7]), group(1, &[8])],
            vec![group(1, &[7]), group(2, &[7])],
        ] {
            assert_eq!(read(&wrong), None, "{wrong:?}");
        }
        let mut longer = right.append_to(vec![]).unwrap();
        longer.push(0);
        assert_eq!(UsedUpQuotas::from_bytes(&longer), None);
    }
}
