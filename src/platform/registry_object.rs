//! The Durable Object around the registry: one instance, the single writer.
//!
//! Why a call is atomic: between reading the request's body and setting the alarm there is no await, so clock, state
//! and the next list number are taken in one synchronous block, and the platform commits all of its writes together.
//! Why an acknowledgement can be believed: the output gate holds the answer until those writes are durable; an
//! instance that was superseded cannot make them so, and its answer never leaves.
//! Why KV gets every record: what is owed to KV is a row of the same transaction, and the alarm that pays it is set in
//! the same turn. An alarm sets itself anew when it has run: every wait in it has a time limit, and one that is cut off
//! by the platform is run again by it.
//! Why a webhook holds up nothing: it is begun in storage, sent beside the alarm, and what came of it noted afterwards.
//! What a mistake costs: an acknowledged write lost, or a revocation that no location hears of.

use super::alarm::Alarm;
use super::sql::ObjectDatabase;
use super::{bindings, clock, crossing, entropy, isolate, usage};
use crate::limits::{
    KV_READ_TIMEOUT_MS, KV_WRITE_TIMEOUT_MS, LIST_KV_CACHE_TTL_SECONDS, OUTBOX_BACKOFF_MIN_MS,
    OUTBOX_BATCH_MAX, USAGE_FRESH_TIMEOUT_MS, WEBHOOK_ANSWER_MAX_BYTES, WEBHOOK_TIMEOUT_MS,
};
use crate::list;
use crate::registry::command::{Answer, Fault, Request as Call};
use crate::registry::{self, KvLists, KvWrite, Post};
use crate::usage::reading::{Answer as UsageAnswer, Request as UsageCall};
use crate::webhook::{Answered, WebhookRequest};
use std::cell::RefCell;
use std::rc::Rc;
use worker::js_sys::{Promise, Uint8Array};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::{
    DurableObject, Env, Request, Response, Result, State, console_error, durable_object, wasm_bindgen,
};

/// The class that `wrangler.toml` binds as `REGISTRY`.
#[durable_object(alarm)]
pub struct Registry {
    object: Rc<Object>,
}

/// What the object is; a webhook that is under way holds on to it.
struct Object {
    state: State,
    env: Env,
    open: RefCell<Option<registry::Registry<ObjectDatabase>>>,
    alarm: Alarm,
}

impl DurableObject for Registry {
    fn new(state: State, env: Env) -> Self {
        let object = Object { state, env, open: RefCell::new(None), alarm: Alarm::default() };
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
            Ok(call) => {
                self.object.with_registry(|registry| registry.handle(call, clock::now(), &mut entropy::fill))
            }
            // Old and new code side by side: a call that this release does not know changes nothing.
            Err(error) => {
                console_error!("registry: a call cannot be read: {error}");
                None
            }
        };
        // Whatever was asked, what is owed to KV gets its alarm in the same turn.
        self.object.set_alarm().await?;
        Response::from_json(&answer.unwrap_or(Answer::Refused(Fault::Internal)))
    }

    async fn alarm(&self) -> Result<Response> {
        self.object.alarm.rang();
        self.object.compare().await;
        self.object.publish().await;
        Object::announce(&self.object);
        self.object.set_alarm().await?;
        Response::empty()
    }
}

impl Object {
    /// Asks the usage shards for what the registry must know of uses before this call. One that does not answer leaves what it
    /// told before.
    async fn freshen(&self, call: &Call) {
        let wanted =
            self.with_registry(|registry| registry.uses_wanted(call, clock::now())).unwrap_or_default();
        if wanted.is_empty() || !usage::is_on(&self.env) {
            return;
        }
        let mut uses = Vec::new();
        for answer in usage::ask(&self.env, UsageCall::uses_of(&wanted), USAGE_FRESH_TIMEOUT_MS).await {
            if let Some(UsageAnswer::Uses(seen)) = answer {
                uses.extend(seen);
            }
        }
        self.with_registry(|registry| {
            registry.handle(Call::Uses { uses }, clock::now(), &mut entropy::fill);
        });
    }

    /// Sees once after a start whether KV holds a newer list than the registry's storage: then that is a backup's.
    async fn compare(&self) {
        let now = clock::now();
        let wanted = self.with_registry(|registry| registry.asks_kv_lists(now)).unwrap_or(false);
        if !wanted {
            return;
        }
        let read = self.kv_lists().await;
        self.with_registry(|registry| registry.compare(read.as_ref(), clock::now()));
    }

