//! Wayleave: public API tokens that end when they should.
//!
//! The modules in reading order. Every module but `platform` is pure: no clock, no randomness, no IO; `now` is an
//! argument. `platform` is compiled for wasm32 alone and translates; it decides nothing.

#![cfg_attr(test, allow(clippy::string_slice))] // as unwrap: a test that panics fails, and nothing else does

pub mod json;
pub mod limits;
pub mod time;

// The data plane, in the order in which a request meets it.
pub mod caching;
pub mod checked_text;
pub mod client;
pub mod cors;
pub mod credential;
pub mod distribution;
pub mod freshness;
pub mod gate;
pub mod gateway;
pub mod headers;
pub mod health;
pub mod key;
pub mod list;
pub mod origin;
pub mod problem;
pub mod rate;
pub mod record;
pub mod record_holder;
pub mod reply;
pub mod route;
pub mod seal;
pub mod self_test;
pub mod token;

// The control plane: one writer.
pub mod admin;
pub mod admin_key;
pub mod console;
pub mod database;
pub mod family;
pub mod registry;
pub mod session;
pub mod webhook;

// Counting, apart from both: nothing waits for it.
pub mod usage;

pub mod config;

#[cfg(target_arch = "wasm32")]
mod platform;
