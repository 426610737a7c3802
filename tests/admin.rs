//! The admin API as a caller sees it: requests become commands, and answers become responses.

#![cfg(test)] // so clippy takes all of it for a test
#![expect(clippy::string_slice, reason = "a test that panics fails")]

#[path = "admin/support.rs"]
mod support;
#[path = "support/vectors.rs"]
mod vectors;

#[path = "admin/answers.rs"]
mod answers;
#[path = "admin/bodies.rs"]
mod bodies;
#[path = "admin/doors.rs"]
mod doors;
#[path = "admin/exposure.rs"]
mod exposure;
#[path = "admin/faults.rs"]
mod faults;
#[path = "admin/queries.rs"]
mod queries;
#[path = "admin/random.rs"]
mod random;
#[path = "admin/refusals.rs"]
mod refusals;
#[path = "admin/vectors.rs"]
mod request_vectors;
#[path = "admin/sessions.rs"]
mod sessions;
#[path = "admin/usage.rs"]
mod usage;
