//! All problems that Wayleave answers with. `table.rs` has a row for each code: status, texts and challenge.
//! Where a code has several causes, `reason.rs` has a table of them.
//!
//! Standards: RFC 9457 (problem details), RFC 6750 section 3 (challenge and error codes), RFC 9110.
//! Invariants: codes and reasons are stable. Their texts are constant and contain no value of a request, so
//! they are safe in logs and as metric labels. [`Code::status`] shows that every invalid token is a 401.
//! What it must not know: requests, tokens, Workers.
//! What a mistake costs: a wrong status makes clients retry in vain, or read a dead token as "no data".

mod code;
mod details;
mod page;
mod reason;
mod table;

pub use details::{MEDIA_TYPE, Problem};
pub use page::page;
pub use reason::Reason;
pub use table::Code;

#[cfg(test)]
mod tests;
