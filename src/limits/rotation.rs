//! Rotations and the daily sweep.

use super::time::{MS_PER_SECOND, SECONDS_PER_DAY};

/// Default `after_seconds` of a rotation: a week.
pub const ROTATE_AFTER_DEFAULT_SECONDS: i64 = 7 * SECONDS_PER_DAY;
/// Default `drain_seconds` of a rotation: a day. One visitor with the new page must not break every page that
/// a cache still holds.
pub const ROTATE_DRAIN_DEFAULT_SECONDS: i64 = SECONDS_PER_DAY;
/// A token used within the last day counts as in use: `supersede: original` needs `force` to end it.
pub const ORIGINAL_IN_USE_MS: i64 = SECONDS_PER_DAY * MS_PER_SECOND;
/// Planned ends carried out in one step: about 10 ms.
pub const PLANNED_ENDS_STEP_MAX: u32 = 100;
/// A held end (its successor does not work) is checked again after one hour.
pub const ROTATION_HELD_CHECK_MS: i64 = 3_600 * MS_PER_SECOND;
/// Shortest interval between two stored last uses of a token: five minutes. 10,000 tokens in constant use
/// then write 33 rows per second.
pub const LAST_USE_STORED_INTERVAL_MS: i64 = 300 * MS_PER_SECOND;
/// Most tokens of a family that are shown: a hundred rotations.
pub const FAMILY_TOKENS_SHOWN_MAX: u32 = 100;
/// Revoked tokens of a family that are always shown.
pub const FAMILY_REVOKED_SHOWN: usize = 3;
/// Tokens in one step of a bulk call: about 50 ms, during which the registry serves no other call.
pub const BULK_STEP_MAX: u32 = 100;
/// The registry rotates a family by itself at most once an hour (docs/lifecycle.md, "Automatic rotation").
pub const AUTO_ROTATE_INTERVAL_MS: i64 = 3_600 * MS_PER_SECOND;
/// Tokens that the registry rotates by itself in one step; each is one transaction of some milliseconds.
pub const AUTO_ROTATE_STEP_MAX: u32 = 20;
/// Tokens whose expiry `/metrics` lists one by one, unless `METRICS_TOKENS_MAX` says otherwise (docs/http.md,
/// "Status and metrics"): 100 kB of text.
pub const METRICS_TOKENS_DEFAULT: i64 = 1_000;
/// The highest value of `METRICS_TOKENS_MAX`: half a megabyte of text.
pub const METRICS_TOKENS_LIMIT: i64 = 5_000;
/// Interval between two notices of a held end: daily. It is 20 h, so that a sweep at the same time each day
/// is never too early.
pub const HELD_NOTICE_INTERVAL_MS: i64 = 20 * 3_600 * MS_PER_SECOND;
/// A predecessor counts as still used when it was used within the last week: a page may have visitors only at
/// weekends.
pub const STILL_USED_WITHIN_MS: i64 = 7 * SECONDS_PER_DAY * MS_PER_SECOND;
/// A notice is sent for a token that nobody has used for 90 days (docs/lifecycle.md, "Notices").
pub const UNUSED_NOTICE_MS: i64 = 90 * SECONDS_PER_DAY * MS_PER_SECOND;
/// Tokens that one step of the daily sweep examines: about 5 ms.
pub const SWEEP_STEP_MAX: u32 = 1_000;
/// A cron trigger within an hour of the last sweep is ignored as a repetition.
pub const SWEEP_AGAIN_MS: i64 = 3_600 * MS_PER_SECOND;
/// Without a cron trigger the registry begins a sweep by itself: a day after the last one, plus two hours for
/// cron to come first.
pub const SWEEP_OVERDUE_MS: i64 = 26 * 3_600 * MS_PER_SECOND;
/// Tokens in one step of a licence, or of an owner who is switched off: about 50 ms, as for a bulk call.
pub const LICENCE_STEP_MAX: u32 = 100;
