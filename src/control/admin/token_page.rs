//! One page of the list of tokens, and how many there are.

use super::cursors::token_cursor;
use super::token_views::Token;
use crate::base::time::UnixMillis;
use crate::control::registry::command::{SortKey, TokenView, TokensTotal};
use crate::formats::token::Serial;
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;

/// One page of the list of tokens.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub(super) struct TokenPage {
    /// The tokens, in the order that was asked for.
    pub items: Vec<Token>,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<String>,
    /// How many tokens match, whatever the page. Only with `total=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "TotalJson"))]
    pub total: Option<TotalJson>,
}

/// How many tokens match.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema), schemars(rename = "Total"))]
pub(super) struct TotalJson {
    /// Counted up to a limit.
    pub count: u64,
    /// False: there may be more. They were not counted, since that would take too long.
    pub exact: bool,
}

impl TokenPage {
    /// The page of `items`; states are judged at `now`.
    #[must_use]
    pub(super) fn of(
        items: Vec<TokenView>,
        next: Option<Serial>,
        next_key: Option<&SortKey>,
        total: Option<TokensTotal>,
        now: UnixMillis,
    ) -> Self {
        Self {
            items: items.into_iter().map(|view| Token::of(view, now)).collect(),
            next_cursor: next.map(|below| token_cursor(below, next_key)),
            total: total.map(|total| TotalJson { count: total.count, exact: total.is_exact }),
        }
    }
}
