//! Workers KV as documented and as users know it. Each location sees writes late and in its own order, behind
//! a read cache that also caches absence. A write may be lost, doubled, or fail after it took effect.

use std::collections::BTreeMap;
use std::rc::Rc;

type Value = Option<Rc<[u8]>>;

#[derive(Clone)]
struct Write {
    at: i64,
    value: Value,
    /// Determines this write's delay for each location.
    salt: u64,
}

struct Cached {
    value: Value,
    read_at: i64,
}

pub(crate) struct Kv {
    /// In the order in which KV accepted them.
    writes: BTreeMap<String, Vec<Write>>,
    cache: BTreeMap<(usize, String), Cached>,
    /// Since when a location's copy is frozen.
    stalled_since: Vec<Option<i64>>,
    delay_max_ms: i64,
    /// From this time on every location sees the newest value.
    healed_at: Option<i64>,
}

/// Writes of one key that may still be on their way; older ones arrived long ago.
const IN_FLIGHT_MAX: usize = 60;

impl Kv {
    pub(crate) fn new(locations: usize, delay_max_ms: i64) -> Self {
        Self {
            writes: BTreeMap::new(),
            cache: BTreeMap::new(),
            stalled_since: vec![None; locations],
            delay_max_ms,
            healed_at: None,
        }
    }

    pub(crate) fn put(&mut self, key: &str, value: &[u8], salt: u64, now: i64) {
        self.write(key, Some(value.into()), salt, now);
    }

    pub(crate) fn delete(&mut self, key: &str, now: i64) {
        self.write(key, None, 0, now);
    }

    fn write(&mut self, key: &str, value: Value, salt: u64, now: i64) {
        self.writes.entry(key.to_owned()).or_default().push(Write { at: now, value, salt });
    }

    /// When the newest write of `key` was accepted.
    pub(crate) fn written_at(&self, key: &str) -> Option<i64> {
        self.writes.get(key).and_then(|writes| writes.last()).map(|write| write.at)
    }

    /// The value last written under `key`.
    pub(crate) fn newest(&self, key: &str) -> Value {
        self.writes.get(key).and_then(|writes| writes.last()).and_then(|write| write.value.clone())
    }

    /// Reads at `location`, through its cache.
    pub(crate) fn get(&mut self, location: usize, key: &str, ttl_ms: i64, now: i64) -> Value {
        let at = (location, key.to_owned());
        if let Some(cached) = self.cache.get(&at).filter(|cached| now - cached.read_at < ttl_ms) {
            return cached.value.clone();
        }
        let value = self.seen(location, key, now);
        self.cache.insert(at, Cached { value: value.clone(), read_at: now });
        value
    }

    /// The value that every read at `location` returned from `since` to `now`, if its cache makes that
    /// certain.
    pub(crate) fn certain(&self, location: usize, key: &str, ttl_ms: i64, since: i64, now: i64) -> Value {
        let cached = self.cache.get(&(location, key.to_owned()))?;
        let is_whole = cached.read_at <= since && now - cached.read_at < ttl_ms;
        cached.value.clone().filter(|_| is_whole)
    }

    /// The value visible at `location`: the write that arrived last, which need not be the last one made.
    fn seen(&self, location: usize, key: &str, now: i64) -> Value {
        let writes = self.writes.get(key)?;
        if self.healed_at.is_some() {
            return writes.last()?.value.clone();
        }
        let now = self.stalled_since[location].unwrap_or(now);
        let arrived = |write: &&Write| self.arrives(write, location) <= now;
        let recent = writes.iter().rev().take(IN_FLIGHT_MAX).filter(arrived);
        recent.max_by_key(|write| self.arrives(write, location))?.value.clone()
    }

    fn arrives(&self, write: &Write, location: usize) -> i64 {
        let mixed = mix(write.salt ^ mix(location as u64));
        // Most delays are short: the cube of a number between 0 and 1.
        let part = i64::try_from(mixed % 1_000).unwrap();
        write.at + self.delay_max_ms * part / 1_000 * part / 1_000 * part / 1_000
    }

    pub(crate) fn stall(&mut self, location: usize, now: i64) {
        self.stalled_since[location].get_or_insert(now);
    }

    pub(crate) fn resume(&mut self, location: usize) {
        self.stalled_since[location] = None;
    }

    /// Returns every key to its value at `then`.
    pub(crate) fn roll_back(&mut self, then: i64, salt: u64, now: i64) {
        let was = |writes: &Vec<Write>| {
            writes.iter().rev().find(|write| write.at <= then).and_then(|write| write.value.clone())
        };
        let old: Vec<_> = self.writes.iter().map(|(key, writes)| (key.clone(), was(writes))).collect();
        for (key, value) in old {
            self.write(&key, value, salt, now);
        }
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.writes.keys().cloned().collect()
    }

    /// All values that `key` ever had.
    pub(crate) fn history(&self, key: &str) -> Vec<Rc<[u8]>> {
        self.writes.get(key).into_iter().flatten().filter_map(|write| write.value.clone()).collect()
    }

    pub(crate) fn heal(&mut self, now: i64) {
        self.healed_at = Some(now);
        self.stalled_since.fill(None);
    }
}

/// The last step of splitmix64: a number that looks random, the same for the same input.
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
