//! What a location does about sources that do not answer: KV and the registry.

use super::bound::REVOCATION_BOUND_MIN_SECONDS;
use super::reads::{KV_READ_TIMEOUT_MS, REGISTRY_READ_TIMEOUT_MS};
use super::time::MS_PER_SECOND;

/// Rest after the first call that a source did not answer; doubled after each further one. An isolate then
/// has two more tries within the 3 s for which a list lives at B = 5.
pub const SOURCE_REST_MIN_MS: i64 = 250;
/// Longest rest of the registry, jitter included. 2,000 isolates then make some 150 calls a second to a
/// registry that comes back. It can serve 1,000.
pub const REGISTRY_REST_MAX_MS: i64 = 16 * MS_PER_SECOND;
/// Longest rest of the registry for each second of B, so that its return is noticed sooner where a list ends
/// sooner: 4 s at B = 5, 8 s at B = 10, 16 s from B = 20 on. At 4 s, 2,000 isolates make some 600 calls a
/// second.
pub const REGISTRY_REST_MS_PER_SECOND_OF_BOUND: i64 = 800;
/// Longest rest of KV, jitter included. KV bears any number of reads, so this is short.
pub const KV_REST_MAX_MS: i64 = 4 * MS_PER_SECOND;
/// How long after a rest, or after a look for a list that found none, an isolate relies on what it knows, and
/// lets no request wait for a new trial. After that the next request waits for one.
pub const SOURCE_KNOWN_MS: i64 = 10 * MS_PER_SECOND;
/// A trial whose end nobody tells, because its request is gone, is over after this: its time limit and 500
/// ms.
pub const REGISTRY_TRIAL_MS: i64 = REGISTRY_READ_TIMEOUT_MS as i64 + 500;
/// The same for KV.
pub const KV_TRIAL_MS: i64 = KV_READ_TIMEOUT_MS as i64 + 500;
/// A look-up that KV has not answered by then asks the registry too. KV answers from its cache within some
/// 10 ms, and mostly within 200 ms otherwise.
pub const HEDGE_AFTER_MS: i64 = 200;
/// Most look-ups of an isolate that ask the registry too, at once …
pub const HEDGES_MAX: u32 = 4;
/// … and one more after each of these. So 2,000 isolates whose KV is slow make 400 calls a second for it.
pub const HEDGE_REFILL_MS: i64 = 5 * MS_PER_SECOND;
/// Time limit for KV while a request waits for a list and the registry can be asked as well. With the
/// location's cache and the registry a request waits for 4.6 s at most.
pub const KV_AWAITED_TIMEOUT_MS: u32 = 300;
/// The least time that a look-up gives the registry, however long its request has waited already.
pub const REGISTRY_READ_TIMEOUT_MIN_MS: i64 = 500;
/// Shortest `cacheTtl` of KV. A read with it does not get a copy that is older, and replaces it.
pub const KV_CACHE_TTL_MIN_SECONDS: u32 = 30;

const _: () = {
    // A trial and the longest rest fit into what an isolate relies on after a look that found no list.
    assert!(REGISTRY_TRIAL_MS < SOURCE_KNOWN_MS && KV_TRIAL_MS < KV_REST_MAX_MS);
    assert!(REVOCATION_BOUND_MIN_SECONDS * REGISTRY_REST_MS_PER_SECOND_OF_BOUND <= REGISTRY_REST_MAX_MS);
    assert!(HEDGE_AFTER_MS < KV_READ_TIMEOUT_MS as i64);
};
