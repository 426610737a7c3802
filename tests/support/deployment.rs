//! The deployment used in tests of the registry: its keys, its settings, its start time.

use std::collections::BTreeMap;
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::RegistrySettings;
use wayleave::formats::key::{CheckKeys, KeyId, KeyRing, sha256};
use wayleave::formats::rate_class::RateClasses;
use wayleave::formats::scope::ServedPath;
use wayleave::limits::FOLD_AT_CHANGES;
use zeroize::Zeroizing;

/// 2026-11-22T02:00:00.250Z, not a whole second.
pub(crate) const START: UnixMillis = UnixMillis(1_795_312_800_250);
pub(crate) const ADMIN_KEY: &str = "an-admin-key-of-at-least-32-characters";

pub(crate) fn settings(deployment: &str, audiences: &[&str]) -> RegistrySettings {
    let secrets = [(KeyId(1), Zeroizing::new(vec![1; 32])), (KeyId(2), Zeroizing::new(vec![2; 32]))];
    RegistrySettings {
        ring: KeyRing::derive(&secrets, deployment),
        check_keys: CheckKeys::derive(&[9; 32], deployment),
        first_signing_key: KeyId(1),
        bound_seconds: 60,
        heartbeat_seconds: 0,
        held_calls_max: wayleave::limits::HELD_CALLS_MAX,
        fold_at_changes: FOLD_AT_CHANGES,
        restore_id: None,
        guaranteed: true,
        max_token_lifetime_seconds: 2 * 365 * 86_400,
        default_token_lifetime_seconds: 365 * 86_400,
        token_lifetimes: BTreeMap::new(),
        retention_days: 400,
        metrics_tokens_max: 1_000,
        audiences: audiences.iter().map(|audience| (*audience).to_owned()).collect(),
        served_paths: audiences.iter().map(|audience| served(audience)).collect(),
        credential_audiences: Vec::new(),
        rate_classes: RateClasses::default(),
        bootstrap_sha256: Some(sha256(ADMIN_KEY.as_bytes())),
        webhook: None,
    }
}

/// The route of an audience: every path under its name.
fn served(audience: &str) -> ServedPath {
    ServedPath { host: None, path: format!("/{audience}"), audience: audience.to_owned() }
}
