//! A request's URL taken apart, and the readings that a path can be given.
//!
//! Standards: URL standard (what its parser would change), RFC 3986 sections 3.3 (segments) and 6.2.2 (equivalence).
//! Invariants: a path that passes [`PathReading::of`] has no dot segment, backslash, NUL or control character in any
//! decoding, so the URL standard's parser leaves its segments as they are and only percent-encodes some characters,
//! none of which a route's path contains: matching the sent path is matching the parsed one.
//! What it must not know: routes.
//! What a mistake costs: two readers of one path, of which one guards and the other serves.

use super::RESERVED_PATH;
use crate::limits;

/// Parts of an absolute URL with an authority, as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestUrl<'u> {
    /// `scheme://host[:port]`.
    pub(super) own_origin: &'u str,
    /// Without port and without a final dot; case as sent.
    pub(super) host: &'u str,
    /// The port written, or the scheme's own.
    pub(super) port: u16,
    /// Never empty.
    pub(super) path: &'u str,
    /// Without its `?`. A fragment is no part of a request and is dropped.
    pub(super) query: Option<&'u str>,
}

impl<'u> RequestUrl<'u> {
    /// `None` for anything but an http or https URL of a plain host.
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

/// What a path means to different readers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PathReading<'p> {
    path: &'p str,
    /// The path as the most eager upstream reads it; `None` when every reader reads it as sent.
    folded: Option<String>,
    has_encoded_separator: bool,
}

impl<'p> PathReading<'p> {
    /// `None` for a path that must not be forwarded at all: a NUL, control character or backslash; a segment that
    /// decodes to `.` or `..`; one percent-encoded again and again.
    pub(super) fn of(path: &'p str) -> Option<Self> {
        if is_plain(path) {
            return Some(Self { path, folded: None, has_encoded_separator: false });
        }
        if path.bytes().any(|byte| byte <= b' ' || byte == 0x7f || byte == b'\\') {
            return None;
        }
        let decoded = decode_fully(path.as_bytes())?;
        if decoded.contains(&0) {
            return None;
        }
        let mut folded = String::with_capacity(decoded.len());
        for segment in decoded.split(|byte| matches!(byte, b'/' | b'\\')) {
            // Some servers take what follows `;` for a parameter of the segment and drop it.
            let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
            if matches!(name, b"." | b"..") {
                return None;
            }
            if !name.is_empty() {
                folded.push('/');
                folded.push_str(&String::from_utf8_lossy(name));
            }
        }
        if folded.is_empty() {
            folded.push('/');
        }
        Some(Self { path, folded: Some(folded), has_encoded_separator: has_encoded_separator(path) })
    }

    /// Decoded as often as possible, slashes collapsed, backslashes turned, parameters of segments dropped; `None`
    /// when that is the path as sent.
    pub(super) fn folded(&self) -> Option<&str> {
        self.folded.as_deref()
    }

    /// `%2F` or `%5C` as sent: one segment to some readers, two to others.
    pub(super) fn has_encoded_separator(&self) -> bool {
        self.has_encoded_separator
    }

    /// Some reader, one that ignores case included, takes the path for one under the reserved prefix.
    pub(super) fn is_reserved(&self) -> bool {
        let path = self.folded().unwrap_or(self.path).as_bytes();
        match path.split_at_checked(RESERVED_PATH.len()) {
            Some((start, rest)) => {
                start.eq_ignore_ascii_case(RESERVED_PATH.as_bytes())
                    && matches!(rest.first(), None | Some(b'/'))
            }
            None => false,
        }
    }
}

/// Every reader reads the path alike: only characters that the URL parser keeps and nothing decodes, no empty segment
/// but the last, none that begins with a dot (which may be `.` or `..`).
pub(super) fn is_plain(path: &str) -> bool {
    let mut before = 0;
    for byte in path.bytes() {
        let keeps = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'/' | b'-'
                    | b'_'
                    | b'~'
                    | b'.'
                    | b'!'
                    | b'$'
                    | b'&'
                    | b'('
                    | b')'
                    | b'*'
                    | b'+'
                    | b','
                    | b'='
                    | b':'
                    | b'@'
            );
        if !keeps || (before == b'/' && matches!(byte, b'/' | b'.')) {
            return false;
        }
        before = byte;
    }
    path.starts_with('/')
}

fn has_encoded_separator(path: &str) -> bool {
    path.as_bytes().windows(3).any(|w| w.eq_ignore_ascii_case(b"%2f") || w.eq_ignore_ascii_case(b"%5c"))
}

/// Percent-decodes until nothing changes; `None` when that takes too many rounds.
fn decode_fully(path: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = path.to_vec();
    for _ in 0..=limits::PATH_DECODE_ROUNDS_MAX {
        let again: Vec<u8> = percent_encoding::percent_decode(&decoded).collect();
        if again.len() == decoded.len() {
            return Some(decoded);
        }
        decoded = again;
    }
    None
}

/// Splits `host[:port]`. A host of other characters than those of names and addresses is not one that a client sent.
fn split_port(authority: &str, default_port: u16) -> Option<(&str, u16)> {
    let is_host = |host: &str| {
        !host.is_empty()
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'[' | b']' | b':'))
    };
    let (host, port) = match authority.rsplit_once(':') {
        // The last colon of a bare `[::1]` is part of the address.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (authority, default_port),
    };
    is_host(host).then_some((host, port))
}
