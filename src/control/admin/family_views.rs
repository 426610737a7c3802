//! The JSON of rotations and families (docs/lifecycle.md, "Families").
//!
//! The schema in docs/openapi.json is derived from these types, so the documentation and the responses agree.

use super::ids;
use super::token_views::{EditedToken, ReceiptJson, Token};
use super::usage_view::{self, TokenTraffic, UsageSeen};
use crate::base::time::UnixMillis;
use crate::control::registry::command;
use crate::control::registry::command::{FamilyView, FetchView, Rotated, TokenState, TokenView};
use crate::formats::distribution;
use crate::limits::MS_PER_SECOND;
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;

/// A newly made successor, with its text.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct RotatedToken {
    /// Settings and state of the successor.
    #[serde(flatten)]
    pub settings: Token,
    /// Its full text, `wlp_…`.
    pub token: String,
    /// The token that it succeeds, including the planned end. (`predecessor` is its id.)
    pub predecessor_token: Option<Token>,
    /// Receipt for the revocation of the predecessor, if the same step revoked it (`now`).
    pub receipt: Option<ReceiptJson>,
    /// Receipts for everything that the same step revoked.
    pub receipts: Vec<ReceiptJson>,
}

impl RotatedToken {
    /// The view of `made`; states are judged at `now`.
    #[must_use]
    pub(super) fn of(made: Rotated, now: UnixMillis) -> Self {
        let predecessor = made.token.predecessor;
        let receipt = made.receipts.iter().find(|receipt| Some(receipt.serial) == predecessor).cloned();
        Self {
            settings: Token::of(made.token, now),
            token: made.text,
            predecessor_token: made.predecessor.map(|view| Token::of(view, now)),
            receipt: receipt.map(ReceiptJson::from),
            receipts: made.receipts.into_iter().map(ReceiptJson::from).collect(),
        }
    }
}

/// A family: a token and its successors.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema), schemars(rename = "Family"))]
pub(super) struct FamilyJson {
    /// The family's id, `fam_…`.
    pub id: String,
    /// Id of the token to copy; null when none is active.
    pub current: Option<String>,
    /// Ids of the tokens that are active or disabled, newest first: at most two.
    pub active: Vec<String>,
    /// Ids of the last three revoked tokens, newest first.
    pub revoked: Vec<String>,
    /// The newest 100 tokens, newest first. Their `predecessor` and `successor` form the tree.
    pub tokens: Vec<Token>,
    /// Number of tokens in the family.
    pub total: u64,
    /// When a token of the family was last fetched by a job or a page, within ten minutes; null: never.
    pub last_fetched_at: Option<String>,
    /// Who last fetched which token: admin keys, and origins of pages; the latest first, 20 of each at most.
    pub consumers: Vec<Consumer>,
    /// Traffic of the last 24 hours, newest token first: the tokens that are active or disabled, and the last
    /// three that are not, so that old and new can be compared. Null when usage is not counted or is not
    /// available now.
    pub traffic: Option<Vec<TokenTraffic>>,
}

impl FamilyJson {
    /// The view of `view`; states are judged at `now`.
    #[must_use]
    pub(super) fn of(view: FamilyView, usage: UsageSeen, now: UnixMillis) -> Self {
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
            last_fetched_at: view.fetches.first().map(|fetch| fetch.at.to_rfc3339()),
            consumers: view.fetches.into_iter().map(Consumer::from).collect(),
            traffic: usage_view::family_traffic(usage),
        }
    }
}

/// A job, or the pages of an origin, and the token of the family that it last fetched.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct Consumer {
    /// The id of the admin key, `key_…`, or the origin of the pages.
    pub by: String,
    /// Id of the token.
    pub token: String,
    /// When, within ten minutes.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub at: String,
}

impl From<FetchView> for Consumer {
    fn from(view: FetchView) -> Self {
        Self { by: view.by, token: ids::token_id(view.serial), at: view.at.to_rfc3339() }
    }
}

/// The family's token to copy, for automated jobs.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct FamilyToken {
    /// The family's id, `fam_…`.
    pub family: String,
    /// The token's id, `tok_…`.
    pub id: String,
    /// Its full text, `wlp_…`.
    pub token: String,
    /// When the token expires: RFC 3339, UTC.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    pub expires_at: String,
    /// An earlier end set by an operator.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "date-time")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    /// When to ask again, in seconds. This leaves enough time to copy a successor before the end.
    pub refresh_after_seconds: i64,
}

impl FamilyToken {
    /// The view of `view` with the token's `text`; times are judged at `now`.
    #[must_use]
    pub(super) fn of(view: TokenView, text: String, now: UnixMillis) -> Self {
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
pub(super) struct EditedFamily {
    /// The tokens that were active or disabled, newest first.
    pub tokens: Vec<EditedToken>,
}

impl EditedFamily {
    /// The view of `edited`; states are judged at `now`.
    #[must_use]
    pub(super) fn of(edited: Vec<(TokenView, command::Receipt)>, now: UnixMillis) -> Self {
        let tokens = edited
            .into_iter()
            .map(|(view, receipt)| EditedToken { settings: Token::of(view, now), receipt: receipt.into() });
        Self { tokens: tokens.collect() }
    }
}
