//! Deliberate errors, each to show that a judge notices it. They exist here only, not in `src`.

use crate::shape::{Shape, Trouble};
use crate::truth::Judge;
use crate::world::Counts;

/// A mutation, and from when on it is active.
#[derive(Clone, Copy)]
pub(crate) struct Mutated {
    pub mutation: Mutation,
    /// The kind of world.
    pub shaped: fn(&mut Shape),
    /// The event after which it is active.
    pub after: fn(&Counts) -> bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// L = B: clock skew is forgotten.
    SkewForgotten,
    /// A list with a lower number than the one held is accepted.
    NumberOrderIgnored,
    /// A superseded registry's answers are sent.
    FencingOff,
    /// An old list is handed out with a new number and `this_update`, which were not taken together with its
    /// content.
    Restamped,
    /// A delta claims to complete the base before the newest, but names only what changed since the newest.
    OverlapForgotten,
    /// A location combines a delta with whatever base it holds.
    AnyBaseTaken,
    /// A new base loses the versions of edited records.
    VersionsNotFolded,
    /// A record below the version that the list names is used.
    RecordVersionIgnored,
    /// The list's age is checked before the last await, not after it.
    CheckedBeforeAwait,
    /// A cancelled refresh keeps its lease forever.
    LeaseNeverEnds,
    /// Serials leave the list before their tokens end.
    LeavesListEarly,
    /// The location's clock tells the age of the registry's own lists.
    ClockOfRegistryIgnored,
    /// A restored registry's lists have the old epoch.
    EpochNotRaised,
    /// A restored registry does not read from KV what was revoked.
    RestoredWithoutKv,
    /// Planned ends are not enforced.
    EndsIgnored,
    /// Scopes are not enforced.
    ScopesIgnored,
    /// An earlier release reads a record of the format with scopes, and ignores them.
    EarlierIgnoresScopes,
    /// Lists do not name retired keys.
    RetiredKeysForgotten,
    /// Rows are deleted a time after their revocation instead of their tokens' end.
    RetentionFromRevocation,
    /// The registry is asked in every refresh.
    RegistryAlwaysAsked,
    /// The registry is never asked for a list.
    RegistryNotAsked,
    /// The registry claims to have no record of some tokens.
    RecordsForgotten,
    /// Locations do not report which keys are retired.
    RetirementsNotTold,
    /// An earlier release treats a delta of a later format as an empty one.
    LaterListTakenAsEmpty,
    /// An earlier release ignores unknown fields of a record of a later format, such as the planned end.
    LaterFieldsIgnored,
    /// An earlier release treats a record of a later format as absent: there is no such token.
    LaterRecordTakenAsNone,
    /// An earlier release does not ask the registry for a list.
    EarlierAsksNoRegistry,
    /// A location does not look at used up quotas.
    UsedUpQuotasIgnored,
    /// A shard counts a batch again that came twice.
    BatchesCountedTwice,
    /// A shard tells the registry two minutes late what it counted.
    CountsToldLate,
    /// Calls that wait are answered before what their answer contains is durable.
    PushedBeforeCommit,
    /// Calls that wait are answered only when their time is over.
    NeverWakes,
    /// A call that waited is answered with the list before.
    OlderListPushed,
    /// The registry holds any number of calls.
    LimitForgotten,
    /// A call is kept beyond the request that made it.
    CallBeyondRequest,
    /// A registry that did not answer is asked again at once.
    RestForgotten,
    /// A registry that did not answer is never asked again.
    RestNeverEnds,
    /// A relay gives the same list for twice the bound.
    RelayServesPastAge,
    /// It does, and its word on the list's age is believed.
    RelayTellsAge,
    /// A relay gives the list before.
    RelayGivesOlderList,
}

impl Mutation {
    /// Active from the beginning, in worlds where it can have an effect.
    pub(crate) fn at_once(self) -> Mutated {
        let shaped: fn(&mut Shape) = match self {
            // It has an effect only in two seconds of a bound: a location must use its last list to the very
            // end while changes are made. Pushed lists seldom get so old. An odd number of changes: a world
            // without quotas, which would soon refuse most requests.
            Self::SkewForgotten => |shape| {
                (shape.push_seconds, shape.relays) = (0, 0);
                (shape.troubles, shape.episodes, shape.changes) = (vec![Trouble::CutOff], 12, 21);
                (shape.bound_seconds, shape.far_clocks) = (5, false);
            },
            // A base with a million skipped serials is too slow to be combined with each list.
            Self::VersionsNotFolded => |shape| shape.troubles.retain(|trouble| *trouble != Trouble::Restore),
            Self::LaterListTakenAsEmpty
            | Self::LaterFieldsIgnored
            | Self::LaterRecordTakenAsNone
            | Self::EarlierIgnoresScopes
            | Self::EarlierAsksNoRegistry => |shape| {
                (shape.troubles, shape.episodes) = (vec![Trouble::EarlierLocations], 12);
            },
            Self::PushedBeforeCommit => |shape| {
                (shape.troubles, shape.episodes) = (vec![Trouble::Supersede], 12);
                (shape.push_seconds, shape.held_calls_max, shape.changes) = (20, 2_000, 20);
            },
            Self::NeverWakes | Self::OlderListPushed | Self::CallBeyondRequest => |shape| {
                (shape.push_seconds, shape.held_calls_max, shape.silent_wait_ms) = (20, 2_000, 250);
            },
            Self::RelayServesPastAge | Self::RelayGivesOlderList => |shape| {
                (shape.push_seconds, shape.held_calls_max, shape.relays) = (20, 2_000, 1);
                shape.bound_seconds = 60;
            },
            // No other source may show a later list.
            Self::RelayTellsAge => |shape| {
                (shape.push_seconds, shape.held_calls_max, shape.relays) = (20, 2_000, 1);
                (shape.bound_seconds, shape.far_clocks) = (60, false);
                (shape.changes, shape.requests) = (20, 400);
            },
            // The limit of the first instance is the right one: it must end.
            Self::LimitForgotten => |shape| {
                (shape.push_seconds, shape.held_calls_max) = (20, 3);
                (shape.troubles, shape.episodes) = (vec![Trouble::Crash], 4);
            },
            _ => |_| {},
        };
        Mutated { mutation: self, shaped, after: |_| true }
    }

