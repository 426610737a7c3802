//! The registry's answers about families, kept by an isolate for some seconds. KV does not name a family that
//! was switched off or has ended. Without this cache each old page that still asks for it would cost a call.
//!
//! Invariants: the number of entries is bounded; an entry lives at most [`FAMILY_HELD_MS`], by the clock that
//! stored it.
//! What it must not know: HTTP, which tokens are good.
//! What a mistake costs: pages learn late of a successor; memory.

use crate::base::time::UnixMillis;
use crate::formats::family::FamilyId;
use crate::formats::token::Claims;
use crate::limits::{FAMILIES_HELD_MAX, FAMILY_HELD_MS};
use lru::LruCache;
use std::num::NonZeroUsize;

/// The token that the registry named; `None` when the family hands out none.
pub type FamilyAnswer = Option<Claims>;

/// The registry's latest answers by family.
#[derive(Debug)]
pub struct FamilyHolder(LruCache<FamilyId, (FamilyAnswer, UnixMillis)>);

impl Default for FamilyHolder {
    fn default() -> Self {
        Self(LruCache::new(NonZeroUsize::new(FAMILIES_HELD_MAX).unwrap_or(NonZeroUsize::MIN)))
    }
}

impl FamilyHolder {
    /// The registry's recent answer; `None` when there is none in the cache.
    pub fn get(&mut self, family: &FamilyId, now: UnixMillis) -> Option<FamilyAnswer> {
        let (held, at) = self.0.get(family)?;
        // If the clock was set back, the answer counts as too old.
        (0..FAMILY_HELD_MS).contains(&now.since_ms(*at)).then_some(*held)
    }

    /// Stores the answer that the registry gave at `now`.
    pub fn hold(&mut self, family: FamilyId, answer: FamilyAnswer, now: UnixMillis) {
        self.0.put(family, (answer, now));
    }
}
