//! Header vectors: what is sent upstream, and how the answer is edited. They are written by hand in
//! tests/vectors/headers.json and run here against the core. tests/workerd/header_vectors.test.mjs sends the
//! same rows through the real gateway.

#![cfg(test)] // so clippy takes all of it for a test

use base64::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::rc::Rc;
use wayleave::base::headers::Headers;
use wayleave::base::time::{UnixMillis, UnixSeconds};
use wayleave::config::Config;
use wayleave::edge::decide::RecordFact;
use wayleave::edge::forward::Onward;
use wayleave::edge::freshness::{Fetched, ListHolder};
use wayleave::edge::rate::Fact;
use wayleave::edge::receive::{GuardedOutcome, Received, header_names, receive};
use wayleave::edge::request_facts::RequestFacts;
use wayleave::edge::withheld::{
    FORWARDED_NAMES, FORWARDED_STEMS, ForwardedHeaders, OWN_STEMS, SECOND_PATHS_AND_METHODS,
    SECOND_PATHS_OF_STEMS,
};
use wayleave::formats::family::FamilyId;
use wayleave::formats::key::KeyId;
use wayleave::formats::list::{Delta, DeltaHead, Number, OpenedBase, OpenedDelta};
use wayleave::formats::origin::{MissingOrigin, OriginMode, OriginRules};
use wayleave::formats::record::{Record, VersionedRecord};
use wayleave::formats::scope::{Scope, ScopeMode};
use wayleave::formats::session;
use wayleave::formats::token::{Claims, Serial};
use wayleave::formats::upstream_claims::UpstreamClaims;

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
const PUBLIC: &str = "https://gw.example";
const UPSTREAM_HOST: &str = "u.example:8080";

/// The fields of a message: for each lower-case name, the values of its lines.
type Fields = BTreeMap<String, Vec<String>>;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/headers.json")).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn config(vectors: &Value, route: &Value) -> Config {
    let secret = BASE64_STANDARD.encode([7; 32]);
    let mut route = route.clone();
    let fields = route.as_object_mut().unwrap();
    let path = fields.remove("upstream_path").unwrap_or(json!(""));
    fields.insert("upstream".to_owned(), json!(format!("http://{UPSTREAM_HOST}{}", text(&path))));
    let routes = json!([route]).to_string();
    Config::read(|name| match name {
        "DEPLOYMENT" => Some("test".to_owned()),
        "ROUTES" => Some(routes.clone()),
        "CLIENT_IP_HEADER" => Some(text(&vectors["client_ip_header"]).to_owned()),
        "SIGNING_KEYS" => Some(format!("{{\"1\":\"{secret}\"}}")),
        "CHECK_SECRET" => Some(secret.clone()),
        _ => None,
    })
    .unwrap()
}

fn claims() -> Claims {
    Claims { key_id: KeyId(1), serial: Serial(7), expires_at: UnixSeconds(NOW.floor_seconds().0 + 3_600) }
}

/// The record of a token for the vectors' site, or for any site; with claims, where the kind says so.
fn record(config: &Config, kind: &str, vectors: &Value) -> RecordFact {
    let rules = if kind == "any" { json!("any") } else { json!([vectors["site"]]) };
    let told = (kind == "claims").then(|| UpstreamClaims::of(&vectors["claims"]).unwrap());
    let record = Record {
        key_id: KeyId(1),
        expires_at: claims().expires_at,
        family: FamilyId::mint([1; 13], &config.check_keys.family),
        ends_at: None,
        audiences: vec!["default".to_owned(), "cookies".to_owned()],
        origins: OriginRules::parse(&rules, &[]).unwrap(),
        origin_mode: OriginMode::Enforce,
        missing_origin: MissingOrigin::Refuse,
        rate: None,
        external_id: None,
        watched: false,
        distribute: false,
        successor: None,
        planned_end: None,
        scope: Scope::default(),
        scope_mode: ScopeMode::Enforce,
        claims: told,
    };
    RecordFact::Known(Rc::new(VersionedRecord { version: 1, sealed_by: KeyId(1), record }))
}

