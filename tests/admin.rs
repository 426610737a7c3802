//! The admin API as a caller meets it: requests in, commands out; answers in, responses out.

#[path = "admin/support.rs"]
mod support;

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
