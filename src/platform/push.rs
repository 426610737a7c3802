//! The line to the registry, or to a relay: calls that wait there for a change, in the background of some
//! request.
//!
//! `freshness::Subscription` decides when a call is made, how long it waits, and which requests wait. This
//! file only transports. A list that arrives is taken like any list from the registry.
//! Invariants: no request waits for a call, except the first ones of a silent isolate, and those look at
//! memory. Every call ends within the time that the platform gives to background work.
//! What a mistake costs: a change arrives as late as it would without a line.

use super::isolate::Isolate;
use super::registry_call::{call, call_relay};
use super::sources::{self, Bindings};
use super::{clock, crossing, entropy};
use crate::base::time::UnixMillis;
use crate::control::registry::command::{Answer, Call, Subscribe};
use crate::edge::freshness::{Fetched, Heard, Keep, LineId, NextCall, Place, PushTerms, RelayName, Way};
use crate::edge::reach::State;
use crate::formats::holding::Holding;
use crate::formats::list::{ListFault, OpenedDelta};
use crate::limits::LIST_WAIT_POLL_MS;
use base64::prelude::*;
use std::rc::Rc;
use wasm_bindgen_futures::JsFuture;
use worker::web_sys::Request;
use worker::{Context, Env};

/// Makes memory hold the newest list that is available in time, and keeps a line to the registry open.
pub(super) async fn list(isolate: &Rc<Isolate>, env: &Env, context: &Context, request: &Request) {
    let now = sources::list(isolate, env, context, request).await;
    if keep_up(isolate, env, context, request, now).await {
        // The list may have run out meanwhile.
        sources::list(isolate, env, context, request).await;
    }
}

/// What [`list`] does where no request waits. `false`, and nothing is done, where one must.
pub(super) fn list_at_once(
    isolate: &Rc<Isolate>,
    env: &Env,
    context: &Context,
    request: &Request,
    now: UnixMillis,
) -> bool {
    let Some(age_ms) = isolate.lists.borrow().usable_age_ms(&isolate.config.edge.terms, now) else {
        return false;
    };
    let rests = isolate.reach.borrow().registry.state(now) == State::Rests;
    let push = isolate.config.edge.push.filter(|_| !rests);
    if push.is_some_and(|push| isolate.subscription.borrow().makes_wait(&push, Some(age_ms), now)) {
        return false;
    }
    sources::refresh_if_due(isolate, env, context, request, now);
    if let Some(push) = push
        && let Keep::Open(line) = isolate.subscription.borrow_mut().keep(&push, Some(age_ms), now)
    {
        open(isolate, env, context, request, push, line);
    }
    true
}

/// Keeps a line to the registry open, and lets the first requests of a silent isolate wait for one read.
/// Returns whether it waited.
async fn keep_up(
    isolate: &Rc<Isolate>,
    env: &Env,
    context: &Context,
    request: &Request,
    mut now: UnixMillis,
) -> bool {
    let Some(push) = isolate.config.edge.push else { return false };
    let mut waited = false;
    loop {
        if isolate.reach.borrow().registry.state(now) == State::Rests {
            return waited;
        }
        let age_ms = isolate.lists.borrow().usable_age_ms(&isolate.config.edge.terms, now);
        let keep = isolate.subscription.borrow_mut().keep(&push, age_ms, now);
        match keep {
            Keep::Nothing => return waited,
            Keep::Open(line) => {
                open(isolate, env, context, request, push, line);
                return waited;
            }
            Keep::OpenAndWait(line) => open(isolate, env, context, request, push, line),
            // Another request's promise must not be awaited here, so poll memory for its effect.
            Keep::Wait => {
                waited = true;
                drop(JsFuture::from(crossing::sleep(LIST_WAIT_POLL_MS)).await);
                now = clock::now();
            }
        }
    }
}

fn open(
    isolate: &Rc<Isolate>,
    env: &Env,
    context: &Context,
    request: &Request,
    push: PushTerms,
    line: LineId,
) {
    choose_relay(isolate, push, request);
    let (isolate, bindings) = (Rc::clone(isolate), Bindings::of(env));
    let location = sources::location(&isolate, request);
    context.wait_until(async move { hold(&isolate, &bindings, &location, push, line).await });
}

/// Makes one call after the other until the line's time is over. Then reports a change that the last call
/// brought: no other request may come.
async fn hold(isolate: &Isolate, bindings: &Bindings, location: &str, push: PushTerms, line: LineId) {
    if make_calls(isolate, bindings, location, push, line).await == Heard::Failed {
        return;
    }
    let now = clock::now();
    let holding = isolate.lists.borrow().last_report(isolate.config.edge.ring.ids(), now);
    let Some(mut holding) = holding else { return };
    holding.addresses = isolate.addresses.get().show();
    isolate.lists.borrow_mut().reported(now);
    let report = Call::Report { location: location.to_owned(), holding };
    // The background work of the request may end before the answer. The next report replaces a lost one.
    if sources::send(isolate, bindings, &report, now).await != Some(Answer::Reported) {
        isolate.lists.borrow_mut().report_lost();
    }
}

