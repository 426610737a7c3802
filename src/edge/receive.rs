//! The pure half of the gateway: it reads a request, says what must be fetched for it, and decides.
//!
//! Standards: docs/http.md, "The decision", "CORS"; RFC 6750.
//!
//! The flow:
//! 1. [`receive`] reads route, credential and token without any IO, so that garbage reaches no store.
//! 2. A [`Guarded`] request needs the list and the record, which the caller awaits.
//! 3. [`Guarded::decide`] is the one synchronous decision, made after the last await.
//! 4. An [`Onward`] says what is sent upstream, and how the upstream's answer is edited.
//!
//! Invariants:
//! - A request that presents a credential is never treated as anonymous. The exception is a preflight to an
//!   anonymous route: its upstream answers, and the credential is removed first.
//! - A refused request never becomes an [`Onward`].
//! - The upstream receives neither the token nor any header of the caller's that it could take for the
//!   gateway's.
//!
//! What it must not know: Workers, IO, clocks.
//! What a mistake costs: a token is accepted that must be refused, or an API is down.

#[cfg(test)]
mod tests;

use super::counting;
use super::forward::Onward;
use super::forward::Sent;
use super::handout::Handout;
use super::presented::{Unverified, verified};
use super::refusal::{edited, readable, refusal, refusal_to};
use super::request_facts::RequestFacts;
use super::settings::EdgeSettings;
use crate::base::headers::Headers;
use crate::base::time::UnixMillis;
use crate::client;
use crate::edge::credential::{Credential, CredentialSources};
use crate::edge::decide as gate;
use crate::edge::decide::{Admission, Asked, RecordFact, Unfit};
use crate::edge::freshness::ListHolder;
use crate::edge::plane;
use crate::edge::rate::{ClientAddress, Fact, Question, RateStanding};
use crate::edge::route::{PathFault, Resolved, Route, RouteFault, Target};
use crate::edge::self_test;
use crate::formats::family::FamilyId;
use crate::formats::origin::{Origin, OriginEvidence};
use crate::formats::record::VersionedRecord;
use crate::formats::token;
use crate::formats::token::VerifiedToken;
use crate::formats::usage::counted::Counted;
use crate::http::cors;
use crate::http::cors::{Preflight, RequestingPage};
use crate::http::paths::{self, API_PATH, CONSOLE_PATH, below};
use crate::http::problem;
use crate::http::problem::{Code, Problem, Reason};
use crate::http::reply::Reply;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::rc::Rc;

/// The headers read of every request, besides those that may hold the credential and the caller's address.
const HEADER_NAMES: [&str; 6] = [
    "origin",
    "referer",
    "sec-fetch-site",
    "access-control-request-method",
    "access-control-request-headers",
    "cookie",
];

/// The prefix of every public token. A header that contains it may have to be kept from the upstream.
pub const TOKEN_PREFIX: &str = token::PREFIX;

