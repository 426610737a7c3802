//! Requests about licences and owners: their fields, and the commands that they become.
//!
//! Standard: docs/lifecycle.md, "Licences".
//! Invariants: a request names exactly one family, owner or external id.
//! What it must not know: which tokens exist, how names are compared.
//! What a mistake costs: another customer's tokens end.

use super::admin_problem::AdminProblem;
use super::cursors::{List, parse_cursor};
use super::fields::{Field, Members, Shape};
use super::filters::Cursor;
use super::input::Input;
use super::kinds::{FamilyIdKind, Flag, HEADER_TEXT, HeaderText, Instant, Nullable, TEXT, Text, WholeNumber};
use crate::control::registry::command::{Command, LicenceOf, ListPage, SetLicence, SwitchOwnerOff};
use crate::http::problem::Code;
use crate::limits;

static FAMILY: Field<FamilyIdKind> =
    Field { name: "family", about: "The licence is for this family.", kind: FamilyIdKind };
static OWNER: Field<Text> = Field {
    name: "owner",
    about: "The licence is for all tokens of this owner, in any case, width or composition of letters.",
    kind: TEXT,
};
static EXTERNAL_ID: Field<HeaderText> = Field {
    name: "external_id",
    about: "The licence is for all tokens with exactly this external id.",
    kind: HEADER_TEXT,
};
static ENDS_AT: Field<Nullable<Instant>> = Field {
    name: "ends_at",
    about: "When the tokens end: in the future. Fractions of a second are cut off. Null takes the licence \
        back.",
    kind: Nullable(Instant),
};
static INCLUDE_PROTECTED: Field<Flag> = Field {
    name: "include_protected",
    about: "Allows it where a token that it concerns is protected. Only for owners.",
    kind: Flag,
};

/// Shape of the body of `POST /licences`
pub(super) static SET: Shape = Shape {
    required: &[&ENDS_AT],
    optional: &[&FAMILY, &OWNER, &EXTERNAL_ID, &INCLUDE_PROTECTED],
    refused: &[],
};

/// Reads the body of `POST /licences`.
pub(super) fn set(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let mut body = input.body(&SET);
    let of = subject(&mut body);
    let ends_at = body.take(&ENDS_AT);
    let include_protected = body.take(&INCLUDE_PROTECTED).unwrap_or(false);
    match body.finish((of, ends_at))? {
        (Some(of), Some(ends_at)) => Ok(Command::SetLicence(SetLicence { of, ends_at, include_protected })),
        // Both are required, so `finish` has already refused the request without them.
        _ => Err(AdminProblem::of(Code::InvalidFields)),
    }
}

fn subject(body: &mut Members<'_>) -> Option<LicenceOf> {
    let given = [
        (body.has(&FAMILY), FAMILY.name),
        (body.has(&OWNER), OWNER.name),
        (body.has(&EXTERNAL_ID), EXTERNAL_ID.name),
    ];
    let (family, owner, id) = (body.take(&FAMILY), body.take(&OWNER), body.take(&EXTERNAL_ID));
    let named: Vec<_> = given.into_iter().filter(|(has, _)| *has).map(|(_, name)| name).collect();
    match named.as_slice() {
        [] => body.faults.add(FAMILY.name, "required", "one of family, owner and external_id"),
        [_] => {
            let family = family.map(LicenceOf::Family);
            return family.or(owner.map(LicenceOf::Owner)).or(id.map(LicenceOf::ExternalId));
        }
        several => {
            for name in several {
                body.faults.add(name, "conflicting_fields", "one of family, owner and external_id");
            }
        }
    }
    None
}

static LIMIT: Field<WholeNumber> = Field {
    name: "limit",
    about: "Maximum number of items on the page; default 50.",
    kind: WholeNumber { min: 1, max: limits::PAGE_LIMIT_MAX as i64 },
};
static LICENCE_CURSOR: Field<Cursor<i64>> = Field {
    name: "cursor",
    about: "next_cursor of the previous page.",
    kind: Cursor(|text| parse_cursor(List::Licences, text)),
};
static OWNER_CURSOR: Field<Cursor<i64>> = Field {
    name: "cursor",
    about: "next_cursor of the previous page.",
    kind: Cursor(|text| parse_cursor(List::Owners, text)),
};

/// The query of `GET /licences`
pub(super) static LICENCES: Shape =
    Shape { required: &[], optional: &[&LIMIT, &LICENCE_CURSOR], refused: &[] };
/// The query of `GET /owners`
pub(super) static OWNERS: Shape = Shape { required: &[], optional: &[&LIMIT, &OWNER_CURSOR], refused: &[] };

/// Reads the query of `GET /licences`.
pub(super) fn licences(input: &Input<'_>) -> Result<Command, AdminProblem> {
    page(input, &LICENCES, &LICENCE_CURSOR).map(Command::ListLicences)
}

/// Reads the query of `GET /owners`.
pub(super) fn owners(input: &Input<'_>) -> Result<Command, AdminProblem> {
    page(input, &OWNERS, &OWNER_CURSOR).map(Command::ListOwnersOff)
}

fn page(input: &Input<'_>, shape: &Shape, cursor: &Field<Cursor<i64>>) -> Result<ListPage, AdminProblem> {
    let mut query = input.query(shape);
    let limit = query.take(&LIMIT).and_then(|limit| u32::try_from(limit).ok());
    let page = ListPage { limit: limit.unwrap_or(limits::PAGE_LIMIT_DEFAULT), below: query.take(cursor) };
    query.finish_query(page)
}

static OFF_OWNER: Field<Text> =
    Field { name: "owner", about: "The owner, in any case, width or composition of letters.", kind: TEXT };
static REASON: Field<Text> =
    Field { name: "reason", about: "Free text, kept with each revocation.", kind: TEXT };

/// Shape of the body of `POST /owners/switch-off`
pub(super) static SWITCH_OFF: Shape =
    Shape { required: &[&OFF_OWNER], optional: &[&REASON, &INCLUDE_PROTECTED], refused: &[] };

/// Reads the body of `POST /owners/switch-off`.
pub(super) fn switch_off(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let mut body = input.body(&SWITCH_OFF);
    let (owner, reason) = (body.take(&OFF_OWNER), body.take(&REASON));
    let include_protected = body.take(&INCLUDE_PROTECTED).unwrap_or(false);
    // The field is required, so `finish` has already refused a request without it.
    let owner = body.finish(owner)?.ok_or(AdminProblem::of(Code::InvalidFields))?;
    Ok(Command::SwitchOwnerOff(SwitchOwnerOff { owner, reason, include_protected }))
}

/// Shape of the body of `POST /owners/switch-on`
pub(super) static SWITCH_ON: Shape = Shape { required: &[&OFF_OWNER], optional: &[], refused: &[] };

/// Reads the body of `POST /owners/switch-on`.
pub(super) fn switch_on(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let mut body = input.body(&SWITCH_ON);
    let owner = body.take(&OFF_OWNER);
    let owner = body.finish(owner)?.ok_or(AdminProblem::of(Code::InvalidFields))?;
    Ok(Command::SwitchOwnerOn(owner))
}
