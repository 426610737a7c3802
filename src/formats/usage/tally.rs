//! A tally: what was counted of one token in one stretch of time. What batches carry and shards keep.
//!
//! Invariants: merging is the only way two become one, in any order; the first instant only moves back and the last only
//! forward.
//! What it must not know: which token, which time.
//! What a mistake costs: as in `usage`.

use super::heaviest::Heaviest;
use super::outcome::Counts;
use crate::time::UnixMillis;
use serde::{Deserialize, Serialize};

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// By outcome.
    pub counts: Counts,
    /// Origins that were allowed, of admitted requests.
    pub allowed: Heaviest<String>,
    /// Origins that a rule refused, or in report mode would have.
    pub refused: Heaviest<String>,
    /// The first and the last use in it.
    pub used: Option<(UnixMillis, UnixMillis)>,
}

impl Tally {
    /// Adds everything that `other` has.
    pub fn merge(&mut self, other: Self) {
        self.counts.merge(&other.counts);
        self.allowed.merge(other.allowed);
        self.refused.merge(other.refused);
        self.used = widest(self.used, other.used);
    }
}

/// From the earlier first to the later last.
pub(super) fn widest(
    one: Option<(UnixMillis, UnixMillis)>,
    other: Option<(UnixMillis, UnixMillis)>,
) -> Option<(UnixMillis, UnixMillis)> {
    match (one, other) {
        (Some((first, last)), Some((other_first, other_last))) => {
            Some((first.min(other_first), last.max(other_last)))
        }
        (one, other) => one.or(other),
    }
}
