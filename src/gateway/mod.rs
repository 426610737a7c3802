//! The gateway's pure half: what a request is, what must be awaited for it, and what then happens to it.
//!
//! Standards: DESIGN sections 3 (order), 6 (CORS) and 7 (HTTP contract); RFC 6750.
//! The flow: [`receive`] reads route, credential and token without any IO, so that garbage costs nothing; a [`Guarded`]
//! request then waits for list and record, and [`Guarded::decide`] is the one synchronous decision, after the last
//! await; an [`Onward`] says what is sent upstream and [`Onward::edits`] what becomes of the answer.
//! Invariants: a request that presents a credential is never anonymous, a preflight apart (its upstream answers, and the
//! credential is cut out); a refused one never becomes an [`Onward`]; the
//! token and the caller's own `Wayleave-*` never reach the upstream.
//! What it must not know: Workers, IO, clocks.
//! What a mistake costs: a false accept for every token, or an API that is down.

mod counting;
mod handout;
mod onward;
#[cfg(test)]
mod tests;

pub use handout::{FamilyFact, Handout, HandoutOutcome};
pub use onward::Onward;

use crate::config::Config;
use crate::cors::{self, HeaderEdits, Preflight};
use crate::credential::Credential;
use crate::family::FamilyId;
use crate::freshness::ListHolder;
use crate::gate::{self, Admission, Asked, RecordFact, Unfit};
use crate::headers::Headers;
use crate::origin::OriginEvidence;
use crate::problem::{self, Code};
use crate::rate::{ClientAddress, Fact, Question, Standing};
use crate::reply::Reply;
use crate::route::{Resolved, Route, RouteFault, Target};
use crate::time::UnixMillis;
use crate::token::{Serial, UnverifiedToken, VerifiedToken};
use crate::usage::Counted;
use crate::{admin, client, console, self_test};

/// Every header of ours begins so, in lower case; the caller's own are removed from every request.
pub const OWN_HEADER_PREFIX: &str = "wayleave-";

/// Headers that are read of every request, beside those that may hold the credential and the caller's address.
const HEADER_NAMES: [&str; 6] = [
    "origin",
    "referer",
    "sec-fetch-site",
    "access-control-request-method",
    "access-control-request-headers",
    "cookie",
];

/// What a request says, as read in one crossing.
#[derive(Clone, Debug)]
pub struct RequestFacts<'a> {
    /// The method, in capitals as sent.
    pub method: &'a str,
    /// The absolute URL.
    pub url: &'a str,
    /// The fields of [`header_names`].
    pub headers: Headers<'a>,
}

