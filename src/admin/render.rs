//! The registry's answers as responses.
//!
//! Standards: RFC 9110 (`ETag`, `Location`), RFC 9111 (`no-store`), RFC 9457.
//! Invariants: every response is `no-store`; each fault of the registry has one problem; an answer that no operation of
//! ours asks for is `internal`, never a guess.
//! What it must not know: requests, but for how they want their answer shown.
//! What a mistake costs: a caller believes that something was withdrawn which was not.

use super::family_views::{BulkRevoked, BulkRotated, EditedFamily, Family, FamilyToken, RotatedToken};
use super::fields::code_of;
use super::ids::{self, List};
use super::notice_views::Notice;
use super::probe_view::Probe;
use super::signing_key_views::{KeyReceipt, SigningKey};
use super::status_view::Status;
use super::views::{
    AdminKey, CreatedAdminKey, CreatedToken, EditedToken, Event, Page, RevealedToken, Session, Token,
};
use super::{API_PATH, AdminProblem, Rendering, UsageSeen, metrics, usage_view};
use crate::problem::Code;
use crate::registry::command::{Answer, Fault, Standing, TokenView};
use crate::reply::Reply;
use crate::session::{self, SessionText};
use crate::time::UnixMillis;
use serde_json::{Map, Value, json};

/// The response for what the registry answered, and the usage shards where [`super::usage_calls`] asked them.
#[must_use]
pub fn render(answer: Answer, rendering: &Rendering, usage: UsageSeen, now: UnixMillis) -> Reply {
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
            match usage_view::token_usage(token.serial, *range, usage) {
                Some(usage) => Reply::json(200, &usage),
                None => Reply::problem(Code::RegistryUnavailable),
            }
        }
        (answer, Rendering::Answer) => render_answer(answer, usage, now),
        (
            _,
            Rendering::OriginTest(_) | Rendering::Configuration(_) | Rendering::Metrics | Rendering::Usage(_),
        ) => AdminProblem::of(Code::Internal).into_reply(),
    }
}

