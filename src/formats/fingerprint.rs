//! A token's fingerprint: the characters of it that people may see, to compare a deployed copy by eye.
//!
//! Standard: docs/formats.md, "Fingerprint".
//! Invariants: the first 12 characters are prefix, version, key id and serial, and nothing of the tag. The
//! last 8 are 48 of the tag's 128 bits. So a fingerprint names its token, and 80 bits remain unknown.
//! What it must not know: which tokens exist.
//! What a mistake costs: two tokens look alike, and somebody ends the wrong one (false refuse); more of the
//! tag is shown than agreed, and a token can be guessed (false accept).

use super::key::KeyId;
use super::token::{FORMAT_VERSION, PREFIX, Serial, TOKEN_CHARS};
use base64::prelude::*;

/// Characters at a token's start that name it: 4 of the prefix, 8 for version, key id and serial (6 bytes).
pub const HEAD_CHARS: usize = 12;
/// Characters at a token's end that a fingerprint shows.
pub const TAIL_CHARS: usize = 8;
/// Characters at the start in fingerprints of earlier releases. They are alike for all tokens of a key.
const EARLIER_HEAD_CHARS: usize = 8;
const _: () = assert!(HEAD_CHARS + TAIL_CHARS < TOKEN_CHARS);

/// The first 12 and the last 8 characters of a token.
#[must_use]
pub fn fingerprint(token: &str) -> String {
    let head = token.get(..HEAD_CHARS).unwrap_or_default();
    format!("{head}…{}", tail_of(token))
}

/// The fingerprint of the token with this key id and serial. `shown` is a fingerprint of it, of any release.
#[must_use]
pub fn renewed(key_id: KeyId, serial: Serial, shown: &str) -> String {
    format!("{}…{}", head_of(key_id, serial), tail_of(shown))
}

fn tail_of(text: &str) -> &str {
    text.len().checked_sub(TAIL_CHARS).and_then(|at| text.get(at..)).unwrap_or_default()
}

fn head_of(key_id: KeyId, serial: Serial) -> String {
    let [s0, s1, s2, s3] = serial.0.to_be_bytes();
    format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode([FORMAT_VERSION, key_id.0, s0, s1, s2, s3]))
}

/// What somebody presents as a fingerprint. It proves nothing: it only says which token is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    /// The token that the first 12 characters name; `None` in a fingerprint of an earlier release.
    pub named: Option<(KeyId, Serial)>,
    /// The first 8 characters.
    pub start: String,
    /// The last 8 characters; `None` where only the start was given.
    pub end: Option<String>,
}

impl Sought {
    /// Reads first and last characters with `…` or `...` between them, in the form of this release (12 and 8)
    /// or of an earlier one (8 and 8); or the first 12 characters alone. `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (head, end) = match text.split_once('…').or_else(|| text.split_once("...")) {
            Some((head, end)) => (head, Some(end)),
            None => (text, None),
        };
        let of_token = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !head.starts_with(PREFIX) || !of_token(head) || !end.is_none_or(of_token) {
            return None;
        }
        if end.is_some_and(|end| end.len() != TAIL_CHARS) {
            return None;
        }
        let named = match head.len() {
            HEAD_CHARS => Some(named(head)?),
            EARLIER_HEAD_CHARS if end.is_some() => None,
            _ => return None,
        };
        Some(Self { named, start: head.get(..EARLIER_HEAD_CHARS)?.to_owned(), end: end.map(str::to_owned) })
    }

    /// Whether it means the token with this key id and serial, of which `shown` is a fingerprint.
    #[must_use]
    pub fn is_of(&self, key_id: KeyId, serial: Serial, shown: &str) -> bool {
        let shown = renewed(key_id, serial, shown);
        self.named.is_none_or(|named| named == (key_id, serial))
            && shown.starts_with(&self.start)
            && self.end.as_ref().is_none_or(|end| shown.ends_with(end))
    }
}

