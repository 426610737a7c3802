//! The data plane on Workers: reads a request's facts, fetches what the core asks for, and carries out its
//! decision.
//!
//! Invariants: `now` is read after the last await before a decision. The upstream request is started without
//! an await after that decision. Bodies are never read here; they stream.
//! What it must not know: why a request is refused or admitted.
//! What a mistake costs: an await between decision and forwarding admits a request although the token's
//! status has changed.

use super::isolate::{self, Isolate};
use super::lookups::{self, Asker, BegunRead};
use super::{bindings, clock, control, crossing, push, rates, registry_call, sources, usage};
use crate::base::headers::Headers;
use crate::base::time::UnixMillis;
use crate::control::console;
use crate::control::registry::command::Call;
use crate::edge::forward::Onward;
use crate::edge::handout::{FamilyFact, Handout, HandoutOutcome};
use crate::edge::health;
use crate::edge::orders::field_lines;
use crate::edge::rate::Fact;
use crate::edge::receive as gateway;
use crate::edge::receive::{Guarded, GuardedOutcome, Received};
use crate::edge::request_facts::RequestFacts;
use crate::formats::session;
use crate::formats::token::Serial;
use crate::formats::usage::counted::Counted;
use crate::formats::usage::outcome::Outcome;
use crate::http::cors::HeaderEdits;
use crate::http::problem::Code;
use crate::http::reply::Reply;
use crate::limits::{PAGE_FETCHES_GATHER_MS, USAGE_SEND_TIMEOUT_MS};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use worker::web_sys::{Request, Response};
use worker::{Context, Env, Result, console_warn};

/// Most reads of a record for one decision. After that, the list is ahead of every source of records.
const RECORD_READS_MAX: usize = 3;
/// Most questions for one decision: 3 for records, and 2 for a count, since an edit may give the token
/// another class in between.
const QUESTIONS_MAX: usize = RECORD_READS_MAX + 2;
/// Most reads of a family's token: first from a close source, then from the registry.
const FAMILY_READS_MAX: usize = 2;
/// Read only for requests for files, so that other requests do not pay for it.
const IF_NONE_MATCH: &str = "if-none-match";

/// Counts the requests of whoever holds it.
pub(super) struct Counter<'a> {
    pub isolate: &'a Rc<Isolate>,
    pub env: &'a Env,
    pub context: &'a Context,
    pub request: &'a Request,
}

impl Counter<'_> {
    /// Counts one request at `now`, and sends what is due in the background.
    pub(super) fn count(&self, counted: Counted, now: UnixMillis) {
        usage::count(self.isolate, self.env, self.context, self.request, counted, now);
    }
}

/// Serves one request of the data plane, whatever must be awaited for it. `at_once.rs` serves those for which
/// nothing must.
pub(super) async fn serve(request: Request, env: Env, context: Context) -> Result<Response> {
    go_on(request, env, context, None).await
}

