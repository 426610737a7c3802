//! Code that knows nothing of Wayleave: time, JSON, text for people, header fields, paths, the interface to
//! SQLite.

pub mod canonical_json;
pub mod database;
pub mod folded_name;
pub mod headers;
pub mod json;
pub mod plain_path;
pub mod readable_text;
pub mod time;
