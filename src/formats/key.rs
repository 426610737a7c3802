//! Keys: the ring of signing keys, and the keys derived from `CHECK_SECRET`. Tags are made and compared only
//! here.
//!
//! Standards: HMAC (RFC 2104) with SHA-256; HKDF (RFC 5869).
//! Invariants: no derived key serves two purposes or two deployments (HKDF salt = `DEPLOYMENT`, info =
//! purpose). A tag is the leftmost 16 bytes of an HMAC. [`TagKey::verifies`] is the only comparison, and
//! takes constant time.
//! What it must not know: what the tagged bytes mean.
//! What a mistake costs: a tag accepted wrongly accepts anything that an attacker writes (false accept).

use crate::base::json;
use crate::base::json::JsonFault;
use base64::prelude::*;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Bytes of a tag: the leftmost 16 of HMAC-SHA256 (RFC 2104 section 5 allows half of the output).
pub const TAG_BYTES: usize = 16;
/// Exact length of each secret in `SIGNING_KEYS` and of `CHECK_SECRET`.
pub const SECRET_BYTES: usize = 32;

/// A tag over some bytes. It is public: it travels with what it tags.
pub type Tag = [u8; TAG_BYTES];

/// Which signing key made a tag: its name in `SIGNING_KEYS`, from 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub u8);

/// A key for one purpose in one deployment.
#[derive(Clone)]
pub struct TagKey(Hmac<Sha256>);

impl fmt::Debug for TagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TagKey(redacted)")
    }
}

impl TagKey {
    /// Derives the key: HKDF-SHA256(secret, salt = deployment, info = `wayleave/v1/<purpose>`, 32 bytes)
    /// (docs/formats.md, "Keys").
    #[must_use]
    pub fn derive(secret: &[u8], deployment: &str, purpose: &str) -> Self {
        // RFC 2104 section 2 pads a key with zeros to the 64 bytes of SHA-256's block.
        let mut block = Zeroizing::new([0_u8; 64]);
        let (okm, _padding) = block.split_at_mut(32);
        let info = [b"wayleave/v1/".as_slice(), purpose.as_bytes()];
        // HKDF fails only for more than 255 × 32 bytes of output; this asks for 32.
        let derived = Hkdf::<Sha256>::new(Some(deployment.as_bytes()), secret).expand_multi_info(&info, okm);
        debug_assert!(derived.is_ok());
        Self(Hmac::<Sha256>::new(&(*block).into()))
    }

    /// Uses a secret shared with another party as it is, without derivation. `None` when it is longer than
    /// SHA-256's block of 64 bytes; a shorter one is padded with zeros (RFC 2104 section 2).
    #[must_use]
    pub fn shared(secret: &[u8]) -> Option<Self> {
        let mut block = Zeroizing::new([0_u8; 64]);
        block.get_mut(..secret.len())?.copy_from_slice(secret);
        Some(Self(Hmac::<Sha256>::new(&(*block).into())))
    }

    /// The full HMAC over the concatenation of `parts`.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// The tag over the concatenation of `parts`. The caller must keep the concatenation unambiguous.
    #[must_use]
    pub fn tag(&self, parts: &[&[u8]]) -> Tag {
        let mut tag = [0_u8; TAG_BYTES];
        for (to, from) in tag.iter_mut().zip(self.mac(parts)) {
            *to = from;
        }
        tag
    }

    /// Whether `tag` equals the leftmost bytes of this key's HMAC over `parts`, compared in constant time. A
    /// tag below 8 or above 32 bytes never verifies.
    #[must_use]
    pub fn verifies(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        let mac = self.mac(parts);
        match mac.get(..tag.len()) {
            Some(expected) if tag.len() >= 8 => expected.ct_eq(tag).into(),
            _ => false,
        }
    }
}

/// The derived keys of one key id, one for each purpose.
#[derive(Clone, Debug)]
pub struct RingKey {
    /// Makes the tags of tokens.
    pub token: TagKey,
    /// Seals revocation lists and their bases.
    pub list: TagKey,
    /// Seals records in KV.
    pub record: TagKey,
}

/// A key id and its secret of 32 bytes.
pub type SigningSecret = (KeyId, Zeroizing<Vec<u8>>);

/// All signing keys of the deployment. Which one signs is part of the registry's state.
#[derive(Clone, Debug)]
pub struct KeyRing(BTreeMap<KeyId, RingKey>);

impl KeyRing {
    /// Derives all keys from the secrets of `SIGNING_KEYS`.
    #[must_use]
    pub fn derive(secrets: &[SigningSecret], deployment: &str) -> Self {
        let ring = secrets.iter().map(|(id, secret)| {
            let key = |purpose| TagKey::derive(secret, deployment, purpose);
            (*id, RingKey { token: key("token"), list: key("list"), record: key("record") })
        });
        Self(ring.collect())
    }

    /// The keys of `id`; `None` when the ring has none.
    #[must_use]
    pub fn get(&self, id: KeyId) -> Option<&RingKey> {
        self.0.get(&id)
    }

    /// All key ids, ascending.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.0.keys().copied()
    }
}

/// Keys that outlast rotations of signing keys. They make admin keys, family ids and console sessions
/// recognisable without a read.
#[derive(Clone, Debug)]
pub struct CheckKeys {
    /// For the check inside an admin key.
    pub admin: TagKey,
    /// For the check inside a family id.
    pub family: TagKey,
    /// For the check inside a console session.
    pub session: TagKey,
}

impl CheckKeys {
    /// Derives the keys from `CHECK_SECRET`.
    #[must_use]
    pub fn derive(secret: &[u8], deployment: &str) -> Self {
        let key = |purpose| TagKey::derive(secret, deployment, purpose);
        Self { admin: key("admin"), family: key("family"), session: key("session") }
    }
}

