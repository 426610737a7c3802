//! Warnings about rules that are accepted: they admit more than the operator may expect, or cannot match what
//! was meant.
//!
//! Standard: docs/http.md, "Warnings".
//! Invariants: a warning changes no decision. A rule has each warning at most once, in the order of
//! [`RuleWarning::ALL`].
//! What it must not know: requests, tokens.
//! What a mistake costs: a page is refused and nobody knows why, or another site's page is admitted
//! unnoticed.

use super::host::Host;
use super::public_suffix::is_public_suffix;
use super::rule::{HostRule, OriginRule, PortRule, has_an_id_for_each_installation};
use super::shared_hosts::{is_of_one_customer, is_shared, wildcard_is_shared};
use super::tuple::Scheme;

/// A warning about an accepted rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleWarning {
    /// The token has no rules: it works at every origin.
    OriginAny,
    /// A wildcard over a public suffix, saved before the built-in copy of the list contained it.
    PublicSuffix,
    /// A host at which other people have pages too, and which the Public Suffix List does not name.
    SharedHost,
    /// The host is itself a public suffix: the page of a registry or of a hosting service.
    SuffixHost,
    /// A wildcard below the name of one customer of a hosting service.
    WildcardBelowCustomer,
    /// A word such as `any` or `file`, with which the author meant something other than a host.
    WordAsHost,
    /// A name without a dot.
    SingleLabelHost,
    /// The rule matches every installation of every extension.
    EveryInstallation,
    /// The rule matches only one installation of an extension.
    OneInstallation,
    /// An extension's id in a form that no browser uses.
    ExtensionIdForm,
    /// `http` to a host that is not loopback: anyone on the network path can inject a page.
    HttpOrigin,
    /// `https` to a loopback host, although most local servers speak `http`.
    LoopbackHttps,
    /// `https` to an IP address, which few servers have a certificate for.
    AddressHttps,
    /// `http` on port 443, or `https` on port 80.
    PortOfOtherScheme,
    /// A name in another script, which may look like a different name.
    InternationalName,
}

impl RuleWarning {
    /// All warnings, in the order in which they are listed in answers.
    pub const ALL: [Self; 15] = [
        Self::OriginAny,
        Self::PublicSuffix,
        Self::SharedHost,
        Self::SuffixHost,
        Self::WildcardBelowCustomer,
        Self::WordAsHost,
        Self::SingleLabelHost,
        Self::EveryInstallation,
        Self::OneInstallation,
        Self::ExtensionIdForm,
        Self::HttpOrigin,
        Self::LoopbackHttps,
        Self::AddressHttps,
        Self::PortOfOtherScheme,
        Self::InternationalName,
    ];

    /// The stable code, for programs to compare.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::OriginAny => "origin_any",
            Self::PublicSuffix => "public_suffix_rule",
            Self::SharedHost => "shared_host",
            Self::SuffixHost => "suffix_host",
            Self::WildcardBelowCustomer => "wildcard_below_customer",
            Self::EveryInstallation => "every_installation",
            Self::OneInstallation => "one_installation",
            Self::ExtensionIdForm => "extension_id_form",
            Self::HttpOrigin => "http_origin",
            Self::InternationalName => "international_name",
            Self::LoopbackHttps => "loopback_https",
            Self::AddressHttps => "address_https",
            Self::PortOfOtherScheme => "port_of_other_scheme",
            Self::WordAsHost => "word_as_host",
            Self::SingleLabelHost => "single_label_host",
        }
    }

    /// The explanation for people. Constant for each code.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::OriginAny => "any web site that copies the token can use it",
            Self::PublicSuffix => {
                "other people have sites below this name, and the rule admits them; it was saved before this \
                 was known"
            }
            Self::SharedHost => {
                "other people have pages here too, or may have them later, and the rule admits them: name \
                 your own sites"
            }
            Self::SuffixHost => {
                "this is the name of a registry or a hosting service itself, not of your site there"
            }
            Self::WildcardBelowCustomer => {
                "most hosting services have no names below a customer's name, and some give them to other \
                 customers: compare the rule with the address of one of your pages, such as a preview"
            }
            Self::EveryInstallation => {
                "every extension of that browser can use the token, including other people's; such browsers \
                 allow no narrower rule"
            }
            Self::OneInstallation => {
                "the browser generates this id for each installation, so the rule matches only one; \
                 moz-extension://* matches all"
            }
            Self::ExtensionIdForm => {
                "no extension has such an id, so the rule matches nothing: in Chrome it is 32 letters from a \
                 to p, in Firefox and Safari a UUID; none has a port"
            }
            Self::HttpOrigin => "anyone on the network path can replace a page fetched over http",
            Self::InternationalName => {
                "the name is stored as A-labels (xn--…); compare them with the name you meant, since letters \
                 of different scripts can look alike"
            }
            Self::LoopbackHttps => "this is https; most servers on localhost use http: http://localhost:3000",
            Self::AddressHttps => "this is https; most servers at an IP address use http: http://192.0.2.1",
            Self::PortOfOtherScheme => {
                "443 is the port of https and 80 that of http: either the scheme or the port is probably \
                 wrong"
            }
            Self::WordAsHost => {
                "this word is read as a host name; for a token that works from every site, set origins to \
                 \"any\" instead of a list; pages from file:, data: or about: cannot be named"
            }
            Self::SingleLabelHost => {
                "a name without a dot resolves only in some private networks: is it the whole name?"
            }
        }
    }
}

