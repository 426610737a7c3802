//! Every bound of the product, each with its unit in the name and its arithmetic beside it.
//!
//! What it must not know: anything else; it imports nothing of ours.
//! What a mistake costs: a bound too wide admits what should be refused or lets a stranger spend our memory; a bound
//! too narrow refuses good requests.

use std::num::NonZeroUsize;

/// Milliseconds in a second.
pub const MS_PER_SECOND: i64 = 1_000;
/// Seconds in a day.
pub const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// Every clock is assumed within 1 s of true time, so two of them differ by at most 2 s (DESIGN section 5).
pub const CLOCK_SKEW_MS: i64 = 2 * MS_PER_SECOND;

/// The revocation bound B when the operator says nothing.
pub const REVOCATION_BOUND_DEFAULT_SECONDS: i64 = 60;
/// Below this, clock skew (2 s) and one refresh would eat the whole bound.
pub const REVOCATION_BOUND_MIN_SECONDS: i64 = 5;
/// Above this, "withdrawn" would no longer mean anything to the person who withdrew.
pub const REVOCATION_BOUND_MAX_SECONDS: i64 = 300;

/// A token lives at least this long: shorter lives end before the page that carries them is read.
pub const TOKEN_LIFETIME_MIN_SECONDS: i64 = 60;
/// Life of a token when the request names none: one year.
pub const TOKEN_LIFETIME_DEFAULT_SECONDS: i64 = 365 * SECONDS_PER_DAY;
/// `MAX_TOKEN_LIFETIME` when the operator says nothing: two years.
pub const MAX_TOKEN_LIFETIME_DEFAULT_SECONDS: i64 = 2 * 365 * SECONDS_PER_DAY;
/// `MAX_TOKEN_LIFETIME` at most: twenty years (20 × 365.25 days).
pub const MAX_TOKEN_LIFETIME_MAX_SECONDS: i64 = 7_305 * SECONDS_PER_DAY;

/// `RETENTION_DAYS` when the operator says nothing.
pub const RETENTION_DEFAULT_DAYS: i64 = 400;

/// Origin rules of one token, at most.
pub const ORIGIN_RULES_MAX: usize = 50;
/// Characters of one origin rule as typed: a DNS name is at most 253, plus scheme and port.
pub const ORIGIN_RULE_MAX_CHARS: usize = 320;
/// Audiences of one token, at most.
pub const AUDIENCES_MAX: usize = 20;
/// Characters of a label, owner, external id or reason.
pub const TEXT_MAX_CHARS: usize = 200;
/// Bytes of `metadata` as JSON text: it is shown to people, not a store.
pub const METADATA_MAX_BYTES: usize = 4_096;
/// Characters of an `Idempotency-Key`: a UUID is 36.
pub const IDEMPOTENCY_KEY_MAX_CHARS: usize = 200;
/// Idempotency keys are kept this long (DESIGN section 7).
pub const IDEMPOTENCY_RETENTION_SECONDS: i64 = 7 * SECONDS_PER_DAY;

/// An admin request body, at most: 50 rules of 320 characters and 4 KiB of metadata are 20 KiB; thrice that.
pub const ADMIN_BODY_MAX_BYTES: usize = 64 * 1024;
/// Items on one page when the caller says nothing.
pub const PAGE_LIMIT_DEFAULT: u32 = 50;
/// Items on one page, at most.
pub const PAGE_LIMIT_MAX: u32 = 500;

/// A credential longer than this is not looked at: a token is 40 characters, an admin key 54.
pub const CREDENTIAL_MAX_CHARS: usize = 256;

/// Seconds to the first byte of an upstream's answer when the route says nothing.
pub const UPSTREAM_TIMEOUT_DEFAULT_SECONDS: u32 = 30;

/// `timeout_seconds` of a route: below a second no network is reliable.
pub const UPSTREAM_TIMEOUT_MIN_SECONDS: u32 = 1;
/// `timeout_seconds` of a route, at most: five minutes; browsers and proxies give up before.
pub const UPSTREAM_TIMEOUT_MAX_SECONDS: u32 = 300;
/// Routes of a deployment, at most: they are searched one by one for each request.
pub const ROUTES_MAX: usize = 100;
/// Characters of an audience: it travels in a header with each request.
pub const AUDIENCE_MAX_CHARS: usize = 64;
/// Times that a path is percent-decoded before it is refused: proxies in a row that each decode once are rarely three.
pub const PATH_DECODE_ROUNDS_MAX: u32 = 4;

