//! Requests to the registry and its answers: the vocabulary on both sides of the Durable Object's interface.
//!
//! Standard: docs/http.md and docs/lifecycle.md give the rules. Times are in milliseconds or seconds, as
//! their type says.
//! Invariants: a [`Command`] is well formed, since the admin API has parsed every field. Whether it is
//! *allowed* is for the registry to decide. HTTP statuses, headers and JSON problems do not appear here.
//! What it must not know: HTTP, Workers, SQL.
//! What a mistake costs: a field lost in this exchange is a policy that is silently not enforced (false
//! accept).

mod admin_key;
mod answer;
mod bulk;
mod commands;
mod event;
mod family;
mod fault;
mod licence;
mod notice;
mod quota;
mod receipt;
mod request;
mod rotate;
mod rotation_plan;
mod signing_key;
mod status;
mod token;
mod token_filter;
pub mod token_warnings;

pub use admin_key::{AdminKeyView, NewAdminKey, SessionView};
pub use answer::Answer;
pub use bulk::{Bulk, BulkChange, BulkCounts, BulkStep, Skipped};
pub use commands::Command;
pub use event::{EventFilter, EventView};
pub use family::{FamilyView, FetchView};
pub use fault::{BlockingToken, Clash, Fault, FieldFault};
pub use licence::{LicenceOf, LicenceView, ListPage, OwnerOffView, SetLicence, SwitchOwnerOff};
pub use notice::{DeliveryState, DeliveryView, NoticeFilter, NoticeKind, NoticeView, WebhookView};
pub use quota::{Quota, QuotaCounts, QuotaUse};
pub use receipt::{KeyReceipt, Receipt};
pub use request::{AdminCall, Call, Caller, Idempotency, ListAskedBy, RelayCall, Subscribe};
pub use rotate::{Rotate, Rotated, Supersede};
pub use rotation_plan::{AutoRotate, RevokeOld, RotationView};
pub use signing_key::{SigningKeyState, SigningKeyView};
pub use status::{
    ExpiriesView, ExpiryView, LocationView, ProbeView, PropagationView, StatusView, StatusWarning,
};
pub use token::{Lifetime, NewToken, TokenEdit, TokenPolicy, TokenState, TokenView};
pub use token_filter::{Sort, SortBy, SortKey, TokenFilter, TokensTotal};
