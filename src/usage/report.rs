//! What is asked of a usage shard and what it answers: the one vocabulary on both sides of its door.
//!
//! Standard: JSON (RFC 8259) between isolates and Durable Objects of one deployment.
//! Invariants: a batch is known by isolate and sequence, and holds the same whenever it is sent; sequences of an isolate
//! and a shard rise, and one is sent only when the one before was acknowledged or given up.
//! What it must not know: HTTP, Workers, SQL.
//! What a mistake costs: counts taken twice or not at all.

use super::outcome::Counts;
use super::tally::Tally;
use crate::registry::command::TokenUse;
use crate::time::UnixMillis;
use crate::token::Serial;
use serde::{Deserialize, Serialize};

/// What an isolate reports to one shard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Which isolate: a random number.
    pub isolate: u64,
    /// What it counted.
    pub batch: Option<Batch>,
    /// Watched tokens that it admitted: told at once, apart from the counts, and as often as need be.
    pub first_uses: Vec<TokenUse>,
}

/// What an isolate counted in one stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// From 1.
    pub sequence: u64,
    /// When the first of it was counted.
    pub began_at: UnixMillis,
    /// Of each token.
    pub tokens: Vec<(Serial, Tally)>,
    /// Requests that are no token's.
    pub others: Counts,
}

impl Batch {
    /// Requests in it.
    #[must_use]
    pub fn requests(&self) -> u64 {
        let of_tokens = self.tokens.iter().map(|(_, tally)| tally.counts.requests());
        of_tokens.fold(self.others.requests(), u64::saturating_add)
    }
}
