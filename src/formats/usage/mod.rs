//! The messages about token usage between isolates, usage shards and the registry.

pub mod anomaly;
pub mod counted;
pub mod heaviest;
pub mod meter;
pub mod outcome;
pub mod period;
pub mod reading;
pub mod refusal;
pub mod report;
pub mod tally;
pub mod token_use;

use crate::formats::token::Serial;
use crate::limits::{USAGE_SHARD_BLOCK_SERIALS, USAGE_SHARDS};

/// Number of the shard that counts `serial`, from 0. Blocks of serials are distributed in turn: many tokens
/// are shared equally, and an isolate that counts few tokens calls one shard.
#[must_use]
pub fn shard_of(serial: Serial) -> u32 {
    serial.0 / USAGE_SHARD_BLOCK_SERIALS % USAGE_SHARDS
}

/// Stands for all tokens of a shard where a serial is stored. No token has it.
pub const EVERY_TOKEN: Serial = Serial(0);

#[cfg(test)]
mod tests;
