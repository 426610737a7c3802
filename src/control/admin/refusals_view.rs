//! The JSON of `GET /refusals`: the refusals of all shards in one list.
//!
//! Standard: docs/lifecycle.md, "The tail of refusals".
//! Invariants: newest first; each refusal is on one page. A shard that does not answer is an error, never an
//! empty list.
//! What it must not know: HTTP; how shards are reached.
//! What a mistake costs: an operator does not see why a page is refused.

use super::cursors::{List, cursor};
use super::ids;
use super::refusal_page::{RefusalPage, place};
use super::usage_view::UsageSeen;
use crate::formats::usage::outcome::Outcome;
use crate::formats::usage::reading::ShardAnswer;
use crate::formats::usage::refusal::Refusal;
use crate::formats::usage::shard_of;
use crate::limits::{MS_PER_SECOND, REFUSALS_KEPT_MS};
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;
use std::cmp::Reverse;

/// Recent refused requests, newest first.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct RefusalPageJson {
    /// False where `REFUSAL_TAIL` is off or no usage shards are bound. Then none is kept, and the empty list
    /// means nothing.
    pub keeping: bool,
    /// For how long refusals are kept at most, in seconds.
    pub kept_seconds: i64,
    /// The refusals.
    pub items: Vec<RefusalJson>,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<String>,
}

/// Refused requests that an isolate saw within half a minute, of one token, code and site.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema), schemars(rename = "Refusal"))]
pub struct RefusalJson {
    /// When the last of them was refused.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub at: String,
    /// The problem code of the refusal.
    pub code: &'static str,
    /// The token's id; null: the request had no token of this deployment.
    pub token: Option<String>,
    /// The requesting page's origin; null: the request shows none.
    pub site: Option<String>,
    /// The method of the last of them.
    pub method: String,
    /// The beginning of the last one's path, without query. Segments of more than 24 characters are cut.
    pub path: String,
    /// The location that refused it.
    pub location: String,
    /// How many they are.
    pub requests: u64,
}

/// The page that was asked for; `None` when a shard did not answer.
#[must_use]
pub fn refusal_page(page: &RefusalPage, seen: UsageSeen) -> Option<RefusalPageJson> {
    let keeping = page.keeps && seen.is_on();
    let mut all = if keeping { placed(page, seen)? } else { Vec::new() };
    all.sort_by_key(|(place, _)| Reverse(*place));
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let has_more = all.len() > limit;
    all.truncate(limit);
    let last = all.last().map(|(place, _)| *place).filter(|_| has_more);
    Some(RefusalPageJson {
        keeping,
        kept_seconds: REFUSALS_KEPT_MS / MS_PER_SECOND,
        items: all.into_iter().filter_map(|(_, refusal)| RefusalJson::of(refusal)).collect(),
        next_cursor: last.map(|below| cursor(List::Refusals, below)),
    })
}

/// All that the shards answered, each with its place among all.
fn placed(page: &RefusalPage, seen: UsageSeen) -> Option<Vec<(i64, Refusal)>> {
    let UsageSeen::Asked(answers) = seen else { return None };
    let first = page.serial.map_or(0, shard_of);
    let mut all = Vec::new();
    for (shard, answer) in (first..).zip(answers) {
        let Some(ShardAnswer::Refusals(kept)) = answer else { return None };
        all.extend(kept.into_iter().map(|kept| (place(kept.position, shard), kept.refusal)));
    }
    Some(all)
}

impl RefusalJson {
    /// `None` for an outcome of a later release.
    fn of(refusal: Refusal) -> Option<Self> {
        Some(Self {
            at: refusal.at.to_rfc3339(),
            code: Outcome::of_number(refusal.outcome)?.name(),
            token: refusal.serial.map(ids::token_id),
            site: refusal.site,
            method: refusal.method,
            path: refusal.path,
            location: refusal.location,
            requests: refusal.requests,
        })
    }
}
