//! What caches may do with an answer.
//!
//! Standards: RFC 9111 section 5.2.2 (`Cache-Control` of responses), RFC 9213 (targeted cache control).
//! Invariants: an answer that was given to one token is kept by no shared cache unless its route says so; directives
//! of other meaning stay as they are.
//! What it must not know: origins, tokens.
//! What a mistake costs: a shared cache that answers requests which the gate never sees (false accept).

/// `Cache-Control` of every refusal: a status may change within seconds.
pub const NO_STORE: &str = "no-store";

/// Headers that speak to shared caches alone, past `Cache-Control`; removed where no shared cache may keep an answer.
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

/// The upstream's `Cache-Control` with `private` in it and without what opens it to shared caches. `private="field"`
/// keeps only that field from them, so the plain word takes its place.
#[must_use]
pub fn private(cache_control: Option<&str>) -> String {
    let mut kept = String::from("private");
    for directive in directives(cache_control.unwrap_or_default()) {
        let name = directive.split('=').next().unwrap_or_default().trim_end();
        if !OPENING.iter().any(|opening| opening.eq_ignore_ascii_case(name)) {
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

/// Directives that let a shared cache keep an answer to a request with credentials (RFC 9111 section 3.5), and the
/// word that is put in anyway.
const OPENING: [&str; 3] = ["public", "s-maxage", "private"];

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
