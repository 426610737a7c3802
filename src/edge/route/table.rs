//! The routes of a deployment: `ROUTES`, or `UPSTREAM` alone, parsed once into a type that cannot be wrong.
//!
//! Standards: JSON (RFC 8259), URL standard.
//! Invariants: no two routes serve the same host and path; an anonymous route never allows credentials; an upstream is
//! an http(s) URL without userinfo, query or fragment; more specific routes come first.
//! What it must not know: requests' headers, tokens.
//! What a mistake costs: a field that is silently ignored opens a route that its operator believes guarded.

use super::RESERVED_PATH;
use super::Target;
use super::host::ServedHost;
use super::path::{RequestUrl, is_plain};
use crate::limits;
use serde_json::{Map, Value};
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;
use url::Url;

/// All routes, the most specific first; at least one.
#[derive(Clone, Debug)]
pub struct Routes(Vec<Route>);

/// One API behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    host: Option<ServedHost>,
    /// `""` for every path; else from its slash on, without a final slash.
    path: String,
    /// The upstream's URL without a final slash.
    upstream: String,
    audience: String,
    anonymous: bool,
    credentials: bool,
    shared_cache: bool,
    timeout_seconds: u32,
}

/// A route that cannot be taken: where, and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteConfigError {
    /// `[1].upstream`, or empty for the whole value.
    pub place: String,
    /// What was expected; constant for each field.
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
    /// [`RouteConfigError`], which names the first field that cannot be taken; an unknown field is one.
    pub fn parse(json: &str) -> Result<Self, RouteConfigError> {
        let whole = || RouteConfigError { place: String::new(), expected: EXPECTED_LIST };
        // A name that stands twice is refused: of two values of `anonymous` the author means one.
        let Ok(Value::Array(items)) = crate::json::parse(json) else { return Err(whole()) };
        if !(1..=limits::ROUTES_MAX).contains(&items.len()) {
            return Err(whole());
        }
        let mut routes: Vec<Route> = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let at = |fault: FieldFault<'_>| fault.at(index);
            let route = Fields::of(item).map_err(at)?.route().map_err(at)?;
            if routes.iter().any(|other| other.key() == route.key()) {
                return Err(at(FieldFault("path", "a host and path that no other route has")));
            }
            routes.push(route);
        }
        routes.sort_by_key(|route| Reverse(route.specificity()));
        Ok(Self(routes))
    }

    /// The one route of `UPSTREAM` alone: every host and path, audience `default`.
    ///
    /// # Errors
    /// [`RouteConfigError`].
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
            timeout_seconds: limits::UPSTREAM_TIMEOUT_DEFAULT_SECONDS,
        }]))
    }

    /// The most specific first.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// Every audience that a token can be for, in alphabetical order.
    #[must_use]
    pub fn audiences(&self) -> Vec<&str> {
        let audiences: BTreeSet<&str> = self.iter().map(Route::audience).collect();
        audiences.into_iter().collect()
    }
}

impl Route {
    /// The host it serves; `None` is every host.
    #[must_use]
    pub fn host(&self) -> Option<&ServedHost> {
        self.host.as_ref()
    }

    /// The path it serves, without a final slash; empty is every path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The upstream's URL, without a final slash.
    #[must_use]
    pub fn upstream(&self) -> &str {
        &self.upstream
    }

    /// What a token must be for.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// A request without a credential is let through.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.anonymous
    }

    /// Pages may send cookies (`Access-Control-Allow-Credentials`). Never on an anonymous route.
    #[must_use]
    pub fn allows_credentials(&self) -> bool {
        self.credentials
    }

    /// Shared caches may keep what the upstream says they may.
    #[must_use]
    pub fn is_shared_cache(&self) -> bool {
        self.shared_cache
    }

    /// Seconds to the first byte of the upstream's answer.
    #[must_use]
    pub fn timeout_seconds(&self) -> u32 {
        self.timeout_seconds
    }

    /// The URL that the upstream is asked: its own URL, then path and query as given here, byte for byte. `query` is
    /// the request's query without the token.
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

    /// The host is this route's, or the route serves every host.
    pub(super) fn serves_host(&self, url: &RequestUrl<'_>) -> bool {
        self.host.as_ref().is_none_or(|host| host.serves(url))
    }

    /// The path is this route's, or below it by whole segments.
    pub(super) fn serves_path(&self, path: &str) -> bool {
        path.strip_prefix(self.path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// What tells routes apart.
    pub(super) fn key(&self) -> (Option<(&str, Option<u16>)>, &str) {
        (self.host.as_ref().map(|host| (host.name.as_str(), host.port)), &self.path)
    }

    fn specificity(&self) -> (bool, bool, usize) {
        let has_port = self.host.as_ref().is_some_and(|host| host.port.is_some());
        (self.host.is_some(), has_port, self.path.len())
    }
}

/// A field and what was expected of it.
struct FieldFault<'a>(&'a str, &'static str);

impl FieldFault<'_> {
    fn at(self, index: usize) -> RouteConfigError {
        let Self(field, expected) = self;
        let place = if field.is_empty() { format!("[{index}]") } else { format!("[{index}].{field}") };
        RouteConfigError { place, expected }
    }
}

