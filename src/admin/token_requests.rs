//! Requests about tokens: their fields, and the commands that they become.
//!
//! Standard: DESIGN section 7 (the calls) and section 8 (what a new token needs).
//! Invariants: every field of a shape is read; `clone_of` is the only thing that makes a required setting optional.
//! What it must not know: HTTP, which tokens exist.
//! What a mistake costs: a setting that is lost on the way from JSON to the command is not enforced (false accept).

use super::AdminProblem;
use super::fields::{EXPIRY_IMMUTABLE, Field, Members, Refused, Shape};
use super::kinds::{Choice, Flag, HeaderText, HeaderValue, Instant, Nullable, Text, TokenId, TokenLifetime};
use super::operation::Input;
use super::policy_kinds::{Audiences, Metadata, Origins, RateClass};
use super::rotation_kinds::AutoRotateKind;
use crate::limits;
use crate::origin::{MissingOrigin, OriginMode};
use crate::problem::Code;
use crate::registry::command::{Command, FieldFault, Lifetime, NewToken, TokenEdit};
use crate::time::UnixSeconds;
use crate::token::UnverifiedToken;

pub(super) const TEXT: Text = Text { max_chars: limits::TEXT_MAX_CHARS };
pub(super) const HEADER_TEXT: HeaderText = HeaderText { max_chars: limits::TEXT_MAX_CHARS };

pub(super) static LABEL: Field<Text> =
    Field { name: "label", about: "What people call the token.", kind: TEXT };
pub(super) static OWNER: Field<Nullable<Text>> =
    Field { name: "owner", about: "Who to ask about it.", kind: Nullable(TEXT) };
pub(super) static EXTERNAL_ID: Field<Nullable<HeaderText>> = Field {
    name: "external_id",
    about: "The operator's own id for the customer. The upstream gets it as Wayleave-External-Id.",
    kind: Nullable(HEADER_TEXT),
};
pub(super) static METADATA: Field<Nullable<Metadata>> = Field {
    name: "metadata",
    about: "A JSON object of the operator's own, at most 4096 bytes.",
    kind: Nullable(Metadata),
};
pub(super) static ORIGINS: Field<Origins> = Field {
    name: "origins",
    about: "The sites it works from: a list of rules [scheme://]host[:port], where the host may start with *. ; or any.",
    kind: Origins,
};
pub(super) static ORIGIN_MODE: Field<Choice<OriginMode>> = Field {
    name: "origin_mode",
    about: "report admits what the rules refuse, and counts it.",
    kind: Choice(&[("enforce", OriginMode::Enforce), ("report", OriginMode::Report)]),
};
pub(super) static MISSING_ORIGIN: Field<Choice<MissingOrigin>> = Field {
    name: "missing_origin",
    about: "What a request without any origin gets.",
    kind: Choice(&[("refuse", MissingOrigin::Refuse), ("allow", MissingOrigin::Allow)]),
};
pub(super) static AUDIENCES: Field<Audiences> = Field {
    name: "audiences",
    about: "What it is for. May be left out at creation only when the deployment has one audience.",
    kind: Audiences,
};
pub(super) static RATE: Field<Nullable<RateClass>> = Field {
    name: "rate",
    about: "Its rate class: one that GET /configuration lists under rate_classes; null: no limit.",
    kind: Nullable(RateClass),
};
pub(super) static PROTECTED: Field<Flag> = Field {
    name: "protected",
    about: "Refuses revoke, disable and bulk. Set and cleared by an owner.",
    kind: Flag,
};
pub(super) static DISTRIBUTE: Field<Flag> = Field {
    name: "distribute",
    about: "Pages on the token's sites may fetch the family's current token. Not together with origins any.",
    kind: Flag,
};
pub(super) static AUTO_ROTATE: Field<Nullable<AutoRotateKind>> = Field {
    name: "auto_rotate",
    about: "That the registry rotates the token by itself, so long before its end.",
    kind: Nullable(AutoRotateKind),
};
pub(super) static EXPIRES_IN: Field<TokenLifetime> = Field {
    name: "expires_in",
    about: "Seconds until it ends; not together with expires_at. Without either, one year.",
    kind: TokenLifetime,
};
pub(super) static EXPIRES_AT: Field<Instant> =
    Field { name: "expires_at", about: "When it ends, to the second; cut to whole seconds.", kind: Instant };
static CLONE_OF: Field<TokenId> = Field {
    name: "clone_of",
    about: "The valid token whose every setting is copied; fields given here win.",
    kind: TokenId,
};

/// `POST /tokens`
pub static CREATE: Shape = Shape {
    required: &[],
    optional: &[
        &LABEL,
        &OWNER,
        &EXTERNAL_ID,
        &METADATA,
        &ORIGINS,
        &ORIGIN_MODE,
        &MISSING_ORIGIN,
        &AUDIENCES,
        &RATE,
        &PROTECTED,
        &DISTRIBUTE,
        &AUTO_ROTATE,
        &EXPIRES_IN,
        &EXPIRES_AT,
        &CLONE_OF,
    ],
    refused: &[],
};