/// Rate classes of a deployment, at most: an operator chooses among them by name.
pub const RATE_CLASSES_MAX: usize = 20;
/// Characters of a rate class's name: a binding is named after it.
pub const RATE_CLASS_NAME_MAX_CHARS: usize = 32;
/// Requests that a limit can name: 100,000 a second in a period of 10 s, more than any token gets.
pub const RATE_REQUESTS_MAX: u32 = 1_000_000;
/// Keys of which an isolate counts requests: of some 200 bytes each, 4 MB. (A zero would not compile.)
pub const RATE_COUNTS_HELD_MAX: NonZeroUsize = NonZeroUsize::new(20_000).unwrap();
/// A rate limiter that takes longer is not waited for, and the request counts as within: Cloudflare's answers without the network.
pub const RATE_LIMITER_TIMEOUT_MS: u32 = 250;

/// Seconds a browser may remember a preflight; Chromium caps it at 7,200 (DESIGN section 6).
pub const PREFLIGHT_MAX_AGE_SECONDS: u32 = 7_200;
/// A page may keep `client.js` for an hour before it asks whether it changed: a fault mended in it is mended everywhere by then.
pub const CLIENT_MAX_AGE_SECONDS: u32 = 3_600;
/// A page asks again for its family's token within an hour. A rotation leaves the old one a day after the new one's first use
/// (`drain_seconds`): 24 times that. A million open pages are 278 requests a second, nearly all answered from KV's copies.
pub const REFRESH_MAX_SECONDS: i64 = 3_600;
/// … and four times before what it has ends, so that three may fail.
pub const REFRESHES_BEFORE_END: i64 = 4;
/// While a rotation is under way it asks every five minutes: a successor that proves bad is given up by then, and a page that
/// was given the predecessor from an old copy has the successor.
pub const REFRESH_ROTATING_SECONDS: i64 = 300;
/// However near the end is, not more often than this: a token that lives a minute is then asked for four times in it.
pub const REFRESH_MIN_SECONDS: i64 = 5;
/// `cacheTtl` of KV reads of `family/<id>`: the platform's minimum. A copy that names a token which is refused by now costs a
/// call, not an error.
pub const FAMILY_KV_CACHE_TTL_SECONDS: u32 = 30;
/// What KV is to forget is written over by nothing at all, for an hour: locations that have cached it have asked again by then.
pub const NOTHING_KV_SECONDS: i64 = 3_600;
/// An isolate keeps what the registry said of a family for so long: a family that is switched off, but asked for by every
/// page that still names it, costs a call in ten seconds for each isolate.
pub const FAMILY_HELD_MS: i64 = 10 * MS_PER_SECOND;
/// Families of which an isolate keeps the registry's answer: some 100 bytes each.
pub const FAMILIES_HELD_MAX: usize = 1_000;
/// An `expires_at` within this of now, and no successor, is announced by `Sunset` and `Deprecation`.
pub const EXPIRY_NOTICE_SECONDS: i64 = 30 * SECONDS_PER_DAY;

