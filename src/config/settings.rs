//! All settings of a deployment, and what the control plane gets of them.

use crate::base::time::UnixMillis;
use crate::control::admin;
use crate::control::registry::RegistrySettings;
use crate::control::relay::RelaySettings;
use crate::control::webhook::Webhook;
use crate::edge::decide::OnUnknown;
use crate::edge::settings::EdgeSettings;
use crate::formats::admin_key::ConfiguredKey;
use crate::formats::key::{CheckKeys, KeyId};
use crate::limits;
use url::Url;

/// All settings of a deployment.
#[derive(Debug)]
pub struct Config {
    /// What the data plane needs, and which plane is served where.
    pub edge: EdgeSettings,
    /// Every audience that a route names. At least one.
    pub audiences: Vec<String>,
    /// Seconds between writes of the list to KV while there is traffic. 0: lists are not written to KV.
    pub heartbeat_seconds: i64,
    /// The URL under which the location's cache keeps the delta. Deployments of one zone share that cache, so
    /// no other deployment may have the same URL.
    pub location_cache_url: String,
    /// This location's name where the platform does not give one.
    pub location: Option<String>,
    /// An id that the operator changes after restoring the registry's storage from a backup.
    pub restore_id: Option<String>,
    /// The origin at which callers reach the guarded APIs, where the console cannot know it.
    pub gateway_origin: Option<String>,
    /// Schemes that origin rules may name, in addition to http and https.
    pub app_schemes: Vec<String>,
    /// The longest life of a token, in seconds.
    pub max_token_lifetime_seconds: i64,
    /// The life of a token for which nobody chose one, in seconds. A route may have its own.
    pub default_token_lifetime_seconds: i64,
    /// Days that a token stays in the registry after its `expires_at`.
    pub retention_days: i64,
    /// Most tokens, and most families, that `/metrics` shows one by one.
    pub metrics_tokens_max: i64,
    /// The keys that recognise admin keys and family ids.
    pub check_keys: CheckKeys,
    /// The admin key of the variable `ADMIN_KEY`, when set.
    pub configured_key: Option<ConfiguredKey>,
    /// The receiver of notices, if there is one.
    pub webhook: Option<Webhook>,
    /// All settings that are not secret, as JSON for `GET /configuration`.
    pub described: String,
}

impl Config {
    /// The settings that the registry needs.
    #[must_use]
    pub fn registry_settings(&self) -> RegistrySettings {
        RegistrySettings {
            ring: self.edge.ring.clone(),
            check_keys: self.check_keys.clone(),
            // The default is never used: parsing refuses an empty ring.
            first_signing_key: self.edge.ring.ids().next().unwrap_or(KeyId(0)),
            bound_seconds: self.edge.terms.bound_seconds,
            heartbeat_seconds: if self.edge.terms.kv { self.heartbeat_seconds } else { 0 },
            held_calls_max: limits::HELD_CALLS_MAX,
            fold_at_changes: limits::FOLD_AT_CHANGES,
            restore_id: self.restore_id.clone(),
            guaranteed: self.guaranteed(),
            max_token_lifetime_seconds: self.max_token_lifetime_seconds,
            default_token_lifetime_seconds: self.default_token_lifetime_seconds,
            token_lifetimes: self.edge.routes.token_lifetimes(),
            retention_days: self.retention_days,
            metrics_tokens_max: self.metrics_tokens_max,
            audiences: self.audiences.clone(),
            served_paths: self.edge.routes.served_paths(),
            credential_audiences: self
                .edge
                .routes
                .credential_audiences()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            rate_classes: self.edge.rate_classes.clone(),
            bootstrap_sha256: self.configured_key.as_ref().map(ConfiguredKey::sha256),
            webhook: self.webhook.clone(),
        }
    }

    /// The settings that a relay needs.
    #[must_use]
    pub fn relay_settings(&self) -> RelaySettings {
        RelaySettings {
            ring: self.edge.ring.clone(),
            bound_seconds: self.edge.terms.bound_seconds,
            held_calls_max: limits::HELD_CALLS_MAX,
        }
    }

    /// The settings that admin requests are checked against. `own_origin` is the origin that the request was
    /// sent to.
    #[must_use]
    pub fn admin_context<'a>(&'a self, own_origin: &'a str, now: UnixMillis) -> admin::Context<'a> {
        admin::Context {
            check_keys: &self.check_keys,
            key_ring: &self.edge.ring,
            configured_key: self.configured_key.as_ref(),
            app_schemes: &self.app_schemes,
            audiences: &self.audiences,
            rate_classes: &self.edge.rate_classes,
            max_token_lifetime_seconds: self.max_token_lifetime_seconds,
            own_origin,
            configuration: &self.described,
            keeps_refusals: self.edge.keeps_refusals,
            has_sessions: self.edge.has_console(own_origin),
            now,
        }
    }

    /// Whether the admin API answers on every public host of this service. That is so when there are no
    /// control hosts, the service also has guarded APIs, and `url`, the URL of a request, is not on this
    /// machine.
    #[must_use]
    pub fn admin_api_is_on_every_host(&self, url: &str) -> bool {
        let is_public = || {
            let origin = Url::parse(url).map(|url| url.origin().ascii_serialization());
            origin.is_ok_and(|origin| !self.edge.has_console(&origin))
        };
        self.has_admin_api_on_all_hosts() && is_public()
    }

    /// Whether the admin API answers on all hosts of this service, which also has guarded APIs.
    #[must_use]
    pub fn has_admin_api_on_all_hosts(&self) -> bool {
        let plane = self.edge.plane;
        plane.has_control() && plane.has_data() && self.edge.control_hosts.is_empty()
    }

    /// Whether receipts may promise that a revocation takes effect within the bound.
    #[must_use]
    pub fn guaranteed(&self) -> bool {
        self.edge.on_unknown == OnUnknown::Refuse
    }
}
