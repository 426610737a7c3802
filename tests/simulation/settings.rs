//! The simulated deployment: its keys and its settings.

use std::cell::OnceCell;
use wayleave::key::{CheckKeys, KeyId, KeyRing, sha256};
use wayleave::registry::RegistrySettings;
use zeroize::Zeroizing;

pub const ADMIN_KEY: &str = "an-admin-key-of-at-least-32-characters";
pub const AUDIENCES: [&str; 2] = ["api", "images"];
pub const SITES: [&str; 3] = ["https://a.example", "https://b.example", "https://c.example"];

thread_local! {
    static SETTINGS: OnceCell<RegistrySettings> = const { OnceCell::new() };
}

pub fn registry(bound_seconds: i64) -> RegistrySettings {
    SETTINGS.with(|cell| RegistrySettings { bound_seconds, ..cell.get_or_init(derive).clone() })
}

pub fn ring() -> KeyRing {
    registry(60).ring
}

fn derive() -> RegistrySettings {
    let secrets = [(KeyId(1), Zeroizing::new(vec![1; 32])), (KeyId(2), Zeroizing::new(vec![2; 32]))];
    RegistrySettings {
        ring: KeyRing::derive(&secrets, "simulation"),
        check_keys: CheckKeys::derive(&[9; 32], "simulation"),
        first_signing_key: KeyId(1),
        bound_seconds: 60,
        guaranteed: true,
        max_token_lifetime_seconds: 2 * 365 * 86_400,
        retention_days: 400,
        audiences: AUDIENCES.map(str::to_owned).to_vec(),
        bootstrap_sha256: Some(sha256(ADMIN_KEY.as_bytes())),
    }
}