/// `cacheTtl` of KV reads of the list: the platform's minimum since 2026-01-30.
pub const LIST_KV_CACHE_TTL_SECONDS: u32 = 30;
/// `cacheTtl` of KV reads of a base. It never changes, but "there is none" does: a location that gets a list from the
/// registry may ask KV before KV has its base, and each of its isolates would fetch the base from the registry for so long.
pub const BASE_KV_CACHE_TTL_SECONDS: u32 = 300;
/// `cacheTtl` of KV reads of a record: a record's key names its version and never changes, so a day is safe.
pub const RECORD_KV_CACHE_TTL_SECONDS: u32 = 86_400;
/// KV refuses an expiry nearer than 60 s.
pub const KV_EXPIRATION_MIN_SECONDS: i64 = 60;
/// A read of KV that takes longer is given up and the next source asked.
pub const KV_READ_TIMEOUT_MS: u32 = 1_000;
/// A read of the registry that takes longer is given up: the caller gets 503 while it still waits.
pub const REGISTRY_READ_TIMEOUT_MS: u32 = 4_000;
/// An admin call that takes longer is answered `registry_unavailable`; whether it was carried out is then not known, and a
/// retry with the same idempotency key finds out. Well below the 30 s after which many clients give up.
pub const REGISTRY_WRITE_TIMEOUT_MS: u32 = 15_000;
/// A write to KV that takes longer counts as failed and is tried again.
pub const KV_WRITE_TIMEOUT_MS: u32 = 10_000;
/// A refresh of the list holds its lease this long for each of its reads: that of the registry, the longest, and half a
/// second for the rest.
pub const LIST_LEASE_MS: i64 = REGISTRY_READ_TIMEOUT_MS as i64 + 500;
/// A read of the location's cache, or a write to it, that takes longer is given up: it is the same machine or the next.
pub const LOCATION_CACHE_TIMEOUT_MS: u32 = 250;
/// A report to the registry that takes longer is given up; nobody waits for it.
pub const REPORT_TIMEOUT_MS: u32 = 5_000;
/// An isolate tells the registry which list it holds at most once a minute: 10,000 busy isolates without a cache of their
/// location are then 167 calls a second, a sixth of what the registry carries.
pub const REPORT_INTERVAL_MS: i64 = 60 * MS_PER_SECOND;
/// After a change it tells sooner, so that a probe is answered while somebody watches.
pub const REPORT_CHANGE_INTERVAL_MS: i64 = 5 * MS_PER_SECOND;
/// Changes in one report; more of them in 5 s are told by the next.
pub const REPORT_TOOK_MAX: usize = 8;
/// After a refresh that found nothing, the sources are left alone for at most about this long (less where L is short).
pub const LIST_RETRY_MS: i64 = MS_PER_SECOND;
/// A request that waits for another's refresh looks at memory again this often.
pub const LIST_WAIT_POLL_MS: u32 = 20;
/// Sealed bytes of records that one isolate keeps: a decoded record takes about thrice as much, so ≈ 24 MB of 128 MB.
/// At a usual 400 bytes that is 20,000 records.
pub const RECORDS_HELD_MAX_BYTES: usize = 8 * 1024 * 1024;

/// KV's copy of the list is written anew this often while there is traffic. With `cacheTtl` 30 a location then reads a
/// copy at most 40 s old, little above 2L/3 = 38 s: one source is nearly always enough.
pub const HEARTBEAT_DEFAULT_SECONDS: i64 = 10;
/// A heartbeat slower than a minute would leave KV's copy older than L = 58 s.
pub const HEARTBEAT_MAX_SECONDS: i64 = 60;
/// The heartbeat goes on for so long after the last sign of traffic: ten minutes.
pub const TRAFFIC_LASTS_MS: i64 = 600 * MS_PER_SECOND;
/// That there is traffic is stored at most once a minute: a row written each.
pub const TRAFFIC_STORED_INTERVAL_MS: i64 = 60 * MS_PER_SECOND;
/// Changes since the newest base at which a new one is made. A delta names at most about twice as many, some 6 bytes
/// each: 24 kB, read every few seconds; a base of 2 MB is then read once in 2,000 changes.
pub const FOLD_AT_CHANGES: usize = 2_000;
/// The base before the newest goes on being completed for this long at least, and two bounds: a location that lacks the
/// newest is right meanwhile.
pub const BASE_OVERLAP_MIN_MS: i64 = 120 * MS_PER_SECOND;
/// … and no longer than an hour when KV does not take the newest: locations then get it from the registry.
pub const BASE_OVERLAP_MAX_MS: i64 = 3_600 * MS_PER_SECOND;
/// A Durable Object's SQLite takes 2 MB in a row; half of it.
pub const BASE_CHUNK_BYTES: usize = 1024 * 1024;
/// A base that is no longer completed leaves KV an hour later.
pub const BASE_KV_MARGIN_SECONDS: i64 = 3_600;
/// Serials that a restored registry skips: far more tokens than are issued between a backup and the loss, yet 2^32 of
/// them are enough for 4,096 restores.
pub const RESTORE_SKIPPED_SERIALS: u32 = 1 << 20;
/// Samples of propagation that the registry keeps, and changes that it waits to hear of.
pub const PROPAGATION_SAMPLES_MAX: usize = 1_024;
/// Locations whose list the registry remembers: Cloudflare has about 330.
pub const LOCATIONS_MAX: usize = 1_000;
/// A location that has not told for an hour is not shown: it was told of every minute while it was used.
pub const LOCATION_SHOWN_MS: i64 = 3_600 * MS_PER_SECOND;
/// Which signing keys a location has is stored when it changes, and else once in ten minutes: 330 busy locations write
/// 48,000 rows a day.
pub const KEYS_STORED_INTERVAL_MS: i64 = 600 * MS_PER_SECOND;
/// With so many tokens, counting them by state walks through more rows than a call should: some 10 ms.
pub const COUNTS_KEPT_FROM_TOKENS: u64 = 10_000;
/// … and the counts are kept for a minute: Prometheus asks about as often.
pub const COUNTS_KEPT_MS: i64 = 60 * MS_PER_SECOND;
/// Rows looked at in one go for records that a retired key sealed: some 10 ms.
pub const RESEAL_STEP_MAX: u32 = 500;
/// With more writes owed to KV than this, no further records get a new seal: ten batches.
pub const RESEAL_BACKLOG_MAX: u64 = 500;
/// Calls a second that one Durable Object carries: the platform's soft limit.
pub const REGISTRY_CALLS_PER_SECOND: u64 = 1_000;
/// That the storage was put back from a backup is a warning for a week.
pub const RESTORED_WARNING_MS: i64 = 7 * SECONDS_PER_DAY * MS_PER_SECOND;
/// After KV did not answer at a start, it is asked again this much later.
pub const KV_CHECK_INTERVAL_MS: i64 = 5 * MS_PER_SECOND;

