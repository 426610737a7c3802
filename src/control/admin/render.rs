//! Renders the registry's answers as HTTP responses.
//!
//! Standards: RFC 9110 (`ETag`, `Location`), RFC 9111 (`no-store`), RFC 9457.
//! Invariants: every response is `no-store`. An answer that no operation asks for becomes `internal`.
//! What it must not know: requests, except how their answer is to be rendered.
//! What a mistake costs: a caller wrongly believes that something was revoked.

use super::admin_key_views::{AdminKeyJson, CreatedAdminKey, Session};
use super::admin_problem::AdminProblem;
use super::bulk_views::{BulkChanged, BulkRevoked, BulkRotated};
use super::cursors::{List, cursor};
use super::event_views::EventJson;
use super::family_views::{EditedFamily, FamilyJson, FamilyToken, RotatedToken};
use super::fault_problems::fault_problem;
use super::ids;
use super::licence_views::{LicenceJson, OwnerOffJson};
use super::notice_views::Notice;
use super::page::PageJson;
use super::probe_view::Probe;
use super::request::API_PATH;
use super::signing_key_views::{KeyReceiptJson, SigningKey};
use super::status_view::StatusJson;
use super::task::Rendering;
use super::token_page::TokenPage;
use super::token_views::{CreatedToken, EditedToken, ReceiptJson, RevealedToken, Token};
use super::usage_view::UsageSeen;
use super::{all_usage_view, metrics, refusals_view, usage_view};
use crate::base::time::UnixMillis;
use crate::control::registry::command::{Answer, StatusWarning, TokenView};
use crate::formats::session;
use crate::formats::session::SessionText;
use crate::http::problem::{Code, Reason};
use crate::http::reply::Reply;
use serde::Serialize;

/// The response for the registry's answer and, where [`super::usage_calls`] asked usage shards, for theirs.
#[must_use]
pub fn render(mut answer: Answer, rendering: &Rendering, usage: UsageSeen, now: UnixMillis) -> Reply {
    if let Answer::Status(status) | Answer::Metrics { status, .. } = &mut answer
        && status.has_quotas
        && !usage.is_on()
    {
        status.warnings.push(StatusWarning::QuotasNotCounted);
    }
    match (answer, rendering) {
        (Answer::Refused(fault), _) => fault_problem(fault).into_reply(),
        (Answer::Authenticated, Rendering::OriginTest(verdict)) => Reply::json(200, verdict),
        (Answer::Authenticated, Rendering::Configuration(json)) => Reply::json_text(200, json.clone()),
        (Answer::Metrics { status, expiries, notices }, Rendering::Metrics) => {
            let counting = usage.is_on();
            match metrics::text(*status, expiries, notices, counting, usage.totals(), now) {
                Some(text) => Reply::text(200, metrics::MEDIA_TYPE, text),
                None => AdminProblem::of(Code::Internal).into_reply(),
            }
        }
        (Answer::Token(token), Rendering::Usage(range)) => {
            of_shards(usage_view::token_usage(token.serial, *range, usage))
        }
        (Answer::Authenticated, Rendering::AllUsage(range)) => {
            of_shards(all_usage_view::all_usage(*range, usage))
        }
        (Answer::Token(_) | Answer::Authenticated, Rendering::Refusals(page)) => {
            of_shards(refusals_view::refusal_page(page, usage))
        }
        (answer, Rendering::Answer) => render_answer(answer, usage, now),
        (
            _,
            Rendering::OriginTest(_)
            | Rendering::Configuration(_)
            | Rendering::Metrics
            | Rendering::Usage(_)
            | Rendering::AllUsage(_)
            | Rendering::Refusals(_),
        ) => AdminProblem::of(Code::Internal).into_reply(),
    }
}

/// What usage shards answered; `None`: one of them did not.
fn of_shards(view: Option<impl Serialize>) -> Reply {
    view.map_or_else(|| Reply::problem(Reason::UsageUnavailable), |view| Reply::json(200, &view))
}

