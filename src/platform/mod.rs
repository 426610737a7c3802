//! The shell around the core, compiled for wasm32 only. It translates between Workers and the core, and
//! decides nothing.
//!
//! The Worker has one `fetch` handler, one for cron, and three Durable Object classes. `crossing.js` holds
//! the JavaScript that reads a request's facts, forwards it and edits a response, each in a single call
//! from WebAssembly.

mod alarm;
#[expect(unreachable_pub, reason = "wasm-bindgen exports only what is `pub`")]
mod at_once;
mod bindings;
mod clock;
mod control;
mod crossing;
mod entropy;
mod gateway;
mod held_calls;
mod isolate;
mod lookups;
mod push;
mod rates;
mod registry_call;
mod registry_object;
mod relay_object;
mod sources;
mod sql;
mod usage;
mod usage_object;

use crate::control::registry::command::Call;
use crate::limits::REGISTRY_WRITE_TIMEOUT_MS;
use worker::web_sys::{Request, Response};
use worker::{Context, Env, Result, ScheduleContext, ScheduledEvent, console_error, event};

/// Handles every request. It uses the platform's own objects: wrapping them would cost more than a
/// decision.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    gateway::serve(request, env, context).await
}

/// A cron trigger: begins the daily sweep, which the registry's alarm continues. If no trigger arrives, the
/// registry begins the sweep itself two hours later.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    let registry = bindings::registry(&env);
    if registry_call::call(&registry, &Call::Sweep, REGISTRY_WRITE_TIMEOUT_MS).await.is_none() {
        console_error!("cron: the registry did not answer; it starts an overdue daily sweep itself");
    }
}
