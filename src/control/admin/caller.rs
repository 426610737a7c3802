//! Who calls: an admin key in `Authorization`, or a console session in a cookie.
//!
//! Standards: RFC 6750 section 2.1 (Bearer); RFC 6265bis (cookies); Fetch metadata (`Sec-Fetch-Site`), RFC 6454 (`Origin`).
//! Invariants: a wrong key and a made-up session are known as such here, with no call to anywhere; only a SHA-256 leaves
//! this file; a cookie counts only where the console's origin is not shared with an upstream, and only in requests that
//! the console's own pages send; with an `Authorization` header cookies are not looked at.
//! What it must not know: which keys and sessions exist.
//! What a mistake costs: a page of another site that writes with an operator's cookie (false accept).

use super::{AdminProblem, AdminRequest, Context};
use crate::admin_key;
use crate::limits;
use crate::problem::Code;
use crate::registry::command::{Caller, FieldFault};
use crate::session::SessionText;
use data_encoding::HEXLOWER;

/// Decides whether the caller may be an operator at all, and gives what the registry knows it by.
///
/// # Errors
/// 401 `unauthorized` for anything but `Bearer` and a key, or a session, that this deployment made; 403 when another
/// page than the console's sent the cookie.
pub(super) fn authenticate(
    request: &AdminRequest<'_>,
    context: &Context<'_>,
) -> Result<Caller, AdminProblem> {
    match (request.authorization, request.cookie) {
        (Some(authorization), _) => by_bearer(authorization, context),
        (None, Some(cookies)) if context.has_sessions => {
            let session = SessionText::of_cookies(cookies, &context.check_keys.session);
            let session = session.ok_or(AdminProblem::of(Code::Unauthorized))?;
            from_own_page(request, context)?;
            Ok(Caller::Session { sha256: HEXLOWER.encode(&session.sha256()) })
        }
        (None, _) => Err(AdminProblem::of(Code::Unauthorized)),
    }
}

fn by_bearer(authorization: &str, context: &Context<'_>) -> Result<Caller, AdminProblem> {
    let unauthorized = AdminProblem::of(Code::Unauthorized);
    match authorization.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("Bearer") => {
            by_key(key.trim_matches(' '), context)
        }
        _ => Err(unauthorized),
    }
}

/// The caller whose admin key this is.
///
/// # Errors
/// 401 for a key that this deployment neither minted nor was configured with.
pub(super) fn by_key(key: &str, context: &Context<'_>) -> Result<Caller, AdminProblem> {
    let unauthorized = AdminProblem::of(Code::Unauthorized);
    if key.len() > limits::CREDENTIAL_MAX_CHARS {
        return Err(unauthorized);
    }
    match admin_key::recognise(key, context.check_keys, context.configured_key) {
        Ok(digest) => Ok(Caller::Key { sha256: HEXLOWER.encode(&digest) }),
        Err(_) => Err(unauthorized),
    }
}

/// Whether a session may be opened by this request.
///
/// # Errors
/// 403 where upstream content shares the origin, and for a request that another page sent.
pub(super) fn may_sign_in(request: &AdminRequest<'_>, context: &Context<'_>) -> Result<(), AdminProblem> {
    if !context.has_sessions {
        return Err(refused(
            "Host",
            "no_console_here",
            "set CONTROL_HOSTS: without a host of its own the console would share its origin, and its cookie, with the API behind",
        ));
    }
    from_own_page(request, context)
}

/// A cookie goes along with whatever a browser sends; that our own page asked for it, the browser says in
/// `Sec-Fetch-Site`, which no page can set. One too old for that still says `Origin` with every write.
fn from_own_page(request: &AdminRequest<'_>, context: &Context<'_>) -> Result<(), AdminProblem> {
    let is_read = matches!(request.method, "GET" | "HEAD");
    let is_own = match (request.sec_fetch_site, request.origin) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin == context.own_origin,
        (None, None) => is_read,
    };
    if is_own {
        return Ok(());
    }
    let field = if request.sec_fetch_site.is_some() { "Sec-Fetch-Site" } else { "Origin" };
    Err(refused(
        field,
        "cross_origin",
        "a request from the console's own pages; send an admin key as Authorization: Bearer instead",
    ))
}

fn refused(field: &str, code: &str, detail: &str) -> AdminProblem {
    let fault = FieldFault { field: field.to_owned(), code: code.to_owned(), detail: detail.to_owned() };
    AdminProblem::fields(Code::Forbidden, vec![fault])
}