fn render_answer(answer: Answer, usage: UsageSeen, now: UnixMillis) -> Reply {
    match answer {
        Answer::Created { token, text } => created(*token, text, now),
        Answer::Token(token) => {
            let etag = etag(&token);
            Reply::json(200, &Token::of(*token, now)).with("ETag", etag)
        }
        Answer::Edited { token, receipt } => {
            let etag = etag(&token);
            Reply::json(200, &EditedToken { settings: Token::of(*token, now), receipt: receipt.into() })
                .with("ETag", etag)
        }
        Answer::Revealed(token) => Reply::json(200, &RevealedToken { token }),
        Answer::Tokens { items, next, next_key, total } => {
            Reply::json(200, &TokenPage::of(items, next, next_key.as_ref(), total, now))
        }
        Answer::Rotated(made) => {
            let (etag, location) = (etag(&made.token), location(&made.token));
            Reply::json(201, &RotatedToken::of(*made, now)).with("ETag", etag).with("Location", location)
        }
        Answer::Family(view) => Reply::json(200, &FamilyJson::of(*view, usage, now)),
        Answer::FamilyToken { token, text } => Reply::json(200, &FamilyToken::of(*token, text, now)),
        Answer::FamilyEdited(edited) => Reply::json(200, &EditedFamily::of(edited, now)),
        Answer::RevokedInBulk(step) => Reply::json(200, &BulkRevoked::from(step)),
        Answer::ChangedInBulk(step) => Reply::json(200, &BulkChanged::from(step)),
        Answer::RotatedInBulk(step) => Reply::json(200, &BulkRotated::of(step, now)),
        Answer::Receipt(receipt) => Reply::json(200, &ReceiptJson::from(receipt)),
        Answer::AdminKeyCreated { key, text } => {
            let location = format!("{API_PATH}/admin-keys/{}", ids::admin_key_id(key.id));
            Reply::json(201, &CreatedAdminKey { settings: key.into(), key: text }).with("Location", location)
        }
        Answer::AdminKeys(keys) => page(keys.into_iter().map(AdminKeyJson::from), None),
        Answer::AdminKeyDeleted | Answer::OwnerSwitchedOn => Reply::empty(204),
        Answer::Notice(notice) => Reply::json(202, &Notice::from(notice)),
        Answer::Licence(licence) => Reply::json(200, &LicenceJson::from(licence)),
        Answer::Licences { items, next } => page_of(List::Licences, items, LicenceJson::from, next),
        Answer::OwnerOff(owner) => Reply::json(200, &OwnerOffJson::from(owner)),
        Answer::OwnersOff { items, next } => page_of(List::Owners, items, OwnerOffJson::from, next),
        Answer::SessionOpened { session, text } => Reply::json(201, &Session::from(session))
            .with("Set-Cookie", SessionText::of_registry(text).set_cookie()),
        Answer::Session(session) => Reply::json(200, &Session::from(session)),
        Answer::SessionClosed => Reply::empty(204).with("Set-Cookie", session::forget_cookie()),
        Answer::Events { items, next } => page_of(List::Events, items, EventJson::from, next),
        Answer::Notices { items, next } => page_of(List::Notices, items, Notice::from, next),
        Answer::Probe { probe, begun } => Reply::json(if begun { 202 } else { 200 }, &Probe::of(*probe, now)),
        Answer::SigningKey(key) => Reply::json(200, &SigningKey::from(key)),
        Answer::SigningKeyRetired(receipt) => Reply::json(200, &KeyReceiptJson::from(receipt)),
        Answer::SigningKeys(keys) => page(keys.into_iter().map(SigningKey::from), None),
        Answer::Status(status) => Reply::json(200, &StatusJson::of(*status, usage.is_on(), now)),
        Answer::Refused(fault) => fault_problem(fault).into_reply(),
        // Only locations, `origin-test` and metrics ask for these.
        Answer::List { .. }
        | Answer::Pushed { .. }
        | Answer::Relayed { .. }
        | Answer::Replaced
        | Answer::Metrics { .. }
        | Answer::Base { .. }
        | Answer::Record { .. }
        | Answer::CurrentToken(_)
        | Answer::Reported
        | Answer::Noted
        | Answer::NotedMeters(_)
        | Answer::Authenticated => AdminProblem::of(Code::Internal).into_reply(),
    }
}

/// A page of a list whose positions are row numbers.
fn page_of<V, J: Serialize>(list: List, items: Vec<V>, view: fn(V) -> J, next: Option<i64>) -> Reply {
    page(items.into_iter().map(view), next.map(|below| cursor(list, below)))
}

fn created(token: TokenView, text: String, now: UnixMillis) -> Reply {
    let (etag, location) = (etag(&token), location(&token));
    Reply::json(201, &CreatedToken { settings: Token::of(token, now), token: text })
        .with("ETag", etag)
        .with("Location", location)
}

fn page<T: Serialize>(items: impl Iterator<Item = T>, next_cursor: Option<String>) -> Reply {
    Reply::json(200, &PageJson { items: items.collect(), next_cursor })
}

fn location(token: &TokenView) -> String {
    format!("{API_PATH}/tokens/{}", ids::token_id(token.serial))
}

fn etag(token: &TokenView) -> String {
    format!("\"{}\"", token.version)
}

/// Adds a warning that the registry cannot know of: that the admin API answers on every host.
#[must_use]
pub fn with_warnings_of_host(mut answer: Answer, is_on_every_host: bool) -> Answer {
    if let Answer::Status(status) | Answer::Metrics { status, .. } = &mut answer
        && is_on_every_host
    {
        status.warnings.push(StatusWarning::AdminApiOnEveryHost);
    }
    answer
}
