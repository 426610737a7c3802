//! The JSON of usage, and what the shards are asked for it.
//!
//! Standard: DESIGN section 7 (`/tokens/{id}/usage`, old and new traffic of a family).
//! Invariants: the schema in docs/openapi.json is derived from these types, so what is documented is what is sent; a shard is
//! asked only after the registry has let the caller in.
//! What it must not know: HTTP; how shards are reached.
//! What a mistake costs: somebody ends the token that is still in use.

use super::Rendering;
use super::ids;
use crate::limits::{MS_PER_SECOND, SECONDS_PER_DAY, USAGE_SHARDS};
use crate::registry::command::{Answer, FamilyView, TokenState, TokenView};
use crate::time::UnixMillis;
use crate::token::Serial;
use crate::usage::reading::{self, Range, Request, Step};
use crate::usage::{self, Outcome, Weighed};
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;
use std::cmp::Reverse;

/// What the shards said.
#[derive(Debug)]
pub enum UsageSeen {
    /// None are bound: nothing is counted.
    Off,
    /// One answer for each call of [`usage_calls`], in that order; `None` came not, or not in time.
    Asked(Vec<Option<reading::Answer>>),
}

/// What the shards are to be asked, each by its number, before the registry's answer can be rendered.
#[must_use]
pub fn usage_calls(answer: &Answer, rendering: &Rendering, now: UnixMillis) -> Vec<(u32, Request)> {
    match (answer, rendering) {
        (Answer::Token(token), Rendering::Usage(range)) => Request::reads_of(&[token.serial], *range),
        (Answer::Family(family), Rendering::Answer) => {
            Request::reads_of(&side_by_side(family), last_day(now))
        }
        (Answer::Metrics { .. }, Rendering::Metrics) => {
            (0..USAGE_SHARDS).map(|shard| (shard, Request::Totals)).collect()
        }
        _ => Vec::new(),
    }
}

fn last_day(now: UnixMillis) -> Range {
    Range::of(now.plus_ms(-SECONDS_PER_DAY * MS_PER_SECOND), now, Step::Hour)
}

/// The tokens of a family whose traffic is shown: those that work, and the last that do not, which pages may still carry.
fn side_by_side(family: &FamilyView) -> Vec<Serial> {
    let works = |token: &&TokenView| matches!(token.state, TokenState::Active | TokenState::Disabled);
    let ended = family.tokens.iter().filter(|token| !works(token)).take(crate::limits::FAMILY_REVOKED_SHOWN);
    let mut serials: Vec<_> =
        family.tokens.iter().filter(works).chain(ended).map(|token| token.serial).collect();
    serials.sort_unstable_by_key(|serial| Reverse(*serial));
    serials
}

impl UsageSeen {
    /// The usage of each token asked for; `None` when nothing is counted or a shard did not answer.
    fn tokens(self) -> Option<Vec<reading::TokenUsage>> {
        let Self::Asked(answers) = self else { return None };
        let mut all = Vec::new();
        for answer in answers {
            let Some(reading::Answer::Usage(usage)) = answer else { return None };
            all.extend(usage);
        }
        Some(all)
    }

    /// What all shards have counted; `None` when nothing is counted or a shard did not answer: a sum without it would fall,
    /// which a counter never does.
    #[must_use]
    pub fn totals(self) -> Option<usage::Counts> {
        let Self::Asked(answers) = self else { return None };
        let mut all = usage::Counts::default();
        for answer in answers {
            let Some(reading::Answer::Totals(counts)) = answer else { return None };
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

/// How often a token was used, from where, and with what outcome.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct TokenUsage {
    /// `tok_` and its number.
    pub id: String,
    /// False where no usage shards are bound: nothing is counted, and the zeros say nothing.
    pub counting: bool,
    /// The beginning of the first step.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub from: String,
    /// The end of the last step.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub to: String,
    /// How finely `periods` are told.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("enum" = ["minute", "hour", "day"])))]
    pub step: Step,
    /// Of the whole time.
    pub totals: UsageCounts,
    /// Steps in which something was counted, ascending.
    pub periods: Vec<UsagePeriod>,
    /// Of the days (UTC) that the time touches, heaviest first, 20 at most; kept for 92 days.
    pub origins: UsageOrigins,
    /// Its first use ever; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("format" = "date-time")))]
    pub first_used_at: Option<String>,
    /// Its latest use.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("format" = "date-time")))]
    pub last_used_at: Option<String>,
}

/// What was counted in one step.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct UsagePeriod {
    /// Its beginning.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub at: String,
    /// By outcome.
    #[serde(flatten)]
    pub counts: UsageCounts,
}

/// Requests by outcome.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct UsageCounts {
    /// All of them.
    pub requests: u64,
    /// Admitted ones, in report mode too.
    pub admitted: u64,
    /// Of the admitted: what enforcing the token's origin rules would have refused.
    pub reported: ReportedCounts,
    /// Refused ones, by code.
    pub refused: RefusedCounts,
    /// Of the admitted: what the upstream did not answer.
    pub upstream: UpstreamCounts,
}

