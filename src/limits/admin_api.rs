//! The admin API, console sessions included.

use super::reads::REGISTRY_WRITE_TIMEOUT_MS;
use super::time::{MS_PER_SECOND, SECONDS_PER_DAY};
use super::usage::USAGE_READ_TIMEOUT_MS;

/// Longest `Idempotency-Key`; a UUID has 36 characters.
pub const IDEMPOTENCY_KEY_MAX_CHARS: usize = 200;
/// How long idempotency keys are kept (docs/http.md, "Idempotency").
pub const IDEMPOTENCY_RETENTION_SECONDS: i64 = 7 * SECONDS_PER_DAY;
/// Largest body of an admin request: 50 rules of 320 characters, 50 paths of 256, 4 KiB of metadata and 1 KiB
/// of claims are 33 KiB; about twice that.
pub const ADMIN_BODY_MAX_BYTES: usize = 64 * 1024;
/// Longest text in which `POST /tokens/lookup` looks for a token: an address with one in its query.
pub const LOOKUP_MAX_BYTES: usize = 4 * 1024;
/// Default page size of a listing.
pub const PAGE_LIMIT_DEFAULT: u32 = 50;
/// Largest page size of a listing.
pub const PAGE_LIMIT_MAX: u32 = 500;
/// Most events that one page of a filtered audit log reads: some 10 ms, however long the log is.
pub const EVENTS_SEARCHED_MAX: i64 = 50_000;
/// Default life of an admin key: 90 days.
pub const ADMIN_KEY_LIFETIME_DEFAULT_SECONDS: i64 = 90 * SECONDS_PER_DAY;
/// Longest life of an admin key: one year.
pub const ADMIN_KEY_LIFETIME_MAX_SECONDS: i64 = 365 * SECONDS_PER_DAY;
/// `last_used_at` of an admin key is written at most once a minute; one write per call would cost more than
/// it is worth.
pub const ADMIN_KEY_USE_INTERVAL_MS: i64 = 60 * MS_PER_SECOND;
/// Longest console session: 12 hours, one working day.
pub const SESSION_MAX_MS: i64 = 12 * 3_600 * MS_PER_SECOND;
/// A console session ends after one hour without a call.
pub const SESSION_IDLE_MS: i64 = 3_600 * MS_PER_SECOND;
/// The last use of a session is written at most once a minute, as for admin keys.
pub const SESSION_USE_INTERVAL_MS: i64 = 60 * MS_PER_SECOND;
/// Most sessions of one admin key at a time: a few people with a few browsers each. A new one replaces the
/// oldest.
pub const SESSIONS_PER_KEY_MAX: u32 = 20;
/// Delay of the response to a wrong key at sign-in. A person hardly notices; a guesser gets one answer per
/// second and connection. Guessing 192 bits is hopeless anyway; the delay keeps it from being cheap.
pub const WRONG_KEY_DELAY_MS: u32 = 1_000;
/// An admin call is answered after this long at the latest: the registry, then usage shards, or the delay
/// after a wrong key. (How long a caller takes to send its body is the caller's own affair.)
pub const ADMIN_ANSWER_MAX_MS: u32 = REGISTRY_WRITE_TIMEOUT_MS + USAGE_READ_TIMEOUT_MS + WRONG_KEY_DELAY_MS;
/// The console waits this long for an answer: the Worker's own longest, and 5 s for the way there and back.
/// One that gave up sooner would say "no answer" where the Worker was about to say what happened.
/// `www/api.js` has the number too; a test compares.
pub const CONSOLE_WAIT_MS: u32 = ADMIN_ANSWER_MAX_MS + 5_000;
/// Tokens that a bulk call may name one by one: 14 kB of its body.
pub const FILTER_IDS_MAX: usize = 1_000;
