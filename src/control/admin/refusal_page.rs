//! A page of the tail of refusals: which shards are asked for it, and where it begins in each.
//!
//! Standard: docs/lifecycle.md, "The tail of refusals".
//! Invariants: a cursor names one place among the refusals of all shards.
//! What it must not know: HTTP, what was refused.
//! What a mistake costs: a refusal is on two pages, or on none.

use crate::formats::token::Serial;
use crate::formats::usage::reading::ShardCall;
use crate::formats::usage::refusal::RefusalsAsked;
use crate::formats::usage::shard_of;
use crate::limits::USAGE_SHARDS;

/// A page of refusals that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalPage {
    /// Whether refusals are kept. If not, no shard is asked.
    pub keeps: bool,
    pub serial: Option<Serial>,
    pub site: Option<String>,
    pub limit: u32,
    /// Only those below this place among the refusals of all shards.
    pub below: Option<i64>,
}

impl RefusalPage {
    /// The calls to shards, each with its number: one shard for a token, all for the others.
    pub(super) fn calls(&self) -> Vec<(u32, ShardCall)> {
        if !self.keeps {
            return Vec::new();
        }
        let shards = self.serial.map_or(0..USAGE_SHARDS, |serial| {
            let shard = shard_of(serial);
            shard..shard.saturating_add(1)
        });
        shards.map(|shard| (shard, self.call(shard))).collect()
    }

    fn call(&self, shard: u32) -> ShardCall {
        let below = self.below.map(|place| below_in_shard(place, shard));
        // One more than the page has shows whether there is a next page.
        let limit = self.limit.saturating_add(1);
        ShardCall::Refusals(RefusalsAsked { serial: self.serial, site: self.site.clone(), below, limit })
    }
}

/// The place of a shard's refusal among those of all shards. Positions are milliseconds times 512, so this
/// stays below 2^54 for ten thousand years.
pub(super) fn place(position: i64, shard: u32) -> i64 {
    position.saturating_mul(i64::from(USAGE_SHARDS)).saturating_add(i64::from(shard))
}

/// The lowest position in a shard that is not below `place`.
fn below_in_shard(place: i64, shard: u32) -> i64 {
    let shards = i64::from(USAGE_SHARDS);
    let above = place.saturating_sub(i64::from(shard)).saturating_add(shards).saturating_sub(1);
    above.div_euclid(shards)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_divides_each_shard_in_those_before_and_those_after_it() {
        for below in 0..200 {
            for shard in 0..USAGE_SHARDS {
                for position in 0..30 {
                    let is_below = position < below_in_shard(below, shard);
                    assert_eq!(is_below, place(position, shard) < below, "{below} {shard} {position}");
                }
            }
        }
    }
}