/// `after_seconds` of a rotation when the request says nothing: a week.
pub const ROTATE_AFTER_DEFAULT_SECONDS: i64 = 7 * SECONDS_PER_DAY;
/// `drain_seconds` of a rotation when the request says nothing: one visitor with the new page must not end every page that
/// a cache still holds; a day.
pub const ROTATE_DRAIN_DEFAULT_SECONDS: i64 = SECONDS_PER_DAY;
/// A token used in the last day is in use: `supersede: original` does not give it up without `force`.
pub const ORIGINAL_IN_USE_MS: i64 = SECONDS_PER_DAY * MS_PER_SECOND;
/// Planned ends carried out in one go: some 10 ms.
pub const PLANNED_ENDS_STEP_MAX: u32 = 100;
/// An end that is held because the successor does not work is looked at again so much later: an hour.
pub const ROTATION_HELD_CHECK_MS: i64 = 3_600 * MS_PER_SECOND;
/// A token's last use is stored at most every five minutes: 10,000 tokens in constant use are then 33 rows a second.
pub const LAST_USE_STORED_INTERVAL_MS: i64 = 300 * MS_PER_SECOND;
/// Tokens of a family that are shown, at most: a hundred rotations.
pub const FAMILY_TOKENS_SHOWN_MAX: u32 = 100;
/// Revoked tokens of a family that are shown in any case.
pub const FAMILY_REVOKED_SHOWN: usize = 3;
/// Tokens in one step of a bulk call: some 50 ms, in which the registry answers nobody else.
pub const BULK_STEP_MAX: u32 = 100;

