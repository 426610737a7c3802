//! Computes the eager reading of a path that is not plain: see the head of `path.rs`.
//!
//! Standards: RFC 3986 section 3.3 (parameters of segments); Unicode's case mappings.
//! Invariants: each step removes characters or turns them into ASCII. No step changes the lower-case path of
//! a route.
//! What it must not know: routes.
//! What a mistake costs: gateway and upstream read one path differently, so that a guarded path is served
//! unguarded.

use super::decoding::{decode_fully, decodings};
use super::fault::PathFault;
use super::taken_out::is_taken_out;
use crate::limits;

/// Computes the eager readings; several where the order of the steps matters.
pub(super) fn read(path: &str) -> Result<Vec<EagerPath>, PathFault> {
    if path.contains('\\') {
        return Err(PathFault::Backslash);
    }
    if path.len() > limits::PATH_NOT_PLAIN_MAX_BYTES {
        return Err(PathFault::TooManyReadings);
    }
    if path.bytes().any(|byte| byte <= b' ' || byte == DELETE) {
        return Err(PathFault::ControlCharacter);
    }
    let decoded = decode_fully(path.as_bytes())?;
    if decoded.contains(&0) {
        return Err(PathFault::ControlCharacter);
    }
    let stages = decodings(path.as_bytes())?;
    let mut first = eager_path(&decoded)?;
    first.has_segment_of_two_extents = has_segment_of_two_extents(&stages)?;
    let mut paths = vec![first];
    // Almost no path has a parameter.
    if stages.iter().any(|stage| cut_begins_in(stage)) {
        for decoded in decoded_after_cutting(path.as_bytes())? {
            paths.push(eager_path(&decoded)?);
        }
    }
    Ok(paths)
}

fn eager_path(decoded: &[u8]) -> Result<EagerPath, PathFault> {
    let has_control_character = decoded.iter().any(|byte| *byte < b' ' || *byte == DELETE);
    let decoded = String::from_utf8_lossy(decoded);
    let mut read = EagerPath { has_control_character, ..EagerPath::default() };
    let mut dropped_at_start = 0;
    for segment in decoded.split(['/', '\\']) {
        // Checked before anything is cut off: what follows `?` is part of the path to other servers.
        if segment.split(['?', '#']).any(is_dot_segment) {
            return Err(PathFault::DotSegment);
        }
        let name = segment.split(['?', '#']).next().unwrap_or_default();
        let is_end = name.len() < segment.len();
        let name = segment_name(name);
        if name.is_empty() && read.names.is_empty() {
            dropped_at_start += 1;
        }
        read.push(name, is_end);
    }
    // What stands before the first slash is dropped too.
    read.may_begin_with_host = dropped_at_start > 1;
    if read.may_begin_with_host && read.ends.len() > limits::PATH_AFTER_HOST_SEGMENTS_MAX {
        return Err(PathFault::TooManyReadings);
    }
    Ok(read)
}

/// A path as an eager server reads it. It may have several readings.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct EagerPath {
    /// All segment names in lower case, each after a slash.
    names: String,
    /// Byte offsets in `names` at which a name ends.
    ends: Vec<usize>,
    /// Those offsets at which the path ends for a server that decoded a `?` or `#` there.
    ends_of_path: Vec<usize>,
    /// The path begins with two slashes, so some server takes what follows for a host, up to some slash.
    may_begin_with_host: bool,
    /// Decoding produced a control character.
    pub(super) has_control_character: bool,
    /// Some server takes a segment out that is more than one segment, or only a part of one, to other
    /// servers: `/x%2Fa.php/admin`.
    pub(super) has_segment_of_two_extents: bool,
}

impl EagerPath {
    fn push(&mut self, name: &str, is_end_of_path: bool) {
        if !name.is_empty() {
            self.names.push('/');
            self.names.extend(name.chars().flat_map(folded));
            self.ends.push(self.names.len());
        }
        if is_end_of_path {
            self.ends_of_path.push(self.names.len());
        }
    }

    /// The paths that servers read. `""` is `/`.
    pub(super) fn readings(&self) -> impl Iterator<Item = &str> {
        let after_hosts = std::iter::once(&0).chain(&self.ends).filter(|_| self.may_begin_with_host);
        // A `?` where a host ends belongs to that host.
        let below_hosts = after_hosts.map(|start| self.between(*start, |end| end > *start));
        std::iter::once(self.between(0, |_| true)).chain(below_hosts)
    }

    fn between(&self, start: usize, is_end: impl Fn(usize) -> bool) -> &str {
        let end = self.ends_of_path.iter().copied().find(|end| is_end(*end)).unwrap_or(self.names.len());
        self.names.get(start..end).unwrap_or_default()
    }
}

/// Whether the segment is `.` or `..`, also after removing what `segment_name` removes.
fn is_dot_segment(segment: &str) -> bool {
    let name = without_parameters(segment);
    let is_blank = |c: char| c.is_whitespace();
    name.chars().all(|c| c == '.' || is_blank(c)) && matches!(name.matches('.').count(), 1 | 2)
}

