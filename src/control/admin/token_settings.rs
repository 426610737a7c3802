//! A token's settings as fields of a request: what each may hold, and the one list of them.
//!
//! Standard: docs/lifecycle.md, "Life".
//! Invariants: every setting is in the list and is read; a test compares both with the registry's.
//! What it must not know: HTTP, which tokens exist.
//! What a mistake costs: a setting lost between JSON and command is not enforced (false accept).

use super::fields::{Field, Members};
use super::kinds::{Choice, Flag, HEADER_TEXT, HeaderText, Nullable, TEXT, Text};
use super::policy_kinds::{Audiences, Metadata, Origins, RateClass};
use super::quota_kind::QuotaKind;
use super::rotation_kinds::AutoRotateKind;
use super::scope_kinds::{ClaimsKind, MethodsKind, PathsKind};
use crate::control::registry::command::TokenEdit;
use crate::formats::origin::{MissingOrigin, OriginMode};
use crate::formats::scope::ScopeMode;

pub(super) static LABEL: Field<Text> = Field { name: "label", about: "A name for people.", kind: TEXT };
pub(super) static OWNER: Field<Nullable<Text>> =
    Field { name: "owner", about: "Whom to ask about the token.", kind: Nullable(TEXT) };
pub(super) static EXTERNAL_ID: Field<Nullable<HeaderText>> = Field {
    name: "external_id",
    about: "The operator's own id for the customer. The upstream gets it as Wayleave-External-Id.",
    kind: Nullable(HEADER_TEXT),
};
pub(super) static METADATA: Field<Nullable<Metadata>> = Field {
    name: "metadata",
    about: "A JSON object with the operator's own data, at most 4096 bytes.",
    kind: Nullable(Metadata),
};
pub(super) static ORIGINS: Field<Origins> = Field {
    name: "origins",
    about: "The sites that may use the token: any, or a list of rules [scheme://]host[:port]. A host may \
        start with *. for its subdomains. moz-extension://* matches every Firefox extension.",
    kind: Origins,
};
pub(super) static ORIGIN_MODE: Field<Choice<OriginMode>> = Field {
    name: "origin_mode",
    about: "report admits and counts the requests that the rules would refuse.",
    kind: Choice(&[("enforce", OriginMode::Enforce), ("report", OriginMode::Report)]),
};
pub(super) static MISSING_ORIGIN: Field<Choice<MissingOrigin>> = Field {
    name: "missing_origin",
    about: "What happens to a request that shows no origin.",
    kind: Choice(&[("refuse", MissingOrigin::Refuse), ("allow", MissingOrigin::Allow)]),
};
pub(super) static AUDIENCES: Field<Audiences> = Field {
    name: "audiences",
    about: "The audiences for which it is valid. Optional at creation when the deployment has only one.",
    kind: Audiences,
};
pub(super) static RATE: Field<Nullable<RateClass>> = Field {
    name: "rate",
    about: "The rate class, one of rate_classes in GET /configuration; null: no limit.",
    kind: Nullable(RateClass),
};
pub(super) static QUOTA: Field<Nullable<QuotaKind>> = Field {
    name: "quota",
    about: "How many requests it may make per UTC day or month: its own, or those of its family's tokens \
        together; null: no quota.",
    kind: Nullable(QuotaKind),
};
pub(super) static METHODS: Field<Nullable<MethodsKind>> = Field {
    name: "methods",
    about: "The methods for which it is good; HEAD goes with GET. Null: those of the route, or else all.",
    kind: Nullable(MethodsKind),
};
pub(super) static PATHS: Field<Nullable<PathsKind>> = Field {
    name: "paths",
    about: "The paths for which it is good, each exact or a prefix that ends in /*. Null: those of the \
        route, or else all.",
    kind: Nullable(PathsKind),
};
pub(super) static SCOPE_MODE: Field<Choice<ScopeMode>> = Field {
    name: "scope_mode",
    about: "report admits and counts the requests that methods and paths, its own or the route's, would \
        refuse.",
    kind: Choice(&[("enforce", ScopeMode::Enforce), ("report", ScopeMode::Report)]),
};
pub(super) static CLAIMS: Field<Nullable<ClaimsKind>> = Field {
    name: "claims",
    about: "A JSON object of texts, numbers, flags and lists of these, at most 1024 bytes of canonical JSON. \
        The upstream gets it as Wayleave-Claims, in base64url.",
    kind: Nullable(ClaimsKind),
};
pub(super) static PROTECTED: Field<Flag> = Field {
    name: "protected",
    about: "Only an owner may make changes that could break the pages that use the token or open it to \
        others. To end the token, an owner first clears this. Only an owner sets or clears it.",
    kind: Flag,
};
pub(super) static DISTRIBUTE: Field<Flag> = Field {
    name: "distribute",
    about: "Pages on the token's sites may fetch the family's current token. Cannot be combined with origins \
        any.",
    kind: Flag,
};
pub(super) static AUTO_ROTATE: Field<Nullable<AutoRotateKind>> = Field {
    name: "auto_rotate",
    about: "Automatic rotation: the registry rotates the token this long before its end; null: it does not.",
    kind: Nullable(AutoRotateKind),
};
/// The settings of a token, between other fields of a request.
macro_rules! settings_and {
    ($($before:expr),* ; $($after:expr),*) => {
        &[
            $($before,)*
            &$crate::control::admin::token_settings::LABEL,
            &$crate::control::admin::token_settings::OWNER,
            &$crate::control::admin::token_settings::EXTERNAL_ID,
            &$crate::control::admin::token_settings::METADATA,
            &$crate::control::admin::token_settings::ORIGINS,
            &$crate::control::admin::token_settings::ORIGIN_MODE,
            &$crate::control::admin::token_settings::MISSING_ORIGIN,
            &$crate::control::admin::token_settings::AUDIENCES,
            &$crate::control::admin::token_settings::RATE,
            &$crate::control::admin::token_settings::QUOTA,
            &$crate::control::admin::token_settings::METHODS,
            &$crate::control::admin::token_settings::PATHS,
            &$crate::control::admin::token_settings::SCOPE_MODE,
            &$crate::control::admin::token_settings::CLAIMS,
            &$crate::control::admin::token_settings::PROTECTED,
            &$crate::control::admin::token_settings::DISTRIBUTE,
            &$crate::control::admin::token_settings::AUTO_ROTATE,
            $($after,)*
        ]
    };
}
pub(super) use settings_and;

/// Reads the settings that are given.
pub(super) fn read(body: &mut Members<'_>) -> TokenEdit {
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
        quota: body.take(&QUOTA),
        methods: body.take(&METHODS),
        paths: body.take(&PATHS),
        scope_mode: body.take(&SCOPE_MODE),
        claims: body.take(&CLAIMS),
        protected: body.take(&PROTECTED),
        distribute: body.take(&DISTRIBUTE),
        auto_rotate: body.take(&AUTO_ROTATE),
    }
}
