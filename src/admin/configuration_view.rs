//! `GET /configuration`: what this deployment is configured to do, for people to read.
//!
//! Standard: DESIGN section 9.
//! Invariants: only fields that stand here are shown, and none is a secret: names of hosts, places and times. Where a secret is
//! used, its name at most.
//! What it must not know: where variables come from, secrets.
//! What a mistake costs: a secret shown to every viewer.

use crate::config::Config;
use crate::gate::OnUnknown;
use crate::rate::{Class, ClassName, CountedBy};
use crate::route::Route;
use crate::webhook::Webhook;
#[cfg(not(target_arch = "wasm32"))]
use schemars::JsonSchema;
use serde::Serialize;

/// The configuration without its secrets.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct Configuration {
    /// Tokens of one deployment never work in another.
    pub deployment: String,
    /// B.
    pub revocation_bound_seconds: i64,
    /// How often KV's copy of the list is written anew while there is traffic; 0: KV is left out for lists.
    pub heartbeat_seconds: i64,
    /// `refuse`, or `admit`: nothing is guaranteed.
    pub on_unknown: &'static str,
    /// Hosts that serve admin API and console only; none: every host serves the admin API.
    pub control_hosts: Vec<String>,
    /// Where a request may carry its token, as `CREDENTIAL_SOURCES` has it.
    pub credential_sources: Vec<String>,
    /// Schemes besides http and https that origin rules may name.
    pub app_schemes: Vec<String>,
    /// The longest life of a token.
    pub max_token_lifetime_seconds: i64,
    /// How long a token stays in the registry after its end.
    pub retention_days: i64,
    /// Every audience that a token can be for.
    pub audiences: Vec<String>,
    /// The origin of `WEBHOOK_URL`; null: notices are sent to nobody.
    pub webhook_origin: Option<String>,
    /// What this location calls itself where the platform does not say; null: `local`.
    pub location: Option<String>,
    /// The rate classes that a token can be of, by name.
    pub rate_classes: Vec<RateClassView>,
    /// The APIs behind, the most specific first.
    pub routes: Vec<RouteView>,
}

/// A rate class.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct RateClassView {
    /// What a token's `rate` names.
    pub name: String,
    /// Requests in a period with one token from one address.
    pub requests: u32,
    /// Requests in a period with one token from everywhere; null: as many as come.
    pub token_requests: Option<u32>,
    /// The period, seconds.
    pub per_seconds: u32,
    /// `binding`: a whole location counts together; `isolate`: each isolate by itself, so that a location admits more.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", extend("enum" = ["binding", "isolate"])))]
    pub counted_by: CountedBy,
}

/// One API behind.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(JsonSchema))]
pub struct RouteView {
    /// Null: every host.
    pub host: Option<String>,
    /// Empty: every path.
    pub path: String,
    /// Its URL.
    pub upstream: String,
    /// What a token must be for.
    pub audience: String,
    /// A request without a credential is let through.
    pub anonymous: bool,
    /// Pages may send cookies.
    pub credentials: bool,
    /// Shared caches may keep what the upstream says they may.
    pub shared_cache: bool,
    /// To the first byte of the upstream's answer.
    pub timeout_seconds: u32,
}

impl Configuration {
    /// What `config` says.
    #[must_use]
    pub fn of(config: &Config, deployment: &str) -> Self {
        Self {
            deployment: deployment.to_owned(),
            revocation_bound_seconds: config.bound_seconds,
            heartbeat_seconds: config.heartbeat_seconds,
            on_unknown: match config.on_unknown {
                OnUnknown::Refuse => "refuse",
                OnUnknown::Admit => "admit",
            },
            control_hosts: config.control_hosts.iter().map(ToString::to_string).collect(),
            credential_sources: config.credential_sources.listed(),
            app_schemes: config.app_schemes.clone(),
            max_token_lifetime_seconds: config.max_token_lifetime_seconds,
            retention_days: config.retention_days,
            audiences: config.audiences.clone(),
            webhook_origin: config.webhook.as_ref().map(Webhook::origin),
            location: config.location.clone(),
            rate_classes: config.rate_classes.iter().map(RateClassView::of).collect(),
            routes: config.routes.iter().map(RouteView::of).collect(),
        }
    }

    /// Its JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts, numbers and flags always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl RateClassView {
    fn of((name, class): (&ClassName, &Class)) -> Self {
        Self {
            name: name.as_str().to_owned(),
            requests: class.requests,
            token_requests: class.token_requests,
            per_seconds: class.per_seconds,
            counted_by: class.counted_by,
        }
    }
}

impl RouteView {
    fn of(route: &Route) -> Self {
        Self {
            host: route.host().map(ToString::to_string),
            path: route.path().to_owned(),
            upstream: route.upstream().to_owned(),
            audience: route.audience().to_owned(),
            anonymous: route.is_anonymous(),
            credentials: route.allows_credentials(),
            shared_cache: route.is_shared_cache(),
            timeout_seconds: route.timeout_seconds(),
        }
    }
}
