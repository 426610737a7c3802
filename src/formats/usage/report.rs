//! The report of an isolate to a usage shard.
//!
//! Standard: JSON (RFC 8259) between isolates and Durable Objects of one deployment.
//! Invariants: isolate and sequence number identify a batch, whose content never changes. The sequence
//! numbers from one isolate to one shard increase. A batch is sent only after the batch before it was
//! acknowledged or given up.
//! What it must not know: HTTP, Workers, SQL.
//! What a mistake costs: requests are counted twice or not at all.

use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::formats::usage::outcome::Counts;
use crate::formats::usage::refusal::Refusal;
use crate::formats::usage::tally::Tally;
use crate::formats::usage::token_use::TokenUse;
use serde::{Deserialize, Serialize};

/// What an isolate reports to one shard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The isolate's id: a random number.
    pub isolate: u64,
    /// The counts; `None` if the report contains first uses only.
    pub batch: Option<Batch>,
    /// Uses of watched tokens that the isolate admitted. They are sent at once, separately from the counts,
    /// and repeated as often as necessary.
    pub first_uses: Vec<TokenUse>,
}

/// The counts of an isolate for one period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Sequence number, from 1.
    pub sequence: u64,
    /// When the first request in it was counted.
    pub began_at: UnixMillis,
    /// Counts of each token, by serial.
    pub tokens: Vec<(Serial, Tally)>,
    /// Counts of requests without a token of this deployment.
    pub others: Counts,
    /// Some of the refused requests. A shard of an earlier release ignores them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<Refusal>,
}

impl Batch {
    /// Number of requests in the batch.
    #[must_use]
    pub fn requests(&self) -> u64 {
        let of_tokens = self.tokens.iter().map(|(_, tally)| tally.counts.requests());
        of_tokens.fold(self.others.requests(), u64::saturating_add)
    }

    /// When it counted a request that needed the revocation list; `None`: it has none. The last such time
    /// that is known, which is never later than the true one.
    #[must_use]
    pub fn traffic_at(&self) -> Option<UnixMillis> {
        let needs_list = |tally: &&Tally| tally.counts.iter().any(|(outcome, _)| outcome.needs_list());
        let tallies = self.tokens.iter().map(|(_, tally)| tally).filter(needs_list);
        tallies.map(|tally| tally.used.map_or(self.began_at, |(_, last_at)| last_at)).max()
    }
}
