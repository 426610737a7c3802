//! The one credential of a request: where it is, its text, and how it is cut out.
//!
//! Standards: RFC 6750 section 2 (a client uses no more than one method), RFC 9110 section 11.4 (`Authorization`), the
//! URL standard's `application/x-www-form-urlencoded` (query names).
//! Invariants: a listed place that is present presents a credential, whatever is in it; a public token in one of the
//! three default places does so even where the place is not listed; more than one is a conflict, equal or not.
//! What it must not know: the token's format beyond its prefix; keys; routes.
//! What a mistake costs: a credential overlooked makes a request anonymous (false accept) or hands the token to the
//! upstream; one seen where there is none refuses the upstream's own users (false refuse).

mod query;
mod sources;

pub use sources::{CREDENTIAL_SOURCES_DEFAULT, CredentialSources, CredentialSourcesError};

use crate::{limits, token};
use sources::{AUTHORIZATION, TOKEN_PARAMETER, X_API_KEY};
use std::borrow::Cow;

/// Exactly one credential, as presented; nothing about it is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential<'a> {
    place: Place<'a>,
    text: Cow<'a, str>,
}

/// Where a credential is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// This header (lower case).
    Header(&'a str),
    /// The parameter that stands at this byte of the query.
    Query {
        /// Bytes before the parameter.
        at: usize,
    },
}

/// More than one credential: `credential_conflict`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialConflict;

impl<'a> Credential<'a> {
    /// The text presented; empty when the place is empty, holds another scheme, or is longer than a credential can be.
    /// Never logged.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> Place<'a> {
        self.place
    }

    /// The header (lower case) that must not reach the upstream.
    #[must_use]
    pub fn header_to_strip(&self) -> Option<&'a str> {
        match self.place {
            Place::Header(name) => Some(name),
            Place::Query { .. } => None,
        }
    }

    /// The query without this credential's parameter; every other byte stays, so `a=1&token=…&b=%7e` becomes
    /// `a=1&b=%7e`. `None` when nothing is left, and no `?` need be sent. `raw_query` is the one it was found in.
    #[must_use]
    pub fn strip_query<'q>(&self, raw_query: &'q str) -> Option<Cow<'q, str>> {
        match self.place {
            Place::Header(_) => Some(Cow::Borrowed(raw_query)),
            Place::Query { at } => query::without_parameter_at(raw_query, at),
        }
    }
}

impl CredentialSources {
    /// Finds the request's credential. `header` gives the value of a header by its lower-case name, one of
    /// [`header_names`](Self::header_names); a header sent twice is one value joined by `, `. `raw_query` is the query
    /// as sent, without its `?`.
    ///
    /// # Errors
    /// [`CredentialConflict`] for more than one.
    pub fn find<'a>(
        &'a self,
        header: impl Fn(&str) -> Option<&'a str>,
        raw_query: Option<&'a str>,
    ) -> Result<Option<Credential<'a>>, CredentialConflict> {
        let mut found = None;
        for name in self.header_names() {
            if let Some(value) = header(name) {
                let is_listed = self.lists_header(name);
                keep(&mut found, in_header(name, value, is_listed)?)?;
            }
        }
        for parameter in raw_query.into_iter().flat_map(query::parameters) {
            let name = query::decode(parameter.name);
            let is_listed = self.lists_parameter(&name);
            if is_listed || name == TOKEN_PARAMETER {
                let text = query_text(parameter.value);
                let presented =
                    is_listed || query::decode_start(parameter.value).trim_start().starts_with(token::PREFIX);
                let credential = Credential { place: Place::Query { at: parameter.at }, text };
                keep(&mut found, presented.then_some(credential))?;
            }
        }
        Ok(found)
    }
}

fn keep<'a>(
    found: &mut Option<Credential<'a>>,
    credential: Option<Credential<'a>>,
) -> Result<(), CredentialConflict> {
    match (&found, &credential) {
        (_, None) => Ok(()),
        (Some(_), Some(_)) => Err(CredentialConflict),
        (None, Some(_)) => {
            *found = credential;
            Ok(())
        }
    }
}

fn in_header<'a>(
    name: &'a str,
    value: &'a str,
    is_listed: bool,
) -> Result<Option<Credential<'a>>, CredentialConflict> {
    let is_default_place = matches!(name, AUTHORIZATION | X_API_KEY);
    let has_public_token = || words(value).any(|word| word.starts_with(token::PREFIX));
    if !is_listed && (!is_default_place || !has_public_token()) {
        return Ok(None);
    }
    let is_authorization = name == AUTHORIZATION;
    let mut parts = value.split(',').skip(1);
    if parts.any(|part| !(is_authorization && is_auth_parameter(part))) {
        return Err(CredentialConflict);
    }
    let text = if is_authorization { bearer(value).unwrap_or_default() } else { value };
    Ok(Some(Credential { place: Place::Header(name), text: Cow::Borrowed(looked_at(text)) }))
}

/// The text after `Bearer`, in any case (RFC 9110 section 11.1), and its spaces; `None` for another scheme.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, text) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| text.trim_matches(' '))
}

/// `name=…` with optional white space before the sign: what follows the commas inside one set of credentials of a
/// scheme such as Digest. Anything else after a comma came with a second header.
fn is_auth_parameter(part: &str) -> bool {
    let part = part.trim_matches([' ', '\t']);
    part.split_once('=').is_some_and(|(name, value)| {
        let name = name.trim_end_matches([' ', '\t']);
        !name.is_empty() && !name.contains([' ', '\t', '"']) && !value.trim_start_matches('=').is_empty()
    })
}

/// What may be a token inside a header of some other form: `Token token="…"`, `a=…; b=…`.
fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split([' ', '\t', ',', ';', ':', '=', '"', '\''])
}

fn query_text(value: &str) -> Cow<'_, str> {
    if value.len() > limits::CREDENTIAL_MAX_CHARS * ENCODED_BYTES_PER_CHAR {
        return Cow::Borrowed("");
    }
    match query::decode(value) {
        text if looked_at(&text).len() == text.len() => text,
        _ => Cow::Borrowed(""),
    }
}

/// The text itself, or nothing when it is longer than any credential.
fn looked_at(text: &str) -> &str {
    if text.len() > limits::CREDENTIAL_MAX_CHARS { "" } else { text }
}

/// `%41` is one character.
const ENCODED_BYTES_PER_CHAR: usize = 3;

#[cfg(test)]
mod tests;