/// How a request is handled, as far as that can be said without IO.
#[derive(Debug)]
pub enum Received<'a> {
    /// The answer is known already.
    Reply(Reply),
    /// The request to an API is refused. Send this answer and count the refusal.
    Refused(Reply, Counted),
    /// Send the request upstream: its route is anonymous and it carries no credential.
    Onward(Onward<'a>),
    /// The token is verified. The decision needs the list and the record.
    Guarded(Guarded<'a>),
    /// `/_wayleave/health`. The answer needs the list.
    Health,
    /// A page asks for the current token of a family. The answer needs the family's token, the list and the
    /// record.
    Handout(Handout<'a>),
    /// A file of the client library. The answer needs the header `If-None-Match`.
    File(&'static client::File),
    /// A request to the admin API, which needs its body.
    Admin {
        /// The path after [`API_PATH`].
        path: &'a str,
        /// The query, without its `?`.
        query: Option<&'a str>,
        /// `scheme://host[:port]` of the request.
        own_origin: &'a str,
    },
    /// A request to the console. The path after [`CONSOLE_PATH`].
    Console(&'a str),
    /// A request to the console where only the admin API is served. The answer explains that to whoever opens
    /// the console here.
    ConsoleElsewhere,
}

/// A request with a verified, unexpired token.
#[derive(Debug)]
pub struct Guarded<'a> {
    pub token: VerifiedToken,
    evidence: OriginEvidence<'a>,
    kind: GuardedKind<'a>,
    /// Whether refusals are kept for the tail.
    keeps_refusals: bool,
}

#[derive(Debug)]
enum GuardedKind<'a> {
    Forward { route: &'a Route, target: Target<'a>, credential: Credential<'a> },
    SelfTest,
}

/// The result of a decision on a guarded request.
#[derive(Debug)]
pub enum GuardedOutcome<'a> {
    /// Send the request upstream, without an await before it.
    Onward(Onward<'a>),
    /// Send this answer. Nothing is counted.
    Reply(Reply),
    /// Send this refusal and count it.
    Refused(Reply, Counted),
    /// Read the record at this version or a later one, then decide again.
    NeedsRecord(u32),
    /// The request would be admitted. Have it counted against its rate limit, then decide again.
    NeedsRate(Question),
}

/// The headers that [`receive`] reads, in lower case, each once.
#[must_use]
pub fn header_names(settings: &EdgeSettings) -> Vec<&str> {
    let mut names: Vec<&str> = HEADER_NAMES.to_vec();
    let of_routes = settings.routes.iter().filter_map(Route::credential_sources);
    let sources = [&settings.credential_sources].into_iter().chain(of_routes);
    names.extend(sources.flat_map(CredentialSources::header_names).map(String::as_str));
    names.push(&settings.client_ip_header);
    names.extend(settings.client_scheme_header.as_deref());
    // A name listed twice would make one credential look like two.
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(*name));
    names
}

/// The URL that the caller used. It differs from the platform's only in its scheme, where a proxy in front
/// ended TLS.
#[must_use]
pub fn url_as_called<'u>(settings: &EdgeSettings, url: &'u str, headers: &Headers<'_>) -> Cow<'u, str> {
    let header = settings.client_scheme_header.as_deref();
    plane::url_as_called(url, header.and_then(|name| headers.get(name)))
}

/// Reads a request as far as possible without IO.
#[must_use]
pub fn receive<'a>(settings: &'a EdgeSettings, facts: &RequestFacts<'a>, now: UnixMillis) -> Received<'a> {
    let resolved = match settings.routes.resolve(facts.url) {
        Ok(resolved) => resolved,
        Err(fault) => return Received::Reply(refusal(route_problem(fault), None, facts)),
    };
    match resolved {
        Resolved::Reserved { path, query, own_origin } => {
            receive_own(settings, facts, path, query, own_origin, now)
        }
        Resolved::Api { target, .. } if !settings.has_apis(target.own_origin) => {
            Received::Reply(refusal(Code::RouteNotFound, None, facts))
        }
        Resolved::Api { route, target } => receive_api(settings, facts, route, target, now),
    }
}

impl<'a> Guarded<'a> {
    /// The outcome when the facts could not be obtained in as many reads as are allowed.
    #[must_use]
    pub fn undecided(&self, facts: &RequestFacts<'_>) -> GuardedOutcome<'a> {
        self.refused(Code::RevocationStatusUnknown, facts, &RecordFact::Unavailable)
    }

    /// A refusal. It is counted unless the request is a self-test. A page that sent cookies can read it where
    /// the given record names its origin.
    fn refused(
        &self,
        problem: impl Into<Problem>,
        facts: &RequestFacts<'_>,
        record: &RecordFact,
    ) -> GuardedOutcome<'a> {
        let problem = problem.into();
        match &self.kind {
            GuardedKind::SelfTest => GuardedOutcome::Reply(refusal(problem, None, facts)),
            GuardedKind::Forward { route, target, .. } => {
                let serial = self.token.claims().serial;
                let kept = self.keeps_refusals.then_some((facts.method, target.path));
                let is_named = route.allows_credentials() && gate::names_origin(record, &self.evidence);
                GuardedOutcome::Refused(
                    refusal_to(problem, Some(route), RequestingPage { is_named, ..facts.unnamed_page() }),
                    counting::refused(problem.code(), Some(serial), &self.evidence, kept),
                )
            }
        }
    }

    /// The record of a token that the gate would not refuse for itself.
    fn tested(&self, known: &gate::Known<'_>) -> Result<Rc<VersionedRecord>, Unfit> {
        let gate::InForce { record, used_up_until } = gate::record_in_force(self.token, known)?;
        gate::may_be_used(used_up_until, known.now)?;
        Ok(record)
    }

    /// Makes the one synchronous decision. `now` must have been read after the last await.
    #[must_use]
    pub fn decide(
        &self,
        settings: &'a EdgeSettings,
        facts: &RequestFacts<'a>,
        lists: &ListHolder,
        record: &RecordFact,
        rate: &Fact,
        now: UnixMillis,
    ) -> GuardedOutcome<'a> {
        let known = settings.known(lists, record, now);
        match &self.kind {
            GuardedKind::Forward { route, target, credential } => {
                let (audience, credentials) = (route.audience(), route.allows_credentials());
                let asked = Asked {
                    audience,
                    credentials,
                    evidence: self.evidence,
                    method: facts.method,
                    path: target.path,
                    default_scope: route.scope(),
                };
                match gate::decide(self.token, &known, &asked) {
                    Err(Unfit::NeedsRecord(version)) => GuardedOutcome::NeedsRecord(version),
                    Err(Unfit::Refused(problem)) => self.refused(problem, facts, record),
                    Err(Unfit::QuotaExceeded { retry_after_seconds }) => {
                        self.refused(Code::QuotaExceeded, facts, record).retried_after(retry_after_seconds)
                    }
                    Ok(admission) => match rate_standing(settings, facts, &admission, rate) {
                        RateStanding::Ask(question) => GuardedOutcome::NeedsRate(question),
                        RateStanding::Exceeded { retry_after_seconds } => {
                            self.refused(Code::RateLimited, facts, record).retried_after(retry_after_seconds)
                        }
                        RateStanding::Free => {
                            let sent = Sent { settings, route, target: *target, facts };
                            GuardedOutcome::Onward(Onward::admitted(sent, credential, admission, now))
                        }
                    },
                }
            }
            GuardedKind::SelfTest => match self.tested(&known) {
                Err(Unfit::NeedsRecord(version)) => GuardedOutcome::NeedsRecord(version),
                Err(Unfit::Refused(problem)) => self.refused(problem, facts, record),
                Err(Unfit::QuotaExceeded { retry_after_seconds }) => {
                    self.refused(Code::QuotaExceeded, facts, record).retried_after(retry_after_seconds)
                }
                Ok(record) => {
                    let view = self_test::view(self.token, &record.record, &self.evidence, now);
                    GuardedOutcome::Reply(readable(Reply::json(200, &view), None, facts))
                }
            },
        }
    }
}

impl GuardedOutcome<'_> {
    /// The same refusal with `Retry-After` set to this number of seconds.
    fn retried_after(mut self, seconds: u32) -> Self {
        if let Self::Reply(reply) | Self::Refused(reply, _) = &mut self {
            reply.set("Retry-After", seconds.to_string());
        }
        self
    }
}

