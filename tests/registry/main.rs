//! The registry over SQLite (rusqlite), with the SQL text that runs in the Durable Object.

// A test that is wrong should stop.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::string_slice, clippy::unwrap_used)]

mod admin_keys;
mod contract;
mod idempotency;
mod lifecycle;
mod list;
mod model;
mod publishing;
mod query;
#[allow(dead_code)] // the simulation forks and recovers databases too
mod sqlite;
mod storage;
mod tokens;
mod world;
