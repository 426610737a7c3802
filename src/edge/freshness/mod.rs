//! Freshness: which list a location may use at `now`, when it looks for a newer one, and where.
//!
//! Standard: docs/bound.md, "When a list may be used", "Why the bound holds".
//! Invariants, with B the revocation bound and L = B − 2 s of clock skew:
//! - A list is usable at `now` only while `now − this_update < L` and `now < next_update − 2 s`. The first
//!   limit comes from this location's bound, the second from the bound of the registry that made the list;
//!   each is reduced by the skew, and the smaller one holds.
//! - The number of the list held never decreases.
//!
//! Why these keep the bound: let the registry commit a change at t and acknowledge it afterwards.
//! 1. The registry takes number, clock and state of a list together. So a list with `this_update` ≥ t
//!    contains the change.
//! 2. A list without the change has `this_update` < t, so a location uses it only while its clock shows less
//!    than t + L.
//! 3. That clock differs from the registry's by at most 2 s. So the location stops using the list by t + L +
//!    2 s = t + B.
//! 4. Nothing above depends on KV: a stale, reordered or missing copy only makes the location look elsewhere
//!    or refuse.
//!
//! The proof rests on three facts:
//! 1. A list is complete although it has two parts. A delta is sealed, names the final state of everything
//!    that changed since each of the two bases that it completes, and pins both by their hashes.
//! 2. Numbers order lists even after a restore, because the epoch is their leading part.
//! 3. A list that the registry itself gave may be judged by the registry's clock. Then one clock tells its
//!    age, counted from before the location asked.
//!
//! Assumed: every clock, including that of each registry instance, is within 1 s of true time, or
//! [`ListHolder::clock_faults`] shows that it is not. Not covered: a wrong clock that has not shown yet
//! because the registry has not answered.
//!
//! What it must not know: how lists are fetched, tokens, IO. A request never awaits another request's future:
//! it polls memory until the list changes, for no longer than a lease.
//! What a mistake costs: a list used too long admits a revoked token (false accept). A list dropped too early
//! causes a needless 503 (false refuse).

mod holder;
mod holdings;
mod refresh;
mod relay_choice;
mod subscription;
mod terms;

pub use holder::{ListHolder, RefreshPlan};
pub use refresh::{BaseSource, Fetch, Fetched, Refresh, Source, Taken};
pub use relay_choice::{Place, RelayName};
pub use subscription::{Heard, Keep, LineId, NextCall, PushTerms, Subscription, Way};
pub use terms::{KV_BOUND_MIN_SECONDS, Terms};

#[cfg(test)]
mod tests;