/// What a request turned out to be.
#[derive(Debug)]
pub enum Received<'a> {
    /// It is answered as it is.
    Reply(Reply),
    /// A request to the API behind that is refused as it is, and what is to be counted of it.
    Refused(Reply, Counted),
    /// An anonymous route, and no credential.
    Onward(Onward<'a>),
    /// A verified token: list and record are needed.
    Guarded(Guarded<'a>),
    /// `/_wayleave/health`: the list is needed.
    Health,
    /// A page asks for the token of a family: who names it, list and record are needed.
    Handout(Handout<'a>),
    /// A file of ours: `If-None-Match` is needed.
    File(&'static client::File),
    /// The admin API: path and query after `/_wayleave/api`.
    Admin {
        /// The path after `/_wayleave/api`.
        path: &'a str,
        /// The query, without its `?`.
        query: Option<&'a str>,
        /// `scheme://host[:port]` of the request.
        own_origin: &'a str,
    },
}

/// A request with a verified, unexpired token.
#[derive(Debug)]
pub struct Guarded<'a> {
    /// The token.
    pub token: VerifiedToken,
    evidence: OriginEvidence<'a>,
    purpose: Purpose<'a>,
}

#[derive(Debug)]
enum Purpose<'a> {
    Forward { route: &'a Route, target: Target<'a>, credential: Credential<'a> },
    SelfTest,
}

/// What became of a guarded request.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// Send it on, in this turn.
    Onward(Onward<'a>),
    /// Answer it.
    Reply(Reply),
    /// It was refused, and what is to be counted of it.
    Refused(Reply, Counted),
    /// Read the record at this version or a later one, and decide anew.
    NeedsRecord(u32),
    /// It would go on: have this counted, and decide anew.
    NeedsRate(Question),
}

/// The headers that [`receive`] looks at, lower case.
#[must_use]
pub fn header_names(config: &Config) -> Vec<&str> {
    let mut names: Vec<&str> = HEADER_NAMES.to_vec();
    names.extend(config.credential_sources.header_names().iter().map(String::as_str));
    if !config.rate_classes.is_empty() {
        names.push(&config.client_ip_header);
    }
    names
}

/// Reads a request as far as that goes without any IO.
#[must_use]
pub fn receive<'a>(config: &'a Config, facts: &RequestFacts<'a>, now: UnixMillis) -> Received<'a> {
    let resolved = match config.routes.resolve(facts.url) {
        Ok(resolved) => resolved,
        Err(fault) => return Received::Reply(refusal(route_problem(fault), None, facts)),
    };
    match resolved {
        Resolved::Reserved { path, query, own_origin } => {
            receive_own(config, facts, path, query, own_origin, now)
        }
        Resolved::Api { target, .. } if is_control_host(config, target.own_origin) => {
            Received::Reply(refusal(Code::RouteNotFound, None, facts))
        }
        Resolved::Api { route, target } => receive_api(config, facts, route, target, now),
    }
}

/// A problem that the page which asked may read. `route` is `None` where none was found.
#[must_use]
pub fn refusal(code: Code, route: Option<&Route>, facts: &RequestFacts<'_>) -> Reply {
    readable(Reply::problem(code), route, facts)
}

impl<'a> Guarded<'a> {
    /// What becomes of it when the facts could not be had however often they were read.
    #[must_use]
    pub fn undecided(&self, facts: &RequestFacts<'_>) -> Outcome<'a> {
        self.refused(Code::RevocationStatusUnknown, facts)
    }

    /// A refusal, which counts unless it is of a self-test.
    fn refused(&self, code: Code, facts: &RequestFacts<'_>) -> Outcome<'a> {
        match &self.purpose {
            Purpose::SelfTest => Outcome::Reply(refusal(code, None, facts)),
            Purpose::Forward { route, .. } => {
                let serial = self.token.claims().serial;
                Outcome::Refused(
                    refusal(code, Some(route), facts),
                    counting::refused(code, Some(serial), &self.evidence),
                )
            }
        }
    }

    /// The one synchronous decision. `now` must have been read after the last await.
    #[must_use]
    pub fn decide(
        &self,
        config: &Config,
        facts: &RequestFacts<'a>,
        lists: &ListHolder,
        record: &RecordFact,
        rate: &Fact,
        now: UnixMillis,
    ) -> Outcome<'a> {
        let (terms, on_unknown) = (&config.terms, config.on_unknown);
        match &self.purpose {
            Purpose::Forward { route, target, credential } => {
                let asked = Asked { audience: route.audience(), evidence: self.evidence };
                match gate::decide(self.token, lists, terms, on_unknown, record, &asked, now) {
                    Err(Unfit::NeedsRecord(version)) => Outcome::NeedsRecord(version),
                    Err(Unfit::Refused(code)) => self.refused(code, facts),
                    Ok(admission) => match rate_standing(config, facts, &admission, rate) {
                        Standing::Ask(question) => Outcome::NeedsRate(question),
                        Standing::Exceeded { retry_after_seconds } => {
                            self.refused(Code::RateLimited, facts).retried_after(retry_after_seconds)
                        }
                        Standing::Free => Outcome::Onward(Onward::admitted(
                            route, target, credential, admission, facts, now,
                        )),
                    },
                }
            }
            Purpose::SelfTest => {
                match gate::standing_record(self.token, lists, terms, on_unknown, record, now) {
                    Err(Unfit::NeedsRecord(version)) => Outcome::NeedsRecord(version),
                    Err(Unfit::Refused(code)) => self.refused(code, facts),
                    Ok(record) => {
                        let view = self_test::view(self.token, &record.record, &self.evidence, now);
                        Outcome::Reply(readable(Reply::json(200, &view), None, facts))
                    }
                }
            }
        }
    }
}

impl Outcome<'_> {
    /// The same refusal, which may be tried again so many seconds later.
    fn retried_after(mut self, seconds: u32) -> Self {
        if let Self::Reply(reply) | Self::Refused(reply, _) = &mut self {
            reply.set("Retry-After", seconds.to_string());
        }
        self
    }
}

/// Asked of what the gate has admitted alone: a request that is refused must not spend what a site may use.
fn rate_standing(config: &Config, facts: &RequestFacts<'_>, admission: &Admission, fact: &Fact) -> Standing {
    let client = ClientAddress::read(facts.headers.get(&config.client_ip_header));
    config.rate_classes.standing(admission.policy().rate.as_ref(), admission.serial(), client, fact)
}

fn receive_own<'a>(
    config: &'a Config,
    facts: &RequestFacts<'a>,
    path: &'a str,
    query: Option<&'a str>,
    own_origin: &'a str,
    now: UnixMillis,
) -> Received<'a> {
    let below_api = path.strip_prefix("/api").filter(|rest| rest.is_empty() || rest.starts_with('/'));
    if let Some(path) = below_api {
        let elsewhere = !config.control_hosts.is_empty() && !is_control_host(config, own_origin);
        if elsewhere {
            return Received::Reply(Reply::problem(Code::NotFound));
        }
        return Received::Admin { path, query, own_origin };
    }
    if let Some(path) = path.strip_prefix("/console").filter(|rest| rest.is_empty() || rest.starts_with('/'))
    {
        return Received::Reply(receive_console(config, facts, path, own_origin));
    }
    let file = client::File::at(path);
    let family = path.strip_prefix("/families/").and_then(|rest| rest.strip_suffix("/token"));
    let known = file.is_some() || family.is_some() || ["/token", "/health", "/problems"].contains(&path);
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
        let evidence = evidence(facts, own_origin);
        return match FamilyId::parse(id, &config.check_keys.family) {
            Some(family) => Received::Handout(Handout { family, evidence }),
            None => Received::Reply(Handout::nothing(facts)),
        };
    }
    match path {
        "/health" => Received::Health,
        "/problems" => Received::Reply(readable(Reply::page(problem::page()), None, facts)),
        _ => receive_self_test(config, facts, query, own_origin, now),
    }
}

