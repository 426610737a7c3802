//! Notices and webhooks.

use super::time::{MS_PER_SECOND, SECONDS_PER_DAY};

/// Most tokens in one notice (docs/lifecycle.md, "Notices"), so that a sweep or a bulk revocation does not
/// send 5,000 notices.
pub const NOTICE_TOKENS_MAX: u32 = 500;
/// Largest notice: half of the 2 MB that a Durable Object's SQLite allows in a row. At a typical 300 bytes
/// per token, 500 tokens are 150 kB. With the longest texts everywhere a token takes about 5 kB, so 200 fit.
pub const NOTICE_BYTES_MAX: usize = 1024 * 1024;
/// Events within ten seconds of the first of their kind go into one notice.
pub const NOTICE_COALESCE_MS: i64 = 10 * MS_PER_SECOND;
/// After a storage error no notice is made or sent for a minute. Lists are published meanwhile.
pub const ANNOUNCER_REST_MS: i64 = 60 * MS_PER_SECOND;
/// How long notices are kept: a quarter of a year.
pub const NOTICES_KEPT_MS: i64 = 90 * SECONDS_PER_DAY * MS_PER_SECOND;
/// Notices deleted in one step.
pub const NOTICES_FORGOTTEN_MAX: u32 = 100;
/// Default page size of the listing of notices.
pub const NOTICES_PAGE_LIMIT_DEFAULT: u32 = 20;
/// Most bytes on such a page, not counting its first item.
pub const NOTICES_PAGE_BYTES_MAX: u64 = 1024 * 1024;
/// Shortest `WEBHOOK_SECRET`: what the Standard Webhooks specification requires.
pub const WEBHOOK_SECRET_MIN_BYTES: usize = 24;
/// Longest `WEBHOOK_SECRET`: one block of SHA-256.
pub const WEBHOOK_SECRET_MAX_BYTES: usize = 64;
/// Time limit for a webhook; then the delivery counts as failed (docs/lifecycle.md, "Webhooks").
pub const WEBHOOK_TIMEOUT_MS: u32 = 10_000;
/// Bytes read of a receiver's response. A typical one ends within them, so that its connection can be reused.
pub const WEBHOOK_ANSWER_MAX_BYTES: u32 = 64 * 1024;
/// Lease of a webhook delivery: the time limit, and half of it for recording the outcome. Nobody else sends
/// it meanwhile.
pub const WEBHOOK_LEASE_MS: i64 = WEBHOOK_TIMEOUT_MS as i64 * 3 / 2;
/// First wait after a webhook failed; doubled after each failure. Up to half of the wait is added at random.
pub const WEBHOOK_BACKOFF_MIN_MS: i64 = 5 * MS_PER_SECOND;
/// Back-off before jitter: at most one hour.
pub const WEBHOOK_BACKOFF_MAX_MS: i64 = 3_600 * MS_PER_SECOND;
/// A webhook that still fails one day after its notice is given up, after about 30 tries.
pub const WEBHOOK_RETRIED_MS: i64 = SECONDS_PER_DAY * MS_PER_SECOND;
/// A webhook that is pending for over an hour causes a warning, …
pub const WEBHOOK_WARNING_MS: i64 = 3_600 * MS_PER_SECOND;
/// … and one that was given up causes a warning for a week.
pub const WEBHOOK_GIVEN_UP_WARNING_MS: i64 = 7 * SECONDS_PER_DAY * MS_PER_SECOND;
