//! The JSON of usage, and the questions to the usage shards that it needs.
//!
//! Standard: docs/lifecycle.md, "Usage".
//! Invariants: the schema in docs/openapi.json is derived from these types. A shard is asked only after the
//! registry has accepted the caller.
//! What it must not know: HTTP; how shards are reached.
//! What a mistake costs: someone ends a token that is still in use.

use super::ids;
use super::task::Rendering;
use crate::base::time::UnixMillis;
use crate::control::registry::command::{Answer, FamilyView, TokenState, TokenView};
use crate::formats::token::Serial;
use crate::formats::usage::heaviest::Weighed;
use crate::formats::usage::outcome::{Counts, Outcome};
use crate::formats::usage::reading;
use crate::formats::usage::reading::{Range, ShardCall, Step};
use crate::limits::{MS_PER_SECOND, SECONDS_PER_DAY, USAGE_SHARDS};
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;
use std::cmp::Reverse;

/// The answers of the usage shards.
#[derive(Debug)]
pub enum UsageSeen {
    /// No shards are bound, so nothing is counted.
    Off,
    /// One answer for each call of [`usage_calls`], in the same order. `None`: no answer within the time
    /// limit.
    Asked(Vec<Option<reading::ShardAnswer>>),
}

/// The calls to usage shards, with the number of each shard, that the response needs besides the registry's
/// answer.
#[must_use]
pub fn usage_calls(answer: &Answer, rendering: &Rendering, now: UnixMillis) -> Vec<(u32, ShardCall)> {
    match (answer, rendering) {
        (Answer::Token(token), Rendering::Usage(range)) => ShardCall::reads_of(&[token.serial], *range),
        (Answer::Authenticated, Rendering::AllUsage(range)) => ShardCall::reads_of_all(*range),
        (Answer::Token(_) | Answer::Authenticated, Rendering::Refusals(page)) => page.calls(),
        (Answer::Family(family), Rendering::Answer) => {
            ShardCall::reads_of(&side_by_side(family), last_day(now))
        }
        (Answer::Metrics { .. }, Rendering::Metrics) => {
            (0..USAGE_SHARDS).map(|shard| (shard, ShardCall::Totals)).collect()
        }
        _ => Vec::new(),
    }
}

fn last_day(now: UnixMillis) -> Range {
    Range::of(now.plus_ms(-SECONDS_PER_DAY * MS_PER_SECOND), now, Step::Hour)
}

/// The tokens of a family whose traffic is shown: those that work, and the latest ones that do not, which
/// pages may still carry.
fn side_by_side(family: &FamilyView) -> Vec<Serial> {
    let works = |token: &&TokenView| matches!(token.state, TokenState::Active | TokenState::Disabled);
    let ended = family.tokens.iter().filter(|token| !works(token)).take(crate::limits::FAMILY_REVOKED_SHOWN);
    let mut serials: Vec<_> =
        family.tokens.iter().filter(works).chain(ended).map(|token| token.serial).collect();
    serials.sort_unstable_by_key(|serial| Reverse(*serial));
    serials
}

impl UsageSeen {
    /// The usage of each requested token; `None` when nothing is counted or a shard did not answer.
    pub(super) fn tokens(self) -> Option<Vec<reading::TokenReading>> {
        let Self::Asked(answers) = self else { return None };
        let mut all = Vec::new();
        for answer in answers {
            let Some(reading::ShardAnswer::Usage(usage)) = answer else { return None };
            all.extend(usage);
        }
        Some(all)
    }

    /// What all shards have counted; `None` when nothing is counted or a shard did not answer. Without that
    /// shard the sum would fall, which a counter must not.
    #[must_use]
    pub fn totals(self) -> Option<Counts> {
        let Self::Asked(answers) = self else { return None };
        let mut all = Counts::default();
        for answer in answers {
            let Some(reading::ShardAnswer::Totals(counts)) = answer else { return None };
            all.merge(&counts);
        }
        Some(all)
    }

    /// Whether shards are bound.
    #[must_use]
    pub fn is_on(&self) -> bool {
        matches!(self, Self::Asked(_))
    }
}

