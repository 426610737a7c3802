//! The names of the default places of a credential.

pub(super) const AUTHORIZATION: &str = "authorization";
pub(super) const X_API_KEY: &str = "x-api-key";
pub(super) const TOKEN_PARAMETER: &str = "token";
pub const PROTOCOLS_HEADER: &str = "sec-websocket-protocol";
/// The subprotocol to offer beside the token. The gateway chooses it when the upstream chooses none: browsers
/// close a connection whose server chooses none of those offered.
pub const HANDSHAKE_PROTOCOL: &str = "wayleave";
