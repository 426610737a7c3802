//! Refused requests, as the tail of refusals keeps them: what an operator needs to find out why a page gets
//! 403, and nothing more.
//!
//! Standard: docs/lifecycle.md, "The tail of refusals".
//! Invariants: of a path only its beginning is kept, without query, and long segments are cut, since they may
//! be keys. No token's text is kept, no address, no other header. All texts have a greatest length.
//! What it must not know: why a request was refused; where refusals are kept.
//! What a mistake costs: a secret or a person's data is shown to operators for days.

use crate::base::time::UnixMillis;
use crate::formats::origin::Origin;
use crate::formats::token::Serial;
use crate::limits::{
    REFUSED_METHOD_MAX_CHARS, REFUSED_PATH_MAX_CHARS, REFUSED_SEGMENT_MAX_CHARS, REFUSED_SEGMENT_SHOWN_CHARS,
};
use serde::{Deserialize, Serialize};

/// What is kept of one refused request, beside token and outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRequest {
    /// The requesting page's origin, if the request shows exactly one.
    pub site: Option<Origin>,
    pub method: String,
    pub path: String,
    /// Where it was refused. The platform names it.
    pub location: String,
}

impl RefusedRequest {
    #[must_use]
    pub fn of(method: &str, path: &str, site: Option<Origin>) -> Self {
        Self {
            site: site.filter(|site| !site.is_overlong()),
            method: method.chars().take(REFUSED_METHOD_MAX_CHARS).collect(),
            path: shortened(path),
            location: String::new(),
        }
    }
}

/// Refusals alike that an isolate counted between two batches: same token, outcome and site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The token, if this deployment issued it.
    pub serial: Option<Serial>,
    /// Number of the outcome.
    pub outcome: u8,
    pub site: Option<String>,
    /// Method, path and time of the last one.
    pub method: String,
    pub path: String,
    pub location: String,
    pub at: UnixMillis,
    /// How many they are.
    pub requests: u64,
}

/// A refusal as a shard keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRefusal {
    /// Its place among the refusals of its shard: later ones have higher ones.
    pub position: i64,
    pub refusal: Refusal,
}

/// Which refusals are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalsAsked {
    /// Only of this token.
    pub serial: Option<Serial>,
    /// Only from this site.
    pub site: Option<String>,
    /// Only below this position.
    pub below: Option<i64>,
    pub limit: u32,
}

/// The path without what may be a secret: long segments are cut, and then the whole.
fn shortened(path: &str) -> String {
    let mut short = String::with_capacity(path.len().min(REFUSED_PATH_MAX_CHARS));
    let mut left = REFUSED_PATH_MAX_CHARS;
    for (number, segment) in path.split('/').enumerate() {
        let is_long = segment.chars().count() > REFUSED_SEGMENT_MAX_CHARS;
        let shown = if is_long { REFUSED_SEGMENT_SHOWN_CHARS } else { REFUSED_SEGMENT_MAX_CHARS };
        let slash = if number > 0 { "/" } else { "" };
        for char in slash.chars().chain(segment.chars().take(shown)).chain(is_long.then_some('…')) {
            if left == 0 {
                short.push('…');
                return short;
            }
            short.push(char);
            left -= 1;
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_cut_and_long_segments_are_too() {
        let token = format!("wlp_{}", "A".repeat(42));
        for (path, kept) in [
            ("/", "/".to_owned()),
            ("/tiles/12/2200/1343.png", "/tiles/12/2200/1343.png".to_owned()),
            (&format!("/v1/{token}/a"), "/v1/wlp_AA…/a".to_owned()),
            // However it is encoded, a token is longer than a segment may be.
            (&format!("/v1/%77lp%5F{}/a", "A".repeat(42)), "/v1/%77lp%…/a".to_owned()),
            ("/users/1b4e28ba-2fa1-11d2-883f-0016d3cca427", "/users/1b4e28…".to_owned()),
            (&"/abcdefghi".repeat(20), format!("{}…", "/abcdefghi".repeat(8))),
            (&"/ä".repeat(200), format!("{}…", "/ä".repeat(40))),
        ] {
            let request = RefusedRequest::of("GET", path, None);
            assert_eq!(request.path, kept, "{path}");
            assert!(request.path.chars().count() <= REFUSED_PATH_MAX_CHARS + 1);
        }
        assert_eq!(RefusedRequest::of(&"M".repeat(500), "/", None).method, "M".repeat(16));
    }

    #[test]
    fn an_overlong_site_is_not_kept() {
        let site = |text: &str| RefusedRequest::of("GET", "/", Origin::parse_header(text)).site;
        assert!(site("https://a.example").is_some());
        assert!(site(&format!("{}://host.example", "a".repeat(400))).is_none());
    }
}
