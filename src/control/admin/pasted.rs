//! A token in what somebody pasted: with `Bearer` before it, inside an address, cut short, or as a
//! fingerprint.
//!
//! Standard: docs/http.md, "Lookup and reveal".
//! Invariants: the first token in the text counts. What is read proves nothing until it is verified.
//! What it must not know: which tokens exist.
//! What a mistake costs: an operator does not find the token to revoke.

use crate::formats::fingerprint::{HEAD_CHARS, Sought};
use crate::formats::token::{PREFIX, TOKEN_CHARS, UnverifiedToken};

/// What a pasted text means.
pub(super) enum Pasted {
    /// A whole token.
    Token(UnverifiedToken),
    /// A fingerprint, or the first 12 characters.
    Fingerprint(String),
}

impl Pasted {
    /// `None` where nothing in the text names a token.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if Sought::parse(text).is_some() {
            return Some(Self::Fingerprint(text.to_owned()));
        }
        let (_, from) = text.split_at_checked(text.find(PREFIX)?)?;
        let end = from.find(|c: char| !of_token(c)).unwrap_or(from.len());
        let (found, after) = from.split_at_checked(end)?;
        if let Some(whole) = found.get(..TOKEN_CHARS) {
            return UnverifiedToken::parse(whole).map(Self::Token);
        }
        let shown = after.split(|c: char| !of_token(c) && c != '…' && c != '.').next().unwrap_or_default();
        let shown = format!("{found}{shown}");
        if Sought::parse(&shown).is_some() {
            return Some(Self::Fingerprint(shown));
        }
        // The first 12 characters name the token, so the rest is not needed.
        let head = found.get(..HEAD_CHARS).filter(|head| Sought::parse(head).is_some())?;
        Some(Self::Fingerprint(head.to_owned()))
    }
}

const fn of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}