/// Key id and serial in a token's first 12 characters.
fn named(head: &str) -> Option<(KeyId, Serial)> {
    match *BASE64_URL_SAFE_NO_PAD.decode(head.strip_prefix(PREFIX)?).ok()?.as_slice() {
        [FORMAT_VERSION, key_id, s0, s1, s2, s3] => {
            Some((KeyId(key_id), Serial(u32::from_be_bytes([s0, s1, s2, s3]))))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::UnixSeconds;
    use crate::formats::key::KeyRing;
    use crate::formats::token::Claims;
    use zeroize::Zeroizing;

    fn token(serial: u32) -> String {
        let ring = KeyRing::derive(&[(KeyId(1), Zeroizing::new(vec![1; 32]))], "test");
        let claims =
            Claims { key_id: KeyId(1), serial: Serial(serial), expires_at: UnixSeconds(2_000_000_000) };
        claims.mint(&ring).unwrap()
    }

    #[test]
    fn a_fingerprint_shows_the_first_twelve_and_the_last_eight() {
        let text = token(7);
        assert_eq!(fingerprint(&text), format!("{}…{}", &text[..12], &text[32..]));
        assert!(fingerprint(&text).starts_with("wlp_AQEAAAAH…"));
        assert_eq!(fingerprint("é"), "…");
    }

    #[test]
    fn both_parts_tell_tokens_of_a_key_apart() {
        let shown: Vec<_> = (1..400).chain([u32::MAX]).map(|serial| fingerprint(&token(serial))).collect();
        for part in [0, 1] {
            let mut parts: Vec<_> = shown.iter().filter_map(|shown| shown.split('…').nth(part)).collect();
            parts.sort_unstable();
            parts.dedup();
            assert_eq!(parts.len(), shown.len(), "part {part}");
        }
    }

    #[test]
    fn a_fingerprint_of_an_earlier_release_is_renewed() {
        let text = token(7);
        let earlier = format!("{}…{}", &text[..8], &text[32..]);
        assert_eq!(renewed(KeyId(1), Serial(7), &earlier), fingerprint(&text));
        assert_eq!(renewed(KeyId(1), Serial(7), &fingerprint(&text)), fingerprint(&text));
        assert_eq!(renewed(KeyId(255), Serial(u32::MAX), &earlier), format!("wlp_Af______…{}", &text[32..]));
    }

    #[test]
    fn what_was_ever_shown_is_read() {
        let text = token(7);
        let (start, end) = (text[..8].to_owned(), text[32..].to_owned());
        let named = Some((KeyId(1), Serial(7)));
        let whole = Sought { named, start: start.clone(), end: Some(end.clone()) };
        assert_eq!(Sought::parse(&fingerprint(&text)), Some(whole.clone()));
        assert_eq!(Sought::parse(&fingerprint(&text).replace('…', "...")), Some(whole));
        let earlier = Some(Sought { named: None, start: start.clone(), end: Some(end.clone()) });
        assert_eq!(Sought::parse(&format!("{start}…{end}")), earlier);
        assert_eq!(Sought::parse(&text[..12]), Some(Sought { named, start: start.clone(), end: None }));
        for wrong in [
            "",
            "…",
            "wlp_",
            &text,
            &start,
            &end,
            &text[..11],
            &text[..13],
            &format!("{start}…"),
            &format!("…{end}"),
            &format!("{start}…{end}A"),
            &format!("{start}…{}", &end[1..]),
            &format!("{start}…{}", "é".repeat(4)),
            &format!("{}…{end}", &text[..10]),
            &format!("{start}……{end}"),
            &format!("{start}é…{end}"),
            &format!("{start} … {end}"),
            &format!("wlp_AgEAAAAH…{end}"),
            &format!("WLP_{}…{end}", &text[4..12]),
        ] {
            assert_eq!(Sought::parse(wrong), None, "{wrong}");
        }
    }
}
