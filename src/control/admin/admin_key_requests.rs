//! Requests about admin keys.
//!
//! Standard: docs/http.md, "Callers and roles".
//! Invariants: a request must name the role. There is no default, because a default could grant too much.
//! What it must not know: which keys exist.
//! What a mistake costs: a key with a higher role, or a longer life, than its creator intended.

use super::admin_problem::AdminProblem;
use super::fields::{Field, Shape};
use super::input::Input;
use super::kinds::{Choice, Instant, Nullable, ROLE, TEXT, Text};
use crate::control::registry::command::{Command, NewAdminKey};
use crate::formats::admin_key::Role;
use crate::http::problem::Code;

static LABEL: Field<Text> = Field { name: "label", about: "Who or what holds the key.", kind: TEXT };
static KEY_ROLE: Field<Choice<Role>> = Field { name: "role", about: "What the key may do.", kind: ROLE };
static EXPIRES_AT: Field<Nullable<Instant>> = Field {
    name: "expires_at",
    about: "When the key ends: at most 365 days from now. Null or absent: after 90 days. It cannot be \
        changed later.",
    kind: Nullable(Instant),
};

/// Shape of the body of `POST /admin-keys`
pub(super) static CREATE: Shape =
    Shape { required: &[&LABEL, &KEY_ROLE], optional: &[&EXPIRES_AT], refused: &[] };

/// Reads the body of `POST /admin-keys`.
pub(super) fn create(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let mut body = input.body(&CREATE);
    let key = (body.take(&LABEL), body.take(&KEY_ROLE), body.take(&EXPIRES_AT).flatten());
    match body.finish(key)? {
        (Some(label), Some(role), expires_at) => {
            Ok(Command::CreateAdminKey(NewAdminKey { label, role, expires_at }))
        }
        // Both fields are required, so `finish` has already refused the request without them.
        _ => Err(AdminProblem::of(Code::InvalidFields)),
    }
}

/// Reads the path of `DELETE /admin-keys/{id}`.
pub(super) fn delete(input: &Input<'_>) -> Result<Command, AdminProblem> {
    input.admin_key_id().map(Command::DeleteAdminKey)
}
