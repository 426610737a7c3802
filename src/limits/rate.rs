//! Rate classes.

use std::num::NonZeroUsize;

/// Most rate classes of a deployment: an operator picks one by name.
pub const RATE_CLASSES_MAX: usize = 20;
/// Longest name of a rate class: a binding is named after it.
pub const RATE_CLASS_NAME_MAX_CHARS: usize = 32;
/// Largest number of requests in a limit: 100,000 per second over a period of 10 s, more than any token
/// receives.
pub const RATE_REQUESTS_MAX: u32 = 1_000_000;
/// Keys for which one isolate counts requests: 20,000 × about 200 bytes = 4 MB. (A zero would not compile.)
pub const RATE_COUNTS_HELD_MAX: NonZeroUsize = NonZeroUsize::new(20_000).unwrap();
/// Time limit for a rate limiter. After it the request counts as within the limit. Cloudflare's limiter
/// answers without using the network.
pub const RATE_LIMITER_TIMEOUT_MS: u32 = 250;
/// So many requests of an isolate that all lack an address are no stray callers: the header does not arrive.
pub const ADDRESSES_MISSING_FROM_REQUESTS: u32 = 20;
