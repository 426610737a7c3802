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
use std::fmt::Write;

/// Stands between two parts of orders.
const PART: char = '\0';

/// An answer of Wayleave's own: status, fields, and the body if it has one. An answer to HEAD has none.
#[must_use]
pub fn reply(reply: &Reply, is_head: bool) -> String {
    let mut orders = Orders::begun("reply");
    orders.number(reply.status.into());
    orders.fields(reply.headers.iter().map(|(name, value)| (*name, value.as_str())));
    if let Some(body) = reply.body.as_deref().filter(|_| !is_head) {
        orders.part(body);
    }
    orders.text
}

/// A record to read from KV under `name`, since `now`. JavaScript gives it back with serial and version.
#[must_use]
pub fn read(name: &str, serial: Serial, version: u32, first: FirstRead, now: UnixMillis) -> String {
    let mut orders = Orders::begun("read");
    orders.part(name);
    for number in [serial.0, version, first.cache_ttl_seconds, first.patience_ms] {
        orders.number(number.into());
    }
    orders.number(now.0);
    orders.text
}

/// A request to send upstream, and how its answer is edited if it has none of the headers that are looked at.
/// `serial`: of the token that it showed.
#[must_use]
pub fn forward(onward: &Onward<'_>, serial: Option<Serial>) -> String {
    let answer = &onward.answer;
    let edits = answer.edits(&onward.url, PLAIN_STATUS, &Headers::default());
    let mut orders = Orders::begun("forward");
    orders.part(&onward.url);
    orders.part(onward.forwarded_headers.as_str());
    orders.number(onward.timeout_ms.into());
    orders.names(&onward.remove);
    orders.fields(onward.set.iter().map(|(name, value)| (*name, value.as_ref())));
    orders.part(if answer.is_named() { "1" } else { "" });
    match serial {
        Some(serial) => orders.number(serial.0.into()),
        None => orders.part(""),
    }
    orders.part(answer.upstream_header_names());
    orders.names(&edits.remove);
    orders.fields(set_by(&edits));
    orders.fields(answer.notices());
    orders.text
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
    let mut orders = Orders::begun("");
    orders.push_lines(&edits.remove);
    orders.fields(set_by(&edits));
    if edits.cuts_session_cookie {
        orders.part(&crate::formats::session::without_set_session(cookies));
    }
    orders.text
}

/// Name, value, name, value and so on, one a line.
pub fn field_lines<'n, 'v>(fields: impl Iterator<Item = (&'n str, &'v str)>) -> String {
    let mut orders = Orders::begun("");
    orders.push_fields(fields);
    orders.text
}

fn set_by<'a>(edits: &'a HeaderEdits<'_>) -> impl Iterator<Item = (&'a str, &'a str)> {
    edits.set.iter().map(|(name, value)| (*name, value.as_ref()))
}

/// Orders while they are written. All parts go into one text, since nearly every request needs them.
struct Orders {
    text: String,
}

impl Orders {
    /// Orders of which the first part has this beginning.
    fn begun(first: &str) -> Self {
        let mut text = String::with_capacity(USUAL_BYTES);
        text.push_str(first);
        Self { text }
    }

    fn part(&mut self, part: &str) {
        self.text.push(PART);
        self.text.push_str(part);
    }

    fn number(&mut self, number: i64) {
        self.text.push(PART);
        // Writing to a text cannot fail.
        let _ = write!(self.text, "{number}");
    }

    fn names(&mut self, names: &[&str]) {
        self.text.push(PART);
        self.push_lines(names);
    }

    fn fields<'n, 'v>(&mut self, fields: impl Iterator<Item = (&'n str, &'v str)>) {
        self.text.push(PART);
        self.push_fields(fields);
    }

    fn push_lines(&mut self, lines: &[&str]) {
        for (at, line) in lines.iter().enumerate() {
            if at > 0 {
                self.text.push('\n');
            }
            self.text.push_str(line);
        }
    }

    fn push_fields<'n, 'v>(&mut self, fields: impl Iterator<Item = (&'n str, &'v str)>) {
        for (at, (name, value)) in fields.filter(|(_, value)| is_one_line(value)).enumerate() {
            if at > 0 {
                self.text.push('\n');
            }
            self.text.push_str(name);
            self.text.push('\n');
            self.text.push_str(value);
        }
    }
}

/// By bytes: a search for characters decodes each of them, and was a fifth of a decision.
fn is_one_line(value: &str) -> bool {
    !value.bytes().any(|byte| matches!(byte, b'\n' | b'\r' | 0))
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
