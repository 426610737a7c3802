//! Requests about signing keys.
//!
//! Standard: DESIGN section 4 "Keys", section 7 (`/signing-keys`).
//! What it must not know: which keys exist, which one signs.
//! What a mistake costs: another key is retired than the one that was meant; that cannot be undone.

use super::AdminProblem;
use super::fields::{Field, Shape};
use super::kinds::Flag;
use super::operation::Input;
use crate::registry::command::Command;

static FORCE: Field<Flag> =
    Field { name: "force", about: "Also when tokens under it are live: they die with it.", kind: Flag };

/// `POST /signing-keys/{id}/retire`
pub static RETIRE: Shape = Shape { required: &[], optional: &[&FORCE], refused: &[] };

/// Reads `POST /signing-keys/{id}/activate`.
pub(super) fn activate(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let key_id = input.signing_key_id()?;
    Ok(Command::ActivateSigningKey(input.body(&Shape::EMPTY).finish(key_id)?))
}

/// Reads `POST /signing-keys/{id}/retire`.
pub(super) fn retire(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let key_id = input.signing_key_id()?;
    let mut body = input.body(&RETIRE);
    let force = body.take(&FORCE).unwrap_or(false);
    Ok(Command::RetireSigningKey { key_id, force: body.finish(force)? })
}
