//! Which API a request is for, and the URL that its upstream gets.
//!
//! Standards: URL standard (paths and hosts as the browser means them), RFC 3986 section 2.4 (when to decode).
//! Invariants: the reserved prefix is never forwarded, in whatever spelling; a path that two readers could take for
//! two routes is refused; path and query go upstream byte for byte.
//! What it must not know: tokens, headers, configuration variables.
//! What a mistake costs: a guarded path served by an anonymous route, or the console's own origin served by the
//! upstream (false accepts); an API that is down for its users (false refuse).

mod host;
mod path;
mod table;

pub use host::ServedHost;
pub use table::{Route, RouteConfigError, Routes};

use path::{PathReading, RequestUrl};

/// The path under which Wayleave itself answers.
pub const RESERVED_PATH: &str = "/_wayleave";

/// Where a request goes.
#[derive(Debug)]
pub enum Resolved<'r, 'u> {
    /// Wayleave itself: the path after [`RESERVED_PATH`], `""` or from its slash on, as sent and not decoded.
    Reserved {
        /// `/token` of `/_wayleave/token`.
        path: &'u str,
        /// Without its `?`; `None` when there is none.
        query: Option<&'u str>,
        /// `scheme://host[:port]` of the request.
        own_origin: &'u str,
    },
    /// An API behind.
    Api {
        /// Its route.
        route: &'r Route,
        /// What was asked of it.
        target: Target<'u>,
    },
}

/// What is asked of an upstream: parts of the request's URL, as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'u> {
    /// From its first slash.
    pub path: &'u str,
    /// Without its `?`; `None` when there is none.
    pub query: Option<&'u str>,
    /// `scheme://host[:port]` of the request itself.
    pub own_origin: &'u str,
}

/// Why a URL has no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteFault {
    /// The path may mean different things to different readers: `invalid_request`.
    InvalidPath,
    /// No route serves this host and path: `route_not_found`.
    NotFound,
}

impl Routes {
    /// Finds the route of a request by host and path: a host with a port before one without before none, and then the
    /// longest path. `url` is the request's absolute URL as the platform gives it, normalised or not.
    ///
    /// # Errors
    /// [`RouteFault`].
    pub fn resolve<'r, 'u>(&'r self, url: &'u str) -> Result<Resolved<'r, 'u>, RouteFault> {
        let url = RequestUrl::split(url).ok_or(RouteFault::InvalidPath)?;
        let reading = PathReading::of(url.path).ok_or(RouteFault::InvalidPath)?;
        if let Some(path) = below_reserved(url.path) {
            return Ok(Resolved::Reserved { path, query: url.query, own_origin: url.own_origin });
        }
        if reading.is_reserved() {
            return Err(RouteFault::InvalidPath);
        }
        let serving = || self.iter().filter(|route| route.serves_host(&url));
        if reading.has_encoded_separator() && serving().nth(1).is_some() {
            return Err(RouteFault::InvalidPath);
        }
        let by_path = |path: &str| serving().find(|route| route.serves_path(path));
        let route = by_path(url.path);
        // `/%61dmin`, `//admin` and `/admin;x` are `/admin` to many an upstream. Whoever wrote the routes meant that
        // path for one of them; a request that would get there by another route is refused, not guessed at.
        if let Some(folded) = reading.folded()
            && by_path(folded).map(Route::key) != route.map(Route::key)
        {
            return Err(RouteFault::InvalidPath);
        }
        let route = route.ok_or(RouteFault::NotFound)?;
        let target = Target { path: url.path, query: url.query, own_origin: url.own_origin };
        Ok(Resolved::Api { route, target })
    }
}

/// What follows the reserved path in its one true spelling.
fn below_reserved(path: &str) -> Option<&str> {
    path.strip_prefix(RESERVED_PATH).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
