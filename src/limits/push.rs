//! Calls of isolates that wait at the registry for a change.

use super::reads::REGISTRY_READ_TIMEOUT_MS;
use super::time::MS_PER_SECOND;

/// Default of `PUSH_SECONDS`: how long one request keeps calls to the registry open.
pub const PUSH_DEFAULT_SECONDS: i64 = 20;
/// Longest `PUSH_SECONDS`. The platform ends a request's background work 30 s after its response; a call
/// that waited for 25 s has 4 s more for its answer.
pub const PUSH_MAX_SECONDS: i64 = 25;
/// How much longer than its wait a call to the registry may take: as long as a read from it.
pub const PUSH_ANSWER_GRACE_MS: i64 = REGISTRY_READ_TIMEOUT_MS as i64;
/// A line with less time left makes no further call.
pub const LINE_REST_MIN_MS: i64 = MS_PER_SECOND;
/// The next line is opened when this one ends before the next but one request, judged by the time since the
/// last one; in a busy isolate two seconds before the end, …
pub const LINE_HANDOVER_MIN_MS: i64 = 2 * MS_PER_SECOND;
/// … and never earlier than this: an isolate with a request in ten seconds always has a line.
pub const LINE_HANDOVER_MAX_MS: i64 = 12 * MS_PER_SECOND;
/// In a busy isolate the last call of a line is answered this long before the next line is opened, so that it
/// brings a list. A way of 150 ms to the registry and back takes 300 ms.
pub const LINE_ANSWER_MARGIN_MS: i64 = MS_PER_SECOND / 2;
/// Rest after the first call that failed; doubled after each further failure.
pub const PUSH_BACKOFF_MIN_MS: i64 = MS_PER_SECOND;
/// Longest rest: 2,000 isolates then make about 150 calls a second to a registry that comes back.
pub const PUSH_BACKOFF_MAX_MS: i64 = 16 * MS_PER_SECOND;
/// An isolate without an open line is silent when it heard from the registry longer ago than this. With 2 s,
/// a request just after a line's end could be admitted 2 s after a revocation.
pub const SILENT_AFTER_MS: i64 = MS_PER_SECOND;
/// Default of `SILENT_WAIT_MS`: the longest way to the registry and back takes about 300 ms, and the call a
/// little more. Most take less than 150.
pub const SILENT_WAIT_DEFAULT_MS: i64 = 400;
/// Longest `SILENT_WAIT_MS` that may be set.
pub const SILENT_WAIT_MAX_MS: i64 = 2 * MS_PER_SECOND;
/// Most calls that the registry holds. At 20 s each, 2,000 make 100 calls a second.
pub const HELD_CALLS_MAX: usize = 2_000;
/// An isolate is answered once a second on average: a storm of edits costs no more than a call each second.
pub const ANSWER_INTERVAL_MS: i64 = MS_PER_SECOND;
/// It may use this much of its share ahead: two answers in quick succession. So a change does not wait when
/// it comes soon after another, or after an answer that only renewed the list.
pub const ANSWERS_AHEAD_MS: i64 = 2 * ANSWER_INTERVAL_MS;
/// When an isolate beyond the most calls is to come again.
pub const HELD_FULL_AGAIN_MS: u32 = 5_000;
/// How much too early a timer may end.
pub const TIMER_EARLY_MAX_MS: u32 = 5;
/// Calls that are answered in one turn after a change. Between two turns the object serves others.
pub const WAKE_BATCH_MAX: usize = 50;
/// Most relays for each of Cloudflare's nine location hints: 20 serve 40,000 busy isolates of one hint.
pub const RELAYS_MAX: i64 = 20;
/// Relays serve from this bound on. The isolate's own clock, which may differ by 2 s, tells the age of a
/// relay's list. At B = 15, L = 13 s, a list is at most 4.3 s (wait) + 1 s (remade) + 1 s (relay) + 2 s =
/// 8.3 s old when the next one comes, and an isolate looks for one by itself at 3L/4 = 9.75 s.
pub const RELAY_BOUND_MIN_SECONDS: i64 = 15;
/// A relay answers with a list that the registry gave at most so long ago.
pub const RELAY_FRESH_MS: i64 = MS_PER_SECOND;
/// When a relay's question to the registry counts as failed. It asks twice before it refuses, and an
/// isolate waits for [`PUSH_ANSWER_GRACE_MS`].
pub const RELAY_ASK_TIMEOUT_MS: u32 = 1_600;
/// How long a relay holds a call for which it asks the registry.
pub const RELAY_ASKS_FOR_MS: u32 = 3_500;
/// A relay tells the registry what isolates reported at most once in this time, …
pub const RELAY_REPORT_MIN_MS: i64 = MS_PER_SECOND;
/// … and of a location without news this often: several times before it counts as not heard from.
pub const RELAY_REPORT_MAX_MS: i64 = 15 * MS_PER_SECOND;
/// Most isolates of which a relay keeps a report, twice as many as it holds calls of.
pub const RELAY_ISOLATES_MAX: usize = 2 * HELD_CALLS_MAX;
/// About how many of a location's isolates tell how long a change took, for each report of a relay.
pub const RELAY_SAMPLES: u64 = 50;
/// Calls to a relay that may fail before an isolate asks the registry itself, …
pub const RELAY_FAILURES_MAX: u32 = 2;
/// … and for how long it does.
pub const RELAY_AVOIDED_MS: i64 = 60 * MS_PER_SECOND;
/// Behind a relay an isolate compares its clock with the registry's at its first call, and then this often:
/// 20,000 isolates make 67 such calls a second.
pub const CLOCK_COMPARED_EVERY_MS: i64 = 300 * MS_PER_SECOND;
