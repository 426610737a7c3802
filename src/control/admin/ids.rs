//! Ids: numbers in the text form of the API.
//!
//! Standard: docs/formats.md, "Ids with a check".
//! Invariants: each number has one spelling, without leading zeros or a sign.
//! What it must not know: which numbers exist.
//! What a mistake costs: two spellings of one id are two paths to one token, which caches and logs treat as
//! two tokens.

use crate::formats::key::KeyId;
use crate::formats::token::Serial;

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

fn number(digits: &str) -> Option<u32> {
    let number = digits.parse::<u32>().ok()?;
    (number.to_string() == digits).then_some(number)
}

const TOKEN_PREFIX: &str = "tok_";
const ADMIN_KEY_PREFIX: &str = "key_";

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
}
