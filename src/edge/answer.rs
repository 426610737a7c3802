//! How an upstream's answer is edited before the caller gets it.
//!
//! Standards: docs/http.md, "What the caller gets"; RFC 8594 (`Sunset`); RFC 9745 (`Deprecation`); Referrer
//! Policy; RFC 7838 (`Alt-Svc`).
//! Invariants:
//! - Only headers are edited, never the body.
//! - What only the gateway may say is removed from the upstream's answer: the console's cookie, Wayleave's
//!   own headers, and alternative addresses of this origin.
//! - An answer that has none of the headers read here costs nothing but reading them.
//!
//! What it must not know: how a request is decided, Workers.
//! What a mistake costs: a cache or a browser gives an answer to somebody else, or a page is sent past the
//! gateway.

use crate::base::headers::Headers;
use crate::base::time::{UnixMillis, UnixSeconds};
use crate::edge::credential::{Credential, HANDSHAKE_PROTOCOL, PROTOCOLS_HEADER, Place};
use crate::edge::public_url::PublicUrls;
use crate::edge::refusal::refusal_to;
use crate::edge::request_facts::RequestFacts;
use crate::edge::route::{Resolved, Route, Target};
use crate::edge::settings::EdgeSettings;
use crate::formats::record::Record;
use crate::formats::session;
use crate::http::cors;
use crate::http::cors::{HeaderEdits, RequestingPage, UpstreamHeaders};
use crate::http::problem::Code;
use crate::http::reply::Reply;
use crate::limits::EXPIRY_NOTICE_SECONDS;
use std::borrow::Cow;

/// The properties of a request on which the editing of its answer depends.
#[derive(Debug)]
pub struct AnswerEditing<'a> {
    route: &'a Route,
    target: Target<'a>,
    page: RequestingPage<'a>,
    /// Headers that may hold a credential on this route.
    credential_headers: &'a [String],
    credential: Option<Place<'a>>,
    /// Headers that the caller gets in addition to the upstream's.
    caller: Vec<(&'static str, String)>,
}

impl<'a> AnswerEditing<'a> {
    /// The editing of an answer to a request of `page` that carried this credential. `credential_headers`:
    /// the headers that may hold one on this route.
    pub(crate) fn to(
        route: &'a Route,
        target: Target<'a>,
        credential_headers: &'a [String],
        credential: Option<&Credential<'a>>,
        page: RequestingPage<'a>,
    ) -> Self {
        Self {
            route,
            target,
            page,
            credential_headers,
            credential: credential.map(Credential::place),
            caller: Vec::new(),
        }
    }

    /// The editing of an answer to a request that was sent upstream before: what the synchronous path keeps
    /// of it is its text, and `is_named`. It decides nothing, so an answer that is under way is edited as it
    /// was decided. `None` for a request that no route takes.
    #[must_use]
    pub fn again(settings: &'a EdgeSettings, facts: &RequestFacts<'a>, is_named: bool) -> Option<Self> {
        let Resolved::Api { route, target } = settings.routes.resolve(facts.url).ok()? else { return None };
        let sources = settings.sources(Some(route));
        let credential = sources.find(&facts.carriers(target.query)).ok()?;
        let page = RequestingPage { is_named, ..facts.unnamed_page() };
        Some(Self::to(route, target, sources.header_names(), credential.as_ref(), page))
    }

