//! The registry: the single writer.

pub mod command;
pub mod database;
