//! One origin rule: `[scheme://]host[:port]`.
//!
//! Standards: URL standard (hosts, ports), UTS #46 (IDNA), RFC 3986 section 3.1 (scheme syntax), the Public Suffix List.
//! Invariants: a rule is held parsed, in one spelling; printing a rule and parsing the text gives the same rule;
//! `*.` stands for one or more whole labels and never for the apex; app schemes have neither `*.` nor `:*`.
//! What it must not know: requests, tokens.
//! What a mistake costs: a rule wider than its text lets strangers' sites in (false accept); one narrower breaks the
//! owner's page (false refuse).

use super::host::Host;
use super::public_suffix::is_public_suffix;
use super::tuple::{Scheme, TupleOrigin};
use crate::limits;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use url::Url;

/// Which origins a token works from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OriginRule {
    scheme: Scheme,
    host: HostRule,
    port: PortRule,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum HostRule {
    Exactly(Host),
    /// `*.` + name: any depth of subdomain, never the name itself.
    Below(Host),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum PortRule {
    /// The scheme's default; for an app scheme, no port.
    Default,
    Exactly(u16),
    Any,
}

/// Why a text is not a rule that may be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleError {
    /// A wildcard over a public suffix.
    PublicSuffix,
    /// An app scheme with a wildcard.
    RuleAppWildcard,
    /// No text.
    RuleEmpty,
    /// Not a host name or address.
    RuleHost,
    /// The word `null`.
    RuleNull,
    /// A path, query or fragment; a final slash is a path.
    RulePath,
    /// Not a port.
    RulePort,
    /// A scheme that is neither `https`, `http` nor a listed app scheme.
    RuleScheme,
    /// More than [`limits::ORIGIN_RULE_MAX_CHARS`].
    RuleTooLong,
    /// An `@`.
    RuleUserinfo,
    /// A `*` anywhere but as the first label or the port.
    RuleWildcard,
}

/// What a person should know of a rule that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleWarning {
    /// `http` to a host that is not loopback: anyone on the way can put a page there.
    HttpOrigin,
    /// A name in another script: it may look like a name that it is not.
    InternationalName,
    /// `https` to a loopback host: most local servers speak `http`.
    LoopbackHttps,
    /// No rules at all.
    OriginAny,
}

impl OriginRule {
    /// Reads a rule as an operator wrote it. `app_schemes` in lower case.
    ///
    /// # Errors
    /// [`RuleError`].
    pub fn parse(text: &str, app_schemes: &[String]) -> Result<(Self, Vec<RuleWarning>), RuleError> {
        let rule = Self::parse_syntax(text, |scheme| app_schemes.iter().any(|listed| listed == scheme))?;
        if let HostRule::Below(name) = &rule.host
            && is_public_suffix(name.as_str())
        {
            return Err(RuleError::PublicSuffix);
        }
        let warnings = rule.warnings();
        Ok((rule, warnings))
    }

    /// Reads the canonical text of a stored rule. A record outlives versions of the Public Suffix List and values of
    /// `APP_SCHEMES`, so neither is asked again.
    ///
    /// # Errors
    /// [`RuleError`] for anything but what [`Display`](fmt::Display) writes.
    pub fn parse_stored(text: &str) -> Result<Self, RuleError> {
        let rule = Self::parse_syntax(text, is_app_scheme)?;
        if rule.to_string() == text { Ok(rule) } else { Err(RuleError::RuleHost) }
    }

    /// Whether `origin` is one that this rule names.
    #[must_use]
    pub fn matches(&self, origin: &TupleOrigin) -> bool {
        let host_matches = match &self.host {
            HostRule::Exactly(host) => *host == origin.host,
            HostRule::Below(parent) => origin.host.is_below(parent),
        };
        let port_matches = match self.port {
            PortRule::Default => origin.port.is_none(),
            PortRule::Exactly(port) => origin.port == Some(port),
            PortRule::Any => true,
        };
        self.scheme == origin.scheme && host_matches && port_matches
    }

    /// What a person should know of this rule.
    #[must_use]
    pub fn warnings(&self) -> Vec<RuleWarning> {
        let (HostRule::Exactly(host) | HostRule::Below(host)) = &self.host;
        let mut warnings = Vec::new();
        match (&self.scheme, host.is_loopback()) {
            (Scheme::Http, false) => warnings.push(RuleWarning::HttpOrigin),
            (Scheme::Https, true) => warnings.push(RuleWarning::LoopbackHttps),
            _ => {}
        }
        if host.to_unicode() != host.as_str() {
            warnings.push(RuleWarning::InternationalName);
        }
        warnings
    }

