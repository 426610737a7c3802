//! `POST /origin-test`: which rule would match, before anything is saved.
//!
//! Standard: docs/http.md, "Origin rules".
//! Invariants: the verdict comes from the same function that the gate calls. Only a known caller gets it.
//! What it must not know: tokens.
//! What a mistake costs: rules look right here, and then refuse a page.

use super::admin_problem::AdminProblem;
use super::fields::{Field, Shape};
use super::input::Input;
use super::kinds::HeaderValue;
use super::policy_kinds::Origins;
use crate::formats::origin::{MissingOrigin, OriginEvidence, OriginTest, origin_test};
use crate::http::problem::Code;

const HEADER: HeaderValue = HeaderValue { max_bytes: 2_048 };

static ORIGINS: Field<Origins> = Field { name: "origins", about: "The rules to try.", kind: Origins };
static ORIGIN: Field<HeaderValue> =
    Field { name: "origin", about: "The Origin header, as sent.", kind: HEADER };
static REFERER: Field<HeaderValue> =
    Field { name: "referer", about: "The Referer header, as sent.", kind: HEADER };
static SEC_FETCH_SITE: Field<HeaderValue> =
    Field { name: "sec_fetch_site", about: "The Sec-Fetch-Site header, as sent.", kind: HEADER };

/// Shape of the body of `POST /origin-test`
pub(super) static TRY: Shape =
    Shape { required: &[&ORIGINS], optional: &[&ORIGIN, &REFERER, &SEC_FETCH_SITE], refused: &[] };

/// Evaluates the rules in the body against its origin.
pub(super) fn verdict(input: &Input<'_>) -> Result<OriginTest, AdminProblem> {
    let mut body = input.body(&TRY);
    let rules = body.take(&ORIGINS);
    let headers = (body.take(&ORIGIN), body.take(&REFERER), body.take(&SEC_FETCH_SITE));
    let (rules, (origin, referer, sec_fetch_site)) = body.finish((rules, headers))?;
    // The field is required, so `finish` has already refused a request without it.
    let rules = rules.ok_or(AdminProblem::of(Code::InvalidFields))?;
    let evidence = OriginEvidence {
        origin: origin.as_deref(),
        referer: referer.as_deref(),
        sec_fetch_site: sec_fetch_site.as_deref(),
        own_origin: input.context.own_origin,
    };
    Ok(origin_test(&rules, MissingOrigin::Refuse, &evidence))
}