/// The segment without parameters, without white space at either end, and without dots at the end, which
/// Windows drops.
fn segment_name(segment: &str) -> &str {
    let name = without_parameters(segment);
    name.trim_end_matches(|c: char| c == '.' || c.is_whitespace()).trim_start()
}

/// The segment without its parameters (from `;` on), which some servers drop, and without the name of a
/// Windows stream: `admin::$DATA` is the content of `admin`.
fn without_parameters(segment: &str) -> &str {
    [";", "::$", ":$"].into_iter().fold(segment, |name, from| name.split(from).next().unwrap_or_default())
}

/// The character without case, as the most lenient server compares: `K` (Kelvin) is `k`, `ſ` is `s`, `İ` and
/// `ı` are `i`, and full-width letters are ASCII letters.
fn folded(c: char) -> impl Iterator<Item = char> {
    const COMBINING_DOT_ABOVE: char = '\u{307}'; // what is left of İ
    c.to_uppercase().flat_map(char::to_lowercase).filter(|c| *c != COMBINING_DOT_ABOVE)
}

/// Whether a segment that some server takes out holds what another server reads as its end. Taking it out and
/// decoding it then lead to different paths, depending on which comes first.
fn has_segment_of_two_extents(stages: &[Vec<u8>]) -> Result<bool, PathFault> {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !br"%;:?#\".contains(byte);
    let segments = stages.iter().flat_map(|stage| stage.split(|byte| *byte == b'/'));
    // One that is plain ends nowhere else.
    for segment in segments.filter(|segment| !segment.iter().all(is_plain)) {
        let as_sent = String::from_utf8_lossy(segment);
        // Some servers drop a parameter before they decode.
        for name in [as_sent.as_ref(), segment_name(&as_sent)] {
            if is_of_two_extents(name)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The same of one segment. A server may take it out as it is, or once some of it is decoded: then what is
/// taken out ends where the segment does, and began before the last of its parts.
fn is_of_two_extents(segment: &str) -> Result<bool, PathFault> {
    let decoded = decode_fully(segment.as_bytes())?;
    let decoded = String::from_utf8_lossy(&decoded);
    let mut parts = decoded.split(['/', '\\', '?', '#', ';']).flat_map(|part| part.split(":$"));
    let ends_early = parts.by_ref().nth(1);
    Ok(ends_early.is_some_and(|second| {
        let is_out = |part: &str| is_taken_out(segment_name(part));
        is_taken_out(segment) || is_taken_out(&decoded) || is_out(second) || parts.any(is_out)
    }))
}

/// The decoded path as servers have it that cut parameters off before they decode everything. `/;%2fx/admin`
/// is `/admin` to Tomcat: it cuts `;%2fx`. Only parameters that end elsewhere once decoded make a difference.
fn decoded_after_cutting(path: &[u8]) -> Result<Vec<Vec<u8>>, PathFault> {
    let mut decoded = Vec::new();
    let mut uncut = vec![path.to_vec()];
    while let Some(path) = uncut.pop() {
        for stage in decodings(&path)? {
            for separators in [b"/".as_slice(), br"/\"] {
                let cut = cut_parameters(&stage, separators);
                if cut.len() == stage.len() || uncut.contains(&cut) {
                    continue;
                }
                if decoded.len() >= limits::PATH_CUT_READINGS_MAX {
                    return Err(PathFault::TooManyReadings);
                }
                decoded.push(decode_fully(&cut)?);
                uncut.push(cut);
            }
        }
    }
    Ok(decoded)
}

/// Whether some segment has what servers cut off: a parameter, or the name of a Windows stream.
fn cut_begins_in(path: &[u8]) -> bool {
    path.contains(&b';') || path.windows(2).any(|pair| pair == b":$")
}

/// The path without those parameters that hold what may be decoded to, or read as, the end of a segment or of
/// the path.
fn cut_parameters(path: &[u8], separators: &[u8]) -> Vec<u8> {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !br"%\?#/".contains(byte);
    let mut cut = Vec::with_capacity(path.len());
    for segment in path.split_inclusive(|byte| separators.contains(byte)) {
        let (name, separator) = match segment.split_last() {
            Some((last, name)) if separators.contains(last) => (name, Some(*last)),
            _ => (segment, None),
        };
        let next = name.iter().skip(1).chain(std::iter::once(&b'/'));
        let at = name.iter().zip(next).position(|pair| matches!(pair, (b';', _) | (b':', b'$')));
        let kept = match at.and_then(|at| name.split_at_checked(at)) {
            Some((before, parameter)) if !parameter.iter().all(is_plain) => before,
            _ => name,
        };
        cut.extend_from_slice(kept);
        cut.extend(separator);
    }
    cut
}

const DELETE: u8 = 0x7f;
