//! Every problem that Wayleave can answer with: code, status, texts and challenge, in one table.
//!
//! Standards: RFC 9457 (problem details), RFC 6750 section 3 (challenge and error codes), RFC 9110.
//! Invariants: codes are stable; the texts are constant for each code and hold no value of a request, so they are safe
//! in logs and as metric labels. "Every invalid token is 401, never anonymous" is visible in [`Code::status`].
//! What it must not know: requests, tokens, Workers.
//! What a mistake costs: a wrong status makes clients retry what is dead, or treat a dead token as "no data".

use serde::Serialize;
use serde_json::{Map, Value};

/// Where problem types point, and where their page is served.
pub const PROBLEMS_PATH: &str = "/_wayleave/problems";
/// Media type of a problem (RFC 9457 section 3).
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Wait before asking again when freshness or the registry is lacking: one refresh of the list is tried each second.
const RETRY_AFTER_SECONDS: u32 = 2;

/// A problem's code. The order is that of DESIGN section 7's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // each variant is its code's name; the table below explains every one
pub enum Code {
    TokenMissing,
    TokenMalformed,
    TokenInvalid,
    TokenExpired,
    TokenRevoked,
    TokenDisabled,
    CredentialConflict,
    OriginMissing,
    OriginNotAllowed,
    AudienceMismatch,
    RateLimited,
    RevocationStatusUnknown,
    RouteNotFound,
    UpstreamUnreachable,
    UpstreamTimeout,
    InvalidRequest,
    /// `invalid_request` for fields with wrong values: 422 with `errors`.
    InvalidFields,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Conflict,
    PreconditionFailed,
    PayloadTooLarge,
    UnsupportedMediaType,
    Internal,
    RegistryUnavailable,
    ExpiryImmutable,
    PublicSuffixRule,
    LastActiveToken,
    TokenProtected,
    TokenEnded,
    SuccessorUnused,
    MaxActiveTokens,
    IdempotencyConflict,
}

/// One row of the table.
struct Entry {
    code: &'static str,
    status: u16,
    title: &'static str,
    detail: &'static str,
    /// RFC 6750 error code; `None` where the challenge has none or there is no challenge.
    error: Option<&'static str>,
}

const fn entry(
    code: &'static str,
    status: u16,
    title: &'static str,
    detail: &'static str,
    error: Option<&'static str>,
) -> Entry {
    Entry { code, status, title, detail, error }
}

impl Code {
    /// Every code, in the table's order.
    pub const ALL: [Self; 35] = [
        Self::TokenMissing,
        Self::TokenMalformed,
        Self::TokenInvalid,
        Self::TokenExpired,
        Self::TokenRevoked,
        Self::TokenDisabled,
        Self::CredentialConflict,
        Self::OriginMissing,
        Self::OriginNotAllowed,
        Self::AudienceMismatch,
        Self::RateLimited,
        Self::RevocationStatusUnknown,
        Self::RouteNotFound,
        Self::UpstreamUnreachable,
        Self::UpstreamTimeout,
        Self::InvalidRequest,
        Self::InvalidFields,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::PreconditionFailed,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::Internal,
        Self::RegistryUnavailable,
        Self::ExpiryImmutable,
        Self::PublicSuffixRule,
        Self::LastActiveToken,
        Self::TokenProtected,
        Self::TokenEnded,
        Self::SuccessorUnused,
        Self::MaxActiveTokens,
        Self::IdempotencyConflict,
    ];

