//! The interface to SQLite, so that the same SQL text runs in a Durable Object and in native tests.
//!
//! Standard: SQLite's SQL; positional `?` parameters.
//! Invariants: a transaction is all or nothing. If `body` returns an error, everything it wrote is undone.
//! What it must not know: tables, rules, Workers.
//! What a mistake costs: half of a transaction is an acknowledged write that is lost, or a revocation that is
//! never listed.

mod connection;
pub mod migration;
mod row;

pub use connection::{Database, DatabaseError, Row, Value};
pub use row::ReadError;
pub(crate) use row::{Columns, Rows, json, optional_json, unsigned};
