//! By what tokens are found, and in which order they are listed.

use super::token::TokenState;
use crate::formats::key::KeyId;
use crate::formats::origin::TupleOrigin;
use crate::formats::token::Serial;
use serde::{Deserialize, Serialize};

/// Filters and page of `GET /tokens`. A token must match all filters given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TokenFilter {
    /// The state at the time of the call.
    pub state: Option<TokenState>,
    pub family: Option<String>,
    /// Only tokens of exactly this owner.
    pub owner: Option<String>,
    /// The exact external id.
    pub external_id: Option<String>,
    /// An audience of the token.
    pub audience: Option<String>,
    /// The signing key of the token.
    pub key_id: Option<KeyId>,
    /// An origin that the token's rules admit.
    #[serde(default, with = "origin_text")]
    pub origin: Option<TupleOrigin>,
    /// This token only. The caller presented its whole text, which verified and is not stored anywhere.
    pub serial: Option<Serial>,
    /// Part of label, owner or external id; or an id, a fingerprint, or a token's first 12 or last 8
    /// characters.
    pub q: Option<String>,
    /// Active tokens that end within this many seconds.
    pub expiring_within_seconds: Option<i64>,
    /// Unended tokens without a known use in this many seconds.
    #[serde(default)]
    pub unused_for_seconds: Option<i64>,
    /// Whether the token has a successor.
    #[serde(default)]
    pub has_successor: Option<bool>,
    /// These tokens only.
    #[serde(default)]
    pub serials: Option<Vec<Serial>>,
    /// The name of the token's rate class.
    #[serde(default)]
    pub rate: Option<String>,
    /// The code of a warning that the token has.
    #[serde(default)]
    pub warning: Option<String>,
    /// The order of the list.
    #[serde(default)]
    pub sort: Sort,
    /// Whether the list says how many tokens there are.
    #[serde(default)]
    pub wants_total: bool,
    /// Items on the page, 1 to `PAGE_LIMIT_MAX`.
    pub limit: u32,
    /// Only tokens that come after this one in the order.
    pub below: Option<Serial>,
    /// What that token was sorted by when it ended the page before; none where the order is by age.
    #[serde(default)]
    pub below_key: Option<SortKey>,
    /// Only tokens that are not newer than this one.
    #[serde(default)]
    pub until: Option<Serial>,
}

/// What a token is sorted by, in its form at that time: it may be another when the next page is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SortKey {
    Label(String),
    Owner(String),
    /// Milliseconds since 1970.
    Ends(i64),
    /// Likewise; 0 without a use.
    Used(i64),
}

impl SortKey {
    /// The order that has keys of this kind.
    #[must_use]
    pub const fn sort_by(&self) -> SortBy {
        match self {
            Self::Label(_) => SortBy::Label,
            Self::Owner(_) => SortBy::Owner,
            Self::Ends(_) => SortBy::Ends,
            Self::Used(_) => SortBy::Used,
        }
    }
}

/// The order of a list of tokens. Tokens that are alike in it are ordered by age.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    pub by: SortBy,
    pub ascending: bool,
}

/// What a list of tokens is sorted by. Each has an index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SortBy {
    #[default]
    Created,
    /// By characters; ASCII letters without case.
    Label,
    /// Likewise.
    Owner,
    /// By the earlier of both ends.
    Ends,
    /// By the hour of the last use.
    Used,
}

/// How many tokens a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokensTotal {
    pub count: u64,
    /// False: there may be more, and they were not counted.
    pub is_exact: bool,
}

impl TokensTotal {
    /// The total of a list of which so many tokens were found.
    #[must_use]
    pub fn of_at_least(self, found: usize) -> Self {
        Self { count: self.count.max(u64::try_from(found).unwrap_or(u64::MAX)), ..self }
    }
}

/// Encodes an origin as its text.
mod origin_text {
    use crate::formats::origin::{Origin, TupleOrigin};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(origin: &Option<TupleOrigin>, to: S) -> Result<S::Ok, S::Error> {
        origin.as_ref().map(TupleOrigin::to_string).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<TupleOrigin>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        match Origin::parse_header(&text) {
            Some(Origin::Tuple(origin)) => Ok(Some(origin)),
            _ => Err(D::Error::custom("not an origin")),
        }
    }
}
