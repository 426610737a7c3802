//! Admin keys and console sessions.

use crate::base::time::{UnixMillis, UnixSeconds};
use crate::formats::admin_key::Role;
use serde::{Deserialize, Serialize};

/// The fields of `POST /admin-keys`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewAdminKey {
    /// A name for people.
    pub label: String,
    pub role: Role,
    /// When the key ends; `None`: after the default life.
    pub expires_at: Option<UnixSeconds>,
}

/// An admin key as the API shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdminKeyView {
    pub id: u32,
    /// A name for people.
    pub label: String,
    pub role: Role,
    pub created_at: UnixMillis,
    /// When the key ends; `None`: never, as the key of `ADMIN_KEY` and keys of earlier releases.
    pub expires_at: Option<UnixSeconds>,
    /// The last call with it, to the minute.
    pub last_used_at: Option<UnixMillis>,
}

/// The caller, and the end of the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    pub admin_key: u32,
    pub label: String,
    pub role: Role,
    /// Whether the key is that of `ADMIN_KEY`.
    #[serde(default)]
    pub bootstrap: bool,
    /// The latest possible end; `None` for a key without an expiry, presented without a session.
    pub ends_at: Option<UnixMillis>,
}
