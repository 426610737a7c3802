//! A credential as presented, and what one place of a request holds.

use super::fault::FaultPlace;
use crate::limits;
use std::borrow::Cow;

/// The one credential of a request, as presented. Nothing about it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential<'a> {
    place: Place<'a>,
    text: Cow<'a, str>,
    may_be_token: bool,
}

/// The place of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// The header of this name, in lower case.
    Header(&'a str),
    /// The query parameter at this offset.
    Query {
        /// Byte offset of the parameter in the query.
        at: usize,
    },
    /// The subprotocols that a WebSocket offers.
    Protocols,
}

impl<'a> Credential<'a> {
    pub(super) fn new(place: Place<'a>, text: Cow<'a, str>, may_be_token: bool) -> Self {
        Self { place, text, may_be_token }
    }

    /// The text presented. Empty when the place is empty, holds another scheme, or is longer than a
    /// credential can be. Never log it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the text has the prefix of a token. If not, it is a credential of another kind.
    #[must_use]
    pub fn may_be_token(&self) -> bool {
        self.may_be_token
    }

    /// Where the credential was found.
    #[must_use]
    pub fn place(&self) -> Place<'a> {
        self.place
    }

    /// The header, in lower case, that must not reach the upstream.
    #[must_use]
    pub fn header_to_strip(&self) -> Option<&'a str> {
        match self.place {
            Place::Header(name) => Some(name),
            Place::Query { .. } | Place::Protocols => None,
        }
    }
}

/// The content of one place.
pub(super) enum PlaceContent<'a> {
    Nothing,
    Credential(Credential<'a>, FaultPlace<'a>),
    /// A token in a place that is not for credentials.
    Misplaced(FaultPlace<'a>),
    /// Two credentials in one place.
    Twice(FaultPlace<'a>),
}

/// The text, or `""` when it is longer than any credential.
pub(super) fn within_limit(text: &str) -> &str {
    if text.len() > limits::CREDENTIAL_MAX_CHARS { "" } else { text }
}
