//! The request headers that qualify a call: `If-Match`, `Idempotency-Key`.
//!
//! Standards: RFC 9110 section 13.1.1 (`If-Match`) and 8.8.3 (entity tags), the IETF
//! draft on `Idempotency-Key`.
//! Invariants: a header sent twice arrives joined by `, ` and is refused, never taken in part.
//! What it must not know: who calls.
//! What a mistake costs: a precondition that is dropped overwrites someone's edit.

use super::AdminProblem;
use crate::key::sha256;
use crate::limits;
use crate::problem::Code;
use crate::registry::command::{FieldFault, Idempotency};
use data_encoding::HEXLOWER;

/// The version that `If-Match` names. `*` and an absent header name none: the token's existence is checked anyway.
///
/// # Errors
/// 400 that names the header when it is weak, several or no entity tag.
pub(super) fn if_match(value: Option<&str>) -> Result<Option<u32>, AdminProblem> {
    let refuse = |code, detail| Err(header_fault("If-Match", code, detail));
    let Some(value) = value.map(str::trim) else {
        return Ok(None);
    };
    if value == "*" {
        return Ok(None);
    }
    // RFC 9110 section 13.1.1: "An origin server MUST use the strong comparison function when comparing entity tags for
    // If-Match", so a weak one could never match.
    if value.starts_with("W/") {
        return refuse("weak_etag", "a strong entity tag, as the ETag header had it");
    }
    if value.contains(',') {
        return refuse("several_etags", "one entity tag");
    }
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        // A tag that is no version of ours matches none: versions count from 1.
        Some(tag) if !tag.contains('"') => Ok(Some(version(tag).unwrap_or(0))),
        _ => refuse("not_an_etag", "a quoted entity tag such as \"3\", or *"),
    }
}

/// `If-Match` where no version is compared: refused, since to ignore a precondition is to break it.
///
/// # Errors
/// 400 that names the header when it is there.
pub(super) fn no_if_match(value: Option<&str>, method: &str) -> Result<(), AdminProblem> {
    match value {
        // Reading changes nothing, so there a precondition is no promise.
        Some(_) if method != "GET" => {
            Err(header_fault("If-Match", "not_supported_here", "If-Match is for PATCH alone"))
        }
        _ => Ok(()),
    }
}

/// How a retry of this request is recognised; `None` when the header was not sent.
///
/// # Errors
/// 400 that names the header unless it is 1 to 200 visible ASCII characters.
pub(super) fn idempotency(
    value: Option<&str>,
    method: &str,
    path: &str,
    body: &[u8],
) -> Result<Option<Idempotency>, AdminProblem> {
    let Some(key) = value else {
        return Ok(None);
    };
    let length = 1..=limits::IDEMPOTENCY_KEY_MAX_CHARS;
    if !length.contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(header_fault("Idempotency-Key", "malformed", "1 to 200 visible ASCII characters"));
    }
    // Neither method nor path holds a line feed, so the concatenation is unambiguous.
    let request = [method.as_bytes(), b"\n", path.as_bytes(), b"\n", body].concat();
    Ok(Some(Idempotency { key: key.to_owned(), request_sha256: HEXLOWER.encode(&sha256(&request)) }))
}

fn version(tag: &str) -> Option<u32> {
    let version = tag.parse::<u32>().ok()?;
    (version.to_string() == tag).then_some(version)
}

fn header_fault(name: &str, code: &str, detail: &str) -> AdminProblem {
    let fault = FieldFault { field: name.to_owned(), code: code.to_owned(), detail: detail.to_owned() };
    AdminProblem::fields(Code::InvalidRequest, vec![fault])
}
