//! What requests of the admin API are judged by: configuration, keys and the time.

use crate::base::time::UnixMillis;
use crate::formats::admin_key::ConfiguredKey;
use crate::formats::key::{CheckKeys, KeyRing};
use crate::formats::rate_class::RateClasses;

/// What requests are judged by: configuration, keys and the time.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Keys that recognise admin keys and family ids.
    pub check_keys: &'a CheckKeys,
    /// Verifies tokens given to `lookup` and `q`.
    pub key_ring: &'a KeyRing,
    /// `ADMIN_KEY`, if it is set.
    pub configured_key: Option<&'a ConfiguredKey>,
    /// `APP_SCHEMES`, in lower case.
    pub app_schemes: &'a [String],
    /// Every audience that a route names, at least one. If there is only one, it is the default for new
    /// tokens.
    pub audiences: &'a [String],
    /// The rate classes that tokens can have.
    pub rate_classes: &'a RateClasses,
    /// The setting `MAX_TOKEN_LIFETIME`, in seconds.
    pub max_token_lifetime_seconds: i64,
    /// The `scheme://host[:port]` that the request was sent to. `origin-test` treats it as the gateway's own
    /// origin.
    pub own_origin: &'a str,
    /// The response of `GET /configuration`: JSON without secrets.
    pub configuration: &'a str,
    /// `REFUSAL_TAIL`: whether recent refusals are kept.
    pub keeps_refusals: bool,
    /// Whether console sessions exist at that origin: on a control host, or on loopback where no control host
    /// is configured. Elsewhere the console would share its origin with upstream content.
    pub has_sessions: bool,
    /// The time of the request.
    pub now: UnixMillis,
}
