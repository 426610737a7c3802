//! The table of operations: it routes requests, says what each may hold and answer, and is what docs/openapi.json is
//! generated from, so none of the three can drift from the others.
//!
//! Standards: RFC 9110 (methods, `Allow`); OpenAPI 3.1 (path templates, operation ids).
//! Invariants: each method and path once; a path segment in braces matches one segment as it is, not decoded.
//! Later operations (introspect, …) are rows to be added here.
//! What it must not know: Workers; who may call what is the registry's to enforce, `least_role` documents it.
//! What a mistake costs: a request routed to another operation than the one its sender meant.

use super::fields::{Members, Shape};
use super::{AdminProblem, Context, Rendering, filters, ids, metrics, usage_request};
use super::{
    admin_key_requests, origin_test_request, rotation_requests, session_requests, signing_key_requests,
    token_requests,
};
use crate::admin_key::Role;
use crate::family::FamilyId;
use crate::key::KeyId;
use crate::problem::Code;
use crate::registry::command::Command;
use crate::token::Serial;
use serde_json::{Map, Value};

/// One call of the admin API.
pub struct Operation {
    /// GET, POST, PATCH, DELETE.
    pub method: &'static str,
    /// Below `/_wayleave/api`; `{id}` is one segment.
    pub path: &'static str,
    /// OpenAPI's operationId.
    pub id: &'static str,
    /// For people: one sentence.
    pub summary: &'static str,
    /// The least role that the registry lets do this; `None` needs no key.
    pub least_role: Option<Role>,
    /// Fields of the query.
    pub query: &'static Shape,
    /// Fields of the body; `None` has no body.
    pub body: Option<&'static Shape>,
    /// Whether `Idempotency-Key` means something.
    pub idempotent_by_key: bool,
    /// Whether `If-Match` means something.
    pub conditional: bool,
    /// What it answers when it succeeds.
    pub success: Success,
    /// Problems beyond those that every operation may answer with: exactly those that it has, which the registry's tests hold.
    pub problems: &'static [Code],
    /// Turns a request into what is to be done.
    pub(super) read: fn(&Input<'_>) -> Result<Task, AdminProblem>,
}

/// A successful answer, for the documentation.
pub struct Success {
    /// HTTP status.
    pub status: u16,
    /// Name of the answer's schema; `None` has no body.
    pub schema: Option<&'static str>,
    /// Media type of the body.
    pub media_type: &'static str,
}

impl Success {
    /// Nothing is left to say.
    const NO_CONTENT: Self = Self { status: 204, schema: None, media_type: "" };

    const fn json(status: u16, schema: &'static str) -> Self {
        Self { status, schema: Some(schema), media_type: "application/json" }
    }
}

/// What a request comes to.
pub(super) enum Task {
    /// The registry is asked.
    Ask(Box<Command>, Rendering),
    /// The answer is the OpenAPI document.
    Document,
}

impl Task {
    fn ask(command: Command, rendering: Rendering) -> Self {
        Self::Ask(Box::new(command), rendering)
    }
}

/// A request whose operation is known.
pub(super) struct Input<'a> {
    /// The path's `{id}`; empty where the template has none.
    pub id: &'a str,
    /// The version that `If-Match` names.
    pub if_match: Option<u32>,
    pub query: &'a Map<String, Value>,
    pub body: &'a Map<String, Value>,
    pub context: &'a Context<'a>,
}

impl<'a> Input<'a> {
    /// The body, to be read as `shape`.
    pub fn body(&self, shape: &Shape) -> Members<'a> {
        Members::new(self.body, shape, self.context)
    }

    /// The query, to be read as `shape`.
    pub fn query(&self, shape: &Shape) -> Members<'a> {
        Members::new(self.query, shape, self.context)
    }

    /// The token that the path names.
    pub fn token_id(&self) -> Result<Serial, AdminProblem> {
        ids::parse_token_id(self.id).ok_or(AdminProblem::of(Code::NotFound))
    }

    /// The family that the path names: one that this deployment made.
    pub fn family_id(&self) -> Result<String, AdminProblem> {
        let id = FamilyId::parse(self.id, &self.context.check_keys.family);
        id.map(|id| id.as_str().to_owned()).ok_or(AdminProblem::of(Code::NotFound))
    }

    /// The admin key that the path names.
    pub fn admin_key_id(&self) -> Result<u32, AdminProblem> {
        ids::parse_admin_key_id(self.id).ok_or(AdminProblem::of(Code::NotFound))
    }

    /// The signing key that the path names.
    pub fn signing_key_id(&self) -> Result<KeyId, AdminProblem> {
        ids::parse_signing_key_id(self.id).ok_or(AdminProblem::of(Code::NotFound))
    }
}

