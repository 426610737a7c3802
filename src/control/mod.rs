//! The control plane: what operators do. The registry is the only writer.
//!
//! Words: an operator's HTTP *request* asks for an *operation* of the admin API, and becomes a *command*. A
//! *call* brings to the registry's Durable Object a command, or what a location, a usage shard or cron has to
//! say. A *transaction* carries out a command, or an action of the registry itself.

pub mod admin;
pub mod console;
pub mod registry;
pub mod relay;
mod waiting;
pub mod webhook;