/// The state of the token's rate limit. It is asked only for requests that the gate admitted: a refused
/// request must not use up a site's quota.
fn rate_standing(
    settings: &EdgeSettings,
    facts: &RequestFacts<'_>,
    admission: &Admission,
    fact: &Fact,
) -> RateStanding {
    let client = ClientAddress::read(facts.headers.get(&settings.client_ip_header));
    settings.rate_classes.standing(admission.policy().rate.as_ref(), admission.serial(), client, fact)
}

fn receive_own<'a>(
    settings: &'a EdgeSettings,
    facts: &RequestFacts<'a>,
    path: &'a str,
    query: Option<&'a str>,
    own_origin: &'a str,
    now: UnixMillis,
) -> Received<'a> {
    if let Some(path) = below(path, API) {
        return match settings.has_admin_api(own_origin) {
            true => Received::Admin { path, query, own_origin },
            false => Received::Reply(Reply::problem(Code::NotFound)),
        };
    }
    if let Some(path) = below(path, CONSOLE) {
        return match settings.has_console(own_origin) {
            true => Received::Console(path),
            false if settings.has_admin_api(own_origin) => Received::ConsoleElsewhere,
            false => Received::Reply(Reply::problem(Code::NotFound)),
        };
    }
    let file = client::File::at(path);
    let family = path.strip_prefix("/families/").and_then(|rest| rest.strip_suffix("/token"));
    let is_for_pages = file.is_some() || family.is_some();
    // The self-test is offered to operators too: they use it to measure how long a revocation takes, on the
    // host where they make tokens.
    let known = match is_for_pages {
        true => settings.plane.has_data(),
        false => ["/token", "/health", "/problems"].contains(&path),
    };
    if !known {
        return Received::Reply(refusal(Code::NotFound, None, facts));
    }
    if let Some(preflight) = preflight(None, facts) {
        return Received::Reply(preflight);
    }
    if !matches!(facts.method, "GET" | "HEAD") {
        return Received::Reply(refusal(Code::MethodNotAllowed, None, facts).with("Allow", "GET, HEAD"));
    }
    if let Some(file) = file {
        return Received::File(file);
    }
    if let Some(id) = family {
        let evidence = facts.evidence(own_origin);
        return match FamilyId::parse(id, &settings.family_key) {
            Some(family) => Received::Handout(Handout { family, evidence }),
            None => Received::Reply(Handout::nothing(facts)),
        };
    }
    match path {
        "/health" => Received::Health,
        "/problems" => Received::Reply(readable(Reply::page(problem::page()), None, facts)),
        _ => receive_self_test(settings, facts, query, own_origin, now),
    }
}