/// A method and path brought to an operation.
pub(super) enum Routed<'a> {
    /// To this one, with the path's `{id}`.
    To(&'static Operation, &'a str),
    /// The path is known, the method is not: the methods that are.
    OtherMethods(Vec<&'static str>),
    /// No such path.
    Nowhere,
}

/// Finds the operation. `path` is what follows `/_wayleave/api`. HEAD goes where GET goes (RFC 9110 section 9.3.2).
pub(super) fn route<'a>(method: &str, path: &'a str) -> Routed<'a> {
    let method = if method == "HEAD" { "GET" } else { method };
    let here =
        || OPERATIONS.iter().filter_map(|operation| Some((operation, segment_of(operation.path, path)?)));
    if let Some((operation, id)) = here().find(|(operation, _)| operation.method == method) {
        return Routed::To(operation, id);
    }
    let mut methods: Vec<_> = here().map(|(operation, _)| operation.method).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    if methods.is_empty() { Routed::Nowhere } else { Routed::OtherMethods(methods) }
}

/// What stands for `{id}` when `path` fits `template`; empty when the template has no `{id}`.
fn segment_of<'a>(template: &str, path: &'a str) -> Option<&'a str> {
    let Some((before, after)) = template.split_once(ID) else {
        return (template == path).then_some("");
    };
    let segment = path.strip_prefix(before)?.strip_suffix(after)?;
    (!segment.is_empty() && !segment.contains('/')).then_some(segment)
}

/// The one parameter that a path template may have.
pub const ID: &str = "{id}";

