//! The configuration: every variable and secret, read once and checked, and what each plane needs of it.
//!
//! Standard: docs/configuration.md.
//! Invariants: a [`Config`] that exists is complete. The planes do not know it: they get their own settings.

mod description;
pub mod exposure;
mod settings;
mod variables;

pub use settings::Config;
pub use variables::ConfigError;

#[cfg(test)]
mod tests;
