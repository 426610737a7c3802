//! What a token may do: the methods and paths of its requests.
//!
//! Standards: docs/http.md, "Scopes"; RFC 6750 section 3.1 (`insufficient_scope`).
//! Invariants: an absent list says nothing about what it would list. An empty list is an error, never "all".
//! What it must not know: requests, routes.
//! What a mistake costs: a token does what it was not made for (false accept).

mod coverage;
mod methods;
mod paths;

pub use coverage::{ServedPath, lies_in_route, misses_routes};
pub use methods::{METHODS, Methods, MethodsError};
pub use paths::{PathsError, ScopePath, ScopePathError, ScopePaths};

use serde::{Deserialize, Serialize};

/// The methods and paths that a token is good for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// `None`: nothing is said about methods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub methods: Option<Methods>,
    /// `None`: nothing is said about paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<ScopePaths>,
}

/// Whether a refusal by scope is enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScopeMode {
    /// Refuse a request that lies outside.
    #[default]
    Enforce,
    /// Admit it, and count it as one that would have been refused.
    Report,
}

impl Scope {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.methods.is_none() && self.paths.is_none()
    }
}
