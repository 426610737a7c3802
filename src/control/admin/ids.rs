//! Ids and cursors: numbers in the text form of the API.
//!
//! Standards: docs/formats.md, "Ids with a check"; base64url (RFC 4648 section 5) for cursors.
//! Invariants: each number has one spelling, without leading zeros or a sign. A cursor names its list, so a
//! cursor of another list is refused.
//! What it must not know: which numbers exist.
//! What a mistake costs: two spellings of one id are two paths to one token, which caches and logs treat as
//! two tokens.

use crate::formats::key::KeyId;
use crate::formats::token::Serial;
use base64::prelude::*;

/// Pattern of a token's id.
pub const TOKEN_ID_PATTERN: &str = "^tok_(0|[1-9][0-9]{0,9})$";

/// Pattern of a family's id.
pub const FAMILY_ID_PATTERN: &str = "^fam_[A-Za-z0-9_-]+$";

/// Pattern of an admin key's id.
pub const ADMIN_KEY_ID_PATTERN: &str = "^key_(0|[1-9][0-9]{0,9})$";

/// Pattern of a signing key's id, as in `SIGNING_KEYS`: 0 to 255.
pub const SIGNING_KEY_ID_PATTERN: &str = "^(0|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5])$";

/// Formats the id `tok_<serial>`.
#[must_use]
pub fn token_id(serial: Serial) -> String {
    format!("{TOKEN_PREFIX}{}", serial.0)
}

/// The serial in `tok_<serial>`; `None` for any other text.
#[must_use]
pub fn parse_token_id(text: &str) -> Option<Serial> {
    number(text.strip_prefix(TOKEN_PREFIX)?).map(Serial)
}

/// Formats the id `key_<n>`.
#[must_use]
pub fn admin_key_id(id: u32) -> String {
    format!("{ADMIN_KEY_PREFIX}{id}")
}

/// The number in `key_<n>`; `None` for any other text.
#[must_use]
pub fn parse_admin_key_id(text: &str) -> Option<u32> {
    number(text.strip_prefix(ADMIN_KEY_PREFIX)?)
}

/// The signing key's id; `None` for any text that is not its canonical spelling.
#[must_use]
pub fn parse_signing_key_id(text: &str) -> Option<KeyId> {
    number(text).and_then(|id| u8::try_from(id).ok()).map(KeyId)
}

/// The list that a cursor belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Pages of `GET /tokens`
    Tokens,
    /// Pages of `GET /events`
    Events,
    /// Pages of `GET /notices`
    Notices,
    /// Pages of `GET /licences`
    Licences,
    /// Pages of `GET /owners`
    Owners,
    /// Pages of `GET /refusals`
    Refusals,
}

/// The cursor after which the next page of `list` starts, as opaque text.
#[must_use]
pub fn cursor(list: List, below: i64) -> String {
    let [b0, b1, b2, b3, b4, b5, b6, b7] = below.to_be_bytes();
    BASE64_URL_SAFE_NO_PAD.encode([CURSOR_VERSION, tag(list), b0, b1, b2, b3, b4, b5, b6, b7])
}

/// The position in `list` that `text` encodes; `None` for anything that [`cursor`] did not make for this
/// list.
#[must_use]
pub fn parse_cursor(list: List, text: &str) -> Option<i64> {
    match *BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.as_slice() {
        [CURSOR_VERSION, of, b0, b1, b2, b3, b4, b5, b6, b7] if of == tag(list) => {
            let below = i64::from_be_bytes([b0, b1, b2, b3, b4, b5, b6, b7]);
            (0..=greatest(list)).contains(&below).then_some(below)
        }
        _ => None,
    }
}

fn number(digits: &str) -> Option<u32> {
    let number = digits.parse::<u32>().ok()?;
    (number.to_string() == digits).then_some(number)
}

fn tag(list: List) -> u8 {
    match list {
        List::Tokens => b't',
        List::Events => b'e',
        List::Notices => b'n',
        List::Licences => b'l',
        List::Owners => b'o',
        List::Refusals => b'r',
    }
}

/// The greatest number in `list`. Serials have 32 bits; events and notices have row numbers of SQLite.
fn greatest(list: List) -> i64 {
    match list {
        List::Tokens => i64::from(u32::MAX),
        List::Events | List::Notices | List::Licences | List::Owners | List::Refusals => i64::MAX,
    }
}

const TOKEN_PREFIX: &str = "tok_";
const ADMIN_KEY_PREFIX: &str = "key_";
const CURSOR_VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        assert_eq!(parse_token_id("tok_0"), Some(Serial(0)));
        assert_eq!(parse_token_id(&token_id(Serial(u32::MAX))), Some(Serial(u32::MAX)));
        for wrong in ["tok_", "tok_01", "tok_+1", "tok_-1", "tok_4294967296", "tok_1 ", "TOK_1", "1", "key_1"]
        {
            assert_eq!(parse_token_id(wrong), None, "{wrong}");
        }
        assert_eq!(parse_admin_key_id(&admin_key_id(7)), Some(7));
        assert_eq!(parse_admin_key_id("tok_7"), None);
        assert_eq!(parse_signing_key_id("255"), Some(KeyId(255)));
        for wrong in ["", "256", "01", "+1", "-1", "key_1", "1 "] {
            assert_eq!(parse_signing_key_id(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_cursor_is_a_place_in_one_list() {
        let text = cursor(List::Tokens, 77);
        assert_eq!(parse_cursor(List::Tokens, &text), Some(77));
        assert_eq!(parse_cursor(List::Events, &text), None);
        assert_eq!(parse_cursor(List::Tokens, &cursor(List::Tokens, -1)), None);
        assert_eq!(parse_cursor(List::Tokens, &cursor(List::Tokens, 1 << 32)), None);
        for wrong in ["", "77", "AAAA", &format!("{text}A"), &text[1..]] {
            assert_eq!(parse_cursor(List::Tokens, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_cursor_has_one_spelling() {
        let text = cursor(List::Tokens, 77);
        let start = text.strip_suffix('Q').unwrap();
        for wrong in [format!("{start}R"), format!("{text}=="), format!("{text} "), format!("{text}\n")] {
            assert_eq!(parse_cursor(List::Tokens, &wrong), None, "{wrong:?}");
        }
    }
}
