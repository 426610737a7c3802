//! Usage from isolates through shards, over SQLite (rusqlite), with the same SQL text that runs in the
//! Durable Object.

#![cfg(test)] // so clippy takes all of it for a test

mod chance;
#[expect(dead_code, reason = "these tests begin on a whole hour")]
#[path = "../support/deployment.rs"]
mod deployment;
mod first_use;
mod folding;
mod growth;
mod isolate;
mod quotas;
mod refusals;
mod registry;
mod rest;
mod rolling;
mod signs;
#[path = "../support/sqlite.rs"]
mod sqlite;
mod storage;
mod telling;
mod town;
mod world;
