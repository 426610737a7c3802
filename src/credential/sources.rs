//! `CREDENTIAL_SOURCES`: the places in which a request may present its credential.
//!
//! Standards: RFC 9110 sections 5.1 and 5.6.2 (header names are tokens).
//! Invariants: at least one place; none twice; none that the gateway itself reads or writes for another purpose.
//! What it must not know: requests.
//! What a mistake costs: a place that is not the one meant sends the token to the upstream, unseen.

use crate::headers;
use std::fmt;

/// `CREDENTIAL_SOURCES` when the operator says nothing.
pub const CREDENTIAL_SOURCES_DEFAULT: &str = "bearer, header:X-Api-Key, query:token";

pub(super) const AUTHORIZATION: &str = "authorization";
pub(super) const X_API_KEY: &str = "x-api-key";
pub(super) const TOKEN_PARAMETER: &str = "token";

/// The places that present a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialSources {
    /// Lower-case names of every header to read: the default ones first, listed or not, then the other listed ones.
    headers: Vec<String>,
    listed_headers: Vec<String>,
    listed_parameters: Vec<String>,
}

/// `CREDENTIAL_SOURCES` cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialSourcesError {
    /// An item is none of the three forms, or there is none.
    Syntax,
    /// A place is listed twice.
    Twice,
    /// A header that the gateway uses itself.
    ReservedHeader,
}

impl fmt::Display for CredentialSourcesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => {
                "a comma list of bearer, header:<Name> and query:<name>, such as bearer, header:X-Api-Key, query:token"
            }
            Self::Twice => "each place once",
            Self::ReservedHeader => {
                "a header of its own for the token: Authorization is listed as bearer, and Cookie, Host, Origin, Referer, \
                 Sec-* and Wayleave-* are taken"
            }
        })
    }
}

impl CredentialSources {
    /// Parses `CREDENTIAL_SOURCES`.
    ///
    /// # Errors
    /// [`CredentialSourcesError`].
    pub fn parse(text: &str) -> Result<Self, CredentialSourcesError> {
        let mut listed_headers = Vec::new();
        let mut listed_parameters = Vec::new();
        for item in text.split(',').map(str::trim) {
            let (places, name) = match item.split_once(':') {
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
        let defaults = [AUTHORIZATION, X_API_KEY].map(str::to_owned);
        let others = listed_headers.iter().filter(|name| !defaults.contains(name)).cloned();
        let headers = defaults.iter().cloned().chain(others).collect();
        Ok(Self { headers, listed_headers, listed_parameters })
    }

    /// Lower-case names of the headers that [`find`](Self::find) asks for, in its order; always the same, so that the
    /// platform can read them in one go.
    #[must_use]
    pub fn header_names(&self) -> &[String] {
        &self.headers
    }

    /// The places as the operator lists them, headers in lower case.
    #[must_use]
    pub fn listed(&self) -> Vec<String> {
        let headers = self.listed_headers.iter().map(|name| match name.as_str() {
            AUTHORIZATION => "bearer".to_owned(),
            name => format!("header:{name}"),
        });
        headers.chain(self.listed_parameters.iter().map(|name| format!("query:{name}"))).collect()
    }

    pub(super) fn lists_header(&self, name: &str) -> bool {
        self.listed_headers.iter().any(|listed| listed == name)
    }

    pub(super) fn lists_parameter(&self, name: &str) -> bool {
        self.listed_parameters.iter().any(|listed| listed == name)
    }
}

fn header_name(text: &str) -> Result<String, CredentialSourcesError> {
    if !headers::is_name(text) {
        return Err(CredentialSourcesError::Syntax);
    }
    let name = text.to_ascii_lowercase();
    let is_reserved = matches!(name.as_str(), AUTHORIZATION | "cookie" | "host" | "origin" | "referer")
        || name.starts_with("sec-")
        || name.starts_with("wayleave-");
    if is_reserved { Err(CredentialSourcesError::ReservedHeader) } else { Ok(name) }
}

/// Letters, digits, `-`, `_` and `.`: names that need no encoding.
fn parameter_name(text: &str) -> Result<String, CredentialSourcesError> {
    let is_name = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if is_name { Ok(text.to_owned()) } else { Err(CredentialSourcesError::Syntax) }
}