    /// KV's delta and the base it names; `None` when KV did not answer.
    async fn kv_lists(&self) -> Option<KvLists> {
        let kv = bindings::kv(&self.env);
        let delta = kv_value(&kv, list::KV_NAME).await?;
        let ring = isolate::read_config(&self.env).ok()?.ring;
        let base = match delta.as_deref().and_then(|delta| registry::base_of(&ring, delta)) {
            Some(number) => kv_value(&kv, &list::base_kv_name(number)).await?,
            None => None,
        };
        Some(KvLists { delta, base })
    }

    /// Pays a batch of what is owed to KV. The writes run side by side; the list's is the first to start.
    async fn publish(&self) {
        let kv = bindings::kv(&self.env);
        let due =
            self.with_registry(|registry| registry.due(clock::now(), OUTBOX_BATCH_MAX)).unwrap_or_default();
        let puts: Vec<_> = due.into_iter().map(|write| (put(&kv, &write), write.id)).collect();
        for (put, id) in puts {
            // All began together and each has a time limit, so waiting for them in turn takes no longer than that.
            let written = JsFuture::from(put).await.is_ok_and(|taken| taken.is_truthy());
            self.with_registry(|registry| match written {
                true => registry.written(id, clock::now()),
                false => registry.failed(id, clock::now()),
            });
        }
    }

    /// Begins to send the webhook that is due. The alarm does not wait for it: it has lists to publish. If this instance is
    /// gone before the receiver has answered, the lease in storage runs out, and an alarm is set for that.
    fn announce(object: &Rc<Self>) {
        let due = object.with_registry(|registry| registry.announce(clock::now())).flatten();
        let Some(Post { attempt, request }) = due else { return };
        let sender = Rc::clone(object);
        object.state.wait_until(async move {
            let answered = send(&request).await;
            sender.with_registry(|registry| {
                registry.sent(attempt, answered, entropy::number(), clock::now());
            });
            // The next one may be due now. If this fails, the alarm at the end of the lease still stands.
            if let Err(error) = sender.set_alarm().await {
                console_error!("registry: no alarm after a webhook: {error}");
            }
        });
    }

    /// Sees to it that the alarm rings no later than something is due.
    async fn set_alarm(&self) -> Result<()> {
        let now = clock::now();
        let due = match self.with_registry(|registry| registry.next_alarm_at(now)) {
            Some(due) => due,
            // The registry does not open: try again later rather than never.
            None => Some(now.plus_ms(OUTBOX_BACKOFF_MIN_MS)),
        };
        match due {
            Some(due) => self.alarm.ring_by(&self.state, due).await,
            None => Ok(()),
        }
    }

    /// Runs `body` on the open registry, opening it first if need be; `None` when it cannot be opened.
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
                console_error!("registry: it does not open: {error}");
                None
            }
        }
    }
}

/// The value under `key` (`None` inside: KV has none); `None` when KV did not answer.
async fn kv_value(kv: &JsValue, key: &str) -> Option<Option<Vec<u8>>> {
    let read = JsFuture::from(crossing::kv_get(kv, key, LIST_KV_CACHE_TTL_SECONDS, KV_READ_TIMEOUT_MS))
        .await
        .ok()?;
    if read.is_undefined() {
        return None;
    }
    Some(read.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec))
}

/// Sends a webhook, and says what came of it.
async fn send(request: &WebhookRequest) -> Answered {
    let headers: Vec<_> = request.headers.iter().flat_map(|(name, value)| [*name, value.as_str()]).collect();
    let sent = crossing::post_webhook(
        &request.url,
        &headers.join("\n"),
        &request.body,
        WEBHOOK_TIMEOUT_MS,
        WEBHOOK_ANSWER_MAX_BYTES,
    );
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a status has three digits
    match JsFuture::from(sent).await.ok().and_then(|status| status.as_f64()) {
        Some(status) if status > 0.0 => Answered::Status(status as u16),
        Some(0.0) => Answered::Late,
        _ => Answered::Failed,
    }
}

/// Starts one write to KV.
fn put(kv: &JsValue, write: &KvWrite) -> Promise {
    #[allow(clippy::cast_precision_loss)] // seconds far below 2^53
    let expiration = write.expiration.map_or(0.0, |at| at.0 as f64);
    let value = Uint8Array::from(write.value.as_slice());
    crossing::kv_put(kv, &write.key, &value, expiration, KV_WRITE_TIMEOUT_MS)
}
