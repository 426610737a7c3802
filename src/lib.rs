//! Wayleave: public API tokens that end when they should.
//!
//! `edge` is the data plane, `control` the control plane, and `usage` counts requests apart from both. They
//! share `base`, `formats` and `http`, and never import each other. All modules except `platform` are pure:
//! they have no clock, no randomness and no IO, and take `now` as an argument. `platform` is compiled only
//! for wasm32. It translates and decides nothing.

#![cfg_attr(test, expect(clippy::string_slice, reason = "a test that panics fails"))]

pub mod base;
pub mod client;
pub mod config;
pub mod control;
pub mod edge;
pub mod formats;
pub mod http;
pub mod limits;
pub mod usage;

#[cfg(target_arch = "wasm32")]
mod platform;
