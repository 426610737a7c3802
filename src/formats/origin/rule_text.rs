//! Parses the text of an origin rule: `[scheme://]host[:port]`.
//!
//! Standards: URL standard (hosts, ports), RFC 3986 section 3.1 (scheme syntax).
//! Invariants: printing and parsing a rule gives the same rule.
//! What it must not know: requests, tokens.
//! What a mistake costs: a rule that matches more than its text says admits other sites; one that matches
//! less breaks the owner's page.

use super::app_schemes::is_app_scheme;
use super::host::Host;
use super::rule::{HostRule, OriginRule, PortRule, has_an_id_for_each_installation};
use super::tuple::Scheme;
use super::warning::RuleWarning;
use crate::limits;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use url::Url;

/// Why a text cannot be saved as a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleError {
    /// A wildcard that covers a public suffix.
    PublicSuffix,
    /// An app scheme with a wildcard.
    RuleAppWildcard,
    /// The text is empty.
    RuleEmpty,
    /// The host is neither a name nor an address.
    RuleHost,
    /// The word `null`, which is an opaque origin.
    RuleNull,
    /// A path, query or fragment. A final slash is a path.
    RulePath,
    /// Not a number from 1 to 65535, nor `*`.
    RulePort,
    /// The scheme is neither `https`, `http` nor a listed app scheme.
    RuleScheme,
    /// More than [`limits::ORIGIN_RULE_MAX_CHARS`] characters.
    RuleTooLong,
    /// The text contains an `@`.
    RuleUserinfo,
    /// It contains `*` other than as the first label or the port.
    RuleWildcard,
}

impl OriginRule {
    /// Parses a rule as an operator wrote it. `app_schemes` must be in lower case.
    ///
    /// # Errors
    /// [`RuleError`] when the text is not a rule that may be saved.
    pub fn parse(text: &str, app_schemes: &[String]) -> Result<(Self, Vec<RuleWarning>), RuleError> {
        let rule = Self::parse_syntax(text, |scheme| app_schemes.iter().any(|listed| listed == scheme))?;
        if rule.covers_sites_of_others() {
            return Err(RuleError::PublicSuffix);
        }
        let warnings = rule.warnings();
        Ok((rule, warnings))
    }

    /// Parses the canonical text of a stored rule. A record outlives versions of the Public Suffix List and
    /// values of `APP_SCHEMES`, so neither is checked again.
    ///
    /// # Errors
    /// [`RuleError`] for any text that [`Display`](std::fmt::Display) would not write.
    pub fn parse_stored(text: &str) -> Result<Self, RuleError> {
        let rule = Self::parse_syntax(text, is_app_scheme)?;
        if rule.to_string() == text { Ok(rule) } else { Err(RuleError::RuleHost) }
    }

    /// Parses the parts in the order of the text. `is_app` is called for a scheme other than `https` and
    /// `http`.
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
        let is_exact = match (&host, port) {
            (HostRule::Exactly(_), PortRule::Default | PortRule::Exactly(_)) => true,
            // The ids of extensions have no ports.
            (HostRule::EveryInstallation, PortRule::Default) => true,
            _ => false,
        };
        if matches!(scheme, Scheme::App(_)) && !is_exact {
            return Err(RuleError::RuleAppWildcard);
        }
        Ok(Self { scheme, host, port })
    }
}

impl HostRule {
    fn parse(text: &str, scheme: &Scheme) -> Result<Self, RuleError> {
        if text == "*" && has_an_id_for_each_installation(scheme) {
            return Ok(Self::EveryInstallation);
        }
        let (is_below, name) = match text.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, text),
        };
        if name.contains('*') {
            return Err(RuleError::RuleWildcard);
        }
        // The URL parser would decode or strip these characters, or stop at them. None is part of a host as
        // people write it.
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
        // `u16::from_str` accepts a sign and leading zeros. A port as people write it has neither, and 0 is
        // not a port.
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
    /// The stable code, for programs to compare.
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

    /// What is wrong and what to do. Constant for each code.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::PublicSuffix => {
                "other people have sites below this name, possibly several levels down, so the rule would \
                 admit them too: name your own sites; serve previews from a domain of your own \
                 (*.preview.example.com), or let CI issue one short-lived token for each preview"
            }
            Self::RuleAppWildcard => {
                "rules for apps are exact: write host and port without *; the only rule with * is \
                 moz-extension://*, which matches every installation of an extension"
            }
            Self::RuleEmpty => "a rule such as https://example.com",
            Self::RuleHost => "a host name or IP address; an IPv6 address goes in brackets: [2001:db8::1]",
            Self::RuleNull => "null is the origin of every sandboxed or local page and cannot be allowed",
            Self::RulePath => "scheme, host and port only: leave out the path, and a final slash",
            Self::RulePort => "a port from 1 to 65535, or * for any",
            Self::RuleScheme => "https, http, or an app scheme that APP_SCHEMES lists",
            Self::RuleTooLong => "at most 320 characters",
            Self::RuleUserinfo => "scheme, host and port only: leave out everything before the @",
            Self::RuleWildcard => {
                "* is allowed only in place of the first labels (*.example.com), as any port (:*), and in \
                 moz-extension://*; for a token that works from every site, set origins to \"any\""
            }
        }
    }
}

impl<'de> Deserialize<'de> for OriginRule {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        Self::parse_stored(&text).map_err(|error| D::Error::custom(error.detail()))
    }
}

/// Splits `host[:port]`. The colons of an IPv6 address are in brackets.
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