    /// A rule that is enforced names the origin that the request showed.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.page.is_named
    }

    /// The problem to answer with when the upstream did not answer, or not in time.
    #[must_use]
    pub fn failed(&self, code: Code) -> Reply {
        refusal_to(code, Some(self.route), self.page)
    }

    /// Adds the headers that announce when the token ends.
    pub(crate) fn announce(&mut self, ends_at: UnixSeconds, policy: &Record, now: UnixMillis) {
        self.caller = end_notices(ends_at, policy, now);
    }

    /// The headers that say when the token ends. The caller gets them in addition to the upstream's.
    pub fn notices(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.caller.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Names of the upstream's headers that [`Self::edits`] reads, one a line.
    #[must_use]
    pub fn upstream_header_names(&self) -> &'static str {
        if self.query_token().is_some() { NAMES_WITH_QUERY_TOKEN } else { NAMES }
    }

    /// The edits of this answer, besides its notices. `asked` is the URL that was requested of the upstream.
    /// `headers` holds the fields named by [`Self::upstream_header_names`].
    #[must_use]
    pub fn edits<'h>(&'h self, asked: &'h str, status: u16, headers: &Headers<'h>) -> HeaderEdits<'h> {
        let upstream = UpstreamHeaders {
            vary: headers.get("vary"),
            cache_control: headers.get("cache-control"),
            expose_headers: headers.get("access-control-expose-headers"),
        };
        let mut edits = cors::admitted(self.route.cors(), self.page, self.places(), &upstream);
        edits.remove.extend(GATEWAY_ONLY_HEADERS);
        // The caller offered the token as a subprotocol, so one of its subprotocols must be chosen (RFC 6455
        // section 4.1). If the upstream chooses none, the gateway does.
        let is_handshake = status == SWITCHING_PROTOCOLS && self.credential == Some(Place::Protocols);
        if is_handshake && headers.get(PROTOCOLS_HEADER).is_none() {
            edits.set.push(("Sec-WebSocket-Protocol", Cow::Borrowed(HANDSHAKE_PROTOCOL)));
        }
        self.map_urls(asked, status, headers, &mut edits);
        edits.cuts_session_cookie = headers.get("set-cookie").is_some_and(session::may_be_set);
        edits
    }

    /// The headers by whose credentials the answer was chosen, for `Vary`. On an anonymous route these are
    /// all headers that may hold a credential, since its answer is for requests with none in any of them.
    fn places(&self) -> impl Iterator<Item = &str> {
        let every: &[String] = if self.route.is_anonymous() { self.credential_headers } else { &[] };
        let own = match self.credential {
            Some(Place::Header(name)) if !self.route.is_anonymous() => Some(name),
            // Not every request that has it is a handshake, whose answer no cache would keep.
            Some(Place::Protocols) if !self.route.is_anonymous() => Some(PROTOCOLS_HEADER),
            _ => None,
        };
        every.iter().map(String::as_str).filter(|name| *name != PROTOCOLS_HEADER).chain(own)
    }

    /// `token=wlp_…` as it stood in the query. `None` when the token was elsewhere.
    fn query_token(&self) -> Option<&'a str> {
        match self.credential? {
            Place::Query { at } => self.target.query?.get(at..)?.split('&').next(),
            Place::Header(_) | Place::Protocols => None,
        }
    }

    fn map_urls<'h>(&'h self, asked: &str, status: u16, headers: &Headers<'h>, edits: &mut HeaderEdits<'h>) {
        let value = |name| headers.get(name);
        let (location, refresh) = (value("location"), value("refresh"));
        let (content, link) = (value("content-location"), value("link"));
        // Read only where the token stood in the query.
        let policy = value("referrer-policy");
        if [location, refresh, content, link, policy] == [None; 5] {
            return;
        }
        let Some(urls) = PublicUrls::of(self.route, &self.target, asked) else { return };
        let token = self.query_token();
        let redirect = location.filter(|_| matches!(status, 301 | 302 | 303 | 307 | 308));
        let returned = token.filter(|_| redirect.is_some());
        let mapped = [
            ("Location", location.and_then(|url| urls.reference(url, returned))),
            ("Refresh", refresh.and_then(|value| urls.refresh(value, token))),
            ("Content-Location", content.and_then(|url| urls.reference(url, None))),
            ("Link", link.and_then(|value| urls.links(value))),
        ];
        let changed = mapped.into_iter().filter_map(|(name, value)| Some((name, Cow::Owned(value?))));
        edits.set.extend(changed);
        let comes_back = redirect.is_some_and(|url| urls.stays(url));
        if policy.is_some_and(|policy| sends_whole_url(policy) || (comes_back && hides_origin(policy))) {
            edits.set.push(("Referrer-Policy", Cow::Borrowed("strict-origin-when-cross-origin")));
        }
    }
}

/// Whether a page with this `Referrer-Policy` sends its whole URL, and with it the token, to other sites.
fn sends_whole_url(policy: &str) -> bool {
    has_word(policy, &["unsafe-url", "no-referrer-when-downgrade"])
}

/// Whether an image load that follows a redirect with this `Referrer-Policy` hides the site that shows the
/// image, so that the gate would refuse it. A redirect's policy replaces the page's (Fetch section 4.4).
fn hides_origin(policy: &str) -> bool {
    has_word(policy, &["no-referrer", "same-origin"])
}

fn has_word(policy: &str, words: &[&str]) -> bool {
    policy.split(',').any(|word| words.iter().any(|one| word.trim().eq_ignore_ascii_case(one)))
}

