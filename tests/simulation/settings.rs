//! The simulated deployment: its audiences and sites, its keys and settings derived once.

use crate::deployment;
use std::cell::OnceCell;
use wayleave::key::KeyRing;
use wayleave::registry::RegistrySettings;

pub const AUDIENCES: [&str; 2] = ["api", "images"];
pub const SITES: [&str; 3] = ["https://a.example", "https://b.example", "https://c.example"];

thread_local! {
    static SETTINGS: OnceCell<RegistrySettings> = const { OnceCell::new() };
}

pub fn registry(bound_seconds: i64) -> RegistrySettings {
    let derive = || deployment::settings("simulation", &AUDIENCES);
    SETTINGS.with(|cell| RegistrySettings { bound_seconds, ..cell.get_or_init(derive).clone() })
}

pub fn ring() -> KeyRing {
    registry(60).ring
}
