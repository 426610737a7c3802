//! The simulated deployment: its audiences and sites; its keys and settings are derived once.

use crate::deployment;
use std::cell::OnceCell;
use wayleave::control::registry::RegistrySettings;
use wayleave::edge::freshness::KV_BOUND_MIN_SECONDS;
use wayleave::formats::key::KeyRing;

pub(crate) const AUDIENCES: [&str; 2] = ["api", "images"];
pub(crate) const SITES: [&str; 3] = ["https://a.example", "https://b.example", "https://c.example"];
/// Few enough that most worlds make bases.
const FOLD_AT_CHANGES: usize = 3;

thread_local! {
    static SETTINGS: OnceCell<RegistrySettings> = const { OnceCell::new() };
}

fn settings() -> RegistrySettings {
    let derive = || deployment::settings("simulation", &AUDIENCES);
    SETTINGS.with(|cell| cell.get_or_init(derive).clone())
}

pub(crate) fn registry(
    bound_seconds: i64,
    heartbeat_seconds: i64,
    held_calls_max: usize,
    restore_id: Option<String>,
) -> RegistrySettings {
    // As in `config`: no heartbeat where no location reads KV's list.
    let heartbeat_seconds = if bound_seconds >= KV_BOUND_MIN_SECONDS { heartbeat_seconds } else { 0 };
    let fold_at_changes = FOLD_AT_CHANGES;
    RegistrySettings {
        bound_seconds,
        heartbeat_seconds,
        held_calls_max,
        fold_at_changes,
        restore_id,
        ..settings()
    }
}

pub(crate) fn ring() -> KeyRing {
    settings().ring
}