fn receive_self_test<'a>(
    settings: &'a EdgeSettings,
    facts: &RequestFacts<'a>,
    query: Option<&'a str>,
    own_origin: &'a str,
    now: UnixMillis,
) -> Received<'a> {
    match verified(settings, None, facts, query, now) {
        Err(unverified) => Received::Reply(readable(unverified.reply(), None, facts)),
        Ok(None) => Received::Reply(refusal(Code::TokenMissing, None, facts)),
        Ok(Some((token, _))) => Received::Guarded(Guarded {
            token,
            evidence: facts.evidence(own_origin),
            kind: GuardedKind::SelfTest,
            keeps_refusals: false,
        }),
    }
}

fn receive_api<'a>(
    settings: &'a EdgeSettings,
    facts: &RequestFacts<'a>,
    route: &'a Route,
    target: Target<'a>,
    now: UnixMillis,
) -> Received<'a> {
    if let Some(preflight) = preflight(Some(route), facts) {
        return Received::Reply(preflight);
    }
    let sent = Sent { settings, route, target, facts };
    let refused = |unverified: Unverified| {
        let Unverified { problem, serial, .. } = unverified;
        let kept = settings.keeps_refusals.then_some((facts.method, target.path));
        let counted = counting::refused(problem.code(), serial, &facts.evidence(target.own_origin), kept);
        Received::Refused(readable(unverified.reply(), Some(route), facts), counted)
    };
    if is_preflight(facts) {
        // The upstream of an anonymous route answers its preflights: a browser could not read a refusal of
        // the gateway.
        return match settings.sources(Some(route)).find(&facts.carriers(target.query)) {
            Ok(credential) => Received::Onward(Onward::preflight(sent, credential.as_ref())),
            Err(fault) => Received::Reply(readable(Unverified::of(&fault).reply(), Some(route), facts)),
        };
    }
    match verified(settings, Some(route), facts, target.query, now) {
        Err(unverified) => refused(unverified),
        Ok(None) if route.is_anonymous() => Received::Onward(Onward::anonymous(sent)),
        Ok(None) => refused(Code::TokenMissing.into()),
        Ok(Some((token, credential))) => {
            let evidence = facts.evidence(target.own_origin);
            let kind = GuardedKind::Forward { route, target, credential };
            Received::Guarded(Guarded { token, evidence, kind, keeps_refusals: settings.keeps_refusals })
        }
    }
}

/// The answer to a preflight. `None` when the request is not a preflight, or when the upstream answers it.
fn preflight(route: Option<&Route>, facts: &RequestFacts<'_>) -> Option<Reply> {
    if !is_preflight(facts) {
        return None;
    }
    let method = facts.headers.get("access-control-request-method");
    let headers = facts.headers.get("access-control-request-headers");
    let origin = facts.headers.get("origin");
    let takes_cookies = route.is_some_and(Route::allows_credentials);
    let can_be_named = takes_cookies && origin.is_some_and(Origin::can_be_named);
    let asked = Preflight { origin, can_be_named, method, headers };
    Some(edited(Reply::empty(204), cors::preflight(route.map(Route::cors), &asked)?))
}

fn is_preflight(facts: &RequestFacts<'_>) -> bool {
    cors::is_preflight(facts.method, facts.headers.get("access-control-request-method"))
}

fn route_problem(fault: RouteFault) -> Problem {
    let reason = match fault {
        RouteFault::NotFound => return Code::RouteNotFound.into(),
        RouteFault::Unreadable(PathFault::Host) => Reason::HostUnreadable,
        RouteFault::Unreadable(PathFault::ControlCharacter) => Reason::ControlCharacter,
        RouteFault::Unreadable(PathFault::Backslash) => Reason::Backslash,
        RouteFault::Unreadable(PathFault::DotSegment) => Reason::DotSegment,
        RouteFault::Unreadable(PathFault::EncodedRepeatedly) => Reason::EncodedRepeatedly,
        RouteFault::Unreadable(PathFault::TooManyReadings) => Reason::TooManyReadings,
        RouteFault::Unreadable(PathFault::Reserved) => Reason::ReservedPath,
        RouteFault::Unreadable(PathFault::EncodedSeparator) => Reason::EncodedSeparator,
        RouteFault::Unreadable(PathFault::TwoRoutes) => Reason::PathOfTwoRoutes,
    };
    reason.into()
}

const API: &str = paths::after_reserved(API_PATH);
const CONSOLE: &str = paths::after_reserved(CONSOLE_PATH);
