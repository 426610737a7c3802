//! Usage: which token was asked for how often, with what outcome, from where; and when it was first and last used.
//!
//! Standard: DESIGN sections 3 (usage objects apart from the registry), 7 (`/tokens/{id}/usage`) and 8 ("First use").
//! The flow: the gateway says of a request what is [`Counted`]; the isolate's [`Reporter`] counts it and sends batches off
//! the request's path; a [`shard::Shard`] keeps them by minute, hour and day, and tells the registry first and last uses.
//! Invariants: only tokens whose tag verified are counted one by one; all memory and storage is bounded; a batch counts
//! once, however often and in whatever order it arrives; a first use is repeated until it is acknowledged.
//! What it must not know: how a request is decided; HTTP; Workers.
//! What a mistake costs: a successor in use that counts as unused, or a token ended because its traffic was not seen (false
//! refuse). It cannot admit.

pub mod analytics;
mod counter;
mod heaviest;
mod outcome;
pub mod reading;
pub mod report;
mod reporter;
pub mod shard;
pub mod sign;
mod tally;

pub use counter::Counted;
pub use heaviest::{Heaviest, Weighed};
pub use outcome::{Counts, Outcome};
pub use reporter::{Plan, Reporter, Sending};
pub use tally::Tally;

use crate::limits::USAGE_SHARDS;
use crate::token::Serial;

/// The shard that counts `serial`, from 0. Serials are given in turn, so shards are alike.
#[must_use]
pub fn shard_of(serial: Serial) -> u32 {
    serial.0 % USAGE_SHARDS
}
