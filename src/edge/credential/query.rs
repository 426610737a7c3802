//! The parameters of a raw query, and the query without one of them.
//!
//! Standard: URL standard section 5.1 (`application/x-www-form-urlencoded` parsing): `&` separates, the first `=` ends
//! a name, `+` is a space, and percent-encoding may hide any character.
//! Invariants: no byte of another parameter changes.
//! What it must not know: which parameters matter.
//! What a mistake costs: a name that is read otherwise than by the upstream leaves the token in what it gets, or
//! overlooks a second credential.

use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// One `name=value` of a query, as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parameter<'q> {
    /// Bytes of the query before it.
    pub(super) at: usize,
    pub(super) name: &'q str,
    /// `""` when there is no `=`.
    pub(super) value: &'q str,
}

/// The parameters in order; `&&` holds an empty one, which has no name.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = Parameter<'_>> {
    let mut at = 0;
    query.split('&').map(move |text| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let parameter = Parameter { at, name, value };
        at += text.len() + 1;
        parameter
    })
}

/// The query without the parameter that begins at byte `at`; `None` when it was the only one.
pub(super) fn without_parameter_at(query: &str, at: usize) -> Option<Cow<'_, str>> {
    let Some((before, from)) = query.split_at_checked(at) else {
        return Some(Cow::Borrowed(query));
    };
    match (before.strip_suffix('&'), from.split_once('&')) {
        (None, None) => None,
        (None, Some((_, after))) => Some(Cow::Borrowed(after)),
        (Some(before), None) => Some(Cow::Borrowed(before)),
        (Some(_), Some((_, after))) => Some(Cow::Owned(format!("{before}{after}"))),
    }
}

/// Text of a name or value. Bytes that are not UTF-8 become U+FFFD, which no name or credential of ours contains.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

/// [`decode`] of no more than the first characters, enough for a prefix; however long the value is.
pub(super) fn decode_start(text: &str) -> Cow<'_, str> {
    let end = text.char_indices().nth(START_CHARS).map_or(text.len(), |(at, _)| at);
    decode(text.get(..end).unwrap_or_default())
}

/// Four characters of a prefix, each percent-encoded in three, and a few more.
const START_CHARS: usize = 16;
