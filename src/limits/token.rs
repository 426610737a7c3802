//! Tokens: how long they live, and how large their settings are.

use super::time::SECONDS_PER_DAY;

/// Shortest life of a token: a shorter one would end before the page that carries it is read.
pub const TOKEN_LIFETIME_MIN_SECONDS: i64 = 60;
/// Default life of a token: one year.
pub const TOKEN_LIFETIME_DEFAULT_SECONDS: i64 = 365 * SECONDS_PER_DAY;
/// Default of `MAX_TOKEN_LIFETIME`: two years.
pub const MAX_TOKEN_LIFETIME_DEFAULT_SECONDS: i64 = 2 * 365 * SECONDS_PER_DAY;
/// Largest `MAX_TOKEN_LIFETIME`: twenty years (20 × 365.25 days).
pub const MAX_TOKEN_LIFETIME_MAX_SECONDS: i64 = 7_305 * SECONDS_PER_DAY;
/// Default of `RETENTION_DAYS`, in days.
pub const RETENTION_DEFAULT_DAYS: i64 = 400;
/// Most origin rules of one token.
pub const ORIGIN_RULES_MAX: usize = 50;
/// Longest origin rule as typed: a DNS name has at most 253 characters; scheme and port come on top.
pub const ORIGIN_RULE_MAX_CHARS: usize = 320;
/// Most audiences of one token.
pub const AUDIENCES_MAX: usize = 20;
/// Longest label, owner, external id or reason.
pub const TEXT_MAX_CHARS: usize = 200;
/// Longest `metadata` as JSON text. It is meant for people to read, not as a data store.
pub const METADATA_MAX_BYTES: usize = 4_096;
/// Longest audience: it travels in a header of each request.
pub const AUDIENCE_MAX_CHARS: usize = 64;
/// Responses carry `Sunset` and `Deprecation` when `expires_at` is within 30 days and there is no successor.
pub const EXPIRY_NOTICE_SECONDS: i64 = 30 * SECONDS_PER_DAY;
/// Most paths in the scope of one token or route: a prefix stands for many.
pub const SCOPE_PATHS_MAX: usize = 50;
/// Longest path in a scope, its `/*` included.
pub const SCOPE_PATH_MAX_CHARS: usize = 256;
/// Longest `claims` as canonical JSON. In base64url they are a header of 1,366 characters on each request.
pub const CLAIMS_MAX_BYTES: usize = 1_024;