    const fn entry(self) -> Entry {
        const TOKEN: Option<&str> = Some("invalid_token");
        match self {
            Self::TokenMissing => entry(
                "token_missing",
                401,
                "No token",
                "This API needs a token and the request carried none. Send it where the documentation of the API says: usually as Authorization: Bearer, as X-Api-Key, or as the query parameter token.",
                None,
            ),
            Self::TokenMalformed => entry(
                "token_malformed",
                401,
                "Not a token",
                "The credential does not have the form of a Wayleave token: wlp_ and 36 more characters. Copy the token again, whole.",
                TOKEN,
            ),
            Self::TokenInvalid => entry(
                "token_invalid",
                401,
                "Token not valid here",
                "The token was not issued by this deployment, or the key that signed it is no longer in use. Ask the API's operator for a current token.",
                TOKEN,
            ),
            Self::TokenExpired => entry(
                "token_expired",
                401,
                "Token expired",
                "The token reached its end. Ask the API's operator for its successor.",
                TOKEN,
            ),
            Self::TokenRevoked => entry(
                "token_revoked",
                401,
                "Token revoked",
                "The token was withdrawn and will not work again. Ask the API's operator for its successor.",
                TOKEN,
            ),
            Self::TokenDisabled => entry(
                "token_disabled",
                401,
                "Token disabled",
                "The API's operator has switched the token off for now. Ask the operator when it will work again.",
                TOKEN,
            ),
            Self::CredentialConflict => entry(
                "credential_conflict",
                400,
                "More than one credential",
                "The request carries a credential in more than one place, or twice in one place. Send exactly one.",
                Some("invalid_request"),
            ),
            Self::OriginMissing => entry(
                "origin_missing",
                403,
                "No origin",
                "The token works only from certain sites, and the request names none. If a page sent it, its Referrer-Policy is probably no-referrer: use strict-origin-when-cross-origin, or load the resource with CORS (crossorigin, fetch) so that the browser sends Origin.",
                None,
            ),
            Self::OriginNotAllowed => entry(
                "origin_not_allowed",
                403,
                "Origin not allowed",
                "The token does not work from the site that sent the request. Ask the API's operator to add the site's origin (scheme, host and port must match).",
                None,
            ),
            Self::AudienceMismatch => entry(
                "audience_mismatch",
                403,
                "Token is for another API",
                "The token is good, but not for this part of the API. Ask the API's operator for one that is.",
                Some("insufficient_scope"),
            ),
            Self::RateLimited => entry(
                "rate_limited",
                429,
                "Too many requests",
                "The token's rate limit is used up. Wait as long as Retry-After says.",
                None,
            ),
            Self::RevocationStatusUnknown => entry(
                "revocation_status_unknown",
                503,
                "Cannot tell whether the token is still good",
                "This location has no list of revoked tokens that is recent enough, or cannot read the token's record, so it refuses rather than guess. Try again shortly.",
                None,
            ),
            Self::RouteNotFound => entry(
                "route_not_found",
                404,
                "No such API",
                "No API is served at this host and path. Check both against the API's documentation.",
                None,
            ),
            Self::UpstreamUnreachable => entry(
                "upstream_unreachable",
                502,
                "The API did not answer",
                "The request was admitted, but the API behind could not be reached. Try again; if it lasts, tell the API's operator.",
                None,
            ),
            Self::UpstreamTimeout => entry(
                "upstream_timeout",
                504,
                "The API took too long",
                "The request was admitted, but the API behind sent no answer in time. Try again; if it lasts, tell the API's operator.",
                None,
            ),
            Self::InvalidRequest => entry(
                "invalid_request",
                400,
                "The request cannot be understood",
                "Its path, query, headers or body do not have the form that is expected here; errors, where present, names each fault.",
                None,
            ),
            Self::InvalidFields => entry(
                "invalid_request",
                422,
                "Some fields cannot be taken",
                "The request is well formed, but some fields have wrong or unknown names or values; errors names each. Nothing was changed.",
                None,
            ),
            Self::Unauthorized => entry(
                "unauthorized",
                401,
                "No valid admin key",
                "Send a valid admin key as Authorization: Bearer wla_… . It may have been deleted or have expired.",
                None,
            ),
            Self::Forbidden => entry(
                "forbidden",
                403,
                "Not allowed for this admin key",
                "The admin key's role does not permit this call. Use a key with a higher role.",
                Some("insufficient_scope"),
            ),
            Self::NotFound => entry(
                "not_found",
                404,
                "No such thing",
                "Nothing is known under this path or id. Check it for a typing error.",
                None,
            ),
            Self::MethodNotAllowed => entry(
                "method_not_allowed",
                405,
                "Method not allowed",
                "This path exists, but not for this method; Allow lists those it takes.",
                None,
            ),
            Self::Conflict => entry(
                "conflict",
                409,
                "Clashes with the present state",
                "The call clashes with how things are now; for instance, the last owner's admin key cannot be deleted, the key that signs cannot be retired, and one with live tokens (live_tokens says how many) only with force: true; a signing key that locations lack (missing_at names them) is activated once SIGNING_KEYS with it is deployed there and they have told so, within a minute of their next request. A disabled token, or one that has a successor, is not rotated: rotate_instead names the one to rotate, or enable it first. Where matched is given, the filter finds another number of tokens than was expected. Nothing was changed.",
                None,
            ),
            Self::PreconditionFailed => entry(
                "precondition_failed",
                412,
                "Changed in the meantime",
                "If-Match names an older version. Read the token again, look at what changed, and send the edit with its new ETag.",
                None,
            ),
            Self::PayloadTooLarge => entry(
                "payload_too_large",
                413,
                "Body too large",
                "An admin request may carry at most 65,536 bytes.",
                None,
            ),
            Self::UnsupportedMediaType => entry(
                "unsupported_media_type",
                415,
                "Not JSON",
                "Send the body as Content-Type: application/json.",
                None,
            ),
            Self::Internal => entry(
                "internal",
                500,
                "Internal error",
                "Something failed inside Wayleave; its log says what. Nothing was acknowledged, so trying again is safe.",
                None,
            ),
            Self::RegistryUnavailable => entry(
                "registry_unavailable",
                503,
                "The registry does not answer",
                "The call could not reach the registry, or its answer was lost. Try again; with the same Idempotency-Key nothing is made twice.",
                None,
            ),
            Self::ExpiryImmutable => entry(
                "expiry_immutable",
                422,
                "An expiry cannot be edited",
                "expires_at is signed into the token. Make a new token with another expiry, or revoke this one.",
                None,
            ),
            Self::PublicSuffixRule => entry(
                "public_suffix_rule",
                422,
                "A rule would open a public suffix",
                "A wildcard over a public suffix admits sites of strangers. Use a preview domain of your own, or one short-lived token for each preview, made by CI.",
                None,
            ),
            Self::LastActiveToken => entry(
                "last_active_token",
                409,
                "The family's only active token",
                "Revoking or ending it would leave pages without a working token. Put a successor in place first, or send force: true in an emergency.",
                None,
            ),
            Self::TokenProtected => entry(
                "token_protected",
                409,
                "The token is protected",
                "Protected tokens are not revoked, disabled or ended early. Clear protected first.",
                None,
            ),
            Self::TokenEnded => entry(
                "token_ended",
                409,
                "The token has ended",
                "It is revoked or past its end; only tokens that have not ended can be changed. For a rotation, rotate_instead names the token of the family to rotate; where it is null, clone another token.",
                None,
            ),
            Self::SuccessorUnused => entry(
                "successor_unused",
                409,
                "The successor is not in use yet",
                "The newest token of the family (waiting) was never used: deploy it instead of making another. Or say what to give up: supersede: successor revokes it and leaves the end of its predecessor as it is; supersede: original revokes the predecessor, and if that was used in the last day only with force: true.",
                None,
            ),
            Self::MaxActiveTokens => entry(
                "max_active_tokens",
                409,
                "Two tokens of the family are active",
                "A family has two active tokens at most, and both are in use; active names them and their last use. End the older one first, or send revoke_oldest: true.",
                None,
            ),
            Self::IdempotencyConflict => entry(
                "idempotency_conflict",
                409,
                "Idempotency-Key used for another request",
                "The same Idempotency-Key came with a different request in the last 7 days. Use a new key for a new request.",
                None,
            ),
        }
    }

