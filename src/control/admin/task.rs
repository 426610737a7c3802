//! What to do for a request: a command for the registry, and how its answer is rendered.

use super::refusal_page::RefusalPage;
use crate::control::registry::command::Command;
use crate::formats::origin::OriginTest;
use crate::formats::usage::reading::Range;

/// What to do for a request.
pub(super) enum AdminTask {
    /// Ask the registry, then render its answer.
    Ask(Box<Command>, Rendering),
    /// Respond with the OpenAPI document.
    Document,
}

impl AdminTask {
    pub(super) fn ask(command: Command, rendering: Rendering) -> Self {
        Self::Ask(Box::new(command), rendering)
    }
}

/// How to render the registry's answer.
#[derive(Debug)]
pub enum Rendering {
    /// As the answer itself.
    Answer,
    /// A status and the coming expiries, in the format of Prometheus.
    Metrics,
    /// The registry only confirms the caller; the response is this JSON.
    Configuration(String),
    /// The registry only confirms that the token exists; the response is its usage in this range.
    Usage(Range),
    /// The registry only confirms the caller; the response is the usage of all tokens in this range.
    AllUsage(Range),
    /// The registry only confirms the caller and the token; the response is this page of refusals.
    Refusals(RefusalPage),
    /// The registry only confirms the caller; the response is this verdict.
    OriginTest(OriginTest),
}
