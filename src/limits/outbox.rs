//! How the registry writes to KV.

use super::reads::KV_WRITE_TIMEOUT_MS;
use super::time::MS_PER_SECOND;

/// KV accepts one write per second to the same key.
pub const KV_WRITE_INTERVAL_MS: i64 = MS_PER_SECOND;
/// First wait after a failed KV write; doubled after each failure.
pub const OUTBOX_BACKOFF_MIN_MS: i64 = 2 * MS_PER_SECOND;
/// Back-off of KV writes: at most one minute. A write that KV never takes costs 1,440 attempts a day.
pub const OUTBOX_BACKOFF_MAX_MS: i64 = 60 * MS_PER_SECOND;
/// A repeated write of a record is not handed out again before this time, unless it is reported sooner: its
/// time limit plus a second.
pub const OUTBOX_REPEAT_LEASE_MS: i64 = KV_WRITE_TIMEOUT_MS as i64 + MS_PER_SECOND;
/// KV writes in one batch. The platform runs 6 at a time, so a list waits at most about 8 round trips.
pub const OUTBOX_BATCH_MAX: u32 = 50;
/// Latest arrival of an alarm: a failover delays it by up to a minute, so this is two. A later one was lost
/// and is set again.
pub const ALARM_LATE_MAX_MS: i64 = 2 * 60 * MS_PER_SECOND;
/// How long a list waits until the records of edited tokens are in KV. After that it is published before
/// them.
pub const LIST_HELD_MAX_MS: i64 = 10 * MS_PER_SECOND;
/// Shortest interval between two repeated writes of a record that KV accepted but a location did not find:
/// five minutes. The location may have cached the absence, which another write does not cure.
pub const RECORD_REPUBLISH_INTERVAL_MS: i64 = 300 * MS_PER_SECOND;
/// How long KV keeps a record after its token's end. Nobody reads it then; the margin covers differing
/// clocks.
pub const RECORD_KV_MARGIN_SECONDS: i64 = 300;
