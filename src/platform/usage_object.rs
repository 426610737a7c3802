//! The Durable Object around a usage shard: one instance for each of a fixed number of names.
//!
//! Why a report is kept once: between reading its body and answering there is no await, so the platform commits its writes
//! together, and the output gate holds the acknowledgement until they are durable.
//! Why a first use reaches the registry: that it is owed is a row of the same transaction, and the alarm that tells it is set
//! in the same turn; an alarm that is cut off is run again by the platform.
//! What a mistake costs: as in `usage`.

use super::alarm::Alarm;
use super::sql::ObjectDatabase;
use super::{bindings, clock, sources};
use crate::limits::{REGISTRY_WRITE_TIMEOUT_MS, USAGE_RETRY_MIN_MS};
use crate::registry::command::{Answer as Told, Request as Tell};
use crate::usage::reading::{Answer, Request as Call};
use crate::usage::shard::Shard;
use std::cell::RefCell;
use worker::{
    DurableObject, Env, Request, Response, Result, State, console_error, durable_object, wasm_bindgen,
};

/// The class that `wrangler.toml` binds as `USAGE`.
#[durable_object(alarm)]
pub struct Usage {
    state: State,
    env: Env,
    open: RefCell<Option<Shard<ObjectDatabase>>>,
    alarm: Alarm,
}

impl DurableObject for Usage {
    fn new(state: State, env: Env) -> Self {
        Self { state, env, open: RefCell::new(None), alarm: Alarm::default() }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let body = request.text().await?;
        let answer = match serde_json::from_str::<Call>(&body) {
            Ok(call) => self.with_shard(|shard| shard.handle(&call, clock::now())),
            // Old and new code side by side: a call that this release does not know changes nothing.
            Err(error) => {
                console_error!("usage: a call cannot be read: {error}");
                None
            }
        };
        self.set_alarm().await?;
        Response::from_json(&answer.unwrap_or(Answer::Failed))
    }

    async fn alarm(&self) -> Result<Response> {
        self.alarm.rang();
        self.with_shard(|shard| shard.sweep(clock::now()));
        self.tell().await;
        self.tell_signs().await;
        self.set_alarm().await?;
        Response::empty()
    }
}

impl Usage {
    /// Tells the registry of uses that are due.
    async fn tell(&self) {
        let uses = self.with_shard(|shard| shard.uses_due(clock::now())).unwrap_or_default();
        if uses.is_empty() {
            return;
        }
        let call = Tell::Uses { uses: uses.clone() };
        let answer = sources::call(&bindings::registry(&self.env), &call, REGISTRY_WRITE_TIMEOUT_MS).await;
        self.with_shard(|shard| match answer {
            Some(Told::Noted) => shard.told(&uses, clock::now()),
            _ => shard.not_told(clock::now()),
        });
    }

    /// Tells the registry of signs. What it did not take is told after the next hour.
    async fn tell_signs(&self) {
        let signs = self.with_shard(|shard| shard.signs_due()).unwrap_or_default();
        if signs.is_empty() {
            return;
        }
        let (count, call) = (signs.len(), Tell::Signs { signs });
        let answer = sources::call(&bindings::registry(&self.env), &call, REGISTRY_WRITE_TIMEOUT_MS).await;
        if answer == Some(Told::Noted) {
            self.with_shard(|shard| shard.signs_told(count));
        }
    }

    /// Sees to it that the alarm rings no later than something is due.
    async fn set_alarm(&self) -> Result<()> {
        let now = clock::now();
        let due = match self.with_shard(|shard| shard.next_alarm_at(now)) {
            Some(due) => due,
            // The shard does not open: try again later rather than never.
            None => Some(now.plus_ms(USAGE_RETRY_MIN_MS)),
        };
        match due {
            Some(due) => self.alarm.ring_by(&self.state, due).await,
            None => Ok(()),
        }
    }

    /// Runs `body` on the open shard, opening it first if need be; `None` when it cannot be opened.
    fn with_shard<T>(&self, body: impl FnOnce(&mut Shard<ObjectDatabase>) -> T) -> Option<T> {
        let mut open = self.open.try_borrow_mut().ok()?;
        if open.is_none() {
            match Shard::open(ObjectDatabase::new(&self.state)) {
                Ok(shard) => *open = Some(shard),
                Err(error) => console_error!("usage: a shard does not open: {error}"),
            }
        }
        open.as_mut().map(|shard| {
            let value = body(shard);
            for line in shard.take_log() {
                console_error!("usage: {line}");
            }
            value
        })
    }
}