impl OriginRule {
    /// The warnings about this rule, in the order of [`RuleWarning::ALL`].
    #[must_use]
    pub fn warnings(&self) -> Vec<RuleWarning> {
        warnings_of(self)
    }
}

fn warnings_of(rule: &OriginRule) -> Vec<RuleWarning> {
    let OriginRule { scheme, host, port } = rule;
    let (name, of_host) = match (scheme, host) {
        (_, HostRule::EveryInstallation) => return vec![RuleWarning::EveryInstallation],
        (Scheme::App(_), HostRule::Exactly(id) | HostRule::Below(id)) => (id, of_app(scheme, id, *port)),
        (_, HostRule::Exactly(name)) => (name, of_site(name)),
        (_, HostRule::Below(parent)) => (parent, of_wildcard(rule, parent)),
    };
    let is_international = name.to_unicode() != name.as_str();
    let others = [of_scheme(scheme, name), of_port(scheme, *port)];
    let international = is_international.then_some(RuleWarning::InternationalName);
    of_host.into_iter().chain(others.into_iter().flatten()).chain(international).collect()
}

/// The warning about a wildcard over `parent`. At most one: the one that covers the most.
fn of_wildcard(rule: &OriginRule, parent: &Host) -> Option<RuleWarning> {
    if rule.covers_sites_of_others() {
        return Some(RuleWarning::PublicSuffix);
    }
    if wildcard_is_shared(parent.as_str()) {
        return Some(RuleWarning::SharedHost);
    }
    is_of_one_customer(parent.as_str()).then_some(RuleWarning::WildcardBelowCustomer)
}

/// The warning about a single host. At most one.
fn of_site(host: &Host) -> Option<RuleWarning> {
    let name = host.as_str();
    if host.is_address() || host.is_loopback() {
        return None;
    }
    if is_shared(name) {
        return Some(RuleWarning::SharedHost);
    }
    if name.contains('.') {
        return is_public_suffix(name).then_some(RuleWarning::SuffixHost);
    }
    let is_word = WORDS.contains(&name);
    Some(if is_word { RuleWarning::WordAsHost } else { RuleWarning::SingleLabelHost })
}

/// The warning about an extension's id.
fn of_app(scheme: &Scheme, id: &Host, port: PortRule) -> Option<RuleWarning> {
    let is_id = if has_an_id_for_each_installation(scheme) {
        id.is_uuid()
    } else if scheme.as_str() == "chrome-extension" {
        id.as_str().len() == CHROME_ID_CHARS && id.as_str().bytes().all(|byte| matches!(byte, b'a'..=b'p'))
    } else {
        return None;
    };
    if !is_id || port != PortRule::Default {
        return Some(RuleWarning::ExtensionIdForm);
    }
    has_an_id_for_each_installation(scheme).then_some(RuleWarning::OneInstallation)
}

/// The warning about the scheme or port of a page at this host.
fn of_scheme(scheme: &Scheme, host: &Host) -> Option<RuleWarning> {
    match (scheme, host.is_loopback()) {
        (Scheme::Http, false) => Some(RuleWarning::HttpOrigin),
        (Scheme::Https, true) => Some(RuleWarning::LoopbackHttps),
        (Scheme::Https, false) if host.is_address() => Some(RuleWarning::AddressHttps),
        _ => None,
    }
}

fn of_port(scheme: &Scheme, port: PortRule) -> Option<RuleWarning> {
    let is_of_other = matches!(
        (scheme, port),
        (Scheme::Http, PortRule::Exactly(443)) | (Scheme::Https, PortRule::Exactly(80))
    );
    is_of_other.then_some(RuleWarning::PortOfOtherScheme)
}

/// Letters in an extension's id in Chrome, Edge and similar browsers (developer.chrome.com, manifest key
/// `key`).
const CHROME_ID_CHARS: usize = 32;

/// Words that people write in place of a host: from this API, from Content-Security-Policy and from URLs.
#[rustfmt::skip]
const WORDS: [&str; 20] = [
    "about", "all", "any", "app", "blob", "chrome-extension", "data", "every", "everywhere", "file", "http",
    "https", "moz-extension", "none", "null", "origin", "same-origin", "same-site", "self", "undefined",
];