/// `PATCH /tokens/{id}`
pub static EDIT: Shape = Shape {
    required: &[],
    optional: &[
        &LABEL,
        &OWNER,
        &EXTERNAL_ID,
        &METADATA,
        &ORIGINS,
        &ORIGIN_MODE,
        &MISSING_ORIGIN,
        &AUDIENCES,
        &RATE,
        &PROTECTED,
        &DISTRIBUTE,
        &AUTO_ROTATE,
    ],
    refused: &[
        Refused { name: "expires_at", code: EXPIRY_IMMUTABLE, detail: SIGNED },
        Refused { name: "expires_in", code: EXPIRY_IMMUTABLE, detail: SIGNED },
    ],
};
const SIGNED: &str = "signed into the token; make a new token instead";

/// Reads `POST /tokens`.
pub(super) fn create(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let mut body = input.body(&CREATE);
    let cloned = body.has(&CLONE_OF);
    for (given, name) in [(body.has(&LABEL), LABEL.name), (body.has(&ORIGINS), ORIGINS.name)] {
        if !given && !cloned {
            body.faults.add(name, "required", "this field must be given, unless clone_of is");
        }
    }
    let mut settings = settings(&mut body);
    if !body.has(&AUDIENCES) && !cloned {
        match input.context.audiences {
            [only] => settings.audiences = Some(vec![only.clone()]),
            _ => body.faults.add(
                AUDIENCES.name,
                "required",
                "this deployment has several audiences: name those meant",
            ),
        }
    }
    let token = NewToken { clone_of: body.take(&CLONE_OF), lifetime: lifetime(&mut body), settings };
    Ok(Command::CreateToken(body.finish(token)?))
}

/// Reads `PATCH /tokens/{id}`.
pub(super) fn edit(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let serial = input.token_id()?;
    let mut body = input.body(&EDIT);
    let edit = settings(&mut body);
    Ok(Command::EditToken { serial, if_match: input.if_match, edit: body.finish(edit)? })
}

pub(super) fn settings(body: &mut Members<'_>) -> TokenEdit {
    TokenEdit {
        label: body.take(&LABEL),
        owner: body.take(&OWNER),
        external_id: body.take(&EXTERNAL_ID),
        metadata: body.take(&METADATA),
        origins: body.take(&ORIGINS),
        origin_mode: body.take(&ORIGIN_MODE),
        missing_origin: body.take(&MISSING_ORIGIN),
        audiences: body.take(&AUDIENCES),
        rate: body.take(&RATE),
        protected: body.take(&PROTECTED),
        distribute: body.take(&DISTRIBUTE),
        auto_rotate: body.take(&AUTO_ROTATE),
    }
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
    Field { name: "reason", about: "Why; kept with the revocation.", kind: TEXT };
static FORCE: Field<Flag> =
    Field { name: "force", about: "Also when it is the family's only active token.", kind: Flag };

/// `POST /tokens/{id}/revoke`
pub static REVOKE: Shape = Shape { required: &[], optional: &[&REASON, &FORCE], refused: &[] };

/// Reads `POST /tokens/{id}/revoke`.
pub(super) fn revoke(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let serial = input.token_id()?;
    let mut body = input.body(&REVOKE);
    let (reason, force) = (body.take(&REASON), body.take(&FORCE).unwrap_or(false));
    let (reason, force) = body.finish((reason, force))?;
    Ok(Command::RevokeToken { serial, reason, force })
}

static AT: Field<Nullable<Instant>> = Field {
    name: "at",
    about: "When it ends: in the future and not past expires_at; fractions of a second are cut off. Null cancels.",
    kind: Nullable(Instant),
};
static END_FORCE: Field<Flag> = Field {
    name: "force",
    about: "Also when no other token of the family is active until then.",
    kind: Flag,
};

/// `POST /tokens/{id}/end`
pub static END: Shape = Shape { required: &[&AT], optional: &[&END_FORCE], refused: &[] };

/// Reads `POST /tokens/{id}/end`.
pub(super) fn end(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let serial = input.token_id()?;
    let mut body = input.body(&END);
    let (at, force) = (body.take(&AT), body.take(&END_FORCE).unwrap_or(false));
    let (at, force) = body.finish((at, force))?;
    // Required, so `finish` has refused already where it is not there.
    let at = at.ok_or(AdminProblem::of(Code::InvalidFields))?;
    Ok(Command::EndToken { serial, at: at.map(UnixSeconds::to_millis), force })
}

static TOKEN: Field<HeaderValue> = Field {
    name: "token",
    about: "A whole token, in any state.",
    kind: HeaderValue { max_bytes: limits::CREDENTIAL_MAX_CHARS },
};

/// `POST /tokens/lookup`
pub static LOOKUP: Shape = Shape { required: &[&TOKEN], optional: &[], refused: &[] };

/// Reads `POST /tokens/lookup`. A token that this deployment did not issue is not found, with no call to the registry.
pub(super) fn lookup(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let mut body = input.body(&LOOKUP);
    let text = body.take(&TOKEN);
    let text = body.finish(text)?.unwrap_or_default();
    let Ok(token) = UnverifiedToken::parse(text.trim()) else {
        let fault = FieldFault {
            field: TOKEN.name.to_owned(),
            code: "token_malformed".to_owned(),
            detail: "a whole token: wlp_ and 36 more characters".to_owned(),
        };
        return Err(AdminProblem::fields(Code::InvalidFields, vec![fault]));
    };
    let verified = token.verify(input.context.key_ring).map_err(|_| AdminProblem::of(Code::NotFound))?;
    Ok(Command::LookupToken(verified.claims().serial))
}