/// Usage objects. An isolate that counts tokens of every shard calls each of them once in [`USAGE_SEND_INTERVAL_MS`]: 10,000
/// busy isolates are 333 calls a second to each, a third of what an object carries. What is divided by their number is the
/// work and the storage: 10,000 tokens are 1,250 to each.
pub const USAGE_SHARDS: u32 = 8;
/// An isolate sends a shard its counts at most this often.
pub const USAGE_SEND_INTERVAL_MS: i64 = 30 * MS_PER_SECOND;
/// After a rest the first request's count waits so long for those that follow it: a page asks for several things.
pub const USAGE_GATHER_MS: i64 = 5 * MS_PER_SECOND;
/// The platform ends what runs after an answer at 30 s: a send is not waited for longer than leaves time to send.
pub const USAGE_WAIT_MAX_MS: i64 = 24 * MS_PER_SECOND;
/// A report that takes longer is given up and sent again under the same number.
pub const USAGE_SEND_TIMEOUT_MS: u32 = 5_000;
/// A read of a shard that takes longer is given up: the operator who asked still waits.
pub const USAGE_READ_TIMEOUT_MS: u32 = 4_000;
/// A rotation waits so long for the shards to say how its family was used of late; then it goes by what they told before.
pub const USAGE_FRESH_TIMEOUT_MS: u32 = 2_000;
/// A first use that is not acknowledged is reported again at most this often while the token is used (DESIGN section 8).
pub const FIRST_USE_REPEAT_MS: i64 = 10 * MS_PER_SECOND;
/// Tokens whose first use an isolate remembers: a bulk rotation makes so many successors at most between two deployments.
pub const FIRST_USES_HELD_MAX: usize = 5_000;
/// Tokens that an isolate counts one by one for one shard until it has sent them, some 300 bytes each: 8 × 640 are 5,000
/// tokens and 1.5 MB. Requests of others are counted for the deployment alone.
pub const USAGE_TOKENS_HELD_MAX: usize = 640;
/// Origins that an isolate holds for one shard, some 100 bytes each: 8 × 2,500 are 2 MB; at 350 bytes, the longest, 7 MB.
pub const USAGE_ORIGINS_HELD_MAX: usize = 2_500;
/// Origins kept of a token and a day, allowed and refused each.
pub const USAGE_ORIGINS_KEPT: usize = 20;
/// A batch that no shard took in 20 minutes is given up, and its requests are counted as lost.
pub const USAGE_GIVEN_UP_MS: i64 = 1_200 * MS_PER_SECOND;
/// A batch counts for the minute in which it began, or for one an hour ago if that was earlier: no true one is so old.
pub const USAGE_BATCH_AGE_MAX_MS: i64 = 3_600 * MS_PER_SECOND;
/// A shard knows the last number of an isolate for two hours after its last batch: six times as long as one is sent again.
pub const USAGE_REPORTERS_KEPT_MS: i64 = 7_200 * MS_PER_SECOND;
/// A shard tells the registry uses at most this often, first uses of watched tokens at once (DESIGN section 3).
pub const USES_TOLD_INTERVAL_MS: i64 = 10 * MS_PER_SECOND;
/// Uses in one such call: some 50 kB, and some 10 ms of the registry's time.
pub const USES_TOLD_MAX: u32 = 500;
/// A token's last use is told when it is ten minutes later than the one told before: 10,000 tokens in constant use are 17
/// rows a second in the registry. Whoever needs it to the second asks the shard.
pub const LAST_USE_TOLD_INTERVAL_MS: i64 = 600 * MS_PER_SECOND;
/// First wait after the registry did not answer a shard, or a shard's storage failed; doubled each time.
pub const USAGE_RETRY_MIN_MS: i64 = 2 * MS_PER_SECOND;
/// The longest wait between two tries.
pub const USAGE_RETRY_MAX_MS: i64 = 20 * MS_PER_SECOND;
/// Minutes are kept for two hours at least, and rolled up hour by hour.
pub const USAGE_MINUTES_KEPT_MS: i64 = 7_200 * MS_PER_SECOND;
/// Hours are kept for 31 days at least, and rolled up day by day.
pub const USAGE_HOURS_KEPT_MS: i64 = 31 * SECONDS_PER_DAY * MS_PER_SECOND;
/// Days are kept as long as the registry keeps an ended token by default.
pub const USAGE_DAYS_KEPT_MS: i64 = RETENTION_DEFAULT_DAYS * SECONDS_PER_DAY * MS_PER_SECOND;
/// … and their origins for 92 days: 40 origins of 60 bytes are 2.4 kB a day, fifty times what the counts are.
pub const USAGE_ORIGINS_KEPT_MS: i64 = 92 * SECONDS_PER_DAY * MS_PER_SECOND;
/// Rows that a shard goes through in one transaction when it rolls up: some 50 ms.
pub const USAGE_WALK_STEP_MAX: u32 = 1_000;
/// An hour with more than five times as many requests as the median of the hours before is a spike (DESIGN section 8) …
pub const SPIKE_FACTOR: u64 = 5;
/// … if they are a thousand at least.
pub const SPIKE_MIN: u64 = 1_000;
/// Hours that the median is of: seven days.
pub const SPIKE_HISTORY_HOURS: i64 = 7 * 24;
/// A token that was not used for a day yet has no usual use.
pub const SPIKE_HISTORY_HOURS_MIN: usize = 24;
/// An origin that was refused so often on a day is told of: fewer are somebody's try.
pub const REFUSED_ORIGIN_NOTICE_MIN: u64 = 100;
/// Tokens looked at for signs in one go: each reads a day's rows, some 200, or a week's if it is busy: some 50 ms.
pub const SIGNS_STEP_MAX: u32 = 20;
/// Signs that a shard holds until the registry has taken them; more of them in an hour are not told.
pub const SIGNS_HELD_MAX: usize = 500;
/// Data points that an invocation writes to Analytics Engine: its documented limit was 25, later ones allow more.
pub const ANALYTICS_POINTS_MAX: usize = 25;