/// The fields of one item of `ROUTES`, all of known names.
struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn of(item: &'a Value) -> Result<Self, FieldFault<'a>> {
        let fields = item.as_object().ok_or(FieldFault("", "an object with at least upstream"))?;
        match fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
            Some(unknown) => Err(FieldFault(unknown, EXPECTED_FIELD)),
            None => Ok(Self(fields)),
        }
    }

    fn route(&self) -> Result<Route, FieldFault<'static>> {
        let upstream = self.text("upstream", EXPECTED_UPSTREAM)?.and_then(parse_upstream);
        let route = Route {
            host: self.parsed(
                "host",
                "a host name or address, with or without a port, and no scheme",
                ServedHost::parse,
            )?,
            path: self.parsed("path", EXPECTED_PATH, parse_path)?.unwrap_or_default(),
            upstream: upstream.ok_or(FieldFault("upstream", EXPECTED_UPSTREAM))?,
            audience: self
                .parsed("audience", EXPECTED_AUDIENCE, parse_audience)?
                .unwrap_or_else(|| AUDIENCE_DEFAULT.to_owned()),
            anonymous: self.flag("anonymous")?,
            credentials: self.flag("credentials")?,
            shared_cache: self.flag("shared_cache")?,
            timeout_seconds: self.timeout_seconds()?,
        };
        if route.anonymous && route.credentials {
            return Err(FieldFault(
                "credentials",
                "not true where anonymous is: a route is one or the other",
            ));
        }
        Ok(route)
    }

    fn text(
        &self,
        field: &'static str,
        expected: &'static str,
    ) -> Result<Option<&'a str>, FieldFault<'static>> {
        match self.0.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(FieldFault(field, expected)),
        }
    }

    fn parsed<T>(
        &self,
        field: &'static str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, FieldFault<'static>> {
        match self.text(field, expected)? {
            None => Ok(None),
            Some(text) => parse(text).map(Some).ok_or(FieldFault(field, expected)),
        }
    }

    fn flag(&self, field: &'static str) -> Result<bool, FieldFault<'static>> {
        match self.0.get(field) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(FieldFault(field, "true or false")),
        }
    }

    fn timeout_seconds(&self) -> Result<u32, FieldFault<'static>> {
        let Some(value) = self.0.get("timeout_seconds") else {
            return Ok(limits::UPSTREAM_TIMEOUT_DEFAULT_SECONDS);
        };
        let range = limits::UPSTREAM_TIMEOUT_MIN_SECONDS..=limits::UPSTREAM_TIMEOUT_MAX_SECONDS;
        let seconds = value.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
        seconds
            .filter(|seconds| range.contains(seconds))
            .ok_or(FieldFault("timeout_seconds", "a whole number of seconds from 1 to 300"))
    }
}

fn parse_upstream(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_http = matches!(url.scheme(), "http" | "https");
    let is_bare = url.query().is_none() && url.fragment().is_none() && !text.contains('@');
    // The URL parser forgives `https:example.com` and tabs; a typing error must not choose the upstream.
    let is_written_out =
        text.contains("://") && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    if !(is_http && is_bare && is_written_out && url.has_host()) {
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
const FIELDS: [&str; 8] =
    ["host", "path", "upstream", "audience", "anonymous", "credentials", "shared_cache", "timeout_seconds"];
const EXPECTED_LIST: &str =
    "a JSON list of 1 to 100 routes such as [{\"path\": \"/v1\", \"upstream\": \"https://api.internal\"}]";
const EXPECTED_FIELD: &str = "one of host, path, upstream, audience, anonymous, credentials, shared_cache, timeout_seconds; no other field is known";
const EXPECTED_UPSTREAM: &str =
    "an absolute http or https URL without user, query or fragment, such as https://api.internal/base";
const EXPECTED_PATH: &str =
    "a path from its slash on, of letters, digits and - . _ ~ ! $ & ( ) * + , = : @, not under /_wayleave";
const EXPECTED_AUDIENCE: &str = "1 to 64 letters, digits, dots, colons, underscores and hyphens";
