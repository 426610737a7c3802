//! A refused request: a problem of the admin API, before it becomes HTTP.
//!
//! Standard: RFC 9457.

use super::problem_members::ProblemMembers;
use crate::control::registry::command::FieldFault;
use crate::http::problem::{Code, Problem};
use crate::http::reply::Reply;

/// A refused request: a problem of the admin API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminProblem {
    /// Code, status and texts, and the reason if there is one.
    pub problem: Problem,
    /// The faults, by field, header or parameter.
    pub errors: Vec<FieldFault>,
    /// With 405: the methods that the path allows.
    pub allow: Vec<&'static str>,
    /// Extension members, such as `live_tokens`.
    pub members: Box<ProblemMembers>,
}

impl AdminProblem {
    /// A problem without fields.
    #[must_use]
    pub fn of(problem: impl Into<Problem>) -> Self {
        Self::fields(problem, Vec::new())
    }

    /// A problem with fields.
    #[must_use]
    pub fn fields(problem: impl Into<Problem>, errors: Vec<FieldFault>) -> Self {
        Self { problem: problem.into(), errors, allow: Vec::new(), members: Box::default() }
    }

    #[must_use]
    pub fn code(&self) -> Code {
        self.problem.code()
    }

    /// The response for this problem.
    #[must_use]
    pub fn into_reply(self) -> Reply {
        let reply = Reply::problem_with(self.problem, &self.errors, &self.members.into_map());
        if self.allow.is_empty() { reply } else { reply.with("Allow", self.allow.join(", ")) }
    }
}
