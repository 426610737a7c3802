//! Requests about signing keys.
//!
//! Standard: docs/lifecycle.md, "Signing keys".
//! What it must not know: which keys exist, and which one signs.
//! What a mistake costs: the wrong key is retired, which cannot be undone.

use super::admin_problem::AdminProblem;
use super::fields::{Field, Shape};
use super::input::Input;
use super::kinds::Flag;
use crate::control::registry::command::Command;

static FORCE: Field<Flag> = Field {
    name: "force",
    about: "Retires the key even if tokens signed with it are live. They are then refused.",
    kind: Flag,
};

/// Shape of the body of `POST /signing-keys/{id}/retire`
pub(super) static RETIRE: Shape = Shape { required: &[], optional: &[&FORCE], refused: &[] };

/// Reads the path of `POST /signing-keys/{id}/activate`.
pub(super) fn activate(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let key_id = input.signing_key_id()?;
    Ok(Command::ActivateSigningKey(input.body(&Shape::EMPTY).finish(key_id)?))
}

/// Reads path and body of `POST /signing-keys/{id}/retire`.
pub(super) fn retire(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let key_id = input.signing_key_id()?;
    let mut body = input.body(&RETIRE);
    let force = body.take(&FORCE).unwrap_or(false);
    Ok(Command::RetireSigningKey { key_id, force: body.finish(force)? })
}
