//! Which pages may read an answer: preflights, and the CORS headers of every answer.
//!
//! Standards: Fetch standard sections 3.3 (CORS protocol) and 3.7 (`Cross-Origin-Resource-Policy`); RFC 9110
//! section 12.5.5 (`Vary`).
//! Invariants:
//! - The gateway answers the preflights of a guarded route, without a token: browsers send none with them.
//! - CORS never decides admission. The gate decides on the real request.
//! - Every answer of a guarded route varies by `Origin`.
//! - Cookies are allowed only to an origin that a rule of the token names.
//! - An anonymous route keeps the upstream's CORS headers.
//!
//! What it must not know: tokens; which rules there are.
//! What a mistake costs: a page that cannot read its refusal sees only "network error". Without `Vary`, a
//! cache gives an answer to another origin. A site that may read answers made with a visitor's cookies reads
//! that visitor's data. Admission is not affected.

use crate::http::caching;
use crate::limits;
use std::borrow::Cow;

/// Edits of an answer's headers: first `remove`, then `set`, which replaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderEdits<'a> {
    /// Header names and their new values.
    pub set: Vec<(&'static str, Cow<'a, str>)>,
    /// Names of headers to remove.
    pub remove: Vec<&'static str>,
    /// Whether to remove the console's cookie from `Set-Cookie`.
    pub cuts_session_cookie: bool,
}

/// The properties of a route on which these headers depend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteCors {
    /// Whether a request without a credential is admitted.
    pub is_anonymous: bool,
    /// Whether pages may send cookies.
    pub allows_credentials: bool,
    /// Whether shared caches may store answers, where the upstream allows it.
    pub is_shared_cache: bool,
}

/// The page that sent the request, as far as CORS depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestingPage<'a> {
    /// The value of the header `Origin`.
    pub origin: Option<&'a str>,
    /// Whether an enforced rule of the token names that origin.
    pub is_named: bool,
}

/// What a browser asks in a preflight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preflight<'a> {
    /// The value of the header `Origin`.
    pub origin: Option<&'a str>,
    /// Whether a rule of a token can name that origin.
    pub can_be_named: bool,
    /// The value of `Access-Control-Request-Method`.
    pub method: Option<&'a str>,
    /// The value of `Access-Control-Request-Headers`.
    pub headers: Option<&'a str>,
}

/// Headers of the upstream that are merged with the gateway's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpstreamHeaders<'a> {
    /// The value of `Vary`.
    pub vary: Option<&'a str>,
    /// The value of `Cache-Control`.
    pub cache_control: Option<&'a str>,
    /// The value of `Access-Control-Expose-Headers`.
    pub expose_headers: Option<&'a str>,
}

/// Whether the request is a preflight: `OPTIONS` with `Access-Control-Request-Method`, whatever its value.
#[must_use]
pub fn is_preflight(method: &str, request_method: Option<&str>) -> bool {
    method == "OPTIONS" && request_method.is_some()
}

/// Headers of the 204 that answers a preflight. `None` on an anonymous route, whose upstream answers. `route`
/// is `None` for Wayleave's own paths that pages may read.
///
/// Any page is allowed, with cookies where the route accepts them: the token of the real request is not known
/// yet, and so neither are its origins. A site that the token does not name is refused on the real request,
/// before the upstream sees a cookie.
#[must_use]
pub fn preflight<'a>(route: Option<RouteCors>, asked: &Preflight<'a>) -> Option<HeaderEdits<'a>> {
    if route.is_some_and(|route| route.is_anonymous) {
        return None;
    }
    let mut edits = HeaderEdits::default();
    edits.set.push((VARY, Cow::Borrowed(VARY_PREFLIGHT)));
    if let Some(origin) = asked.origin.filter(|origin| is_reflectable(origin)) {
        edits.allow_origin(origin, route.is_some_and(|route| route.allows_credentials) && asked.can_be_named);
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

/// Edits of an upstream's answer to an admitted request. `places` are the headers whose credentials chose the
/// answer (RFC 9110 section 12.5.5): a cache must not give it to a request with another credential there.
#[must_use]
pub fn admitted<'a>(
    route: RouteCors,
    page: RequestingPage<'a>,
    places: impl Iterator<Item = &'a str>,
    upstream: &UpstreamHeaders<'a>,
) -> HeaderEdits<'a> {
    let mut edits = HeaderEdits::default();
    let by_origin = (!route.is_anonymous).then_some(ORIGIN);
    if by_origin.is_some() {
        edits.remove.extend([ALLOW_ORIGIN, ALLOW_CREDENTIALS]);
        // The gate has decided on pages that embed the answer as on those that read it. The header is sent to
        // everybody, so that a cached answer is the same for all.
        edits.set.push((RESOURCE_POLICY, Cow::Borrowed("cross-origin")));
        if let Some(origin) = page.origin.filter(|origin| is_reflectable(origin)) {
            edits.allow_origin(origin, route.allows_credentials && page.is_named);
            edits.set.push((EXPOSE_HEADERS, expose(upstream.expose_headers)));
        }
    }
    if let Some(vary) = vary(upstream.vary, by_origin.into_iter().chain(places)) {
        edits.set.push((VARY, vary));
    }
    if !route.is_shared_cache {
        edits.set.push((CACHE_CONTROL, Cow::Owned(caching::private(upstream.cache_control))));
        edits.remove.extend(caching::SHARED_CACHE_HEADERS);
    }
    edits
}

/// Headers of a problem. `route` is `None` when no route matches. They are set on anonymous routes too, which
/// refuse invalid tokens: the page must be able to read why. A page that sent cookies can read it only if the
/// token names its origin.
#[must_use]
pub fn refused<'a>(route: Option<RouteCors>, page: RequestingPage<'a>) -> HeaderEdits<'a> {
    let mut edits = HeaderEdits::default();
    edits.set.push((CACHE_CONTROL, Cow::Borrowed(caching::NO_STORE)));
    edits.set.push((VARY, Cow::Borrowed(ORIGIN)));
    if let Some(origin) = page.origin.filter(|origin| is_reflectable(origin)) {
        edits.allow_origin(origin, page.is_named && route.is_some_and(|route| route.allows_credentials));
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

/// Whether the value may be sent back: it denotes one origin, or is `null`. `*` would mean every origin, and
/// a comma makes a list.
fn is_reflectable(origin: &str) -> bool {
    (1..=limits::ORIGIN_RULE_MAX_CHARS).contains(&origin.len())
        && origin != "*"
        && origin.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}

/// Whether the value has only characters of tokens (RFC 9110 section 5.6.2) and of the separators of a list.
fn is_token_list(value: &str) -> bool {
    !value.is_empty()
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~, ".contains(&byte))
}

/// The upstream's `Vary` with those of `ours` added that it lacks. `None` when nothing is to be added, or it
/// is `*`.
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

/// The headers that the upstream exposes, and Wayleave's.
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

/// Wayleave's headers that a page may read, each by name: with credentials, `*` is the name of a header, not
/// a wildcard.
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
const RESOURCE_POLICY: &str = "Cross-Origin-Resource-Policy";
const VARY: &str = "Vary";

#[cfg(test)]
mod tests;
