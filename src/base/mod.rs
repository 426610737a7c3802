//! Code that knows nothing of Wayleave: time, JSON, text for people, header fields, the interface to SQLite.

pub mod database;
pub mod folded_name;
pub mod headers;
pub mod json;
pub mod readable_text;
pub mod time;
