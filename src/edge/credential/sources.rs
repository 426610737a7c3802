//! `CREDENTIAL_SOURCES`: the places in which a request may present its credential.
//!
//! Standards: RFC 9110 sections 5.1 and 5.6.2 (header names are tokens).
//! Invariants: there is at least one place, none is listed twice, and none is a header that the gateway uses
//! for another purpose.
//! What it must not know: requests.
//! What a mistake costs: a token is looked for in the wrong place, and the real one sends it to the upstream.

use super::places::{AUTHORIZATION, PROTOCOLS_HEADER, X_API_KEY};
use crate::base::headers;
use crate::edge::withheld::OWN_STEM;
use std::fmt;

/// The default of `CREDENTIAL_SOURCES`.
pub const CREDENTIAL_SOURCES_DEFAULT: &str = "bearer, header:X-Api-Key, query:token, websocket-protocol";

const PROTOCOLS_SOURCE: &str = "websocket-protocol";

/// The places in which a credential may be presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialSources {
    /// The headers to read, in lower case: first the default ones, listed or not, then the other listed ones.
    headers: Vec<String>,
    listed_headers: Vec<String>,
    listed_parameters: Vec<String>,
    lists_protocols: bool,
}

/// Why `CREDENTIAL_SOURCES` is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialSourcesError {
    /// An item has none of the known forms, or there is no item.
    Syntax,
    /// A place is listed twice.
    Twice,
    /// A header that the gateway uses for another purpose.
    ReservedHeader,
}

impl CredentialSourcesError {
    /// What was expected, for the operator's log.
    #[must_use]
    pub const fn expected(self) -> &'static str {
        match self {
            Self::Syntax => {
                "a comma list of bearer, header:<Name>, query:<name> and websocket-protocol, such as bearer, \
                 header:X-Api-Key, query:token"
            }
            Self::Twice => "each place once",
            Self::ReservedHeader => {
                "a header that carries only the token: list Authorization as bearer and \
                 Sec-WebSocket-Protocol as websocket-protocol; headers that HTTP, browsers or Wayleave write \
                 (Cookie, Host, Origin, Accept*, Content-*, Sec-*, Wayleave-* and others) cannot be used"
            }
        }
    }
}

impl fmt::Display for CredentialSourcesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected())
    }
}

impl CredentialSources {
    /// Parses `CREDENTIAL_SOURCES`.
    ///
    /// # Errors
    /// [`CredentialSourcesError`] for the first fault.
    pub fn parse(text: &str) -> Result<Self, CredentialSourcesError> {
        let mut listed_headers = Vec::new();
        let mut listed_parameters = Vec::new();
        let mut lists_protocols = false;
        for item in text.split(',').map(str::trim) {
            let (places, name) = match item.split_once(':') {
                None if item == PROTOCOLS_SOURCE && lists_protocols => {
                    return Err(CredentialSourcesError::Twice);
                }
                None if item == PROTOCOLS_SOURCE => {
                    lists_protocols = true;
                    continue;
                }
                None if item == "bearer" => (&mut listed_headers, AUTHORIZATION.to_owned()),
                Some(("header", name)) => (&mut listed_headers, header_name(name)?),
                Some(("query", name)) => (&mut listed_parameters, parameter_name(name)?),
                _ => return Err(CredentialSourcesError::Syntax),
            };
            if places.contains(&name) {
                return Err(CredentialSourcesError::Twice);
            }
            places.push(name);
        }
        let defaults = [AUTHORIZATION, X_API_KEY, PROTOCOLS_HEADER].map(str::to_owned);
        let others = listed_headers.iter().filter(|name| !defaults.contains(name)).cloned();
        let headers = defaults.iter().cloned().chain(others).collect();
        Ok(Self { headers, listed_headers, listed_parameters, lists_protocols })
    }

    /// The headers that [`find`](Self::find) needs, in lower case and in its order. They are the same for
    /// every request, so that the platform can read them in one call.
    #[must_use]
    pub fn header_names(&self) -> &[String] {
        &self.headers
    }

    /// The places in the operator's order, with headers in lower case.
    #[must_use]
    pub fn listed(&self) -> Vec<String> {
        let headers = self.listed_headers.iter().map(|name| match name.as_str() {
            AUTHORIZATION => "bearer".to_owned(),
            name => format!("header:{name}"),
        });
        let parameters = self.listed_parameters.iter().map(|name| format!("query:{name}"));
        let protocols = self.lists_protocols.then(|| PROTOCOLS_SOURCE.to_owned());
        headers.chain(parameters).chain(protocols).collect()
    }

    pub(super) fn lists_header(&self, name: &str) -> bool {
        self.listed_headers.iter().any(|listed| listed == name)
    }

    /// The query parameter of this name, if it is listed.
    pub(super) fn listed_parameter(&self, name: &str) -> Option<&str> {
        self.listed_parameters.iter().map(String::as_str).find(|listed| *listed == name)
    }

    pub(super) fn lists_protocols(&self) -> bool {
        self.lists_protocols
    }
}

fn header_name(text: &str) -> Result<String, CredentialSourcesError> {
    if !headers::is_name(text) {
        return Err(CredentialSourcesError::Syntax);
    }
    let name = text.to_ascii_lowercase();
    let is_reserved = name == AUTHORIZATION || is_taken(&name);
    if is_reserved { Err(CredentialSourcesError::ReservedHeader) } else { Ok(name) }
}

/// Whether HTTP, browsers or the gateway write this header (in lower case) themselves. Then it is in requests
/// that carry no token, or never arrives.
pub(crate) fn is_taken(name: &str) -> bool {
    TAKEN_NAMES.contains(&name) || TAKEN_STEMS.iter().any(|stem| name.starts_with(stem))
}

#[rustfmt::skip]
const TAKEN_NAMES: [&str; 20] = [
    "cache-control", "connection", "cookie", "date", "expect", "forwarded", "host", "keep-alive", "origin",
    "pragma", "range", "referer", "set-cookie", "te", "trailer", "transfer-encoding", "upgrade", "user-agent",
    "via", "priority",
];
const TAKEN_STEMS: [&str; 6] = ["accept", "access-control-", "content-", "if-", "sec-", OWN_STEM];

/// Parses a parameter's name. Only letters, digits, `-`, `_` and `.` are allowed, which need no encoding.
fn parameter_name(text: &str) -> Result<String, CredentialSourcesError> {
    let is_name = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if is_name { Ok(text.to_owned()) } else { Err(CredentialSourcesError::Syntax) }
}
