//! Admin keys `wla_…`: their text, how a wrong one is recognised without a read, and what each role may do.
//!
//! Standards: docs/formats.md, "Admin key"; docs/http.md, "Callers and roles"; HMAC (RFC 2104); CRC-32 as in
//! IEEE 802.3 and zlib.
//!
//! A key is 54 ASCII characters, `wla_` + 44 + 6:
//! - 32 bytes: 24 random ones, then the first 8 bytes of HMAC-SHA256 over those 24 under the purpose `admin`.
//!   They are two big-endian 128-bit numbers (bytes 0–15 and 16–31). Each is written in base62 with the
//!   alphabet `0-9A-Za-z` (digits, upper case, lower case), padded on the left with `0` to 22 characters.
//! - The CRC-32 (IEEE, as in zlib) of the 48 ASCII characters before it, including `wla_`. It is written in
//!   the same base62, padded on the left with `0` to 6 characters. Secret scanners can check it without a
//!   secret, as they do for GitHub's tokens.
//!
//! Invariants: a key has one spelling. Only the SHA-256 of the text is stored or sent to the registry. Roles
//! are a partial order, so no comparison grants a viewer what a distributor may do, or the reverse.
//! What it must not know: which keys exist (the registry knows), HTTP.
//! What a mistake costs: a check that accepts anything turns garbage into registry calls. A role that
//! includes too much lets a reader withdraw or reveal tokens (false accept). A changed format locks every
//! operator out (false refuse).

use crate::formats::key::{CheckKeys, sha256};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The first characters of every admin key.
pub const PREFIX: &str = "wla_";
/// Characters of a whole admin key: 4 of the prefix, 2 × 22 of base62, 6 of the CRC-32.
pub const ADMIN_KEY_CHARS: usize = 54;
/// Random bytes of an admin key: 192 bits.
pub const RANDOM_BYTES: usize = 24;
/// Shortest `ADMIN_KEY`. The operator chooses its text; a shorter one could be guessed.
pub const CONFIGURED_KEY_MIN_CHARS: usize = 32;

const CHECK_BYTES: usize = 8;
/// 62^22 > 2^128, so 22 characters hold any 128-bit number.
const HALF_CHARS: usize = 22;
/// 62^6 > 2^32, so 6 characters hold any CRC-32.
const CRC_CHARS: usize = 6;
/// Domain separator of [`random_from_nonce`]. It is longer than the 24 bytes over which a check is made, so
/// no nonce can make one HMAC serve both uses.
const RANDOM_DOMAIN: &[u8] = b"wayleave/v1/admin-key-random-bytes\0";

/// An admin key whose form, CRC and check are right: this deployment minted it. Whether it still exists only
/// the registry knows.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminKey(Zeroizing<String>);

impl fmt::Debug for AdminKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminKey(redacted)")
    }
}

impl AdminKey {
    /// Makes the key from `random`: bytes from a secure source, or from [`random_from_nonce`].
    #[must_use]
    pub fn mint(random: [u8; RANDOM_BYTES], keys: &CheckKeys) -> Self {
        let mut bytes = Zeroizing::new([0_u8; 2 * size_of::<u128>()]);
        let check = keys.admin.mac(&[&random]);
        let tagged = random.into_iter().chain(check.into_iter().take(CHECK_BYTES));
        for (to, from) in bytes.iter_mut().zip(tagged) {
            *to = from;
        }
        let (high, low) = halves(&bytes);
        let mut text = Zeroizing::new(String::with_capacity(ADMIN_KEY_CHARS));
        text.push_str(PREFIX);
        push_base62(&mut text, high, HALF_CHARS);
        push_base62(&mut text, low, HALF_CHARS);
        let crc = crc32fast::hash(text.as_bytes());
        push_base62(&mut text, u128::from(crc), CRC_CHARS);
        Self(text)
    }

    /// Parses a key's text and verifies CRC and check, without any read. `None` for anything that this
    /// deployment did not mint; the reason is deliberately not given.
    #[must_use]
    pub fn parse(text: &str, keys: &CheckKeys) -> Option<Self> {
        if text.len() != ADMIN_KEY_CHARS || !text.is_ascii() {
            return None;
        }
        let (covered, crc) = text.split_at_checked(ADMIN_KEY_CHARS - CRC_CHARS)?;
        let digits = covered.strip_prefix(PREFIX)?;
        if decode(crc)? != u128::from(crc32fast::hash(covered.as_bytes())) {
            return None;
        }
        let (high, low) = digits.split_at_checked(HALF_CHARS)?;
        let mut bytes = Zeroizing::new([0_u8; 2 * size_of::<u128>()]);
        for (to, from) in
            bytes.iter_mut().zip(decode(high)?.to_be_bytes().into_iter().chain(decode(low)?.to_be_bytes()))
        {
            *to = from;
        }
        let (random, check) = bytes.split_at_checked(RANDOM_BYTES)?;
        if !keys.admin.verifies(&[random], check) {
            return None;
        }
        Some(Self(Zeroizing::new(text.to_owned())))
    }