fn receive_console(config: &Config, facts: &RequestFacts<'_>, path: &str, own_origin: &str) -> Reply {
    match config.has_console(own_origin) {
        true => console::reply(facts.method, path),
        // Whoever opens it here is to learn why it is not.
        false if config.control_hosts.is_empty() => console::nowhere(),
        false => Reply::problem(Code::NotFound),
    }
}

fn receive_self_test<'a>(
    config: &'a Config,
    facts: &RequestFacts<'a>,
    query: Option<&'a str>,
    own_origin: &'a str,
    now: UnixMillis,
) -> Received<'a> {
    match verified(config, facts, query, now) {
        Err(Unverified { code, .. }) => Received::Reply(refusal(code, None, facts)),
        Ok(None) => Received::Reply(refusal(Code::TokenMissing, None, facts)),
        Ok(Some((token, _))) => Received::Guarded(Guarded {
            token,
            evidence: evidence(facts, own_origin),
            purpose: Purpose::SelfTest,
        }),
    }
}

fn receive_api<'a>(
    config: &'a Config,
    facts: &RequestFacts<'a>,
    route: &'a Route,
    target: Target<'a>,
    now: UnixMillis,
) -> Received<'a> {
    if let Some(preflight) = preflight(Some(route), facts) {
        return Received::Reply(preflight);
    }
    if is_preflight(facts) {
        // An anonymous route's upstream answers; a browser could not read a refusal of ours.
        return match config.credential_sources.find(|name| facts.headers.get(name), target.query) {
            Ok(credential) => Received::Onward(Onward::preflight(route, &target, credential.as_ref(), facts)),
            Err(_) => Received::Reply(refusal(Code::CredentialConflict, Some(route), facts)),
        };
    }
    let refused = |code, serial| {
        let evidence = evidence(facts, target.own_origin);
        Received::Refused(refusal(code, Some(route), facts), counting::refused(code, serial, &evidence))
    };
    match verified(config, facts, target.query, now) {
        Err(Unverified { code, serial }) => refused(code, serial),
        Ok(None) if route.is_anonymous() => Received::Onward(Onward::anonymous(route, &target, facts)),
        Ok(None) => refused(Code::TokenMissing, None),
        Ok(Some((token, credential))) => {
            let evidence = evidence(facts, target.own_origin);
            let purpose = Purpose::Forward { route, target, credential };
            Received::Guarded(Guarded { token, evidence, purpose })
        }
    }
}