    /// The stable code: what programs compare.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.entry().code
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.entry().status
    }

    /// A short name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.entry().title
    }

    /// What happened, to what, and what to do next.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        self.entry().detail
    }

    /// The `WWW-Authenticate` value, where the code has one.
    ///
    /// RFC 6750 section 3.1: "If the request lacks any authentication information […], the resource server SHOULD NOT
    /// include an error code or other error information."
    #[must_use]
    pub fn challenge(self) -> Option<String> {
        let realm = match self {
            Self::Unauthorized | Self::Forbidden => "wayleave-admin",
            _ => "wayleave",
        };
        match (self, self.entry().error) {
            // An admin key that is missing and one that is wrong get the same answer.
            (Self::TokenMissing | Self::Unauthorized, _) => Some(format!("Bearer realm=\"{realm}\"")),
            (_, Some(error)) => Some(format!(
                "Bearer realm=\"{realm}\", error=\"{error}\", error_description=\"{}\"",
                self.title()
            )),
            _ => None,
        }
    }

    /// Seconds for `Retry-After`, where waiting helps.
    #[must_use]
    pub const fn retry_after_seconds(self) -> Option<u32> {
        match self {
            Self::RevocationStatusUnknown | Self::RegistryUnavailable => Some(RETRY_AFTER_SECONDS),
            _ => None,
        }
    }

    /// The problem as JSON, with `errors` when there are any, and members of its own (RFC 9457 section 3.2).
    #[must_use]
    pub fn body<E: Serialize>(self, errors: &[E], members: &Map<String, Value>) -> String {
        let problem = Problem {
            kind: format!("{PROBLEMS_PATH}#{}", self.code()),
            title: self.title(),
            status: self.status(),
            detail: self.detail(),
            code: self.code(),
            errors,
            members,
        };
        // Plain strings and numbers always serialise; an empty body would still carry the status.
        serde_json::to_string(&problem).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Problem<'a, E> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: &'static str,
    code: &'static str,
    #[serde(skip_serializing_if = "<[E]>::is_empty")]
    errors: &'a [E],
    #[serde(flatten)]
    members: &'a Map<String, Value>,
}

