//! Decodes a path as servers do: percent-encoding, and further notations of ASCII characters that some
//! servers accept or accepted.
//!
//! Standards: RFC 3986 section 2.1; RFC 3629 section 3 (over-long UTF-8, which decoders must refuse).
//! Invariants: decoding makes a path shorter. What a server decodes, in as many rounds as it makes, is among
//! [`decodings`], as far as one of its notations ends a segment and another does not.
//! What it must not know: routes, segments.
//! What a mistake costs: a guarded path is served unguarded.

use super::fault::PathFault;
use crate::limits;

/// One notation of ASCII characters, decoded once.
type Notation = fn(&[u8]) -> Vec<u8>;

const NOTATIONS: [Notation; 4] = [unicode_escapes, over_long_of_two, over_long_of_more, full_width];

/// Decodes until nothing changes.
pub(super) fn decode_fully(path: &[u8]) -> Result<Vec<u8>, PathFault> {
    let mut decoded = path.to_vec();
    for _ in 0..=limits::PATH_DECODE_ROUNDS_MAX {
        let again = all_notations(percent_decoded(&decoded));
        if again.len() == decoded.len() {
            return Ok(decoded);
        }
        decoded = again;
    }
    Err(PathFault::EncodedRepeatedly)
}

/// The path as sent, and as it is to servers that decode a part of it: percent-encoding alone, with one of
/// the other notations, or with all; once or repeatedly.
pub(super) fn decodings(path: &[u8]) -> Result<Vec<Vec<u8>>, PathFault> {
    let mut stages = vec![path.to_vec()];
    let mut done = 0;
    while let Some(stage) = stages.get(done).cloned() {
        done += 1;
        for again in decoded_once(&stage) {
            if again.len() == stage.len() || stages.contains(&again) {
                continue;
            }
            if stages.len() >= limits::PATH_DECODINGS_MAX {
                return Err(PathFault::TooManyReadings);
            }
            stages.push(again);
        }
    }
    Ok(stages)
}

/// What one round makes of it.
fn decoded_once(path: &[u8]) -> Vec<Vec<u8>> {
    let plain = percent_decoded(path);
    let all = all_notations(plain.clone());
    // Almost every path has no other notation.
    if all.len() == plain.len() {
        return vec![plain];
    }
    let each: Vec<Vec<u8>> = NOTATIONS.iter().map(|decoded| decoded(&plain)).collect();
    [plain].into_iter().chain(each).chain([all]).collect()
}

fn percent_decoded(path: &[u8]) -> Vec<u8> {
    percent_encoding::percent_decode(path).collect()
}

fn all_notations(path: Vec<u8>) -> Vec<u8> {
    NOTATIONS.iter().fold(path, |path, decoded| decoded(&path))
}

/// `%u0061`; of the characters outside ASCII only full-width forms, as UTF-8.
fn unicode_escapes(path: &[u8]) -> Vec<u8> {
    replaced(path, |rest| {
        let [b'%', b'u' | b'U', hex @ ..] = rest else { return None };
        let (digits, after) = hex.split_at_checked(4)?;
        let code = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        let is_read = code < 0x80 || (FULL_WIDTH_FIRST..=FULL_WIDTH_LAST).contains(&code);
        let character = char::from_u32(code).filter(|_| is_read)?;
        Some((character.to_string().into_bytes(), after))
    })
}

/// `C1 A1` for `a`.
fn over_long_of_two(path: &[u8]) -> Vec<u8> {
    replaced(path, |rest| match rest {
        [high @ (0xc0 | 0xc1), low, after @ ..] => Some((vec![over_long(*high, *low)], after)),
        _ => None,
    })
}

/// `E0 81 A1` for `a`, and the same with further zeros before it.
fn over_long_of_more(path: &[u8]) -> Vec<u8> {
    replaced(path, |rest| match rest {
        [0xe0, high @ (0x80 | 0x81), low, after @ ..]
        | [0xf0, 0x80, high @ (0x80 | 0x81), low, after @ ..]
        | [0xf8, 0x80, 0x80, high @ (0x80 | 0x81), low, after @ ..]
        | [0xfc, 0x80, 0x80, 0x80, high @ (0x80 | 0x81), low, after @ ..] => {
            Some((vec![over_long(*high, *low)], after))
        }
        _ => None,
    })
}

/// Seven bits of the last two bytes.
const fn over_long(high: u8, low: u8) -> u8 {
    ((high & 1) << 6) | (low & 0x3f)
}

/// `ａ` for `a`: U+FF01 to U+FF5E.
fn full_width(path: &[u8]) -> Vec<u8> {
    replaced(path, |rest| match rest {
        [0xef, 0xbc, low @ 0x81..=0xbf, after @ ..] => Some((vec![low - 0x60], after)),
        [0xef, 0xbd, low @ 0x80..=0x9e, after @ ..] => Some((vec![low - 0x20], after)),
        _ => None,
    })
}

const FULL_WIDTH_FIRST: u32 = 0xff01;
const FULL_WIDTH_LAST: u32 = 0xff5e;

/// The bytes, where `read` gives others for those at the beginning of a rest, and what follows them.
fn replaced(bytes: &[u8], read: impl Fn(&[u8]) -> Option<(Vec<u8>, &[u8])>) -> Vec<u8> {
    let mut made = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = if let Some((decoded, after)) = read(rest) {
            made.extend(decoded);
            after
        } else {
            made.push(*first);
            after
        };
    }
    made
}
