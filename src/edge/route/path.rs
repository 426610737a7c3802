//! Splits a request's URL, and computes how the most lenient server would read its path.
//!
//! Standards: URL standard (what its parser would change); RFC 3986 sections 3.3 (segments) and 6.2.2
//! (equivalence).
//!
//! The *eager reading* of a path applies every transformation that some server applies:
//! - it percent-decodes, repeatedly;
//! - it takes `\` for `/`, and joins repeated slashes;
//! - it drops what follows `;` in a segment, and dots and white space at the end of a segment;
//! - it ends the path at a decoded `?` or `#`;
//! - it ignores case;
//! - of a path that begins with two slashes it also takes what follows, up to some slash, for a host;
//! - it takes out a script's name and ASP.NET's session.
//!
//! Each server applies only some of these, in its own order. Where a parameter after `;` would end elsewhere
//! once decoded, the path is also read with the parameter cut off first. Otherwise the one eager reading
//! covers them all:
//! 1. A path with a dot segment in any decoding is refused. So no step removes an earlier segment.
//! 2. A route's path contains nothing that a step changes, except for case.
//! 3. So once some steps have made a path begin with a route's path, the other steps leave that beginning as
//!    it is, and the eager reading begins with it too.
//!
//! Invariants: a path that passes [`PathReading::of`] has no dot segment, backslash or NUL in any decoding.
//! The URL standard's parser therefore leaves its segments as they are. It only percent-encodes some
//! characters, none of which occurs in a route's path. So matching the path as sent equals matching the
//! parsed path.
//! What it must not know: routes.
//! What a mistake costs: gateway and upstream read one path differently, so that a guarded path is served
//! unguarded.

mod decoding;
mod eager;
mod fault;
mod taken_out;

pub use fault::PathFault;

use crate::base::plain_path::{Plainness, plainness};
use crate::http::paths::RESERVED_PATH;
use taken_out::without_segments;

/// The parts of an absolute URL with an authority, as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestUrl<'u> {
    /// Scheme and authority as sent: `scheme://host[:port]`.
    pub(super) own_origin: &'u str,
    /// Without port and final dot; in the case sent.
    pub(super) host: &'u str,
    /// The port as written, or else the scheme's default.
    pub(super) port: u16,
    /// Never empty: at least `/`.
    pub(super) path: &'u str,
    /// Without its `?`. A fragment is not part of a request and is dropped.
    pub(super) query: Option<&'u str>,
}

impl<'u> RequestUrl<'u> {
    /// Splits the URL. `None` for anything but an http or https URL of a plain host.
    pub(super) fn split(url: &'u str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let default_port = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let (authority, rest) = rest.split_at_checked(rest.find(['/', '?', '#']).unwrap_or(rest.len()))?;
        let own_origin = url.get(..scheme.len() + "://".len() + authority.len())?;
        let (host, port) = split_port(authority, default_port)?;
        let (rest, _fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let path = if path.is_empty() { "/" } else { path };
        Some(Self { own_origin, host: host.strip_suffix('.').unwrap_or(host), port, path, query })
    }
}

/// A path and its eager reading.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PathReading<'p> {
    path: &'p str,
    eager: Eager,
}

#[derive(Debug, PartialEq, Eq)]
enum Eager {
    /// Identical to the path as sent.
    AsSent,
    /// Identical to the path as sent, except for case.
    InAnotherCase,
    /// Different from the path as sent. Several where it depends on the order of the steps: see `eager.rs`.
    Other(Vec<eager::EagerPath>),
}

impl<'p> PathReading<'p> {
    /// Computes the eager reading of a path.
    ///
    /// # Errors
    /// [`PathFault`] for a path that must not be forwarded.
    pub(crate) fn of(path: &'p str) -> Result<Self, PathFault> {
        let eager = match plainness(path) {
            Plainness::LowerCase => Eager::AsSent,
            Plainness::AnyCase => Eager::InAnotherCase,
            Plainness::Not => Eager::Other(eager::read(path)?),
        };
        Ok(Self { path, eager })
    }

