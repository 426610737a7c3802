//! Finds the one credential of a request: its place, its text, and how to remove it.
//!
//! Standards: RFC 6750 section 2 (a client uses no more than one method); RFC 9110 section 11.4
//! (`Authorization`); the URL standard's `application/x-www-form-urlencoded` (query names); RFC 6455 section
//! 1.9 (subprotocols).
//! Invariants:
//! - A listed place that is present presents a credential, whatever its content.
//! - A public token in one of the default places is a credential even where the place is not listed.
//! - A token anywhere else in headers or query is misplaced.
//! - More than one credential is a conflict, even if they are equal.
//! - So no request that contains `wlp_` is anonymous, and none sends that text upstream.
//!
//! What it must not know: the token's format beyond its prefix; keys; routes.
//! What a mistake costs: an overlooked credential makes a request anonymous or sends the token upstream. A
//! credential seen where there is none refuses the upstream's own users.

mod content;
mod fault;
mod header;
mod places;
mod protocols;
mod query;
mod sources;

pub use content::{Credential, Place};
pub use fault::{CredentialFault, FaultKind};
pub use places::{HANDSHAKE_PROTOCOL, PROTOCOLS_HEADER};
pub(crate) use sources::is_taken;
pub use sources::{CREDENTIAL_SOURCES_DEFAULT, CredentialSources, CredentialSourcesError};

use crate::base::headers::Headers;
use crate::formats::token;
use crate::limits;
use content::{PlaceContent, within_limit};
use fault::FaultPlace;
use places::{AUTHORIZATION, TOKEN_PARAMETER, X_API_KEY};
use std::borrow::Cow;

/// The parts of a request that may hold a credential.
#[derive(Clone, Copy, Debug)]
pub struct Carriers<'a, 'h> {
    /// The headers that the platform read: at least those of [`CredentialSources::header_names`].
    pub headers: &'h Headers<'a>,
    /// Names of all other headers that hold a public token's prefix, separated by commas.
    pub others: &'a str,
    /// The query as sent, without its `?`.
    pub query: Option<&'a str>,
}

impl<'a> Credential<'a> {
    /// The query without this credential's parameter. Every other byte stays: `a=1&token=…&b=%7e` becomes
    /// `a=1&b=%7e`. `None` when nothing is left, so that no `?` is needed. `raw_query` must be the query in
    /// which the credential was found.
    #[must_use]
    pub fn strip_query<'q>(&self, raw_query: &'q str) -> Option<Cow<'q, str>> {
        match self.place() {
            Place::Header(_) | Place::Protocols => Some(Cow::Borrowed(raw_query)),
            Place::Query { at } => query::without_parameter_at(raw_query, at),
        }
    }

    /// The `Sec-WebSocket-Protocol` for the upstream, when the credential was in that header. `Some(None)`
    /// when nothing is left of it; `None` when it stays unchanged.
    #[must_use]
    pub fn strip_protocols(&self, headers: &Headers<'a>) -> Option<Option<String>> {
        match self.place() {
            Place::Protocols => headers.get(PROTOCOLS_HEADER).map(protocols::without_credential),
            Place::Header(_) | Place::Query { .. } => None,
        }
    }
}

impl CredentialSources {
    /// Finds the request's credential.
    ///
    /// # Errors
    /// [`CredentialFault`] for more than one credential, and for a token in a place that is not for
    /// credentials.
    pub fn find<'a>(
        &'a self,
        carriers: &Carriers<'a, '_>,
    ) -> Result<Option<Credential<'a>>, CredentialFault<'a>> {
        let mut found = FoundCredentials::default();
        for (name, value) in carriers.headers.present() {
            if name == PROTOCOLS_HEADER {
                found.add(protocols::find(value, self.lists_protocols()));
            } else if self.lists_header(name) || matches!(name, AUTHORIZATION | X_API_KEY) {
                found.add(header::find(name, value, self.lists_header(name)));
            } else if header::holds_token(name, value) {
                found.add(PlaceContent::Misplaced(FaultPlace::header(name)));
            }
        }
        for name in carriers.others.split(',').filter(|name| header::may_carry(name)) {
            found.add(PlaceContent::Misplaced(FaultPlace::header(name)));
        }
        if let Some(query) = carriers.query {
            self.find_in_query(query, &mut found);
        }
        found.outcome()
    }

    fn find_in_query<'a>(&'a self, raw_query: &'a str, found: &mut FoundCredentials<'a>) {
        let holds_token = query::holds(raw_query, token::PREFIX);
        for parameter in query::parameters(raw_query) {
            let name = query::decode(parameter.name);
            let listed = self.listed_parameter(&name);
            let is_token = || query::decode_start(parameter.value).trim_start().starts_with(token::PREFIX);
            let presents =
                listed.or_else(|| (name == TOKEN_PARAMETER && is_token()).then_some(TOKEN_PARAMETER));
            let may_be_token = holds_token && query::holds(parameter.text, token::PREFIX);
            if let Some(name) = presents {
                let place = Place::Query { at: parameter.at };
                let text = query_text(parameter.value);
                let credential = Credential::new(place, text, may_be_token);
                found.add(PlaceContent::Credential(credential, FaultPlace::Parameter(name)));
            } else if may_be_token {
                found.add(PlaceContent::Misplaced(FaultPlace::OtherParameter));
            }
        }
    }
}

/// The content of all places so far. Most requests hold one credential and nothing else; that case allocates
/// nothing.
#[derive(Default)]
struct FoundCredentials<'a> {
    first: Option<(Credential<'a>, FaultPlace<'a>)>,
    others: Vec<FaultPlace<'a>>,
    has_two: bool,
}

impl<'a> FoundCredentials<'a> {
    fn add(&mut self, content: PlaceContent<'a>) {
        match content {
            PlaceContent::Nothing => {}
            PlaceContent::Credential(credential, at) if self.first.is_none() => {
                self.first = Some((credential, at));
            }
            PlaceContent::Credential(_, at) | PlaceContent::Misplaced(at) => self.others.push(at),
            PlaceContent::Twice(at) => {
                self.has_two = true;
                self.others.push(at);
            }
        }
    }

    fn outcome(self) -> Result<Option<Credential<'a>>, CredentialFault<'a>> {
        if self.others.is_empty() {
            return Ok(self.first.map(|(credential, _)| credential));
        }
        let is_misplaced = self.first.is_none() && !self.has_two;
        let first = self.first.map(|(_, at)| at);
        Err(CredentialFault::new(is_misplaced, first.into_iter().chain(self.others)))
    }
}

fn query_text(value: &str) -> Cow<'_, str> {
    if value.len() > limits::CREDENTIAL_MAX_CHARS * ENCODED_BYTES_PER_CHAR {
        return Cow::Borrowed("");
    }
    match query::decode(value) {
        text if within_limit(&text).len() == text.len() => text,
        _ => Cow::Borrowed(""),
    }
}

/// The longest encoding of one character: `%41` has 3 bytes.
const ENCODED_BYTES_PER_CHAR: usize = 3;

#[cfg(test)]
mod tests;
