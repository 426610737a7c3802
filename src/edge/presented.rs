//! From a request to its verified, unexpired token, or to the refusal. Nothing here reads a store.
//!
//! Standards: docs/http.md, "Credentials", "The decision"; RFC 6750 section 3.1.
//! Invariants: a request with a credential is never treated as anonymous, nor is one with a token in a place
//! where no credential is expected.
//! What it must not know: lists, records.
//! What a mistake costs: a request with a token is treated as anonymous and served without a decision.

use crate::base::time::UnixMillis;
use crate::edge::credential::{Credential, CredentialFault, FaultKind};
use crate::edge::decide as gate;
use crate::edge::request_facts::RequestFacts;
use crate::edge::route::Route;
use crate::edge::settings::EdgeSettings;
use crate::formats::token::{Serial, UnverifiedToken, VerifiedToken};
use crate::http::problem::{Code, Problem, Reason};
use crate::http::reply::Reply;
use serde_json::{Map, Value};

/// Why a request has no verified token.
pub(crate) struct Unverified {
    pub(crate) problem: Problem,
    /// The serial, when the token's tag verified.
    pub(crate) serial: Option<Serial>,
    /// Where credentials were found, when their place is the fault.
    places: Vec<String>,
}

impl<P: Into<Problem>> From<P> for Unverified {
    fn from(problem: P) -> Self {
        Self { problem: problem.into(), serial: None, places: Vec::new() }
    }
}

impl Unverified {
    pub(crate) fn of(fault: &CredentialFault<'_>) -> Self {
        let reason = match fault.kind {
            FaultKind::TwoPlaces => Reason::TwoPlaces,
            FaultKind::Twice => Reason::Twice,
            FaultKind::Misplaced => Reason::Misplaced,
        };
        Self { places: fault.places().collect(), ..reason.into() }
    }

    pub(crate) fn reply(&self) -> Reply {
        let places =
            (!self.places.is_empty()).then(|| ("places".to_owned(), Value::from(self.places.clone())));
        Reply::problem_with::<()>(self.problem, &[], &Map::from_iter(places))
    }
}

/// Verifies the token of a credential and its expiry.
pub(crate) fn verified<'a>(
    settings: &'a EdgeSettings,
    route: Option<&'a Route>,
    facts: &RequestFacts<'a>,
    query: Option<&'a str>,
    now: UnixMillis,
) -> Result<Option<(VerifiedToken, Credential<'a>)>, Unverified> {
    let found = settings.sources(route).find(&facts.carriers(query));
    let Some(credential) = found.map_err(|fault| Unverified::of(&fault))? else {
        return Ok(None);
    };
    if !credential.may_be_token() {
        return Err(Reason::AnotherKind.into());
    }
    let unverified = UnverifiedToken::parse(credential.text()).ok_or(Code::TokenMalformed)?;
    let token = unverified.verify(&settings.ring).ok_or(Code::TokenInvalid)?;
    let claims = token.claims();
    if gate::has_expired(&claims, now) {
        return Err(Unverified { serial: Some(claims.serial), ..Code::TokenExpired.into() });
    }
    Ok(Some((token, credential)))
}
