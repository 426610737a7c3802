//! A deployment to test the registry in: its keys, its settings, when it starts.

use wayleave::key::{CheckKeys, KeyId, KeyRing, sha256};
use wayleave::limits::FOLD_AT_CHANGES;
use wayleave::rate::RateClasses;
use wayleave::registry::RegistrySettings;
use wayleave::time::UnixMillis;
use zeroize::Zeroizing;

/// 2026-11-22T02:00:00.250Z: not on a whole second.
pub const START: UnixMillis = UnixMillis(1_795_312_800_250);
pub const ADMIN_KEY: &str = "an-admin-key-of-at-least-32-characters";

pub fn settings(deployment: &str, audiences: &[&str]) -> RegistrySettings {
    let secrets = [(KeyId(1), Zeroizing::new(vec![1; 32])), (KeyId(2), Zeroizing::new(vec![2; 32]))];
    RegistrySettings {
        ring: KeyRing::derive(&secrets, deployment),
        check_keys: CheckKeys::derive(&[9; 32], deployment),
        first_signing_key: KeyId(1),
        bound_seconds: 60,
        heartbeat_seconds: 0,
        fold_at_changes: FOLD_AT_CHANGES,
        restore_id: None,
        guaranteed: true,
        max_token_lifetime_seconds: 2 * 365 * 86_400,
        retention_days: 400,
        audiences: audiences.iter().map(|audience| (*audience).to_owned()).collect(),
        rate_classes: RateClasses::default(),
        bootstrap_sha256: Some(sha256(ADMIN_KEY.as_bytes())),
        webhook: None,
    }
}
