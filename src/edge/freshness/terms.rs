//! The durations that follow from the revocation bound.
//!
//! Standard: docs/bound.md, "The refresh machine".
//! Invariants: all of them are derived from B here, and assertions below check what they assume of each
//! other.
//! What it must not know: lists, sources.
//! What a mistake costs: an L that is too long admits past the bound (false accept). Refreshing too late
//! causes a needless 503.

use crate::limits::{CLOCK_SKEW_MS, LIST_RETRY_MS, MS_PER_SECOND, REVOCATION_BOUND_DEFAULT_SECONDS};

/// Smallest bound at which the list is read from KV. KV's `cacheTtl` is at least 30 s, so with a smaller
/// bound its copies would mostly be too old.
pub const KV_BOUND_MIN_SECONDS: i64 = 60;

/// The durations that follow from the bound B, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// B itself, in seconds.
    pub bound_seconds: i64,
    /// L: a list older than this is not used.
    pub usable_ms: i64,
    /// L/6: time from a successful refresh to the next, before jitter.
    pub refresh_after_ms: i64,
    /// 2L/3: a refresh goes on to the next source while the newest list found is older than about this.
    pub next_source_ms: i64,
    /// Shortest wait after a failed refresh: L/12, at most 1 s.
    pub retry_ms: i64,
    /// Whether the delta is read from KV at all.
    pub kv: bool,
}

impl Terms {
    /// Derives the terms from the bound, 5 to 300 seconds. `heartbeat`: whether the registry keeps KV's copy
    /// fresh.
    #[must_use]
    pub const fn from_bound(bound_seconds: i64, heartbeat: bool) -> Self {
        let usable_ms = bound_seconds * MS_PER_SECOND - CLOCK_SKEW_MS;
        Self {
            bound_seconds,
            usable_ms,
            refresh_after_ms: usable_ms / 6,
            next_source_ms: usable_ms / 3 * 2,
            retry_ms: if usable_ms / 12 < LIST_RETRY_MS { usable_ms / 12 } else { LIST_RETRY_MS },
            kv: heartbeat && bound_seconds >= KV_BOUND_MIN_SECONDS,
        }
    }

    /// How long the location's cache keeps a delta, in whole seconds: L/6, so that a location asks another
    /// source that often and no oftener.
    #[must_use]
    pub fn location_cache_seconds(&self) -> u32 {
        u32::try_from(self.refresh_after_ms / MS_PER_SECOND).unwrap_or(1).max(1)
    }

    /// L/3: how long a list as old as `next_source_ms` is still usable.
    pub(super) const fn enough_left_ms(&self) -> i64 {
        self.usable_ms - self.next_source_ms
    }
}

const _: () = {
    let shortest = Terms::from_bound(crate::limits::REVOCATION_BOUND_MIN_SECONDS, true);
    assert!(shortest.refresh_after_ms > 0 && shortest.refresh_after_ms < shortest.next_source_ms / 2);
    // A refresh that begins at 2L/3 has L/3 left; the retry wait takes at most a quarter of that.
    assert!(shortest.retry_ms * 4 <= shortest.usable_ms - shortest.next_source_ms);
    let default = Terms::from_bound(REVOCATION_BOUND_DEFAULT_SECONDS, true);
    // A copy from KV may be 30 s old because of `cacheTtl`; it must still be worth reading: 30 s < 2L/3 =
    // 38 s.
    assert!(default.kv && default.next_source_ms > 30 * MS_PER_SECOND);
};
