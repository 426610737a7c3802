//! Whether a request lies in a token's scope, however a server may read its path.
//!
//! Standard: docs/http.md, "Scopes".
//! Invariants: a path lies in the scope only if it does as it was sent and as the most lenient server reads
//! it (`route/path.rs`). A path of the scope is plain, so the steps of other servers leave the beginning that
//! the two have in common as it is. If that holds a script's name, the scope names the script, and with it
//! what runs there. What the token does not say of itself, the route's default says.
//! What it must not know: tokens, records, audiences.
//! What a mistake costs: a token does what it was not made for (false accept).

use crate::edge::route::PathReading;
use crate::formats::scope::{Scope, ScopePaths};

/// Whether a request with this method and path, as sent, lies in the scope of a token on a route with this
/// default.
#[must_use]
pub fn admits(own: &Scope, default: &Scope, method: &str, path: &str) -> bool {
    let methods = own.methods.or(default.methods);
    let paths = own.paths.as_ref().or(default.paths.as_ref());
    methods.is_none_or(|methods| methods.admit(method)) && paths.is_none_or(|paths| cover(paths, path))
}

fn cover(paths: &ScopePaths, path: &str) -> bool {
    // Almost every refusal is decided here.
    if !paths.cover(path) {
        return false;
    }
    let Ok(reading) = PathReading::of(path) else { return false };
    // Servers disagree where such a path, or a segment of it, ends.
    if reading.has_control_character() || reading.has_segment_of_two_extents() {
        return false;
    }
    reading.all(|path| paths.cover_in_any_case(path.text()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::scope::Methods;

    fn scope(methods: &[&str], paths: &[&str]) -> Scope {
        Scope {
            methods: Methods::parse(methods.iter().copied()).ok(),
            paths: ScopePaths::parse(paths.iter().copied()).ok(),
        }
    }

    #[test]
    fn what_a_token_does_not_say_the_route_says() {
        let nothing = Scope::default();
        let (reads, tiles) = (scope(&["GET"], &[]), scope(&[], &["/tiles/*"]));
        assert!(admits(&nothing, &nothing, "DELETE", "/x"));
        assert!(!admits(&nothing, &reads, "POST", "/tiles/1") && admits(&nothing, &reads, "GET", "/x"));
        // The token's own list takes the place of the default's, and is not narrowed by it.
        assert!(admits(&scope(&["POST"], &[]), &reads, "POST", "/x"));
        assert!(!admits(&scope(&["POST"], &[]), &reads, "GET", "/x"));
        assert!(admits(&reads, &tiles, "GET", "/tiles/1") && !admits(&reads, &tiles, "GET", "/x"));
        assert!(!admits(&reads, &tiles, "POST", "/tiles/1"));
    }

    #[test]
    fn a_path_lies_in_the_scope_only_if_every_server_reads_it_there() {
        let admitted =
            |paths: &[&str], path: &str| admits(&scope(&[], paths), &Scope::default(), "GET", path);
        for path in ["/v1/pub", "/v1/pub/", "/v1/pub/x", "/v1/pub/X%20y", "/v1/pub//x", "/v1/pub/a%2Fb"] {
            assert!(admitted(&["/v1/pub/*"], path), "{path}");
        }
        for path in [
            "/v1",
            "/v1/public",
            "/V1/pub/x",
            "/v1/Pub",
            "/v1/%70ub/x",
            "//v1/pub/x",
            "/v1//pub/x",
            "/v1/pub;a/x",
            "/v1/pub%2Fx",
            "/v1/pub%2f..%2fadmin",
            "/v1/pub/..%2fadmin",
            "/v1/pub/%2e%2e/admin",
            "/v1/pub/..;/admin",
            "/v1/pub/x\\..\\admin",
            "/v1/pub/%00",
            "/v1/pub/x%0a",
            "/v1/pub%3f/x",
            "/v1/pub./x",
            "/x/v1/pub/x",
            "",
        ] {
            assert!(!admitted(&["/v1/pub/*"], path), "{path}");
        }
        // An exact path has one spelling, but for a final slash.
        for path in ["/v1/x;a", "/v1/x.", "/v1/x%20", "/v1/x//", "/v1/x%3fy", "/v1/x/y", "/v1/%78"] {
            assert!(!admitted(&["/v1/x"], path), "{path}");
        }
        // What runs in a script reads what follows its name.
        assert!(admitted(&["/pub.php/*"], "/pub.php/x") && !admitted(&["/pub/*"], "/pub.php/x"));
        assert!(!admitted(&["/a.php/pub/*", "/b/*"], "/b.php/x"));
        assert!(admitted(&["/index.php/pub/*"], "/index.php/pub/x"));
        assert!(!admitted(&["/index.php/pub/*"], "/index.php/admin"));
        assert!(!admitted(&["/x/*"], "/x/b%2Fa.php/y") && admitted(&["/x/*"], "/x/b/a.php/y"));
        assert!(admitted(&["/*"], "//x/y;z") && !admitted(&["/*"], "/x/../y"));
    }
}