fn lists(config: &Config) -> ListHolder {
    let empty = OpenedBase::empty(1);
    let head = DeltaHead {
        number: Number { epoch: 1, n: 1 },
        this_update: NOW,
        next_update: NOW.plus_ms(60_000),
        base: empty.base.number(),
        base_sha256: empty.sha256,
        since: 0,
        since_sha256: empty.sha256,
        changed: 1,
        highest_serial: Serial(9),
    };
    let opened = OpenedDelta { delta: Delta::new(head, [], []), sealed_by: KeyId(1) };
    let mut lists = ListHolder::default();
    lists.refresh(&config.edge.terms, NOW, 1).take(&mut lists, Fetched::Copy(Ok(opened)), NOW);
    lists
}

/// The values of the placeholders in the vectors.
struct Filled<'a> {
    site: &'a str,
    token: &'a str,
}

impl Filled<'_> {
    fn text(&self, text: &str) -> String {
        let (scheme, host) = PUBLIC.split_once("://").unwrap();
        let upstream = format!("http://{UPSTREAM_HOST}");
        let places = [
            ("{public}", PUBLIC),
            ("{scheme}", scheme),
            ("{host}", host),
            ("{upstream}", &upstream),
            ("{upstream_host}", UPSTREAM_HOST),
            ("{upstream_name}", UPSTREAM_HOST.split(':').next().unwrap()),
            ("{site}", self.site),
            ("{token}", self.token),
        ];
        places.iter().fold(text.to_owned(), |text, (place, with)| text.replace(place, with))
    }

    fn fields(&self, pairs: &Value) -> Fields {
        let mut fields = Fields::new();
        for pair in pairs.as_array().into_iter().flatten() {
            let (name, value) = (text(&pair[0]).to_ascii_lowercase(), self.text(text(&pair[1])));
            // White space around a value is not part of it (RFC 9110 section 5.5).
            fields.entry(name).or_default().push(value.trim().to_owned());
        }
        fields
    }

    /// Asserts that `fields` are those that `expected` names.
    fn assert(&self, name: &str, fields: &Fields, expected: &Value) {
        for (field, value) in expected.as_object().into_iter().flatten() {
            let got = fields.get(field);
            match value {
                Value::Null => assert_eq!(got, None, "{name}: {field}"),
                Value::String(any) if any == "*" => assert!(got.is_some(), "{name}: {field}"),
                Value::String(value) => {
                    let got = got.map(|values| values.join(", "));
                    assert_eq!(got, Some(self.text(value)), "{name}: {field}");
                }
                Value::Array(values) => {
                    let values: Vec<_> = values.iter().map(|value| self.text(text(value))).collect();
                    assert_eq!(got, Some(&values), "{name}: {field}");
                }
                _ => panic!("{name}: {field}"),
            }
        }
    }
}

/// An independent implementation of the rule for withheld headers. The gateway's is in `crossing.js`.
fn is_withheld(name: &str, policy: ForwardedHeaders, client_ip_header: &str) -> bool {
    let read = name.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let is_forwarded = FORWARDED_STEMS.iter().any(|stem| read.starts_with(stem))
        || FORWARDED_NAMES.contains(&read.as_str())
        || read == client_ip_header;
    let is_trusted = name.eq_ignore_ascii_case(client_ip_header);
    let is_own = OWN_STEMS.iter().any(|stem| read.starts_with(stem));
    let is_second = SECOND_PATHS_AND_METHODS.iter().chain(&SECOND_PATHS_OF_STEMS).any(|name| *name == read);
    is_own
        || (policy == ForwardedHeaders::Replace && is_forwarded && !is_trusted)
        || (policy == ForwardedHeaders::PassWithScope && is_second)
}

