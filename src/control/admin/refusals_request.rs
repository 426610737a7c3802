//! The query of `GET /refusals`.
//!
//! Standard: docs/lifecycle.md, "The tail of refusals"; docs/http.md, "Lists and cursors".
//! What it must not know: HTTP, what was refused.
//! What a mistake costs: an operator does not see why a page is refused.

use super::admin_problem::AdminProblem;
use super::cursors::{List, parse_cursor};
use super::fields::{Field, Shape};
use super::filters::Cursor;
use super::input::Input;
use super::kinds::{OriginText, TokenIdKind, WholeNumber};
use super::refusal_page::RefusalPage;
use super::task::{AdminTask, Rendering};
use crate::control::registry::command::Command;
use crate::limits::{PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX};

static TOKEN: Field<TokenIdKind> =
    Field { name: "token", about: "Only refusals of this token.", kind: TokenIdKind };
static SITE: Field<OriginText> =
    Field { name: "site", about: "Only refusals of pages of this origin.", kind: OriginText };
static LIMIT: Field<WholeNumber> = Field {
    name: "limit",
    about: "Maximum number of items on the page; default 50.",
    kind: WholeNumber { min: 1, max: PAGE_LIMIT_MAX as i64 },
};
static CURSOR: Field<Cursor<i64>> = Field {
    name: "cursor",
    about: "next_cursor of the previous page.",
    kind: Cursor(|text| parse_cursor(List::Refusals, text)),
};

/// The query of `GET /refusals`
pub(super) static REFUSALS: Shape =
    Shape { required: &[], optional: &[&TOKEN, &SITE, &LIMIT, &CURSOR], refused: &[] };

/// Reads the query. The registry only confirms the caller and, if one is named, that the token exists.
pub(super) fn refusals(input: &Input<'_>) -> Result<AdminTask, AdminProblem> {
    let mut query = input.query(&REFUSALS);
    let limit = query.take(&LIMIT).and_then(|limit| u32::try_from(limit).ok());
    let page = RefusalPage {
        keeps: input.context.keeps_refusals,
        serial: query.take(&TOKEN),
        site: query.take(&SITE).map(|site| site.to_string()),
        limit: limit.unwrap_or(PAGE_LIMIT_DEFAULT),
        below: query.take(&CURSOR),
    };
    let page = query.finish_query(page)?;
    let command = page.serial.map_or(Command::Authenticate, Command::GetToken);
    Ok(AdminTask::ask(command, Rendering::Refusals(page)))
}
