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
use crate::record::Record;
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
        onward.caller = end_notices(admission.ends_at(), policy, now);
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

/// When the token ends, told to the caller in band. An end that an operator set or a rotation planned is announced from the
/// start; the one that was signed 30 days before, and not where a successor is there: the page that carries it may need
/// nothing but to be loaded again. A planned end that has passed is held.
fn end_notices(ends_at: UnixSeconds, policy: &Record, now: UnixMillis) -> Vec<(&'static str, String)> {
    let planned_end = policy.planned_end.filter(|at| *at > now).map(UnixMillis::floor_seconds);
    let ends_at = planned_end.map_or(ends_at, |at| at.min(ends_at));
    let mut notices = vec![("Wayleave-Token-Expires", ends_at.to_rfc3339())];
    let notice_from = ends_at.plus_seconds(-EXPIRY_NOTICE_SECONDS);
    let is_early = policy.ends_at.is_some() || planned_end.is_some();
    if is_early || (policy.successor.is_none() && now.floor_seconds() >= notice_from) {
        // RFC 9745 section 2.1: a structured-field date, and section 4: not later than the sunset.
        let UnixSeconds(deprecated_at) = notice_from.min(now.floor_seconds());
        notices.push(("Deprecation", format!("@{deprecated_at}")));
        notices.push(("Sunset", ends_at.to_http_date()));
    }
    notices
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::FamilyId;
    use crate::key::{KeyId, TagKey};
    use crate::limits::SECONDS_PER_DAY;
    use crate::origin::{MissingOrigin, OriginMode, OriginRules};
    use crate::token::Serial;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_500);

    fn days(days: i64) -> UnixSeconds {
        NOW.floor_seconds().plus_seconds(days * SECONDS_PER_DAY)
    }

    /// A record of a token that ends in so many days.
    fn record(expires_in_days: i64) -> Record {
        Record {
            key_id: KeyId(1),
            expires_at: days(expires_in_days),
            family: FamilyId::mint([1; 13], &TagKey::derive(&[2; 32], "d", "family")),
            ends_at: None,
            audiences: vec!["api".to_owned()],
            origins: OriginRules::Any,
            origin_mode: OriginMode::Enforce,
            missing_origin: MissingOrigin::Refuse,
            rate: None,
            external_id: None,
            watched: false,
            distribute: false,
            successor: None,
            planned_end: None,
        }
    }

    /// When the caller is told that the token ends, and whether that is announced.
    fn told(policy: &Record) -> (UnixSeconds, bool) {
        let ends_at = policy.ends_at.map_or(policy.expires_at, UnixMillis::floor_seconds);
        let notices = end_notices(ends_at, policy, NOW);
        let value =
            |name: &str| notices.iter().find(|(given, _)| *given == name).map(|(_, value)| value.clone());
        let told = crate::time::parse_rfc3339(&value("Wayleave-Token-Expires").unwrap()).unwrap();
        let sunset = value("Sunset");
        if let Some(sunset) = &sunset {
            assert_eq!(sunset, &told.to_http_date());
        }
        assert_eq!(value("Deprecation").is_some(), sunset.is_some());
        (told, sunset.is_some())
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
            assert_eq!(told(&policy), (days(expected.0), expected.1), "{what}");
        }
    }
}
