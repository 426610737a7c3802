//! Console sessions: the text `wls_…`, how a forged one is recognised without any read, and the cookie that
//! carries it.
//!
//! Standards: docs/formats.md, "Ids with a check"; docs/http.md, "Console sessions"; RFC 6265bis section
//! 4.1.3.2 (`__Host-`), 5.4 (`Cookie`).
//!
//! A session's text is 36 ASCII characters: `wls_`, then 24 bytes in base64url. The first 16 bytes are
//! random. The other 8 are the first 8 bytes of HMAC-SHA256 over them under the purpose `session`.
//!
//! Invariants: each session has one spelling. Only the SHA-256 of the text is stored. The cookie is
//! `HttpOnly; Secure; SameSite=Strict` and bound to the host that set it. It is removed from every request
//! that goes upstream.
//! What it must not know: which sessions exist (the registry knows), HTTP beyond two header values.
//! What a mistake costs: a session that can be guessed, or that reaches an upstream, opens the admin API.

use crate::formats::checked_text;
use crate::formats::key::{TagKey, sha256};
use std::fmt;

/// Random bytes of a session: 16 bytes, 128 bits.
pub const RANDOM_BYTES: usize = 16;
/// The cookie's name. Browsers accept a cookie with this prefix only with `Secure`, `Path=/` and no `Domain`.
pub const COOKIE_NAME: &str = "__Host-wayleave";

const PREFIX: &str = "wls_";
/// The characters that end a cookie in a `Cookie` header.
const SEPARATORS: [char; 2] = [';', ','];
const ATTRIBUTES: &str = "Path=/; HttpOnly; Secure; SameSite=Strict";

/// A session's text. Whoever has it can use the admin API.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionText(String);

impl fmt::Debug for SessionText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionText(redacted)")
    }
}

impl SessionText {
    /// Makes a session from random bytes by adding their check.
    #[must_use]
    pub fn mint(random: [u8; RANDOM_BYTES], key: &TagKey) -> Self {
        Self(checked_text::mint(PREFIX, random, key))
    }

    /// Parses a session's text. `None` for one that this deployment did not make.
    #[must_use]
    pub fn parse(text: &str, key: &TagKey) -> Option<Self> {
        checked_text::is_minted::<RANDOM_BYTES>(PREFIX, text, key).then(|| Self(text.to_owned()))
    }

    /// The session in a `Cookie` header. `None` also when there are two, since one of them was planted.
    #[must_use]
    pub fn of_cookies(cookies: &str, key: &TagKey) -> Option<Self> {
        let mut found = pairs(cookies).filter(|(name, _)| *name == COOKIE_NAME);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Self::parse(value, key),
            _ => None,
        }
    }

    /// The `Set-Cookie` value with which the browser keeps the session until it is closed. The registry may
    /// end the session earlier.
    #[must_use]
    pub fn set_cookie(&self) -> String {
        format!("{COOKIE_NAME}={}; {ATTRIBUTES}", self.0)
    }

    /// The SHA-256 of the text. Only this is stored and sent to the registry.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        sha256(self.0.as_bytes())
    }

    /// The text, for the caller who opened the session.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes the text of a session that the registry has just made.
    #[must_use]
    pub fn of_registry(text: String) -> Self {
        Self(text)
    }
}

/// The `Set-Cookie` value with which the browser deletes the session.
#[must_use]
pub fn forget_cookie() -> String {
    format!("{COOKIE_NAME}=; {ATTRIBUTES}; Max-Age=0")
}

/// The `Cookie` header without the session. `None` when it has none to remove; `Some("")` when nothing else
/// is left. A comma also ends a cookie, because the platform joins several `Cookie` headers with commas.
#[must_use]
pub fn without_session(cookies: &str) -> Option<String> {
    // Only the name decides, so that no spelling of the value passes.
    if !cookies.split(SEPARATORS).any(is_named_as_session) {
        return None;
    }
    let mut others = String::with_capacity(cookies.len());
    for cookie in cookies.split_inclusive(SEPARATORS) {
        if is_named_as_session(cookie) {
            // The separator before the session ended the previous cookie; it is not part of a value.
            others.truncate(others.trim_end_matches(SEPARATORS).len());
            if !others.is_empty() {
                others.push(';');
            }
        } else {
            others.push_str(cookie);
        }
    }
    Some(others.trim_end_matches(SEPARATORS).trim().to_owned())
}

