//! The JSON of `GET /usage`: the requests of all tokens together, and of nobody, by outcome.
//!
//! Standard: docs/lifecycle.md, "Usage".
//! Invariants: each outcome has its name, so that none hides behind another. Eight shards are asked, and each
//! reads only the rows of all tokens together: the cost does not grow with tokens. A shard that does not
//! answer is an error, never zeros.
//! What it must not know: HTTP; how shards are reached.
//! What a mistake costs: an operator does not see that requests are refused.

use super::ids;
use super::usage_view::{OriginCount, UsageCounts, UsageSeen};
use crate::base::time::UnixMillis;
use crate::formats::usage::heaviest::Weighed;
use crate::formats::usage::outcome::{Counts, Outcome};
use crate::formats::usage::reading::{Range, Step, TokenReading};
use crate::formats::usage::tally::token_and_site;
use crate::limits::REFUSED_SITES_SHOWN;
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The requests of all tokens together, by outcome.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct AllUsage {
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
    pub totals: AllCounts,
    /// Steps in which something was counted, ascending.
    pub periods: Vec<AllUsagePeriod>,
    /// Sites that tokens' origin rules refused, or would have refused in report mode, on the days (UTC) that
    /// the range touches: the heaviest of each shard, most requests first, at most 20.
    pub refused_sites: Vec<RefusedSite>,
}

/// What was counted in one step.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct AllUsagePeriod {
    /// Start of the step.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub at: String,
    /// Numbers of requests in this step, by outcome.
    #[serde(flatten)]
    pub counts: AllCounts,
}

/// Numbers of requests, by outcome, with those that had no token of this deployment.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct AllCounts {
    /// Numbers of requests with a token; `requests` and `admitted` include those without.
    #[serde(flatten)]
    pub counts: UsageCounts,
    /// Of the admitted requests: those without a token, on anonymous routes.
    pub anonymous: u64,
    /// Requests refused without a token of this deployment, by code.
    pub refused_without_token: RefusedWithoutToken,
}

/// Numbers of requests refused without a token of this deployment, by problem code.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct RefusedWithoutToken {
    pub token_missing: u64,
    pub token_malformed: u64,
    pub token_invalid: u64,
    pub credential_conflict: u64,
}

/// A site that a token's origin rules refused.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct RefusedSite {
    /// The token's id, `tok_…`.
    pub token: String,
    #[serde(flatten)]
    pub site: OriginCount,
}

/// The usage of all tokens; `None` when a shard did not answer.
#[must_use]
pub fn all_usage(range: Range, seen: UsageSeen) -> Option<AllUsage> {
    let counting = seen.is_on();
    let readings = if counting { seen.tokens()? } else { Vec::new() };
    let mut periods: BTreeMap<UnixMillis, Counts> = BTreeMap::new();
    let mut totals = Counts::default();
    for (at, counts) in readings.iter().flat_map(|reading| &reading.periods) {
        periods.entry(*at).or_default().merge(counts);
        totals.merge(counts);
    }
    Some(AllUsage {
        counting,
        from: range.from.floor_seconds().to_rfc3339(),
        to: range.to.floor_seconds().to_rfc3339(),
        step: range.step,
        totals: AllCounts::of(&totals),
        periods: periods.iter().map(|(at, counts)| AllUsagePeriod::of(*at, counts)).collect(),
        refused_sites: refused_sites(readings),
    })
}

fn refused_sites(readings: Vec<TokenReading>) -> Vec<RefusedSite> {
    let all = readings.into_iter().flat_map(|reading| reading.refused);
    let mut sites: Vec<RefusedSite> = all.filter_map(|weighed| RefusedSite::of(&weighed)).collect();
    sites.sort_by_key(|refused| Reverse(refused.site.requests));
    sites.truncate(REFUSED_SITES_SHOWN);
    sites
}

impl RefusedSite {
    fn of(weighed: &Weighed<String>) -> Option<Self> {
        let (serial, site) = token_and_site(&weighed.key)?;
        let site = Weighed { key: site.to_owned(), count: weighed.count, over: weighed.over };
        Some(Self { token: ids::token_id(serial), site: OriginCount::of(site) })
    }
}

impl AllUsagePeriod {
    fn of(at: UnixMillis, counts: &Counts) -> Self {
        Self { at: at.floor_seconds().to_rfc3339(), counts: AllCounts::of(counts) }
    }
}

impl AllCounts {
    fn of(counts: &Counts) -> Self {
        let anonymous = counts.get(Outcome::Anonymous);
        let mut with_token = UsageCounts::of(counts);
        with_token.admitted = with_token.admitted.saturating_add(anonymous);
        Self {
            counts: with_token,
            anonymous,
            refused_without_token: RefusedWithoutToken {
                token_missing: counts.get(Outcome::Missing),
                token_malformed: counts.get(Outcome::Malformed),
                token_invalid: counts.get(Outcome::Invalid),
                credential_conflict: counts.get(Outcome::Conflict),
            },
        }
    }
}
