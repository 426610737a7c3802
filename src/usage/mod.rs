//! Usage: how often each token was used, with what outcome, from which origins, and when it was first and
//! last used.
//!
//! Standard: docs/lifecycle.md, "Usage", "First uses".
//! How a count flows:
//! 1. The gateway describes a request as [`Counted`](crate::formats::usage::counted::Counted).
//! 2. The isolate's [`Reporter`] counts it. It sends batches without delaying a request.
//! 3. A [`shard::Shard`] stores them by minute, hour and day, and reports first and last uses to the
//!    registry.
//!
//! Invariants: only tokens whose tag verified are counted individually. All memory and storage is bounded. A
//! batch counts once, however often and in whatever order it arrives. A first use is repeated until it is
//! acknowledged.
//! What it must not know: how a request is decided; HTTP; Workers.
//! What a mistake costs: a successor in use counts as unused, or a token is ended because its traffic was not
//! seen (false refuse). Usage cannot cause an admission.

pub mod analytics;
mod counter;
mod first_uses;
mod news;
mod refusals;
mod reporter;
mod sender;
mod sending;
pub mod shard;

pub use reporter::Reporter;
pub use sender::Sender;
pub use sending::{Next, Sending};
