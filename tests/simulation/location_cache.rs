//! The cache that the isolates of a location share. It keeps the delta for a while, may forget it at any
//! time, and may return an older one than it last received.

use crate::chance::Chance;
use std::rc::Rc;

type Bytes = Rc<[u8]>;

pub(crate) struct LocationCaches(Vec<Cache>);

#[derive(Default)]
struct Cache {
    held: Option<Held>,
    earlier: Vec<Bytes>,
}

struct Held {
    value: Bytes,
    put_at: i64,
    until: i64,
}

/// How many earlier values it may wrongly return.
const EARLIER_MAX: usize = 50;

impl LocationCaches {
    pub(crate) fn new(locations: usize) -> Self {
        Self((0..locations).map(|_| Cache::default()).collect())
    }

    pub(crate) fn get(&self, location: usize, now: i64) -> Option<Bytes> {
        let held = self.0[location].held.as_ref().filter(|held| now < held.until)?;
        Some(Rc::clone(&held.value))
    }

    pub(crate) fn put(&mut self, location: usize, value: Bytes, ttl_ms: i64, now: i64) {
        let cache = &mut self.0[location];
        if cache.earlier.len() == EARLIER_MAX {
            cache.earlier.remove(0);
        }
        cache.earlier.push(Rc::clone(&value));
        cache.held = Some(Held { value, put_at: now, until: now + ttl_ms });
    }

    /// Any value stored earlier.
    pub(crate) fn any_earlier(&self, location: usize, chance: &Chance) -> Option<Bytes> {
        let earlier = &self.0[location].earlier;
        (!earlier.is_empty()).then(|| Rc::clone(&earlier[chance.index(earlier.len())]))
    }

    pub(crate) fn evict(&mut self, location: usize) {
        self.0[location].held = None;
    }

    /// The value that every read returned from `since` to `now`.
    pub(crate) fn certain(&self, location: usize, since: i64, now: i64) -> Option<Bytes> {
        let held = self.0[location].held.as_ref()?;
        (held.put_at <= since && now < held.until).then(|| Rc::clone(&held.value))
    }
}
