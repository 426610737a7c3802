//! The JSON of bulk calls (docs/http.md, "Bulk calls").
//!
//! The schema in docs/openapi.json is derived from these types, so the documentation and the responses agree.

use super::cursors::{BEGINNING, step_cursor};
use super::fault_problems::fault_problem;
use super::ids;
use super::token_views::{ReceiptJson, Token};
use crate::base::time::UnixMillis;
use crate::control::registry::command;
use crate::control::registry::command::{BulkCounts, BulkStep, Skipped, TokenView};
use crate::formats::token::Serial;
use crate::http::problem::Reason;
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;

/// How many tokens a bulk call meets.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct Counts {
    /// Number of tokens that the filter finds. In the answer to the first step only.
    pub matched: u64,
    /// How many of those are protected.
    pub protected: u64,
    /// How many of those were used in the last 24 hours, as far as the registry knows.
    pub used_lately: u64,
}

impl From<BulkCounts> for Counts {
    fn from(BulkCounts { matched, protected, used_lately }: BulkCounts) -> Self {
        Self { matched, protected, used_lately }
    }
}

/// One step of a bulk revocation.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct BulkRevoked {
    /// What the filter finds; in the answer to the first step only.
    #[serde(flatten)]
    pub counts: Option<Counts>,
    /// One receipt for each revoked token; empty in a dry run.
    pub receipts: Vec<ReceiptJson>,
    /// The tokens that were skipped, or that a real run would skip.
    pub skipped: Vec<SkippedToken>,
    /// The `cursor` of the next step; null when nothing is left.
    pub next_cursor: Option<String>,
}

impl From<BulkStep<command::Receipt>> for BulkRevoked {
    fn from(step: BulkStep<command::Receipt>) -> Self {
        let next_cursor = cursor(&step);
        Self {
            counts: step.counts.map(Counts::from),
            receipts: step.done.into_iter().map(ReceiptJson::from).collect(),
            skipped: step.skipped.into_iter().map(SkippedToken::from).collect(),
            next_cursor,
        }
    }
}

/// One step of a bulk call that disables or enables tokens, or gives them to another owner.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct BulkChanged {
    /// What the filter finds; in the answer to the first step only.
    #[serde(flatten)]
    pub counts: Option<Counts>,
    /// One receipt for each changed token; empty in a dry run.
    pub receipts: Vec<ReceiptJson>,
    /// The tokens that were skipped, or that a real run would skip.
    pub skipped: Vec<SkippedToken>,
    /// The `cursor` of the next step; null when nothing is left.
    pub next_cursor: Option<String>,
}

impl From<BulkStep<command::Receipt>> for BulkChanged {
    fn from(step: BulkStep<command::Receipt>) -> Self {
        let BulkRevoked { counts, receipts, skipped, next_cursor } = BulkRevoked::from(step);
        Self { counts, receipts, skipped, next_cursor }
    }
}

/// One step of a bulk rotation.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct BulkRotated {
    /// What the filter finds; in the answer to the first step only.
    #[serde(flatten)]
    pub counts: Option<Counts>,
    /// One entry for each rotated token; empty in a dry run. `GET /tokens/{id}/token` gives a successor's
    /// text.
    pub rotated: Vec<RotatedInBulk>,
    /// The tokens that were skipped, or that a real run would skip.
    pub skipped: Vec<SkippedToken>,
    /// The `cursor` of the next step; null when nothing is left.
    pub next_cursor: Option<String>,
}

/// A token that a bulk rotation rotated.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct RotatedInBulk {
    /// The token's id, `tok_…`.
    pub id: String,
    /// The token that succeeds it.
    pub successor: Token,
}

impl BulkRotated {
    /// The view of `step`; states are judged at `now`.
    #[must_use]
    pub(super) fn of(step: BulkStep<(Serial, TokenView)>, now: UnixMillis) -> Self {
        let next_cursor = cursor(&step);
        let rotated = step.done.into_iter();
        let rotated = rotated.map(|(serial, view)| RotatedInBulk {
            id: ids::token_id(serial),
            successor: Token::of(view, now),
        });
        Self {
            counts: step.counts.map(Counts::from),
            rotated: rotated.collect(),
            skipped: step.skipped.into_iter().map(SkippedToken::from).collect(),
            next_cursor,
        }
    }
}

/// A token that a bulk call skipped.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct SkippedToken {
    /// The token's id, `tok_…`.
    pub id: String,
    /// The reason: the problem code that a call for this token alone would get.
    pub code: &'static str,
    /// The reason within that code, if the code has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String"))]
    pub reason: Option<&'static str>,
}

impl From<Skipped> for SkippedToken {
    fn from(skipped: Skipped) -> Self {
        let problem = fault_problem(*skipped.fault).problem;
        let reason = problem.reason().map(Reason::name);
        Self { id: ids::token_id(skipped.serial), code: problem.code().code(), reason }
    }
}

/// The cursor of the next step; none when nothing is left.
fn cursor<T>(step: &BulkStep<T>) -> Option<String> {
    // The previous release went from the newest token to the oldest, and did not say where the call ends.
    // What it has left is older than `next`.
    step.next.map(|next| match step.until {
        Some(until) => step_cursor(next, until),
        None => step_cursor(BEGINNING, next),
    })
}
