//! The admin API as a caller meets it: requests in, commands out; answers in, responses out.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)] // a test that cannot go on fails

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
#[path = "admin/queries.rs"]
mod queries;
#[path = "admin/random.rs"]
mod random;
#[path = "admin/vectors.rs"]
mod request_vectors;
#[path = "admin/sessions.rs"]
mod sessions;
#[path = "admin/usage.rs"]
mod usage;
