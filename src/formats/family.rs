//! Family ids: `fam_…`, a name for a token and all its successors.
//!
//! Standard: DESIGN section 4 (`fam_`, at least 96 unguessable bits, a check under the purpose `family`).
//! Invariants: a made-up id is recognised without a read; the text has one spelling (21 bytes are exactly 28 base64url
//! characters).
//! What it must not know: tokens, records.
//! What a mistake costs: a check that passes anything turns made-up ids into paid reads.

use crate::checked_text;
use crate::key::TagKey;
use serde::{Deserialize, Serialize};

/// Random bytes of an id: 104 bits, at least the 96 that DESIGN asks for.
pub const RANDOM_BYTES: usize = 13;
const PREFIX: &str = "fam_";

/// A family's id as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FamilyId(String);

impl FamilyId {
    /// Makes an id of random bytes and their check.
    #[must_use]
    pub fn mint(random: [u8; RANDOM_BYTES], key: &TagKey) -> Self {
        Self(checked_text::mint(PREFIX, random, key))
    }

    /// The id, when `text` is one that this deployment made; `None` otherwise.
    #[must_use]
    pub fn parse(text: &str, key: &TagKey) -> Option<Self> {
        checked_text::is_minted::<RANDOM_BYTES>(PREFIX, text, key).then(|| Self(text.to_owned()))
    }

    /// The id as text.
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
