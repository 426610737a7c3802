//! The revocation bound, clocks, and how often the list is written.

use super::time::MS_PER_SECOND;

/// Largest difference between two clocks: each is assumed to be within 1 s of true time (docs/bound.md,
/// "When a list may be used").
pub const CLOCK_SKEW_MS: i64 = 2 * MS_PER_SECOND;
/// Default revocation bound B.
pub const REVOCATION_BOUND_DEFAULT_SECONDS: i64 = 60;
/// Smallest B: with less, clock skew (2 s) and one refresh would take up the whole bound.
pub const REVOCATION_BOUND_MIN_SECONDS: i64 = 5;
/// Largest B: five minutes. A longer wait would make "withdrawn" meaningless to the person who withdrew.
pub const REVOCATION_BOUND_MAX_SECONDS: i64 = 300;
/// How often KV's copy of the list is rewritten while there is traffic. With `cacheTtl` 30 a location then
/// reads a copy that is at most 40 s old, little above 2L/3 = 38 s, so one source is nearly always enough.
pub const HEARTBEAT_DEFAULT_SECONDS: i64 = 10;
/// The same while lists are pushed: KV's copy is then for cold starts, and for a location that does not reach
/// the registry. It is at most 30 s (`cacheTtl`) + 20 s old, which leaves 8 s of L = 58 s.
pub const HEARTBEAT_PUSH_DEFAULT_SECONDS: i64 = 20;
/// Longest heartbeat: a slower one would leave KV's copy older than L = 58 s.
pub const HEARTBEAT_MAX_SECONDS: i64 = 60;
