//! The ways in which a world can be built wrong, each to show that a judge sees it. They live here; `src` has none.

use crate::shape::Shape;
use crate::truth::Judge;
use crate::world::Counts;

/// A mutation, and from when on it holds.
#[derive(Clone, Copy)]
pub struct Mutated {
    pub mutation: Mutation,
    /// In worlds of this kind.
    pub shaped: fn(&mut Shape),
    /// Once this has happened.
    pub after: fn(&Counts) -> bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// L = B: the skew of clocks is forgotten.
    SkewForgotten,
    /// A list with a lower number than the one held is taken.
    NumberOrderIgnored,
    /// A superseded registry's answers leave.
    FencingOff,
    /// An old list is handed out with a new number and a new `this_update`: they were not taken together.
    Restamped,
    /// A delta that says it completes the base before the newest names only what changed since the newest.
    OverlapForgotten,
    /// A location lays a delta over whatever base it holds.
    AnyBaseTaken,
    /// A new base forgets the versions of edited records.
    VersionsNotFolded,
    /// A record below the version that the list names is used.
    RecordVersionIgnored,
    /// The list's age is checked before the last await, not after it.
    CheckedBeforeAwait,
    /// A cancelled refresh keeps its lease for ever.
    LeaseNeverEnds,
    /// Serials leave the list before their tokens end.
    LeavesListEarly,
    /// The age of the registry's own lists is told by the location's clock.
    ClockOfRegistryIgnored,
    /// A restored registry's lists bear the old epoch.
    EpochNotRaised,
    /// A restored registry does not ask KV what was revoked.
    RestoredWithoutKv,
    /// Planned ends are not enforced.
    EndsIgnored,
    /// Lists do not name retired keys.
    RetiredKeysForgotten,
    /// Rows leave the registry after their revocation, not after their tokens' end.
    RetentionFromRevocation,
    /// The registry is asked at every look.
    RegistryAlwaysAsked,
    /// The registry is never asked for a list.
    RegistryNotAsked,
    /// The registry says of some tokens that it has no record.
    RecordsForgotten,
    /// Locations do not tell which keys are retired.
    RetirementsNotTold,
}

impl Mutation {
    /// From the beginning.
    pub fn at_once(self) -> Mutated {
        Mutated { mutation: self, shaped: |_| {}, after: |_| true }
    }

    /// Whose business it is.
    pub fn seen_by(self) -> &'static [Judge] {
        match self {
            Self::NumberOrderIgnored => &[Judge::NumberBack],
            Self::RecordVersionIgnored | Self::VersionsNotFolded => &[Judge::Edit],
            Self::LeaseNeverEnds => &[Judge::Stuck],
            Self::EndsIgnored => &[Judge::End],
            Self::RetiredKeysForgotten => &[Judge::RetiredKey],
            Self::RegistryAlwaysAsked => &[Judge::Load],
            Self::RegistryNotAsked => &[Judge::NeedlessUnknown],
            Self::RecordsForgotten => &[Judge::FalseRefusal],
            Self::RetirementsNotTold => &[Judge::Calm],
            // A clock that is far off then only makes lists look old, or from the future.
            Self::ClockOfRegistryIgnored => &[Judge::Calm, Judge::NeedlessUnknown],
            // Locations that hold a later list of the lost time take none of the new.
            Self::EpochNotRaised => &[Judge::Calm, Judge::NeedlessUnknown],
            Self::RestoredWithoutKv => &[Judge::Revocation, Judge::Edit, Judge::FalseRefusal],
            Self::CheckedBeforeAwait => &[Judge::Revocation, Judge::Edit, Judge::End],
            _ => &[Judge::Revocation, Judge::Edit],
        }
    }
}

/// Those that ordinary worlds show.
pub const FROM_THE_START: [Mutation; 17] = [
    Mutation::SkewForgotten,
    Mutation::NumberOrderIgnored,
    Mutation::FencingOff,
    Mutation::Restamped,
    Mutation::OverlapForgotten,
    Mutation::AnyBaseTaken,
    Mutation::VersionsNotFolded,
    Mutation::RecordVersionIgnored,
    Mutation::CheckedBeforeAwait,
    Mutation::LeaseNeverEnds,
    Mutation::LeavesListEarly,
    Mutation::ClockOfRegistryIgnored,
    Mutation::EpochNotRaised,
    Mutation::RestoredWithoutKv,
    Mutation::EndsIgnored,
    Mutation::RetiredKeysForgotten,
    Mutation::RetentionFromRevocation,
];

/// Those that begin when something has happened.
pub const LATER: [Mutation; 4] = [
    Mutation::RegistryAlwaysAsked,
    Mutation::RegistryNotAsked,
    Mutation::RecordsForgotten,
    Mutation::RetirementsNotTold,
];
