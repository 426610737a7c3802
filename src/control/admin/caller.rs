//! The caller: an admin key in `Authorization`, or a console session in a cookie.
//!
//! Standards: RFC 6750 section 2.1 (Bearer); RFC 6265bis (cookies); Fetch metadata (`Sec-Fetch-Site`); RFC
//! 6454 (`Origin`).
//! Invariants:
//! - A wrong key or an invented session is recognised here, without a call to any other service.
//! - Only the SHA-256 of a credential leaves this file.
//! - A cookie counts only where the console does not share its origin with an upstream, and only in requests
//!   that the console's own pages send.
//! - If there is an `Authorization` header, cookies are ignored.
//!
//! What it must not know: which keys and sessions exist.
//! What a mistake costs: a page of another site writes with an operator's cookie (false accept).

use super::admin_problem::AdminProblem;
use super::context::Context;
use super::request::AdminRequest;
use crate::control::registry::command::{Caller, FieldFault};
use crate::formats::admin_key;
use crate::formats::session::SessionText;
use crate::http::problem::{Code, Reason};
use crate::limits;

/// Checks whether the caller can be an operator, and returns the identity that the registry looks up.
///
/// # Errors
/// 401 `unauthorized` unless the request carries `Bearer` with a key, or a session, that this deployment
/// made. 403 if a page other than the console's sent the cookie.
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
            Ok(Caller::Session { sha256: hex::encode(session.sha256()) })
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

/// The caller with this admin key.
///
/// # Errors
/// 401 for a key that this deployment neither made nor has in its configuration.
pub(super) fn by_key(key: &str, context: &Context<'_>) -> Result<Caller, AdminProblem> {
    let unauthorized = AdminProblem::of(Code::Unauthorized);
    if key.len() > limits::CREDENTIAL_MAX_CHARS {
        return Err(unauthorized);
    }
    match admin_key::recognise(key, context.check_keys, context.configured_key) {
        Some(digest) => Ok(Caller::Key { sha256: hex::encode(digest) }),
        None => Err(unauthorized),
    }
}

/// Checks whether this request may open a session.
///
/// # Errors
/// 403 where upstream content shares the origin, and for a request that another site's page sent.
pub(super) fn may_sign_in(request: &AdminRequest<'_>, context: &Context<'_>) -> Result<(), AdminProblem> {
    if !context.has_sessions {
        let detail = "a host of CONTROL_HOSTS";
        return Err(refused(Reason::NoConsoleHere, "Host", detail));
    }
    from_own_page(request, context)
}

/// Browsers attach cookies to every request, whichever page made it. `Sec-Fetch-Site` says whether a page of
/// the console's own origin did, and no page can set that header. Browsers too old to send it still send
/// `Origin` with every write.
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
    let detail = "a request from the console's own pages; send an admin key as Authorization: Bearer instead";
    Err(refused(Reason::CrossOrigin, field, detail))
}

fn refused(reason: Reason, field: &str, detail: &str) -> AdminProblem {
    let code = reason.name().to_owned();
    let fault = FieldFault { field: field.to_owned(), code, detail: detail.to_owned() };
    AdminProblem::fields(reason, vec![fault])
}
