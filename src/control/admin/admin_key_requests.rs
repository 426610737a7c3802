//! Requests about admin keys.
//!
//! Standard: DESIGN section 7.
//! Invariants: the role is always given; there is no default that could be too much.
//! What it must not know: which keys exist.
//! What a mistake costs: a key that may more, or lasts longer, than its maker meant.

use super::AdminProblem;
use super::fields::{Field, Shape};
use super::kinds::{Choice, Instant, Nullable, ROLE, Text};
use super::operation::Input;
use super::token_requests::TEXT;
use crate::admin_key::Role;
use crate::problem::Code;
use crate::registry::command::{Command, NewAdminKey};

static LABEL: Field<Text> = Field { name: "label", about: "Who or what holds the key.", kind: TEXT };
static KEY_ROLE: Field<Choice<Role>> = Field { name: "role", about: "What the key may do.", kind: ROLE };
static EXPIRES_AT: Field<Nullable<Instant>> = Field {
    name: "expires_at",
    about: "When the key ends; null or absent is never.",
    kind: Nullable(Instant),
};

/// `POST /admin-keys`
pub static CREATE: Shape = Shape { required: &[&LABEL, &KEY_ROLE], optional: &[&EXPIRES_AT], refused: &[] };

/// Reads `POST /admin-keys`.
pub(super) fn create(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let mut body = input.body(&CREATE);
    let key = (body.take(&LABEL), body.take(&KEY_ROLE), body.take(&EXPIRES_AT).flatten());
    match body.finish(key)? {
        (Some(label), Some(role), expires_at) => {
            Ok(Command::CreateAdminKey(NewAdminKey { label, role, expires_at }))
        }
        // Both are required, so `finish` has refused already.
        _ => Err(AdminProblem::of(Code::InvalidFields)),
    }
}

/// Reads `DELETE /admin-keys/{id}`.
pub(super) fn delete(input: &Input<'_>) -> Result<Command, AdminProblem> {
    input.admin_key_id().map(Command::DeleteAdminKey)
}
