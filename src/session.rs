//! Console sessions: the text `wls_…`, how a made-up one is recognised without any read, and the cookie that carries it.
//!
//! Standards: DESIGN section 7 (cookie session); RFC 6265bis section 4.1.3.2 (`__Host-`), 5.4 (`Cookie`).
//! A session's text is 36 ASCII characters, `wls_` + base64url of 24 bytes: 16 random, then the first 8 of HMAC-SHA256
//! under the purpose `session` over them.
//! Invariants: one spelling for each; only the SHA-256 of the text is stored; the cookie is `HttpOnly; Secure;
//! SameSite=Strict` and bound to the host that set it; it is cut out of whatever is sent to an upstream.
//! What it must not know: which sessions exist (the registry), HTTP beyond two header values.
//! What a mistake costs: a session that can be guessed, or that reaches an upstream, opens the admin API (false accept).

use crate::checked_text;
use crate::key::{TagKey, sha256};
use std::fmt;

/// Random bytes of a session: 128 bits.
pub const RANDOM_BYTES: usize = 16;
/// The cookie's name. Browsers take a cookie of this prefix only with `Secure`, `Path=/` and no `Domain`.
pub const COOKIE_NAME: &str = "__Host-wayleave";

const PREFIX: &str = "wls_";
const ATTRIBUTES: &str = "Path=/; HttpOnly; Secure; SameSite=Strict";

/// A session's text. It opens the admin API to whoever has it.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionText(String);

impl fmt::Debug for SessionText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionText(redacted)")
    }
}

impl SessionText {
    /// Makes a session of random bytes and their check.
    #[must_use]
    pub fn mint(random: [u8; RANDOM_BYTES], key: &TagKey) -> Self {
        Self(checked_text::mint(PREFIX, random, key))
    }

    /// The session, when `text` is one that this deployment made; `None` otherwise.
    #[must_use]
    pub fn parse(text: &str, key: &TagKey) -> Option<Self> {
        checked_text::is_minted::<RANDOM_BYTES>(PREFIX, text, key).then(|| Self(text.to_owned()))
    }

    /// The session that a `Cookie` header carries; `None` also when it carries two: one of them was planted.
    #[must_use]
    pub fn of_cookies(cookies: &str, key: &TagKey) -> Option<Self> {
        let mut found = pairs(cookies).filter(|(name, _)| *name == COOKIE_NAME);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Self::parse(value, key),
            _ => None,
        }
    }

    /// `Set-Cookie` that makes the browser keep it until it is closed, or until the registry says otherwise.
    #[must_use]
    pub fn set_cookie(&self) -> String {
        format!("{COOKIE_NAME}={}; {ATTRIBUTES}", self.0)
    }

    /// SHA-256 of the text: what is stored, and what crosses to the registry.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        sha256(self.0.as_bytes())
    }

    /// The text, for whoever opened the session.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes what the registry has just made.
    #[must_use]
    pub fn of_registry(text: String) -> Self {
        Self(text)
    }
}

/// `Set-Cookie` that makes the browser forget the session.
#[must_use]
pub fn forget_cookie() -> String {
    format!("{COOKIE_NAME}=; {ATTRIBUTES}; Max-Age=0")
}

/// `Cookie` without the session; `None` when there is nothing to cut, `Some("")` when nothing else is left.
#[must_use]
pub fn without_session(cookies: &str) -> Option<String> {
    // The name alone decides, so that no spelling of a value gets through.
    pairs(cookies).any(|(name, _)| name == COOKIE_NAME).then(|| {
        let others = cookies.split(';').filter(|pair| pair_name(pair) != COOKIE_NAME);
        others.map(str::trim).collect::<Vec<_>>().join("; ")
    })
}

fn pairs(cookies: &str) -> impl Iterator<Item = (&str, &str)> {
    cookies.split(';').map(|pair| {
        let value = pair.split_once('=').map_or("", |(_, value)| value);
        (pair_name(pair), value.trim())
    })
}

fn pair_name(pair: &str) -> &str {
    pair.split_once('=').map_or(pair, |(name, _)| name).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> TagKey {
        TagKey::derive(&[9; 32], "d", "session")
    }

    fn session() -> SessionText {
        SessionText::mint([5; RANDOM_BYTES], &key())
    }

    #[test]
    fn a_minted_session_parses_and_a_made_up_one_does_not() {
        let text = session().as_str().to_owned();
        assert_eq!(text.len(), 36);
        assert_eq!(SessionText::parse(&text, &key()), Some(session()));
        let other_purpose = TagKey::derive(&[9; 32], "d", "family");
        assert_eq!(SessionText::parse(&text, &other_purpose), None);
        for wrong in ["", "wls_", "wls_AAAA", &text[..35], &format!("{text}A"), &text.replace("wls_", "wlp_")]
        {
            assert_eq!(SessionText::parse(wrong, &key()), None, "{wrong}");
        }
        let flipped = format!("{}{}", &text[..35], if text.ends_with('A') { 'B' } else { 'A' });
        assert_eq!(SessionText::parse(&flipped, &key()), None);
    }

    #[test]
    fn the_cookie_carries_exactly_one() {
        let (text, name) = (session().as_str().to_owned(), COOKIE_NAME);
        let of = |cookies: &str| SessionText::of_cookies(cookies, &key());
        assert_eq!(of(&format!("a=1; {name}={text}; b=2")), Some(session()));
        assert_eq!(of(&format!("{name}={text}; {name}=planted")), None);
        assert_eq!(of(&format!("x{name}={text}")), None);
        assert_eq!(of("a=1"), None);
        assert_eq!(of(""), None);
    }

    #[test]
    fn the_cookie_has_its_flags() {
        for cookie in [session().set_cookie(), forget_cookie()] {
            assert!(cookie.starts_with("__Host-"), "{cookie}");
            let flags: Vec<_> = cookie.split("; ").skip(1).take(4).collect();
            assert_eq!(flags, ["Path=/", "HttpOnly", "Secure", "SameSite=Strict"]);
            assert!(!cookie.contains("Domain"));
        }
        assert!(forget_cookie().ends_with("Max-Age=0"));
    }

    #[test]
    fn the_session_is_cut_and_nothing_else() {
        let name = COOKIE_NAME;
        assert_eq!(without_session("a=1; b=2"), None);
        assert_eq!(without_session(""), None);
        assert_eq!(without_session(&format!("{name}=x")).as_deref(), Some(""));
        assert_eq!(without_session(&format!("a=1; {name}=x; b=2=3")).as_deref(), Some("a=1; b=2=3"));
        assert_eq!(without_session(&format!("{name}=x;a=1;{name} = y;{name}")).as_deref(), Some("a=1"));
    }

    #[test]
    fn debug_shows_no_session() {
        assert_eq!(format!("{:?}", session()), "SessionText(redacted)");
    }
}
