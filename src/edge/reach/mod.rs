//! Reach: which sources answer at present, and what a request does when one does not.
//!
//! Standard: docs/bound.md, "Sources that do not answer", "Look-ups".
//! Invariants: nothing here makes a list or a record usable, so the bound does not rest on it. A source that
//! failed is asked again after a rest whose length is bounded, by one call of an isolate. An answer ends the
//! rest at once.
//! What it must not know: what is read, how it is carried.
//! What a mistake costs: requests that wait for a source that is away, needless 503s, or a registry that
//! gets more calls than it can serve.

mod health;
mod hedges;
mod lookup;
mod sources;
mod under_way;

pub use health::{Health, RestTerms, State};
pub use hedges::Hedges;
pub use lookup::{FirstRead, KvFound, Lookup, Step};
pub use sources::Reach;
pub use under_way::{UnderWay, first_of};
