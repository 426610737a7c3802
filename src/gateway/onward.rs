//! What is sent upstream for a request that was let through, and what the caller gets of the answer.
//!
//! Standards: DESIGN sections 6 (CORS, caching) and 7 (headers of admitted requests); RFC 8594 (`Sunset`); RFC 9745
//! (`Deprecation`).
//! Invariants: the token, a console session and the caller's own `Wayleave-*` never reach the upstream; every other byte of path and query
//! does, as sent.
//! What it must not know: how a request is decided, Workers.
//! What a mistake costs: a token that leaks to where it is logged; an upstream that trusts a name the caller chose.

use super::{RequestFacts, counting, refusal};
use crate::cors::{self, HeaderEdits, UpstreamHeaders};
use crate::credential::Credential;
use crate::gate::Admission;
use crate::headers::Headers;
use crate::limits::{EXPIRY_NOTICE_SECONDS, MS_PER_SECOND};
use crate::problem::Code;
use crate::reply::Reply;
use crate::route::{Route, Target};
use crate::session;
use crate::time::{UnixMillis, UnixSeconds};
use crate::token;
use crate::usage::{Counted, Outcome};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// What is sent upstream, and what the answer is made into.
#[derive(Debug)]
pub struct Onward<'a> {
    /// Where it is sent.
    pub url: String,
    /// Headers removed from the request, beside those that begin with [`super::OWN_HEADER_PREFIX`].
    pub remove: Vec<&'a str>,
    /// Headers set on the request.
    pub set: Vec<(&'static str, String)>,
    /// Milliseconds to the first byte of the answer.
    pub timeout_ms: u32,
    credential_header: Option<&'a str>,
    route: &'a Route,
    request_origin: Option<&'a str>,
    /// Headers that the caller gets beside the upstream's.
    caller: Vec<(&'static str, String)>,
    /// What is to be counted of it.
    pub counted: Option<Counted>,
}

impl<'a> Onward<'a> {
    /// Names of the upstream's headers that [`Onward::edits`] looks at.
    pub const UPSTREAM_HEADER_NAMES: &'static str = "vary\ncache-control\naccess-control-expose-headers";

    /// A request on an anonymous route.
    pub(super) fn anonymous(route: &'a Route, target: &Target<'a>, facts: &RequestFacts<'a>) -> Self {
        let counted = Some(Counted::of_nobody(Outcome::Anonymous));
        Self { counted, ..Self::preflight(route, target, None, facts) }
    }

    /// A preflight to an anonymous route. `credential` is one that is not looked at, only cut out: it may carry the token of
    /// the request that it asks for.
    pub(super) fn preflight(
        route: &'a Route,
        target: &Target<'a>,
        credential: Option<&Credential<'a>>,
        facts: &RequestFacts<'a>,
    ) -> Self {
        let mut onward = Self::of(route, target, credential, facts);
        onward.set.push(("Wayleave-Anonymous", "1".to_owned()));
        onward
    }

    /// A request that the gate admitted.
    pub(super) fn admitted(
        route: &'a Route,
        target: &Target<'a>,
        credential: &Credential<'a>,
        admission: Admission,
        facts: &RequestFacts<'a>,
        now: UnixMillis,
    ) -> Self {
        let policy = admission.policy();
        let mut onward = Self::of(route, target, Some(credential), facts);
        onward.set.push(("Wayleave-Token-Id", format!("tok_{}", admission.serial().0)));
        onward.set.push(("Wayleave-Family", policy.family.as_str().to_owned()));
        onward.set.push(("Wayleave-Audience", route.audience().to_owned()));
        // Printable ASCII, as the admin API takes no other.
        onward.set.extend(policy.external_id.iter().map(|id| ("Wayleave-External-Id", id.clone())));
        onward.caller = end_notices(admission.ends_at(), policy.ends_at.is_some(), now);
        onward.counted = Some(counting::admitted(admission));
        onward
    }

    fn of(
        route: &'a Route,
        target: &Target<'a>,
        credential: Option<&Credential<'a>>,
        facts: &RequestFacts<'a>,
    ) -> Self {
        let query = match (target.query, credential) {
            (Some(query), Some(credential)) => credential.strip_query(query),
            (query, _) => query.map(Cow::Borrowed),
        };
        let timeout_ms = i64::from(route.timeout_seconds()).saturating_mul(MS_PER_SECOND);
        let credential_header = credential.and_then(Credential::header_to_strip);
        let mut remove: Vec<_> = credential_header.into_iter().collect();
        let mut set: Vec<_> =
            referer_without_token(facts).into_iter().map(|referer| ("Referer", referer)).collect();
        // Cookies know no ports: on one machine the console's reaches whatever else listens there.
        match facts.headers.get("cookie").and_then(session::without_session) {
            Some(others) if others.is_empty() => remove.push("cookie"),
            others => set.extend(others.map(|others| ("Cookie", others))),
        }
        Self {
            url: route.upstream_url(target, query.as_deref()),
            remove,
            set,
            credential_header,
            timeout_ms: u32::try_from(timeout_ms).unwrap_or(u32::MAX),
            route,
            request_origin: facts.headers.get("origin"),
            caller: Vec::new(),
            counted: None,
        }
    }

    /// The problem when the upstream sends no answer, or none in time.
    #[must_use]
    pub fn failed(&self, code: Code, facts: &RequestFacts<'_>) -> Reply {
        refusal(code, Some(self.route), facts)
    }

    /// What the upstream's answer is made into. `headers` holds [`Onward::UPSTREAM_HEADER_NAMES`].
    #[must_use]
    pub fn edits<'h>(&'h self, headers: &Headers<'h>) -> HeaderEdits<'h> {
        let upstream = UpstreamHeaders {
            vary: headers.get("vary"),
            cache_control: headers.get("cache-control"),
            expose_headers: headers.get("access-control-expose-headers"),
        };
        let mut edits = cors::admitted(self.route, self.request_origin, self.credential_header, &upstream);
        edits.set.extend(self.caller.iter().map(|(name, value)| (*name, Cow::Borrowed(value.as_str()))));
        edits
    }
}

/// A page that was itself fetched with `?token=…` names that URL in the `Referer` of what it loads. `None` when there
/// is nothing to cut; else the referrer without its query.
fn referer_without_token(facts: &RequestFacts<'_>) -> Option<String> {
    let (page, query) = facts.headers.get("referer")?.split_once('?')?;
    let decoded = percent_decode_str(query).decode_utf8_lossy();
    decoded.contains(token::PREFIX).then(|| page.to_owned())
}

/// When the token ends, told to the caller in band.
fn end_notices(ends_at: UnixSeconds, ended_early: bool, now: UnixMillis) -> Vec<(&'static str, String)> {
    let mut notices = vec![("Wayleave-Token-Expires", ends_at.to_rfc3339())];
    let notice_from = ends_at.plus_seconds(-EXPIRY_NOTICE_SECONDS);
    if ended_early || now.floor_seconds() >= notice_from {
        // RFC 9745 section 2.1: a structured-field date, and section 4: not later than the sunset.
        let UnixSeconds(deprecated_at) = notice_from.min(now.floor_seconds());
        notices.push(("Deprecation", format!("@{deprecated_at}")));
        notices.push(("Sunset", ends_at.to_http_date()));
    }
    notices
}
