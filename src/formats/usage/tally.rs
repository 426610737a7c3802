//! A tally: the counts of one token in one period. Batches carry tallies, and shards store them.
//!
//! Merging is the only way to combine two tallies, and the order does not matter. The first use only moves to
//! an earlier instant, the last use only to a later one.

use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::formats::usage::heaviest::Heaviest;
use crate::formats::usage::outcome::Counts;
use serde::{Deserialize, Serialize};

/// The counts of one token in one period.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub counts: Counts,
    /// Origins of admitted requests that the rules allowed.
    pub allowed: Heaviest<String>,
    /// Origins that a rule refused, or would have refused in report mode.
    pub refused: Heaviest<String>,
    /// The first and the last use in the period.
    pub used: Option<(UnixMillis, UnixMillis)>,
}

impl Tally {
    /// Adds all counts and uses of `other`.
    pub fn merge(&mut self, other: Self) {
        self.counts.merge(&other.counts);
        self.allowed.merge(other.allowed);
        self.refused.merge(other.refused);
        self.used = widest(self.used, other.used);
    }
}

/// A refused site in the tally of all tokens: with the token that it was refused with.
#[must_use]
pub fn site_of_token(serial: Serial, site: &str) -> String {
    format!("{} {site}", serial.0)
}

/// The token and the site that [`site_of_token`] joined.
#[must_use]
pub fn token_and_site(text: &str) -> Option<(Serial, &str)> {
    let (serial, site) = text.split_once(' ')?;
    Some((Serial(serial.parse().ok()?), site))
}

/// The interval from the earlier first to the later last use.
pub(crate) fn widest(
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