/// Headers that an upstream must not send: the gateway sets them, or nobody does. `Alt-Svc` is among them
/// because it would send browsers to other hosts and ports for this origin. `NEL` (Network Error Logging)
/// makes browsers tell the URL of every request to this origin, tokens in queries included, to a host that
/// the upstream names.
const GATEWAY_ONLY_HEADERS: [&str; 3] = ["Wayleave-Token-Expires", "Alt-Svc", "NEL"];

const SWITCHING_PROTOCOLS: u16 = 101;

const NAMES: &str = "vary\ncache-control\naccess-control-expose-headers\n\
     sec-websocket-protocol\nset-cookie\nlocation\nrefresh\ncontent-location\nlink";
const NAMES_WITH_QUERY_TOKEN: &str = "vary\ncache-control\naccess-control-expose-headers\n\
     sec-websocket-protocol\nset-cookie\nlocation\nrefresh\ncontent-location\nlink\nreferrer-policy";

/// The headers that say when the token ends.
/// - `Wayleave-Token-Expires` is always sent.
/// - `Deprecation` and `Sunset` are sent from the start for an end that an operator or a licence set, or
///   that a rotation planned. For the signed expiry they are sent from 30 days before it, unless there is a
///   successor: then a page may only need to be loaded again.
/// - A planned end that has already passed is ignored: the rotation is on hold.
fn end_notices(ends_at: UnixSeconds, policy: &Record, now: UnixMillis) -> Vec<(&'static str, String)> {
    let planned_end = policy.planned_end.filter(|at| *at > now).map(UnixMillis::floor_seconds);
    let ends_at = planned_end.map_or(ends_at, |at| at.min(ends_at));
    let mut notices = vec![("Wayleave-Token-Expires", ends_at.to_rfc3339())];
    let notice_from = ends_at.plus_seconds(-EXPIRY_NOTICE_SECONDS);
    let is_early = policy.ends_at.is_some() || planned_end.is_some();
    if is_early || (policy.successor.is_none() && now.floor_seconds() >= notice_from) {
        // RFC 9745 section 2.1: the value is a structured-field date. Section 4: it is not later than the
        // sunset.
        let UnixSeconds(deprecated_at) = notice_from.min(now.floor_seconds());
        notices.push(("Deprecation", format!("@{deprecated_at}")));
        notices.push(("Sunset", ends_at.to_http_date()));
    }
    notices
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::token::Serial;
    use crate::limits::SECONDS_PER_DAY;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_500);

    fn days(days: i64) -> UnixSeconds {
        NOW.floor_seconds().plus_seconds(days * SECONDS_PER_DAY)
    }

    /// A record of a token that ends in this number of days.
    fn record(expires_in_days: i64) -> Record {
        Record::of_test(days(expires_in_days))
    }

    /// The end that the caller sees, and whether headers announce it.
    fn announced(policy: &Record) -> (UnixSeconds, bool) {
        let ends_at = policy.ends_at.map_or(policy.expires_at, UnixMillis::floor_seconds);
        let notices = end_notices(ends_at, policy, NOW);
        let value =
            |name: &str| notices.iter().find(|(given, _)| *given == name).map(|(_, value)| value.clone());
        let announced = crate::base::time::parse_rfc3339(&value("Wayleave-Token-Expires").unwrap()).unwrap();
        let sunset = value("Sunset");
        if let Some(sunset) = &sunset {
            assert_eq!(sunset, &announced.to_http_date());
        }
        assert_eq!(value("Deprecation").is_some(), sunset.is_some());
        (announced, sunset.is_some())
    }

    #[test]
    fn an_end_is_announced_where_somebody_should_do_something() {
        let successor = Some(Serial(2));
        let operators = |days_left| Some(days(days_left).to_millis());
        for (what, policy, expected) in [
            ("far", record(31), (31, false)),
            ("near", record(30), (30, true)),
            ("near, and succeeded", Record { successor, ..record(5) }, (5, false)),
            ("an operator's", Record { ends_at: operators(90), ..record(300) }, (90, true)),
            (
                "an operator's, and succeeded",
                Record { ends_at: operators(90), successor, ..record(300) },
                (90, true),
            ),
            ("planned", Record { planned_end: operators(60), successor, ..record(300) }, (60, true)),
            ("planned past its end", Record { planned_end: operators(9), successor, ..record(5) }, (5, true)),
            (
                "planned and held",
                Record { planned_end: operators(-1), successor, ..record(300) },
                (300, false),
            ),
        ] {
            assert_eq!(announced(&policy), (days(expected.0), expected.1), "{what}");
        }
    }
}
