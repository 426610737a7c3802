//! Family ids `fam_…`: the name of a token and all its successors.
//!
//! Standard: docs/formats.md, "Ids with a check".
//! Invariants: a made-up id is recognised without a read. An id has one spelling, since 21 bytes are exactly
//! 28 base64url characters.
//! What it must not know: tokens, records.
//! What a mistake costs: a check that accepts anything makes each made-up id cost a read.

use crate::formats::checked_text;
use crate::formats::key::TagKey;
use serde::{Deserialize, Serialize};

/// Random bytes of an id: 104 bits, above the 96 that the contract requires.
pub const RANDOM_BYTES: usize = 13;
const PREFIX: &str = "fam_";

/// The text of a family's id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FamilyId(String);

impl FamilyId {
    /// Makes an id from random bytes.
    #[must_use]
    pub fn mint(random: [u8; RANDOM_BYTES], key: &TagKey) -> Self {
        Self(checked_text::mint(PREFIX, random, key))
    }

    /// Accepts `text` when this deployment made it; otherwise `None`.
    #[must_use]
    pub fn parse(text: &str, key: &TagKey) -> Option<Self> {
        checked_text::is_minted::<RANDOM_BYTES>(PREFIX, text, key).then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> TagKey {
        TagKey::derive(&[9; 32], "d", "family")
    }

    #[test]
    fn a_minted_id_parses_and_a_made_up_one_does_not() {
        let id = FamilyId::mint([5; RANDOM_BYTES], &key());
        assert_eq!(id.as_str().len(), 32);
        assert_eq!(FamilyId::parse(id.as_str(), &key()), Some(id.clone()));
        let other = TagKey::derive(&[9; 32], "e", "family");
        assert_eq!(FamilyId::parse(id.as_str(), &other), None);
        for wrong in ["", "fam_", "fam_AAAA", &id.as_str()[..31], &format!("{}A", id.as_str())] {
            assert_eq!(FamilyId::parse(wrong, &key()), None, "{wrong}");
        }
    }
}