/// Every operation, in the order of the documentation.
pub static OPERATIONS: [Operation; 37] = [
    Operation {
        method: "POST",
        path: "/session",
        id: session_requests::SIGN_IN,
        summary: "Signs the console in with the admin key in the body; the answer sets a cookie. A wrong key is told so late.",
        least_role: Some(Role::Viewer),
        query: &Shape::EMPTY,
        body: Some(&session_requests::OPEN),
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(201, "Session"),
        problems: &[],
        read: |_| Ok(Task::ask(Command::OpenSession, Rendering::Answer)),
    },
    Operation {
        method: "GET",
        path: "/session",
        id: "getSession",
        summary: "Who calls: the admin key, its role, and until when.",
        least_role: Some(Role::Viewer),
        query: &Shape::EMPTY,
        body: None,
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "Session"),
        problems: &[],
        read: |_| Ok(Task::ask(Command::GetSession, Rendering::Answer)),
    },
    Operation {
        method: "DELETE",
        path: "/session",
        id: "deleteSession",
        summary: "Signs the console out: the session ends and the cookie is taken back.",
        least_role: Some(Role::Viewer),
        query: &Shape::EMPTY,
        body: None,
        idempotent_by_key: false,
        conditional: false,
        success: Success::NO_CONTENT,
        problems: &[],
        read: |_| Ok(Task::ask(Command::CloseSession, Rendering::Answer)),
    },
    Operation {
        method: "POST",
        path: "/tokens",
        id: "createToken",
        summary: "Makes a token and starts a family with it; the answer has its full text.",
        least_role: Some(Role::Operator),
        query: &Shape::EMPTY,
        body: Some(&token_requests::CREATE),
        idempotent_by_key: true,
        conditional: false,
        success: Success::json(201, "CreatedToken"),
        problems: &[Code::PublicSuffixRule, Code::IdempotencyConflict, Code::Conflict],
        read: |input| Ok(Task::ask(token_requests::create(input)?, Rendering::Answer)),
    },
    Operation {
        method: "GET",
        path: "/tokens",
        id: "listTokens",
        summary: "Tokens, newest first; every filter that is given must hold.",
        least_role: Some(Role::Viewer),
        query: &filters::TOKENS,
        body: None,
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "TokenPage"),
        problems: &[],
        read: |input| Ok(Task::ask(filters::tokens(input)?, Rendering::Answer)),
    },
    // Before `/tokens/{id}/…`: no id is `lookup`, but the reader need not work that out.
    Operation {
        method: "POST",
        path: "/tokens/lookup",
        id: "lookupToken",
        summary: "The token behind a whole token's text, in any state.",
        least_role: Some(Role::Viewer),
        query: &Shape::EMPTY,
        body: Some(&token_requests::LOOKUP),
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "Token"),
        problems: &[Code::NotFound],
        read: |input| Ok(Task::ask(token_requests::lookup(input)?, Rendering::Answer)),
    },
    Operation {
        method: "POST",
        path: "/tokens/revoke",
        id: "revokeTokens",
        summary: "Withdraws tokens that a filter finds, in steps: send it again with cursor until next_cursor is null.",
        least_role: Some(Role::Operator),
        query: &Shape::EMPTY,
        body: Some(&rotation_requests::REVOKE_TOKENS),
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "BulkRevoked"),
        problems: &[Code::Conflict],
        read: |input| Ok(Task::ask(rotation_requests::revoke_tokens(input)?, Rendering::Answer)),
    },
    Operation {
        method: "POST",
        path: "/tokens/rotate",
        id: "rotateTokens",
        summary: "Rotates active tokens without successor that a filter finds, in steps: send it again with cursor until next_cursor is null.",
        least_role: Some(Role::Operator),
        query: &Shape::EMPTY,
        body: Some(&rotation_requests::ROTATE_TOKENS),
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "BulkRotated"),
        problems: &[Code::Conflict],
        read: |input| Ok(Task::ask(rotation_requests::rotate_tokens(input)?, Rendering::Answer)),
    },
    Operation {
        method: "GET",
        path: "/tokens/{id}",
        id: "getToken",
        summary: "One token, without its text.",
        least_role: Some(Role::Viewer),
        query: &Shape::EMPTY,
        body: None,
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "Token"),
        problems: &[Code::NotFound],
        read: |input| Ok(Task::ask(Command::GetToken(input.token_id()?), Rendering::Answer)),
    },
    Operation {
        method: "PATCH",
        path: "/tokens/{id}",
        id: "editToken",
        summary: "Changes the settings that are given; the answer has the receipt too.",
        least_role: Some(Role::Operator),
        query: &Shape::EMPTY,
        body: Some(&token_requests::EDIT),
        idempotent_by_key: false,
        conditional: true,
        success: Success::json(200, "EditedToken"),
        problems: &[
            Code::ExpiryImmutable,
            Code::PublicSuffixRule,
            Code::NotFound,
            Code::PreconditionFailed,
            Code::TokenEnded,
            Code::Conflict,
        ],
        read: |input| Ok(Task::ask(token_requests::edit(input)?, Rendering::Answer)),
    },
    Operation {
        method: "GET",
        path: "/tokens/{id}/token",
        id: "revealToken",
        summary: "A token's full text again; audited.",
        least_role: Some(Role::Operator),
        query: &Shape::EMPTY,
        body: None,
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "RevealedToken"),
        problems: &[Code::NotFound, Code::TokenEnded],
        read: |input| Ok(Task::ask(Command::RevealToken(input.token_id()?), Rendering::Answer)),
    },
    Operation {
        method: "POST",
        path: "/tokens/{id}/revoke",
        id: "revokeToken",
        summary: "Withdraws a token for ever; the receipt says when no location admits it any more.",
        least_role: Some(Role::Operator),
        query: &Shape::EMPTY,
        body: Some(&token_requests::REVOKE),
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "Receipt"),
        problems: &[Code::NotFound, Code::LastActiveToken, Code::TokenProtected, Code::TokenEnded],
        read: |input| Ok(Task::ask(token_requests::revoke(input)?, Rendering::Answer)),
    },
    Operation {
        method: "POST",
        path: "/tokens/{id}/rotate",
        id: "rotateToken",
        summary: "Makes a successor with the same settings, and plans the end of this token; the answer has the new token's full text.",
        least_role: Some(Role::Operator),
        query: &Shape::EMPTY,
        body: Some(&rotation_requests::ROTATE),
        idempotent_by_key: true,
        conditional: false,
        success: Success::json(201, "RotatedToken"),
        problems: ROTATE_PROBLEMS,
        read: |input| Ok(Task::ask(rotation_requests::rotate_token(input)?, Rendering::Answer)),
    },
    Operation {
        method: "POST",
        path: "/tokens/{id}/disable",
        id: "disableToken",
        summary: "Refuses a token until it is enabled again; same bound as a revocation.",
        least_role: Some(Role::Operator),
        query: &Shape::EMPTY,
        body: Some(&Shape::EMPTY),
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "Receipt"),
        problems: &[Code::NotFound, Code::TokenProtected, Code::TokenEnded],
        read: |input| {
            let serial = input.token_id()?;
            let serial = input.body(&Shape::EMPTY).finish(serial)?;
            Ok(Task::ask(Command::DisableToken(serial), Rendering::Answer))
        },
    },
    Operation {
        method: "POST",
        path: "/tokens/{id}/enable",
        id: "enableToken",
        summary: "Admits a disabled token again.",
        least_role: Some(Role::Operator),
        query: &Shape::EMPTY,
        body: Some(&Shape::EMPTY),
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "Receipt"),
        problems: &[Code::NotFound, Code::TokenEnded],
        read: |input| {
            let serial = input.token_id()?;
            let serial = input.body(&Shape::EMPTY).finish(serial)?;
            Ok(Task::ask(Command::EnableToken(serial), Rendering::Answer))
        },
    },
    Operation {
        method: "POST",
        path: "/tokens/{id}/end",
        id: "endToken",
        summary: "Sets, moves or cancels (null) a token's end before its expires_at; the gate keeps it to the second.",
        least_role: Some(Role::Operator),
        query: &Shape::EMPTY,
        body: Some(&token_requests::END),
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "Receipt"),
        problems: &[
            Code::NotFound,
            Code::LastActiveToken,
            Code::TokenProtected,
            Code::TokenEnded,
            Code::Conflict,
        ],
        read: |input| Ok(Task::ask(token_requests::end(input)?, Rendering::Answer)),
    },
    Operation {
        method: "GET",
        path: "/tokens/{id}/usage",
        id: "getTokenUsage",
        summary: "How often a token was used, with what outcome and from where; counts arrive within a minute.",
        least_role: Some(Role::Viewer),
        query: &usage_request::USAGE,
        body: None,
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "TokenUsage"),
        problems: &[Code::NotFound],
        read: |input| {
            let range = usage_request::range(input)?;
            Ok(Task::ask(Command::GetToken(input.token_id()?), Rendering::Usage(range)))
        },
    },
    Operation {
        method: "POST",
        path: "/tokens/{id}/probe",
        id: "probeToken",
        summary: "Publishes a list now, unless one went out in the last 5 s; locations that take it tell within seconds: read it again.",
        least_role: Some(Role::Operator),
        query: &Shape::EMPTY,
        body: Some(&Shape::EMPTY),
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(202, "Probe"),
        problems: &[Code::NotFound],
        read: |input| {
            let serial = input.token_id()?;
            let serial = input.body(&Shape::EMPTY).finish(serial)?;
            Ok(Task::ask(Command::BeginProbe(serial), Rendering::Answer))
        },
    },
    Operation {
        method: "GET",
        path: "/tokens/{id}/probe",
        id: "getTokenProbe",
        summary: "The receipt of a token's latest change, and which list each location holds.",
        least_role: Some(Role::Viewer),
        query: &Shape::EMPTY,
        body: None,
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "Probe"),
        problems: &[Code::NotFound],
        read: |input| Ok(Task::ask(Command::GetProbe(input.token_id()?), Rendering::Answer)),
    },
    Operation {
        method: "GET",
        path: "/families/{id}",
        id: "getFamily",
        summary: "A token and its successors, and which of them is the one to copy.",
        least_role: Some(Role::Viewer),
        query: &Shape::EMPTY,
        body: None,
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "Family"),
        problems: &[Code::NotFound],
        read: |input| Ok(Task::ask(Command::GetFamily(input.family_id()?), Rendering::Answer)),
    },
    Operation {
        method: "GET",
        path: "/families/{id}/token",
        id: "getFamilyToken",
        summary: "The token of the family to copy, with its full text, for jobs that keep their pages at it.",
        least_role: Some(Role::Distributor),
        query: &Shape::EMPTY,
        body: None,
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "FamilyToken"),
        problems: &[Code::NotFound],
        read: |input| Ok(Task::ask(Command::GetFamilyToken(input.family_id()?), Rendering::Answer)),
    },
    Operation {
        method: "PATCH",
        path: "/families/{id}",
        id: "editFamily",
        summary: "Changes the settings that are given, of every token of the family that has not ended.",
        least_role: Some(Role::Operator),
        query: &Shape::EMPTY,
        body: Some(&token_requests::EDIT),
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "EditedFamily"),
        problems: &[
            Code::ExpiryImmutable,
            Code::PublicSuffixRule,
            Code::NotFound,
            Code::TokenEnded,
            Code::Conflict,
        ],
        read: |input| Ok(Task::ask(rotation_requests::edit_family(input)?, Rendering::Answer)),
    },
    Operation {
        method: "POST",
        path: "/families/{id}/rotate",
        id: "rotateFamily",
        summary: "Rotates the family's newest token, as rotateToken does: for jobs, which know the family.",
        least_role: Some(Role::Operator),
        query: &Shape::EMPTY,
        body: Some(&rotation_requests::ROTATE),
        idempotent_by_key: true,
        conditional: false,
        success: Success::json(201, "RotatedToken"),
        problems: ROTATE_PROBLEMS,
        read: |input| Ok(Task::ask(rotation_requests::rotate_family(input)?, Rendering::Answer)),
    },
    Operation {
        method: "POST",
        path: "/families/{id}/revoke",
        id: "revokeFamily",
        summary: "Withdraws every token of the family for ever, the last active one too.",
        least_role: Some(Role::Operator),
        query: &Shape::EMPTY,
        body: Some(&rotation_requests::REVOKE_FAMILY),
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "BulkRevoked"),
        problems: &[Code::NotFound],
        read: |input| Ok(Task::ask(rotation_requests::revoke_family(input)?, Rendering::Answer)),
    },
    Operation {
        method: "POST",
        path: "/origin-test",
        id: "testOrigin",
        summary: "Which rule would match a request's headers, or why none would.",
        least_role: Some(Role::Viewer),
        query: &Shape::EMPTY,
        body: Some(&origin_test_request::TRY),
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "OriginTest"),
        problems: &[Code::PublicSuffixRule],
        read: |input| {
            Ok(Task::ask(Command::Authenticate, Rendering::OriginTest(origin_test_request::verdict(input)?)))
        },
    },
    Operation {
        method: "GET",
        path: "/admin-keys",
        id: "listAdminKeys",
        summary: "All admin keys, without their texts.",
        least_role: Some(Role::Owner),
        query: &Shape::EMPTY,
        body: None,
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "AdminKeyPage"),
        problems: &[],
        read: |_| Ok(Task::ask(Command::ListAdminKeys, Rendering::Answer)),
    },
    Operation {
        method: "POST",
        path: "/admin-keys",
        id: "createAdminKey",
        summary: "Makes an admin key; its text is shown in this answer and never again.",
        least_role: Some(Role::Owner),
        query: &Shape::EMPTY,
        body: Some(&admin_key_requests::CREATE),
        idempotent_by_key: true,
        conditional: false,
        success: Success::json(201, "CreatedAdminKey"),
        problems: &[Code::IdempotencyConflict, Code::Conflict],
        read: |input| Ok(Task::ask(admin_key_requests::create(input)?, Rendering::Answer)),
    },
    Operation {
        method: "DELETE",
        path: "/admin-keys/{id}",
        id: "deleteAdminKey",
        summary: "Ends an admin key; the last owner's cannot be ended.",
        least_role: Some(Role::Owner),
        query: &Shape::EMPTY,
        body: None,
        idempotent_by_key: false,
        conditional: false,
        success: Success::NO_CONTENT,
        problems: &[Code::NotFound, Code::Conflict],
        read: |input| Ok(Task::ask(admin_key_requests::delete(input)?, Rendering::Answer)),
    },
    Operation {
        method: "GET",
        path: "/signing-keys",
        id: "listSigningKeys",
        summary: "The signing keys of the ring and those retired, by id.",
        least_role: Some(Role::Owner),
        query: &Shape::EMPTY,
        body: None,
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "SigningKeyPage"),
        problems: &[],
        read: |_| Ok(Task::ask(Command::ListSigningKeys, Rendering::Answer)),
    },
    Operation {
        method: "POST",
        path: "/signing-keys/{id}/activate",
        id: "activateSigningKey",
        summary: "Signs with this key from now on; the others go on verifying. Refused while a location lacks it.",
        least_role: Some(Role::Owner),
        query: &Shape::EMPTY,
        body: Some(&Shape::EMPTY),
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "SigningKey"),
        problems: &[Code::NotFound, Code::Conflict],
        read: |input| Ok(Task::ask(signing_key_requests::activate(input)?, Rendering::Answer)),
    },
    Operation {
        method: "POST",
        path: "/signing-keys/{id}/retire",
        id: "retireSigningKey",
        summary: "Refuses a key and every token under it for ever; never the one that signs.",
        least_role: Some(Role::Owner),
        query: &Shape::EMPTY,
        body: Some(&signing_key_requests::RETIRE),
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "KeyReceipt"),
        problems: &[Code::NotFound, Code::Conflict],
        read: |input| Ok(Task::ask(signing_key_requests::retire(input)?, Rendering::Answer)),
    },
    Operation {
        method: "GET",
        path: "/events",
        id: "listEvents",
        summary: "The audit, newest first: who, what, when, before and after.",
        least_role: Some(Role::Viewer),
        query: &filters::EVENTS,
        body: None,
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "EventPage"),
        problems: &[],
        read: |input| Ok(Task::ask(filters::events(input)?, Rendering::Answer)),
    },
    Operation {
        method: "GET",
        path: "/notices",
        id: "listNotices",
        summary: "Notices of the last 90 days, newest first: each is a webhook's body, with what became of that.",
        least_role: Some(Role::Viewer),
        query: &filters::NOTICES,
        body: None,
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "NoticePage"),
        problems: &[],
        read: |input| Ok(Task::ask(filters::notices(input)?, Rendering::Answer)),
    },
    Operation {
        method: "GET",
        path: "/configuration",
        id: "getConfiguration",
        summary: "What this deployment is configured to do; no secrets.",
        least_role: Some(Role::Viewer),
        query: &Shape::EMPTY,
        body: None,
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "Configuration"),
        problems: &[],
        read: |input| {
            let text = input.context.configuration.to_owned();
            Ok(Task::ask(Command::Authenticate, Rendering::Configuration(text)))
        },
    },
    Operation {
        method: "GET",
        path: "/status",
        id: "getStatus",
        summary: "The registry's state: the list, what is owed to KV, counts.",
        least_role: Some(Role::Viewer),
        query: &Shape::EMPTY,
        body: None,
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "Status"),
        problems: &[],
        read: |_| Ok(Task::ask(Command::Status, Rendering::Answer)),
    },
    Operation {
        method: "GET",
        path: "/metrics",
        id: "getMetrics",
        summary: "The registry's state for Prometheus: what getStatus says, and the 5,000 nearest ends of tokens without a successor.",
        least_role: Some(Role::Viewer),
        query: &Shape::EMPTY,
        body: None,
        idempotent_by_key: false,
        conditional: false,
        success: Success { status: 200, schema: Some("Metrics"), media_type: metrics::MEDIA_TYPE },
        problems: &[],
        read: |_| Ok(Task::ask(Command::Metrics, Rendering::Metrics)),
    },
    Operation {
        method: "GET",
        path: "/openapi.json",
        id: "getOpenApi",
        summary: "This document. It is public, as the source is: it names no token and no key.",
        least_role: None,
        query: &Shape::EMPTY,
        body: None,
        idempotent_by_key: false,
        conditional: false,
        success: Success::json(200, "OpenApi"),
        problems: &[],
        read: |_| Ok(Task::Document),
    },
];

/// What stands against a rotation.
const ROTATE_PROBLEMS: &[Code] = &[
    Code::PublicSuffixRule,
    Code::NotFound,
    Code::IdempotencyConflict,
    Code::SuccessorUnused,
    Code::MaxActiveTokens,
    Code::TokenProtected,
    Code::TokenEnded,
    Code::Conflict,
];