    /// The rule with its name in U-labels, for people to read; never for comparing or storing.
    #[must_use]
    pub fn to_unicode(&self) -> String {
        let (HostRule::Exactly(host) | HostRule::Below(host)) = &self.host;
        self.text_with_host(&host.to_unicode())
    }

    /// In the order of the text. `is_app` is asked for a scheme other than `https` and `http`.
    fn parse_syntax(text: &str, is_app: impl Fn(&str) -> bool) -> Result<Self, RuleError> {
        match text {
            "" => return Err(RuleError::RuleEmpty),
            "null" => return Err(RuleError::RuleNull),
            _ if text.chars().count() > limits::ORIGIN_RULE_MAX_CHARS => return Err(RuleError::RuleTooLong),
            _ => {}
        }
        let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            app if is_app(app) => Scheme::App(app.to_owned()),
            _ => return Err(RuleError::RuleScheme),
        };
        if rest.contains('@') {
            return Err(RuleError::RuleUserinfo);
        }
        if rest.contains(['/', '\\', '?', '#']) {
            return Err(RuleError::RulePath);
        }
        let (host, port) = split_port(rest)?;
        let port = PortRule::parse(port, &scheme)?;
        let host = HostRule::parse(host, &scheme)?;
        let is_wild = matches!(host, HostRule::Below(_)) || port == PortRule::Any;
        if is_wild && matches!(scheme, Scheme::App(_)) {
            return Err(RuleError::RuleAppWildcard);
        }
        Ok(Self { scheme, host, port })
    }

    fn text_with_host(&self, host: &str) -> String {
        let below = if matches!(self.host, HostRule::Below(_)) { "*." } else { "" };
        let port = match self.port {
            PortRule::Default => String::new(),
            PortRule::Exactly(port) => format!(":{port}"),
            PortRule::Any => ":*".to_owned(),
        };
        format!("{}://{below}{host}{port}", self.scheme.as_str())
    }
}

impl HostRule {
    fn parse(text: &str, scheme: &Scheme) -> Result<Self, RuleError> {
        let (is_below, name) = match text.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, text),
        };
        if name.contains('*') {
            return Err(RuleError::RuleWildcard);
        }
        // The URL parser would decode, strip or stop at these; none is part of a host as people write it.
        if name.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '%' | ',')) {
            return Err(RuleError::RuleHost);
        }
        let url = Url::parse(&format!("{}://{name}/", scheme.as_str())).map_err(|_| RuleError::RuleHost)?;
        let host = Host::of_url(&url).ok_or(RuleError::RuleHost)?;
        match (is_below, host.is_address()) {
            (false, _) => Ok(Self::Exactly(host)),
            (true, false) => Ok(Self::Below(host)),
            (true, true) => Err(RuleError::RuleWildcard),
        }
    }
}

impl PortRule {
    fn parse(text: Option<&str>, scheme: &Scheme) -> Result<Self, RuleError> {
        let text = match text {
            None => return Ok(Self::Default),
            Some("*") => return Ok(Self::Any),
            Some(text) => text,
        };
        // `u16::from_str` takes a sign and leading zeros; a port as people write it has neither. 0 is no port.
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        match text.parse::<u16>() {
            Ok(port) if is_plain => {
                let is_default = matches!((scheme, port), (Scheme::Https, 443) | (Scheme::Http, 80));
                Ok(if is_default { Self::Default } else { Self::Exactly(port) })
            }
            _ => Err(RuleError::RulePort),
        }
    }
}

