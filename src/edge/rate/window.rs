//! The counter of an isolate, for classes without a binding. It counts requests by key, in periods that begin
//! at multiples of their length. It holds a bounded number of keys. When it is full, the least recently used
//! key is dropped, and starts from zero if it returns. A refused request is not counted.

use super::question::AskedLimit;
use crate::base::time::UnixMillis;
use crate::limits::{MS_PER_SECOND, RATE_COUNTS_HELD_MAX};
use lru::LruCache;

#[derive(Debug)]
pub struct WindowCounter {
    counts: LruCache<String, Count>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    /// Index of the period since 1970.
    period: i64,
    requests: u32,
}

impl Default for WindowCounter {
    fn default() -> Self {
        Self { counts: LruCache::new(RATE_COUNTS_HELD_MAX) }
    }
}

impl WindowCounter {
    /// Counts one request, unless the limit is used up. Returns whether it was within the limit.
    pub fn take(&mut self, limit: &AskedLimit, now: UnixMillis) -> bool {
        let length_ms = i64::from(limit.per_seconds.max(1)).saturating_mul(MS_PER_SECOND);
        let period = now.0.div_euclid(length_ms);
        let begun = || Count { period, requests: 0 };
        let count = self.counts.get_or_insert_mut_ref(limit.key.as_str(), begun);
        if count.period != period {
            *count = begun();
        }
        let is_within = count.requests < limit.requests;
        if is_within {
            count.requests = count.requests.saturating_add(1);
        }
        is_within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(key: &str) -> AskedLimit {
        AskedLimit { key: key.to_owned(), requests: 2, per_seconds: 10, binding: None }
    }

    #[test]
    fn a_limit_is_used_up_and_begins_anew_with_the_next_period() {
        let mut counter = WindowCounter::default();
        let mut take = |key: &str, ms: i64| counter.take(&limit(key), UnixMillis(ms));
        assert_eq!([take("a", 0), take("a", 9_000), take("a", 9_999)], [true, true, false]);
        assert!(take("b", 9_999), "another key's");
        assert_eq!([take("a", 10_000), take("a", 10_001), take("a", 10_002)], [true, true, false]);
        // A clock that was set back also falls into another period.
        assert!(take("a", 5_000));
    }

    #[test]
    fn it_holds_so_many_keys_and_no_more() {
        let mut counter = WindowCounter::default();
        for key in 0..=RATE_COUNTS_HELD_MAX.get() {
            counter.take(&limit(&key.to_string()), UnixMillis(0));
            counter.take(&limit(&key.to_string()), UnixMillis(0));
        }
        assert_eq!(counter.counts.len(), RATE_COUNTS_HELD_MAX.get());
        let newest = RATE_COUNTS_HELD_MAX.get().to_string();
        assert!(!counter.take(&limit(&newest), UnixMillis(0)), "the newest is remembered");
        assert!(counter.take(&limit("0"), UnixMillis(0)), "the oldest is not");
    }
}
