//! The tail of refusals.

use super::time::{MS_PER_SECOND, SECONDS_PER_DAY};

/// Characters kept of a refused request's path.
pub const REFUSED_PATH_MAX_CHARS: usize = 80;
/// A segment of a path that is longer may be a key, a token or somebody's id. Tokens have 40 characters and
/// more, UUIDs 36.
pub const REFUSED_SEGMENT_MAX_CHARS: usize = 24;
/// What is kept of such a segment.
pub const REFUSED_SEGMENT_SHOWN_CHARS: usize = 6;
/// Characters kept of a refused request's method. The longest standard one has 7.
pub const REFUSED_METHOD_MAX_CHARS: usize = 16;
/// Refusals of one token that an isolate holds until its next batch, those alike taken together.
pub const REFUSALS_OF_TOKEN_HELD_MAX: usize = 5;
/// Refusals without a token that an isolate holds until its next batch.
pub const REFUSALS_OF_NOBODY_HELD_MAX: usize = 10;
/// Refusals that an isolate holds per shard: 8 × 100 × about 300 bytes = 240 kB, and as much again in the
/// batches that are not acknowledged; 600 bytes each at the longest.
pub const REFUSALS_HELD_MAX: usize = 100;
/// Refusals of one token that a shard stores in a minute.
pub const REFUSALS_OF_TOKEN_STORED_MAX: u32 = 10;
/// Tokens of which a shard stores a refusal in a minute. Who wants to hide another token's refusals needs
/// as many tokens of the same shard.
pub const REFUSALS_TOKENS_STORED_MAX: usize = 500;
/// Refusals that a shard stores in a minute beyond the first of each token: together at most 1,000 rows, 17
/// a second, however many locations are flooded.
pub const REFUSALS_FURTHER_STORED_MAX: u32 = 500;
/// Refusals kept of one token, the newest.
pub const REFUSALS_OF_TOKEN_KEPT: u32 = 50;
/// Refusals without a token that a shard keeps, the newest.
pub const REFUSALS_OF_NOBODY_KEPT: u32 = 100;
/// Refusals that a shard keeps, counted once an hour: 20,000 × about 250 bytes = 5 MB, and before it is
/// counted at most 60,000 more.
pub const REFUSALS_KEPT: u32 = 20_000;
/// Refusals are shown for seven days: what broke on Friday evening is found on Monday. The rows are deleted
/// once a day.
pub const REFUSALS_KEPT_MS: i64 = 7 * SECONDS_PER_DAY * MS_PER_SECOND;
/// Refused sites of all tokens that are shown: as many as one shard keeps of a day.
pub const REFUSED_SITES_SHOWN: usize = 20;
/// An isolate may report this many pieces of news early, …
pub const QUICK_SENDS_MAX: i64 = 3;
/// … and one more each 100 s: beside a send in 30 s these are at most 3 in 10 more, also under attack.
pub const QUICK_SEND_EARNED_MS: i64 = 100 * MS_PER_SECOND;
/// Refused tokens that an isolate remembers until they are admitted, which is news: 4 bytes each. When there
/// are more it begins anew.
pub const REFUSED_TOKENS_HELD_MAX: usize = 256;
