//! A decision as one text, which JavaScript carries out: for the synchronous path.
//!
//! Standard: docs/performance.md, "The synchronous path". `platform/at_once.js` reads what is written here.
//! Invariants: parts are separated by U+0000, and lines within a part by a line feed. Neither is allowed in a
//! URL, a field name or a field value (RFC 3986 section 2, RFC 9110 section 5.5). A field with either in its
//! value is left out.
//! What it must not know: how a request is decided.
//! What a mistake costs: a header is lost, or not removed.

use crate::base::headers::Headers;
use crate::base::time::UnixMillis;
use crate::edge::answer::AnswerEditing;
use crate::edge::forward::Onward;
use crate::edge::reach::FirstRead;
use crate::formats::token::Serial;
use crate::http::cors::HeaderEdits;
use crate::http::reply::Reply;

/// Stands between two parts of orders.
const PART: char = '\0';

/// An answer of Wayleave's own: status, fields, and the body if it has one. An answer to HEAD has none.
#[must_use]
pub fn reply(reply: &Reply, is_head: bool) -> String {
    let status = reply.status.to_string();
    let fields = field_lines(reply.headers.iter().map(|(name, value)| (*name, value.as_str())));
    let body = reply.body.as_deref().filter(|_| !is_head);
    parts(["reply", &status, &fields].into_iter().chain(body))
}

/// A record to read from KV under `name`, since `now`. JavaScript gives it back with serial and version.
#[must_use]
pub fn read(name: &str, serial: Serial, version: u32, first: FirstRead, now: UnixMillis) -> String {
    parts([
        "read",
        name,
        &serial.0.to_string(),
        &version.to_string(),
        &first.cache_ttl_seconds.to_string(),
        &first.patience_ms.to_string(),
        &now.0.to_string(),
    ])
}

/// A request to send upstream, and how its answer is edited if it has none of the headers that are looked at.
/// `serial`: of the token that it showed.
#[must_use]
pub fn forward(onward: &Onward<'_>, serial: Option<Serial>) -> String {
    let answer = &onward.answer;
    let plain = Headers::default();
    let edits = answer.edits(&onward.url, PLAIN_STATUS, &plain);
    parts([
        "forward",
        &onward.url,
        onward.forwarded_headers.as_str(),
        &onward.timeout_ms.to_string(),
        &onward.remove.join("\n"),
        &field_lines(onward.set.iter().map(|(name, value)| (*name, value.as_ref()))),
        if answer.is_named() { "1" } else { "" },
        &serial.map(|serial| serial.0.to_string()).unwrap_or_default(),
        answer.upstream_header_names(),
        &edits.remove.join("\n"),
        &set_lines(&edits),
        &field_lines(answer.notices()),
    ])
}

/// The edits of an answer that has some of the headers that are looked at. The last part is left out where
/// its cookies stay as they are.
#[must_use]
pub fn edits(
    answer: &AnswerEditing<'_>,
    asked: &str,
    status: u16,
    headers: &Headers<'_>,
    cookies: &str,
) -> String {
    let edits = answer.edits(asked, status, headers);
    let kept = edits.cuts_session_cookie.then(|| crate::formats::session::without_set_session(cookies));
    parts([edits.remove.join("\n").as_str(), &set_lines(&edits)].into_iter().chain(kept.as_deref()))
}

/// Name, value, name, value and so on, one a line.
pub fn field_lines<'n, 'v>(fields: impl Iterator<Item = (&'n str, &'v str)>) -> String {
    let mut text = String::new();
    for (name, value) in fields.filter(|(_, value)| !value.contains(['\n', '\r', PART])) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(name);
        text.push('\n');
        text.push_str(value);
    }
    text
}

fn set_lines(edits: &HeaderEdits<'_>) -> String {
    field_lines(edits.set.iter().map(|(name, value)| (*name, value.as_ref())))
}

fn parts<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::with_capacity(USUAL_BYTES);
    for (at, part) in parts.into_iter().enumerate() {
        if at > 0 {
            text.push(PART);
        }
        text.push_str(part);
    }
    text
}

/// Of an answer whose headers need no look. Only a switch of protocols is edited otherwise.
const PLAIN_STATUS: u16 = 200;
/// About as long as the orders of a usual request: 0.9 kB.
const USUAL_BYTES: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_our_own_is_status_fields_and_body() {
        let own = Reply::empty(204).with("Allow", "GET");
        assert_eq!(reply(&own, false), "reply\u{0}204\u{0}Cache-Control\nno-store\nAllow\nGET");
        let own = Reply { body: Some("{}".to_owned()), ..own };
        assert!(reply(&own, false).ends_with("\u{0}{}"));
        assert!(!reply(&own, true).ends_with("{}"), "an answer to HEAD has no body");
    }

    #[test]
    fn a_read_says_what_is_read_and_how_long_it_is_waited_for() {
        let first = FirstRead { cache_ttl_seconds: 30, patience_ms: 200 };
        let text = read("record/1/2", Serial(1), 2, first, UnixMillis(5));
        assert_eq!(text, "read\u{0}record/1/2\u{0}1\u{0}2\u{0}30\u{0}200\u{0}5");
    }

    #[test]
    fn a_value_that_would_end_its_line_or_part_is_left_out() {
        let fields = [("A", "1\n2"), ("B", "1\u{0}2"), ("C", "1\r2"), ("D", "4"), ("E", "")];
        assert_eq!(field_lines(fields.into_iter()), "D\n4\nE\n");
    }
}
