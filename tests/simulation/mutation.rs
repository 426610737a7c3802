//! The ways in which a world can be built wrong, each to show that a judge sees it. They live here; `src` has none.

use crate::shape::{Shape, Trouble};
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
    /// An earlier release takes a delta of a later format as one that names nothing.
    LaterListTakenAsEmpty,
    /// An earlier release leaves out what it does not know of a record of a later format: the planned end, say.
    LaterFieldsIgnored,
    /// An earlier release takes a record of a later format as none: there is no such token.
    LaterRecordTakenAsNone,
    /// An earlier release does not ask the registry for a list.
    EarlierAsksNoRegistry,
}

impl Mutation {
    /// From the beginning, in worlds where it can happen.
    pub fn at_once(self) -> Mutated {
        let shaped: fn(&mut Shape) = match self {
            // Two seconds of a bound: a location must hold its last list to the very end, while things change.
            Self::SkewForgotten => |shape| {
                (shape.troubles, shape.episodes, shape.changes) = (vec![Trouble::CutOff], 12, 20);
                (shape.bound_seconds, shape.far_clocks) = (5, false);
            },
            // A base that names a million skipped serials is too slow to be laid over each list.
            Self::VersionsNotFolded => |shape| shape.troubles.retain(|trouble| *trouble != Trouble::Restore),
            Self::LaterListTakenAsEmpty
            | Self::LaterFieldsIgnored
            | Self::LaterRecordTakenAsNone
            | Self::EarlierAsksNoRegistry => |shape| {
                (shape.troubles, shape.episodes) = (vec![Trouble::EarlierLocations], 12);
            },
            _ => |_| {},
        };
        Mutated { mutation: self, shaped, after: |_| true }
    }

    /// Whose business it is.
    pub fn seen_by(self) -> &'static [Judge] {
        match self {
            Self::NumberOrderIgnored => &[Judge::NumberBack],
            Self::RecordVersionIgnored | Self::VersionsNotFolded => &[Judge::Edit],
            Self::LeaseNeverEnds => &[Judge::Stuck],
            Self::EndsIgnored | Self::LaterFieldsIgnored => &[Judge::End],
            Self::RetiredKeysForgotten => &[Judge::RetiredKey],
            Self::RegistryAlwaysAsked => &[Judge::Load],
            Self::RegistryNotAsked | Self::EarlierAsksNoRegistry => &[Judge::NeedlessUnknown],
            Self::RecordsForgotten | Self::LaterRecordTakenAsNone => &[Judge::FalseRefusal],
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
pub const FROM_THE_START: [Mutation; 21] = [
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
    Mutation::LaterListTakenAsEmpty,
    Mutation::LaterFieldsIgnored,
    Mutation::LaterRecordTakenAsNone,
    Mutation::EarlierAsksNoRegistry,
];

/// Those that begin when something has happened.
pub const LATER: [Mutation; 4] = [
    Mutation::RegistryAlwaysAsked,
    Mutation::RegistryNotAsked,
    Mutation::RecordsForgotten,
    Mutation::RetirementsNotTold,
];
