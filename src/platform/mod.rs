//! The shell around the core, compiled for wasm32 alone: it translates between Workers and the core, and decides
//! nothing.
//!
//! `lib` of the Worker: one `fetch` handler and one Durable Object class. `crossing.js` holds the few lines of
//! JavaScript that read a request's facts, forward it and edit an answer in one crossing each.

mod bindings;
mod clock;
mod control;
mod crossing;
mod entropy;
mod gateway;
mod isolate;
mod registry_object;
mod sources;
mod sql;

use worker::web_sys::{Request, Response};
use worker::{Context, Env, Result, event};

/// Every request. Takes and gives back the platform's own objects: wrapping them costs more than a decision.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    gateway::serve(request, env, context).await
}
