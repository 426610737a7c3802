//! The envelope of every value in KV: format version, key id, body, tag over the key name and all of it.
//!
//! Standard: DESIGN section 4 ("every value ends in a tag over its key name and bytes").
//! Invariants: a value moved to another key name, cut, altered, from another deployment or made for another purpose
//! does not open; what does not open is treated as absent by every caller, and counted.
//! What it must not know: what a body means.
//! What a mistake costs: whoever can write KV could admit (false accept) instead of only making locations refuse or ask.

use crate::key::{KeyId, KeyRing, RingKey, TAG_BYTES, TagKey};

/// What is sealed: each purpose has keys of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A token's record.
    Record,
    /// A revocation list.
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
    /// Version of the body's format.
    pub format: u8,
    /// The signing key that sealed it.
    pub key_id: KeyId,
    /// What was sealed.
    pub body: &'a [u8],
}

/// The value is not what this deployment sealed under this name. Says nothing of why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenSeal;

/// Seals `body` under `name`. `None` when the ring lacks `key_id`.
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
    // Key names hold no zero byte, so the name's end is unambiguous.
    let tag = key.tag(&[name.as_bytes(), &[0], &value]);
    value.extend_from_slice(&tag);
    Some(value)
}

/// Opens a value read under `name`.
///
/// # Errors
/// [`BrokenSeal`] when it is too short, names a key that the ring lacks, or its tag is another.
pub fn open<'a>(
    ring: &KeyRing,
    purpose: Purpose,
    name: &str,
    value: &'a [u8],
) -> Result<Opened<'a>, BrokenSeal> {
    let tag_at = value.len().checked_sub(TAG_BYTES).ok_or(BrokenSeal)?;
    let (tagged, tag) = value.split_at_checked(tag_at).ok_or(BrokenSeal)?;
    let [format, key_id, body @ ..] = tagged else { return Err(BrokenSeal) };
    let key_id = KeyId(*key_id);
    let key = purpose.key(ring.get(key_id).ok_or(BrokenSeal)?);
    if key.verifies(&[name.as_bytes(), &[0], tagged], tag) {
        Ok(Opened { format: *format, key_id, body })
    } else {
        Err(BrokenSeal)
    }
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
        assert_eq!(open(&ring("d"), Purpose::Record, "token/1/2", &value), Err(BrokenSeal));
        assert_eq!(open(&ring("d"), Purpose::List, "token/1/1", &value), Err(BrokenSeal));
        assert_eq!(open(&ring("e"), Purpose::Record, "token/1/1", &value), Err(BrokenSeal));
    }

    #[test]
    fn no_cut_and_no_flipped_bit_opens() {
        let value = sealed();
        for length in 0..value.len() {
            assert_eq!(open(&ring("d"), Purpose::Record, "token/1/1", &value[..length]), Err(BrokenSeal));
        }
        for bit in 0..value.len() * 8 {
            let mut altered = value.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                open(&ring("d"), Purpose::Record, "token/1/1", &altered),
                Err(BrokenSeal),
                "bit {bit}"
            );
        }
    }
}
