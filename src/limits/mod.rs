//! Every limit of the product, with its unit in the name and the arithmetic in the comment, by subject.
//!
//! What it must not know: anything else. It imports nothing from this crate.
//! What a mistake costs: a limit that is too wide admits what must be refused, or lets an attacker use up our
//! memory. One that is too narrow refuses good requests.

mod admin_api;
mod bound;
mod distribution;
mod notices;
mod outbox;
mod push;
mod rate;
mod reach;
mod reads;
mod refusals;
mod registry;
mod request;
mod rotation;
mod time;
mod token;
mod usage;

pub use admin_api::*;
pub use bound::*;
pub use distribution::*;
pub use notices::*;
pub use outbox::*;
pub use push::*;
pub use rate::*;
pub use reach::*;
pub use reads::*;
pub use refusals::*;
pub use registry::*;
pub use request::*;
pub use rotation::*;
pub use time::*;
pub use token::*;
pub use usage::*;

// Even a token with the shortest life is requested again before it ends.
const _: () = assert!(REFRESH_MIN_SECONDS * REFRESHES_BEFORE_END <= TOKEN_LIFETIME_MIN_SECONDS);
const _: () = assert!(USAGE_WAIT_MAX_MS + (USAGE_SEND_TIMEOUT_MS as i64) < AFTER_ANSWER_MAX_MS);
// A report that is waited for is sent in the same time.
const _: () = assert!(REPORT_CHANGE_INTERVAL_MS + (REPORT_TIMEOUT_MS as i64) < AFTER_ANSWER_MAX_MS);
// So is a call that waited at the registry.
const _: () = assert!(PUSH_MAX_SECONDS * MS_PER_SECOND + PUSH_ANSWER_GRACE_MS < AFTER_ANSWER_MAX_MS);
// Before the registry answers, it may ask KV for a delta and a base, and usage shards for a family's uses.
const _: () = assert!(2 * KV_READ_TIMEOUT_MS < REGISTRY_READ_TIMEOUT_MS);
const _: () = assert!(2 * KV_READ_TIMEOUT_MS + USAGE_FRESH_TIMEOUT_MS < REGISTRY_WRITE_TIMEOUT_MS);
const _: () = assert!(NOTHING_KV_SECONDS > KV_EXPIRATION_MIN_SECONDS);
const _: () = assert!(REVOCATION_BOUND_MIN_SECONDS * MS_PER_SECOND > CLOCK_SKEW_MS * 2);
const _: () = assert!(WEBHOOK_LEASE_MS > WEBHOOK_TIMEOUT_MS as i64);