/// The page behind every problem's `type`: each code with its statuses and texts, under an anchor of its name.
#[must_use]
pub fn page() -> String {
    let mut rows = String::new();
    for code in Code::ALL {
        // The second row of `invalid_request` stands under the first one's anchor.
        let anchor =
            if code == Code::InvalidFields { String::new() } else { format!(" id=\"{}\"", code.code()) };
        rows.push_str(&format!(
            "<section{anchor}><h2><code>{}</code> <span>{}</span></h2><p><strong>{}.</strong> {}</p></section>\n",
            code.code(),
            code.status(),
            code.title(),
            code.detail(),
        ));
    }
    format!("{PAGE_HEAD}{rows}</main></body></html>\n")
}

const PAGE_HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Wayleave: problems</title>\
<style>:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;margin:0}main{max-width:44rem;margin:0 auto;\
padding:2rem 1rem}h1{font-size:1.6rem}h2{font-size:1.05rem;margin:0}h2 span{font-weight:400;opacity:.75}section{padding:.9rem 0;\
border-top:1px solid color-mix(in srgb,currentColor 20%,transparent)}section:target{background:color-mix(in srgb,gold 25%,transparent)}\
p{margin:.3rem 0 0}</style></head><body><main><h1>Problems</h1><p>Every refusal names one of these codes in the \
<code>code</code> member of its <code>application/problem+json</code> body. The codes are stable.</p>\n";

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_dead_token_is_401_with_a_challenge() {
        for code in [
            Code::TokenMalformed,
            Code::TokenInvalid,
            Code::TokenExpired,
            Code::TokenRevoked,
            Code::TokenDisabled,
        ] {
            assert_eq!(code.status(), 401);
            assert!(code.challenge().unwrap().contains("error=\"invalid_token\""));
        }
        assert_eq!(Code::TokenMissing.challenge().unwrap(), "Bearer realm=\"wayleave\"");
        assert_eq!(Code::OriginNotAllowed.challenge(), None);
    }

    #[test]
    fn codes_are_listed_once_and_explained_on_the_page() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| (code.code(), code.status())).collect();
        assert_eq!(names.len(), Code::ALL.len());
        let page = page();
        for code in Code::ALL {
            assert!(page.contains(&format!("id=\"{}\"", code.code())), "{}", code.code());
            assert!(page.contains(code.detail()));
        }
    }

    #[test]
    fn texts_fit_a_quoted_string_and_html_as_they_are() {
        for code in Code::ALL {
            for text in [code.title(), code.detail()] {
                assert!(!text.contains(['"', '\\', '<', '>', '&']), "{}", code.code());
            }
        }
    }

    #[test]
    fn a_body_has_the_members_of_rfc_9457() {
        let body: serde_json::Value =
            serde_json::from_str(&Code::TokenExpired.body::<u8>(&[], &Map::new())).unwrap();
        assert_eq!(body["type"], "/_wayleave/problems#token_expired");
        assert_eq!(body["status"], 401);
        assert_eq!(body["code"], "token_expired");
        assert!(body.get("errors").is_none());
    }
}
