//! What the registry is told by the deployment's configuration: plain data, already checked.
//!
//! What it must not know: where it was read from.
//! What a mistake costs: a bound smaller than the gates use makes receipts promise too much.

use crate::key::{CheckKeys, KeyId, KeyRing};
use crate::rate::RateClasses;
use crate::webhook::Webhook;

/// The registry's part of the configuration (DESIGN section 9).
#[derive(Clone, Debug)]
pub struct RegistrySettings {
    /// All signing keys.
    pub ring: KeyRing,
    /// Keys for admin keys and family ids.
    pub check_keys: CheckKeys,
    /// Which key signs in a registry that has no state yet; later its state says so.
    pub first_signing_key: KeyId,
    /// The revocation bound B, 5 to 300 seconds.
    pub bound_seconds: i64,
    /// How often KV's copy of the list is written anew while there is traffic, seconds; 0: never, since nobody reads it.
    pub heartbeat_seconds: i64,
    /// Changes since the newest base at which a new one is made.
    pub fold_at_changes: usize,
    /// When it is another than the one noted, the storage was put back from a backup.
    pub restore_id: Option<String>,
    /// False under `ON_UNKNOWN = "admit"`.
    pub guaranteed: bool,
    /// `MAX_TOKEN_LIFETIME` in seconds.
    pub max_token_lifetime_seconds: i64,
    /// `RETENTION_DAYS`.
    pub retention_days: i64,
    /// Every audience that a route names, at least one.
    pub audiences: Vec<String>,
    /// The rate classes that tokens can be of.
    pub rate_classes: RateClasses,
    /// SHA-256 of `ADMIN_KEY`, which bootstraps the first owner; `None` when it is not set.
    pub bootstrap_sha256: Option<[u8; 32]>,
    /// Who receives notices; `None`: they can only be read.
    pub webhook: Option<Webhook>,
}
