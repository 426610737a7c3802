//! The registry's answers as responses.
//!
//! Standards: RFC 9110 (`ETag`, `Location`), RFC 9111 (`no-store`), RFC 9457.
//! Invariants: every response is `no-store`; each fault of the registry has one problem; an answer that no operation of
//! ours asks for is `internal`, never a guess.
//! What it must not know: requests, but for how they want their answer shown.
//! What a mistake costs: a caller believes that something was withdrawn which was not.

use super::fields::code_of;
use super::ids::{self, List};
use super::views::{
    AdminKey, CreatedAdminKey, CreatedToken, EditedToken, Event, Page, RevealedToken, Status, Token,
};
use super::{API_PATH, AdminProblem, AdminResponse, Rendering};
use crate::problem::Code;
use crate::registry::command::{Answer, Fault, TokenView};
use crate::time::UnixMillis;
use serde::Serialize;

/// The response for what the registry answered.
#[must_use]
pub fn render(answer: Answer, rendering: &Rendering, now: UnixMillis) -> AdminResponse {
    match (answer, rendering) {
        (Answer::Refused(fault), _) => fault_problem(fault).into_response(),
        (Answer::Authenticated, Rendering::OriginTest(verdict)) => ok(200, verdict),
        (answer, Rendering::Answer) => render_answer(answer, now),
        (_, Rendering::OriginTest(_)) => AdminProblem::of(Code::Internal).into_response(),
    }
}

fn render_answer(answer: Answer, now: UnixMillis) -> AdminResponse {
    match answer {
        Answer::Created { token, text } => {
            let (etag, location) =
                (etag(&token), format!("{API_PATH}/tokens/{}", ids::token_id(token.serial)));
            ok(201, &CreatedToken { settings: Token::of(*token, now), token: text })
                .with("etag", etag)
                .with("location", location)
        }
        Answer::Token(token) => {
            let etag = etag(&token);
            ok(200, &Token::of(*token, now)).with("etag", etag)
        }
        Answer::Edited { token, receipt } => {
            let etag = etag(&token);
            ok(200, &EditedToken { settings: Token::of(*token, now), receipt: receipt.into() })
                .with("etag", etag)
        }
        Answer::Revealed(token) => ok(200, &RevealedToken { token }),
        Answer::Tokens { items, next } => {
            let items: Vec<_> = items.into_iter().map(|view| Token::of(view, now)).collect();
            let next_cursor = next.map(|below| ids::cursor(List::Tokens, i64::from(below.0)));
            ok(200, &Page { items, next_cursor })
        }
        Answer::Receipt(receipt) => ok(200, &super::views::Receipt::from(receipt)),
        Answer::AdminKeyCreated { key, text } => {
            let location = format!("{API_PATH}/admin-keys/{}", ids::admin_key_id(key.id));
            ok(201, &CreatedAdminKey { settings: key.into(), key: text }).with("location", location)
        }
        Answer::AdminKeys(keys) => {
            let items: Vec<_> = keys.into_iter().map(AdminKey::from).collect();
            ok(200, &Page { items, next_cursor: None })
        }
        Answer::AdminKeyDeleted => AdminResponse { status: 204, headers: no_store(), body: String::new() },
        Answer::Events { items, next } => {
            let items: Vec<_> = items.into_iter().map(Event::from).collect();
            ok(200, &Page { items, next_cursor: next.map(|below| ids::cursor(List::Events, below)) })
        }
        Answer::Status(status) => ok(200, &Status::from(*status)),
        Answer::Refused(fault) => fault_problem(fault).into_response(),
        // Asked for by locations, or by `origin-test` alone.
        Answer::List { .. } | Answer::Record { .. } | Answer::Authenticated => {
            AdminProblem::of(Code::Internal).into_response()
        }
    }
}

/// The problem for a fault of the registry.
#[must_use]
pub fn fault_problem(fault: Fault) -> AdminProblem {
    match fault {
        Fault::Unauthorized => AdminProblem::of(Code::Unauthorized),
        Fault::Forbidden => AdminProblem::of(Code::Forbidden),
        Fault::NotFound => AdminProblem::of(Code::NotFound),
        Fault::PreconditionFailed => AdminProblem::of(Code::PreconditionFailed),
        Fault::IdempotencyConflict => AdminProblem::of(Code::IdempotencyConflict),
        Fault::LastActiveToken => AdminProblem::of(Code::LastActiveToken),
        Fault::TokenProtected => AdminProblem::of(Code::TokenProtected),
        Fault::TokenEnded => AdminProblem::of(Code::TokenEnded),
        Fault::Conflict => AdminProblem::of(Code::Conflict),
        Fault::Fields(faults) => AdminProblem::fields(code_of(&faults), faults),
        Fault::Internal => AdminProblem::of(Code::Internal),
    }
}

/// A JSON response.
pub(super) fn json(status: u16, body: String) -> AdminResponse {
    AdminResponse { status, headers: common_headers("application/json"), body }
}

/// Headers of every response with a body.
pub(super) fn common_headers(content_type: &str) -> Vec<(&'static str, String)> {
    let mut headers = no_store();
    headers.push(("content-type", content_type.to_owned()));
    // Labels are strangers' text: no browser is to guess that a body is a page.
    headers.push(("x-content-type-options", "nosniff".to_owned()));
    headers
}

fn no_store() -> Vec<(&'static str, String)> {
    vec![("cache-control", "no-store".to_owned())]
}

fn ok<T: Serialize>(status: u16, value: &T) -> AdminResponse {
    match serde_json::to_string(value) {
        Ok(body) => json(status, body),
        Err(_) => AdminProblem::of(Code::Internal).into_response(),
    }
}

fn etag(token: &TokenView) -> String {
    format!("\"{}\"", token.version)
}

impl AdminResponse {
    fn with(mut self, name: &'static str, value: String) -> Self {
        // A problem in place of the answer describes nothing that has a version or a place.
        if self.status < 300 {
            self.headers.push((name, value));
        }
        self
    }
}
