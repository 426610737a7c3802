//! The request headers that qualify a request: `If-Match`, `Idempotency-Key`.
//!
//! Standards: RFC 9110 section 13.1.1 (`If-Match`) and 8.8.3 (entity tags); the IETF draft on
//! `Idempotency-Key`.
//! Invariants: a header sent twice arrives joined by `, ` and is refused as a whole.
//! What it must not know: the caller.
//! What a mistake costs: a precondition that is ignored overwrites someone's edit.

use super::admin_problem::AdminProblem;
use crate::control::registry::command::{FieldFault, Idempotency};
use crate::formats::key::sha256;
use crate::http::problem::Code;
use crate::limits;

/// The version in `If-Match`. `*` and an absent header give `None`, since the token's existence is checked
/// anyway.
///
/// # Errors
/// 400 that names the header if it is a weak entity tag, several entity tags or none.
pub(super) fn if_match(value: Option<&str>) -> Result<Option<u32>, AdminProblem> {
    let refuse = |code, detail| Err(header_fault("If-Match", code, detail));
    let Some(value) = value.map(str::trim) else {
        return Ok(None);
    };
    if value == "*" {
        return Ok(None);
    }
    // RFC 9110 section 13.1.1: "An origin server MUST use the strong comparison function when comparing
    // entity tags for If-Match". A weak entity tag can therefore never match.
    if value.starts_with("W/") {
        return refuse("weak_etag", "a strong entity tag, as the ETag header had it");
    }
    if value.contains(',') {
        return refuse("several_etags", "one entity tag");
    }
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        // Versions start at 1, so 0 matches no version.
        Some(tag) if !tag.contains('"') => Ok(Some(version(tag).unwrap_or(0))),
        _ => refuse("not_an_etag", "a quoted entity tag such as \"3\", or *"),
    }
}

/// Refuses `If-Match` where no version is compared. Ignoring a precondition would break it.
///
/// # Errors
/// 400 that names the header if it is present.
pub(super) fn no_if_match(value: Option<&str>, method: &str) -> Result<(), AdminProblem> {
    match value {
        // A read changes nothing, so its precondition can be ignored.
        Some(_) if method != "GET" => {
            Err(header_fault("If-Match", "not_supported_here", "If-Match is for PATCH alone"))
        }
        _ => Ok(()),
    }
}

/// Refuses `Idempotency-Key` where retries are not recognised, because its sender relies on that.
///
/// # Errors
/// 400 that names the header if it is present.
pub(super) fn no_idempotency(value: Option<&str>, method: &str) -> Result<(), AdminProblem> {
    match value {
        // A read changes nothing, so it can be repeated anyway.
        Some(_) if method != "GET" => {
            let detail = "a session is opened and closed without Idempotency-Key";
            Err(header_fault("Idempotency-Key", "not_supported_here", detail))
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
    // Neither method nor path can contain a line feed, so the concatenation is unambiguous.
    let request = [method.as_bytes(), b"\n", path.as_bytes(), b"\n", body].concat();
    Ok(Some(Idempotency { key: key.to_owned(), request_sha256: hex::encode(sha256(&request)) }))
}

fn version(tag: &str) -> Option<u32> {
    let version = tag.parse::<u32>().ok()?;
    (version.to_string() == tag).then_some(version)
}

fn header_fault(name: &str, code: &str, detail: &str) -> AdminProblem {
    let fault = FieldFault { field: name.to_owned(), code: code.to_owned(), detail: detail.to_owned() };
    AdminProblem::fields(Code::InvalidRequest, vec![fault])
}
