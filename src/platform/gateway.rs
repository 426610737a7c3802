//! The data plane's shell: reads a request's facts, fetches what the core says is needed, does what it decided.
//!
//! Invariants: `now` is read after the last await before a decision; the request sent upstream is made in the same
//! turn; bodies are never read here, they stream.
//! What it must not know: why anything is refused or admitted.
//! What a mistake costs: an await slipped between decision and forward admits on a status that has changed.

use super::isolate::{self, Isolate};
use super::{clock, control, crossing, rates, sources, usage};
use crate::cors::HeaderEdits;
use crate::gateway::{
    self, FamilyFact, Guarded, Handout, HandoutOutcome, OWN_HEADER_PREFIX, Onward, Outcome, Received,
    RequestFacts,
};
use crate::headers::Headers;
use crate::health;
use crate::problem::Code;
use crate::rate::Fact;
use crate::reply::Reply;
use crate::usage::{Counted, Outcome as CountedOutcome};
use std::rc::Rc;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::{Request, Response};
use worker::{Context, Env, Result, console_warn};

/// How often a decision may ask for a later record before the list is taken to outrun every source.
const RECORD_READS_MAX: usize = 3;
/// How often it may ask for anything: for records, and for a count, once more if an edit gave the token another class.
const QUESTIONS_MAX: usize = RECORD_READS_MAX + 2;
/// Times that a family's token is asked for: near by, then of the registry.
const FAMILY_READS_MAX: usize = 2;
/// Read where files are asked for alone: every other request would pay for it.
const IF_NONE_MATCH: &str = "if-none-match";

/// Serves one request.
pub async fn serve(request: Request, env: Env, context: Context) -> Result<Response> {
    // The message is in the log already; the caller is a stranger.
    let Ok(isolate) = isolate::of(&env) else {
        return respond(&Reply::problem(Code::Internal), false);
    };
    let text = crossing::read_request(&request, &isolate.header_names)?;
    let facts = read_facts(&text, &isolate);
    let is_head = facts.method == "HEAD";
    let count = |counted| usage::count(&isolate, &env, &context, &request, counted);
    let reply = match gateway::receive(&isolate.config, &facts, clock::now()) {
        Received::Reply(reply) => reply,
        Received::Refused(reply, counted) => {
            count(counted);
            reply
        }
        Received::Onward(onward) => return forward(&request, onward, &facts, &count).await,
        Received::Guarded(guarded) => {
            match guard(&isolate, &env, &context, &request, &facts, &guarded).await {
                Outcome::Onward(onward) => return forward(&request, onward, &facts, &count).await,
                Outcome::Reply(reply) => reply,
                Outcome::Refused(reply, counted) => {
                    count(counted);
                    reply
                }
                Outcome::NeedsRecord(_) | Outcome::NeedsRate(_) => {
                    return respond(&Reply::problem(Code::Internal), is_head);
                }
            }
        }
        Received::Health => {
            sources::list(&isolate, &env, &context, &request).await;
            health::reply(
                &isolate.config,
                &isolate.lists.borrow(),
                isolate.records_refused.get(),
                clock::now(),
            )
        }
        Received::Handout(handout) => hand_out(&isolate, &env, &context, &request, &facts, &handout).await,
        Received::File(file) => {
            let text = crossing::read_request(&request, IF_NONE_MATCH)?;
            let fields = text.splitn(3, '\n').nth(2).unwrap_or_default();
            file.reply(Headers::read(IF_NONE_MATCH, fields).get(IF_NONE_MATCH))
        }
        Received::Admin { path, query, own_origin } => {
            control::serve(&request, &isolate, &env, facts.method, path, query, own_origin).await
        }
    };
    respond(&reply, is_head)
}

/// Awaits list and record, then decides; anew while the decision asks for a later record, or for a count.
async fn guard<'a>(
    isolate: &'a Rc<Isolate>,
    env: &Env,
    context: &Context,
    request: &Request,
    facts: &RequestFacts<'a>,
    guarded: &Guarded<'a>,
) -> Outcome<'a> {
    let serial = guarded.token.claims().serial;
    sources::list(isolate, env, context, request).await;
    let mut record = sources::held_record(isolate, serial);
    let mut rate = Fact::NotCounted;
    for _ in 0..=QUESTIONS_MAX {
        let (config, now) = (&isolate.config, clock::now());
        // By itself: a borrow in the head of `match` would last through the awaits below.
        let outcome = guarded.decide(config, facts, &isolate.lists.borrow(), &record, &rate, now);
        match outcome {
            Outcome::NeedsRecord(version) => record = sources::record(isolate, env, serial, version).await,
            Outcome::NeedsRate(question) => rate = rates::count(isolate, env, question).await,
            outcome => return outcome,
        }
        // The list may have run out meanwhile.
        sources::list(isolate, env, context, request).await;
    }
    guarded.undecided(facts)
}

