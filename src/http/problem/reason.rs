//! Reasons: a stable name for each cause of a problem whose code has several causes, and what to do about it.
//!
//! Invariants: the set is closed. A reason belongs to one code, and its text replaces the code's text. Texts
//! are constant and contain no value of a request.
//! What it must not know: requests.
//! What a mistake costs: a developer looks for the fault in the wrong place.

use super::table::Code;

/// Defines enum and table from one row for each reason: variant, code, name, text.
macro_rules! reasons {
    ($($variant:ident, $code:ident, $name:literal, $detail:literal;)+) => {
        /// Why a problem arose, where its code alone does not tell.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $($variant,)+ }

        impl Reason {
            /// All reasons, in the table's order.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            const fn entry(self) -> (Code, &'static str, &'static str) {
                match self { $(Self::$variant => (Code::$code, $name, $detail),)+ }
            }
        }
    };
}

reasons! {
    // The path of a request to an API.
    HostUnreadable, InvalidRequest, "host_unreadable",
        "The URL's host or port is not valid. Send the request to the API's own host name.";
    ControlCharacter, InvalidRequest, "control_character",
        "The path holds a raw space, or a control character, raw or percent-encoded (%00 to %1F, %7F). \
         Servers read what follows it differently. Write a space as %20, and leave control characters out.";
    Backslash, InvalidRequest, "backslash",
        "The path holds a backslash, which some servers read as a slash. Write a slash, or %5C where a \
         backslash is meant.";
    DotSegment, InvalidRequest, "dot_segment",
        "A segment of the path is . or .., as it is, percent-encoded, or after an encoded slash. Send the \
         path that it leads to.";
    EncodedRepeatedly, InvalidRequest, "encoded_repeatedly",
        "The path is percent-encoded more often than any server decodes it. Encode it once.";
    TooManyReadings, InvalidRequest, "too_many_readings",
        "Servers may read the path in more ways than are compared: it is longer than 8,192 bytes and not \
         plain, begins with two slashes and has more than 16 segments, or has more than 4 names of scripts, \
         or many encodings. Write the path as the API's documentation does.";
    ReservedPath, InvalidRequest, "reserved_path",
        "Some servers read the path as one under /_wayleave, which is reserved for Wayleave. If that is \
         meant, write /_wayleave exactly like this. No API has a path under it.";
    EncodedSeparator, InvalidRequest, "encoded_separator",
        "If the %2F or %5C in the path is decoded, the path belongs to another part of the API than as it \
         was sent. An encoded slash is accepted where both readings belong to the same part.";
    PathOfTwoRoutes, InvalidRequest, "path_of_two_routes",
        "Some servers read the path as one of another part of the API, because they decode it, ignore the \
         case of letters, join double slashes, or drop what follows a semicolon or the name of a script. \
         Write the path as the API's documentation does.";

    // The credential of a request.
    TwoPlaces, CredentialConflict, "two_places",
        "The request carries credentials in more than one place. The member places lists them. Send only \
         one. If the API needs one of these places for itself, its operator removes that place from \
         CREDENTIAL_SOURCES, or from credential_sources of the route.";
    Twice, CredentialConflict, "twice",
        "The request carries a credential twice in one place: a header that was sent twice or has a comma, \
         or a query parameter that occurs twice. The member places names it. Send only one.";
    Misplaced, TokenMalformed, "misplaced",
        "The request carries a token (wlp_…) in a header or query parameter that is not meant for tokens. It \
         was refused, so that the token does not reach the API. Send the token as Authorization: Bearer, or \
         where the API's documentation says.";
    AnotherKind, TokenMalformed, "another_kind",
        "The credential is not a Wayleave token, which begins with wlp_. If it is meant for the API itself, \
         the API's operator removes its place from CREDENTIAL_SOURCES, or from credential_sources of the \
         route.";

    // The caller of the admin API.
    Role, Forbidden, "role",
        "The admin key's role does not permit this call. Use a key with a higher role.";
    CrossOrigin, Forbidden, "cross_origin",
        "A console session is accepted only in requests from the console's own pages, and this request came \
         from elsewhere. Programs send an admin key as Authorization: Bearer. If the request did come from \
         the console, the proxy in front of Wayleave does not forward the host or the scheme that the \
         browser uses.";
    NoConsoleHere, Forbidden, "no_console_here",
        "Console sessions are not accepted on this host, because the console would share its origin and its \
         cookie with the API. Use a host of CONTROL_HOSTS. If CONTROL_HOSTS is not set, set it.";

    // What an admin call refers to.
    NoSuchPath, NotFound, "no_such_path",
        "The admin API has no such path. Its OpenAPI document, /_wayleave/api/openapi.json, lists all paths.";
    NoSuchId, NotFound, "no_such_id",
        "Nothing exists under this id. It has a typing error, or what it named was deleted.";
    NotIssuedHere, NotFound, "not_issued_here",
        "The token was not issued by this deployment, or the key that signed it is no longer in \
         SIGNING_KEYS.";
    KeyNotInRing, NotFound, "key_not_in_ring",
        "The registry has not seen a key with this id in SIGNING_KEYS. Deploy SIGNING_KEYS with the key \
         first.";
    NoCurrentToken, NotFound, "no_current_token",
        "No token of the family is active. Enable one, or create another token.";

    // What an admin call conflicts with.
    LastOwner, Conflict, "last_owner",
        "The key of the last owner cannot be deleted, because nobody could then create another. Create \
         another owner's key first.";
    KeySigns, Conflict, "key_signs",
        "The key that signs new tokens cannot be retired: every new token would be refused. Activate another \
         key first.";
    KeyRetired, Conflict, "key_retired",
        "The key was retired and is refused permanently. Activate another key.";
    KeyInUse, Conflict, "key_in_use",
        "Tokens signed with the key are live. The member live_tokens says how many. Rotate them first, or \
         send force: true: they are then refused within the bound.";
    KeyMissing, Conflict, "key_missing",
        "The locations in the member missing_at lack the key and would refuse the tokens that it signs. \
         Deploy SIGNING_KEYS with the key there. Each location reports the key within a minute of its next \
         request.";
    HasSuccessor, Conflict, "has_successor",
        "The token already has a successor. Rotate the token that the member rotate_instead names.";
    LeafDisabled, Conflict, "disabled",
        "A disabled token cannot be rotated. Enable it first, or rotate the token that rotate_instead names. \
         If the token is compromised, send revoke_old with when: now.";
    UnexpectedCount, Conflict, "unexpected_count",
        "The filter finds another number of tokens than expect says. The member matched has that number. \
         Nothing was changed. Check the tokens with dry_run, then send the new number.";
    MadeIsGone, Conflict, "made_is_gone",
        "What the first request with this Idempotency-Key created cannot be shown again: it was deleted, it \
         has expired, or its signing key is gone. Use a new Idempotency-Key for a new request.";
    SerialsUsedUp, Conflict, "serials_used_up",
        "All serial numbers for tokens are used up. Set up a new deployment, with another DEPLOYMENT, to \
         create more tokens.";
    VersionsUsedUp, Conflict, "versions_used_up",
        "The token has reached the maximum number of changes. Rotate it: its successor begins at version 1.";
    LicenceEnded, Conflict, "licence_ended",
        "A licence for this family, owner or external id has ended, so no token is made, rotated or moved to \
         it. GET /licences shows it. Set a new end with POST /licences first, if it was renewed.";
    OwnerSwitchedOff, Conflict, "owner_switched_off",
        "The owner is switched off, so no token is made, rotated or moved to this owner. Switch the owner on \
         with POST /owners/switch-on first, or name another owner.";
    NoWebhook, Conflict, "no_webhook",
        "WEBHOOK_URL is not set, so there is no receiver to try. Set WEBHOOK_URL and WEBHOOK_SECRET, deploy, \
         then try again.";

    // A token that prevents an admin call.
    OwnersOnly, TokenProtected, "owners_only",
        "The token is protected: only an owner may make changes that could break the pages that use it or \
         open it to others. An operator may edit its descriptive fields, and may rotate it with a plan that \
         waits for the successor's use and then leaves pages a day.";
    ClearFirst, TokenProtected, "clear_protected_first",
        "A protected token cannot be revoked, disabled or ended early. An owner must clear protected first. \
         A bulk revocation by an owner includes it with include_protected: true.";
    Ended, TokenEnded, "ended",
        "The token is revoked or past its end. Only tokens that have not ended can be changed.";
    FamilyEnded, TokenEnded, "family_ended",
        "Every token of the family is revoked or past its end. There is none left to change.";
    TextGone, TokenEnded, "text_gone",
        "The key that signed the token was retired and is no longer in SIGNING_KEYS, so the token's text \
         cannot be computed again.";
    RotateAnother, TokenEnded, "rotate_another",
        "The token is revoked or past its end. Rotate the token of the family that rotate_instead names.";
    NothingToRotate, TokenEnded, "nothing_to_rotate",
        "The token is revoked or past its end, and so is every other token of the family. Create another \
         token. clone_of copies the settings of a token that works.";

    // The registry.
    NoAnswer, RegistryUnavailable, "no_answer",
        "The registry could not be reached, or its answer was lost. Try again with the same Idempotency-Key, \
         so that nothing is done twice.";
    Restoring, RegistryUnavailable, "restoring",
        "The registry was restored from a backup and must first read the lists in KV, because revocations \
         would be lost without them. Try again. If the problem persists, the log says what is missing.";
    UsageUnavailable, RegistryUnavailable, "usage_unavailable",
        "The objects that count requests did not answer. Try again. Tokens and revocations are not affected.";
    // The origin of the request.
    OriginsNotNamed, OriginNotAllowed, "origins_not_named",
        "Pages may send cookies to this part of the API, so it accepts only tokens with a list of sites that \
         is enforced. This token works from any site, or is in report mode. Ask the API's operator for a \
         token that lists your site.";
}

impl Reason {
    /// The code to which the reason belongs.
    #[must_use]
    pub const fn code(self) -> Code {
        self.entry().0
    }

    /// The stable name, for programs to compare.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.entry().1
    }

    /// What happened and what to do next.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        self.entry().2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_reason_has_one_name_and_one_text_of_its_own() {
        let names: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        let texts: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.detail()).collect();
        assert_eq!((names.len(), texts.len()), (Reason::ALL.len(), Reason::ALL.len()));
        for reason in Reason::ALL {
            assert!(reason.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
            assert_ne!(reason.detail(), reason.code().detail());
        }
    }

    #[test]
    fn texts_fit_html_as_they_are() {
        for reason in Reason::ALL {
            assert!(!reason.detail().contains(['"', '\\', '<', '>', '&']), "{}", reason.name());
        }
    }
}