/// The same for a request that began earlier, on the synchronous path, with a read from KV.
pub(super) async fn go_on(
    request: Request,
    env: Env,
    context: Context,
    first_read: Option<BegunRead>,
) -> Result<Response> {
    // The message is in the log already. The caller is not told, since anybody may call.
    let Ok(isolate) = isolate::of(&env) else {
        return respond(&Reply::problem(Code::Internal), false);
    };
    let text = crossing::read_request(&request)?;
    let (method, url, token_headers, headers) = read_facts(&text, &isolate);
    let url = gateway::url_as_called(&isolate.config.edge, url, &headers);
    let facts = RequestFacts { method, url: &url, headers, token_headers };
    isolate.warn_of_exposure(facts.url);
    let is_head = facts.method == "HEAD";
    let counter = Counter { isolate: &isolate, env: &env, context: &context, request: &request };
    let now = clock::now();
    let asker = Asker {
        isolate: &isolate,
        env: &env,
        context: &context,
        began: first_read.as_ref().map_or(now, |read| read.began),
        first_read: RefCell::new(first_read),
    };
    let reply = match gateway::receive(&isolate.config.edge, &facts, now) {
        Received::Reply(reply) => reply,
        Received::Refused(reply, counted) => {
            counter.count(counted, clock::now());
            reply
        }
        Received::Onward(onward) => return forward(onward, is_head, &counter).await,
        Received::Guarded(guarded) => match guard(&asker, &request, &facts, &guarded).await {
            GuardedOutcome::Onward(onward) => {
                return forward(onward, is_head, &counter).await;
            }
            GuardedOutcome::Reply(reply) => reply,
            GuardedOutcome::Refused(reply, counted) => {
                counter.count(counted, clock::now());
                reply
            }
            GuardedOutcome::NeedsRecord(_) | GuardedOutcome::NeedsRate(_) => {
                return respond(&Reply::problem(Code::Internal), is_head);
            }
        },
        Received::Health => {
            sources::list_for_health(&isolate, &env).await;
            health::reply(
                &isolate.config.edge,
                &isolate.lists.borrow(),
                isolate.records_refused.get(),
                clock::now(),
            )
        }
        Received::Handout(handout) => hand_out(&asker, &request, &facts, &handout).await,
        Received::File(file) => {
            let fields = crossing::read_headers(&request, IF_NONE_MATCH)?;
            file.reply(Headers::read(IF_NONE_MATCH, &fields).get(IF_NONE_MATCH))
        }
        Received::Admin { path, query, own_origin } => {
            control::serve(&request, &isolate, &env, facts.method, path, query, own_origin).await
        }
        Received::Console(path) => console::reply(facts.method, path),
        Received::ConsoleElsewhere => console::nowhere(),
    };
    respond(&reply, is_head)
}

/// Awaits list and record, then decides. Decides again as long as the decision needs a later record or a
/// count.
async fn guard<'a>(
    asker: &Asker<'a>,
    request: &Request,
    facts: &RequestFacts<'a>,
    guarded: &Guarded<'a>,
) -> GuardedOutcome<'a> {
    let serial = guarded.token.claims().serial;
    let &Asker { isolate, env, context, .. } = asker;
    push::list(isolate, env, context, request).await;
    let mut record = lookups::held_record(isolate, serial);
    let mut rate = Fact::NotCounted;
    for _ in 0..=QUESTIONS_MAX {
        let (settings, now) = (&isolate.config.edge, clock::now());
        // A separate statement: a borrow in the head of `match` would last through the awaits below.
        let outcome = guarded.decide(settings, facts, &isolate.lists.borrow(), &record, &rate, now);
        match outcome {
            GuardedOutcome::NeedsRecord(version) => {
                record = lookups::record(asker, serial, version).await;
            }
            GuardedOutcome::NeedsRate(question) => rate = rates::count(isolate, env, question).await,
            outcome => return outcome,
        }
        // The list may have expired in the meantime.
        sources::list(isolate, env, context, request).await;
    }
    guarded.undecided(facts)
}

/// Gives a page the token of a family: the one that a close source names, or else the registry's.
async fn hand_out(
    asker: &Asker<'_>,
    request: &Request,
    facts: &RequestFacts<'_>,
    handout: &Handout<'_>,
) -> Reply {
    let &Asker { isolate, env, context, .. } = asker;
    let mut outdated = None;
    for _ in 0..FAMILY_READS_MAX {
        let named = match lookups::family(asker, &handout.family, outdated).await {
            FamilyFact::Names(named) => named,
            FamilyFact::NamesNone => return Handout::nothing(facts),
            FamilyFact::Unavailable => return Handout::undecided(facts),
        };
        let mut record = lookups::held_record(isolate, named.serial);
        for _ in 0..=RECORD_READS_MAX {
            push::list(isolate, env, context, request).await;
            let (lists, now) = (&isolate.lists, clock::now());
            let outcome = handout.decide(&isolate.config.edge, facts, &lists.borrow(), named, &record, now);
            match outcome {
                HandoutOutcome::Given(reply) => {
                    note_fetch(asker, handout, named.serial, now);
                    return reply;
                }
                HandoutOutcome::Reply(reply) => return reply,
                HandoutOutcome::NeedsRecord(version) => {
                    record = lookups::record(asker, named.serial, version).await;
                }
                HandoutOutcome::Outdated => break,
            }
        }
        outdated = Some(named);
    }
    Handout::undecided(facts)
}

