//! The token of a family, as pages get it.

use super::time::{MS_PER_SECOND, SECONDS_PER_DAY};

/// How long a page may keep `client.js` before it revalidates it: a fix reaches every page within an hour.
pub const CLIENT_MAX_AGE_SECONDS: u32 = 3_600;
/// Longest wait before a page asks again for its family's token: one hour. By default a rotation keeps the
/// old token for a day after the new one's first use (`drain_seconds`), 24 times as long. A million open
/// pages make 278 requests per second, nearly all answered from KV's cache.
pub const REFRESH_MAX_SECONDS: i64 = 3_600;
/// A page asks four times before its token ends, so that three attempts may fail.
pub const REFRESHES_BEFORE_END: i64 = 4;
/// Longest wait while a rotation is under way: five minutes. Within it a page drops a successor that turned
/// out bad, and a page that received the predecessor from a stale copy receives the successor.
pub const REFRESH_ROTATING_SECONDS: i64 = 300;
/// Shortest wait, however near the end is. A token that lives one minute is still requested four times in it.
pub const REFRESH_MIN_SECONDS: i64 = 5;
/// `cacheTtl` of KV reads of `family/<id>`: the platform's minimum. A stale copy that names a token refused
/// by now costs one call to the registry, not an error.
pub const FAMILY_KV_CACHE_TTL_SECONDS: u32 = 30;
/// A KV key to be forgotten is overwritten with an empty value that expires after one hour. By then every
/// location that had cached the old value has read again.
pub const NOTHING_KV_SECONDS: i64 = 3_600;
/// How long an isolate keeps the registry's answer about a family. Old pages keep asking for a family that
/// was switched off; that costs one call per isolate in ten seconds.
pub const FAMILY_HELD_MS: i64 = 10 * MS_PER_SECOND;
/// Families for which an isolate keeps the registry's answer: about 100 bytes each.
pub const FAMILIES_HELD_MAX: usize = 1_000;
/// The same job's or page's fetch of the same token is noted at most once in ten minutes.
pub const FETCH_INTERVAL_MS: i64 = 600 * MS_PER_SECOND;
/// A job or page that has fetched nothing for 30 days is no longer waited for.
pub const CONSUMER_FORGOTTEN_MS: i64 = 30 * SECONDS_PER_DAY * MS_PER_SECOND;
/// Admin keys, and origins of pages, kept for a family: the latest 20 of each.
pub const FETCHES_OF_FAMILY_MAX: u32 = 20;
/// A successor that a consumer has not fetched after two days causes a notice.
pub const UNFETCHED_NOTICE_MS: i64 = 2 * SECONDS_PER_DAY * MS_PER_SECOND;
/// An end that moves by less is the same one in notices: a first use that is told late moves it by seconds.
pub const SAME_END_MS: i64 = 3_600 * MS_PER_SECOND;
/// Families and origins whose last fetch an isolate remembers: about 150 bytes each.
pub const PAGE_FETCHES_HELD_MAX: usize = 5_000;
/// Most fetches in one call to the registry: about 150 bytes each.
pub const PAGE_FETCHES_SENT_MAX: usize = 100;
/// How long an isolate gathers fetches before it tells the registry.
pub const PAGE_FETCHES_GATHER_MS: u32 = 5_000;
/// A request that is to tell them is taken for cancelled after this time: the platform allows 30 s.
pub const PAGE_FETCHES_SENDER_MS: i64 = 30 * MS_PER_SECOND;
