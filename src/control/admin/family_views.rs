//! The JSON of rotations, families and bulk calls.
//!
//! Standard: DESIGN section 7.
//! Invariants: the schema in docs/openapi.json is derived from these types, so what is documented is what is sent.
//! What it must not know: HTTP.
//! What a mistake costs: somebody ends the token that is still in use.

use super::ids::{self, List};
use super::render::fault_problem;
use super::usage_view::{self, TokenTraffic, UsageSeen};
use super::views::{EditedToken, Receipt, Token};
use crate::distribution;
use crate::limits::MS_PER_SECOND;
use crate::registry::command::{self, BulkStep, FamilyView, Rotated, Skipped, TokenState, TokenView};
use crate::time::UnixMillis;
use crate::token::Serial;
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;

/// A successor just made, with its text.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct RotatedToken {
    /// The successor's settings.
    #[serde(flatten)]
    pub settings: Token,
    /// Its full text, `wlp_…`.
    pub token: String,
    /// The token that it succeeds, with what is planned for its end. (`predecessor` is its id.)
    pub predecessor_token: Option<Token>,
    /// Of the revocation of the token that it succeeds, where that came in the same step (`now`).
    pub receipt: Option<Receipt>,
    /// Of everything that was revoked in the same step.
    pub receipts: Vec<Receipt>,
}

impl RotatedToken {
    /// As `made`, judged at `now`.
    #[must_use]
    pub fn of(made: Rotated, now: UnixMillis) -> Self {
        let predecessor = made.token.predecessor;
        let receipt = made.receipts.iter().find(|receipt| Some(receipt.serial) == predecessor).cloned();
        Self {
            settings: Token::of(made.token, now),
            token: made.text,
            predecessor_token: made.predecessor.map(|view| Token::of(view, now)),
            receipt: receipt.map(Receipt::from),
            receipts: made.receipts.into_iter().map(Receipt::from).collect(),
        }
    }
}

/// A family: a token and its successors.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct Family {
    /// `fam_…`
    pub id: String,
    /// The token to copy; null when none works.
    pub current: Option<String>,
    /// Those that are active or disabled, newest first: two at most.
    pub active: Vec<String>,
    /// The last three that were revoked, newest first.
    pub revoked: Vec<String>,
    /// The newest hundred, newest first; `predecessor` and `successor` of each make the tree.
    pub tokens: Vec<Token>,
    /// How many tokens it has in all.
    pub total: u64,
    /// The last 24 hours of those that are active or disabled and of the last three that are not, newest first: old and new
    /// side by side. Null when usage is not counted, or cannot be had now.
    pub traffic: Option<Vec<TokenTraffic>>,
}

impl Family {
    /// As `view`, judged at `now`.
    #[must_use]
    pub fn of(view: FamilyView, usage: UsageSeen, now: UnixMillis) -> Self {
        let ids = |is_one: fn(TokenState) -> bool| {
            let those = view.tokens.iter().filter(move |token| is_one(token.state));
            those.map(|token| ids::token_id(token.serial))
        };
        let active = ids(|state| matches!(state, TokenState::Active | TokenState::Disabled)).collect();
        let revoked =
            ids(|state| state == TokenState::Revoked).take(crate::limits::FAMILY_REVOKED_SHOWN).collect();
        Self {
            id: view.family,
            current: view.current.map(ids::token_id),
            active,
            revoked,
            tokens: view.tokens.into_iter().map(|token| Token::of(token, now)).collect(),
            total: view.total,
            traffic: usage_view::family_traffic(usage),
        }
    }
}

/// The token of a family to copy, for jobs.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct FamilyToken {
    /// `fam_…`
    pub family: String,
    /// `tok_` and its number.
    pub id: String,
    /// Its full text, `wlp_…`.
    pub token: String,
    /// RFC 3339 UTC.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub expires_at: String,
    /// An operator's earlier end.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    /// When to ask again, in seconds: a successor is then copied well before the end.
    pub refresh_after_seconds: i64,
}

