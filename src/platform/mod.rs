//! The shell around the core, compiled for wasm32 alone: it translates between Workers and the core, and decides
//! nothing.
//!
//! `lib` of the Worker: one `fetch` handler, one for cron, and two Durable Object classes. `crossing.js` holds the few lines of
//! JavaScript that read a request's facts, forward it and edit an answer in one crossing each.

mod alarm;
mod bindings;
mod clock;
mod control;
mod crossing;
mod entropy;
mod gateway;
mod isolate;
mod rates;
mod registry_object;
mod sources;
mod sql;
mod usage;
mod usage_object;

use crate::limits::REGISTRY_WRITE_TIMEOUT_MS;
use crate::registry::command::Request as Call;
use worker::web_sys::{Request, Response};
use worker::{Context, Env, Result, ScheduleContext, ScheduledEvent, console_error, event};

/// Every request. Takes and gives back the platform's own objects: wrapping them costs more than a decision.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    gateway::serve(request, env, context).await
}

/// A cron trigger: the daily sweep begins; the registry's alarm goes on with it. One that does not arrive is made up for by
/// the registry itself, two hours later.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    let registry = bindings::registry(&env);
    if sources::call(&registry, &Call::Sweep, REGISTRY_WRITE_TIMEOUT_MS).await.is_none() {
        console_error!("cron: the registry did not answer; it will begin the daily sweep by itself");
    }
}
