//! What is sent upstream for a request that was admitted.
//!
//! Standards: docs/http.md, "What the upstream gets".
//! Invariants: the upstream never receives the token, a console session, or a header of the caller's that it
//! could take for the gateway's (`withheld.rs`). It receives every other byte of path and query as sent.
//! What it must not know: how a request is decided, Workers.
//! What a mistake costs: the token leaks into an upstream's log, or an upstream trusts a name that the caller
//! chose.

use crate::base::time::UnixMillis;
use crate::edge::answer::AnswerEditing;
use crate::edge::counting;
use crate::edge::credential::{Credential, PROTOCOLS_HEADER};
use crate::edge::decide::Admission;
use crate::edge::rate::client_address;
use crate::edge::request_facts::RequestFacts;
use crate::edge::route::{Route, Target};
use crate::edge::settings::EdgeSettings;
use crate::edge::withheld::ForwardedHeaders;
use crate::formats::scope::ScopeMode;
use crate::formats::session;
use crate::formats::token;
use crate::formats::usage::counted::Counted;
use crate::formats::usage::outcome::Outcome;
use crate::http::cors::RequestingPage;
use crate::limits::MS_PER_SECOND;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// The request to send upstream, and what is needed to edit the answer.
#[derive(Debug)]
pub struct Onward<'a> {
    /// The absolute URL at the upstream.
    pub url: String,
    /// Which of the caller's headers `withheld.rs` removes, in addition to `remove`.
    pub forwarded_headers: ForwardedHeaders,
    /// Names of headers to remove from the request.
    pub remove: Vec<&'a str>,
    /// Headers to set on the request: name and value.
    pub set: Vec<(&'static str, Cow<'a, str>)>,
    /// Time-out in milliseconds until the answer's headers arrive.
    pub timeout_ms: u32,
    /// What to count for this request. `None` when nothing is counted.
    pub counted: Option<Counted>,
    /// How the answer is edited.
    pub answer: AnswerEditing<'a>,
}

/// The parts of a request that every kind of forwarding needs.
#[derive(Clone, Copy)]
pub(crate) struct Sent<'a, 'f> {
    pub(crate) settings: &'a EdgeSettings,
    pub(crate) route: &'a Route,
    pub(crate) target: Target<'a>,
    pub(crate) facts: &'f RequestFacts<'a>,
}

impl<'a> Onward<'a> {
    /// A request on an anonymous route.
    pub(crate) fn anonymous(sent: Sent<'a, '_>) -> Self {
        let counted = Some(Counted::of_nobody(Outcome::Anonymous));
        Self { counted, ..Self::preflight(sent, None) }
    }

    /// A preflight to an anonymous route. `credential` is not verified, only removed: it may be the token of
    /// the request that the preflight announces.
    pub(crate) fn preflight(sent: Sent<'a, '_>, credential: Option<&Credential<'a>>) -> Self {
        let mut onward = Self::of(sent, credential, false);
        onward.set.push(("Wayleave-Anonymous", Cow::Borrowed("1")));
        onward
    }

    /// A request that the gate admitted.
    pub(crate) fn admitted(
        sent: Sent<'a, '_>,
        credential: &Credential<'a>,
        admission: Admission,
        now: UnixMillis,
    ) -> Self {
        let policy = admission.policy();
        let mut onward = Self::of(sent, Some(credential), admission.is_named());
        onward.set.push(("Wayleave-Token-Id", format!("tok_{}", admission.serial().0).into()));
        onward.set.push(("Wayleave-Family", policy.family.as_str().to_owned().into()));
        onward.set.push(("Wayleave-Audience", sent.route.audience().into()));
        // Safe as a header value: the admin API accepts only printable ASCII here.
        onward.set.extend(policy.external_id.iter().map(|id| ("Wayleave-External-Id", id.clone().into())));
        onward.set.extend(
            policy.claims.iter().map(|claims| ("Wayleave-Claims", claims.header().to_owned().into())),
        );
        let is_compared = !policy.scope.is_empty() || !sent.route.scope().is_empty();
        if is_compared && policy.scope_mode == ScopeMode::Enforce {
            onward.withhold_second_paths(sent.facts.method);
        }
        onward.answer.announce(admission.ends_at(), policy, now);
        onward.counted = Some(counting::admitted(admission));
        onward
    }

    /// Removes what names another path or method than those that were compared with a scope.
    fn withhold_second_paths(&mut self, method: &str) {
        // Every other route withholds them of every request.
        if self.forwarded_headers == ForwardedHeaders::Pass {
            self.forwarded_headers = ForwardedHeaders::PassWithScope;
            self.remove.extend(names_second_path(method).then_some(DESTINATION));
        }
    }