/// KV takes one write per second to the same key.
pub const KV_WRITE_INTERVAL_MS: i64 = MS_PER_SECOND;
/// First wait after a failed KV write; doubled each time.
pub const OUTBOX_BACKOFF_MIN_MS: i64 = 2 * MS_PER_SECOND;
/// The longest wait between two tries of a KV write: five minutes.
pub const OUTBOX_BACKOFF_MAX_MS: i64 = 300 * MS_PER_SECOND;
/// KV writes in one go, side by side: the platform runs 6 at a time, so ≈ 8 round trips until a list waits no longer.
pub const OUTBOX_BATCH_MAX: u32 = 50;
/// An alarm may be late by a minute (a failover); one that is later was dropped, and is set anew.
pub const ALARM_LATE_MAX_MS: i64 = 2 * 60 * MS_PER_SECOND;
/// The list waits this long for the records of edited tokens to reach KV before it; then they may catch up with it.
pub const LIST_HELD_MAX_MS: i64 = 10 * MS_PER_SECOND;
/// A record that KV took is written again for a location that did not find it at most every five minutes: the location
/// may have cached "not there", which another write does not mend.
pub const RECORD_REPUBLISH_INTERVAL_MS: i64 = 300 * MS_PER_SECOND;
/// KV keeps a record this long after its token's end. Nobody reads it then: it only covers clocks that differ.
pub const RECORD_KV_MARGIN_SECONDS: i64 = 300;
/// Tokens that retention deletes in one go.
pub const RETENTION_SWEEP_MAX: u32 = 500;
/// `last_used_at` of an admin key is written at most once a minute: a write per call would cost more than it tells.
pub const ADMIN_KEY_USE_INTERVAL_MS: i64 = 60 * MS_PER_SECOND;
/// Measured arrivals are counted in so many parts of the bound, and once more beyond it: 3 s each at B = 60.
pub const PROPAGATION_PARTS: u32 = 20;
/// A console session ends at the latest after 12 hours: one working day, and the next begins with the key.
pub const SESSION_MAX_MS: i64 = 12 * 3_600 * MS_PER_SECOND;
/// A console session ends after an hour without a call: who comes back from lunch signs in again.
pub const SESSION_IDLE_MS: i64 = 3_600 * MS_PER_SECOND;
/// That a session was used is written at most once a minute, as for admin keys.
pub const SESSION_USE_INTERVAL_MS: i64 = 60 * MS_PER_SECOND;
/// Sessions of one admin key at a time: a few people with a few browsers each; the oldest gives way.
pub const SESSIONS_PER_KEY_MAX: u32 = 20;
/// A wrong key at sign-in is told so after this long: a person hardly notices, a guesser gets one answer a second for each
/// connection. Guessing is hopeless anyway (192 bits); this keeps it from being cheap.
pub const WRONG_KEY_DELAY_MS: u32 = 1_000;

/// Tokens in one notice (DESIGN section 8): a digest, so that a sweep or a bulk revocation does not ring 5,000 times.
pub const NOTICE_TOKENS_MAX: u32 = 500;
/// Bytes of one notice, at most: a Durable Object's SQLite takes 2 MB in a row. At a usual 300 bytes a token 500 of them are
/// 150 kB; with the longest texts everywhere some 5 kB each, so 200 fit.
pub const NOTICE_BYTES_MAX: usize = 1024 * 1024;
/// What happens within ten seconds of the first of its kind goes into one notice.
pub const NOTICE_COALESCE_MS: i64 = 10 * MS_PER_SECOND;
/// After a storage error no notice is made or sent for a minute; lists go on.
pub const ANNOUNCER_REST_MS: i64 = 60 * MS_PER_SECOND;
/// Notices can be read for so long: a quarter of a year.
pub const NOTICES_KEPT_MS: i64 = 90 * SECONDS_PER_DAY * MS_PER_SECOND;
/// Notices deleted in one go.
pub const NOTICES_FORGOTTEN_MAX: u32 = 100;
/// Items on one page of notices when the caller says nothing …
pub const NOTICES_PAGE_LIMIT_DEFAULT: u32 = 20;
/// … and bytes on it, at most, beyond its first item.
pub const NOTICES_PAGE_BYTES_MAX: u64 = 1024 * 1024;

