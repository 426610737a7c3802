//! The Durable Object around the registry: one instance, the single writer.
//!
//! 1. A call is atomic: there is no await between reading the request's body and setting the alarm. So clock,
//!    state and the next list number are taken in one synchronous block, and the platform commits all its
//!    writes together.
//! 2. An acknowledgement can be trusted: the platform's output gate holds the answer until these writes are
//!    durable. A superseded instance cannot make them durable, so its answer never leaves.
//! 3. KV receives every record: a pending write to KV is a row of the same transaction, and its alarm is set
//!    in the same turn. After each run the alarm is set again. All waits in it have a time limit, and the
//!    platform repeats an alarm that was interrupted.
//! 4. A webhook delays nothing: it is recorded in storage, sent besides the alarm, and its outcome recorded
//!    afterwards.
//!
//! What a mistake costs: an acknowledged write is lost, or no location receives a revocation.

use super::alarm::Alarm;
use super::held_calls::{HeldCalls, Waited};
use super::sql::ObjectDatabase;
use super::{bindings, clock, crossing, entropy, isolate, usage};
use crate::control::registry;
use crate::control::registry::command::{Answer, Call, Fault};
use crate::control::registry::{KvLists, KvWrite, Post, Reception};
use crate::control::webhook::{Answered, WebhookRequest};
use crate::formats::list;
use crate::formats::usage::reading::{ShardAnswer, ShardCall};
use crate::limits::{
    KV_READ_TIMEOUT_MS, KV_WRITE_TIMEOUT_MS, LIST_KV_CACHE_TTL_SECONDS, OUTBOX_BACKOFF_MIN_MS,
    OUTBOX_BATCH_MAX, TIMER_EARLY_MAX_MS, USAGE_FRESH_TIMEOUT_MS, WAKE_BATCH_MAX, WEBHOOK_ANSWER_MAX_BYTES,
    WEBHOOK_TIMEOUT_MS,
};
use js_sys::{Promise, Uint8Array};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use worker::{DurableObject, Env, Request, Response, Result, State, console_error, durable_object};

/// The class that `wrangler.toml` binds as `REGISTRY`.
#[durable_object(alarm)]
pub struct Registry {
    object: Rc<Object>,
}

/// The object's state, shared with a webhook that is under way.
struct Object {
    state: State,
    env: Env,
    open: RefCell<Option<registry::Registry<ObjectDatabase>>>,
    alarm: Alarm,
    held: HeldCalls,
}

impl DurableObject for Registry {
    fn new(state: State, env: Env) -> Self {
        let (open, alarm, held) = (RefCell::new(None), Alarm::default(), HeldCalls::default());
        let object = Object { state, env, open, alarm, held };
        Self { object: Rc::new(object) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let body = request.text().await?;
        let call = serde_json::from_str::<Call>(&body);
        if call.as_ref().is_ok_and(registry::waits_for_kv) {
            self.object.compare().await;
        }
        if let Ok(call) = &call {
            self.object.freshen(call).await;
        }
        let answer = match call {
            Ok(Call::Subscribe(call)) => {
                let received = self.object.with_registry(|registry| registry.subscribe(call, clock::now()));
                Object::hold(&self.object, received, &request).await?
            }
            Ok(Call::Relay(call)) => {
                let received = self.object.with_registry(|registry| registry.relay(call, clock::now()));
                Object::hold(&self.object, received, &request).await?
            }
            Ok(call) => {
                self.object.with_registry(|registry| registry.handle(call, clock::now(), &mut entropy::fill))
            }
            // During a deployment old and new code run side by side. A call that this release does not know
            // changes nothing.
            Err(error) => {
                console_error!("registry: the body of a call cannot be read: {error}");
                None
            }
        };
        // Set the alarm for pending writes in the same turn, whatever the call was.
        self.object.set_alarm().await?;
        Object::wake(&self.object);
        Response::from_json(&answer.unwrap_or(Answer::Refused(Fault::Internal)))
    }

    async fn alarm(&self) -> Result<Response> {
        self.object.alarm.fired();
        self.object.compare().await;
        Object::publish(&self.object).await;
        Object::announce(&self.object);
        self.object.set_alarm().await?;
        Object::wake(&self.object);
        Response::empty()
    }
}

impl Object {
    /// Holds a call that may wait for a change as long as the registry says.
    async fn hold(
        object: &Rc<Self>,
        mut reception: Option<Reception>,
        request: &Request,
    ) -> Result<Option<Answer>> {
        // Before it waits: it may be the sign of traffic that the heartbeat needs, and an earlier call of its
        // isolate has lost its place.
        object.set_alarm().await?;
        Self::wake(object);
        while let Some(Reception::Waits { ticket, for_ms }) = reception {
            let place = object.held.take(ticket);
            let timed_ms = match place.wait(request, for_ms).await {
                Waited::Over => for_ms.saturating_sub(TIMER_EARLY_MAX_MS),
                Waited::Woken => 0,
                Waited::HungUp => {
                    object.with_registry(|registry| registry.hung_up(ticket));
                    return Ok(None);
                }
            };
            reception = object.with_registry(|registry| registry.resume(ticket, timed_ms, clock::now()));
        }
        Ok(match reception {
            Some(Reception::Answered(answer)) => Some(answer),
            _ => None,
        })
    }

