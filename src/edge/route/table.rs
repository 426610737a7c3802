//! The routes of a deployment, parsed once from `ROUTES`, or from `UPSTREAM` alone.
//!
//! Standards: JSON (RFC 8259), URL standard.
//! Invariants:
//! - No two routes serve the same host and path, in any case.
//! - An anonymous route never allows credentials.
//! - An upstream is an http or https URL without userinfo, query or fragment.
//! - More specific routes come first.
//!
//! What it must not know: requests' headers, tokens.
//! What a mistake costs: a field is silently ignored, so that a route is open that its operator believes to
//! be guarded.

use super::host::ServedHost;
use super::path::{EagerReading, RequestUrl, is_host};
use super::target::Target;
use crate::base::plain_path::is_plain;
use crate::edge::credential::{CredentialSources, CredentialSourcesError};
use crate::edge::withheld::ForwardedHeaders;
use crate::formats::scope::{Methods, Scope, ScopePaths, ServedPath, lies_in_route};
use crate::http::cors::RouteCors;
use crate::http::paths::RESERVED_PATH;
use crate::limits;
use serde_json::{Map, Value};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use url::Url;

/// All routes, the most specific first. At least one.
#[derive(Clone, Debug)]
pub struct Routes(Vec<Route>);

/// One API behind the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    host: Option<ServedHost>,
    /// `""` serves every path. Otherwise it begins with a slash and does not end with one.
    path: String,
    /// The upstream's URL, without a final slash.
    upstream: String,
    audience: String,
    anonymous: bool,
    credentials: bool,
    shared_cache: bool,
    forwarded_headers: ForwardedHeaders,
    timeout_seconds: u32,
    token_lifetime_seconds: Option<i64>,
    credential_sources: Option<CredentialSources>,
    scope: Scope,
}

/// A fault in `ROUTES`: the place, and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteConfigError {
    /// For example `[1].upstream`. Empty for the whole value.
    pub place: String,
    /// What was expected. Constant for each field.
    pub expected: &'static str,
}

impl fmt::Display for RouteConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            return f.write_str(self.expected);
        }
        write!(f, "{}: {}", self.place, self.expected)
    }
}

impl Routes {
    /// Parses `ROUTES`.
    ///
    /// # Errors
    /// [`RouteConfigError`] for the first faulty field. An unknown field is a fault.
    pub fn parse(json: &str) -> Result<Self, RouteConfigError> {
        let whole = || RouteConfigError { place: String::new(), expected: EXPECTED_LIST };
        // Duplicate names are refused: if `anonymous` stands there twice, the author means only one of them.
        let Ok(Value::Array(items)) = crate::base::json::parse(json) else { return Err(whole()) };
        if !(1..=limits::ROUTES_MAX).contains(&items.len()) {
            return Err(whole());
        }
        let mut routes: Vec<Route> = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let at = |fault: RouteFieldFault<'_>| fault.at(index);
            let route = Fields::of(item).map_err(at)?.route().map_err(at)?;
            if routes.iter().any(|other| other.is_another_spelling_of(&route)) {
                return Err(at(RouteFieldFault(
                    "path",
                    "a host and path that no other route has, in any case of letters",
                )));
            }
            routes.push(route);
        }
        routes.sort_by_key(|route| Reverse(route.specificity()));
        Ok(Self(routes))
    }

    /// Makes the one route of `UPSTREAM` alone: every host and path, audience `default`.
    ///
    /// # Errors
    /// [`RouteConfigError`] when `url` cannot be an upstream.
    pub fn from_upstream(url: &str) -> Result<Self, RouteConfigError> {
        let upstream = parse_upstream(url)
            .ok_or(RouteConfigError { place: String::new(), expected: EXPECTED_UPSTREAM })?;
        Ok(Self(vec![Route {
            host: None,
            path: String::new(),
            upstream,
            audience: AUDIENCE_DEFAULT.to_owned(),
            anonymous: false,
            credentials: false,
            shared_cache: false,
            forwarded_headers: ForwardedHeaders::default(),
            timeout_seconds: limits::UPSTREAM_TIMEOUT_DEFAULT_SECONDS,
            token_lifetime_seconds: None,
            credential_sources: None,
            scope: Scope::default(),
        }]))
    }

    /// All routes, the most specific first.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// All audiences that a token can have, in alphabetical order.
    #[must_use]
    pub fn audiences(&self) -> Vec<&str> {
        let audiences: BTreeSet<&str> = self.iter().map(Route::audience).collect();
        audiences.into_iter().collect()
    }

    /// The default lives in seconds of tokens by audience, where a route has one: the shortest.
    #[must_use]
    pub fn token_lifetimes(&self) -> BTreeMap<String, i64> {
        let mut lifetimes = BTreeMap::new();
        for (route, seconds) in self.iter().filter_map(|route| Some((route, route.token_lifetime_seconds?))) {
            let shortest = lifetimes.entry(route.audience.clone()).or_insert(seconds);
            *shortest = seconds.min(*shortest);
        }
        lifetimes
    }

    /// The routes, as far as the paths of a scope depend on them.
    #[must_use]
    pub fn served_paths(&self) -> Vec<ServedPath> {
        let served = self.iter().map(|route| ServedPath {
            host: route.host.as_ref().map(ToString::to_string),
            path: route.path.clone(),
            audience: route.audience.clone(),
        });
        served.collect()
    }

    /// The audiences of routes that accept cookies from pages. A token for one of them must name origins.
    #[must_use]
    pub fn credential_audiences(&self) -> Vec<&str> {
        let routes = self.iter().filter(|route| route.allows_credentials());
        let audiences: BTreeSet<&str> = routes.map(Route::audience).collect();
        audiences.into_iter().collect()
    }
}