/// Why a request has no token that could be looked at further.
struct Unverified {
    code: Code,
    /// Of a token whose tag verified.
    serial: Option<Serial>,
}

impl From<Code> for Unverified {
    fn from(code: Code) -> Self {
        Self { code, serial: None }
    }
}

/// Credential to verified, unexpired token: nothing here reads a store.
fn verified<'a>(
    config: &'a Config,
    facts: &RequestFacts<'a>,
    query: Option<&'a str>,
    now: UnixMillis,
) -> Result<Option<(VerifiedToken, Credential<'a>)>, Unverified> {
    let found = config.credential_sources.find(|name| facts.headers.get(name), query);
    let Some(credential) = found.map_err(|_| Code::CredentialConflict)? else {
        return Ok(None);
    };
    let unverified = UnverifiedToken::parse(credential.text()).map_err(|_| Code::TokenMalformed)?;
    let token = unverified.verify(&config.ring).map_err(|_| Code::TokenInvalid)?;
    let claims = token.claims();
    if gate::has_expired(&claims, now) {
        return Err(Unverified { code: Code::TokenExpired, serial: Some(claims.serial) });
    }
    Ok(Some((token, credential)))
}

/// The answer to a preflight; `None` when the request is none, or the upstream is to answer it.
fn preflight(route: Option<&Route>, facts: &RequestFacts<'_>) -> Option<Reply> {
    if !is_preflight(facts) {
        return None;
    }
    let method = facts.headers.get("access-control-request-method");
    let headers = facts.headers.get("access-control-request-headers");
    let asked = Preflight { origin: facts.headers.get("origin"), method, headers };
    Some(edited(Reply::empty(204), cors::preflight(route, &asked)?))
}

fn is_preflight(facts: &RequestFacts<'_>) -> bool {
    cors::is_preflight(facts.method, facts.headers.get("access-control-request-method"))
}

fn readable(reply: Reply, route: Option<&Route>, facts: &RequestFacts<'_>) -> Reply {
    edited(reply, cors::refused(route, facts.headers.get("origin")))
}

fn edited(mut reply: Reply, edits: HeaderEdits<'_>) -> Reply {
    for (name, value) in edits.set {
        reply.set(name, value.into_owned());
    }
    reply
}

fn evidence<'a>(facts: &RequestFacts<'a>, own_origin: &'a str) -> OriginEvidence<'a> {
    OriginEvidence {
        origin: facts.headers.get("origin"),
        referer: facts.headers.get("referer"),
        sec_fetch_site: facts.headers.get("sec-fetch-site"),
        own_origin,
    }
}

fn is_control_host(config: &Config, own_origin: &str) -> bool {
    config.control_hosts.iter().any(|host| host.serves_origin(own_origin))
}

fn route_problem(fault: RouteFault) -> Code {
    match fault {
        RouteFault::InvalidPath => Code::InvalidRequest,
        RouteFault::NotFound => Code::RouteNotFound,
    }
}

/// Where the admin API lies; asserted here because [`receive`] strips the same path.
const _: () = assert!(matches!(admin::API_PATH.as_bytes(), b"/_wayleave/api"));
