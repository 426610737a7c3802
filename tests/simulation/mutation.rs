//! The ways in which a world can be built wrong, each to show that a judge sees it. They live here; `src` has none.

use crate::truth::Judge;

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
    RestoreUnnoticed,
    /// Planned ends are not enforced.
    EndsIgnored,
    /// Lists do not name retired keys.
    RetiredKeysForgotten,
}

impl Mutation {
    /// Whose business it is.
    pub fn seen_by(self) -> &'static [Judge] {
        match self {
            Self::NumberOrderIgnored => &[Judge::NumberBack],
            Self::RecordVersionIgnored | Self::VersionsNotFolded => &[Judge::Edit],
            Self::LeaseNeverEnds => &[Judge::Stuck],
            Self::EndsIgnored => &[Judge::End],
            Self::RetiredKeysForgotten => &[Judge::RetiredKey],
            // A clock that is far off then only makes lists look old, or from the future.
            Self::ClockOfRegistryIgnored => &[Judge::Calm, Judge::NeedlessUnknown],
            // Locations that hold a later list of the lost time take none of the new.
            Self::EpochNotRaised => &[Judge::Calm, Judge::NeedlessUnknown],
            // Serials are given twice, and a token answers for another.
            Self::RestoreUnnoticed => &[Judge::Revocation, Judge::Edit, Judge::FalseRefusal],
            Self::CheckedBeforeAwait => &[Judge::Revocation, Judge::Edit, Judge::End],
            _ => &[Judge::Revocation, Judge::Edit],
        }
    }
}

pub const ALL: [Mutation; 16] = [
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
    Mutation::RestoreUnnoticed,
    Mutation::EndsIgnored,
    Mutation::RetiredKeysForgotten,
];
