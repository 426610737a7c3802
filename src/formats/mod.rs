//! What crosses planes: tokens, keys, seals, records, the revocation list, origin rules, scopes, claims, and
//! what is reported.
//!
//! Both planes, and counting, read and write these; a change here is a change of what stored values mean.

pub mod admin_key;
pub mod checked_text;
pub mod distribution;
pub mod family;
pub mod fingerprint;
pub mod holding;
pub mod key;
pub mod list;
pub mod origin;
pub mod page_fetch;
pub mod rate_class;
pub mod record;
pub mod scope;
pub mod seal;
mod serial_column;
pub mod session;
pub mod token;
pub mod upstream_claims;
pub mod usage;