    /// Whether every server reads the path as it was sent.
    pub(super) fn is_as_sent(&self) -> bool {
        self.eager == Eager::AsSent
    }

    /// Whether `holds` is true of the path however a server reads it, in any case.
    pub(crate) fn all(&self, holds: impl Fn(EagerReading<'_>) -> bool) -> bool {
        match &self.eager {
            Eager::AsSent | Eager::InAnotherCase => holds(EagerReading(self.path)),
            Eager::Other(paths) => {
                paths.iter().flat_map(eager::EagerPath::readings).map(EagerReading).all(holds)
            }
        }
    }

    /// Whether the decoded path holds a control character.
    pub(crate) fn has_control_character(&self) -> bool {
        matches!(&self.eager, Eager::Other(paths) if paths.iter().any(|path| path.has_control_character))
    }

    /// Whether some server takes a segment out of the path whose extent depends on the server.
    pub(crate) fn has_segment_of_two_extents(&self) -> bool {
        matches!(&self.eager, Eager::Other(paths) if paths.iter().any(|path| path.has_segment_of_two_extents))
    }

    /// Whether the path as sent holds `%2F` or `%5C`: one segment to some servers, two to others.
    pub(super) fn has_encoded_separator(&self) -> bool {
        let is_separator = |w: &[u8]| w.eq_ignore_ascii_case(b"%2f") || w.eq_ignore_ascii_case(b"%5c");
        self.path.as_bytes().windows(3).any(is_separator)
    }

    /// Whether some server reads the path as one under the reserved prefix.
    pub(super) fn is_reserved(&self) -> bool {
        !self.all(|path| !path.is_below(RESERVED_PATH))
    }

    /// Calls `read` with the path to servers that take a segment out of it which is not part of the address:
    /// a script's name (`/index.php/admin` is `/admin` to what runs in it: RFC 3875 section 4.1.5), and
    /// ASP.NET's session (`/(S(x))/admin`). Most paths have no such segment.
    ///
    /// # Errors
    /// That of `read`; [`PathFault`] where there are too many such segments.
    pub(super) fn without_segments(
        &self,
        mut read: impl FnMut(EagerReading<'_>) -> Result<(), PathFault>,
    ) -> Result<(), PathFault> {
        let mut read = |path: &str| read(EagerReading(path));
        match &self.eager {
            Eager::AsSent | Eager::InAnotherCase => without_segments(self.path, &mut read),
            Eager::Other(paths) => {
                let mut readings = paths.iter().flat_map(eager::EagerPath::readings);
                readings.try_for_each(|path| without_segments(path, &mut read))
            }
        }
    }
}

/// The path as one server reads it. `""` is `/`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EagerReading<'e>(pub(super) &'e str);

impl<'e> EagerReading<'e> {
    /// The path as this server reads it.
    pub(crate) fn text(self) -> &'e str {
        self.0
    }

    /// Whether this is the route's path or below it by whole segments, in any case.
    pub(super) fn is_below(self, route_path: &str) -> bool {
        // Split by bytes: the length of an ASCII path may fall inside a multi-byte character of another path.
        self.0.as_bytes().split_at_checked(route_path.len()).is_some_and(|(start, rest)| {
            start.eq_ignore_ascii_case(route_path.as_bytes()) && matches!(rest.first(), None | Some(b'/'))
        })
    }
}

/// Whether the text, without a port, has only characters of names and addresses.
pub(super) fn is_host(host: &str) -> bool {
    let is_of_hosts =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'[' | b']' | b':');
    !host.is_empty() && host.bytes().all(is_of_hosts)
}

/// Splits `host[:port]`. `None` when the host has characters that occur in neither names nor addresses: no
/// client sends such a host.
fn split_port(authority: &str, default_port: u16) -> Option<(&str, u16)> {
    let (host, port) = match authority.rsplit_once(':') {
        // The last colon of `[::1]` without a port is part of the address.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (authority, default_port),
    };
    is_host(host).then_some((host, port))
}
