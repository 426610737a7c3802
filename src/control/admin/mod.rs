//! The admin API: turns requests into commands for the registry, and the registry's answers into responses.
//!
//! Standards: docs/http.md, "Admin API"; RFC 9110; RFC 9457; OpenAPI 3.1.
//! How a request flows:
//! 1. [`parse()`] finds the operation, checks the admin key, reads query and body, and returns a [`Parsed`].
//! 2. The platform sends its [`Parsed::Ask`] to the registry, and then the calls of [`usage_calls`] to the
//!    usage shards.
//! 3. [`render()`] turns the answers into a [`Reply`](crate::http::reply::Reply).
//!
//! Invariants: a caller without a key that was made here gets 401 and causes no call to any other service.
//! One response names every wrong field. Every response is `no-store`. None has CORS headers, because no page
//! of another origin may read any.
//! What it must not know: Workers, SQL, which tokens and keys exist.
//! What a mistake costs: a request that is mistaken for another one changes who may use an API.

mod admin_key_requests;
mod admin_key_views;
mod admin_problem;
pub mod all_usage_view;
mod bulk_requests;
mod bulk_views;
mod caller;
pub mod configuration_view;
mod context;
pub mod cursors;
mod event_views;
mod family_views;
mod fault_problems;
pub mod fields;
mod filter_kinds;
mod filters;
mod headers;
pub mod ids;
mod input;
mod kinds;
mod licence_requests;
mod licence_views;
pub mod metrics;
mod notice_views;
#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
pub mod operation;
pub mod operations;
mod origin_test_request;
mod page;
mod parse;
mod pasted;
mod policy_kinds;
mod probe_view;
mod problem_members;
mod quota_kind;
pub mod refusal_page;
mod refusals_request;
pub mod refusals_view;
mod render;
mod request;
mod rotation_kinds;
mod rotation_requests;
mod routing;
mod scope_kinds;
mod session_requests;
mod signing_key_requests;
mod signing_key_views;
mod status_view;
mod task;
mod token_page;
mod token_requests;
mod token_settings;
pub mod token_views;
mod usage_request;
pub mod usage_view;

pub use admin_problem::AdminProblem;
pub use context::Context;
pub use fault_problems::fault_problem;
pub use parse::{OPENAPI_JSON, Parsed, parse, wants_body};
pub use problem_members::{BlockingTokenJson, ProblemMembers};
pub use render::{render, with_warnings_of_host};
pub use request::{API_PATH, AdminRequest, RequestBody};
pub use session_requests::delay_ms;
pub use task::Rendering;
pub use usage_view::{UsageSeen, usage_calls};
