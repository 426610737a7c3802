//! The simulated deployment: its audiences and sites, its keys and settings derived once.

use crate::deployment;
use std::cell::OnceCell;
use wayleave::freshness::KV_BOUND_MIN_SECONDS;
use wayleave::key::KeyRing;
use wayleave::registry::RegistrySettings;

pub const AUDIENCES: [&str; 2] = ["api", "images"];
pub const SITES: [&str; 3] = ["https://a.example", "https://b.example", "https://c.example"];
/// So few that most worlds make bases.
const FOLD_AT_CHANGES: usize = 3;

thread_local! {
    static SETTINGS: OnceCell<RegistrySettings> = const { OnceCell::new() };
}

fn settings() -> RegistrySettings {
    let derive = || deployment::settings("simulation", &AUDIENCES);
    SETTINGS.with(|cell| cell.get_or_init(derive).clone())
}

pub fn registry(bound_seconds: i64, heartbeat_seconds: i64, restore_id: Option<String>) -> RegistrySettings {
    // As `config` has it: no heartbeat where nobody reads KV's list.
    let heartbeat_seconds = if bound_seconds >= KV_BOUND_MIN_SECONDS { heartbeat_seconds } else { 0 };
    let fold_at_changes = FOLD_AT_CHANGES;
    RegistrySettings { bound_seconds, heartbeat_seconds, fold_at_changes, restore_id, ..settings() }
}

pub fn ring() -> KeyRing {
    settings().ring
}
