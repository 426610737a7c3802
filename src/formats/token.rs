//! The public token `wlp_…`: its 27 bytes, parsing, verification and minting.
//!
//! Standard: DESIGN section 4; base64url without padding (RFC 4648 section 5); the text is a bearer token (RFC 6750).
//! Invariants: 27 bytes are exactly 36 base64url characters, so every token has one spelling; nothing but
//! [`UnverifiedToken::verify`] makes a [`VerifiedToken`].
//! What it must not know: policy, revocation, origins, time of day.
//! What a mistake costs: a tag that verifies wrongly admits a forged token everywhere (false accept); a layout that
//! drifts refuses every token in every page (false refuse).

use crate::key::{KeyId, KeyRing, TAG_BYTES};
use crate::limits;
use crate::time::UnixSeconds;
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

/// How every token starts.
pub const PREFIX: &str = "wlp_";
/// Characters of a whole token: 4 of prefix and 36 of base64url.
pub const TOKEN_CHARS: usize = 40;
/// The only format version.
pub const FORMAT_VERSION: u8 = 1;

const CLAIM_BYTES: usize = 11;
const TOKEN_BYTES: usize = CLAIM_BYTES + TAG_BYTES;
// A whole token is never too long to be read as one.
const _: () = assert!(limits::CREDENTIAL_MAX_CHARS >= TOKEN_CHARS);
/// `expires_at` is an unsigned 40-bit number of seconds: until the year 36812.
const EXPIRES_AT_MAX: i64 = (1 << 40) - 1;

/// A token's number; also its index in the revocation list. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Serial(pub u32);

/// What a token says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The signing key that made the tag.
    pub key_id: KeyId,
    /// The token's number.
    pub serial: Serial,
    /// The second at which it ends, 0 to 2^40 − 1.
    pub expires_at: UnixSeconds,
}

/// Has the form of a token; its tag has not been looked at, so none of its claims may be believed.
#[derive(Clone, Debug)]
pub struct UnverifiedToken([u8; TOKEN_BYTES]);

/// The tag verified: this deployment issued these claims. Says nothing of expiry or revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedToken(Claims);

/// Not the format of DESIGN section 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The tag does not verify, or its key id is not in the ring; nothing more is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unverifiable;

impl UnverifiedToken {
    /// Reads the form alone: prefix, alphabet, length, format version.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let encoded = text.strip_prefix(PREFIX).ok_or(Malformed)?;
        if text.len() != TOKEN_CHARS {
            return Err(Malformed);
        }
        let mut bytes = [0; TOKEN_BYTES];
        let length = BASE64URL_NOPAD.decode_mut(encoded.as_bytes(), &mut bytes).map_err(|_| Malformed)?;
        let [version, ..] = bytes;
        if length != TOKEN_BYTES || version != FORMAT_VERSION {
            return Err(Malformed);
        }
        Ok(Self(bytes))
    }

    /// Checks the tag with the key that the token names.
    ///
    /// # Errors
    /// [`Unverifiable`] when the ring lacks the key or the tag is another.
    pub fn verify(&self, ring: &KeyRing) -> Result<VerifiedToken, Unverifiable> {
        let (signed, tag) = self.0.split_at_checked(CLAIM_BYTES).ok_or(Unverifiable)?;
        let &[_, key_id, s0, s1, s2, s3, e0, e1, e2, e3, e4, ..] = &self.0;
        let key = ring.get(KeyId(key_id)).ok_or(Unverifiable)?;
        if !key.token.verifies(&[signed], tag) {
            return Err(Unverifiable);
        }
        Ok(VerifiedToken(Claims {
            key_id: KeyId(key_id),
            serial: Serial(u32::from_be_bytes([s0, s1, s2, s3])),
            expires_at: UnixSeconds(i64::from_be_bytes([0, 0, 0, e0, e1, e2, e3, e4])),
        }))
    }
}

impl VerifiedToken {
    /// The claims, now believed.
    #[must_use]
    pub fn claims(self) -> Claims {
        self.0
    }
}

impl Claims {
    /// The token's text: the same for the same claims and ring, so it need not be stored anywhere.
    ///
    /// # Errors
    /// [`Unverifiable`] when the ring lacks the key id, or `expires_at` is outside 0 to 2^40 − 1.
    pub fn mint(self, ring: &KeyRing) -> Result<String, Unverifiable> {
        let key = ring.get(self.key_id).ok_or(Unverifiable)?;
        if !(0..=EXPIRES_AT_MAX).contains(&self.expires_at.0) {
            return Err(Unverifiable);
        }
        let [s0, s1, s2, s3] = self.serial.0.to_be_bytes();
        let [_, _, _, e0, e1, e2, e3, e4] = self.expires_at.0.to_be_bytes();
        let signed: [u8; CLAIM_BYTES] = [FORMAT_VERSION, self.key_id.0, s0, s1, s2, s3, e0, e1, e2, e3, e4];
        let tag = key.token.tag(&[&signed]);
        let mut text = String::with_capacity(TOKEN_CHARS);
        text.push_str(PREFIX);
        let bytes = [signed.as_slice(), tag.as_slice()].concat();
        BASE64URL_NOPAD.encode_append(&bytes, &mut text);
        Ok(text)
    }
}

/// The first 8 and the last 8 characters of a token's text, so that a deployed copy can be compared by eye.
#[must_use]
pub fn fingerprint(token: &str) -> String {
    let head = token.get(..8).unwrap_or_default();
    let tail = token.len().checked_sub(8).and_then(|at| token.get(at..)).unwrap_or_default();
    format!("{head}…{tail}")
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
            assert_eq!(UnverifiedToken::parse(wrong).err(), Some(Malformed), "{wrong}");
        }
        let version_2 = format!("wlp_{}", BASE64URL_NOPAD.encode(&[2; 27]));
        assert_eq!(UnverifiedToken::parse(&version_2).err(), Some(Malformed));
        assert_eq!(UnverifiedToken::parse(&format!("wlp_{}", "é".repeat(18))).err(), Some(Malformed));
    }

    #[test]
    fn an_expiry_that_does_not_fit_is_not_minted() {
        for seconds in [-1, EXPIRES_AT_MAX + 1] {
            assert_eq!(
                Claims { expires_at: UnixSeconds(seconds), ..claims() }.mint(&ring()),
                Err(Unverifiable)
            );
        }
    }

    #[test]
    fn a_fingerprint_shows_eight_and_eight() {
        let text = claims().mint(&ring()).unwrap();
        assert_eq!(fingerprint(&text), format!("{}…{}", &text[..8], &text[32..]));
        assert_eq!(fingerprint("é"), "…");
    }
}