    /// Wakes the calls that wait for a change, after the answer to the call that made it: some at a time, so
    /// that other calls are served in between. Their answers are held by the output gate until that change is
    /// durable.
    fn wake(object: &Rc<Self>) {
        // One at a time, or each call that is answered would begin the next batch.
        let Some(only) = object.held.waking() else { return };
        let waker = Rc::clone(object);
        object.state.wait_until(async move {
            let _only = only;
            loop {
                let now = clock::now();
                let due = waker
                    .with_registry(|registry| registry.due_calls(now, WAKE_BATCH_MAX, &mut entropy::number));
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

    /// Asks the usage shards for the uses that the registry needs before this call. If one does not answer,
    /// its earlier reports count.
    async fn freshen(&self, call: &Call) {
        let wanted =
            self.with_registry(|registry| registry.uses_wanted(call, clock::now())).unwrap_or_default();
        if wanted.is_empty() || !bindings::counts_usage(&self.env) {
            return;
        }
        let mut uses = Vec::new();
        for answer in usage::ask(&self.env, ShardCall::uses_of(&wanted), USAGE_FRESH_TIMEOUT_MS).await {
            if let Some(ShardAnswer::Uses(seen)) = answer {
                uses.extend(seen);
            }
        }
        self.with_registry(|registry| {
            registry.handle(
                Call::Uses { uses, counted_at: None, meters: None },
                clock::now(),
                &mut entropy::fill,
            );
        });
    }

    /// Once after a start, compares with KV. A newer list there means that the registry's storage is from a
    /// backup.
    async fn compare(&self) {
        let now = clock::now();
        let wanted = self.with_registry(|registry| registry.asks_kv_lists(now)).unwrap_or(false);
        if !wanted {
            return;
        }
        let read = self.kv_lists().await;
        self.with_registry(|registry| registry.compare(read.as_ref(), clock::now()));
    }

    /// KV's delta and the base that it names; `None` when KV did not answer.
    async fn kv_lists(&self) -> Option<KvLists> {
        let kv = bindings::kv(&self.env);
        let delta = kv_value(&kv, list::KV_NAME).await?;
        let ring = isolate::read_config(&self.env).ok()?.edge.ring;
        let base = match delta.as_deref().and_then(|delta| registry::base_of(&ring, delta)) {
            Some(number) => kv_value(&kv, &list::base_kv_name(number)).await?,
            None => None,
        };
        Some(KvLists { delta, base })
    }

    /// Carries out a batch of pending writes to KV. They run side by side, and the list's starts first.
    async fn publish(object: &Rc<Self>) {
        let kv = bindings::kv(&object.env);
        let due =
            object.with_registry(|registry| registry.due(clock::now(), OUTBOX_BATCH_MAX)).unwrap_or_default();
        let puts: Vec<_> =
            due.into_iter().map(|write| (put(&kv, &write), write.id, write.is_repeated)).collect();
        let (repeated, puts): (Vec<_>, Vec<_>) = puts.into_iter().partition(|(_, _, repeated)| *repeated);
        for (put, id, _) in repeated {
            // The next list must not wait until KV refuses it once more. Its lease in storage says when it is
            // due again if this instance disappears.
            let publisher = Rc::clone(object);
            object.state.wait_until(async move {
                publisher.note_outcome(put, id).await;
                if let Err(error) = publisher.set_alarm().await {
                    console_error!("registry: the alarm after a write to KV could not be set: {error}");
                }
            });
        }
        for (put, id, _) in puts {
            // All began together and each has a time limit, so awaiting them in turn takes no longer.
            object.note_outcome(put, id).await;
        }
    }

    async fn note_outcome(&self, put: Promise, id: i64) {
        let written = JsFuture::from(put).await.is_ok_and(|taken| taken.is_truthy());
        self.with_registry(|registry| match written {
            true => registry.written(id, clock::now()),
            false => registry.failed(id, clock::now()),
        });
    }

    /// Starts sending the due webhook. The alarm does not wait for it, because it has lists to publish. If
    /// this instance disappears before the response, the lease in storage expires, and an alarm is set for
    /// that.
    fn announce(object: &Rc<Self>) {
        let due = object.with_registry(|registry| registry.announce(clock::now())).flatten();
        let Some(Post { attempt, request }) = due else { return };
        let sender = Rc::clone(object);
        object.state.wait_until(async move {
            let answered = send(&request).await;
            sender.with_registry(|registry| {
                registry.sent(attempt, answered, entropy::number(), clock::now());
            });
            // The next webhook may be due now. If this fails, the alarm at the end of the lease is still set.
            if let Err(error) = sender.set_alarm().await {
                console_error!("registry: the alarm after a webhook could not be set: {error}");
            }
        });
    }

    /// Sets the alarm for the time when something is due next.
    async fn set_alarm(&self) -> Result<()> {
        let now = clock::now();
        let due = match self.with_registry(|registry| registry.next_alarm_at(now)) {
            Some(due) => due,
            // The registry could not be opened: try again later.
            None => Some(now.plus_ms(OUTBOX_BACKOFF_MIN_MS)),
        };
        match due {
            Some(due) => self.alarm.fire_by(&self.state, due).await,
            None => Ok(()),
        }
    }

    /// Runs `body` on the registry, opening it first if necessary; `None` when it cannot be opened.
    fn with_registry<T>(&self, body: impl FnOnce(&mut registry::Registry<ObjectDatabase>) -> T) -> Option<T> {
        let mut open = self.open.try_borrow_mut().ok()?;
        if open.is_none() {
            *open = self.open_registry();
        }
        open.as_mut().map(|registry| {
            let value = body(registry);
            for line in registry.take_log() {
                console_error!("registry: {line}");
            }
            value
        })
    }

    fn open_registry(&self) -> Option<registry::Registry<ObjectDatabase>> {
        let config = isolate::read_config(&self.env).ok()?;
        match registry::Registry::open(ObjectDatabase::new(&self.state), config.registry_settings()) {
            Ok(registry) => Some(registry),
            Err(error) => {
                console_error!("registry: the storage cannot be opened: {error}");
                None
            }
        }
    }
}

/// The value of `key`; `Some(None)` when KV has none, `None` when KV did not answer.
async fn kv_value(kv: &JsValue, key: &str) -> Option<Option<Vec<u8>>> {
    let read = JsFuture::from(crossing::kv_get(kv, key, LIST_KV_CACHE_TTL_SECONDS, KV_READ_TIMEOUT_MS))
        .await
        .ok()?;
    if read.is_undefined() {
        return None;
    }
    Some(read.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec))
}

/// Sends a webhook and returns the outcome.
async fn send(request: &WebhookRequest) -> Answered {
    let headers: Vec<_> = request.headers.iter().flat_map(|(name, value)| [*name, value.as_str()]).collect();
    let sent = crossing::post_webhook(
        &request.url,
        &headers.join("\n"),
        &request.body,
        WEBHOOK_TIMEOUT_MS,
        WEBHOOK_ANSWER_MAX_BYTES,
    );
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a status has three digits")]
    match JsFuture::from(sent).await.ok().and_then(|status| status.as_f64()) {
        Some(status) if status > 0.0 => Answered::Status(status as u16),
        Some(0.0) => Answered::Late,
        _ => Answered::Failed,
    }
}

/// Starts one write to KV.
fn put(kv: &JsValue, write: &KvWrite) -> Promise {
    // Exact: seconds far below 2^53.
    let expiration = write.expiration.map_or(0.0, |at| at.0 as f64);
    let value = Uint8Array::from(write.value.as_slice());
    crossing::kv_put(kv, &write.key, &value, expiration, KV_WRITE_TIMEOUT_MS)
}