fn lines_of(names: &str, fields: &Fields) -> String {
    let line = |name: &str| fields.get(name).map(|values| format!("={}", values.join(", ")));
    names.split('\n').map(|name| line(name).unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn sent(onward: &Onward<'_>, request: &Fields, client_ip_header: &str) -> Fields {
    let mut fields = request.clone();
    fields.retain(|name, _| !is_withheld(name, onward.forwarded_headers, client_ip_header));
    for name in &onward.remove {
        fields.remove(&name.to_ascii_lowercase());
    }
    for (name, value) in &onward.set {
        fields.insert(name.to_ascii_lowercase(), vec![value.to_string()]);
    }
    fields
}

fn answered(onward: &Onward<'_>, status: u16, answer: &Fields) -> Fields {
    let names = onward.answer.upstream_header_names();
    let lines = lines_of(names, answer);
    let edits = onward.answer.edits(&onward.url, status, &Headers::read(names, &lines));
    let mut fields = answer.clone();
    for name in edits.remove {
        fields.remove(&name.to_ascii_lowercase());
    }
    for (name, value) in edits.set {
        fields.insert(name.to_ascii_lowercase(), vec![value.into_owned()]);
    }
    for (name, value) in onward.answer.notices() {
        fields.insert(name.to_ascii_lowercase(), vec![value.to_owned()]);
    }
    if edits.cuts_session_cookie {
        let cookies = session::without_set_session(&fields["set-cookie"].join("\n"));
        fields.insert("set-cookie".to_owned(), cookies.split('\n').map(str::to_owned).collect());
    }
    fields
}

#[test]
fn every_row_of_the_vectors_is_what_the_core_does() {
    let vectors = vectors();
    let (site, client_ip_header) = (text(&vectors["site"]), text(&vectors["client_ip_header"]));
    for row in vectors["rows"].as_array().unwrap() {
        let name = text(&row["name"]);
        let config = config(&vectors, &row["route"]);
        let token = claims().mint(&config.edge.ring).unwrap();
        let filled = Filled { site, token: &token };
        let request = filled.fields(&row["request"]["headers"]);
        let names = header_names(&config.edge).join("\n");
        let lines = lines_of(&names, &request);
        let url = format!("{PUBLIC}{}", filled.text(text(&row["request"]["target"])));
        let facts = RequestFacts {
            method: row["request"]["method"].as_str().unwrap_or("GET"),
            url: &url,
            headers: Headers::read(&names, &lines),
            token_headers: "",
        };
        let onward = match receive(&config.edge, &facts, NOW) {
            Received::Onward(onward) => onward,
            Received::Guarded(guarded) => {
                let record = record(&config, text(&row["token"]), &vectors);
                match guarded.decide(&config.edge, &facts, &lists(&config), &record, &Fact::NotCounted, NOW) {
                    GuardedOutcome::Onward(onward) => onward,
                    other => panic!("{name}: {other:?}"),
                }
            }
            other => panic!("{name}: {other:?}"),
        };
        let expected = &row["upstream_gets"];
        if let Some(target) = expected["target"].as_str() {
            assert_eq!(onward.url, format!("http://{UPSTREAM_HOST}{target}"), "{name}");
        }
        filled.assert(name, &sent(&onward, &request, client_ip_header), &expected["headers"]);
        let status = u16::try_from(row["answer"]["status"].as_u64().unwrap_or(200)).unwrap();
        let answer = filled.fields(&row["answer"]["headers"]);
        filled.assert(name, &answered(&onward, status, &answer), &row["caller_gets"]);
    }
}

#[test]
fn the_names_that_are_withheld_are_those_of_the_code() {
    let vectors = vectors();
    let withheld = &vectors["withheld"];
    assert_eq!(withheld["own_stems"], json!(OWN_STEMS));
    assert_eq!(withheld["stems"], json!(FORWARDED_STEMS));
    assert_eq!(withheld["names"], json!(FORWARDED_NAMES.as_slice()));
    for (list, expected) in [("taken", true), ("passed", false)] {
        for name in withheld[list].as_array().unwrap() {
            let name = text(name);
            let client_ip_header = text(&vectors["client_ip_header"]);
            assert_eq!(is_withheld(name, ForwardedHeaders::Replace, client_ip_header), expected, "{name}");
        }
    }
}
