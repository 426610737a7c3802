//! What a sender is to do next: wait, or send reports to shards.

use crate::formats::usage::report::Report;

/// A report to send to a shard.
#[derive(Clone, Debug, PartialEq)]
pub struct Sending {
    /// Number of the shard.
    pub shard: u32,
    pub report: Report,
    /// Whether it is sent for the first time.
    pub is_new: bool,
}

/// What a sender must do now.
#[derive(Debug, PartialEq)]
pub enum Next {
    /// Wait for this many milliseconds, then ask again.
    Wait(i64),
    /// Send these. Pass those that a shard accepted to `Reporter::acknowledged`, then ask again.
    Send(Vec<Sending>),
}
