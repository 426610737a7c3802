//! What a problem of the admin API contains besides the members of RFC 9457: what prevents the call, and what
//! to use instead.
//!
//! Standards: RFC 9457 section 3.2 (extension members); RFC 3339 for instants. The schema in
//! docs/openapi.json is derived from this type, so every member that is sent is documented. `render` decides
//! when each is sent.

use super::ids;
use crate::base::time::UnixMillis;
use crate::control::registry::command::BlockingToken;
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// Extension members that some problems have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct ProblemMembers {
    /// With `key_in_use`: how many tokens signed with the key are live.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "u64"))]
    pub live_tokens: Option<u64>,
    /// With `key_missing`: the locations that lack the signing key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Vec<String>"))]
    pub missing_at: Option<Vec<String>>,
    /// With `successor_unused`: the newest token of the family, which is still to be deployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "BlockingTokenJson"))]
    pub waiting: Option<BlockingTokenJson>,
    /// With `successor_unused`: the token that works until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "BlockingTokenJson"))]
    pub predecessor: Option<BlockingTokenJson>,
    /// With `max_active_tokens`: the two tokens of the family, newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Vec<BlockingTokenJson>"))]
    pub active: Option<Vec<BlockingTokenJson>>,
    /// With `has_successor`, `disabled` and `rotate_another`: the token of the family to rotate instead;
    /// null: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<String>"))]
    pub rotate_instead: Option<Option<String>>,
    /// With `unexpected_count`: how many tokens the filter finds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "u64"))]
    pub matched: Option<u64>,
}

impl ProblemMembers {
    /// The members as a JSON object.
    #[must_use]
    pub fn into_map(self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members,
            // Numbers and strings can always be serialised as JSON.
            _ => Map::new(),
        }
    }
}

/// A token that prevents the call, and its latest known use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema), schemars(rename = "TokenInTheWay"))]
pub struct BlockingTokenJson {
    /// The token's id, `tok_…`.
    pub id: String,
    /// The token's latest known use; null: none.
    pub last_used_at: Option<String>,
}

impl From<BlockingToken> for BlockingTokenJson {
    fn from(standing: BlockingToken) -> Self {
        let last_used_at = standing.last_used_at.map(UnixMillis::to_rfc3339);
        Self { id: ids::token_id(standing.serial), last_used_at }
    }
}
