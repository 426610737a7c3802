//! Requests about rotation and families: their fields, and the commands that they become.
//!
//! Standard: docs/lifecycle.md, "Rotation", "Families".
//! Invariants: every field of a shape is read. A field that is absent has its documented default.
//! What it must not know: HTTP, which tokens exist.
//! What a mistake costs: a rotation ends the old token sooner than requested (false refuse).

use super::admin_problem::AdminProblem;
use super::fields::{Field, Members, Shape};
use super::input::Input;
use super::kinds::{Choice, Flag};
use super::rotation_kinds::RevokeOldKind;
use super::token_requests::{self, REASON};
use super::token_settings::{self, settings_and};
use crate::control::registry::command::{Command, Rotate, Supersede};

pub(super) static REVOKE_OLD: Field<RevokeOldKind> = Field {
    name: "revoke_old",
    about: "When the old token ends. Default: after 7 days, once the new one was used.",
    kind: RevokeOldKind,
};
pub(super) static SUPERSEDE: Field<Choice<Supersede>> = Field {
    name: "supersede",
    about: "Which token to revoke when this one was never used and its predecessor still works: successor \
        (this token; the predecessor's end stays) or original (the predecessor).",
    kind: Choice(&[("successor", Supersede::Successor), ("original", Supersede::Original)]),
};
pub(super) static REVOKE_OLDEST: Field<Flag> = Field {
    name: "revoke_oldest",
    about: "Revokes the predecessor first, when it and the token are both in use.",
    kind: Flag,
};
pub(super) static FORCE: Field<Flag> = Field {
    name: "force",
    about: "With supersede: original, revokes the original even if it was used in the last day.",
    kind: Flag,
};

/// `POST /tokens/{id}/rotate` and `POST /families/{id}/rotate`
pub(super) static ROTATE: Shape = Shape {
    required: &[],
    optional: settings_and!(
        &REVOKE_OLD,
        &token_requests::EXPIRES_IN,
        &token_requests::EXPIRES_AT,
        &SUPERSEDE,
        &REVOKE_OLDEST,
        &FORCE;
    ),
    refused: &[],
};

/// Reads path and body of `POST /tokens/{id}/rotate`.
pub(super) fn rotate_token(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let serial = input.token_id()?;
    Ok(Command::RotateToken { serial, rotate: Box::new(rotate(input)?) })
}

/// Reads path and body of `POST /families/{id}/rotate`.
pub(super) fn rotate_family(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let family = input.family_id()?;
    Ok(Command::RotateFamily { family, rotate: Box::new(rotate(input)?) })
}

fn rotate(input: &Input<'_>) -> Result<Rotate, AdminProblem> {
    let mut body = input.body(&ROTATE);
    let overrides = token_settings::read(&mut body);
    let rotate = Rotate { overrides, ..how(&mut body) };
    body.finish(rotate)
}

/// Reads everything except the settings that differ in the successor.
pub(super) fn how(body: &mut Members<'_>) -> Rotate {
    Rotate {
        revoke_old: body.take(&REVOKE_OLD).unwrap_or_default(),
        lifetime: token_requests::lifetime(body),
        overrides: Default::default(),
        supersede: body.take(&SUPERSEDE),
        revoke_oldest: body.take(&REVOKE_OLDEST).unwrap_or(false),
        force: body.take(&FORCE).unwrap_or(false),
    }
}

/// Reads path and body of `PATCH /families/{id}`.
pub(super) fn edit_family(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let family = input.family_id()?;
    let mut body = input.body(&token_requests::EDIT);
    let edit = token_settings::read(&mut body);
    Ok(Command::EditFamily { family, edit: body.finish(edit)? })
}

pub(super) static INCLUDE_PROTECTED: Field<Flag> =
    Field { name: "include_protected", about: "Includes protected tokens. Only for owners.", kind: Flag };

/// Shape of the body of `POST /families/{id}/revoke`
pub(super) static REVOKE_FAMILY: Shape =
    Shape { required: &[], optional: &[&REASON, &INCLUDE_PROTECTED], refused: &[] };

/// Reads path and body of `POST /families/{id}/revoke`.
pub(super) fn revoke_family(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let family = input.family_id()?;
    let mut body = input.body(&REVOKE_FAMILY);
    let (reason, include) = (body.take(&REASON), body.take(&INCLUDE_PROTECTED).unwrap_or(false));
    let (reason, include_protected) = body.finish((reason, include))?;
    Ok(Command::RevokeFamily { family, reason, include_protected })
}