/// How often a token was used, from which origins, and with what outcome.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema), schemars(rename = "TokenUsage"))]
pub struct TokenUsageJson {
    /// The token's id, `tok_…`.
    pub id: String,
    /// False where no usage shards are bound. Then nothing is counted, and the zeros mean nothing.
    pub counting: bool,
    /// Start of the first step.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub from: String,
    /// End of the last step.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub to: String,
    /// Length of one entry of `periods`.
    #[cfg_attr(
        not(target_arch = "wasm32"),
        schemars(with = "String", extend("enum" = ["minute", "hour", "day"]))
    )]
    pub step: Step,
    /// Counts for the whole range.
    pub totals: UsageCounts,
    /// Steps in which something was counted, ascending.
    pub periods: Vec<UsagePeriod>,
    /// Origins on the days (UTC) that the range touches, most requests first, at most 20. Kept for 92 days.
    pub origins: UsageOrigins,
    /// The token's first use ever; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("format" = "date-time")))]
    pub first_used_at: Option<String>,
    /// The token's latest use; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("format" = "date-time")))]
    pub last_used_at: Option<String>,
}

/// What was counted in one step.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct UsagePeriod {
    /// Start of the step.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub at: String,
    /// Numbers of requests in this step, by outcome.
    #[serde(flatten)]
    pub counts: UsageCounts,
}

/// Numbers of requests, by outcome.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct UsageCounts {
    /// All requests with the token.
    pub requests: u64,
    /// Admitted requests, including those that only report mode admitted.
    pub admitted: u64,
    /// Of the admitted requests: those that would be refused if the token's origin rules were enforced.
    pub reported: ReportedCounts,
    /// Refused requests, by code.
    pub refused: RefusedCounts,
    /// Of the admitted requests: those that the upstream did not answer.
    pub upstream: UpstreamCounts,
}

/// Requests that only report mode admitted.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct ReportedCounts {
    pub origin_missing: u64,
    pub origin_not_allowed: u64,
    pub scope_mismatch: u64,
}

/// Numbers of refused requests, by problem code.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct RefusedCounts {
    pub token_expired: u64,
    pub token_revoked: u64,
    pub token_disabled: u64,
    pub origin_missing: u64,
    pub origin_not_allowed: u64,
    pub audience_mismatch: u64,
    pub scope_mismatch: u64,
    pub rate_limited: u64,
    pub quota_exceeded: u64,
    pub revocation_status_unknown: u64,
}

/// Failures of the upstream by code.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct UpstreamCounts {
    pub upstream_unreachable: u64,
    pub upstream_timeout: u64,
}

/// Where requests came from.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct UsageOrigins {
    /// Origins of admitted requests.
    pub allowed: Vec<OriginCount>,
    /// Origins of requests that the token's origin rules refused, or would have refused in report mode.
    pub refused: Vec<OriginCount>,
}

/// An origin and how often it was seen.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct OriginCount {
    /// The origin, such as `https://example.com`; `null` for pages that hide theirs.
    pub origin: String,
    /// Upper limit of the count. With more than 20 origins, a new origin takes over the place and the count
    /// of another.
    pub requests: u64,
    /// Lower limit of the count.
    pub at_least: u64,
}

/// A token's traffic in the last 24 hours.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct TokenTraffic {
    /// The token's id, `tok_…`.
    pub id: String,
    /// Numbers of requests in the last 24 hours, by outcome.
    #[serde(flatten)]
    pub counts: UsageCounts,
    /// Origins of today and yesterday (UTC), most requests first.
    pub origins: UsageOrigins,
    /// The token's latest use ever; null: none.
    pub last_used_at: Option<String>,
}

