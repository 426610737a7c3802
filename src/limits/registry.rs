//! What the registry keeps of lists, bases and locations.

use super::time::{MS_PER_SECOND, SECONDS_PER_DAY};

/// The heartbeat continues for two minutes after the last sign of traffic that is stored. A location with
/// traffic gives one every 20 s with push, and once a minute without.
pub const HEARTBEAT_LASTS_MS: i64 = 120 * MS_PER_SECOND;
/// For probes and warnings a deployment has traffic until ten minutes after the last sign of it.
pub const TRAFFIC_LASTS_MS: i64 = 600 * MS_PER_SECOND;
/// The time of the last traffic is stored at most twice a minute; each time writes one row, 2,880 a day.
pub const TRAFFIC_STORED_INTERVAL_MS: i64 = 30 * MS_PER_SECOND;
/// Reports are missing when requests were counted this much later than a location was last heard from. A
/// location with traffic reports once a minute, and both times are stored to the minute.
pub const REPORTS_MISSING_AFTER_MS: i64 = 180 * MS_PER_SECOND;
/// A notice that reports are missing is made at most once an hour.
pub const REPORTS_MISSING_NOTICE_INTERVAL_MS: i64 = 3_600 * MS_PER_SECOND;
/// Changes since the newest base at which a new base is made. A delta names at most about twice as many, at
/// about 6 bytes each: 24 kB, read every few seconds. A base of 2 MB is then read once per 2,000 changes.
pub const FOLD_AT_CHANGES: usize = 2_000;
/// Shortest time, besides two bounds, for which deltas still complete the base before the newest: a location
/// that lacks the newest stays correct meanwhile.
pub const BASE_OVERLAP_MIN_MS: i64 = 120 * MS_PER_SECOND;
/// Longest such time when KV does not accept the newest base: one hour. Locations then get it from the
/// registry.
pub const BASE_OVERLAP_MAX_MS: i64 = 3_600 * MS_PER_SECOND;
/// Size of one stored chunk of a base: half of the 2 MB that a Durable Object's SQLite allows in a row.
pub const BASE_CHUNK_BYTES: usize = 1024 * 1024;
/// A base that no delta completes any more leaves KV after one hour.
pub const BASE_KV_MARGIN_SECONDS: i64 = 3_600;
/// Serials that a restored registry skips: 2^20, far more than are issued between a backup and the loss. The
/// 2^32 serials suffice for 4,096 restores.
pub const RESTORE_SKIPPED_SERIALS: u32 = 1 << 20;
/// Most propagation samples that the registry keeps, and most changes whose arrival it is waiting for.
pub const PROPAGATION_SAMPLES_MAX: usize = 1_024;
/// Most locations whose signing keys the registry remembers; Cloudflare has about 330.
pub const LOCATIONS_MAX: usize = 1_000;
/// Most isolates whose list the registry remembers, twice as many as it holds calls of: about 100 bytes each.
pub const ISOLATES_MAX: usize = 4_000;
/// An isolate was heard from lately when it reported within a minute, or within the 15 s by which a report
/// may be late.
pub const ISOLATE_HEARD_LATELY_MS: i64 = 75 * MS_PER_SECOND;
/// A location is no longer shown when its last report is over an hour old. While it has traffic it reports
/// every minute.
pub const LOCATION_SHOWN_MS: i64 = 3_600 * MS_PER_SECOND;
/// Reports are stored as one row, at most once a minute: 1,440 rows a day. 4,000 isolates are about 400 kB.
pub const REPORTS_KEPT_INTERVAL_MS: i64 = 60 * MS_PER_SECOND;
/// After a change arrived somewhere they are stored at most this often.
pub const SAMPLES_KEPT_INTERVAL_MS: i64 = 5 * MS_PER_SECOND;
/// Changes of which it is stored when they were committed and last arrived.
pub const COMMITS_KEPT: usize = 64;
/// A location's signing keys are stored when they change, otherwise every ten minutes: 330 busy locations
/// write 48,000 rows a day.
pub const KEYS_STORED_INTERVAL_MS: i64 = 600 * MS_PER_SECOND;
/// From this many tokens on, the counts by state are cached: counting walks through more rows than one call
/// should (about 10 ms).
pub const COUNTS_KEPT_FROM_TOKENS: u64 = 10_000;
/// How long these counts are cached: one minute. Prometheus scrapes about as often.
pub const COUNTS_KEPT_MS: i64 = 60 * MS_PER_SECOND;
/// So many times longer as there are so many tokens, since counting takes as many times longer: 2 s for a
/// million.
pub const COUNTS_KEPT_LONGER_PER_TOKENS: u64 = 100_000;
/// Rows examined in one step for records that a retired key sealed: about 10 ms.
pub const RESEAL_STEP_MAX: u32 = 500;
/// While more KV writes than this are pending (ten batches), no further records are sealed again.
pub const RESEAL_BACKLOG_MAX: u64 = 500;
/// Calls per second that one Durable Object can serve: the platform's soft limit.
pub const REGISTRY_CALLS_PER_SECOND: u64 = 1_000;
/// A restore from a backup is shown as a warning for a week.
pub const RESTORED_WARNING_MS: i64 = 7 * SECONDS_PER_DAY * MS_PER_SECOND;
/// If KV does not answer at a start, it is asked again after this time.
pub const KV_CHECK_INTERVAL_MS: i64 = 5 * MS_PER_SECOND;
/// Tokens that retention deletes in one step.
pub const RETENTION_SWEEP_MAX: u32 = 500;
/// Buckets of the propagation histogram within the bound (3 s each at B = 60); one more is for arrivals
/// beyond it.
pub const PROPAGATION_PARTS: u32 = 20;
/// Tokens put into the list's index in one step: about 20 ms.
pub const LIST_INDEX_STEP_MAX: u32 = 500;
/// The list's index knows last uses by the hour.
pub const LIST_USE_STEP_MS: i64 = 3_600 * MS_PER_SECOND;
/// As many tokens are read and sorted for one page. Where more match, the list is read in its order.
pub const LIST_FEW_TOKENS: u64 = 5_000;
/// A list's total is counted up to here: about 20 ms.
pub const TOTAL_SHOWN_MAX: u64 = 10_000;
/// Rows read for a list's total where only they tell whether they are wanted: about 20 ms.
pub const TOTAL_EXAMINED_MAX: usize = 2_000;
