//! An answer made by Wayleave itself: status, headers, text. Problems become HTTP only here.
//!
//! Standards: RFC 9110 (fields), RFC 9111 section 5.2.2.5 (`no-store`), RFC 9457 (problem bodies).
//! Invariants: every answer is `no-store` unless it says otherwise. A problem carries its challenge and
//! `Retry-After`. Header values hold no line feed.
//! What it must not know: requests, Workers.
//! What a mistake costs: a cache keeps a refusal and refuses valid requests later, or replays one caller's
//! answer to others.

use crate::http::problem;
use crate::http::problem::{Code, Problem};
use serde::Serialize;
use serde_json::{Map, Value};

/// An answer made by Wayleave itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status, 200 to 599.
    pub status: u16,
    /// Header fields. Each name occurs once.
    pub headers: Vec<(&'static str, String)>,
    /// The body. `None` where the status has none.
    pub body: Option<String>,
}

impl Reply {
    /// An answer for a problem, with body, challenge, `Retry-After` and `no-store`.
    #[must_use]
    pub fn problem(problem: impl Into<Problem>) -> Self {
        Self::problem_with::<()>(problem, &[], &Map::new())
    }

    /// An answer for a problem with an `errors` list and members of its own.
    #[must_use]
    pub fn problem_with<E: Serialize>(
        problem: impl Into<Problem>,
        errors: &[E],
        members: &Map<String, Value>,
    ) -> Self {
        let problem = problem.into();
        let code = problem.code();
        let mut reply = Self::text(code.status(), problem::MEDIA_TYPE, problem.body(errors, members));
        if let Some(challenge) = problem.challenge() {
            reply.headers.push(("WWW-Authenticate", challenge));
        }
        if let Some(seconds) = code.retry_after_seconds() {
            reply.headers.push(("Retry-After", seconds.to_string()));
        }
        reply
    }

    /// A JSON answer with `body` serialised.
    #[must_use]
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        match serde_json::to_string(body) {
            Ok(body) => Self::json_text(status, body),
            Err(_) => Self::problem(Code::Internal),
        }
    }

    /// A JSON answer with `body` as JSON text.
    #[must_use]
    pub fn json_text(status: u16, body: String) -> Self {
        Self::text(status, "application/json", body)
    }

    /// An HTML page. No script runs on it, and no page may frame it.
    #[must_use]
    pub fn page(html: String) -> Self {
        let mut reply = Self::text(200, "text/html; charset=utf-8", html);
        reply.headers.push((
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'"
                .to_owned(),
        ));
        reply
    }

    /// An answer without a body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self { status, headers: vec![("Cache-Control", "no-store".to_owned())], body: None }
    }

    /// The same answer with one more header field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.set(name, value.into());
        self
    }

    /// Sets a header field and replaces one of the same name.
    pub fn set(&mut self, name: &'static str, value: String) {
        self.headers.retain(|(present, _)| !present.eq_ignore_ascii_case(name));
        self.headers.push((name, value));
    }

    /// The value of a header field. `None` when the answer lacks it.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(present, _)| present.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// An answer of this media type.
    #[must_use]
    pub fn text(status: u16, media_type: &str, body: String) -> Self {
        Self {
            status,
            headers: vec![
                ("Content-Type", media_type.to_owned()),
                ("Cache-Control", "no-store".to_owned()),
                ("X-Content-Type-Options", "nosniff".to_owned()),
            ],
            body: Some(body),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_no_store_and_typed() {
        for code in Code::ALL {
            let reply = Reply::problem(code);
            assert_eq!(reply.status, code.status());
            assert_eq!(reply.header("Content-Type"), Some("application/problem+json"));
            assert_eq!(reply.header("Cache-Control"), Some("no-store"));
            assert_eq!(
                reply.header("WWW-Authenticate").is_some(),
                problem::Problem::from(code).challenge().is_some()
            );
            assert_eq!(reply.header("Retry-After").is_some(), code.status() == 503);
        }
    }
}
