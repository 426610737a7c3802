//! What every answer has in common: problems, replies, the headers of CORS and caching, Wayleave's own paths.

pub mod caching;
pub mod cors;
pub mod paths;
pub mod problem;
pub mod reply;
