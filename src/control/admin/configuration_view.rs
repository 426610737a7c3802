//! `GET /configuration`: this deployment's configuration, for people to read.
//!
//! Standard: docs/configuration.md, "Variables".
//! Invariants: only the fields below are shown, and none is a secret: they are names of hosts, routes and
//! times. Where a secret is used, at most its name is shown.
//! What it must not know: where variables come from; secrets. `config/description.rs` fills it.
//! What a mistake costs: a secret is shown to every viewer.

use crate::formats::rate_class::CountedBy;
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;

/// The configuration without its secrets.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct Configuration {
    /// Name of the deployment. A token of one deployment never works in another.
    pub deployment: String,
    /// The revocation bound B, in seconds.
    pub revocation_bound_seconds: i64,
    /// How often KV's copy of the list is rewritten while there is traffic, in seconds. 0: lists do not use
    /// KV.
    pub heartbeat_seconds: i64,
    /// How long one request of an isolate waits at the registry for changes, in seconds. 0: changes are not
    /// pushed.
    pub push_seconds: i64,
    /// How long the first request of an isolate that was silent waits for one read of the list, in
    /// milliseconds.
    pub silent_wait_ms: i64,
    /// Relays for each location hint, through which isolates wait for changes. 0: they wait at the registry.
    pub relays: u32,
    /// What happens when the list is unknown or too old: `refuse`, or `admit`, which guarantees nothing.
    pub on_unknown: &'static str,
    /// Which planes answered this: `both`, or `control` alone.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("enum" = ["both", "control"])))]
    pub plane: &'static str,
    /// The origin at which callers reach the guarded APIs, `GATEWAY_ORIGIN`. Null: it is not set. Where
    /// `plane` is `both` and there are no control hosts, the APIs are at the admin API's own origin.
    pub gateway_origin: Option<String>,
    /// Hosts that serve only the admin API and the console. Empty: every host serves the admin API.
    pub control_hosts: Vec<String>,
    /// Where a request may carry its token, in the form of `CREDENTIAL_SOURCES`.
    pub credential_sources: Vec<String>,
    /// Schemes besides http and https that origin rules may name.
    pub app_schemes: Vec<String>,
    /// The longest lifetime of a token, in seconds.
    pub max_token_lifetime_seconds: i64,
    /// The lifetime of a token for which none is given, in seconds. A route can have its own.
    pub default_token_lifetime_seconds: i64,
    /// How long a token stays in the registry after its end, in days.
    pub retention_days: i64,
    /// Most tokens, and most families, that `/metrics` shows one by one.
    pub metrics_tokens_max: i64,
    /// Every audience that a token can be for.
    pub audiences: Vec<String>,
    /// The origin of `WEBHOOK_URL`; null: no webhooks are sent.
    pub webhook_origin: Option<String>,
    /// The configured name of this location, used where the platform gives none; null: `local`.
    pub location: Option<String>,
    /// Whether recent refusals are kept for a week: `REFUSAL_TAIL`.
    pub refusal_tail: bool,
    /// The rate classes that a token can have.
    pub rate_classes: Vec<RateClassView>,
    /// The upstream APIs, the most specific route first.
    pub routes: Vec<RouteView>,
}

/// A rate class of `RATES`, and who counts for it.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct RateClassView {
    /// The name that a token's `rate` refers to.
    pub name: String,
    /// Requests per period with one token from one address.
    pub requests: u32,
    /// Requests per period with one token from all addresses together; null: no limit.
    pub token_requests: Option<u32>,
    /// The period, in seconds.
    pub per_seconds: u32,
    /// Who counts. `binding`: the whole location counts together. `isolate`: each isolate counts for itself,
    /// so a location admits more.
    #[cfg_attr(
        not(target_arch = "wasm32"),
        schemars(with = "String", extend("enum" = ["binding", "isolate"]))
    )]
    pub counted_by: CountedBy,
}

/// A route to one upstream API.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct RouteView {
    /// Host of the request; null: every host.
    pub host: Option<String>,
    /// Prefix of the path; empty: every path.
    pub path: String,
    /// URL of the upstream.
    pub upstream: String,
    /// The audience that a token must be valid for.
    pub audience: String,
    /// Whether a request without a credential is forwarded.
    pub anonymous: bool,
    /// Whether pages may send cookies.
    pub credentials: bool,
    /// Whether shared caches may store what the upstream allows them to store.
    pub shared_cache: bool,
    /// How a caller's `X-Forwarded-*` and related headers are treated: `replace` or `pass`.
    pub forwarded_headers: &'static str,
    /// Time until the first byte of the upstream's answer, in seconds.
    pub timeout_seconds: u32,
    /// The lifetime of a token for this route for which none is given, in seconds; null: the deployment's.
    pub token_lifetime_seconds: Option<i64>,
    /// Where a request on this route may carry its token; null: the deployment's `credential_sources` apply.
    pub credential_sources: Option<Vec<String>>,
    /// The methods of a token that lists none itself; null: every method.
    pub methods: Option<Vec<&'static str>>,
    /// The paths of a token that lists none itself, each exact or a prefix that ends in `/*`; null: every
    /// path.
    pub paths: Option<Vec<String>>,
}

impl Configuration {
    /// Serialises the view as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings, numbers and flags can always be serialised as JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}
