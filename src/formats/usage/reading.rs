//! What a shard is asked for and what it says: counts of tokens over a time, and when they were used.
//!
//! Standard: DESIGN section 7 (`/tokens/{id}/usage`).
//! Invariants: a period with nothing in it is left out; periods ascend.
//! What it must not know: HTTP, SQL.
//! What a mistake costs: as in `usage`.

use super::heaviest::Weighed;
use super::outcome::Counts;
use super::report::Report;
use super::shard_of;
use crate::limits::{MS_PER_SECOND, SECONDS_PER_DAY};
use crate::registry::command::TokenUse;
use crate::time::UnixMillis;
use crate::token::Serial;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One call through a usage shard's door.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// An isolate reports.
    Report(Report),
    /// Counts of these tokens, all of this shard.
    Read {
        /// Which tokens.
        serials: Vec<Serial>,
        /// From when to when, and how finely.
        range: Range,
    },
    /// First and last uses of these tokens, as fresh as the shard knows them.
    Uses {
        /// Which tokens.
        serials: Vec<Serial>,
    },
    /// What the shard has counted since it began.
    Totals,
}

impl Request {
    /// The calls that ask for first and last uses of these tokens, each with its shard.
    #[must_use]
    pub fn uses_of(serials: &[Serial]) -> Vec<(u32, Self)> {
        by_shard(serials).into_iter().map(|(shard, serials)| (shard, Self::Uses { serials })).collect()
    }

    /// The calls that ask for the usage of these tokens, each with its shard.
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

/// What a shard says back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// The report is kept, now or before.
    Taken,
    /// One for each token asked for, in that order.
    Usage(Vec<TokenUsage>),
    /// Those of the tokens that were ever used.
    Uses(Vec<TokenUse>),
    /// Since the shard began.
    Totals(Counts),
    /// Storage failed; nothing was kept.
    Failed,
}

/// A stretch of time in equal steps: [`Range::from`] lies in the first and [`Range::to`] ends the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The beginning, rounded down to a step.
    pub from: UnixMillis,
    /// The end, exclusive, rounded up to a step.
    pub to: UnixMillis,
    /// How finely.
    pub step: Step,
}

impl Range {
    /// The range whose steps touch `from` and `to`.
    #[must_use]
    pub fn of(from: UnixMillis, to: UnixMillis, step: Step) -> Self {
        Self { from: step.floor(from), to: step.floor(to.plus_ms(step.ms() - 1)), step }
    }
}

/// How finely counts are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// 60 s.
    Minute,
    /// From minute 0.
    Hour,
    /// In UTC.
    Day,
}

impl Step {
    /// Milliseconds in it.
    #[must_use]
    pub const fn ms(self) -> i64 {
        match self {
            Self::Minute => 60 * MS_PER_SECOND,
            Self::Hour => 3_600 * MS_PER_SECOND,
            Self::Day => SECONDS_PER_DAY * MS_PER_SECOND,
        }
    }

    /// The beginning of the step that `at` lies in.
    #[must_use]
    pub fn floor(self, at: UnixMillis) -> UnixMillis {
        UnixMillis(at.0.saturating_sub(at.0.rem_euclid(self.ms())))
    }
}

/// What was counted of one token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenUsage {
    /// The token.
    pub serial: Serial,
    /// Beginning of each step, and what was counted in it.
    pub periods: Vec<(UnixMillis, Counts)>,
    /// The heaviest origins that were allowed on the days that the range touches, heaviest first.
    pub allowed: Vec<Weighed<String>>,
    /// Those that a rule refused, or in report mode would have.
    pub refused: Vec<Weighed<String>>,
    /// Its first and last use ever; `None` is none.
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
