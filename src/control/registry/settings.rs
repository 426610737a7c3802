//! The registry's part of the deployment's configuration: plain data, already checked.
//!
//! What a mistake costs: a bound smaller than the one that gates use makes receipts promise too much.

use crate::control::webhook::Webhook;
use crate::formats::key::{CheckKeys, KeyId, KeyRing};
use crate::formats::rate_class::RateClasses;
use crate::formats::scope::ServedPath;
use std::collections::BTreeMap;

/// The registry's part of the configuration (docs/configuration.md).
#[derive(Clone, Debug)]
pub struct RegistrySettings {
    pub ring: KeyRing,
    /// Keys for the checks inside admin keys, family ids and sessions.
    pub check_keys: CheckKeys,
    /// The signing key of a registry without state. Afterwards its state names the key.
    pub first_signing_key: KeyId,
    /// The revocation bound B, 5 to 300 seconds.
    pub bound_seconds: i64,
    /// Seconds between two rewrites of KV's copy of the list while there is traffic; 0: never, because no
    /// location reads it.
    pub heartbeat_seconds: i64,
    /// Most calls held that wait for a change.
    pub held_calls_max: usize,
    /// Changes since the newest base at which a new one is made.
    pub fold_at_changes: usize,
    /// `RESTORE_ID`: a value that differs from the stored one means that the storage was restored from a
    /// backup.
    pub restore_id: Option<String>,
    /// False under `ON_UNKNOWN = "admit"`.
    pub guaranteed: bool,
    /// The setting `MAX_TOKEN_LIFETIME`, in seconds.
    pub max_token_lifetime_seconds: i64,
    /// The setting `DEFAULT_TOKEN_LIFETIME`, in seconds.
    pub default_token_lifetime_seconds: i64,
    /// Default lives in seconds by audience, where a route has one.
    pub token_lifetimes: BTreeMap<String, i64>,
    /// `RETENTION_DAYS`: how long tokens are kept after their end.
    pub retention_days: i64,
    /// `METRICS_TOKENS_MAX`: most tokens, and most families, that `/metrics` shows one by one.
    pub metrics_tokens_max: i64,
    /// All audiences of the routes, at least one.
    pub audiences: Vec<String>,
    /// The routes' paths and their audiences: a scope that reaches none is warned of.
    pub served_paths: Vec<ServedPath>,
    /// Audiences of routes to which pages may send cookies. A token for one of them must name its origins.
    pub credential_audiences: Vec<String>,
    /// The rate classes that tokens can have.
    pub rate_classes: RateClasses,
    /// SHA-256 of `ADMIN_KEY`, which bootstraps the first owner; `None` when it is not set.
    pub bootstrap_sha256: Option<[u8; 32]>,
    /// The receiver of notices; `None`: they can only be read.
    pub webhook: Option<Webhook>,
}

impl RegistrySettings {
    /// The life in seconds of a token for these audiences for which nobody chose one: the shortest default of
    /// their routes, else that of the deployment.
    pub(super) fn default_lifetime_seconds(&self, audiences: &[String]) -> i64 {
        let of_routes = audiences.iter().filter_map(|audience| self.token_lifetimes.get(audience));
        let seconds = of_routes.min().copied().unwrap_or(self.default_token_lifetime_seconds);
        seconds.min(self.max_token_lifetime_seconds)
    }
}