    /// The text, which is shown once, to whoever created the key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// SHA-256 of the text: what is stored and sent to the registry.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        sha256(self.0.as_bytes())
    }
}

/// Derives a key's random bytes from `nonce`. The same nonce gives the same bytes, so a retried creation can
/// show the key again although only its SHA-256 is stored. Without `CHECK_SECRET` they cannot be guessed,
/// even if the nonce can.
#[must_use]
pub fn random_from_nonce(nonce: &[u8], keys: &CheckKeys) -> [u8; RANDOM_BYTES] {
    let mut random = [0_u8; RANDOM_BYTES];
    for (to, from) in random.iter_mut().zip(keys.admin.mac(&[RANDOM_DOMAIN, nonce])) {
        *to = from;
    }
    random
}

/// The key configured as `ADMIN_KEY`: any text of at least 32 characters, kept as its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ConfiguredKey([u8; 32]);

impl fmt::Debug for ConfiguredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConfiguredKey(redacted)")
    }
}

impl ConfiguredKey {
    /// Accepts the text of `ADMIN_KEY`. `None` when it has fewer than [`CONFIGURED_KEY_MIN_CHARS`]
    /// characters, or a character that an `Authorization` header cannot carry (anything but visible ASCII).
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let sendable = text.bytes().all(|byte| byte.is_ascii_graphic());
        (sendable && text.len() >= CONFIGURED_KEY_MIN_CHARS).then(|| Self(sha256(text.as_bytes())))
    }

    /// SHA-256 of the text, by which the registry knows the key.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        self.0
    }
}

/// Decides without any read whether `presented` can be an admin key, and returns the SHA-256 by which the
/// registry knows it. The digests are compared in full, so timing reveals nothing about `ADMIN_KEY`.
#[must_use]
pub fn recognise(presented: &str, keys: &CheckKeys, configured: Option<&ConfiguredKey>) -> Option<[u8; 32]> {
    let digest = sha256(presented.as_bytes());
    let is_configured = configured.is_some_and(|key| key.0.ct_eq(&digest).into());
    (is_configured || AdminKey::parse(presented, keys).is_some()).then_some(digest)
}

/// What an admin key may do (docs/http.md, "Callers and roles"). `a >= b` means that `a` may do everything
/// that `b` may.
///
/// `Viewer` and `Distributor` cannot be compared. A viewer reads everything except the text of tokens. A
/// distributor reads the current token of a family and nothing else. An operator may do what both may; an
/// owner may do everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads only the current token of a family, for a job that syncs it.
    Distributor,
    /// Reads, but cannot reveal a token.
    Viewer,
    /// Also creates, edits, reveals, ends, revokes and disables tokens.
    Operator,
    /// Also manages admin keys, protected tokens and signing keys.
    Owner,
}

impl PartialOrd for Role {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Viewer, Self::Distributor) | (Self::Distributor, Self::Viewer) => None,
            _ => Some(self.rank().cmp(&other.rank())),
        }
    }
}

impl Role {
    /// All roles, lowest first.
    pub const ALL: [Self; 4] = [Self::Distributor, Self::Viewer, Self::Operator, Self::Owner];

    /// The role's name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Distributor => "distributor",
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Owner => "owner",
        }
    }

    /// Parses a role's name in the API; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    fn rank(self) -> u8 {
        match self {
            Self::Distributor | Self::Viewer => 0,
            Self::Operator => 1,
            Self::Owner => 2,
        }
    }
}

fn halves(bytes: &[u8; 32]) -> (u128, u128) {
    let number = |half: Option<&[u8; 16]>| half.copied().map(u128::from_be_bytes).unwrap_or_default();
    (number(bytes.first_chunk()), number(bytes.last_chunk()))
}

fn push_base62(text: &mut String, number: u128, chars: usize) {
    let digits = Zeroizing::new(base62::encode(number));
    for _ in digits.len()..chars {
        text.push('0');
    }
    text.push_str(&digits);
}