/// The usage of a token; `None` when its shard did not answer.
#[must_use]
pub fn token_usage(serial: Serial, range: Range, seen: UsageSeen) -> Option<TokenUsageJson> {
    let counting = seen.is_on();
    let nothing = reading::TokenReading {
        serial,
        periods: Vec::new(),
        allowed: Vec::new(),
        refused: Vec::new(),
        uses: None,
    };
    let usage = if counting { seen.tokens()?.into_iter().next()? } else { nothing };
    Some(TokenUsageJson {
        id: ids::token_id(serial),
        counting,
        from: range.from.floor_seconds().to_rfc3339(),
        to: range.to.floor_seconds().to_rfc3339(),
        step: range.step,
        totals: UsageCounts::of(&sum(&usage)),
        first_used_at: usage.uses.map(|uses| uses.first_at.to_rfc3339()),
        last_used_at: usage.uses.map(|uses| uses.last_at.to_rfc3339()),
        periods: usage.periods.iter().map(|(at, counts)| UsagePeriod::of(*at, counts)).collect(),
        origins: UsageOrigins::of(usage.allowed, usage.refused),
    })
}

/// The traffic of a family's tokens, newest first; `None` when nothing is counted or a shard did not answer.
#[must_use]
pub fn family_traffic(seen: UsageSeen) -> Option<Vec<TokenTraffic>> {
    let mut tokens = seen.tokens()?;
    tokens.sort_by_key(|token| Reverse(token.serial));
    Some(tokens.into_iter().map(TokenTraffic::of).collect())
}

fn sum(usage: &reading::TokenReading) -> Counts {
    let mut all = Counts::default();
    for (_, counts) in &usage.periods {
        all.merge(counts);
    }
    all
}

impl TokenTraffic {
    fn of(usage: reading::TokenReading) -> Self {
        Self {
            id: ids::token_id(usage.serial),
            counts: UsageCounts::of(&sum(&usage)),
            last_used_at: usage.uses.map(|uses| uses.last_at.to_rfc3339()),
            origins: UsageOrigins::of(usage.allowed, usage.refused),
        }
    }
}

impl UsagePeriod {
    fn of(at: UnixMillis, counts: &Counts) -> Self {
        Self { at: at.floor_seconds().to_rfc3339(), counts: UsageCounts::of(counts) }
    }
}

impl UsageCounts {
    pub(super) fn of(counts: &Counts) -> Self {
        let of = |outcome| counts.get(outcome);
        let reported = ReportedCounts {
            origin_missing: of(Outcome::ReportedOriginMissing),
            origin_not_allowed: of(Outcome::ReportedOriginNotAllowed),
            scope_mismatch: of(Outcome::ReportedScopeMismatch),
        };
        let uses = counts.iter().filter(|(outcome, _)| outcome.is_use()).map(|(_, count)| count);
        Self {
            requests: counts.requests(),
            admitted: uses.fold(0, u64::saturating_add),
            reported,
            refused: RefusedCounts {
                token_expired: of(Outcome::Expired),
                token_revoked: of(Outcome::Revoked),
                token_disabled: of(Outcome::Disabled),
                origin_missing: of(Outcome::OriginMissing),
                origin_not_allowed: of(Outcome::OriginNotAllowed),
                audience_mismatch: of(Outcome::AudienceMismatch),
                scope_mismatch: of(Outcome::ScopeMismatch),
                rate_limited: of(Outcome::RateLimited),
                quota_exceeded: of(Outcome::QuotaExceeded),
                revocation_status_unknown: of(Outcome::StatusUnknown),
            },
            upstream: UpstreamCounts {
                upstream_unreachable: of(Outcome::UpstreamUnreachable),
                upstream_timeout: of(Outcome::UpstreamTimeout),
            },
        }
    }
}

impl UsageOrigins {
    fn of(allowed: Vec<Weighed<String>>, refused: Vec<Weighed<String>>) -> Self {
        let shown = |origins: Vec<Weighed<String>>| origins.into_iter().map(OriginCount::of).collect();
        Self { allowed: shown(allowed), refused: shown(refused) }
    }
}

impl OriginCount {
    pub(super) fn of(weighed: Weighed<String>) -> Self {
        let at_least = weighed.count.saturating_sub(weighed.over);
        Self { origin: weighed.key, requests: weighed.count, at_least }
    }
}
