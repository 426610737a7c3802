//! A credential among the subprotocols that a WebSocket offers: `new WebSocket(url, ["wayleave", token])`.
//!
//! Standards: RFC 6455 sections 4.1, 4.2.2 and 11.3.4 (`Sec-WebSocket-Protocol`: a list of tokens, of which
//! the server chooses one); the WebSockets standard (a page can set no other header).
//! Invariants: the remaining subprotocols keep their order. A list without a token and without Wayleave's own
//! entry is left to the upstream.
//! What it must not know: who sends the list.
//! What a mistake costs: the token reaches the upstream, or is sent back as the chosen subprotocol.

use super::content::{Credential, Place, PlaceContent, within_limit};
use super::fault::FaultPlace;
use super::places::HANDSHAKE_PROTOCOL;
use crate::formats::token;
use std::borrow::Cow;

/// The credential that the list presents.
pub(super) fn find(value: &str, is_listed: bool) -> PlaceContent<'_> {
    let holds_token = value.contains(token::PREFIX);
    if !holds_token && !is_listed {
        return PlaceContent::Nothing;
    }
    if !entries(value).any(|entry| entry == HANDSHAKE_PROTOCOL) {
        return if holds_token {
            PlaceContent::Misplaced(FaultPlace::Protocols)
        } else {
            PlaceContent::Nothing
        };
    }
    let mut tokens = entries(value).filter(|entry| entry.contains(token::PREFIX));
    let text = tokens.next().unwrap_or_default();
    if tokens.next().is_some() {
        return PlaceContent::Twice(FaultPlace::Protocols);
    }
    let credential = Credential::new(Place::Protocols, Cow::Borrowed(within_limit(text)), holds_token);
    PlaceContent::Credential(credential, FaultPlace::Protocols)
}

/// The list for the upstream, without token and Wayleave's own entry. `None` when it is empty.
pub(super) fn without_credential(value: &str) -> Option<String> {
    let others =
        entries(value).filter(|entry| *entry != HANDSHAKE_PROTOCOL && !entry.contains(token::PREFIX));
    let left = others.collect::<Vec<_>>().join(", ");
    (!left.is_empty()).then_some(left)
}

fn entries(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(|entry| entry.trim_matches([' ', '\t'])).filter(|entry| !entry.is_empty())
}
