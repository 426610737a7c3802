//! The synchronous path: one call decides a request for which memory has everything, and returns orders that
//! `at_once.js` carries out.
//!
//! Standard: docs/performance.md, "The synchronous path".
//! Invariants: a decision has no await in it, so the time is read once. A request that would need one is left
//! to `gateway.rs`, before anything was noted for it. The one exception is the first read of a record:
//! JavaScript awaits it, and the whole decision is made again. Both paths decide by the same functions of the
//! core.
//! What it must not know: why a request is refused or admitted.
//! What a mistake costs: a request is decided by a list that may not be used any more.

use super::gateway::{self, Counter, read_facts};
use super::isolate::Isolate;
use super::lookups::BegunRead;
use super::{clock, isolate, lookups, push};
use crate::base::headers::Headers;
use crate::base::time::UnixMillis;
use crate::edge::answer::AnswerEditing;
use crate::edge::forward::Onward;
use crate::edge::orders;
use crate::edge::rate::Fact;
use crate::edge::reach::FirstRead;
use crate::edge::receive;
use crate::edge::receive::{Guarded, GuardedOutcome, Received};
use crate::edge::request_facts::RequestFacts;
use crate::formats::record;
use crate::formats::token::Serial;
use crate::formats::usage::counted::Counted;
use crate::formats::usage::outcome::Outcome;
use crate::http::problem::Code;
use js_sys::Promise;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use worker::web_sys::{Request, Response};
use worker::{Context, Env};

/// Decides a request from its facts, as `readRequest` returns them. `None`: it takes the asynchronous path.
#[wasm_bindgen(js_name = decideAtOnce)]
pub fn decide_at_once(
    text: &str,
    request: &Request,
    env: &Env,
    context: worker::worker_sys::Context,
) -> Option<String> {
    let isolate = isolate::started()?;
    let context = Context::new(context);
    let now = clock::now();
    let counter = Counter { isolate: &isolate, env, context: &context, request };
    with_facts(&isolate, text, |facts| {
        isolate.warn_of_exposure(facts.url);
        let is_head = facts.method == "HEAD";
        match receive::receive(&isolate.config.edge, facts, now) {
            Received::Reply(reply) => Some(orders::reply(&reply, is_head)),
            Received::Refused(reply, counted) => {
                counter.count(counted, now);
                Some(orders::reply(&reply, is_head))
            }
            Received::Onward(onward) => Some(forward(onward, &counter, now)),
            Received::Guarded(guarded) => {
                if !push::list_at_once(&isolate, env, &context, request, now) {
                    return None;
                }
                match decide(&isolate, facts, &guarded, now) {
                    GuardedOutcome::Onward(onward) => Some(forward(onward, &counter, now)),
                    GuardedOutcome::Reply(reply) => Some(orders::reply(&reply, is_head)),
                    GuardedOutcome::Refused(reply, counted) => {
                        counter.count(counted, now);
                        Some(orders::reply(&reply, is_head))
                    }
                    GuardedOutcome::NeedsRecord(version) => {
                        first_read(&isolate, guarded.token.claims().serial, version, now)
                    }
                    GuardedOutcome::NeedsRate(_) => None,
                }
            }
            Received::Health
            | Received::Handout(_)
            | Received::File(_)
            | Received::Admin { .. }
            | Received::Console(_)
            | Received::ConsoleElsewhere => None,
        }
    })
}

/// The order to read a record from KV, to keep it by [`hold_record`], and to decide again.
fn first_read(isolate: &Isolate, serial: Serial, version: u32, now: UnixMillis) -> Option<String> {
    let read = FirstRead::of_record(&isolate.reach.borrow(), now)?;
    Some(orders::read(&record::kv_name(serial, version), serial, version, read, now))
}

/// Keeps the record that was read for an order of [`decide_at_once`]. `false` where it may not be used.
#[wasm_bindgen(js_name = holdRecord)]
pub fn hold_record(serial: u32, version: u32, sealed: &[u8]) -> bool {
    isolate::started().is_some_and(|isolate| lookups::hold_first(&isolate, Serial(serial), version, sealed))
}

