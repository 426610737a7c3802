//! What a request is for, once its route is known.

/// What is requested of an upstream: parts of the request's URL, as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'u> {
    /// The path, which begins with a slash.
    pub path: &'u str,
    /// Without its `?`; `None` when there is none.
    pub query: Option<&'u str>,
    /// `scheme://host[:port]` of the request.
    pub own_origin: &'u str,
}
