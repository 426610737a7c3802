//! A deployment for the tests, and helpers to build requests.

use serde_json::Value;
use wayleave::base::time::{UnixMillis, UnixSeconds};
use wayleave::control::admin::{AdminProblem, AdminRequest, Context, Parsed, RequestBody, parse};
use wayleave::control::registry::command::{AdminCall, Command};
use wayleave::formats::admin_key::AdminKey;
use wayleave::formats::key::{CheckKeys, KeyId, KeyRing};
use wayleave::formats::rate_class::RateClasses;
use wayleave::formats::token::{Claims, Serial};
use zeroize::Zeroizing;

pub(crate) const NOW: UnixMillis = UnixMillis(1_795_312_984_000);

pub(crate) struct Deployment {
    pub check_keys: CheckKeys,
    pub ring: KeyRing,
    pub app_schemes: Vec<String>,
    pub audiences: Vec<String>,
    pub rate_classes: RateClasses,
    pub bearer: String,
}

pub(crate) fn deployment() -> Deployment {
    let check_keys = CheckKeys::derive(&[1; 32], "test");
    let key = AdminKey::mint([2; 24], &check_keys);
    Deployment {
        bearer: format!("Bearer {}", key.as_str()),
        check_keys,
        ring: KeyRing::derive(&[(KeyId(1), Zeroizing::new(vec![3; 32]))], "test"),
        app_schemes: vec!["capacitor".to_owned()],
        audiences: vec!["weather".to_owned()],
        rate_classes: RateClasses::parse(r#"{"page":{"requests":300,"per_seconds":60}}"#, |_| false).unwrap(),
    }
}

impl Deployment {
    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            check_keys: &self.check_keys,
            key_ring: &self.ring,
            configured_key: None,
            app_schemes: &self.app_schemes,
            audiences: &self.audiences,
            rate_classes: &self.rate_classes,
            max_token_lifetime_seconds: 63_072_000,
            own_origin: "https://gateway.example",
            configuration: "{}",
            keeps_refusals: true,
            has_sessions: true,
            now: NOW,
        }
    }

    pub(crate) fn request<'a>(&'a self, method: &'a str, path: &'a str, body: &'a [u8]) -> AdminRequest<'a> {
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        };
        AdminRequest {
            method,
            path,
            query,
            authorization: Some(&self.bearer),
            cookie: None,
            origin: Some("https://gateway.example"),
            sec_fetch_site: None,
            content_type: (!body.is_empty()).then_some("application/json"),
            if_match: None,
            idempotency_key: None,
            body: RequestBody::Bytes(body),
        }
    }

    pub(crate) fn parse(&self, request: &AdminRequest<'_>) -> Result<Parsed, AdminProblem> {
        parse(request, &self.context())
    }

    pub(crate) fn call(&self, method: &str, path: &str, body: &str) -> Result<AdminCall, AdminProblem> {
        let path = format!("/_wayleave/api{path}");
        match self.parse(&self.request(method, &path, body.as_bytes()))? {
            Parsed::Ask(call, _) => Ok(*call),
            Parsed::Answered(response) => panic!("answered without the registry: {response:?}"),
        }
    }

    pub(crate) fn command(&self, method: &str, path: &str, body: &str) -> Command {
        self.call(method, path, body).unwrap().command
    }

    pub(crate) fn problem(&self, method: &str, path: &str, body: &str) -> AdminProblem {
        self.call(method, path, body).unwrap_err()
    }

    pub(crate) fn token(&self, serial: u32) -> String {
        let claims =
            Claims { key_id: KeyId(1), serial: Serial(serial), expires_at: UnixSeconds(1_900_000_000) };
        claims.mint(&self.ring).unwrap()
    }
}

/// The faults as `field: code`, in the order of the answer.
pub(crate) fn faults(problem: &AdminProblem) -> Vec<String> {
    problem.errors.iter().map(|fault| format!("{}: {}", fault.field, fault.code)).collect()
}

pub(crate) fn status(problem: AdminProblem) -> u16 {
    problem.into_reply().status
}

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}