/// Gives the token of a family to a page: what is named near by, else what the registry names.
async fn hand_out(
    isolate: &Rc<Isolate>,
    env: &Env,
    context: &Context,
    request: &Request,
    facts: &RequestFacts<'_>,
    handout: &Handout<'_>,
) -> Reply {
    let mut outdated = None;
    for _ in 0..FAMILY_READS_MAX {
        let named = match sources::family(isolate, env, &handout.family, outdated).await {
            FamilyFact::Names(named) => named,
            FamilyFact::NamesNone => return Handout::nothing(facts),
            FamilyFact::Unavailable => return Handout::undecided(facts),
        };
        let mut record = sources::held_record(isolate, named.serial);
        for _ in 0..=RECORD_READS_MAX {
            sources::list(isolate, env, context, request).await;
            let (lists, now) = (&isolate.lists, clock::now());
            let outcome = handout.decide(&isolate.config, facts, &lists.borrow(), named, &record, now);
            match outcome {
                HandoutOutcome::Reply(reply) => return reply,
                HandoutOutcome::NeedsRecord(version) => {
                    record = sources::record(isolate, env, named.serial, version).await;
                }
                HandoutOutcome::Outdated => break,
            }
        }
        outdated = Some(named);
    }
    Handout::undecided(facts)
}

/// Sends the request on, in this turn, and edits the answer's headers.
async fn forward(
    request: &Request,
    mut onward: Onward<'_>,
    facts: &RequestFacts<'_>,
    count: &impl Fn(Counted),
) -> Result<Response> {
    let sent = crossing::forward(
        request,
        &onward.url,
        OWN_HEADER_PREFIX,
        &onward.remove.join("\n"),
        &lines(onward.set.iter().map(|(name, value)| (*name, value.as_str()))),
        onward.timeout_ms,
    );
    // It is on its way: counting delays nothing now.
    let serial = onward.counted.as_ref().and_then(|counted| counted.serial);
    if let Some(counted) = onward.counted.take() {
        count(counted);
    }
    let failed = |code| {
        if let Some(outcome) = CountedOutcome::of_problem(code) {
            count(Counted { serial, ..Counted::of_nobody(outcome) });
        }
        respond(&onward.failed(code, facts), facts.method == "HEAD")
    };
    let answer = match JsFuture::from(sent).await {
        Ok(answer) => answer,
        Err(error) => {
            console_warn!("the upstream cannot be reached: {error:?}");
            return failed(Code::UpstreamUnreachable);
        }
    };
    let Ok(answer) = answer.dyn_into::<Response>() else { return failed(Code::UpstreamTimeout) };
    // What the platform will not take as an answer (a status of 600, say) is no answer.
    match edited(&answer, &onward) {
        Ok(response) => Ok(response),
        Err(error) => {
            console_warn!("the upstream's answer cannot be passed on: {error:?}");
            failed(Code::UpstreamUnreachable)
        }
    }
}

fn edited(answer: &Response, onward: &Onward<'_>) -> std::result::Result<Response, JsValue> {
    let names = Onward::UPSTREAM_HEADER_NAMES;
    let text = crossing::read_response(answer, names)?;
    let fields = text.split_once('\n').map_or("", |(_status, fields)| fields);
    let HeaderEdits { set, remove } = onward.edits(&Headers::read(names, fields));
    let set = lines(set.iter().map(|(name, value)| (*name, value.as_ref())));
    crossing::decorate(answer, &remove.join("\n"), &set)
}

/// An answer of our own as the platform's; HEAD gets no body.
fn respond(reply: &Reply, is_head: bool) -> Result<Response> {
    let set = lines(reply.headers.iter().map(|(name, value)| (*name, value.as_str())));
    let body = reply.body.as_deref().filter(|_| !is_head);
    Ok(crossing::reply(reply.status, &set, body)?)
}

fn read_facts<'a>(text: &'a str, isolate: &'a Isolate) -> RequestFacts<'a> {
    let (method, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (url, fields) = rest.split_once('\n').unwrap_or((rest, ""));
    RequestFacts { method, url, headers: Headers::read(&isolate.header_names, fields) }
}

/// Name, value, name, value … a line each. A value with a line feed cannot be a field and is left out.
fn lines<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in fields.filter(|(_, value)| !value.contains(['\n', '\r'])) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(name);
        text.push('\n');
        text.push_str(value);
    }
    text
}