/// Why `SIGNING_KEYS` or `CHECK_SECRET` cannot be used. The texts go to the operator's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretError {
    /// `SIGNING_KEYS` is not a JSON object.
    NotAnObject,
    /// A key id occurs twice: Wayleave might take one secret and a reader of the text the other.
    Duplicate,
    /// The object names no key.
    Empty,
    /// A name is not a whole number from 0 to 255.
    KeyId,
    /// A value is not base64 of exactly 32 bytes.
    Secret,
}

impl SecretError {
    /// What was expected, for the operator's log.
    #[must_use]
    pub fn expected(self) -> &'static str {
        match self {
            Self::NotAnObject | Self::Empty => {
                "a JSON object from key id to base64 of 32 bytes, such as {\"1\": \"…\"}, with at least one \
                 key"
            }
            Self::Duplicate => "each key id once",
            Self::KeyId => "key ids that are whole numbers from 0 to 255",
            Self::Secret => "base64 (with padding) of exactly 32 random bytes: openssl rand -base64 32",
        }
    }
}

/// Parses `SIGNING_KEYS`.
///
/// # Errors
/// [`SecretError`] for anything but a non-empty object from key id, each once, to base64 of 32 bytes.
pub fn parse_signing_keys(text: &str) -> Result<Vec<SigningSecret>, SecretError> {
    let object = match json::parse(text) {
        Ok(Value::Object(object)) => object,
        Ok(_) | Err(JsonFault::NotJson) => return Err(SecretError::NotAnObject),
        Err(JsonFault::DuplicateName(_)) => return Err(SecretError::Duplicate),
    };
    if object.is_empty() {
        return Err(SecretError::Empty);
    }
    object
        .into_iter()
        .map(|(id, secret)| {
            let key_id = id.parse::<u8>().map_err(|_| SecretError::KeyId)?;
            // "01" and "1" would be two names of one key.
            if key_id.to_string() != id {
                return Err(SecretError::KeyId);
            }
            let secret = secret.as_str().ok_or(SecretError::Secret)?;
            Ok((KeyId(key_id), parse_secret(secret)?))
        })
        .collect()
}

/// Parses one secret: base64 of exactly 32 bytes.
///
/// # Errors
/// [`SecretError::Secret`].
pub fn parse_secret(text: &str) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    match BASE64_STANDARD.decode(text.trim()) {
        Ok(bytes) if bytes.len() == SECRET_BYTES => Ok(Zeroizing::new(bytes)),
        _ => Err(SecretError::Secret),
    }
}

/// SHA-256: used to store admin keys and to compare the bodies of idempotent requests.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(deployment: &str, purpose: &str) -> TagKey {
        TagKey::derive(&[7; 32], deployment, purpose)
    }

    #[test]
    fn purposes_and_deployments_do_not_share_tags() {
        let tag = key("production", "token").tag(&[b"x"]);
        assert!(key("production", "token").verifies(&[b"x"], &tag));
        assert!(!key("staging", "token").verifies(&[b"x"], &tag));
        assert!(!key("production", "record").verifies(&[b"x"], &tag));
        assert!(!key("production", "token").verifies(&[b"y"], &tag));
    }

    #[test]
    fn short_and_long_tags_never_verify() {
        let key = key("d", "token");
        let mac = key.mac(&[b"x"]);
        assert!(!key.verifies(&[b"x"], &[]));
        assert!(!key.verifies(&[b"x"], &mac[..7]));
        assert!(key.verifies(&[b"x"], &mac[..8]));
        assert!(!key.verifies(&[b"x"], &[mac.as_slice(), &[0]].concat()));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", key("d", "token")), "TagKey(redacted)");
    }

    #[test]
    fn a_secret_has_one_spelling() {
        let text = BASE64_STANDARD.encode([0xFB; 32]);
        assert!(parse_secret(&text).is_ok(), "{text}");
        for (what, wrong) in [
            ("no padding", text.replace('=', "")),
            ("more padding", format!("{text}=")),
            ("an unused bit set", text.replace("s=", "t=")),
            ("the alphabet of URLs", text.replace('+', "-").replace('/', "_")),
            ("a space inside", text.replacen('v', "v ", 1)),
            ("two texts, each padded", BASE64_STANDARD.encode([1; 16]).repeat(2)),
        ] {
            assert_ne!(wrong, text, "{what}");
            assert_eq!(parse_secret(&wrong), Err(SecretError::Secret), "{what}: {wrong}");
        }
    }

    #[test]
    fn signing_keys_are_parsed_whole_or_refused() {
        let good = format!("{{\"1\":\"{}\"}}", BASE64_STANDARD.encode([1; 32]));
        assert_eq!(parse_signing_keys(&good).unwrap().len(), 1);
        assert_eq!(parse_signing_keys("{}"), Err(SecretError::Empty));
        assert_eq!(parse_signing_keys("[1]"), Err(SecretError::NotAnObject));
        assert_eq!(parse_signing_keys("{\"1\":7}"), Err(SecretError::Secret));
        let secret = BASE64_STANDARD.encode([1; 32]);
        for again in ["1", "\\u0031"] {
            let twice = format!("{{\"1\":\"{secret}\",\"{again}\":\"{secret}\"}}");
            assert_eq!(parse_signing_keys(&twice), Err(SecretError::Duplicate));
        }
        assert_eq!(parse_signing_keys("{\"256\":\"\"}"), Err(SecretError::KeyId));
        assert_eq!(parse_signing_keys("{\"01\":\"\"}"), Err(SecretError::KeyId));
        assert_eq!(parse_signing_keys("{\"1\":\"c2hvcnQ=\"}"), Err(SecretError::Secret));
    }
}
