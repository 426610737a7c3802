//! Requests about console sessions: signing in, who is signed in, signing out.
//!
//! Standard: DESIGN section 7 (`POST /session`, `DELETE /session`).
//! Invariants: the key stands in the body alone, never in a URL; a wrong one is refused here, without a registry call,
//! and told so late.
//! What it must not know: which keys and sessions exist.
//! What a mistake costs: a key in a log or a browser's history.

use super::fields::{Field, Shape};
use super::kinds::HeaderValue;
use super::operation::Input;
use super::{API_PATH, AdminProblem, AdminRequest, caller};
use crate::limits::{CREDENTIAL_MAX_CHARS, WRONG_KEY_DELAY_MS};
use crate::problem::Code;
use crate::registry::command::Caller;
use crate::reply::Reply;

/// The one operation whose caller is named in its body.
pub const SIGN_IN: &str = "createSession";

static KEY: Field<HeaderValue> =
    Field { name: "key", about: "An admin key.", kind: HeaderValue { max_bytes: CREDENTIAL_MAX_CHARS } };

/// `POST /session`
pub static OPEN: Shape = Shape { required: &[&KEY], optional: &[], refused: &[] };

/// Who signs in.
pub(super) fn caller(input: &Input<'_>) -> Result<Caller, AdminProblem> {
    let mut body = input.body(&OPEN);
    let key = body.take(&KEY);
    let key = body.finish(key)?;
    // Required, so `finish` has refused already.
    let key = key.ok_or(AdminProblem::of(Code::InvalidFields))?;
    caller::by_key(key.trim(), input.context)
}

/// How long the answer to this request is held back, milliseconds: a wrong key at sign-in, also one that once was right.
#[must_use]
pub fn delay_ms(request: &AdminRequest<'_>, reply: &Reply) -> u32 {
    let signs_in = request.method == "POST" && request.path.strip_prefix(API_PATH) == Some("/session");
    if signs_in && reply.status == 401 { WRONG_KEY_DELAY_MS } else { 0 }
}
