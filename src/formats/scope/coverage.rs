//! Which routes the paths of a scope reach, so that a path that reaches none can be pointed out.
//!
//! Standard: docs/http.md, "Routes and hosts": the longest path of a host wins.
//! Invariants: decides nothing about requests.
//! What it must not know: requests.
//! What a mistake costs: an operator is warned of a good scope, or not warned of a typing error.

use super::paths::{ScopePath, ScopePaths};
use serde::{Deserialize, Serialize};

/// A route, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedPath {
    /// The host, with its port if written; `None`: every host.
    pub host: Option<String>,
    /// Without a final slash. Empty: every path.
    pub path: String,
    /// What a token must be for.
    pub audience: String,
}

/// Whether some path of the scope reaches no route of these audiences.
#[must_use]
pub fn misses_routes(paths: &ScopePaths, routes: &[ServedPath], audiences: &[String]) -> bool {
    paths.iter().any(|path| !reaches(path, routes, audiences))
}

/// Whether requests exist that lie both in the scope and in the route with this path.
#[must_use]
pub fn lies_in_route(path: &ScopePath, route_path: &str) -> bool {
    is_below(path.base(), route_path) || (path.is_prefix() && is_below(route_path, path.base()))
}

fn reaches(path: &ScopePath, routes: &[ServedPath], audiences: &[String]) -> bool {
    let is_for = |route: &&ServedPath| audiences.contains(&route.audience);
    routes.iter().filter(is_for).any(|route| {
        let lies_below = path.is_prefix() && is_below(&route.path, path.base());
        // A route of another audience may serve all of it: the longest path of a host wins.
        let is_served_by = |other: &ServedPath| {
            other.host == route.host
                && other.path.len() > route.path.len()
                && is_below(path.base(), &other.path)
        };
        lies_below || (is_below(path.base(), &route.path) && !routes.iter().any(is_served_by))
    })
}

/// Whether `path` is `other`, or below it by whole segments.
fn is_below(path: &str, other: &str) -> bool {
    path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reaches_the_route_that_serves_it_and_a_prefix_those_below_too() {
        let route = |host: Option<&str>, path: &str, audience: &str| ServedPath {
            host: host.map(str::to_owned),
            path: path.to_owned(),
            audience: audience.to_owned(),
        };
        let routes = [
            route(None, "", "any"),
            route(None, "/v1", "v1"),
            route(None, "/v1/kiosk", "kiosk"),
            route(Some("b.example"), "/b", "b"),
        ];
        for (path, reached) in [
            ("/x", ["any"].as_slice()),
            ("/v1", &["v1"]),
            ("/v1/x", &["v1"]),
            ("/v10/*", &["any"]),
            ("/v1/kiosk/x", &["kiosk"]),
            ("/v1/kiosk/*", &["kiosk"]),
            ("/v1/*", &["v1", "kiosk"]),
            ("/*", &["any", "v1", "kiosk", "b"]),
            ("/b/x", &["any", "b"]),
            ("/B/x", &["any"]),
        ] {
            let paths = ScopePaths::parse([path]).unwrap();
            for audience in ["any", "v1", "kiosk", "b", "gone"] {
                let misses = misses_routes(&paths, &routes, &[audience.to_owned()]);
                assert_eq!(!misses, reached.contains(&audience), "{path} for {audience}");
            }
        }
        let two = ScopePaths::parse(["/v1/x", "/v2/x"]).unwrap();
        assert!(misses_routes(&two, &routes, &["v1".to_owned()]));
        assert!(!misses_routes(&two, &routes, &["v1".to_owned(), "any".to_owned()]));
    }
}
