//! Cursors: where the next page of a list starts, or the next step of a bulk call, as opaque text.
//!
//! Standard: base64url (RFC 4648 section 5).
//! Invariants: a cursor names its list, so a cursor of another list is refused. Each place has one spelling.
//! What it must not know: what is in the lists.
//! What a mistake costs: a page that is left out hides a token.

use crate::control::registry::command::SortKey;
use crate::formats::token::Serial;
use base64::prelude::*;

/// A list whose places are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Pages of `GET /events`
    Events,
    /// Pages of `GET /notices`
    Notices,
    /// Pages of `GET /licences`
    Licences,
    /// Pages of `GET /owners`
    Owners,
    /// Pages of `GET /refusals`
    Refusals,
}

/// The cursor after which the next page of `list` starts.
#[must_use]
pub fn cursor(list: List, below: i64) -> String {
    encoded(tag(list), &below.to_be_bytes())
}

/// The place in `list`; `None` for anything that [`cursor`] did not make for this list.
#[must_use]
pub fn parse_cursor(list: List, text: &str) -> Option<i64> {
    let below = i64::from_be_bytes(decoded(tag(list), text)?.try_into().ok()?);
    (below >= 0).then_some(below)
}

/// The cursor after which the next page of `GET /tokens` starts: the last token, and what it was sorted by.
#[must_use]
pub fn token_cursor(below: Serial, key: Option<&SortKey>) -> String {
    let mut place = i64::from(below.0).to_be_bytes().to_vec();
    if let Some(key) = key {
        place.push(tag_of_key(key));
        match key {
            SortKey::Label(text) | SortKey::Owner(text) => place.extend(text.as_bytes()),
            SortKey::Ends(number) | SortKey::Used(number) => place.extend(number.to_be_bytes()),
        }
    }
    encoded(TAG_OF_TOKENS, &place)
}

/// The place in `GET /tokens`; `None` for anything that [`token_cursor`] did not make.
#[must_use]
pub fn parse_token_cursor(text: &str) -> Option<(Serial, Option<SortKey>)> {
    let place = decoded(TAG_OF_TOKENS, text)?;
    let (serial, key) = place.split_first_chunk()?;
    let serial = Serial(u32::try_from(i64::from_be_bytes(*serial)).ok()?);
    let Some((tag, key)) = key.split_first() else { return Some((serial, None)) };
    let text = || std::str::from_utf8(key).ok().map(str::to_owned);
    let number = || Some(i64::from_be_bytes(key.try_into().ok()?));
    let key = match *tag {
        b'l' => SortKey::Label(text()?),
        b'o' => SortKey::Owner(text()?),
        b'e' => SortKey::Ends(number()?),
        b'u' => SortKey::Used(number()?),
        _ => return None,
    };
    Some((serial, Some(key)))
}

/// Before every token: serials begin at 1.
pub const BEGINNING: Serial = Serial(0);

/// The cursor after which the next step of a bulk call starts: the last token, and the newest one when the
/// call began.
#[must_use]
pub fn step_cursor(below: Serial, until: Serial) -> String {
    encoded(TAG_OF_STEPS, &[below.0.to_be_bytes(), until.0.to_be_bytes()].concat())
}

/// The place in a bulk call; `None` for anything that [`step_cursor`] did not make.
#[must_use]
pub fn parse_step_cursor(text: &str) -> Option<(Serial, Serial)> {
    let place = decoded(TAG_OF_STEPS, text)?;
    let (below, until) = place.split_first_chunk()?;
    Some((Serial(u32::from_be_bytes(*below)), Serial(u32::from_be_bytes(until.try_into().ok()?))))
}

fn encoded(tag: u8, place: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode([&[VERSION, tag], place].concat())
}

fn decoded(tag: u8, text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    bytes.strip_prefix(&[VERSION, tag]).map(<[u8]>::to_vec)
}

fn tag(list: List) -> u8 {
    match list {
        List::Events => b'e',
        List::Notices => b'n',
        List::Licences => b'l',
        List::Owners => b'o',
        List::Refusals => b'r',
    }
}

fn tag_of_key(key: &SortKey) -> u8 {
    match key {
        SortKey::Label(_) => b'l',
        SortKey::Owner(_) => b'o',
        SortKey::Ends(_) => b'e',
        SortKey::Used(_) => b'u',
    }
}

const VERSION: u8 = 1;
const TAG_OF_TOKENS: u8 = b't';
const TAG_OF_STEPS: u8 = b's';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_place_in_one_list() {
        let text = cursor(List::Events, 77);
        assert_eq!(parse_cursor(List::Events, &text), Some(77));
        assert_eq!(parse_cursor(List::Notices, &text), None);
        assert_eq!((parse_token_cursor(&text), parse_step_cursor(&text)), (None, None));
        assert_eq!(parse_cursor(List::Events, &cursor(List::Events, -1)), None);
        for wrong in ["", "77", "AAAA", &format!("{text}A"), &text[1..]] {
            assert_eq!(parse_cursor(List::Events, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_cursor_has_one_spelling() {
        let text = cursor(List::Events, 77);
        let start = text.strip_suffix('Q').unwrap();
        for wrong in [format!("{start}R"), format!("{text}=="), format!("{text} "), format!("{text}\n")] {
            assert_eq!(parse_cursor(List::Events, &wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_place_in_the_list_of_tokens_has_its_key() {
        let keys = [
            None,
            Some(SortKey::Label("Süd 1".to_owned())),
            Some(SortKey::Owner(String::new())),
            Some(SortKey::Ends(i64::MAX)),
            Some(SortKey::Used(0)),
        ];
        for key in keys {
            let text = token_cursor(Serial(u32::MAX), key.as_ref());
            assert_eq!(parse_token_cursor(&text), Some((Serial(u32::MAX), key)), "{text}");
        }
        let place = |rest: &[u8]| encoded(TAG_OF_TOKENS, &[&[0, 0, 0, 0, 0, 0, 0, 7], rest].concat());
        for wrong in [&b"x"[..], b"l\xff", b"e1", b"u", b"u123456789"] {
            assert_eq!(parse_token_cursor(&place(wrong)), None, "{wrong:?}");
        }
        assert_eq!(parse_token_cursor(&encoded(TAG_OF_TOKENS, &[0, 0, 0, 1, 0, 0, 0, 0])), None);
    }

    #[test]
    fn a_place_in_a_bulk_call_has_its_end() {
        let text = step_cursor(Serial(7), Serial(u32::MAX));
        assert_eq!(parse_step_cursor(&text), Some((Serial(7), Serial(u32::MAX))));
        assert_eq!(parse_token_cursor(&text), None);
        assert_eq!(parse_step_cursor(&encoded(TAG_OF_STEPS, &[0; 7])), None);
        assert_eq!(parse_step_cursor(&encoded(TAG_OF_STEPS, &[0; 9])), None);
    }
}
