//! The Durable Object around a relay. It has no storage.
//!
//! `control::relay` decides which call is answered when, and when the registry is asked. This file only
//! transports.
//! What a mistake costs: isolates look for lists by themselves.

use super::held_calls::{HeldCalls, Waited};
use super::registry_call::call;
use super::{bindings, clock, crossing, entropy, isolate};
use crate::control::registry::Reception;
use crate::control::registry::command::{Answer, Call, Fault, Subscribe};
use crate::control::relay;
use crate::control::relay::Step;
use crate::limits::{TIMER_EARLY_MAX_MS, WAKE_BATCH_MAX};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen_futures::JsFuture;
use worker::{DurableObject, Env, Request, Response, Result, State, console_error, durable_object};

/// The class that `wrangler.toml` binds as `RELAY`.
#[durable_object]
pub struct Relay {
    object: Rc<Object>,
}

struct Object {
    state: State,
    env: Env,
    /// `None` while the configuration is wrong.
    relay: Option<RefCell<relay::Relay>>,
    held: HeldCalls,
}

impl DurableObject for Relay {
    fn new(state: State, env: Env) -> Self {
        let settings = isolate::read_config(&env).map(|config| config.relay_settings());
        let relay = settings.ok().map(|settings| RefCell::new(relay::Relay::new(settings, entropy::long())));
        Self { object: Rc::new(Object { state, env, relay, held: HeldCalls::default() }) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let body = request.text().await?;
        let answer = match serde_json::from_str::<Call>(&body) {
            Ok(Call::Subscribe(call)) => Object::subscribe(&self.object, call, &request).await,
            Ok(Call::Report { location, holding }) => {
                let answer = self.object.with(|relay| relay.report(location, holding, clock::now()));
                Object::go_on(&self.object);
                answer
            }
            Ok(_) => None,
            Err(error) => {
                console_error!("relay: the body of a call cannot be read: {error}");
                None
            }
        };
        Response::from_json(&answer.unwrap_or(Answer::Refused(Fault::Internal)))
    }
}

impl Object {
    fn with<T>(&self, body: impl FnOnce(&mut relay::Relay) -> T) -> Option<T> {
        self.relay.as_ref()?.try_borrow_mut().ok().map(|mut relay| body(&mut relay))
    }

    /// Takes a call of an isolate, and holds it as long as the relay says.
    async fn subscribe(object: &Rc<Self>, call: Subscribe, request: &Request) -> Option<Answer> {
        let mut reception = object.with(|relay| relay.subscribe(call, clock::now()))?;
        while let Reception::Waits { ticket, for_ms } = reception {
            let place = object.held.take(ticket);
            Self::go_on(object);
            let timed_ms = match place.wait(request, for_ms).await {
                Waited::Over => for_ms.saturating_sub(TIMER_EARLY_MAX_MS).max(1),
                Waited::Woken => 0,
                Waited::HungUp => {
                    object.with(|relay| relay.hung_up(ticket));
                    return None;
                }
            };
            reception = object.with(|relay| relay.resume(ticket, timed_ms, clock::now()))?;
        }
        Self::go_on(object);
        match reception {
            Reception::Answered(answer) => Some(answer),
            Reception::Waits { .. } => None,
        }
    }

    /// Wakes the calls that are due, and makes the calls to the registry that the relay wants.
    fn go_on(object: &Rc<Self>) {
        Self::wake(object);
        while let Some(step) = object.with(|relay| relay.next_step(clock::now())).flatten() {
            let taker = Rc::clone(object);
            object.state.wait_until(async move {
                match step {
                    Step::Call { id, call: to_registry, timeout_ms } => {
                        let registry = bindings::registry(&taker.env);
                        let answer = call(&registry, &to_registry, timeout_ms).await;
                        taker.with(|relay| relay.answered(id, answer, clock::now()));
                    }
                    Step::LookIn(ms) => drop(JsFuture::from(crossing::sleep(ms)).await),
                }
                Self::go_on(&taker);
            });
        }
    }

    /// Some at a time, so that other calls are served in between.
    fn wake(object: &Rc<Self>) {
        let Some(only) = object.held.waking() else { return };
        let waker = Rc::clone(object);
        object.state.wait_until(async move {
            let _only = only;
            loop {
                let now = clock::now();
                let due = waker.with(|relay| relay.due_calls(now, WAKE_BATCH_MAX, &mut entropy::number));
                let due = due.unwrap_or_default();
                if due.is_empty() {
                    return;
                }
                drop(JsFuture::from(crossing::sleep(0)).await);
                for ticket in due {
                    waker.held.wake(ticket);
                }
            }
        });
    }
}
