//! The Durable Object around a usage shard: one instance for each of a fixed number of names.
//!
//! 1. A report is counted once: there is no await between reading its body and answering. So the platform
//!    commits its writes together, and the output gate holds the acknowledgement until they are durable.
//! 2. The registry learns every first use: the pending report is a row of the same transaction, and its alarm
//!    is set in the same turn. The platform repeats an alarm that was interrupted.

use super::alarm::Alarm;
use super::sql::ObjectDatabase;
use super::{bindings, clock, registry_call};
use crate::control::registry::command::{Answer, Call};
use crate::formats::usage::reading::{ShardAnswer, ShardCall};
use crate::limits::{REGISTRY_WRITE_TIMEOUT_MS, USAGE_RETRY_MIN_MS};
use crate::usage::shard::Shard;
use std::cell::RefCell;
use worker::{DurableObject, Env, Request, Response, Result, State, console_error, durable_object};

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
        let answer = match serde_json::from_str::<ShardCall>(&body) {
            Ok(call) => self.with_shard(|shard| shard.handle(&call, clock::now())),
            // During a deployment old and new code run side by side. A call that this release does not know
            // changes nothing.
            Err(error) => {
                console_error!("usage: the body of a call cannot be read: {error}");
                None
            }
        };
        self.set_alarm().await?;
        Response::from_json(&answer.unwrap_or(ShardAnswer::Failed))
    }

    async fn alarm(&self) -> Result<Response> {
        self.alarm.fired();
        self.with_shard(|shard| shard.sweep(clock::now()));
        self.report_uses().await;
        self.report_anomalies().await;
        self.set_alarm().await?;
        Response::empty()
    }
}

impl Usage {
    /// Reports due uses and counts of metered tokens to the registry, and that requests are counted.
    async fn report_uses(&self) {
        let uses = self.with_shard(|shard| shard.uses_due(clock::now())).unwrap_or_default();
        let has_uses = !uses.is_empty();
        let counted_at = self.with_shard(|shard| shard.traffic_due(has_uses, clock::now())).flatten();
        let asks = has_uses || counted_at.is_some();
        let meters = self.with_shard(|shard| shard.meters_due(asks, clock::now())).flatten();
        if !asks && meters.is_none() {
            return;
        }
        let call = Call::Uses { uses: uses.clone(), counted_at, meters: meters.clone() };
        let answer =
            registry_call::call(&bindings::registry(&self.env), &call, REGISTRY_WRITE_TIMEOUT_MS).await;
        self.with_shard(|shard| match answer {
            Some(Answer::Noted) => shard.uses_reported(&uses, counted_at, clock::now()),
            Some(Answer::NotedMeters(changes)) => {
                shard.uses_reported(&uses, counted_at, clock::now());
                if let Some(report) = &meters {
                    shard.meters_taken(report, &changes, clock::now());
                }
            }
            _ => shard.report_failed(clock::now()),
        });
    }

    /// Reports anomalies to the registry. What it did not accept is reported again after the next hour.
    async fn report_anomalies(&self) {
        let anomalies = self.with_shard(|shard| shard.anomalies_due()).unwrap_or_default();
        if anomalies.is_empty() {
            return;
        }
        let (count, call) = (anomalies.len(), Call::Signs { signs: anomalies });
        let answer =
            registry_call::call(&bindings::registry(&self.env), &call, REGISTRY_WRITE_TIMEOUT_MS).await;
        if answer == Some(Answer::Noted) {
            self.with_shard(|shard| shard.anomalies_reported(count));
        }
    }

    /// Sets the alarm for the time when something is due next.
    async fn set_alarm(&self) -> Result<()> {
        let now = clock::now();
        let due = match self.with_shard(|shard| shard.next_alarm_at(now)) {
            Some(due) => due,
            // The shard could not be opened: try again later.
            None => Some(now.plus_ms(USAGE_RETRY_MIN_MS)),
        };
        match due {
            Some(due) => self.alarm.fire_by(&self.state, due).await,
            None => Ok(()),
        }
    }

    /// Runs `body` on the shard, opening it first if necessary; `None` when it cannot be opened.
    fn with_shard<T>(&self, body: impl FnOnce(&mut Shard<ObjectDatabase>) -> T) -> Option<T> {
        let mut open = self.open.try_borrow_mut().ok()?;
        if open.is_none() {
            match Shard::open(ObjectDatabase::new(&self.state)) {
                Ok(shard) => *open = Some(shard),
                Err(error) => console_error!("usage: the storage of a shard cannot be opened: {error}"),
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
