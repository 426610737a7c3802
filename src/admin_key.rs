//! Admin keys `wla_…`: roles, and the text itself.
//!
//! Standard: DESIGN section 4 "Admin key" and section 7 (roles).
//! Invariants: roles are a partial order, so no comparison can grant a viewer what a distributor may do, or the reverse.
//! What it must not know: which keys exist (the registry), HTTP.
//! What a mistake costs: a role that includes too much lets a reader withdraw or reveal tokens (false accept).

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// What an admin key may do (DESIGN section 7). `a >= b` reads "`a` may do all that `b` may".
///
/// `Viewer` and `Distributor` cannot be compared: a viewer reads everything but no token's text, a distributor reads
/// the current token of a family and nothing else. An operator may do what either may, an owner everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Only the current token of a family, for a job that syncs it.
    Distributor,
    /// Reads, but reveals no token.
    Viewer,
    /// Also creates, edits, reveals, ends, revokes, disables.
    Operator,
    /// Also admin keys, protected tokens, signing keys.
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
    /// Every role, least first.
    pub const ALL: [Self; 4] = [Self::Distributor, Self::Viewer, Self::Operator, Self::Owner];

    /// As the API writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Distributor => "distributor",
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Owner => "owner",
        }
    }

    /// The role that the API writes so; `None` for any other text.
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

#[cfg(test)]
mod tests {
    use super::*;

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
