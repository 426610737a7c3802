//! Requests about tokens: their fields, and the commands that they become.
//!
//! Standard: docs/http.md, "Order of refusals"; docs/lifecycle.md, "Life".
//! Invariants: every field of a shape is read. Only `clone_of` makes a required setting optional.
//! What it must not know: HTTP, which tokens exist.
//! What a mistake costs: a setting lost between JSON and command is not enforced (false accept).

use super::admin_problem::AdminProblem;
use super::fields::{EXPIRY_IMMUTABLE, Field, Members, Refused, Shape};
use super::input::Input;
use super::kinds::{Flag, HeaderValue, Instant, Nullable, TEXT, Text, TokenIdOrText, TokenLifetime};
use super::pasted::Pasted;
use super::token_settings::{self, AUDIENCES, LABEL, ORIGINS, settings_and};
use crate::base::time::UnixSeconds;
use crate::control::registry::command::{Command, FieldFault, Lifetime, NewToken};
use crate::http::problem::{Code, Reason};
use crate::limits;

pub(super) static EXPIRES_IN: Field<TokenLifetime> = Field {
    name: "expires_in",
    about: "Lifetime in seconds. Cannot be combined with expires_at. Without either: the default of the \
        deployment or of the token's route.",
    kind: TokenLifetime,
};
pub(super) static EXPIRES_AT: Field<Instant> = Field {
    name: "expires_at",
    about: "When the token expires. Fractions of a second are cut off.",
    kind: Instant,
};
static CLONE_OF: Field<TokenIdOrText> = Field {
    name: "clone_of",
    about: "A valid token whose settings are copied: its id, or its whole text. Fields given here take \
        precedence.",
    kind: TokenIdOrText,
};

/// Shape of the body of `POST /tokens`
pub(super) static CREATE: Shape =
    Shape { required: &[], optional: settings_and!(; &EXPIRES_IN, &EXPIRES_AT, &CLONE_OF), refused: &[] };

/// Shape of the body of `PATCH /tokens/{id}`
pub(super) static EDIT: Shape = Shape {
    required: &[],
    optional: settings_and!(;),
    refused: &[
        Refused { name: "expires_at", code: EXPIRY_IMMUTABLE, detail: SIGNED },
        Refused { name: "expires_in", code: EXPIRY_IMMUTABLE, detail: SIGNED },
    ],
};
const SIGNED: &str = "the expiry is signed into the token: create a new token instead";

/// Reads the body of `POST /tokens`.
pub(super) fn create(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let mut body = input.body(&CREATE);
    let cloned = body.has(&CLONE_OF);
    for (given, name) in [(body.has(&LABEL), LABEL.name), (body.has(&ORIGINS), ORIGINS.name)] {
        if !given && !cloned {
            body.faults.add(name, "required", "this field must be given, unless clone_of is");
        }
    }
    let mut settings = token_settings::read(&mut body);
    if !body.has(&AUDIENCES) && !cloned {
        match input.context.audiences {
            [only] => settings.audiences = Some(vec![only.clone()]),
            _ => body.faults.add(
                AUDIENCES.name,
                "required",
                "this deployment has several audiences: name at least one",
            ),
        }
    }
    let token = NewToken { clone_of: body.take(&CLONE_OF), lifetime: lifetime(&mut body), settings };
    Ok(Command::CreateToken(body.finish(token)?))
}

/// Reads path, body and `If-Match` of `PATCH /tokens/{id}`.
pub(super) fn edit(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let serial = input.token_id()?;
    let mut body = input.body(&EDIT);
    let edit = token_settings::read(&mut body);
    Ok(Command::EditToken { serial, if_match: input.if_match, edit: body.finish(edit)? })
}

