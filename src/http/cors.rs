//! Which pages may read an answer: preflights, and the header edits of every answer.
//!
//! Standards: Fetch standard section 3.3 (CORS protocol); RFC 9110 section 12.5.5 (`Vary`).
//! Invariants: a guarded route answers preflights itself, without a token (browsers send none with them); the gate's
//! decision is made on the real request and never by CORS; every answer of a guarded route varies by `Origin`; an
//! anonymous route keeps the upstream's CORS.
//! What it must not know: tokens, rules.
//! What a mistake costs: a page that cannot read why it was refused sees only "network error"; an answer without
//! `Vary` is handed from a cache to another origin. Admission is not at stake here.

use crate::caching;
use crate::limits;
use crate::route::Route;
use std::borrow::Cow;

/// Edits of an answer's headers; `remove` is done before `set`, and `set` replaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderEdits<'a> {
    /// Name and new value.
    pub set: Vec<(&'static str, Cow<'a, str>)>,
    /// Names.
    pub remove: Vec<&'static str>,
}

/// What a browser asks in a preflight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preflight<'a> {
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// `Access-Control-Request-Method`.
    pub method: Option<&'a str>,
    /// `Access-Control-Request-Headers`.
    pub headers: Option<&'a str>,
}

/// What an upstream says that is merged with what we say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpstreamHeaders<'a> {
    /// `Vary`.
    pub vary: Option<&'a str>,
    /// `Cache-Control`.
    pub cache_control: Option<&'a str>,
    /// `Access-Control-Expose-Headers`.
    pub expose_headers: Option<&'a str>,
}

/// `OPTIONS` with `Access-Control-Request-Method`, whatever that names.
#[must_use]
pub fn is_preflight(method: &str, request_method: Option<&str>) -> bool {
    method == "OPTIONS" && request_method.is_some()
}

/// Headers of the 204 that answers a preflight; `None` on an anonymous route, whose upstream answers. `route` is `None`
/// for Wayleave's own paths that pages may read.
///
/// It lets any page ask: which token the real request will carry, and so which origins are right, is not known yet.
#[must_use]
pub fn preflight<'a>(route: Option<&Route>, asked: &Preflight<'a>) -> Option<HeaderEdits<'a>> {
    if route.is_some_and(Route::is_anonymous) {
        return None;
    }
    let mut edits = HeaderEdits::default();
    edits.set.push((VARY, Cow::Borrowed(VARY_PREFLIGHT)));
    if let Some(origin) = asked.origin.filter(|origin| is_reflectable(origin)) {
        edits.allow_origin(origin, route.is_some_and(Route::allows_credentials));
        if let Some(method) = asked.method.filter(|method| is_token_list(method)) {
            edits.set.push((ALLOW_METHODS, Cow::Borrowed(method)));
        }
        if let Some(headers) = asked.headers.filter(|headers| is_token_list(headers)) {
            edits.set.push((ALLOW_HEADERS, Cow::Borrowed(headers)));
        }
        edits.set.push((MAX_AGE, Cow::Owned(limits::PREFLIGHT_MAX_AGE_SECONDS.to_string())));
    }
    Some(edits)
}

/// Edits of an upstream's answer to a request that was let through. `credential_header` is the one that held the token:
/// the answer depends on it (RFC 9110 section 12.5.5), so a cache must not give it to a request with another token.
#[must_use]
pub fn admitted<'a>(
    route: &Route,
    origin: Option<&'a str>,
    credential_header: Option<&'a str>,
    upstream: &UpstreamHeaders<'a>,
) -> HeaderEdits<'a> {
    let mut edits = HeaderEdits::default();
    let by_origin = (!route.is_anonymous()).then_some(ORIGIN);
    if by_origin.is_some() {
        edits.remove.extend([ALLOW_ORIGIN, ALLOW_CREDENTIALS]);
        if let Some(origin) = origin.filter(|origin| is_reflectable(origin)) {
            edits.allow_origin(origin, route.allows_credentials());
            edits.set.push((EXPOSE_HEADERS, expose(upstream.expose_headers)));
        }
    }
    if let Some(vary) = vary(upstream.vary, by_origin.into_iter().chain(credential_header)) {
        edits.set.push((VARY, vary));
    }
    if !route.is_shared_cache() {
        edits.set.push((CACHE_CONTROL, Cow::Owned(caching::private(upstream.cache_control))));
        edits.remove.extend(caching::SHARED_CACHE_HEADERS);
    }
    edits
}