/// What report mode let in.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
#[allow(missing_docs)] // the codes
pub struct ReportedCounts {
    pub origin_missing: u64,
    pub origin_not_allowed: u64,
}

/// Refusals by code.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
#[allow(missing_docs)] // the codes
pub struct RefusedCounts {
    pub token_expired: u64,
    pub token_revoked: u64,
    pub token_disabled: u64,
    pub origin_missing: u64,
    pub origin_not_allowed: u64,
    pub audience_mismatch: u64,
    pub rate_limited: u64,
    pub revocation_status_unknown: u64,
}

/// Failures of the upstream by code.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
#[allow(missing_docs)] // the codes
pub struct UpstreamCounts {
    pub upstream_unreachable: u64,
    pub upstream_timeout: u64,
}

/// Where requests came from.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct UsageOrigins {
    /// Of admitted requests.
    pub allowed: Vec<OriginCount>,
    /// Of those that the token's origin rules refused, or in report mode would have.
    pub refused: Vec<OriginCount>,
}

/// An origin and how often it was seen.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct OriginCount {
    /// `https://example.com`, or `null` for pages that hide theirs.
    pub origin: String,
    /// At most so often: beyond 20 origins a place is given on with its count.
    pub requests: u64,
    /// At least so often.
    pub at_least: u64,
}

/// A token's traffic in the last 24 hours.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct TokenTraffic {
    /// `tok_` and its number.
    pub id: String,
    /// By outcome.
    #[serde(flatten)]
    pub counts: UsageCounts,
    /// Of today and yesterday (UTC), heaviest first.
    pub origins: UsageOrigins,
    /// Its latest use ever; null is none.
    pub last_used_at: Option<String>,
}

/// The usage of a token; `None` when its shard did not answer.
#[must_use]
pub fn token_usage(serial: Serial, range: Range, seen: UsageSeen) -> Option<TokenUsage> {
    let counting = seen.is_on();
    let nothing = reading::TokenUsage {
        serial,
        periods: Vec::new(),
        allowed: Vec::new(),
        refused: Vec::new(),
        uses: None,
    };
    let usage = if counting { seen.tokens()?.into_iter().next()? } else { nothing };
    Some(TokenUsage {
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

fn sum(usage: &reading::TokenUsage) -> usage::Counts {
    let mut all = usage::Counts::default();
    for (_, counts) in &usage.periods {
        all.merge(counts);
    }
    all
}

impl TokenTraffic {
    fn of(usage: reading::TokenUsage) -> Self {
        Self {
            id: ids::token_id(usage.serial),
            counts: UsageCounts::of(&sum(&usage)),
            last_used_at: usage.uses.map(|uses| uses.last_at.to_rfc3339()),
            origins: UsageOrigins::of(usage.allowed, usage.refused),
        }
    }
}

impl UsagePeriod {
    fn of(at: UnixMillis, counts: &usage::Counts) -> Self {
        Self { at: at.floor_seconds().to_rfc3339(), counts: UsageCounts::of(counts) }
    }
}

impl UsageCounts {
    fn of(counts: &usage::Counts) -> Self {
        let of = |outcome| counts.get(outcome);
        let reported = ReportedCounts {
            origin_missing: of(Outcome::ReportedOriginMissing),
            origin_not_allowed: of(Outcome::ReportedOriginNotAllowed),
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
                rate_limited: of(Outcome::RateLimited),
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
    fn of(weighed: Weighed<String>) -> Self {
        let at_least = weighed.count.saturating_sub(weighed.over);
        Self { origin: weighed.key, requests: weighed.count, at_least }
    }
}
