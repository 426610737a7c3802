//! The registry over SQLite (rusqlite), with the SQL text that runs in the Durable Object.

#![cfg(test)] // so clippy takes all of it for a test
#![expect(clippy::string_slice, reason = "a test that panics fails")]

mod admin_keys;
mod auto_rotate;
mod bases;
mod contract;
mod cookie_routes;
#[path = "../support/deployment.rs"]
mod deployment;
mod distribution;
mod events;
mod expiries;
mod families;
mod fetches;
mod heartbeat;
mod idempotency;
mod licences;
mod lifecycle;
mod list;
mod list_growth;
mod list_index;
mod model;
mod notice_kinds;
mod notices;
mod planned_end;
mod probe;
mod protection;
mod publishing;
mod query;
mod quotas;
mod relays;
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
#[path = "../support/vectors.rs"]
mod vectors;
mod waiting;
mod webhooks;
mod world;
mod year;
