//! `POST /origin-test`: which rule would match, before anything is saved.
//!
//! Standard: DESIGN sections 6 and 7.
//! Invariants: the verdict comes from the same function that the gate calls; it is given only to a known caller.
//! What it must not know: tokens.
//! What a mistake costs: rules that look right here and refuse a page there.

use super::AdminProblem;
use super::fields::{Field, Shape};
use super::kinds::HeaderValue;
use super::operation::Input;
use super::policy_kinds::Origins;
use crate::origin::{MissingOrigin, OriginEvidence, OriginTest, origin_test};
use crate::problem::Code;

const HEADER: HeaderValue = HeaderValue { max_bytes: 2_048 };

static ORIGINS: Field<Origins> = Field { name: "origins", about: "The rules to try.", kind: Origins };
static ORIGIN: Field<HeaderValue> =
    Field { name: "origin", about: "The Origin header, as sent.", kind: HEADER };
static REFERER: Field<HeaderValue> =
    Field { name: "referer", about: "The Referer header, as sent.", kind: HEADER };
static SEC_FETCH_SITE: Field<HeaderValue> =
    Field { name: "sec_fetch_site", about: "The Sec-Fetch-Site header, as sent.", kind: HEADER };

/// `POST /origin-test`
pub static TRY: Shape =
    Shape { required: &[&ORIGINS], optional: &[&ORIGIN, &REFERER, &SEC_FETCH_SITE], refused: &[] };

/// The verdict.
pub(super) fn verdict(input: &Input<'_>) -> Result<OriginTest, AdminProblem> {
    let mut body = input.body(&TRY);
    let rules = body.take(&ORIGINS);
    let headers = (body.take(&ORIGIN), body.take(&REFERER), body.take(&SEC_FETCH_SITE));
    let (rules, (origin, referer, sec_fetch_site)) = body.finish((rules, headers))?;
    // Required, so `finish` has refused already.
    let rules = rules.ok_or(AdminProblem::of(Code::InvalidFields))?;
    let evidence = OriginEvidence {
        origin: origin.as_deref(),
        referer: referer.as_deref(),
        sec_fetch_site: sec_fetch_site.as_deref(),
        own_origin: input.context.own_origin,
    };
    Ok(origin_test(&rules, MissingOrigin::Refuse, &evidence))
}