/// A family is rotated by the registry itself at most once an hour (DESIGN section 8).
pub const AUTO_ROTATE_INTERVAL_MS: i64 = 3_600 * MS_PER_SECOND;
/// Tokens that the registry rotates by itself in one go: a transaction each, some milliseconds.
pub const AUTO_ROTATE_STEP_MAX: u32 = 20;
/// Tokens whose ends `/metrics` names one by one (DESIGN section 7): half a megabyte of text.
pub const EXPIRIES_SHOWN_MAX: u32 = 5_000;
/// A rotation whose end is held is told of daily: 20 h, so that a sweep at the same time each day never falls short of it.
pub const HELD_NOTICE_INTERVAL_MS: i64 = 20 * 3_600 * MS_PER_SECOND;
/// A predecessor is still used when it was so in the last week: a page may have visitors only at weekends.
pub const STILL_USED_WITHIN_MS: i64 = 7 * SECONDS_PER_DAY * MS_PER_SECOND;
/// A token that nobody has used for so long is told of (DESIGN section 8).
pub const UNUSED_NOTICE_MS: i64 = 90 * SECONDS_PER_DAY * MS_PER_SECOND;
/// Tokens that a step of the daily sweep looks at: some 5 ms.
pub const SWEEP_STEP_MAX: u32 = 1_000;
/// A cron trigger within an hour of the last sweep is the same one again.
pub const SWEEP_AGAIN_MS: i64 = 3_600 * MS_PER_SECOND;
/// Where no cron trigger fires, a sweep begins by itself: a day after the one before, and two hours for cron to come first.
pub const SWEEP_OVERDUE_MS: i64 = 26 * 3_600 * MS_PER_SECOND;

/// Bytes of `WEBHOOK_SECRET`: what the Standard Webhooks specification asks for, and no more than SHA-256's block.
pub const WEBHOOK_SECRET_MIN_BYTES: usize = 24;
/// See [`WEBHOOK_SECRET_MIN_BYTES`].
pub const WEBHOOK_SECRET_MAX_BYTES: usize = 64;
/// A receiver that takes longer has not taken a webhook (DESIGN section 9).
pub const WEBHOOK_TIMEOUT_MS: u32 = 10_000;
/// Bytes read of a receiver's answer, at most: enough that a usual one ends by itself and its connection is used again.
pub const WEBHOOK_ANSWER_MAX_BYTES: u32 = 64 * 1024;
/// Nobody else sends a webhook for so long after it was begun: the time limit, and half of it for noting what came of it.
pub const WEBHOOK_LEASE_MS: i64 = WEBHOOK_TIMEOUT_MS as i64 * 3 / 2;
/// First wait after a webhook failed; doubled each time, with up to as much again as half of it by chance.
pub const WEBHOOK_BACKOFF_MIN_MS: i64 = 5 * MS_PER_SECOND;
/// The longest wait between two tries of a webhook: 5 s doubled ten times is an hour and a half.
pub const WEBHOOK_BACKOFF_MAX_MS: i64 = 3_600 * MS_PER_SECOND;
/// A webhook that fails this long after its notice is given up: some 30 tries in a day.
pub const WEBHOOK_RETRIED_MS: i64 = SECONDS_PER_DAY * MS_PER_SECOND;
/// A webhook owed for longer than an hour is a warning …
pub const WEBHOOK_WARNING_MS: i64 = 3_600 * MS_PER_SECOND;
/// … and one that was given up is one for a week.
pub const WEBHOOK_GIVEN_UP_WARNING_MS: i64 = 7 * SECONDS_PER_DAY * MS_PER_SECOND;

// A token that lives the least that one may is asked for again before it ends.
const _: () = assert!(REFRESH_MIN_SECONDS * REFRESHES_BEFORE_END <= TOKEN_LIFETIME_MIN_SECONDS);
const _: () = assert!(NOTHING_KV_SECONDS > KV_EXPIRATION_MIN_SECONDS);
const _: () = assert!(REVOCATION_BOUND_MIN_SECONDS * MS_PER_SECOND > CLOCK_SKEW_MS * 2);
const _: () = assert!(WEBHOOK_LEASE_MS > WEBHOOK_TIMEOUT_MS as i64);
