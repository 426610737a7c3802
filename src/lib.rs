//! Wayleave: public API tokens that end when they should.
//!
//! The modules in reading order. Every module but `platform` is pure: no clock, no randomness, no IO; `now` is an
//! argument. `platform` is compiled for wasm32 alone and translates; it decides nothing.

pub mod limits;
pub mod time;

// The data plane, in the order in which a request meets it.
pub mod route;
pub mod credential;
pub mod key;
pub mod seal;
pub mod token;
pub mod list;
pub mod freshness;
pub mod record;
pub mod origin;
pub mod gate;
pub mod headers;
pub mod gateway;
pub mod self_test;
pub mod health;
pub mod cors;
pub mod caching;
pub mod problem;
pub mod reply;

// The control plane: one writer.
pub mod admin;
pub mod admin_key;
pub mod family;
pub mod registry;

pub mod config;

#[cfg(target_arch = "wasm32")]
mod platform;
