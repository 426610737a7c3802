//! The envelope of every value in KV: format version, key id, body, and a tag over the key name and all of
//! these.
//!
//! Standard: docs/formats.md, "Seal".
//! Invariants: a value does not open when it was moved to another key name, truncated, altered, sealed by
//! another deployment or sealed for another purpose. Every caller treats a value that does not open as
//! absent, and counts it.
//! What it must not know: what a body means.
//! What a mistake costs: somebody who can write to KV could make locations admit (false accept). Now he can
//! only make them refuse or ask the registry.

use crate::formats::key::{KeyId, KeyRing, RingKey, TAG_BYTES, TagKey};

/// What is sealed. Each purpose has its own keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Record,
    List,
}

impl Purpose {
    fn key(self, keys: &RingKey) -> &TagKey {
        match self {
            Self::Record => &keys.record,
            Self::List => &keys.list,
        }
    }
}

/// A sealed value whose tag verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened<'a> {
    /// Format version of the body.
    pub format: u8,
    /// The signing key that sealed it.
    pub key_id: KeyId,
    /// The content, without the envelope.
    pub body: &'a [u8],
}

/// Seals `body` for the KV key `name`. `None` when the ring lacks `key_id`.
#[must_use]
pub fn seal(
    ring: &KeyRing,
    purpose: Purpose,
    key_id: KeyId,
    name: &str,
    format: u8,
    body: &[u8],
) -> Option<Vec<u8>> {
    let key = purpose.key(ring.get(key_id)?);
    let mut value = Vec::with_capacity(2 + body.len() + TAG_BYTES);
    value.push(format);
    value.push(key_id.0);
    value.extend_from_slice(body);
    // No key name contains a zero byte, so the end of the name is unambiguous.
    let tag = key.tag(&[name.as_bytes(), &[0], &value]);
    value.extend_from_slice(&tag);
    Some(value)
}

/// Opens a value that was read under `name`. `None` when this deployment did not seal it under this name: it
/// is too short, names a key that the ring lacks, or has another tag.
#[must_use]
pub fn open<'a>(ring: &KeyRing, purpose: Purpose, name: &str, value: &'a [u8]) -> Option<Opened<'a>> {
    let tag_at = value.len().checked_sub(TAG_BYTES)?;
    let (tagged, tag) = value.split_at_checked(tag_at)?;
    let [format, key_id, body @ ..] = tagged else { return None };
    let key_id = KeyId(*key_id);
    let key = purpose.key(ring.get(key_id)?);
    let is_ours = key.verifies(&[name.as_bytes(), &[0], tagged], tag);
    is_ours.then_some(Opened { format: *format, key_id, body })
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    fn ring(deployment: &str) -> KeyRing {
        KeyRing::derive(&[(KeyId(3), Zeroizing::new(vec![3; 32]))], deployment)
    }

    fn sealed() -> Vec<u8> {
        seal(&ring("d"), Purpose::Record, KeyId(3), "token/1/1", 1, b"body").unwrap()
    }

    #[test]
    fn what_was_sealed_opens() {
        let value = sealed();
        let opened = open(&ring("d"), Purpose::Record, "token/1/1", &value).unwrap();
        assert_eq!(opened, Opened { format: 1, key_id: KeyId(3), body: b"body" });
    }

    #[test]
    fn another_name_purpose_or_deployment_does_not_open() {
        let value = sealed();
        assert_eq!(open(&ring("d"), Purpose::Record, "token/1/2", &value), None);
        assert_eq!(open(&ring("d"), Purpose::List, "token/1/1", &value), None);
        assert_eq!(open(&ring("e"), Purpose::Record, "token/1/1", &value), None);
    }

    #[test]
    fn no_cut_and_no_flipped_bit_opens() {
        let value = sealed();
        for length in 0..value.len() {
            assert_eq!(open(&ring("d"), Purpose::Record, "token/1/1", &value[..length]), None);
        }
        for bit in 0..value.len() * 8 {
            let mut altered = value.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&ring("d"), Purpose::Record, "token/1/1", &altered), None, "bit {bit}");
        }
    }
}
