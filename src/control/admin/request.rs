//! A request as the platform read it, before anything of it is parsed.

/// Path prefix of the admin API.
pub use crate::http::paths::API_PATH;

/// A request as the platform read it. Header values are text; a header sent twice is one value, joined by
/// `, `.
#[derive(Clone, Copy, Debug)]
pub struct AdminRequest<'a> {
    /// The method as sent, such as `GET`.
    pub method: &'a str,
    /// The URL's path, not decoded, starting with [`API_PATH`].
    pub path: &'a str,
    /// The URL's query, without `?`.
    pub query: Option<&'a str>,
    pub authorization: Option<&'a str>,
    pub cookie: Option<&'a str>,
    pub origin: Option<&'a str>,
    pub sec_fetch_site: Option<&'a str>,
    pub content_type: Option<&'a str>,
    pub if_match: Option<&'a str>,
    pub idempotency_key: Option<&'a str>,
    /// The body, as far as it was read.
    pub body: RequestBody<'a>,
}

#[derive(Clone, Copy, Debug)]
pub enum RequestBody<'a> {
    /// The whole body; empty when there was none.
    Bytes(&'a [u8]),
    /// Longer than [`crate::limits::ADMIN_BODY_MAX_BYTES`]: the platform stopped reading.
    TooLarge,
}