    /// The judges responsible for it.
    pub(crate) fn seen_by(self) -> &'static [Judge] {
        match self {
            Self::NumberOrderIgnored => &[Judge::NumberBack],
            Self::RecordVersionIgnored
            | Self::VersionsNotFolded
            | Self::ScopesIgnored
            | Self::EarlierIgnoresScopes => &[Judge::Edit],
            Self::LeaseNeverEnds => &[Judge::Stuck],
            Self::UsedUpQuotasIgnored | Self::CountsToldLate => &[Judge::Quota],
            Self::BatchesCountedTwice => &[Judge::FalseRefusal],
            Self::EndsIgnored | Self::LaterFieldsIgnored => &[Judge::End],
            Self::RetiredKeysForgotten => &[Judge::RetiredKey],
            Self::RegistryAlwaysAsked | Self::LimitForgotten | Self::RestForgotten => &[Judge::Load],
            Self::RestNeverEnds => &[Judge::Calm, Judge::NeedlessUnknown],
            Self::NeverWakes
            | Self::CallBeyondRequest
            | Self::RelayServesPastAge
            | Self::RelayGivesOlderList => &[Judge::Push],
            // The list before may be from before a long silence: then it is of no use at all.
            Self::OlderListPushed => &[Judge::Push, Judge::Calm, Judge::NeedlessUnknown],
            // Two instances give the same number to different lists.
            Self::PushedBeforeCommit => &[Judge::Revocation, Judge::Edit, Judge::FalseRefusal, Judge::End],
            Self::RegistryNotAsked | Self::EarlierAsksNoRegistry => &[Judge::NeedlessUnknown],
            Self::RecordsForgotten | Self::LaterRecordTakenAsNone => &[Judge::FalseRefusal],
            Self::RetirementsNotTold => &[Judge::Calm],
            // With it, a clock that is far off only makes lists look old, or from the future.
            Self::ClockOfRegistryIgnored => &[Judge::Calm, Judge::NeedlessUnknown],
            // Locations that hold a later list from before the restore accept no new one.
            Self::EpochNotRaised => &[Judge::Calm, Judge::NeedlessUnknown],
            Self::RestoredWithoutKv => &[Judge::Revocation, Judge::Edit, Judge::FalseRefusal],
            Self::CheckedBeforeAwait => &[Judge::Revocation, Judge::Edit, Judge::End],
            _ => &[Judge::Revocation, Judge::Edit],
        }
    }
}

/// Mutations that ordinary worlds show.
pub(crate) const FROM_THE_START: [Mutation; 36] = [
    Mutation::RelayServesPastAge,
    Mutation::RelayTellsAge,
    Mutation::RelayGivesOlderList,
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
    Mutation::ScopesIgnored,
    Mutation::EarlierIgnoresScopes,
    Mutation::RetiredKeysForgotten,
    Mutation::RetentionFromRevocation,
    Mutation::UsedUpQuotasIgnored,
    Mutation::BatchesCountedTwice,
    Mutation::CountsToldLate,
    Mutation::LaterListTakenAsEmpty,
    Mutation::LaterFieldsIgnored,
    Mutation::LaterRecordTakenAsNone,
    Mutation::EarlierAsksNoRegistry,
    Mutation::PushedBeforeCommit,
    Mutation::NeverWakes,
    Mutation::OlderListPushed,
    Mutation::LimitForgotten,
    Mutation::CallBeyondRequest,
    Mutation::RestForgotten,
    Mutation::RestNeverEnds,
];

/// Mutations that begin after an event.
pub(crate) const LATER: [Mutation; 4] = [
    Mutation::RegistryAlwaysAsked,
    Mutation::RegistryNotAsked,
    Mutation::RecordsForgotten,
    Mutation::RetirementsNotTold,
];
