//! Requests about many tokens at once: which ones, which step, and what is done to each.
//!
//! Standard: docs/http.md, "Bulk calls".
//! Invariants: every bulk call reads filter and step alike.
//! What it must not know: HTTP, which tokens exist.
//! What a mistake costs: tokens are ended that nobody meant (false refuse), or left that somebody meant
//! (false accept).

use super::admin_problem::AdminProblem;
use super::cursors::{BEGINNING, parse_step_cursor};
use super::fields::{Field, Members, Shape};
use super::filters::{Cursor, FilterKind};
use super::input::Input;
use super::kinds::{Choice, Flag, Nullable, TEXT, Text, WholeNumber};
use super::rotation_requests::{FORCE, INCLUDE_PROTECTED, REVOKE_OLD, REVOKE_OLDEST, SUPERSEDE, how};
use super::token_requests::{self, REASON};
use crate::control::registry::command::{Bulk, BulkChange, Command, TokenFilter};
use crate::formats::token::Serial;
use crate::limits::BULK_STEP_MAX;

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
static STEP_CURSOR: Field<Cursor<(Serial, Serial)>> =
    Field { name: "cursor", about: "next_cursor of the previous step.", kind: Cursor(parse_step_cursor) };

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

/// Shape of the body of `POST /tokens/disable` and `POST /tokens/enable`
pub(super) static CHANGE_TOKENS: Shape =
    Shape { required: &[&FILTER], optional: &[&DRY_RUN, &EXPECT, &STEP_LIMIT, &STEP_CURSOR], refused: &[] };

/// Reads the body of `POST /tokens/disable` or `POST /tokens/enable`.
pub(super) fn change_tokens(input: &Input<'_>, change: BulkChange) -> Result<Command, AdminProblem> {
    let mut body = input.body(&CHANGE_TOKENS);
    let bulk = Box::new(bulk(&mut body));
    Ok(Command::ChangeTokens { bulk: body.finish(bulk)?, change })
}

static NEW_OWNER: Field<Nullable<Text>> = Field {
    name: "owner",
    about: "The owner that the tokens get; null: none. (The filter has an owner of its own.)",
    kind: Nullable(TEXT),
};

/// Shape of the body of `POST /tokens/change-owner`
pub(super) static CHANGE_OWNER: Shape = Shape {
    required: &[&FILTER, &NEW_OWNER],
    optional: &[&DRY_RUN, &EXPECT, &STEP_LIMIT, &STEP_CURSOR],
    refused: &[],
};

/// Reads the body of `POST /tokens/change-owner`.
pub(super) fn change_owner(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let mut body = input.body(&CHANGE_OWNER);
    // The field is required, so `finish` refuses a request without it.
    let change = BulkChange::Owner(body.take(&NEW_OWNER).flatten());
    let bulk = Box::new(bulk(&mut body));
    let (bulk, change) = body.finish((bulk, change))?;
    Ok(Command::ChangeTokens { bulk, change })
}

fn bulk(body: &mut Members<'_>) -> Bulk {
    let limit = body.take(&STEP_LIMIT).and_then(|limit| u32::try_from(limit).ok());
    let (below, until) = body.take(&STEP_CURSOR).unzip();
    Bulk {
        // The field is required, so `finish` refuses a request without it.
        filter: TokenFilter {
            limit: limit.unwrap_or(BULK_STEP_MAX),
            below: below.filter(|below| *below != BEGINNING),
            until,
            ..body.take(&FILTER).unwrap_or_default()
        },
        dry_run: body.take(&DRY_RUN).unwrap_or(false),
        expect: body.take(&EXPECT).and_then(|count| u64::try_from(count).ok()),
    }
}