/// Notes that a page fetched a token, and tells the registry in the background.
fn note_fetch(asker: &Asker<'_>, handout: &Handout<'_>, serial: Serial, now: UnixMillis) {
    let Some(fetch) = handout.fetch(serial, now) else { return };
    if !asker.isolate.fetches.borrow_mut().note(fetch, now) {
        return;
    }
    let (isolate, registry) = (Rc::clone(asker.isolate), bindings::registry(asker.env));
    asker.context.wait_until(async move {
        drop(JsFuture::from(crossing::sleep(PAGE_FETCHES_GATHER_MS)).await);
        let fetches = isolate.fetches.borrow_mut().take();
        let told = Call::PageFetches { fetches };
        drop(registry_call::call(&registry, &told, USAGE_SEND_TIMEOUT_MS).await);
    });
}

/// Sends the request upstream without an await before it, and edits the answer's headers.
async fn forward(mut onward: Onward<'_>, is_head: bool, counter: &Counter<'_>) -> Result<Response> {
    let sent = crossing::forward(
        counter.request,
        &onward.url,
        onward.forwarded_headers.as_str(),
        &onward.remove.join("\n"),
        &field_lines(onward.set.iter().map(|(name, value)| (*name, value.as_ref()))),
        onward.timeout_ms,
    );
    // The request has been sent, so counting it now delays nothing.
    let serial = onward.counted.as_ref().and_then(|counted| counted.serial);
    if let Some(counted) = onward.counted.take() {
        counter.count(counted, clock::now());
    }
    let failed = |code| {
        if let Some(outcome) = Outcome::of_problem(code) {
            counter.count(Counted { serial, ..Counted::of_nobody(outcome) }, clock::now());
        }
        respond(&onward.answer.failed(code), is_head)
    };
    let answer = match JsFuture::from(sent).await {
        Ok(answer) => answer,
        Err(error) => {
            console_warn!("the upstream cannot be reached: {error:?}");
            return failed(Code::UpstreamUnreachable);
        }
    };
    let Ok(answer) = answer.dyn_into::<Response>() else { return failed(Code::UpstreamTimeout) };
    // If the platform refuses the answer (a status of 600, for example), it counts as no answer.
    match edited(&answer, &onward) {
        Ok(response) => Ok(response),
        Err(error) => {
            console_warn!("the upstream's answer cannot be passed on: {error:?}");
            failed(Code::UpstreamUnreachable)
        }
    }
}

fn edited(answer: &Response, onward: &Onward<'_>) -> std::result::Result<Response, JsValue> {
    let names = onward.answer.upstream_header_names();
    let text = crossing::read_response(answer, names)?;
    let (status, fields) = text.split_once('\n').unwrap_or((&text, ""));
    let headers = Headers::read(names, fields);
    let HeaderEdits { set, remove, cuts_session_cookie } =
        onward.answer.edits(&onward.url, status.parse().unwrap_or(0), &headers);
    let set = set.iter().map(|(name, value)| (*name, value.as_ref())).chain(onward.answer.notices());
    let set = field_lines(set);
    let cookies = match cuts_session_cookie {
        true => Some(session::without_set_session(&crossing::set_cookies(answer)?)),
        false => None,
    };
    crossing::decorate(answer, &remove.join("\n"), &set, cookies.as_deref())
}

/// Converts an answer for the platform. An answer to HEAD has no body.
fn respond(reply: &Reply, is_head: bool) -> Result<Response> {
    let set = field_lines(reply.headers.iter().map(|(name, value)| (*name, value.as_str())));
    let body = reply.body.as_deref().filter(|_| !is_head);
    Ok(crossing::reply(reply.status, &set, body)?)
}

/// Splits the text of one call into method, URL, names of the other headers that hold a token, and the
/// headers read.
pub(super) fn read_facts<'a>(
    text: &'a str,
    isolate: &'a Isolate,
) -> (&'a str, &'a str, &'a str, Headers<'a>) {
    let (method, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (url, rest) = rest.split_once('\n').unwrap_or((rest, ""));
    let (token_headers, fields) = rest.split_once('\n').unwrap_or((rest, ""));
    (method, url, token_headers, Headers::read(&isolate.header_names, fields))
}
