//! Credentials in a header, and tokens in headers that are not for credentials.
//!
//! Standards: RFC 9110 sections 5.3 (a field sent twice is one list) and 11.4 (`Authorization`); RFC 6265
//! (cookies).
//! Invariants: a listed header that is present presents a credential. A token in a header that is not for
//! credentials is reported, never ignored.
//! What it must not know: which headers are listed.
//! What a mistake costs: a credential is overlooked, so that the request is treated as anonymous or the token
//! goes upstream.

use super::content::{Credential, Place, PlaceContent, within_limit};
use super::fault::FaultPlace;
use super::places::AUTHORIZATION;
use crate::formats::token;
use std::borrow::Cow;

/// The credential in the header `name`, which is one of the places.
pub(super) fn find<'a>(name: &'a str, value: &'a str, is_listed: bool) -> PlaceContent<'a> {
    let may_be_token = value.contains(token::PREFIX);
    if !is_listed && !may_be_token {
        return PlaceContent::Nothing;
    }
    let is_authorization = name == AUTHORIZATION;
    let mut parts = value.split(',').skip(1);
    if parts.any(|part| !(is_authorization && is_auth_parameter(part))) {
        return PlaceContent::Twice(FaultPlace::Header(name));
    }
    let text = if is_authorization { bearer(value).unwrap_or_default() } else { value };
    let text = Cow::Borrowed(within_limit(text));
    PlaceContent::Credential(
        Credential::new(Place::Header(name), text, may_be_token),
        FaultPlace::Header(name),
    )
}

/// Whether a header that is not for credentials holds a token.
pub(super) fn holds_token(name: &str, value: &str) -> bool {
    if !may_carry(name) || !value.contains(token::PREFIX) {
        return false;
    }
    // Other software may give its cookies names that begin with `wlp_`, but none that are a whole token.
    let holds_it = |pair: &str| cookie_value(pair).contains(token::PREFIX) || has_token_for_name(pair);
    name != "cookie" || value.split([';', ',']).any(holds_it)
}

fn has_token_for_name(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default().trim();
    name.len() == token::TOKEN_CHARS && name.starts_with(token::PREFIX)
}

/// Whether a header may carry a token. False for headers that browsers write by themselves: the request's
/// target, its source, and lists of header names. `Referer` is among them; the token is removed from it.
pub(super) fn may_carry(name: &str) -> bool {
    !name.is_empty()
        && !matches!(name, "host" | "origin" | "referer")
        && !name.starts_with("access-control-request-")
}

fn cookie_value(pair: &str) -> &str {
    pair.split_once('=').map_or(pair, |(_, value)| value)
}

/// The text after the scheme `Bearer` in any case (RFC 9110 section 11.1) and its spaces. `None` for another
/// scheme.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, text) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| text.trim_matches(' '))
}

/// Whether `part` is `name=…`, with optional white space before the sign. Such parts follow commas within one
/// set of credentials of a scheme like Digest. Anything else after a comma came from a second header.
fn is_auth_parameter(part: &str) -> bool {
    let part = part.trim_matches([' ', '\t']);
    part.split_once('=').is_some_and(|(name, value)| {
        let name = name.trim_end_matches([' ', '\t']);
        !name.is_empty() && !name.contains([' ', '\t', '"']) && !value.trim_start_matches('=').is_empty()
    })
}