/// Whether one of these joined `Set-Cookie` values may be for the console's cookie. Most answers set no
/// cookie.
#[must_use]
pub fn may_be_set(set_cookies: &str) -> bool {
    let name = COOKIE_NAME.as_bytes();
    set_cookies.as_bytes().windows(name.len()).any(|bytes| bytes.eq_ignore_ascii_case(name))
}

/// The `Set-Cookie` values, one a line, without those that would set the console's cookie.
#[must_use]
pub fn without_set_session(set_cookies: &str) -> String {
    set_cookies.split('\n').filter(|line| !sets_session(line)).collect::<Vec<_>>().join("\n")
}

/// Whether a `Set-Cookie` value would set the console's cookie, or one that is sent under its name. Browsers
/// remove white space around a name, and some send a cookie without a name as its value alone.
fn sets_session(set_cookie: &str) -> bool {
    is_named_as_session(set_cookie.split(';').next().unwrap_or_default())
}

fn is_named_as_session(pair: &str) -> bool {
    let pair = pair.trim_matches(|c: char| c == '=' || SEPARATORS.contains(&c) || c.is_ascii_whitespace());
    pair_name(pair).eq_ignore_ascii_case(COOKIE_NAME)
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
    fn several_cookie_headers_joined_by_the_platform_hold_no_session_either() {
        for (sent, kept) in [
            ("a=1, __Host-wayleave=x", "a=1"),
            ("__Host-wayleave=x, a=1; b=2", "a=1; b=2"),
            ("a=1, __Host-wayleave=x; b=2", "a=1; b=2"),
            ("a=1; __Host-wayleave=x, b=2", "a=1; b=2"),
            ("a=1,2; __Host-wayleave=x; b=3,4", "a=1,2; b=3,4"),
            ("a=1,__Host-wayleave=x,b=2", "a=1;b=2"),
            ("a=1, __HOST-Wayleave=x", "a=1"),
            ("a=1, __Host-wayleave", "a=1"),
            ("a=1; =__Host-wayleave=x", "a=1"),
            ("__Host-wayleave=x, __Host-wayleave=y", ""),
        ] {
            assert_eq!(without_session(sent).as_deref(), Some(kept), "{sent}");
        }
        for other in
            ["a=1, b=2", "a=__Host-wayleave", "__Host-wayleave2=x", "x__Host-wayleave=x", "__Host-wayleav=e"]
        {
            assert_eq!(without_session(other), None, "{other}");
        }
    }

    #[test]
    fn every_way_to_set_the_consoles_cookie_is_known() {
        for line in [
            "__Host-wayleave=evil; Path=/; Secure",
            "__Host-wayleave=",
            "__Host-wayleave",
            " \t__host-WAYLEAVE \t= evil",
            "=__Host-wayleave=evil",
            "= __Host-wayleave=evil; Secure",
            "__Host-wayleave;a=1",
        ] {
            assert!(sets_session(line) && may_be_set(&format!("a=1, {line}")), "{line}");
        }
        for line in
            ["a=1; __Host-wayleave=x", "a=__Host-wayleave", "__Host-wayleave2=x", "wayleave=x", "", "a=1"]
        {
            assert!(!sets_session(line), "{line}");
        }
        assert!(!may_be_set("a=1, b=wayleave"));
        assert_eq!(without_set_session("a=1\n__Host-wayleave=x; Path=/\nb=2; Secure"), "a=1\nb=2; Secure");
        assert_eq!(without_set_session("__Host-wayleave=x"), "");
    }

    #[test]
    fn debug_shows_no_session() {
        assert_eq!(format!("{:?}", session()), "SessionText(redacted)");
    }
}
