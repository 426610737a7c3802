//! Finds the API that a request is for, and the URL to request of its upstream.
//!
//! Standards: URL standard (paths and hosts as browsers read them); RFC 3986 section 2.4 (when to decode).
//! Invariants:
//! - A path under the reserved prefix is never forwarded, in any spelling.
//! - A path that two readers could assign to two routes is refused.
//! - Path and query go upstream byte for byte.
//!
//! What it must not know: tokens, headers, configuration variables.
//! What a mistake costs: an anonymous route serves a guarded path, or an upstream serves content on the
//! console's origin. Or an API is down for its users.

mod host;
mod path;
mod table;
mod target;

pub use host::ServedHost;
pub use path::PathFault;
pub(crate) use path::PathReading;
pub use table::{Route, RouteConfigError, Routes};
pub use target::Target;

use crate::http::paths::{RESERVED_PATH, below};
use path::{EagerReading, RequestUrl};

/// The destination of a request.
#[derive(Debug)]
pub enum Resolved<'r, 'u> {
    /// Wayleave itself. The path is what follows [`RESERVED_PATH`]: `""`, or text that begins with a slash,
    /// as sent and not decoded.
    Reserved {
        /// For example `/token` for the request path `/_wayleave/token`.
        path: &'u str,
        /// Without its `?`; `None` when there is none.
        query: Option<&'u str>,
        /// `scheme://host[:port]` of the request.
        own_origin: &'u str,
    },
    /// An API behind the gateway.
    Api {
        /// The route that serves it.
        route: &'r Route,
        /// The parts of the URL that are forwarded.
        target: Target<'u>,
    },
}

/// Why a URL has no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteFault {
    /// Different servers may read the path differently. Answered as `invalid_request`.
    Unreadable(PathFault),
    /// No route serves this host and path. Answered as `route_not_found`.
    NotFound,
}

impl Routes {
    /// Finds the route of a request by host and path. A route for a host with a port comes before one for a
    /// host without a port, and that before one for every host; then the longest path wins. `url` is the
    /// absolute URL of the request as the platform gives it, normalised or not.
    ///
    /// # Errors
    /// [`RouteFault`] when no route serves the URL, or its path is ambiguous.
    pub fn resolve<'r, 'u>(&'r self, url: &'u str) -> Result<Resolved<'r, 'u>, RouteFault> {
        let unreadable = |fault| Err(RouteFault::Unreadable(fault));
        let url = RequestUrl::split(url).ok_or(RouteFault::Unreadable(PathFault::Host))?;
        let reading = PathReading::of(url.path).map_err(RouteFault::Unreadable)?;
        if let Some(path) = below(url.path, RESERVED_PATH) {
            return Ok(Resolved::Reserved { path, query: url.query, own_origin: url.own_origin });
        }
        if reading.is_reserved() {
            return unreadable(PathFault::Reserved);
        }
        let serving = || self.iter().filter(|route| route.serves_host(&url));
        if reading.has_control_character() && serving().nth(1).is_some() {
            return unreadable(PathFault::ControlCharacter);
        }
        if reading.has_segment_of_two_extents() && serving().nth(1).is_some() {
            return unreadable(PathFault::TwoRoutes);
        }
        let route = serving().find(|route| route.serves_path(url.path));
        // `/%61dmin`, `//admin`, `/Admin` and `/admin;x` all mean `/admin` to many upstreams. The operator
        // meant `/admin` to be served by one route. A request that would reach it through another route is
        // refused.
        if !reading.is_as_sent() {
            let belongs_here = |path: EagerReading<'_>| {
                serving().find(|route| path.is_below(route.path())).map(Route::key) == route.map(Route::key)
            };
            if !reading.all(belongs_here) {
                return unreadable(match reading.has_encoded_separator() {
                    true => PathFault::EncodedSeparator,
                    false => PathFault::TwoRoutes,
                });
            }
        }
        let judged = reading.without_segments(|path| {
            if path.is_below(RESERVED_PATH) {
                return Err(PathFault::Reserved);
            }
            // The operator may have given the script a route of its own, beside a wider one.
            let leads_to = serving().find(|other| path.is_below(other.path()));
            match leads_to.is_some_and(|other| !route.is_some_and(|route| route.lies_in(other))) {
                true => Err(PathFault::TwoRoutes),
                false => Ok(()),
            }
        });
        judged.map_err(RouteFault::Unreadable)?;
        let route = route.ok_or(RouteFault::NotFound)?;
        let target = Target { path: url.path, query: url.query, own_origin: url.own_origin };
        Ok(Resolved::Api { route, target })
    }
}

#[cfg(test)]
mod tests;
