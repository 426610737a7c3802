//! Why a request has no single credential, and the places of those that it has.
//!
//! Invariants: a place is named as in the configuration. Neither its content nor a name chosen by the caller
//! is shown.
//! What it must not know: HTTP.
//! What a mistake costs: a token appears in a log, or a developer looks in the wrong place.

use super::places::AUTHORIZATION;
use std::fmt;

/// More than one credential, or a token in a place that is not for credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialFault<'a> {
    pub kind: FaultKind,
    places: Vec<FaultPlace<'a>>,
}

/// The kind of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Credentials in different places.
    TwoPlaces,
    /// Two credentials in one place.
    Twice,
    /// No credential, but a token in a place that is not for credentials.
    Misplaced,
}

/// A place that holds a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultPlace<'a> {
    /// A header that may hold a credential, in lower case.
    Header(&'a str),
    Cookie,
    OtherHeader,
    Protocols,
    /// A query parameter that may hold a credential.
    Parameter(&'a str),
    OtherParameter,
}

impl FaultPlace<'_> {
    /// A header that is not for credentials.
    pub(super) fn header(name: &str) -> Self {
        if name == "cookie" { Self::Cookie } else { Self::OtherHeader }
    }
}

/// The place as `CREDENTIAL_SOURCES` names it. One that cannot be listed there is named by its kind.
impl fmt::Display for FaultPlace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(AUTHORIZATION) => f.write_str("bearer"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Cookie => f.write_str("cookie"),
            Self::OtherHeader => f.write_str("header"),
            Self::Protocols => f.write_str("websocket-protocol"),
            Self::Parameter(name) => write!(f, "query:{name}"),
            Self::OtherParameter => f.write_str("query"),
        }
    }
}

impl<'a> CredentialFault<'a> {
    pub(super) fn new(is_misplaced: bool, found: impl Iterator<Item = FaultPlace<'a>>) -> Self {
        let mut places: Vec<FaultPlace<'a>> = Vec::new();
        for place in found {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let kind = match (is_misplaced, places.len()) {
            (true, _) => FaultKind::Misplaced,
            (false, 1) => FaultKind::Twice,
            (false, _) => FaultKind::TwoPlaces,
        };
        Self { kind, places }
    }

    /// The places of the credentials, each once.
    pub fn places(&self) -> impl Iterator<Item = String> {
        self.places.iter().map(ToString::to_string)
    }
}
