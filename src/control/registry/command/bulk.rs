//! Bulk calls: which tokens, and what was done in one step (docs/http.md, "Bulk calls").

use super::fault::Fault;
use super::token_filter::TokenFilter;
use crate::formats::token::Serial;
use serde::{Deserialize, Serialize};

/// The tokens of a bulk call, one step of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bulk {
    /// Which tokens; `limit` and `below` select the step.
    pub filter: TokenFilter,
    /// Only report what would be done.
    pub dry_run: bool,
    /// The number of tokens that the filter must find, from a dry run. Checked in the first step.
    pub expect: Option<u64>,
}

/// What a bulk call changes about each token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum BulkChange {
    /// Disables active tokens.
    Disable,
    /// Enables disabled tokens.
    Enable,
    /// Gives tokens to another owner; `None`: to none.
    Owner(Option<String>),
}

/// The result of one step of a bulk call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BulkStep<T> {
    /// What the filter finds. In the first step only: counting a million tokens takes longer than a step.
    #[serde(flatten)]
    pub counts: Option<BulkCounts>,
    /// What was done, token by token; empty in a dry run.
    pub done: Vec<T>,
    /// The tokens that were skipped, and why.
    pub skipped: Vec<Skipped>,
    /// Call again with `below` set to this; `None` when nothing is left.
    pub next: Option<Serial>,
    /// And with `until` set to this: the newest token when the call began.
    #[serde(default)] // a step that the previous release kept for a retry does not say
    pub until: Option<Serial>,
}

impl<T> BulkStep<T> {
    /// The same step with another form of `done`.
    pub(in crate::control::registry) fn with<U>(&self, done: Vec<U>) -> BulkStep<U> {
        BulkStep {
            counts: self.counts,
            done,
            skipped: self.skipped.clone(),
            next: self.next,
            until: self.until,
        }
    }
}

/// How many tokens a bulk call meets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkCounts {
    pub matched: u64,
    /// How many of them are protected.
    #[serde(default)] // the registry of the previous release does not say
    pub protected: u64,
    /// How many of them were used in the last 24 hours.
    #[serde(default)]
    pub used_lately: u64,
}

/// A token that a bulk call skipped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skipped {
    pub serial: Serial,
    /// The refusal that a call for this token alone would get.
    pub fault: Box<Fault>,
}