fn decode(digits: &str) -> Option<u128> {
    base62::decode(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> CheckKeys {
        CheckKeys::derive(&[3; 32], "test")
    }

    fn key() -> AdminKey {
        AdminKey::mint([9; RANDOM_BYTES], &keys())
    }

    /// `covered` with a correct CRC appended.
    fn with_crc(covered: &str) -> String {
        let mut text = covered.to_owned();
        push_base62(&mut text, u128::from(crc32fast::hash(covered.as_bytes())), CRC_CHARS);
        text
    }

    #[test]
    fn a_minted_key_is_recognised_here_and_nowhere_else() {
        assert_eq!(key().as_str().len(), ADMIN_KEY_CHARS);
        assert_eq!(AdminKey::parse(key().as_str(), &keys()), Some(key()));
        let elsewhere = CheckKeys::derive(&[3; 32], "production");
        assert_eq!(AdminKey::parse(key().as_str(), &elsewhere), None);
    }

    #[test]
    fn no_changed_character_is_recognised() {
        let text = key().as_str().to_owned();
        for at in 0..text.len() {
            for other in ['0', 'A', 'z', '_', '\u{e9}'] {
                let changed: String = text
                    .chars()
                    .enumerate()
                    .map(|(index, char)| if index == at { other } else { char })
                    .collect();
                if changed != text {
                    assert_eq!(AdminKey::parse(&changed, &keys()), None, "{changed}");
                }
            }
        }
    }

    #[test]
    fn a_right_crc_does_not_stand_in_for_the_check() {
        let forged = with_crc(&format!("{PREFIX}{}", "0".repeat(2 * HALF_CHARS)));
        assert_eq!(AdminKey::parse(&forged, &keys()), None);
        // Above 2^128, a second spelling of a smaller number must be refused.
        let overflowing = with_crc(&format!("{PREFIX}{}", "z".repeat(2 * HALF_CHARS)));
        assert_eq!(AdminKey::parse(&overflowing, &keys()), None);
    }

    #[test]
    fn a_right_check_does_not_stand_in_for_the_crc() {
        let text = key().as_str().to_owned();
        let wrong_crc = format!("{}000000", &text[..ADMIN_KEY_CHARS - CRC_CHARS]);
        assert_eq!(AdminKey::parse(&wrong_crc, &keys()), None);
    }

    #[test]
    fn a_nonce_gives_the_same_key_again_and_never_its_check() {
        let random = random_from_nonce(b"nonce", &keys());
        assert_eq!(random, random_from_nonce(b"nonce", &keys()));
        assert_ne!(random, random_from_nonce(b"other", &keys()));
        assert!(RANDOM_DOMAIN.len() > RANDOM_BYTES);
    }

    #[test]
    fn the_configured_key_is_any_text_of_32_visible_characters() {
        let text = "correct-horse-battery-staple-1234";
        let configured = ConfiguredKey::new(text).unwrap();
        assert_eq!(recognise(text, &keys(), Some(&configured)), Some(sha256(text.as_bytes())));
        assert_eq!(recognise(text, &keys(), None), None);
        assert_eq!(recognise(&text[..32], &keys(), Some(&configured)), None);
        assert_eq!(recognise(key().as_str(), &keys(), Some(&configured)), Some(key().sha256()));
        assert_eq!(ConfiguredKey::new(&text[..31]), None);
        assert_eq!(ConfiguredKey::new("thirty-two characters with space"), None);
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", key()), "AdminKey(redacted)");
        assert!(
            !format!("{:?}", ConfiguredKey::new(&"k".repeat(32)))
                .contains('k'.to_string().repeat(2).as_str())
        );
    }

    #[test]
    fn a_role_includes_what_lesser_roles_may_and_no_more() {
        use Role::{Distributor, Operator, Owner, Viewer};
        let includes = |role: Role| Role::ALL.into_iter().filter(|other| role >= *other).collect::<Vec<_>>();
        assert_eq!(includes(Distributor), [Distributor]);
        assert_eq!(includes(Viewer), [Viewer]);
        assert_eq!(includes(Operator), [Distributor, Viewer, Operator]);
        assert_eq!(includes(Owner), [Distributor, Viewer, Operator, Owner]);
    }

    #[test]
    fn the_json_and_the_text_of_a_role_are_one() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{}\"", role.as_str()));
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert_eq!(Role::parse("Owner"), None);
    }
}
