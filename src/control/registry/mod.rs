//! The registry: the single writer. A pure state machine over a SQLite database; `now` and randomness are
//! arguments.
//!
//! Standard: docs/lifecycle.md; docs/bound.md, "Why the bound holds".
//! Invariants: each call is one synchronous block. Its changes are one transaction, in which clock, state and
//! the next list number are taken. A refusal or a storage error leaves no trace. Memory is updated only after
//! the commit and can be lost at any time.
//! What it must not know: HTTP, Durable Objects, KV. It says which writes KV needs and when to wake it.
//! What a mistake costs: an acknowledged revocation is lost (false accept).
//!
//! How it is driven by each call:
//! 1. If `uses_wanted` names tokens, ask the usage shards for their uses and pass them to `handle`.
//! 2. Pass the call to `handle`, which commits its transaction.
//! 3. Set the alarm to `next_alarm_at` in the same turn, then send the answer.
//!
//! And by each alarm:
//! 1. `due`: write to KV, and report each write with `written` or `failed`.
//! 2. `announce`: send a webhook in the background, and report it with `sent`.
//! 3. Set the alarm again.

mod admin_key_notices;
mod admin_key_row;
mod admin_keys;
mod announcer;
mod anomaly_notices;
mod authentication;
mod bases;
pub mod command;
mod command_terms;
mod deliveries;
mod dispatch;
mod distribution;
mod events;
mod expiries;
mod families;
mod fetches;
mod idempotency;
mod instance;
mod kept;
mod key_holders;
mod licence_row;
mod licences;
mod lifecycle;
mod list_source;
mod load;
mod meters;
mod notice_rules;
mod notices;
mod origin_index;
mod outbox;
mod planned_end;
mod policy;
mod probe;
mod promise;
mod propagation;
mod propagation_kept;
mod protection;
mod publisher;
mod quota_marks;
mod quotas;
mod rate_use;
mod resealing;
mod restore;
mod retention;
mod retired_keys;
mod retries;
mod rotation;
mod rotation_plan;
mod row;
mod schema;
mod sessions;
mod settings;
mod signing_keys;
mod single_writer;
mod state;
mod status;
mod subscriptions;
mod sweep;
mod token_counts;
mod token_index;
mod token_query;
mod token_row;
mod token_view;
mod tokens;
mod traffic;
mod transaction;

pub use super::waiting::Ticket;
pub use crate::base::database;
pub use announcer::Post;
pub use command_terms::waits_for_kv;
pub use deliveries::Attempt;
pub use outbox::KvWrite;
pub use restore::{KvLists, base_of};
pub use row::StorageError;
pub use settings::RegistrySettings;
pub use single_writer::Registry;
pub use subscriptions::Reception;
