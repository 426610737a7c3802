//! Usage from isolates through shards, over SQLite (rusqlite), with the SQL text that runs in the Durable Object.

// A test that is wrong should stop.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::string_slice, clippy::unwrap_used)]

mod chance;
#[allow(dead_code)] // these tests begin on a whole hour
#[path = "../support/deployment.rs"]
mod deployment;
mod first_use;
mod folding;
mod growth;
mod registry;
mod rolling;
mod signs;
#[path = "../support/sqlite.rs"]
mod sqlite;
mod storage;
mod telling;
mod world;