impl Route {
    /// The host that the route serves. `None` means every host.
    #[must_use]
    pub fn host(&self) -> Option<&ServedHost> {
        self.host.as_ref()
    }

    /// The path that the route serves, without a final slash. Empty means every path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The upstream's URL, without a final slash.
    #[must_use]
    pub fn upstream(&self) -> &str {
        &self.upstream
    }

    /// The audience that a token must have.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// Whether a request without a credential is admitted.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.anonymous
    }

    /// Whether pages may send cookies (`Access-Control-Allow-Credentials`). Never true on an anonymous route.
    #[must_use]
    pub fn allows_credentials(&self) -> bool {
        self.credentials
    }

    /// Whether shared caches may store answers, where the upstream allows it.
    #[must_use]
    pub fn is_shared_cache(&self) -> bool {
        self.shared_cache
    }

    /// What CORS and caching depend on.
    #[must_use]
    pub fn cors(&self) -> RouteCors {
        RouteCors {
            is_anonymous: self.anonymous,
            allows_credentials: self.credentials,
            is_shared_cache: self.shared_cache,
        }
    }

    /// How a caller's `X-Forwarded-*` and similar headers are treated.
    #[must_use]
    pub fn forwarded_headers(&self) -> ForwardedHeaders {
        self.forwarded_headers
    }

    /// Time-out in seconds until the headers of the upstream's answer arrive.
    #[must_use]
    pub fn timeout_seconds(&self) -> u32 {
        self.timeout_seconds
    }

    /// The default life in seconds of tokens for this route. `None` means that of the deployment.
    #[must_use]
    pub fn token_lifetime_seconds(&self) -> Option<i64> {
        self.token_lifetime_seconds
    }

    /// The places in which a request may carry its token. `None` means those of the deployment.
    #[must_use]
    pub fn credential_sources(&self) -> Option<&CredentialSources> {
        self.credential_sources.as_ref()
    }

    /// What a token may do here that says nothing of it itself.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The URL to request of the upstream: the upstream's own URL, then path and query as given, byte for
    /// byte. `query` is the request's query without the token.
    #[must_use]
    pub fn upstream_url(&self, target: &Target<'_>, query: Option<&str>) -> String {
        let length = self.upstream.len() + target.path.len() + query.map_or(0, |query| query.len() + 1);
        let mut url = String::with_capacity(length);
        url.push_str(&self.upstream);
        url.push_str(target.path);
        if let Some(query) = query {
            url.push('?');
            url.push_str(query);
        }
        url
    }

    /// Whether the route serves this URL's host and port.
    pub(super) fn serves_host(&self, url: &RequestUrl<'_>) -> bool {
        self.host.as_ref().is_none_or(|host| host.serves(url))
    }

    /// Whether `path` is the route's path or below it by whole segments.
    pub(super) fn serves_path(&self, path: &str) -> bool {
        path.strip_prefix(self.path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether the route's path is that of `other` or below it.
    pub(super) fn lies_in(&self, other: &Self) -> bool {
        EagerReading(&self.path).is_below(&other.path)
    }

    /// Host, port and path: no two routes have the same.
    pub(super) fn key(&self) -> (Option<(&str, Option<u16>)>, &str) {
        (self.host.as_ref().map(|host| (host.name.as_str(), host.port)), &self.path)
    }

    /// Whether the two differ in case only. To a server that ignores case they have the same path, so the
    /// caller could choose the route by its spelling.
    fn is_another_spelling_of(&self, other: &Self) -> bool {
        self.key().0 == other.key().0 && self.path.eq_ignore_ascii_case(&other.path)
    }

    fn specificity(&self) -> (bool, bool, usize) {
        let has_port = self.host.as_ref().is_some_and(|host| host.port.is_some());
        (self.host.is_some(), has_port, self.path.len())
    }
}

/// A field, and what was expected of it.
struct RouteFieldFault<'a>(&'a str, &'static str);

impl RouteFieldFault<'_> {
    fn at(self, index: usize) -> RouteConfigError {
        let Self(field, expected) = self;
        let place = if field.is_empty() { format!("[{index}]") } else { format!("[{index}].{field}") };
        RouteConfigError { place, expected }
    }
}

