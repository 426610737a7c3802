//! What is counted of one request: the gateway says it, the isolate's reporter counts it.

use crate::formats::origin::Origin;
use crate::formats::token::Serial;
use crate::formats::usage::outcome::Outcome;
use crate::formats::usage::refusal::RefusedRequest;

/// The data of one request that are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The token's serial, if its tag verified and this deployment issued it.
    pub serial: Option<Serial>,
    /// The outcome of the request.
    pub outcome: Outcome,
    /// The request's origin, if it shows exactly one.
    pub origin: Option<Origin>,
    /// Whether the token is a successor whose first use is not known yet.
    pub is_watched: bool,
    /// What the tail of refusals shows of it; `None`: it was not refused, or no tail is kept.
    pub refused: Option<Box<RefusedRequest>>,
}

impl Counted {
    /// A request without a token of this deployment.
    #[must_use]
    pub fn of_nobody(outcome: Outcome) -> Self {
        Self { serial: None, outcome, origin: None, is_watched: false, refused: None }
    }
}
