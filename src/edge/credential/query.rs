//! The parameters of a raw query, and the query without one of them.
//!
//! Standard: URL standard section 5.1 (`application/x-www-form-urlencoded` parsing): `&` separates, the first
//! `=` ends a name, `+` is a space, and any character may be percent-encoded.
//! Invariants: no byte of another parameter changes.
//! What it must not know: which parameters matter.
//! What a mistake costs: gateway and upstream read a name differently, so that the token goes upstream or a
//! second credential is overlooked.

use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// One `name=value` of a query, as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parameter<'q> {
    /// Byte offset of the parameter in the query.
    pub(super) at: usize,
    /// The whole parameter: `name=value` as sent.
    pub(super) text: &'q str,
    pub(super) name: &'q str,
    /// The text after the first `=`. `""` when there is none.
    pub(super) value: &'q str,
}

/// The parameters in order. Between the `&` of `&&` is an empty one without a name.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = Parameter<'_>> {
    let mut at = 0;
    query.split('&').map(move |text| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let parameter = Parameter { at, text, name, value };
        at += text.len() + 1;
        parameter
    })
}

/// Whether an ASCII text occurs in the query, as it is or percent-encoded. Allocates nothing, since it is
/// called for every request.
pub(super) fn holds(query: &str, text: &str) -> bool {
    if !query.contains('%') {
        return query.contains(text);
    }
    let starts =
        query.bytes().enumerate().filter(|(_, byte)| *byte == b'%' || text.as_bytes().first() == Some(byte));
    starts.into_iter().any(|(at, _)| {
        let mut decoded = percent_encoding::percent_decode(query.as_bytes().get(at..).unwrap_or_default());
        text.bytes().all(|byte| decoded.next() == Some(byte))
    })
}

/// The query without the parameter at byte `at`. `None` when it was the only one.
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

/// Decodes a name or value. Bytes that are not UTF-8 become U+FFFD, which occurs in no name or credential of
/// Wayleave's.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

/// As [`decode`], but only the first characters, which is enough to see a prefix. The cost does not depend on
/// the length.
pub(super) fn decode_start(text: &str) -> Cow<'_, str> {
    let end = text.char_indices().nth(START_CHARS).map_or(text.len(), |(at, _)| at);
    decode(text.get(..end).unwrap_or_default())
}

/// Four characters of a prefix, each percent-encoded in 3 bytes, are 12; plus a few more.
const START_CHARS: usize = 16;
