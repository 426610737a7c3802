//! How a location reads lists and records, and what an isolate keeps.

use super::time::MS_PER_SECOND;

/// `cacheTtl` of KV reads of the list: the platform's minimum since 2026-01-30.
pub const LIST_KV_CACHE_TTL_SECONDS: u32 = 30;
/// `cacheTtl` of KV reads of a base. A base never changes, but KV also caches its absence. So a read that
/// finds none is followed by one with the shortest `cacheTtl`.
pub const BASE_KV_CACHE_TTL_SECONDS: u32 = 300;
/// `cacheTtl` of KV reads of a record: one day. The key names the version, so the value never changes. A read
/// that finds none is followed by one with the shortest `cacheTtl`.
pub const RECORD_KV_CACHE_TTL_SECONDS: u32 = 86_400;
/// KV refuses an expiry that is less than 60 s ahead.
pub const KV_EXPIRATION_MIN_SECONDS: i64 = 60;
/// Time limit for a read from KV; then the next source is asked.
pub const KV_READ_TIMEOUT_MS: u32 = 1_000;
/// Time limit for a read from the registry. The caller is still waiting then and gets a 503.
pub const REGISTRY_READ_TIMEOUT_MS: u32 = 4_000;
/// Time limit for an admin call; then the response is `registry_unavailable`. Whether the call was carried
/// out is unknown; a retry with the same idempotency key finds out. Well below the 30 s after which many
/// clients give up.
pub const REGISTRY_WRITE_TIMEOUT_MS: u32 = 15_000;
/// Time limit for a write to KV; then it counts as failed and is retried.
pub const KV_WRITE_TIMEOUT_MS: u32 = 10_000;
/// Lease per read of the list: the registry's time limit plus 500 ms.
pub const LIST_LEASE_MS: i64 = REGISTRY_READ_TIMEOUT_MS as i64 + 500;
/// Time limit for a read from or write to the location's cache, which is on the same machine or the next one.
pub const LOCATION_CACHE_TIMEOUT_MS: u32 = 250;
/// Time limit for a report to the registry. No request waits for it.
pub const REPORT_TIMEOUT_MS: u32 = 5_000;
/// Shortest interval between two reports of the list held, per isolate: one minute. 10,000 busy isolates
/// without a location cache then make 167 calls per second, a sixth of what the registry can serve.
pub const REPORT_INTERVAL_MS: i64 = 60 * MS_PER_SECOND;
/// The interval after a change is shorter, so that an operator who watches a probe sees the result.
pub const REPORT_CHANGE_INTERVAL_MS: i64 = 5 * MS_PER_SECOND;
/// Most changes in one report. If more arrive within 5 s, the next report carries them.
pub const REPORT_TOOK_MAX: usize = 8;
/// Longest pause after a refresh that found nothing (shorter where L is short).
pub const LIST_RETRY_MS: i64 = MS_PER_SECOND;
/// How often a request that waits for another request's refresh checks memory.
pub const LIST_WAIT_POLL_MS: u32 = 20;
/// Sealed bytes of the records that one isolate keeps. A decoded record takes about three times as much:
/// about 24 MB of 128 MB. At a typical 400 bytes these are 20,000 records.
pub const RECORDS_HELD_MAX_BYTES: usize = 8 * 1024 * 1024;