/// The fields of one item of `ROUTES`. All have known names.
struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn of(item: &'a Value) -> Result<Self, RouteFieldFault<'a>> {
        let fields = item.as_object().ok_or(RouteFieldFault("", "an object with at least upstream"))?;
        match fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
            Some(unknown) => Err(RouteFieldFault(unknown, EXPECTED_FIELD)),
            None => Ok(Self(fields)),
        }
    }

    fn route(&self) -> Result<Route, RouteFieldFault<'static>> {
        let upstream = self.text("upstream", EXPECTED_UPSTREAM)?.and_then(parse_upstream);
        let route = Route {
            host: self.parsed(
                "host",
                "a host name or address, with or without a port, and no scheme",
                ServedHost::parse,
            )?,
            path: self.parsed("path", EXPECTED_PATH, parse_path)?.unwrap_or_default(),
            upstream: upstream.ok_or(RouteFieldFault("upstream", EXPECTED_UPSTREAM))?,
            audience: self
                .parsed("audience", EXPECTED_AUDIENCE, parse_audience)?
                .unwrap_or_else(|| AUDIENCE_DEFAULT.to_owned()),
            anonymous: self.flag("anonymous")?,
            credentials: self.flag("credentials")?,
            shared_cache: self.flag("shared_cache")?,
            forwarded_headers: self.forwarded_headers()?,
            timeout_seconds: self.timeout_seconds()?,
            token_lifetime_seconds: self.token_lifetime_seconds()?,
            credential_sources: self.credential_sources()?,
            scope: Scope { methods: self.methods()?, paths: self.paths()? },
        };
        if route.anonymous && route.credentials {
            return Err(RouteFieldFault(
                "credentials",
                "not true if anonymous is true: a route is one or the other",
            ));
        }
        if route.anonymous && !route.scope.is_empty() {
            let field = if route.scope.methods.is_some() { "methods" } else { "paths" };
            return Err(RouteFieldFault(field, EXPECTED_SCOPE));
        }
        let is_elsewhere = |path| !lies_in_route(path, &route.path);
        if route.scope.paths.as_ref().is_some_and(|paths| paths.iter().any(is_elsewhere)) {
            return Err(RouteFieldFault("paths", EXPECTED_PATHS));
        }
        Ok(route)
    }

    fn methods(&self) -> Result<Option<Methods>, RouteFieldFault<'static>> {
        let fault = RouteFieldFault("methods", EXPECTED_METHODS);
        let Some(items) = self.texts("methods").map_err(|()| fault)? else { return Ok(None) };
        Methods::parse(items).map(Some).map_err(|_| RouteFieldFault("methods", EXPECTED_METHODS))
    }

    fn paths(&self) -> Result<Option<ScopePaths>, RouteFieldFault<'static>> {
        let fault = RouteFieldFault("paths", EXPECTED_PATHS);
        let Some(items) = self.texts("paths").map_err(|()| fault)? else { return Ok(None) };
        ScopePaths::parse(items).map(Some).map_err(|_| RouteFieldFault("paths", EXPECTED_PATHS))
    }

    /// A list of texts. An error where it is anything else.
    fn texts(&self, field: &str) -> Result<Option<Vec<&'a str>>, ()> {
        let Some(value) = self.0.get(field) else { return Ok(None) };
        value.as_array().and_then(|items| items.iter().map(Value::as_str).collect()).map(Some).ok_or(())
    }

    fn text(
        &self,
        field: &'static str,
        expected: &'static str,
    ) -> Result<Option<&'a str>, RouteFieldFault<'static>> {
        match self.0.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(RouteFieldFault(field, expected)),
        }
    }

    fn parsed<T>(
        &self,
        field: &'static str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, RouteFieldFault<'static>> {
        match self.text(field, expected)? {
            None => Ok(None),
            Some(text) => parse(text).map(Some).ok_or(RouteFieldFault(field, expected)),
        }
    }

    fn flag(&self, field: &'static str) -> Result<bool, RouteFieldFault<'static>> {
        match self.0.get(field) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(RouteFieldFault(field, "true or false")),
        }
    }

    fn forwarded_headers(&self) -> Result<ForwardedHeaders, RouteFieldFault<'static>> {
        match self.0.get("forwarded_headers") {
            None => Ok(ForwardedHeaders::default()),
            Some(Value::String(word)) if word == "replace" => Ok(ForwardedHeaders::Replace),
            Some(Value::String(word)) if word == "pass" => Ok(ForwardedHeaders::Pass),
            Some(_) => Err(RouteFieldFault("forwarded_headers", "\"replace\" or \"pass\"")),
        }
    }

    fn credential_sources(&self) -> Result<Option<CredentialSources>, RouteFieldFault<'static>> {
        let fault = |error: CredentialSourcesError| RouteFieldFault("credential_sources", error.expected());
        let text = self.text("credential_sources", CredentialSourcesError::Syntax.expected())?;
        text.map(CredentialSources::parse).transpose().map_err(fault)
    }

    fn timeout_seconds(&self) -> Result<u32, RouteFieldFault<'static>> {
        let Some(value) = self.0.get("timeout_seconds") else {
            return Ok(limits::UPSTREAM_TIMEOUT_DEFAULT_SECONDS);
        };
        let range = limits::UPSTREAM_TIMEOUT_MIN_SECONDS..=limits::UPSTREAM_TIMEOUT_MAX_SECONDS;
        let seconds = value.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
        seconds
            .filter(|seconds| range.contains(seconds))
            .ok_or(RouteFieldFault("timeout_seconds", "a whole number of seconds from 1 to 300"))
    }

    fn token_lifetime_seconds(&self) -> Result<Option<i64>, RouteFieldFault<'static>> {
        let Some(value) = self.0.get("token_lifetime_seconds") else { return Ok(None) };
        let range = limits::TOKEN_LIFETIME_MIN_SECONDS..=limits::MAX_TOKEN_LIFETIME_MAX_SECONDS;
        let seconds = value.as_i64().filter(|seconds| range.contains(seconds));
        let expected = "a whole number of seconds from 60 to MAX_TOKEN_LIFETIME";
        seconds.map(Some).ok_or(RouteFieldFault("token_lifetime_seconds", expected))
    }
}