/// Serves a request on the asynchronous path whose first read from KV, of `name`, began at `began`: it gave
/// nothing that may be used, or not in time.
#[wasm_bindgen(js_name = goOn)]
pub async fn go_on(
    request: Request,
    env: Env,
    context: worker::worker_sys::Context,
    name: String,
    reading: Promise,
    began: f64,
) -> Result<Response, JsValue> {
    #[expect(clippy::cast_possible_truncation, reason = "whole milliseconds far below 2^53")]
    let began = UnixMillis(began as i64);
    let first_read = Some(BegunRead { name, reading, began });
    Ok(gateway::go_on(request, env, Context::new(context), first_read).await?)
}

/// How an answer is edited that has some of the headers that are looked at. `answer`: its status and those
/// headers, as `readResponse` returns them; `cookies`: its `Set-Cookie` values, one a line.
#[wasm_bindgen(js_name = editAnswer)]
pub fn edit_answer(
    text: &str,
    env: &Env,
    is_named: bool,
    asked: &str,
    answer: &str,
    cookies: &str,
) -> Option<String> {
    let isolate = isolate::of(env).ok()?;
    with_facts(&isolate, text, |facts| {
        let editing = AnswerEditing::again(&isolate.config.edge, facts, is_named)?;
        let (status, fields) = answer.split_once('\n')?;
        let headers = Headers::read(editing.upstream_header_names(), fields);
        Some(orders::edits(&editing, asked, status.parse().unwrap_or(0), &headers, cookies))
    })
}

/// The answer to a request whose upstream did not answer, or (`is_late`) not in time. `serial`: of its token.
#[wasm_bindgen(js_name = upstreamFailed)]
pub fn upstream_failed(
    text: &str,
    request: &Request,
    env: &Env,
    context: worker::worker_sys::Context,
    is_named: bool,
    serial: Option<u32>,
    is_late: bool,
) -> Option<String> {
    let isolate = isolate::of(env).ok()?;
    let context = Context::new(context);
    let code = if is_late { Code::UpstreamTimeout } else { Code::UpstreamUnreachable };
    if let Some(outcome) = Outcome::of_problem(code) {
        let counter = Counter { isolate: &isolate, env, context: &context, request };
        counter.count(Counted { serial: serial.map(Serial), ..Counted::of_nobody(outcome) }, clock::now());
    }
    with_facts(&isolate, text, |facts| {
        let editing = AnswerEditing::again(&isolate.config.edge, facts, is_named)?;
        Some(orders::reply(&editing.failed(code), facts.method == "HEAD"))
    })
}

/// The decision on what memory holds.
fn decide<'a>(
    isolate: &'a Isolate,
    facts: &RequestFacts<'a>,
    guarded: &Guarded<'a>,
    now: UnixMillis,
) -> GuardedOutcome<'a> {
    let record = lookups::held_record(isolate, guarded.token.claims().serial);
    let (settings, lists) = (&isolate.config.edge, &isolate.lists);
    guarded.decide(settings, facts, &lists.borrow(), &record, &Fact::NotCounted, now)
}

/// Counts the request, which is sent as soon as its orders arrive.
fn forward(mut onward: Onward<'_>, counter: &Counter<'_>, now: UnixMillis) -> String {
    let serial = onward.counted.as_ref().and_then(|counted| counted.serial);
    if let Some(counted) = onward.counted.take() {
        counter.count(counted, now);
    }
    orders::forward(&onward, serial)
}

fn with_facts<T>(isolate: &Rc<Isolate>, text: &str, then: impl FnOnce(&RequestFacts<'_>) -> T) -> T {
    let (method, url, token_headers, headers) = read_facts(text, isolate);
    let url = receive::url_as_called(&isolate.config.edge, url, &headers);
    then(&RequestFacts { method, url: &url, headers, token_headers })
}
