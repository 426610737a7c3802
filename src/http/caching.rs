//! What caches may do with an answer.
//!
//! Standards: RFC 9111 section 5.2.2 (`Cache-Control` of responses), RFC 9213 (targeted cache control).
//! Invariants: no shared cache keeps an answer that was given to one token, unless the route allows it.
//! Unrelated directives stay as they are.
//! What it must not know: origins, tokens.
//! What a mistake costs: a shared cache answers requests that the gate never sees.

/// `Cache-Control` of every refusal: a token's status may change within seconds.
pub const NO_STORE: &str = "no-store";

/// Headers that control only shared caches and override `Cache-Control` there. Removed where no shared cache
/// may keep an answer.
pub const SHARED_CACHE_HEADERS: [&str; 9] = [
    "CDN-Cache-Control",
    "Cloudflare-CDN-Cache-Control",
    "Surrogate-Control",
    "Akamai-Cache-Control",
    "Edge-Control",
    "Fastly-Cache-Control",
    "Netlify-CDN-Cache-Control",
    "Vercel-CDN-Cache-Control",
    "X-Accel-Expires",
];

/// The upstream's `Cache-Control` with `private`, and without directives that allow shared caching.
/// `private="field"` covers only that field, so the bare `private` replaces it.
#[must_use]
pub fn private(cache_control: Option<&str>) -> String {
    let mut kept = String::from("private");
    for directive in directives(cache_control.unwrap_or_default()) {
        let name = directive.split('=').next().unwrap_or_default().trim_end();
        if !SHARED_DIRECTIVES.iter().any(|shared| shared.eq_ignore_ascii_case(name)) {
            kept.push_str(", ");
            kept.push_str(directive);
        }
    }
    kept
}

/// Splits at commas outside quoted strings (RFC 9110 section 5.6.4); empty members are dropped.
fn directives(value: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    let split = value.split(move |c| {
        let separates = c == ',' && !is_quoted;
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => {}
        }
        separates
    });
    split.map(str::trim).filter(|directive| !directive.is_empty())
}

/// Directives that allow a shared cache to keep an answer to a request with credentials (RFC 9111 section
/// 3.5), and `private`, which is added in any case.
const SHARED_DIRECTIVES: [&str; 3] = ["public", "s-maxage", "private"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_an_answer_goes_and_the_rest_stays() {
        for (from, to) in [
            (None, "private"),
            (Some(""), "private"),
            (Some("public, max-age=60"), "private, max-age=60"),
            (Some("Public,S-MaxAge=600 , max-age=60, immutable"), "private, max-age=60, immutable"),
            (Some("s-maxage = 5, no-cache"), "private, no-cache"),
            (Some("private=\"Set-Cookie, X-A\", max-age=1"), "private, max-age=1"),
            (Some("no-cache=\"a, public\", max-age=1"), "private, no-cache=\"a, public\", max-age=1"),
            (Some("x=\"a\\\", public\", public"), "private, x=\"a\\\", public\""),
            (Some("no-store"), "private, no-store"),
        ] {
            assert_eq!(private(from), to);
        }
    }

    #[test]
    fn a_quote_that_never_ends_opens_nothing() {
        assert_eq!(private(Some("x=\"a, public, s-maxage=9")), "private, x=\"a, public, s-maxage=9");
    }
}
