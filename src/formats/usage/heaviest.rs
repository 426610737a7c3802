//! The most frequent keys of many, counted in a fixed number of places.
//!
//! Standard: Metwally, Agrawal and El Abbadi, "Efficient computation of frequent and top-k elements in data
//! streams" (2005): the Space-Saving algorithm, with weights. A key that finds no free place replaces the key
//! with the lowest count, and takes over that count as its possible error.
//! Invariants: a key's true count lies between `count − over` and `count`. A key with more than
//! 1/[`USAGE_ORIGINS_KEPT`] of the total count is kept. Both remain true after merging.
//! What it must not know: what the keys are.
//! What a mistake costs: someone ends a token without seeing an origin that still uses it.
//!
//! Why this is own code: `topk` and `asap_sketchlib` are made for thousands of keys. They add a hash index,
//! and a filter of 120 counters for every 20 places. Here there are thousands of lists of 20 keys. Searching
//! such a list is faster than hashing, and it is stored as it is.

use crate::limits::USAGE_ORIGINS_KEPT;
use serde::{Deserialize, Serialize};

/// The most frequent keys, in no particular order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heaviest<K> {
    held: Vec<Weighed<K>>,
    /// Upper limit for the count of any key that is not kept.
    floor: u64,
}

/// A key, and how often it was counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weighed<K> {
    pub key: K,
    /// Upper limit of the key's true count.
    pub count: u64,
    /// The part of `count` that may belong to other keys.
    pub over: u64,
}

impl<K> Default for Heaviest<K> {
    fn default() -> Self {
        Self { held: Vec::new(), floor: 0 }
    }
}

impl<K: Eq> Heaviest<K> {
    /// Counts `key` once. If `may_grow` is false, no free place is used. Returns whether a free place was
    /// used.
    pub fn count(&mut self, key: K, may_grow: bool) -> bool {
        if let Some(held) = self.held.iter_mut().find(|held| held.key == key) {
            held.count = held.count.saturating_add(1);
            return false;
        }
        let grows = may_grow && self.held.len() < USAGE_ORIGINS_KEPT;
        if !grows {
            let Some(lightest) = self.lightest() else { return false };
            self.floor = self.floor.max(self.held.swap_remove(lightest).count);
        }
        self.held.push(Weighed { key, count: self.floor.saturating_add(1), over: self.floor });
        grows
    }

    /// Adds all counts of `other`.
    pub fn merge(&mut self, other: Self) {
        let mut theirs = other.held;
        for held in &mut self.held {
            let same = theirs.iter().position(|weighed| weighed.key == held.key);
            let same = same.map(|at| theirs.swap_remove(at));
            let (count, over) = same.map_or((other.floor, other.floor), |same| (same.count, same.over));
            held.count = held.count.saturating_add(count);
            held.over = held.over.saturating_add(over);
        }
        for weighed in &mut theirs {
            weighed.count = weighed.count.saturating_add(self.floor);
            weighed.over = weighed.over.saturating_add(self.floor);
        }
        self.held.append(&mut theirs);
        self.floor = self.floor.saturating_add(other.floor);
        while self.held.len() > USAGE_ORIGINS_KEPT {
            let Some(lightest) = self.lightest() else { break };
            self.floor = self.floor.max(self.held.swap_remove(lightest).count);
        }
    }

    /// The keys, most frequent first.
    #[must_use]
    pub fn sorted(mut self) -> Vec<Weighed<K>>
    where
        K: Ord,
    {
        self.held.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
        self.held
    }

    /// The same counts with converted keys.
    #[must_use]
    pub fn map<L>(self, key: impl Fn(K) -> L) -> Heaviest<L> {
        let of =
            |weighed: Weighed<K>| Weighed { key: key(weighed.key), count: weighed.count, over: weighed.over };
        Heaviest { held: self.held.into_iter().map(of).collect(), floor: self.floor }
    }

    /// Number of places in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    fn lightest(&self) -> Option<usize> {
        let by_count = self.held.iter().enumerate().min_by_key(|(_, held)| held.count);
        by_count.map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Checks that every key's true count lies within its limits, and that no frequent key is missing.
    fn assert_right(heaviest: &Heaviest<u64>, truth: &BTreeMap<u64, u64>) {
        let total: u64 = truth.values().sum();
        assert!(heaviest.held.len() <= USAGE_ORIGINS_KEPT);
        for Weighed { key, count, over } in &heaviest.held {
            let true_count = truth.get(key).copied().unwrap_or_default();
            assert!((count - over..=*count).contains(&true_count), "{key}: {true_count} of {count} − {over}");
        }
        let places = u64::try_from(USAGE_ORIGINS_KEPT).unwrap();
        for (key, count) in truth.iter().filter(|(_, count)| **count * places > total) {
            assert!(
                heaviest.held.iter().any(|held| held.key == *key),
                "{key} with {count} of {total} is lost"
            );
        }
    }

    #[test]
    fn heavy_keys_are_kept_and_counts_bounded_through_streams_and_merges() {
        let seed =
            std::env::var("WAYLEAVE_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
        println!("WAYLEAVE_SEED={seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..50 {
            let mut truth = BTreeMap::new();
            let mut merged = Heaviest::<u64>::default();
            for _ in 0..random.usize(1..6) {
                let mut one = Heaviest::default();
                for _ in 0..random.usize(0..2_000) {
                    // A few frequent keys among many rare ones.
                    let key = if random.bool() { random.u64(0..5) } else { random.u64(0..200) };
                    *truth.entry(key).or_default() += 1;
                    one.count(key, true);
                }
                merged.merge(one);
            }
            assert_right(&merged, &truth);
        }
    }

    #[test]
    fn up_to_the_number_of_places_counts_are_exact_and_sorted() {
        let mut heaviest = Heaviest::default();
        for key in (1..=20).flat_map(|key| std::iter::repeat_n(key, key)) {
            heaviest.count(key, true);
        }
        let sorted = heaviest.sorted();
        assert_eq!(sorted.first(), Some(&Weighed { key: 20, count: 20, over: 0 }));
        assert!(sorted.iter().all(|weighed| weighed.over == 0));
    }

    #[test]
    fn without_room_no_place_is_taken() {
        let mut heaviest = Heaviest::default();
        assert!(!heaviest.count("a", false));
        assert!(heaviest.is_empty());
        assert!(heaviest.count("a", true));
        assert!(!heaviest.count("b", false));
        assert_eq!(heaviest.sorted(), [Weighed { key: "b", count: 2, over: 1 }]);
    }
}
