//! Texts that contain a check: base64url of random bytes and the first 8 bytes of their HMAC, after a prefix.
//! So a made-up one is recognised without a read. Family ids and console sessions are such texts.
//!
//! Standard: docs/formats.md, "Ids with a check"; base64url (RFC 4648
//! section 5).
//! Invariants: the check is compared in constant time. A text has one spelling, since random bytes and check
//! together are a multiple of 3 bytes.
//! What it must not know: what the texts stand for, which of them exist.
//! What a mistake costs: a check that accepts anything makes each made-up text cost a read.

use crate::formats::key::TagKey;
use base64::prelude::*;

/// Bytes of the check: a made-up text passes once in 2^64.
const CHECK_BYTES: usize = 8;

/// Makes the text for these random bytes.
#[must_use]
pub fn mint<const RANDOM_BYTES: usize>(prefix: &str, random: [u8; RANDOM_BYTES], key: &TagKey) -> String {
    const { assert!((RANDOM_BYTES + CHECK_BYTES).is_multiple_of(3), "one spelling") };
    let check = key.mac(&[&random]);
    let bytes: Vec<u8> = random.into_iter().chain(check.into_iter().take(CHECK_BYTES)).collect();
    format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(&bytes))
}

/// Whether [`mint`] made `text` with this prefix, length and key.
#[must_use]
pub fn is_minted<const RANDOM_BYTES: usize>(prefix: &str, text: &str, key: &TagKey) -> bool {
    let bytes =
        text.strip_prefix(prefix).and_then(|rest| BASE64_URL_SAFE_NO_PAD.decode(rest.as_bytes()).ok());
    let parts = bytes.as_deref().and_then(|bytes| bytes.split_at_checked(RANDOM_BYTES));
    parts.is_some_and(|(random, check)| check.len() == CHECK_BYTES && key.verifies(&[random], check))
}
