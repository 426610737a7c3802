//! Meters: the tokens whose uses in a period the registry wants to know, and what shards tell of them.
//!
//! Standard: docs/lifecycle.md, "Quotas".
//! Invariants: a count is of one period and only rises. A mark is a count at which the shard tells at once.
//! A change of marks has a number; a shard that knows all up to a number asks for those after it.
//! What it must not know: quotas. The registry alone knows what a mark stands for.
//! What a mistake costs: a quota is noticed late, or not at all (false accept).

use crate::formats::list::Number;
use crate::formats::token::Serial;
use crate::formats::usage::period::Per;
use serde::{Deserialize, Serialize};

/// The mark of a period in which nothing more need be told at once: the largest integer that JavaScript
/// represents exactly.
pub const NO_MORE: u64 = (1 << 53) - 1;

/// The uses of a token in its current day and month, as far as its shard knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodUses {
    pub day: i64,
    pub day_uses: u64,
    pub month: i64,
    pub month_uses: u64,
}

impl PeriodUses {
    /// The uses in the period with this index; 0 if it is another one.
    #[must_use]
    pub fn in_period(&self, per: Per, index: i64) -> u64 {
        let (counted, uses) = self.of(per);
        if counted == index { uses } else { 0 }
    }

    /// The index of the period that is counted, and its uses.
    #[must_use]
    pub fn of(&self, per: Per) -> (i64, u64) {
        match per {
            Per::Day => (self.day, self.day_uses),
            Per::Month => (self.month, self.month_uses),
        }
    }

    /// The later period of each kind, and in the same period the larger count.
    #[must_use]
    pub fn latest(self, other: Self) -> Self {
        let (day, day_uses) = self.of(Per::Day).max(other.of(Per::Day));
        let (month, month_uses) = self.of(Per::Month).max(other.of(Per::Month));
        Self { day, day_uses, month, month_uses }
    }
}

/// The counts at which a shard tells at once; `None`: uses in this kind of period are not asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    pub day: Option<u64>,
    pub month: Option<u64>,
}

impl Marks {
    /// Whether nothing more need be told at once in a period: a quota is used up.
    #[must_use]
    pub fn are_passed(&self) -> bool {
        [self.day, self.month].contains(&Some(NO_MORE))
    }
}

/// What a shard tells and asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeterReport {
    /// The shard's number, from 0.
    pub shard: u32,
    /// The shard knows all marks up to this change.
    pub known: Number,
    /// Counts that the registry does not know.
    pub counts: Vec<(Serial, PeriodUses)>,
}

/// What the registry answers: marks that changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeterChanges {
    /// The number of the last change in this answer. In an epoch other than the shard's, the shard begins
    /// anew.
    pub known: Number,
    /// Marks of tokens of this shard, in the order of their changes. Without any mark a token is not metered.
    pub marks: Vec<(Serial, Marks)>,
    /// More changes are left.
    pub more: bool,
}
