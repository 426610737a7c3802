//! One origin rule: `[scheme://]host[:port]`.
//!
//! Standards: UTS #46 (IDNA), RFC 9562 (UUIDs), the Public Suffix List.
//! Invariants:
//! - A rule is kept parsed, in one spelling. Printing and parsing it gives the same rule.
//! - `*.` stands for one or more whole labels. The name after it does not match by itself.
//! - Rules for app schemes contain neither `*.` nor `:*`.
//! - A lone `*` stands for every installation of an extension, in browsers that give each installation its
//!   own id, and for nothing else.
//!
//! What it must not know: requests, tokens.
//! What a mistake costs: a rule that matches more than its text says admits other sites; one that matches
//! less breaks the owner's page.

use super::host::Host;
use super::public_suffix::covers_a_public_suffix;
use super::tuple::{Scheme, TupleOrigin};
use serde::{Serialize, Serializer};
use std::fmt;

/// A rule that names origins from which a token works.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OriginRule {
    pub(super) scheme: Scheme,
    pub(super) host: HostRule,
    pub(super) port: PortRule,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum HostRule {
    Exactly(Host),
    /// `*.` + name: names at any depth below it, never the name itself.
    Below(Host),
    /// `*`: any UUID that a browser gave to an installation. Only with a scheme of
    /// [`SCHEMES_WITH_AN_ID_FOR_EACH_INSTALLATION`].
    EveryInstallation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum PortRule {
    /// The default port of the scheme. For an app scheme: no port.
    Default,
    Exactly(u16),
    Any,
}

impl OriginRule {
    /// Whether this rule names `origin`.
    #[must_use]
    pub fn matches(&self, origin: &TupleOrigin) -> bool {
        let host_matches = match &self.host {
            HostRule::Exactly(host) => *host == origin.host,
            HostRule::Below(parent) => origin.host.is_below(parent),
            HostRule::EveryInstallation => origin.host.is_uuid(),
        };
        let port_matches = match self.port {
            PortRule::Default => origin.port.is_none(),
            PortRule::Exactly(port) => origin.port == Some(port),
            PortRule::Any => true,
        };
        self.scheme == origin.scheme && host_matches && port_matches
    }

    /// Whether the rule names no single origin but matches every installation of every extension.
    pub(super) fn is_for_every_installation(&self) -> bool {
        self.host == HostRule::EveryInstallation
    }

    /// Whether the rule is a wildcard over a name below which other people have sites, according to the
    /// built-in copy of the Public Suffix List. Such a rule cannot be saved. One that was saved earlier still
    /// matches, with a warning.
    #[must_use]
    pub fn covers_sites_of_others(&self) -> bool {
        matches!(&self.host, HostRule::Below(name) if covers_a_public_suffix(name.as_str()))
    }

    /// The rule with its name in U-labels, for people to read. Never compare or store this text.
    #[must_use]
    pub fn to_unicode(&self) -> String {
        self.text_with(Host::to_unicode)
    }

    fn text_with(&self, text_of: impl Fn(&Host) -> String) -> String {
        let host = match &self.host {
            HostRule::Exactly(host) => text_of(host),
            HostRule::Below(parent) => format!("*.{}", text_of(parent)),
            HostRule::EveryInstallation => "*".to_owned(),
        };
        let port = match self.port {
            PortRule::Default => String::new(),
            PortRule::Exactly(port) => format!(":{port}"),
            PortRule::Any => ":*".to_owned(),
        };
        format!("{}://{host}{port}", self.scheme.as_str())
    }
}

impl fmt::Display for OriginRule {
    /// Writes the canonical text: always with the scheme, never with a default port, A-labels in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text_with(|host| host.as_str().to_owned()))
    }
}

impl Serialize for OriginRule {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Schemes in which each installation has its own id. Firefox chooses an extension's UUID at installation,
/// Safari at each start (MDN, "web_accessible_resources"), so an exact rule can only name one user's copy. In
/// Chrome, Edge and similar browsers an extension has the same id everywhere.
const SCHEMES_WITH_AN_ID_FOR_EACH_INSTALLATION: [&str; 2] = ["moz-extension", "safari-web-extension"];

pub(super) fn has_an_id_for_each_installation(scheme: &Scheme) -> bool {
    SCHEMES_WITH_AN_ID_FOR_EACH_INSTALLATION.contains(&scheme.as_str())
}