/// Makes one call after the other until the line's time is over. Returns what became of the last one.
async fn make_calls(
    isolate: &Isolate,
    bindings: &Bindings,
    location: &str,
    push: PushTerms,
    line: LineId,
) -> Heard {
    let mut last = Heard::List;
    loop {
        let asked_at = clock::now();
        let clock_is_off = isolate.lists.borrow().clock_is_off();
        let way = isolate.subscription.borrow_mut().way(&push, clock_is_off, asked_at);
        if way != Way::Relay && isolate.reach.borrow().registry.state(asked_at) != State::Free {
            isolate.subscription.borrow_mut().ask_at_once(line);
        }
        let next = isolate.subscription.borrow_mut().next_call(line, &push, asked_at);
        let Some(next) = next else { return last };
        if way != Way::Relay {
            isolate.reach.borrow_mut().registry.may_ask(asked_at);
        }
        let answer = ask(isolate, bindings, location, next, way, asked_at).await;
        if way != Way::Relay {
            let (now, random) = (clock::now(), entropy::number());
            isolate.reach.borrow_mut().registry.held_call_ended(answer.is_some(), asked_at, now, random);
        }
        let heard = match answer {
            Some(Answer::Pushed { sealed, now, held_ms, again_in_ms }) => {
                let (bytes, read) = open_list(isolate, &sealed);
                let pushed = Fetched::Pushed { read, registry_now: now, asked_at, held_ms };
                sources::take_pushed(isolate, bindings, pushed, bytes).await;
                again_in_ms.map_or(Heard::List, |in_ms| Heard::ComeAgain { in_ms })
            }
            Some(Answer::Relayed { sealed, again_in_ms }) => {
                let (bytes, read) = open_list(isolate, &sealed);
                sources::take_pushed(isolate, bindings, Fetched::Copy(read), bytes).await;
                again_in_ms.map_or(Heard::List, |in_ms| Heard::ComeAgain { in_ms })
            }
            Some(Answer::Replaced) => Heard::Replaced,
            answer => {
                let mut lists = isolate.lists.borrow_mut();
                lists.report_lost();
                lists.push_failed(&isolate.config.edge.terms, clock::now(), entropy::number());
                if answer.is_none() && way == Way::Relay { Heard::NoRelay } else { Heard::Failed }
            }
        };
        isolate.subscription.borrow_mut().heard(line, heard, clock::now(), entropy::number());
        last = heard;
    }
}

/// Makes one call, to the relay or to the registry.
async fn ask(
    isolate: &Isolate,
    bindings: &Bindings,
    location: &str,
    next: NextCall,
    way: Way,
    asked_at: UnixMillis,
) -> Option<Answer> {
    let is_report = way != Way::Compare;
    let holding = isolate.lists.borrow().holding(isolate.config.edge.ring.ids(), asked_at);
    let addresses = isolate.addresses.get().show();
    let holding = holding.filter(|_| is_report).map(|holding| Holding { addresses, ..holding });
    if is_report {
        isolate.lists.borrow_mut().reported(asked_at);
    }
    let subscribe = Call::Subscribe(Subscribe {
        location: location.to_owned(),
        isolate: isolate.number,
        bound_seconds: isolate.config.edge.terms.bound_seconds,
        wait_ms: if is_report { next.wait_ms } else { 0 },
        holding,
    });
    match isolate.relay.get().filter(|_| way == Way::Relay) {
        Some(relay) => call_relay(&bindings.relays, relay, &subscribe, next.timeout_ms).await,
        None => call(&bindings.registry, &subscribe, next.timeout_ms).await,
    }
}

/// The bytes of a list, and the list.
fn open_list(isolate: &Isolate, sealed: &str) -> (Option<Vec<u8>>, Result<OpenedDelta, ListFault>) {
    let bytes = BASE64_STANDARD.decode(sealed).ok();
    let read = bytes.as_deref().map(|bytes| sources::open_delta(isolate, bytes));
    (bytes, read.unwrap_or(Err(ListFault::Misshapen)))
}

/// Chooses the relay of this isolate, where there are relays.
fn choose_relay(isolate: &Isolate, push: PushTerms, request: &Request) {
    if push.relays == 0 || isolate.relay.get().is_some() {
        return;
    }
    let text = crossing::place_of(request).unwrap_or_default();
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (continent, country, longitude) = (line(), line(), line().parse().ok());
    let place = Place { continent, country, longitude };
    isolate.relay.get_or_init(|| RelayName::choose(&place, isolate.number, push.relays));
}
