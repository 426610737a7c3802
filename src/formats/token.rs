//! The public token `wlp_…`: its 27 bytes, parsing, verification and minting.
//!
//! Standard: docs/formats.md, "Token"; base64url without padding (RFC 4648 section 5); the text is a bearer
//! token (RFC 6750).
//! Invariants: 27 bytes are exactly 36 base64url characters, so every token has one spelling. Only
//! [`UnverifiedToken::verify`] makes a [`VerifiedToken`].
//! What it must not know: policy, revocation, origins, the current time.
//! What a mistake costs: a wrong verification admits forged tokens everywhere (false accept). A changed
//! layout refuses every token in every page (false refuse).

use crate::base::time::UnixSeconds;
use crate::formats::key::{KeyId, KeyRing, TAG_BYTES};
use crate::limits;
use base64::prelude::*;
use serde::{Deserialize, Serialize};

/// The first characters of every token.
pub const PREFIX: &str = "wlp_";
/// Characters of a whole token: 4 of the prefix and 36 of base64url.
pub const TOKEN_CHARS: usize = 40;
/// The only format version.
pub const FORMAT_VERSION: u8 = 1;

const CLAIM_BYTES: usize = 11;
const TOKEN_BYTES: usize = CLAIM_BYTES + TAG_BYTES;
// A token must never be too long to be examined as a credential.
const _: () = assert!(limits::CREDENTIAL_MAX_CHARS >= TOKEN_CHARS);
/// Largest `expires_at`: an unsigned 40-bit number of seconds, which lasts until the year 36812.
const EXPIRES_AT_MAX: i64 = (1 << 40) - 1;

/// A token's number, and its index in the revocation list. A serial is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Serial(pub u32);

/// The signed content of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The signing key that made the tag.
    pub key_id: KeyId,
    pub serial: Serial,
    /// The second at which the token ends, from 0 to 2^40 − 1.
    pub expires_at: UnixSeconds,
}

/// A text with the form of a token. Its tag was not checked, so none of its claims may be trusted.
#[derive(Clone, Debug)]
pub struct UnverifiedToken([u8; TOKEN_BYTES]);

/// A token whose tag verified: this deployment issued its claims. It may be expired or revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedToken(Claims);

impl UnverifiedToken {
    /// Checks the form only (docs/formats.md, "Token"). `None` when prefix, alphabet, length or format
    /// version is wrong.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let encoded = text.strip_prefix(PREFIX)?;
        if text.len() != TOKEN_CHARS {
            return None;
        }
        let mut bytes = [0; TOKEN_BYTES];
        let length = BASE64_URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes).ok()?;
        let [version, ..] = bytes;
        if length != TOKEN_BYTES || version != FORMAT_VERSION {
            return None;
        }
        Some(Self(bytes))
    }

    /// Checks the tag with the key that the token names. `None` when the ring lacks the key, or the tag is
    /// another. Which of the two is deliberately not said.
    #[must_use]
    pub fn verify(&self, ring: &KeyRing) -> Option<VerifiedToken> {
        let (signed, tag) = self.0.split_at_checked(CLAIM_BYTES)?;
        let &[_, key_id, s0, s1, s2, s3, e0, e1, e2, e3, e4, ..] = &self.0;
        let key = ring.get(KeyId(key_id))?;
        if !key.token.verifies(&[signed], tag) {
            return None;
        }
        Some(VerifiedToken(Claims {
            key_id: KeyId(key_id),
            serial: Serial(u32::from_be_bytes([s0, s1, s2, s3])),
            expires_at: UnixSeconds(i64::from_be_bytes([0, 0, 0, e0, e1, e2, e3, e4])),
        }))
    }
}

impl VerifiedToken {
    /// The claims, which may now be trusted.
    #[must_use]
    pub fn claims(self) -> Claims {
        self.0
    }
}

impl Claims {
    /// Makes the token's text. The same claims and ring give the same text, so it need not be stored
    /// anywhere. `None` when the ring lacks the key id, or `expires_at` is outside 0 to 2^40 − 1.
    #[must_use]
    pub fn mint(self, ring: &KeyRing) -> Option<String> {
        let key = ring.get(self.key_id)?;
        if !(0..=EXPIRES_AT_MAX).contains(&self.expires_at.0) {
            return None;
        }
        let [s0, s1, s2, s3] = self.serial.0.to_be_bytes();
        let [_, _, _, e0, e1, e2, e3, e4] = self.expires_at.0.to_be_bytes();
        let signed: [u8; CLAIM_BYTES] = [FORMAT_VERSION, self.key_id.0, s0, s1, s2, s3, e0, e1, e2, e3, e4];
        let tag = key.token.tag(&[&signed]);
        let mut text = String::with_capacity(TOKEN_CHARS);
        text.push_str(PREFIX);
        let bytes = [signed.as_slice(), tag.as_slice()].concat();
        BASE64_URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    fn ring() -> KeyRing {
        KeyRing::derive(&[(KeyId(1), Zeroizing::new(vec![1; 32]))], "test")
    }

    fn claims() -> Claims {
        Claims { key_id: KeyId(1), serial: Serial(0x0102_0304), expires_at: UnixSeconds(0x05_0607_0809) }
    }

    #[test]
    fn a_minted_token_verifies_to_its_claims() {
        let text = claims().mint(&ring()).unwrap();
        assert_eq!(text.len(), TOKEN_CHARS);
        let verified = UnverifiedToken::parse(&text).unwrap().verify(&ring()).unwrap();
        assert_eq!(verified.claims(), claims());
    }

    #[test]
    fn what_is_not_the_format_is_malformed() {
        let text = claims().mint(&ring()).unwrap();
        for wrong in [
            "",
            "wlp_",
            &text[..39],
            &format!("{text}A"),
            &text.replace("wlp_", "wlp-"),
            &text.replace("wlp_", "WLP_"),
        ] {
            assert!(UnverifiedToken::parse(wrong).is_none(), "{wrong}");
        }
        let version_2 = format!("wlp_{}", BASE64_URL_SAFE_NO_PAD.encode([2; 27]));
        assert!(UnverifiedToken::parse(&version_2).is_none());
        assert!(UnverifiedToken::parse(&format!("wlp_{}", "é".repeat(18))).is_none());
    }

    #[test]
    fn an_expiry_that_does_not_fit_is_not_minted() {
        for seconds in [-1, EXPIRES_AT_MAX + 1] {
            assert_eq!(Claims { expires_at: UnixSeconds(seconds), ..claims() }.mint(&ring()), None);
        }
    }
}