fn parse_upstream(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_http = matches!(url.scheme(), "http" | "https");
    let is_bare = url.query().is_none() && url.fragment().is_none() && !text.contains('@');
    // The URL parser accepts `https:example.com` and tabs. A typing error must not choose the upstream.
    let is_written_out =
        text.contains("://") && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    // The URL parser also accepts `*.internal`, to which nothing can be sent.
    if !(is_http && is_bare && is_written_out && url.host_str().is_some_and(is_host)) {
        return None;
    }
    Some(url.as_str().trim_end_matches('/').to_owned())
}

fn parse_path(text: &str) -> Option<String> {
    let path = text.strip_suffix('/').unwrap_or(text);
    let is_reserved = path.to_ascii_lowercase().starts_with(RESERVED_PATH);
    let is_path = text.starts_with('/') && is_plain(text) && !is_reserved;
    is_path.then(|| path.to_owned())
}

fn parse_audience(text: &str) -> Option<String> {
    let is_name = (1..=limits::AUDIENCE_MAX_CHARS).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b':'));
    is_name.then(|| text.to_owned())
}

const AUDIENCE_DEFAULT: &str = "default";
const FIELDS: [&str; 13] = [
    "host",
    "path",
    "upstream",
    "audience",
    "anonymous",
    "credentials",
    "shared_cache",
    "forwarded_headers",
    "timeout_seconds",
    "token_lifetime_seconds",
    "credential_sources",
    "methods",
    "paths",
];
const EXPECTED_LIST: &str =
    "a JSON list of 1 to 100 routes such as [{\"path\": \"/v1\", \"upstream\": \"https://api.internal\"}]";
const EXPECTED_FIELD: &str = "one of host, path, upstream, audience, anonymous, credentials, \
     shared_cache, forwarded_headers, timeout_seconds, token_lifetime_seconds, credential_sources, methods, \
     paths; no other field is known";
const EXPECTED_UPSTREAM: &str =
    "an absolute http or https URL without user, query or fragment, such as https://api.internal/base";
const EXPECTED_PATH: &str = "a path from its slash on, of letters, digits and - . _ ~ ! $ & ( ) * + , = : @, \
     in which no segment begins or ends with a dot or has :$ in it, not under /_wayleave";
const EXPECTED_METHODS: &str = "a list of different methods in capitals, such as [\"GET\", \"POST\"]";
const EXPECTED_PATHS: &str = "a list of 1 to 50 different paths of this route, such as \
     [\"/v1/tiles/*\"]: each exact, or a prefix that ends in /*; of the characters of path, \
     without any other *";
const EXPECTED_SCOPE: &str =
    "absent if anonymous is true: a request without a token has no scope, so it would be forwarded";
const EXPECTED_AUDIENCE: &str = "1 to 64 letters, digits, dots, colons, underscores and hyphens";