    fn of(sent: Sent<'a, '_>, credential: Option<&Credential<'a>>, is_named: bool) -> Self {
        let Sent { settings, route, target, facts } = sent;
        let query = match (target.query, credential) {
            (Some(query), Some(credential)) => credential.strip_query(query),
            (query, _) => query.map(Cow::Borrowed),
        };
        let timeout_ms = i64::from(route.timeout_seconds()).saturating_mul(MS_PER_SECOND);
        let credential_header = credential.and_then(Credential::header_to_strip);
        let mut remove: Vec<_> = credential_header.into_iter().collect();
        if facts.method != "GET" {
            // A handshake is a GET (RFC 6455 section 4.1). The platform would make one of any method: a
            // request that nobody judged.
            remove.push("upgrade");
        }
        let mut set: Vec<(&'static str, Cow<'a, str>)> = Vec::with_capacity(SET_HEADERS);
        match referer_without_token(facts) {
            Some("") => remove.push("referer"),
            referer => set.extend(referer.map(|referer| ("Referer", Cow::Borrowed(referer)))),
        }
        // Cookies ignore ports: the console's cookie reaches every other server on the same host name.
        match facts.headers.get("cookie").and_then(session::without_session) {
            Some(others) if others.is_empty() => remove.push("cookie"),
            others => set.extend(others.map(|others| ("Cookie", others.into()))),
        }
        match credential.and_then(|credential| credential.strip_protocols(&facts.headers)) {
            Some(Some(protocols)) => set.push(("Sec-WebSocket-Protocol", protocols.into())),
            Some(None) => remove.push(PROTOCOLS_HEADER),
            None => {}
        }
        if route.forwarded_headers() == ForwardedHeaders::Replace {
            set_where_from(settings, &target, facts, &mut remove, &mut set);
        }
        let page = RequestingPage { is_named, ..facts.unnamed_page() };
        let credential_headers = settings.sources(Some(route)).header_names();
        Self {
            url: route.upstream_url(&target, query.as_deref()),
            forwarded_headers: route.forwarded_headers(),
            remove,
            set,
            timeout_ms: u32::try_from(timeout_ms).unwrap_or(u32::MAX),
            counted: None,
            answer: AnswerEditing::to(route, target, credential_headers, credential, page),
        }
    }
}

/// Sets true values in place of the headers that `withheld.rs` removes: where the request was sent, how, and
/// from which address. The address is set only where it is known. If the proxy in front failed to set its
/// header, that header is removed with the others.
fn set_where_from<'a>(
    settings: &'a EdgeSettings,
    target: &Target<'a>,
    facts: &RequestFacts<'a>,
    remove: &mut Vec<&'a str>,
    set: &mut Vec<(&'static str, Cow<'a, str>)>,
) {
    if let Some((scheme, host)) = target.own_origin.split_once("://") {
        set.push(("X-Forwarded-Host", host.into()));
        set.push(("X-Forwarded-Proto", scheme.into()));
    }
    let header = settings.client_ip_header.as_str();
    match client_address(facts.headers.get(header)) {
        Some(address) => {
            let address = address.to_string();
            // Cloudflare derives the CF-Connecting-IP of a request within the zone from X-Real-IP.
            if header != X_REAL_IP {
                set.push(("X-Real-IP", address.clone().into()));
            }
            set.push(("X-Forwarded-For", address.into()));
        }
        None if facts.headers.get(header).is_some() => remove.push(header),
        None => {}
    }
    remove.extend(names_second_path(facts.method).then_some(DESTINATION));
}

/// RFC 4918 sections 9.8 and 9.9: `Destination` names a second path, to which the upstream would write.
fn names_second_path(method: &str) -> bool {
    matches!(method, "COPY" | "MOVE")
}

/// The `Referer` without its query, where it holds a token. A page that was fetched with `?token=…` sends its
/// own URL as the `Referer` of everything it loads. Empty where a token stands elsewhere in it, which no
/// browser sends. `None` when there is nothing to remove.
fn referer_without_token<'a>(facts: &RequestFacts<'a>) -> Option<&'a str> {
    let referer = facts.headers.get("referer")?;
    let holds_token = |text: &str| {
        // Most hold none, and nothing that could be decoded to one.
        let decoded = || percent_decode_str(text).decode_utf8_lossy().contains(token::PREFIX);
        text.contains(token::PREFIX) || (text.contains('%') && decoded())
    };
    let page = referer.split(['?', '#']).next().unwrap_or_default();
    let shown = if holds_token(page) { "" } else { page };
    holds_token(referer).then_some(shown)
}

const DESTINATION: &str = "destination";
const X_REAL_IP: &str = "x-real-ip";
/// The most headers that are ever set on one request.
const SET_HEADERS: usize = 12;
