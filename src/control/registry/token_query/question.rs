//! A question to the table of tokens: a filter, which of its tokens are wanted, and when.

use crate::base::time::UnixMillis;
use crate::control::registry::command::TokenFilter;
use crate::control::registry::settings::RegistrySettings;

/// Which of the tokens found are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::control::registry) enum Only {
    All,
    /// Tokens that are active or disabled.
    NotEnded,
    Active,
    Disabled,
    /// Tokens that are active and have no successor.
    ActiveLeaves,
}

/// A question to the table of tokens.
#[derive(Clone, Copy)]
pub(in crate::control::registry) struct Question<'a> {
    pub(in crate::control::registry) filter: &'a TokenFilter,
    pub(in crate::control::registry) only: Only,
    pub(in crate::control::registry) settings: &'a RegistrySettings,
    pub(in crate::control::registry) now: UnixMillis,
}
