//! The registry over SQLite (rusqlite), with the SQL text that runs in the Durable Object.

// A test that is wrong should stop.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::string_slice, clippy::unwrap_used)]

mod admin_keys;
mod auto_rotate;
mod bases;
mod contract;
#[path = "../support/deployment.rs"]
mod deployment;
mod distribution;
mod expiries;
mod families;
mod heartbeat;
mod idempotency;
mod lifecycle;
mod list;
mod model;
mod notice_kinds;
mod notices;
mod planned_end;
mod probe;
mod publishing;
mod query;
mod restore;
mod rotation;
mod rotation_model;
mod sessions;
mod signing_keys;
mod signs;
mod size;
#[path = "../support/sqlite.rs"]
mod sqlite;
mod status;
mod storage;
mod sweep;
mod tokens;
mod webhooks;
mod world;
mod year;