impl RuleError {
    /// Stable.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::PublicSuffix => "public_suffix_rule",
            Self::RuleAppWildcard => "rule_app_wildcard",
            Self::RuleEmpty => "rule_empty",
            Self::RuleHost => "rule_host",
            Self::RuleNull => "rule_null",
            Self::RulePath => "rule_path",
            Self::RulePort => "rule_port",
            Self::RuleScheme => "rule_scheme",
            Self::RuleTooLong => "rule_too_long",
            Self::RuleUserinfo => "rule_userinfo",
            Self::RuleWildcard => "rule_wildcard",
        }
    }

    /// What is wrong and what to do; constant for each code.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::PublicSuffix => {
                "anyone can put a site below this name, so the rule would let strangers in; serve previews from a \
                 domain of your own (*.preview.example.com), or let CI issue one short-lived token for each preview"
            }
            Self::RuleAppWildcard => "rules for apps are exact: write out host and port, without *",
            Self::RuleEmpty => "a rule such as https://example.com",
            Self::RuleHost => "a host name or IP address; an IPv6 address goes in brackets: [2001:db8::1]",
            Self::RuleNull => "null stands for every sandboxed or local page at once and cannot be allowed",
            Self::RulePath => "scheme, host and port only: leave out the path, and a final slash",
            Self::RulePort => "a port from 1 to 65535, or * for any",
            Self::RuleScheme => "https, http, or an app scheme that APP_SCHEMES lists",
            Self::RuleTooLong => "at most 320 characters",
            Self::RuleUserinfo => "scheme, host and port only: leave out everything up to the @",
            Self::RuleWildcard => {
                "* stands only for whole labels in front (*.example.com) or for any port (:*); a token that works on \
                 every site has origins \"any\""
            }
        }
    }
}

impl RuleWarning {
    /// Stable.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::HttpOrigin => "http_origin",
            Self::InternationalName => "international_name",
            Self::LoopbackHttps => "loopback_https",
            Self::OriginAny => "origin_any",
        }
    }

    /// For people; constant for each code.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::HttpOrigin => "a page fetched over http can be replaced by anyone on the way",
            Self::InternationalName => {
                "the name is stored as A-labels (xn--…); compare them with the name you meant, since letters of \
                 different scripts can look alike"
            }
            Self::LoopbackHttps => {
                "this is https; most servers on localhost speak http: http://localhost:3000"
            }
            Self::OriginAny => "any web site that copies the token can use it",
        }
    }
}

impl fmt::Display for OriginRule {
    /// The canonical text: scheme always, default port never, A-labels in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (HostRule::Exactly(host) | HostRule::Below(host)) = &self.host;
        f.write_str(&self.text_with_host(host.as_str()))
    }
}

impl Serialize for OriginRule {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OriginRule {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        Self::parse_stored(&text).map_err(|error| D::Error::custom(error.detail()))
    }
}

/// Splits `host[:port]`; the colons of an IPv6 address stand in brackets.
fn split_port(text: &str) -> Result<(&str, Option<&str>), RuleError> {
    let (host, after) = match text.split_once(']') {
        Some((address, after)) => (text.get(..=address.len()).unwrap_or_default(), after),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    match after.strip_prefix(':') {
        Some(port) if port.contains([':', '[', ']']) => Err(RuleError::RuleHost),
        Some(port) => Ok((host, Some(port))),
        None if after.is_empty() => Ok((host, None)),
        None => Err(RuleError::RuleHost),
    }
}

/// `APP_SCHEMES` when the operator says nothing.
pub const APP_SCHEMES_DEFAULT: &str = "chrome-extension, moz-extension, capacitor, ionic, tauri";

/// `APP_SCHEMES` names something that is not a scheme of apps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppSchemesError;

impl AppSchemesError {
    /// What was expected.
    #[must_use]
    pub fn expected(self) -> &'static str {
        "a comma list of URL schemes of apps, such as chrome-extension, capacitor; not http, https, file, data or \
         another scheme of the web itself"
    }
}

/// Parses `APP_SCHEMES`: a comma list, in any case; empty is none.
///
/// # Errors
/// [`AppSchemesError`].
pub fn parse_app_schemes(text: &str) -> Result<Vec<String>, AppSchemesError> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    text.split(',')
        .map(|item| {
            let scheme = item.trim().to_ascii_lowercase();
            if is_app_scheme(&scheme) { Ok(scheme) } else { Err(AppSchemesError) }
        })
        .collect()
}

/// The syntax of a scheme (RFC 3986 section 3.1), lower case, and not one that the URL standard treats specially or
/// whose origin is always opaque.
fn is_app_scheme(text: &str) -> bool {
    let is_scheme = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.'));
    is_scheme && !SCHEMES_OF_THE_WEB.contains(&text)
}

const SCHEMES_OF_THE_WEB: [&str; 10] =
    ["about", "blob", "data", "file", "ftp", "http", "https", "javascript", "ws", "wss"];
