//! Requests to guarded APIs.

/// Longest text that is examined as a credential: a token has 40 characters, an admin key 54.
pub const CREDENTIAL_MAX_CHARS: usize = 256;
/// Default time limit for the first byte of an upstream's response.
pub const UPSTREAM_TIMEOUT_DEFAULT_SECONDS: u32 = 30;
/// Smallest `timeout_seconds` of a route: no network is reliable below one second.
pub const UPSTREAM_TIMEOUT_MIN_SECONDS: u32 = 1;
/// Largest `timeout_seconds` of a route: five minutes. Browsers and proxies give up earlier.
pub const UPSTREAM_TIMEOUT_MAX_SECONDS: u32 = 300;
/// Most routes of a deployment: each request searches them one by one.
pub const ROUTES_MAX: usize = 100;
/// Rounds of percent-decoding before a path is refused. More than three proxies in a row that each decode
/// once are rare.
pub const PATH_DECODE_ROUNDS_MAX: u32 = 4;
/// The most forms of one path that differ in what is decoded, and how often. A path that people write has
/// two.
pub const PATH_DECODINGS_MAX: usize = 16;
/// Longest path that is not plain, in bytes: servers commonly take no longer request lines. What is compared
/// grows with it.
pub const PATH_NOT_PLAIN_MAX_BYTES: usize = 8_192;
/// The most segments of a path that begins with two slashes: each may be the end of a host's name.
pub const PATH_AFTER_HOST_SEGMENTS_MAX: usize = 16;
/// The most segments of a path that some server takes out of it.
pub const PATH_TAKEN_OUT_MAX: usize = 4;
/// The most readings of one path that differ in when parameters are cut off. Each costs as much as decoding
/// the path again; a path that people write has one.
pub const PATH_CUT_READINGS_MAX: usize = 12;
/// How long a browser may cache a preflight. Chromium caps it at 7,200 s (docs/http.md, "CORS").
pub const PREFLIGHT_MAX_AGE_SECONDS: u32 = 7_200;
