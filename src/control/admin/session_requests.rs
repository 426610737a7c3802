//! Requests about console sessions: signing in, asking who is signed in, signing out.
//!
//! Standard: docs/http.md, "Console sessions".
//! Invariants: the key is only in the body, never in a URL. A wrong key is refused here, without a registry
//! call, and the response is delayed.
//! What it must not know: which keys and sessions exist.
//! What a mistake costs: a key appears in a log or in a browser's history.

use super::admin_problem::AdminProblem;
use super::caller;
use super::fields::{Field, Shape};
use super::input::Input;
use super::kinds::HeaderValue;
use super::request::{API_PATH, AdminRequest};
use crate::control::registry::command::Caller;
use crate::http::problem::Code;
use crate::http::reply::Reply;
use crate::limits::{CREDENTIAL_MAX_CHARS, WRONG_KEY_DELAY_MS};

/// The only operation whose body names the caller.
pub(super) const SIGN_IN: &str = "createSession";

static KEY: Field<HeaderValue> =
    Field { name: "key", about: "An admin key.", kind: HeaderValue { max_bytes: CREDENTIAL_MAX_CHARS } };

/// Shape of the body of `POST /session`
pub(super) static OPEN: Shape = Shape { required: &[&KEY], optional: &[], refused: &[] };

/// The caller who signs in.
pub(super) fn caller(input: &Input<'_>) -> Result<Caller, AdminProblem> {
    let mut body = input.body(&OPEN);
    let key = body.take(&KEY);
    let key = body.finish(key)?;
    // The field is required, so `finish` has already refused a request without it.
    let key = key.ok_or(AdminProblem::of(Code::InvalidFields))?;
    caller::by_key(key.trim(), input.context)
}

/// How long to delay the response to this request, in milliseconds. Only a wrong key at sign-in is delayed,
/// including one that was valid before.
#[must_use]
pub fn delay_ms(request: &AdminRequest<'_>, reply: &Reply) -> u32 {
    let signs_in = request.method == "POST" && request.path.strip_prefix(API_PATH) == Some("/session");
    if signs_in && reply.status == 401 { WRONG_KEY_DELAY_MS } else { 0 }
}
