//! The ways in which a world can be built wrong, each to show that a judge sees it. They live here; `src` has none.

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
}

pub const ALL: [Mutation; 9] = [
    Mutation::SkewForgotten,
    Mutation::NumberOrderIgnored,
    Mutation::FencingOff,
    Mutation::Restamped,
    Mutation::RecordVersionIgnored,
    Mutation::CheckedBeforeAwait,
    Mutation::LeaseNeverEnds,
    Mutation::LeavesListEarly,
    Mutation::ClockOfRegistryIgnored,
];