/// Headers of a problem. `route` is `None` when none was found. On anonymous routes too: a bad token is refused there,
/// and the page must be able to read why.
#[must_use]
pub fn refused<'a>(route: Option<&Route>, origin: Option<&'a str>) -> HeaderEdits<'a> {
    let mut edits = HeaderEdits::default();
    edits.set.push((CACHE_CONTROL, Cow::Borrowed(caching::NO_STORE)));
    edits.set.push((VARY, Cow::Borrowed(ORIGIN)));
    if let Some(origin) = origin.filter(|origin| is_reflectable(origin)) {
        edits.allow_origin(origin, route.is_some_and(Route::allows_credentials));
        edits.set.push((EXPOSE_HEADERS, Cow::Borrowed(EXPOSED)));
    }
    edits
}

impl<'a> HeaderEdits<'a> {
    fn allow_origin(&mut self, origin: &'a str, credentials: bool) {
        self.set.push((ALLOW_ORIGIN, Cow::Borrowed(origin)));
        if credentials {
            self.set.push((ALLOW_CREDENTIALS, Cow::Borrowed("true")));
        }
    }
}

/// A value that means one origin, or `null`, when it is sent back. `*` would mean every origin, and a comma a list.
fn is_reflectable(origin: &str) -> bool {
    (1..=limits::ORIGIN_RULE_MAX_CHARS).contains(&origin.len())
        && origin != "*"
        && origin.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}

/// Tokens (RFC 9110 section 5.6.2) and what stands between them in a list.
fn is_token_list(value: &str) -> bool {
    !value.is_empty()
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~, ".contains(&byte))
}

/// The upstream's `Vary` and `ours`, as far as it does not say so itself or says `*`. `None` when there is nothing to add.
fn vary<'a>(upstream: Option<&'a str>, ours: impl Iterator<Item = &'a str>) -> Option<Cow<'a, str>> {
    let upstream = upstream.map(str::trim).unwrap_or_default();
    let says =
        |name: &str| members(upstream).any(|theirs| theirs == "*" || theirs.eq_ignore_ascii_case(name));
    let mut names = upstream.to_owned();
    for name in ours.filter(|name| !says(name)) {
        if !names.is_empty() {
            names.push_str(", ");
        }
        names.push_str(name);
    }
    (names.len() > upstream.len()).then_some(Cow::Owned(names))
}

/// What the upstream exposes, and what we do.
fn expose(upstream: Option<&str>) -> Cow<'_, str> {
    let Some(upstream) = upstream.map(str::trim).filter(|names| !names.is_empty()) else {
        return Cow::Borrowed(EXPOSED);
    };
    let mut names = upstream.to_owned();
    for ours in members(EXPOSED) {
        if !members(upstream).any(|theirs| theirs.eq_ignore_ascii_case(ours)) {
            names.push_str(", ");
            names.push_str(ours);
        }
    }
    Cow::Owned(names)
}

fn members(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim)
}

/// Headers of ours that a page may read, each spelled out: with credentials, `*` is the name of a header.
const EXPOSED: &str = "WWW-Authenticate, Retry-After, Sunset, Deprecation, Wayleave-Token-Expires";
const VARY_PREFLIGHT: &str = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
const ALLOW_CREDENTIALS: &str = "Access-Control-Allow-Credentials";
const ALLOW_HEADERS: &str = "Access-Control-Allow-Headers";
const ALLOW_METHODS: &str = "Access-Control-Allow-Methods";
const ALLOW_ORIGIN: &str = "Access-Control-Allow-Origin";
const CACHE_CONTROL: &str = "Cache-Control";
const EXPOSE_HEADERS: &str = "Access-Control-Expose-Headers";
const MAX_AGE: &str = "Access-Control-Max-Age";
const ORIGIN: &str = "Origin";
const VARY: &str = "Vary";

#[cfg(test)]
mod tests;