impl FamilyToken {
    /// As `view`, with the token's `text`, judged at `now`.
    #[must_use]
    pub fn of(view: TokenView, text: String, now: UnixMillis) -> Self {
        let planned_end = view.rotation.as_ref().and_then(|rotation| rotation.planned_end);
        let ends = [Some(view.expires_at.to_millis()), view.ends_at, planned_end];
        let soonest = ends.into_iter().flatten().min().unwrap_or(now);
        let is_unseen = view.predecessor.is_some() && view.first_used_at.is_none();
        let is_rotating = is_unseen || view.successor.is_some();
        let ends_in = soonest.since_ms(now).max(0) / MS_PER_SECOND;
        Self {
            family: view.family,
            id: ids::token_id(view.serial),
            token: text,
            expires_at: view.expires_at.to_rfc3339(),
            ends_at: view.ends_at.map(UnixMillis::to_rfc3339),
            refresh_after_seconds: distribution::refresh_after_seconds(ends_in, is_rotating),
        }
    }
}

/// The tokens of a family after an edit.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct EditedFamily {
    /// Those that were active or disabled, newest first.
    pub tokens: Vec<EditedToken>,
}

impl EditedFamily {
    /// As `edited`, judged at `now`.
    #[must_use]
    pub fn of(edited: Vec<(TokenView, command::Receipt)>, now: UnixMillis) -> Self {
        let tokens = edited
            .into_iter()
            .map(|(view, receipt)| EditedToken { settings: Token::of(view, now), receipt: receipt.into() });
        Self { tokens: tokens.collect() }
    }
}

/// One step of a bulk revocation.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct BulkRevoked {
    /// How many tokens the filter finds from this step on, this one included.
    pub matched: u64,
    /// One for each token that was revoked; none in a dry run.
    pub receipts: Vec<Receipt>,
    /// What was left out, or would be.
    pub skipped: Vec<SkippedToken>,
    /// `cursor` of the next step; null when nothing is left.
    pub next_cursor: Option<String>,
}

impl From<BulkStep<command::Receipt>> for BulkRevoked {
    fn from(step: BulkStep<command::Receipt>) -> Self {
        Self {
            matched: step.matched,
            receipts: step.done.into_iter().map(Receipt::from).collect(),
            skipped: step.skipped.into_iter().map(SkippedToken::from).collect(),
            next_cursor: cursor(step.next),
        }
    }
}

/// One step of a bulk rotation.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct BulkRotated {
    /// How many tokens the filter finds from this step on, this one included.
    pub matched: u64,
    /// One for each token that was rotated; none in a dry run. A successor's text: `GET /tokens/{id}/token`.
    pub rotated: Vec<RotatedInBulk>,
    /// What was left out, or would be.
    pub skipped: Vec<SkippedToken>,
    /// `cursor` of the next step; null when nothing is left.
    pub next_cursor: Option<String>,
}

/// A token that a bulk rotation rotated.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct RotatedInBulk {
    /// `tok_` and its number.
    pub id: String,
    /// Its successor.
    pub successor: Token,
}

impl BulkRotated {
    /// As `step`, judged at `now`.
    #[must_use]
    pub fn of(step: BulkStep<(Serial, TokenView)>, now: UnixMillis) -> Self {
        let rotated = step.done.into_iter();
        let rotated = rotated.map(|(serial, view)| RotatedInBulk {
            id: ids::token_id(serial),
            successor: Token::of(view, now),
        });
        Self {
            matched: step.matched,
            rotated: rotated.collect(),
            skipped: step.skipped.into_iter().map(SkippedToken::from).collect(),
            next_cursor: cursor(step.next),
        }
    }
}

/// A token that a bulk call left out.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct SkippedToken {
    /// `tok_` and its number.
    pub id: String,
    /// Why: the code of the problem that a call for this token alone gets.
    pub code: &'static str,
}

impl From<Skipped> for SkippedToken {
    fn from(skipped: Skipped) -> Self {
        Self { id: ids::token_id(skipped.serial), code: fault_problem(*skipped.fault).code.code() }
    }
}

fn cursor(next: Option<Serial>) -> Option<String> {
    next.map(|below| ids::cursor(List::Tokens, i64::from(below.0)))
}