pub(super) fn lifetime(body: &mut Members<'_>) -> Option<Lifetime> {
    let expires_in = body.take(&EXPIRES_IN);
    let expires_at = body.take(&EXPIRES_AT);
    if body.has(&EXPIRES_IN) && body.has(&EXPIRES_AT) {
        for name in [EXPIRES_IN.name, EXPIRES_AT.name] {
            body.faults.add(name, "conflicting_fields", "expires_in or expires_at, not both");
        }
        return None;
    }
    expires_in.map(Lifetime::ExpiresIn).or(expires_at.map(Lifetime::ExpiresAt))
}

pub(super) static REASON: Field<Text> =
    Field { name: "reason", about: "Free text, kept with the revocation.", kind: TEXT };
static FORCE: Field<Flag> = Field {
    name: "force",
    about: "Revokes the token even if it is the family's only active one.",
    kind: Flag,
};

/// Shape of the body of `POST /tokens/{id}/revoke`
pub(super) static REVOKE: Shape = Shape { required: &[], optional: &[&REASON, &FORCE], refused: &[] };

/// Reads path and body of `POST /tokens/{id}/revoke`.
pub(super) fn revoke(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let serial = input.token_id()?;
    let mut body = input.body(&REVOKE);
    let (reason, force) = (body.take(&REASON), body.take(&FORCE).unwrap_or(false));
    let (reason, force) = body.finish((reason, force))?;
    Ok(Command::RevokeToken { serial, reason, force })
}

static AT: Field<Nullable<Instant>> = Field {
    name: "at",
    about: "When the token ends: in the future and not after expires_at. Fractions of a second are cut off. \
        Null cancels an end that was set.",
    kind: Nullable(Instant),
};
static END_FORCE: Field<Flag> = Field {
    name: "force",
    about: "Ends the token even if no other token of the family is active until then.",
    kind: Flag,
};

/// Shape of the body of `POST /tokens/{id}/end`
pub(super) static END: Shape = Shape { required: &[&AT], optional: &[&END_FORCE], refused: &[] };

/// Reads path and body of `POST /tokens/{id}/end`.
pub(super) fn end(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let serial = input.token_id()?;
    let mut body = input.body(&END);
    let (at, force) = (body.take(&AT), body.take(&END_FORCE).unwrap_or(false));
    let (at, force) = body.finish((at, force))?;
    // The field is required, so `finish` has already refused a request without it.
    let at = at.ok_or(AdminProblem::of(Code::InvalidFields))?;
    Ok(Command::EndToken { serial, at: at.map(UnixSeconds::to_millis), force })
}

static TOKEN: Field<HeaderValue> = Field {
    name: "token",
    about: "A whole token in any state, its first 12 characters or more, or its fingerprint; also with \
        Bearer or an address around it.",
    kind: HeaderValue { max_bytes: limits::LOOKUP_MAX_BYTES },
};

/// Shape of the body of `POST /tokens/lookup`
pub(super) static LOOKUP: Shape = Shape { required: &[&TOKEN], optional: &[], refused: &[] };

/// Reads `POST /tokens/lookup`. A fingerprint is looked up by the registry. A token that this deployment did
/// not issue is reported as not found, without a call to the registry.
pub(super) fn lookup(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let mut body = input.body(&LOOKUP);
    let text = body.take(&TOKEN);
    let text = body.finish(text)?.unwrap_or_default();
    let token = match Pasted::read(&text) {
        Some(Pasted::Token(token)) => token,
        Some(Pasted::Fingerprint(shown)) => return Ok(Command::LookupFingerprint(shown)),
        None => {
            let fault = FieldFault {
                field: TOKEN.name.to_owned(),
                code: "token_malformed".to_owned(),
                detail: "a whole token: wlp_ and 36 more characters; or its first 12 characters; or its \
                    fingerprint"
                    .to_owned(),
            };
            return Err(AdminProblem::fields(Code::InvalidFields, vec![fault]));
        }
    };
    let verified =
        token.verify(input.context.key_ring).ok_or_else(|| AdminProblem::of(Reason::NotIssuedHere))?;
    Ok(Command::LookupToken(verified.claims().serial))
}
