//! The calls to a usage shard and its answers: counts of tokens in a time range, and when tokens were used.
//!
//! Standard: docs/lifecycle.md, "What is kept". Periods without counts are left out; periods ascend.

use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::formats::usage::heaviest::Weighed;
use crate::formats::usage::outcome::Counts;
use crate::formats::usage::refusal::{KeptRefusal, RefusalsAsked};
use crate::formats::usage::report::Report;
use crate::formats::usage::token_use::TokenUse;
use crate::formats::usage::{EVERY_TOKEN, shard_of};
use crate::limits::{MS_PER_SECOND, SECONDS_PER_DAY, USAGE_SHARDS};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A call to a usage shard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ShardCall {
    /// Counts that an isolate reports.
    Report(Report),
    /// Requests the counts of these tokens, all of which belong to this shard.
    Read {
        serials: Vec<Serial>,
        /// The time range, and the length of a period.
        range: Range,
    },
    /// Requests the first and last uses of these tokens, as recent as the shard knows them.
    Uses { serials: Vec<Serial> },
    /// Requests all counts since the shard began.
    Totals,
    /// Requests refusals, newest first.
    Refusals(RefusalsAsked),
}

impl ShardCall {
    /// The calls that request first and last uses of these tokens, each with the number of its shard.
    #[must_use]
    pub fn uses_of(serials: &[Serial]) -> Vec<(u32, Self)> {
        by_shard(serials).into_iter().map(|(shard, serials)| (shard, Self::Uses { serials })).collect()
    }

    /// The calls that request the usage of all tokens together.
    #[must_use]
    pub fn reads_of_all(range: Range) -> Vec<(u32, Self)> {
        (0..USAGE_SHARDS).map(|shard| (shard, Self::Read { serials: vec![EVERY_TOKEN], range })).collect()
    }

    /// The calls that request the usage of these tokens, each with the number of its shard.
    #[must_use]
    pub fn reads_of(serials: &[Serial], range: Range) -> Vec<(u32, Self)> {
        by_shard(serials).into_iter().map(|(shard, serials)| (shard, Self::Read { serials, range })).collect()
    }
}

fn by_shard(serials: &[Serial]) -> BTreeMap<u32, Vec<Serial>> {
    let mut by_shard: BTreeMap<u32, Vec<Serial>> = BTreeMap::new();
    for serial in serials {
        by_shard.entry(shard_of(*serial)).or_default().push(*serial);
    }
    by_shard
}

/// The answer of a usage shard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ShardAnswer {
    /// The report is stored, by this call or an earlier one.
    Taken,
    /// One entry for each requested token, in the same order.
    Usage(Vec<TokenReading>),
    /// The uses of those tokens that were ever used.
    Uses(Vec<TokenUse>),
    /// All counts since the shard began.
    Totals(Counts),
    /// The refusals that were asked for, newest first.
    Refusals(Vec<KeptRefusal>),
    /// Storage failed; nothing was stored.
    Failed,
}

/// A time range in equal steps. [`Range::from`] is the start of the first step and [`Range::to`] the end of
/// the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The start, rounded down to a step.
    pub from: UnixMillis,
    /// The end, exclusive, rounded up to a step.
    pub to: UnixMillis,
    pub step: Step,
}

impl Range {
    /// The range of all steps that touch `from` to `to`.
    #[must_use]
    pub fn of(from: UnixMillis, to: UnixMillis, step: Step) -> Self {
        Self { from: step.floor(from), to: step.floor(to.plus_ms(step.ms() - 1)), step }
    }
}

/// The length of a period of counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// 60 s, starting at second 0.
    Minute,
    /// 60 minutes, starting at minute 0.
    Hour,
    /// A day in UTC.
    Day,
}

impl Step {
    /// Length of a step in milliseconds.
    #[must_use]
    pub const fn ms(self) -> i64 {
        match self {
            Self::Minute => 60 * MS_PER_SECOND,
            Self::Hour => 3_600 * MS_PER_SECOND,
            Self::Day => SECONDS_PER_DAY * MS_PER_SECOND,
        }
    }

    /// Start of the step that contains `at`.
    #[must_use]
    pub fn floor(self, at: UnixMillis) -> UnixMillis {
        UnixMillis(at.0.saturating_sub(at.0.rem_euclid(self.ms())))
    }
}

/// The usage of one token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenReading {
    pub serial: Serial,
    /// The start of each step, and its counts.
    pub periods: Vec<(UnixMillis, Counts)>,
    /// The most frequent allowed origins on the days that the range touches, most requests first.
    pub allowed: Vec<Weighed<String>>,
    /// The most frequent origins that a rule refused, or would have refused in report mode.
    pub refused: Vec<Weighed<String>>,
    /// The first and last use ever; `None`: never used.
    pub uses: Option<TokenUse>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_of_whole_steps() {
        let hour = Step::Hour.ms();
        let range = Range::of(UnixMillis(hour + 1), UnixMillis(3 * hour + 1), Step::Hour);
        assert_eq!((range.from, range.to), (UnixMillis(hour), UnixMillis(4 * hour)));
        let whole = Range::of(UnixMillis(hour), UnixMillis(2 * hour), Step::Hour);
        assert_eq!((whole.from, whole.to), (UnixMillis(hour), UnixMillis(2 * hour)));
        assert_eq!(Step::Day.floor(UnixMillis(-1)), UnixMillis(-Step::Day.ms()));
    }
}