fn render_answer(answer: Answer, usage: UsageSeen, now: UnixMillis) -> Reply {
    match answer {
        Answer::Created { token, text } => {
            let (etag, location) =
                (etag(&token), format!("{API_PATH}/tokens/{}", ids::token_id(token.serial)));
            Reply::json(201, &CreatedToken { settings: Token::of(*token, now), token: text })
                .with("ETag", etag)
                .with("Location", location)
        }
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
        Answer::Tokens { items, next } => {
            let items: Vec<_> = items.into_iter().map(|view| Token::of(view, now)).collect();
            let next_cursor = next.map(|below| ids::cursor(List::Tokens, i64::from(below.0)));
            Reply::json(200, &Page { items, next_cursor })
        }
        Answer::Rotated(made) => {
            let (etag, location) =
                (etag(&made.token), format!("{API_PATH}/tokens/{}", ids::token_id(made.token.serial)));
            Reply::json(201, &RotatedToken::of(*made, now)).with("ETag", etag).with("Location", location)
        }
        Answer::Family(view) => Reply::json(200, &Family::of(*view, usage, now)),
        Answer::FamilyToken { token, text } => Reply::json(200, &FamilyToken::of(*token, text, now)),
        Answer::FamilyEdited(edited) => Reply::json(200, &EditedFamily::of(edited, now)),
        Answer::RevokedInBulk(step) => Reply::json(200, &BulkRevoked::from(step)),
        Answer::RotatedInBulk(step) => Reply::json(200, &BulkRotated::of(step, now)),
        Answer::Receipt(receipt) => Reply::json(200, &super::views::Receipt::from(receipt)),
        Answer::AdminKeyCreated { key, text } => {
            let location = format!("{API_PATH}/admin-keys/{}", ids::admin_key_id(key.id));
            Reply::json(201, &CreatedAdminKey { settings: key.into(), key: text }).with("Location", location)
        }
        Answer::AdminKeys(keys) => {
            let items: Vec<_> = keys.into_iter().map(AdminKey::from).collect();
            Reply::json(200, &Page { items, next_cursor: None })
        }
        Answer::AdminKeyDeleted => Reply::empty(204),
        Answer::SessionOpened { session, text } => Reply::json(201, &Session::from(session))
            .with("Set-Cookie", SessionText::of_registry(text).set_cookie()),
        Answer::Session(session) => Reply::json(200, &Session::from(session)),
        Answer::SessionClosed => Reply::empty(204).with("Set-Cookie", session::forget_cookie()),
        Answer::Events { items, next } => {
            let items: Vec<_> = items.into_iter().map(Event::from).collect();
            Reply::json(200, &Page { items, next_cursor: next.map(|below| ids::cursor(List::Events, below)) })
        }
        Answer::Notices { items, next } => {
            let items: Vec<_> = items.into_iter().map(Notice::from).collect();
            Reply::json(
                200,
                &Page { items, next_cursor: next.map(|below| ids::cursor(List::Notices, below)) },
            )
        }
        Answer::Probe { probe, begun } => Reply::json(if begun { 202 } else { 200 }, &Probe::of(*probe, now)),
        Answer::SigningKey(key) => Reply::json(200, &SigningKey::from(key)),
        Answer::SigningKeyRetired(receipt) => Reply::json(200, &KeyReceipt::from(receipt)),
        Answer::SigningKeys(keys) => {
            let items: Vec<_> = keys.into_iter().map(SigningKey::from).collect();
            Reply::json(200, &Page { items, next_cursor: None })
        }
        Answer::Status(status) => Reply::json(200, &Status::of(*status, usage.is_on(), now)),
        Answer::Refused(fault) => fault_problem(fault).into_reply(),
        // Asked for by locations, or by `origin-test` and metrics alone.
        Answer::List { .. }
        | Answer::Metrics { .. }
        | Answer::Base { .. }
        | Answer::Record { .. }
        | Answer::CurrentToken(_)
        | Answer::Reported
        | Answer::Noted
        | Answer::Authenticated => AdminProblem::of(Code::Internal).into_reply(),
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
        Fault::KeyInUse { live_tokens } => AdminProblem {
            members: Map::from_iter([("live_tokens".to_owned(), live_tokens.into())]),
            ..AdminProblem::of(Code::Conflict)
        },
        Fault::SuccessorUnused { waiting, predecessor } => AdminProblem {
            members: Map::from_iter([
                ("waiting".to_owned(), shown(waiting)),
                ("predecessor".to_owned(), shown(predecessor)),
            ]),
            ..AdminProblem::of(Code::SuccessorUnused)
        },
        Fault::MaxActiveTokens { active } => AdminProblem {
            members: Map::from_iter([("active".to_owned(), active.into_iter().map(shown).collect())]),
            ..AdminProblem::of(Code::MaxActiveTokens)
        },
        Fault::RotateInstead { ended, instead } => AdminProblem {
            members: Map::from_iter([("rotate_instead".to_owned(), instead.map(ids::token_id).into())]),
            ..AdminProblem::of(if ended { Code::TokenEnded } else { Code::Conflict })
        },
        Fault::UnexpectedCount { matched } => AdminProblem {
            members: Map::from_iter([("matched".to_owned(), matched.into())]),
            ..AdminProblem::of(Code::Conflict)
        },
        Fault::KeyMissing { missing_at } => AdminProblem {
            members: Map::from_iter([("missing_at".to_owned(), missing_at.into())]),
            ..AdminProblem::of(Code::Conflict)
        },
        Fault::Fields(faults) => AdminProblem::fields(code_of(&faults), faults),
        Fault::Internal => AdminProblem::of(Code::Internal),
        Fault::Restoring => AdminProblem::of(Code::RegistryUnavailable),
    }
}

/// A token and its last use, in a problem.
fn shown(standing: Standing) -> Value {
    let last_used_at = standing.last_used_at.map(UnixMillis::to_rfc3339);
    json!({ "id": ids::token_id(standing.serial), "last_used_at": last_used_at })
}

fn etag(token: &TokenView) -> String {
    format!("\"{}\"", token.version)
}
