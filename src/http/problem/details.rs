//! A problem: a code, and a reason where it is known; its challenge and its body.
//!
//! Standards: RFC 9457 (problem details), RFC 6750 section 3 (challenge).

use super::reason::Reason;
use super::table::Code;
use crate::http::paths::PROBLEMS_PATH;
use serde::Serialize;
use serde_json::{Map, Value};

/// Media type of a problem (RFC 9457 section 3).
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What is wrong with a request: a code, and one of its reasons where the code has several and the cause is
/// known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    reason: Option<Reason>,
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self { code, reason: None }
    }
}

impl From<Reason> for Problem {
    fn from(reason: Reason) -> Self {
        Self { code: reason.code(), reason: Some(reason) }
    }
}

impl Problem {
    #[must_use]
    pub const fn code(self) -> Code {
        self.code
    }

    /// The reason, where it is known.
    #[must_use]
    pub const fn reason(self) -> Option<Reason> {
        self.reason
    }

    /// What happened, to what, and what to do next: the reason's text, or else the code's.
    #[must_use]
    pub fn detail(self) -> &'static str {
        self.reason.map_or(self.code.detail(), Reason::detail)
    }

    /// The `WWW-Authenticate` value, where the code has one.
    ///
    /// RFC 6750 section 3.1: "If the request lacks any authentication information […], the resource server
    /// SHOULD NOT include an error code or other error information."
    #[must_use]
    pub fn challenge(self) -> Option<String> {
        let realm = match self.code {
            Code::Unauthorized | Code::Forbidden => "wayleave-admin",
            _ => "wayleave",
        };
        let plain = || Some(format!("Bearer realm=\"{realm}\""));
        match (self.code, self.reason, self.code.entry().error) {
            // A missing admin key and a wrong one get the same answer.
            (Code::TokenMissing | Code::Unauthorized, ..) => plain(),
            // These refuse a session's cookie, not a bearer token; and no scope is lacking.
            (_, Some(Reason::CrossOrigin | Reason::NoConsoleHere), _) => plain(),
            (code, _, Some(error)) => Some(format!(
                "Bearer realm=\"{realm}\", error=\"{error}\", error_description=\"{}\"",
                code.title()
            )),
            _ => None,
        }
    }

    /// The problem as JSON, with `errors` unless that is empty, and with members of its own (RFC 9457 section
    /// 3.2).
    #[must_use]
    pub fn body<E: Serialize>(self, errors: &[E], members: &Map<String, Value>) -> String {
        let code = self.code;
        let body = ProblemBody {
            kind: format!("{PROBLEMS_PATH}#{}", code.code()),
            title: code.title(),
            status: code.status(),
            detail: self.detail(),
            code: code.code(),
            reason: self.reason.map(Reason::name),
            errors,
            members,
        };
        // Serialising strings and numbers cannot fail. If it did, the status would still say enough.
        serde_json::to_string(&body).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct ProblemBody<'a, E> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: &'static str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "<[E]>::is_empty")]
    errors: &'a [E],
    #[serde(flatten)]
    members: &'a Map<String, Value>,
}
