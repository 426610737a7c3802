//! Texts that carry a check of their own: random bytes and the first 8 of their HMAC, base64url behind a prefix. A made-up one
//! is recognised without a read. Family ids and console sessions are such texts.
//!
//! Standard: DESIGN section 4 ("a check under …", so that a made-up one costs nothing); base64url (RFC 4648 section 5).
//! Invariants: compared in constant time; the text has one spelling, since random bytes and check are a multiple of 3.
//! What it must not know: what the texts stand for, which exist.
//! What a mistake costs: a check that passes anything turns made-up texts into paid reads.

use crate::key::TagKey;
use data_encoding::BASE64URL_NOPAD;

/// Bytes of the check: a made-up text passes once in 2^64.
const CHECK_BYTES: usize = 8;

/// The text for these random bytes.
#[must_use]
pub fn mint<const RANDOM_BYTES: usize>(prefix: &str, random: [u8; RANDOM_BYTES], key: &TagKey) -> String {
    const { assert!((RANDOM_BYTES + CHECK_BYTES).is_multiple_of(3), "one spelling") };
    let check = key.mac(&[&random]);
    let bytes: Vec<u8> = random.into_iter().chain(check.into_iter().take(CHECK_BYTES)).collect();
    format!("{prefix}{}", BASE64URL_NOPAD.encode(&bytes))
}

/// Whether `text` is one that [`mint`] made with this prefix, length and key.
#[must_use]
pub fn is_minted<const RANDOM_BYTES: usize>(prefix: &str, text: &str, key: &TagKey) -> bool {
    let bytes = text.strip_prefix(prefix).and_then(|rest| BASE64URL_NOPAD.decode(rest.as_bytes()).ok());
    let parts = bytes.as_deref().and_then(|bytes| bytes.split_at_checked(RANDOM_BYTES));
    parts.is_some_and(|(random, check)| check.len() == CHECK_BYTES && key.verifies(&[random], check))
}
