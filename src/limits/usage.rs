//! Counts of usage, and anomalies in them.

use super::time::{MS_PER_SECOND, SECONDS_PER_DAY};
use super::token::RETENTION_DEFAULT_DAYS;

/// Usage objects. An isolate that counts tokens of every shard calls each shard once in
/// [`USAGE_SEND_INTERVAL_MS`]: 10,000 busy isolates make 333 calls per second to each, a third of what an
/// object can serve. More shards divide the work and the storage: of 10,000 tokens each has 1,250.
pub const USAGE_SHARDS: u32 = 8;
/// Consecutive serials that have the same shard. A deployment with fewer tokens uses one shard: each of its
/// isolates makes one call in [`USAGE_SEND_INTERVAL_MS`], not eight, and that shard gets no more than before.
pub const USAGE_SHARD_BLOCK_SERIALS: u32 = 256;
/// An isolate that is asked again and again sends a shard its counts this often.
pub const USAGE_SEND_INTERVAL_MS: i64 = 30 * MS_PER_SECOND;
/// After a pause, the first request's count waits this long for others to join it: a page makes several
/// requests.
pub const USAGE_GATHER_MS: i64 = 5 * MS_PER_SECOND;
/// The platform ends what runs after an answer at 30 s.
pub const AFTER_ANSWER_MAX_MS: i64 = 30 * MS_PER_SECOND;
/// A request waits no longer than this to send: 5 s are left for the send, and one to spare. So a request
/// just after a send cannot wait until the next is due, and sends up to 6 s early when none comes in the 18
/// s after that: 24 + 24 − 30.
pub const USAGE_WAIT_MAX_MS: i64 = 24 * MS_PER_SECOND;
/// Time limit for sending a report; then it is sent again under the same number.
pub const USAGE_SEND_TIMEOUT_MS: u32 = 5_000;
/// Time limit for a read from a shard. The operator who asked is still waiting then.
pub const USAGE_READ_TIMEOUT_MS: u32 = 4_000;
/// How long a rotation waits for the shards' latest uses of its family; then it relies on their earlier
/// reports.
pub const USAGE_FRESH_TIMEOUT_MS: u32 = 2_000;
/// A first use that is not acknowledged is reported again this often, also while the token rests
/// (docs/lifecycle.md, "First uses").
pub const FIRST_USE_REPEAT_MS: i64 = 10 * MS_PER_SECOND;
/// Tokens whose first use an isolate remembers: as many as one bulk rotation makes between two deployments.
pub const FIRST_USES_HELD_MAX: usize = 5_000;
/// Tokens that an isolate counts one by one per shard until it has sent them: about 300 bytes each, 8 × 640 ≈
/// 5,000 tokens, 1.5 MB. Requests with further tokens count only for the whole deployment.
pub const USAGE_TOKENS_HELD_MAX: usize = 640;
/// Origins that an isolate holds per shard: 8 × 2,500 × about 100 bytes = 2 MB; 7 MB at the longest, 350
/// bytes.
pub const USAGE_ORIGINS_HELD_MAX: usize = 2_500;
/// Origins kept per token and day, allowed and refused each.
pub const USAGE_ORIGINS_KEPT: usize = 20;
/// A batch that no shard accepted within 20 minutes is dropped, and its requests are counted as lost.
pub const USAGE_GIVEN_UP_MS: i64 = 1_200 * MS_PER_SECOND;
/// A batch counts for the minute in which it began, but for a time at most one hour ago. No genuine batch is
/// older.
pub const USAGE_BATCH_AGE_MAX_MS: i64 = 3_600 * MS_PER_SECOND;
/// How long a shard remembers an isolate's last batch number: two hours, six times as long as a batch is
/// resent.
pub const USAGE_REPORTERS_KEPT_MS: i64 = 7_200 * MS_PER_SECOND;
/// Shortest interval between two reports of a shard to the registry; first uses of watched tokens go at once
/// (docs/lifecycle.md, "First uses").
pub const USES_REPORT_INTERVAL_MS: i64 = 10 * MS_PER_SECOND;
/// A shard tells the registry at most this often that requests are counted, when it has no uses to report:
/// twice within the two minutes for which the heartbeat goes on, as isolates send counts every 30 s.
pub const TRAFFIC_REPORT_INTERVAL_MS: i64 = 30 * MS_PER_SECOND;
/// Uses in one such report: about 50 kB, and about 10 ms of the registry's time.
pub const USES_REPORTED_MAX: u32 = 500;
/// A last use is reported when it is ten minutes later than the one reported before: 10,000 tokens in
/// constant use then write 17 rows per second in the registry. The shard knows it to the second.
pub const LAST_USE_REPORT_INTERVAL_MS: i64 = 600 * MS_PER_SECOND;
/// First wait after the registry did not answer a shard, or a shard's storage failed; doubled after each
/// failure.
pub const USAGE_RETRY_MIN_MS: i64 = 2 * MS_PER_SECOND;
/// Back-off of a shard: at most 20 s.
pub const USAGE_RETRY_MAX_MS: i64 = 20 * MS_PER_SECOND;
/// Counts per minute are kept for at least two hours, then rolled up into hours.
pub const USAGE_MINUTES_KEPT_MS: i64 = 7_200 * MS_PER_SECOND;
/// Counts per hour are kept for at least 31 days, then rolled up into days.
pub const USAGE_HOURS_KEPT_MS: i64 = 31 * SECONDS_PER_DAY * MS_PER_SECOND;
/// Counts per day are kept as long as the registry keeps an ended token by default.
pub const USAGE_DAYS_KEPT_MS: i64 = RETENTION_DEFAULT_DAYS * SECONDS_PER_DAY * MS_PER_SECOND;
/// Origins per day are kept for 92 days: 40 origins of 60 bytes are 2.4 kB a day, fifty times the size of the
/// counts.
pub const USAGE_ORIGINS_KEPT_MS: i64 = 92 * SECONDS_PER_DAY * MS_PER_SECOND;
/// Rows that a shard rolls up in one transaction: about 50 ms.
pub const USAGE_WALK_STEP_MAX: u32 = 1_000;
/// An hour is a spike when it has more than five times the median of the hours before (docs/lifecycle.md,
/// "Anomalies"), …
pub const SPIKE_FACTOR: u64 = 5;
/// … and at least a thousand requests.
pub const SPIKE_MIN: u64 = 1_000;
/// Hours over which the median is taken: seven days.
pub const SPIKE_HISTORY_HOURS: i64 = 7 * 24;
/// A token with less than a day of use has no median to compare with.
pub const SPIKE_HISTORY_HOURS_MIN: usize = 24;
/// Refusals of one origin on one day that cause a notice. Fewer may be somebody experimenting.
pub const REFUSED_ORIGIN_NOTICE_MIN: u64 = 100;
/// Tokens examined for anomalies in one step: each reads about 200 rows (a day's; a week's if it is busy),
/// together about 50 ms.
pub const ANOMALY_STEP_MAX: u32 = 20;
/// Anomalies that a shard holds until the registry has accepted them. If there are more in an hour, the
/// rest are dropped.
pub const ANOMALIES_HELD_MAX: usize = 500;
/// Counts of metered tokens in one report of a shard, and changes of marks in its answer. For a token that
/// the shard did not meter, it first reads up to 900 rows, a month of hours: 100 such tokens take about 100
/// ms.
pub const METERS_TOLD_MAX: u32 = 100;
/// A metered token in use is told this often beside its marks, so that the API shows what is used: as often
/// as a last use.
pub const METER_TOLD_INTERVAL_MS: i64 = LAST_USE_REPORT_INTERVAL_MS;
/// Most requests that a quota may allow: a million million, far below 2^53.
pub const QUOTA_REQUESTS_MAX: i64 = 1_000_000_000_000;
/// Data points that one invocation writes to Analytics Engine. The documented limit was 25; later ones are
/// higher.
pub const ANALYTICS_POINTS_MAX: usize = 25;
