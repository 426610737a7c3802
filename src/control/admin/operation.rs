//! An operation of the admin API: what it may contain and answer, as a row of the table in `operations`.
//!
//! Standard: OpenAPI 3.1 (path templates, operation ids).
//! What it must not know: Workers. The registry enforces who may ask for what; `least_role` only documents
//! it.

use super::admin_problem::AdminProblem;
use super::fields::Shape;
use super::input::Input;
use super::task::AdminTask;
use crate::formats::admin_key::Role;
use crate::http::problem::Code;

/// The only parameter that a path template may have.
pub const ID: &str = "{id}";

/// One operation of the admin API.
pub struct Operation {
    /// HTTP method: GET, POST, PATCH or DELETE.
    pub method: &'static str,
    /// Path below `/_wayleave/api`; `{id}` is one segment.
    pub path: &'static str,
    /// The `operationId` in OpenAPI.
    pub id: &'static str,
    /// One sentence for the documentation.
    pub summary: &'static str,
    /// The least role that the registry requires; `None`: no key is needed.
    pub least_role: Option<Role>,
    /// Fields of the query.
    pub query: &'static Shape,
    /// Fields of the body; `None`: no body.
    pub body: Option<&'static Shape>,
    /// Whether a retry with the same `Idempotency-Key` gets the same response and changes nothing again. If
    /// false, the header is refused on all methods but GET.
    pub idempotent_by_key: bool,
    /// Whether the operation evaluates `If-Match`.
    pub conditional: bool,
    /// The response on success.
    pub success: Success,
    /// Problems besides those that every operation may answer with. The registry's tests check that the list
    /// is exact.
    pub problems: &'static [Code],
    /// Parses the request into a task.
    pub(super) read: fn(&Input<'_>) -> Result<AdminTask, AdminProblem>,
}

/// A successful response, for the documentation.
pub struct Success {
    pub status: u16,
    /// Name of the body's schema; `None`: no body.
    pub schema: Option<&'static str>,
    /// Media type of the body; empty without a body.
    pub media_type: &'static str,
}

impl Success {
    /// Success without a body.
    pub(super) const NO_CONTENT: Self = Self { status: 204, schema: None, media_type: "" };

    pub(super) const fn json(status: u16, schema: &'static str) -> Self {
        Self { status, schema: Some(schema), media_type: "application/json" }
    }
}
