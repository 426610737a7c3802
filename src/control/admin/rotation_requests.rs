//! Requests about rotation and families: their fields, and the commands that they become.
//!
//! Standard: docs/lifecycle.md, "Rotation"; docs/http.md, "Bulk calls".
//! Invariants: every field of a shape is read. A field that is absent has its documented default.
//! What it must not know: HTTP, which tokens exist.
//! What a mistake costs: a rotation ends the old token sooner than requested (false refuse).

use super::admin_problem::AdminProblem;
use super::fields::{Field, Members, Shape};
use super::filters::{Cursor, FilterKind};
use super::ids::List;
use super::input::Input;
use super::kinds::{Choice, Flag, WholeNumber};
use super::rotation_kinds::RevokeOldKind;
use super::token_requests::{self, REASON};
use super::token_settings::{self, settings_and};
use crate::control::registry::command::{Bulk, Command, Rotate, Supersede, TokenFilter};
use crate::formats::token::Serial;
use crate::limits::BULK_STEP_MAX;

static REVOKE_OLD: Field<RevokeOldKind> = Field {
    name: "revoke_old",
    about: "When the old token ends. Default: after 7 days, once the new one was used.",
    kind: RevokeOldKind,
};
static SUPERSEDE: Field<Choice<Supersede>> = Field {
    name: "supersede",
    about: "Which token to revoke when this one was never used and its predecessor still works: successor \
        (this token; the predecessor's end stays) or original (the predecessor).",
    kind: Choice(&[("successor", Supersede::Successor), ("original", Supersede::Original)]),
};
static REVOKE_OLDEST: Field<Flag> = Field {
    name: "revoke_oldest",
    about: "Revokes the predecessor first, when it and the token are both in use.",
    kind: Flag,
};
static FORCE: Field<Flag> = Field {
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
fn how(body: &mut Members<'_>) -> Rotate {
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

static INCLUDE_PROTECTED: Field<Flag> =
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

static FILTER: Field<FilterKind> = Field {
    name: "filter",
    about: "Which tokens: at least one of the filters of GET /tokens. Tokens that have ended are left out.",
    kind: FilterKind,
};
static DRY_RUN: Field<Flag> = Field {
    name: "dry_run",
    about: "Changes nothing. Reports how many tokens the filter finds, and which would be skipped.",
    kind: Flag,
};
static EXPECT: Field<WholeNumber> = Field {
    name: "expect",
    about: "The number in matched of the dry run. If the filter finds another number, nothing is changed. \
        Checked in the first step.",
    kind: WholeNumber { min: 0, max: u32::MAX as i64 },
};
static STEP_LIMIT: Field<WholeNumber> = Field {
    name: "limit",
    about: "Maximum number of tokens in this step; default 100.",
    kind: WholeNumber { min: 1, max: BULK_STEP_MAX as i64 },
};
static STEP_CURSOR: Field<Cursor> =
    Field { name: "cursor", about: "next_cursor of the previous step.", kind: Cursor(List::Tokens) };

static KIND: Field<Choice<bool>> = Field {
    name: "kind",
    about: "The kind of reason to keep: bulk (the default), or owner_removed if the owner has left.",
    kind: Choice(&[("bulk", false), ("owner_removed", true)]),
};

/// Shape of the body of `POST /tokens/revoke`
pub(super) static REVOKE_TOKENS: Shape = Shape {
    required: &[&FILTER],
    optional: &[&REASON, &KIND, &INCLUDE_PROTECTED, &DRY_RUN, &EXPECT, &STEP_LIMIT, &STEP_CURSOR],
    refused: &[],
};

/// Reads the body of `POST /tokens/revoke`.
pub(super) fn revoke_tokens(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let mut body = input.body(&REVOKE_TOKENS);
    let (reason, include) = (body.take(&REASON), body.take(&INCLUDE_PROTECTED).unwrap_or(false));
    let owner_removed = body.take(&KIND).unwrap_or(false);
    let bulk = Box::new(bulk(&mut body));
    let (bulk, reason, include_protected) = body.finish((bulk, reason, include))?;
    Ok(Command::RevokeTokens { bulk, reason, owner_removed, include_protected })
}

/// Shape of the body of `POST /tokens/rotate`
pub(super) static ROTATE_TOKENS: Shape = Shape {
    required: &[&FILTER],
    optional: &[
        &REVOKE_OLD,
        &token_requests::EXPIRES_IN,
        &token_requests::EXPIRES_AT,
        &SUPERSEDE,
        &REVOKE_OLDEST,
        &FORCE,
        &DRY_RUN,
        &EXPECT,
        &STEP_LIMIT,
        &STEP_CURSOR,
    ],
    refused: &[],
};

/// Reads the body of `POST /tokens/rotate`.
pub(super) fn rotate_tokens(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let mut body = input.body(&ROTATE_TOKENS);
    let (bulk, rotate) = (Box::new(bulk(&mut body)), Box::new(how(&mut body)));
    let (bulk, rotate) = body.finish((bulk, rotate))?;
    Ok(Command::RotateTokens { bulk, rotate })
}

fn bulk(body: &mut Members<'_>) -> Bulk {
    let limit = body.take(&STEP_LIMIT).and_then(|limit| u32::try_from(limit).ok());
    let below = body.take(&STEP_CURSOR).and_then(|below| u32::try_from(below).ok()).map(Serial);
    Bulk {
        // The field is required, so `finish` refuses a request without it.
        filter: TokenFilter {
            limit: limit.unwrap_or(BULK_STEP_MAX),
            below,
            ..body.take(&FILTER).unwrap_or_default()
        },
        dry_run: body.take(&DRY_RUN).unwrap_or(false),
        expect: body.take(&EXPECT).and_then(|count| u64::try_from(count).ok()),
    }
}
