//! The table of codes. A row has the variant, the code, the status, the error of RFC 6750 (`None` where there
//! is no challenge, or one without an error), the title and the detail.
//!
//! What a mistake costs: a wrong status makes clients retry in vain, or read a dead token as "no data".

/// One row of the table.
pub(super) struct Entry {
    pub(super) code: &'static str,
    pub(super) status: u16,
    /// The RFC 6750 error code.
    pub(super) error: Option<&'static str>,
    pub(super) title: &'static str,
    pub(super) detail: &'static str,
}

/// Defines enum and table from one row for each code.
macro_rules! codes {
    ($($(#[$meta:meta])* $variant:ident, $code:literal, $status:literal, $error:expr, $title:literal,
        $detail:literal;)+) => {
        /// A problem's code. The order is that of the tables in docs/http.md, "Problems".
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[$meta])* $variant,)+ }

        impl Code {
            /// All codes, in the table's order.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            pub(super) const fn entry(self) -> Entry {
                let (code, status, error, title, detail) = match self {
                    $(Self::$variant => ($code, $status, $error, $title, $detail),)+
                };
                Entry { code, status, error, title, detail }
            }
        }
    };
}

codes! {
    TokenMissing, "token_missing", 401, None,
        "No token",
        "This API needs a token and the request carried none. Send it where the documentation of the \
         API says: usually as Authorization: Bearer, as X-Api-Key, or as the query parameter token.";
    TokenMalformed, "token_malformed", 401, Some("invalid_token"),
        "Not a token",
        "The credential does not have the form of a Wayleave token: wlp_ and 36 more characters. \
         Copy the token again, whole.";
    TokenInvalid, "token_invalid", 401, Some("invalid_token"),
        "Token not valid here",
        "The token was not issued by this deployment, or the key that signed it is no longer in use. \
         Ask the API's operator for a current token.";
    TokenExpired, "token_expired", 401, Some("invalid_token"),
        "Token expired",
        "The token has reached its expiry or its planned end. Ask the API's operator for a current token.";
    TokenRevoked, "token_revoked", 401, Some("invalid_token"),
        "Token revoked",
        "The token was revoked and will not work again. Ask the API's operator for a current token.";
    TokenDisabled, "token_disabled", 401, Some("invalid_token"),
        "Token disabled",
        "The API's operator has switched the token off for now. Ask the operator when it will work \
         again.";
    CredentialConflict, "credential_conflict", 400, Some("invalid_request"),
        "More than one credential",
        "The request carries a credential in more than one place, or twice in one place. Send \
         exactly one.";
    OriginMissing, "origin_missing", 403, None,
        "No origin",
        "The token works only from certain sites, and the request names none. If a page sent it, its \
         Referrer-Policy is probably no-referrer: use strict-origin-when-cross-origin, or load the \
         resource with CORS (crossorigin, fetch) so that the browser sends Origin.";
    OriginNotAllowed, "origin_not_allowed", 403, None,
        "Origin not allowed",
        "The token does not work from the site that sent the request. Ask the API's operator to add \
         the site's origin (scheme, host and port must match).";
    AudienceMismatch, "audience_mismatch", 403, Some("insufficient_scope"),
        "Token is for another API",
        "The token is valid, but not for this part of the API. Ask the API's operator for a token that is \
         valid here.";
    ScopeMismatch, "scope_mismatch", 403, Some("insufficient_scope"),
        "Token is not for this request",
        "The token is valid here, but not for requests with this method and path. Ask the API's operator for \
         a token that may do this.";
    RateLimited, "rate_limited", 429, None,
        "Too many requests",
        "The token's rate limit is used up. Wait as long as Retry-After says.";
    QuotaExceeded, "quota_exceeded", 429, None,
        "Quota used up",
        "The token has used up its quota of requests for this day or month (UTC). It works again when the \
         next one begins, as Retry-After says. Ask the API's operator for a larger quota.";
    RevocationStatusUnknown, "revocation_status_unknown", 503, None,
        "Cannot tell whether the token is still valid",
        "This location has no list of revoked tokens that is recent enough, or cannot read the token's \
         record. It refuses the request, because the token may have been revoked. Try again shortly.";
    RouteNotFound, "route_not_found", 404, None,
        "No such API",
        "No API is served at this host and path. Check both against the API's documentation.";
    UpstreamUnreachable, "upstream_unreachable", 502, None,
        "The API did not answer",
        "The request was admitted, but the API could not be reached. Try again. If the problem persists, \
         tell the API's operator.";
    UpstreamTimeout, "upstream_timeout", 504, None,
        "The API took too long",
        "The request was admitted, but the API did not answer in time. Try again. If the problem persists, \
         tell the API's operator.";
    InvalidRequest, "invalid_request", 400, None,
        "The request cannot be understood",
        "The path, query, headers or body do not have the expected form. The member reason or errors, where \
         present, says what is wrong.";
    /// `invalid_request` for fields with wrong values: status 422 with `errors`.
    InvalidFields, "invalid_request", 422, None,
        "Some fields are not valid",
        "The request is well formed, but some fields have unknown names or wrong values. The member errors \
         lists each. Nothing was changed.";
    Unauthorized, "unauthorized", 401, None,
        "No valid admin key",
        "Send a valid admin key (wla_…) as Authorization: Bearer. A key that worked before may have been \
         deleted or have expired.";
    Forbidden, "forbidden", 403, Some("insufficient_scope"),
        "Not allowed",
        "The caller is authenticated, but may not make this call. The member reason says why.";
    NotFound, "not_found", 404, None,
        "Not found",
        "Nothing exists under this path or id. Check it for typing errors.";
    MethodNotAllowed, "method_not_allowed", 405, None,
        "Method not allowed",
        "This path does not support the request's method. The header Allow lists the methods that it \
         supports.";
    Conflict, "conflict", 409, None,
        "Conflict with the current state",
        "The call conflicts with the current state. The member reason says how. Nothing was changed.";
    PreconditionFailed, "precondition_failed", 412, None,
        "Changed in the meantime",
        "If-Match names an older version. Read the token again, look at what changed, and send the \
         edit with its new ETag.";
    PayloadTooLarge, "payload_too_large", 413, None,
        "Body too large",
        "An admin request may carry at most 65,536 bytes.";
    UnsupportedMediaType, "unsupported_media_type", 415, None,
        "Not JSON",
        "Send the body as Content-Type: application/json.";
    Internal, "internal", 500, None,
        "Internal error",
        "Something failed inside Wayleave. Its log has the cause. Nothing was acknowledged, so it is safe to \
         try again.";
    RegistryUnavailable, "registry_unavailable", 503, None,
        "The registry does not answer",
        "The registry did not answer the call. The member reason says why. Try again with the same \
         Idempotency-Key, so that nothing is done twice.";
    ExpiryImmutable, "expiry_immutable", 422, None,
        "An expiry cannot be edited",
        "expires_at is signed into the token. Create a new token with another expiry, or revoke this one.";
    PublicSuffixRule, "public_suffix_rule", 422, None,
        "A wildcard over a public suffix",
        "A wildcard over a public suffix admits the sites of other people. Use a preview domain of your own, \
         or let CI create one short-lived token for each preview.";
    LastActiveToken, "last_active_token", 409, None,
        "The family's only active token",
        "Revoking or ending it would leave pages without a working token. Rotate it or create a successor \
         first, or send force: true in an emergency.";
    TokenProtected, "token_protected", 409, None,
        "The token is protected",
        "Only an owner may make changes that could break the pages that use a protected token or open it to \
         others. The member reason says what to do.";
    TokenEnded, "token_ended", 409, None,
        "The token has ended",
        "The token is revoked or past its end. The member reason says what can still be done.";
    SuccessorUnused, "successor_unused", 409, None,
        "The successor is not in use yet",
        "The newest token of the family, in the member waiting, was never used. Deploy it instead of \
         creating another, or choose which token to revoke. supersede: successor revokes the unused token; \
         the end of its predecessor stays as it is. supersede: original revokes the predecessor; if that was \
         used in the last day, force: true is needed as well.";
    MaxActiveTokens, "max_active_tokens", 409, None,
        "Two tokens of the family are active",
        "A family can have two active tokens, and both are in use. The member active lists them with their \
         last use. End the older one first, or send revoke_oldest: true.";
    IdempotencyConflict, "idempotency_conflict", 409, None,
        "Idempotency-Key used for another request",
        "The same Idempotency-Key was used for a different request in the last 7 days. Use a new key for a \
         new request.";
}
