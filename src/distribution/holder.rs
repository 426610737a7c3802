//! What the registry said of families, kept by an isolate for some seconds, so that a family which KV does not name (it is
//! switched off, it has ended) does not cost a call each time that an old page asks.
//!
//! Invariants: bounded in number; nothing is kept longer than [`FAMILY_HELD_MS`], by the clock that put it in.
//! What it must not know: HTTP, which tokens are good.
//! What a mistake costs: pages that learn of a successor late; memory.

use crate::family::FamilyId;
use crate::limits::{FAMILIES_HELD_MAX, FAMILY_HELD_MS};
use crate::time::UnixMillis;
use crate::token::Claims;
use lru::LruCache;
use std::num::NonZeroUsize;

/// The token that the registry named; `None`: none is given out.
pub type Held = Option<Claims>;

/// The registry's last answers by family.
#[derive(Debug)]
pub struct FamilyHolder(LruCache<FamilyId, (Held, UnixMillis)>);

impl Default for FamilyHolder {
    fn default() -> Self {
        Self(LruCache::new(NonZeroUsize::new(FAMILIES_HELD_MAX).unwrap_or(NonZeroUsize::MIN)))
    }
}

impl FamilyHolder {
    /// What the registry said a short while ago; `None` when it was not asked.
    pub fn get(&mut self, family: &FamilyId, now: UnixMillis) -> Option<Held> {
        let (held, at) = self.0.get(family)?;
        // A clock that was set back makes an answer no younger than it is.
        (0..FAMILY_HELD_MS).contains(&now.since_ms(*at)).then_some(*held)
    }

    /// Keeps what the registry said at `now`.
    pub fn hold(&mut self, family: FamilyId, answer: Held, now: UnixMillis) {
        self.0.put(family, (answer, now));
    }
}
