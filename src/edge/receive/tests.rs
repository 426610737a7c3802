//! Guarded requests with a rate class: which are counted, against which limit, and that the decision is made
//! again once the count is known. Guarded requests on a route with a scope.

use super::*;
use crate::base::time::UnixSeconds;
use crate::config::Config;
use crate::control::console;
use crate::edge::freshness::Fetched;
use crate::formats::family::FamilyId;
use crate::formats::key::KeyId;
use crate::formats::list::{Change, Delta, DeltaHead, Number, OpenedBase, OpenedDelta, SerialStatus};
use crate::formats::origin::OriginRules;
use crate::formats::rate_class::ClassName;
use crate::formats::record::{Record, VersionedRecord};
use crate::formats::token::{Claims, Serial};
use crate::formats::usage::outcome::Outcome;
use base64::prelude::*;
use std::rc::Rc;

const NOW: UnixMillis = UnixMillis(1_800_000_012_000);
const SITE: &str = "https://app.example.com";

fn config() -> Config {
    config_with(&[])
}

fn config_with(changes: &[(&str, &str)]) -> Config {
    let secret = BASE64_STANDARD.encode([7; 32]);
    Config::read(|name| match name {
        name if changes.iter().any(|(changed, _)| *changed == name) => {
            changes.iter().find(|(changed, _)| *changed == name).map(|(_, value)| (*value).to_owned())
        }
        "DEPLOYMENT" => Some("test".to_owned()),
        "UPSTREAM" => Some("https://upstream.example".to_owned()),
        "SIGNING_KEYS" => Some(format!("{{\"1\":\"{secret}\"}}")),
        "CHECK_SECRET" => Some(secret.clone()),
        "RATES" => Some(r#"{"page":{"requests":2,"per_seconds":10}}"#.to_owned()),
        _ => None,
    })
    .unwrap()
}

fn claims() -> Claims {
    Claims { key_id: KeyId(1), serial: Serial(7), expires_at: UnixSeconds(NOW.floor_seconds().0 + 3_600) }
}

fn record(config: &Config, class: &str) -> RecordFact {
    let record = Record {
        family: FamilyId::mint([1; 13], &config.check_keys.family),
        origins: OriginRules::parse(&serde_json::json!([SITE]), &[]).unwrap(),
        rate: ClassName::parse(class),
        ..Record::of_test(claims().expires_at)
    };
    RecordFact::Known(Rc::new(VersionedRecord { version: 1, sealed_by: KeyId(1), record }))
}

/// A current list on which the token has `status`.
fn lists(config: &Config, status: SerialStatus) -> ListHolder {
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
    let changes = [Change { serial: Serial(7), status, version: 1 }];
    let opened = OpenedDelta { delta: Delta::new(head, changes, []), sealed_by: KeyId(1) };
    let mut lists = ListHolder::default();
    lists.refresh(&config.edge.terms, NOW, 1).take(&mut lists, Fetched::Copy(Ok(opened)), NOW);
    lists
}

/// The outcome for a request from `origin` with a token of this class and status, when the count said `fact`.
fn decided(config: &Config, origin: &str, class: &str, status: SerialStatus, fact: &Fact) -> Seen {
    decided_by("GET", config, origin, class, status, fact)
}

fn decided_by(
    method: &str,
    config: &Config,
    origin: &str,
    class: &str,
    status: SerialStatus,
    fact: &Fact,
) -> Seen {
    let bearer = format!("Bearer {}", claims().mint(&config.edge.ring).unwrap());
    let names = header_names(&config.edge).join("\n");
    let lines: Vec<String> = names
        .split('\n')
        .map(|name| match name {
            "origin" => format!("={origin}"),
            "authorization" => format!("={bearer}"),
            "cf-connecting-ip" => "=192.0.2.1".to_owned(),
            _ => String::new(),
        })
        .collect();
    let lines = lines.join("\n");
    let facts = RequestFacts {
        method,
        url: "https://gateway.example/weather",
        headers: Headers::read(&names, &lines),
        token_headers: "",
    };
    let Received::Guarded(guarded) = receive(&config.edge, &facts, NOW) else { panic!("not guarded") };
    match guarded.decide(&config.edge, &facts, &lists(config, status), &record(config, class), fact, NOW) {
        GuardedOutcome::Onward(_) => Seen::Onward,
        GuardedOutcome::NeedsRate(question) => Seen::Asked(question),
        GuardedOutcome::Refused(reply, counted) => Seen::Refused(reply, counted),
        other => panic!("{other:?}"),
    }
}

#[derive(Debug)]
enum Seen {
    Onward,
    Asked(Question),
    Refused(Reply, Counted),
}

fn asked(config: &Config) -> Question {
    match decided(config, SITE, "page", SerialStatus::Good, &Fact::NotCounted) {
        Seen::Asked(question) => question,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_would_be_admitted_is_counted_for_its_address_and_then_goes_on() {
    let config = config();
    let question = asked(&config);
    assert_eq!(question.limits().first().unwrap().key, "page tok_7 192.0.2.1");
    assert!(matches!(decided(&config, SITE, "page", SerialStatus::Good, &question.within()), Seen::Onward));
}

#[test]
fn above_the_limit_it_is_refused_until_the_period_ends_and_counted_as_that() {
    let config = config();
    let exceeded = asked(&config).exceeded(NOW);
    let Seen::Refused(reply, counted) = decided(&config, SITE, "page", SerialStatus::Good, &exceeded) else {
        panic!("not refused")
    };
    assert_eq!((reply.status, reply.header("Retry-After")), (429, Some("8")));
    assert_eq!(reply.header("Access-Control-Allow-Origin"), Some(SITE), "the page can read why");
    assert_eq!((counted.serial, counted.outcome), (Some(Serial(7)), Outcome::RateLimited));
}

#[test]
fn what_is_refused_spends_nothing() {
    let config = config();
    let status = |origin, status| match decided(&config, origin, "page", status, &Fact::NotCounted) {
        Seen::Refused(reply, _) => reply.status,
        other => panic!("{other:?}"),
    };
    assert_eq!(status("https://elsewhere.example", SerialStatus::Good), 403);
    assert_eq!(status(SITE, SerialStatus::Revoked), 401);
}

#[test]
fn what_was_revoked_while_it_was_counted_is_refused() {
    let config = config();
    let within = asked(&config).within();
    let Seen::Refused(reply, _) = decided(&config, SITE, "page", SerialStatus::Revoked, &within) else {
        panic!("admitted")
    };
    assert_eq!(reply.status, 401);
}

#[test]
fn a_token_without_a_class_or_of_one_that_was_dropped_is_not_limited() {
    let config = config();
    for class in ["", "dropped"] {
        let seen = decided(&config, SITE, class, SerialStatus::Good, &Fact::NotCounted);
        assert!(matches!(seen, Seen::Onward), "{class}: {seen:?}");
    }
}

fn of_scope() -> Config {
    let routes = r#"[{"upstream": "https://upstream.example", "methods": ["GET"]}]"#;
    config_with(&[("UPSTREAM", ""), ("ROUTES", routes)])
}

/// The refusal says that the scope does not suffice, and nothing of what would.
#[test]
fn out_of_the_scope_it_is_refused_and_counted_as_that_and_spends_nothing() {
    let (config, fact) = (of_scope(), Fact::NotCounted);
    let seen = |method, origin| decided_by(method, &config, origin, "", SerialStatus::Good, &fact);
    assert!(matches!(seen("GET", SITE), Seen::Onward) && matches!(seen("HEAD", SITE), Seen::Onward));
    let Seen::Refused(reply, counted) = seen("POST", SITE) else { panic!("admitted") };
    let challenge = reply.header("WWW-Authenticate").unwrap();
    assert!(challenge.contains(r#"error="insufficient_scope""#) && !challenge.contains(", scope="));
    assert_eq!(reply.status, 403);
    assert!(!reply.body.as_deref().unwrap().contains("GET"));
    assert_eq!(reply.header("Access-Control-Allow-Origin"), Some(SITE), "the page can read why");
    assert_eq!((counted.serial, counted.outcome), (Some(Serial(7)), Outcome::ScopeMismatch));
    let Seen::Refused(reply, counted) = seen("POST", "https://elsewhere.example") else { panic!("admitted") };
    assert_eq!((reply.status, counted.outcome), (403, Outcome::OriginNotAllowed), "it learns no more");
    let limited = config_with(&[
        ("UPSTREAM", ""),
        ("ROUTES", r#"[{"upstream": "https://upstream.example", "methods": ["PUT"]}]"#),
    ]);
    let seen = decided(&limited, SITE, "page", SerialStatus::Good, &fact);
    assert!(matches!(seen, Seen::Refused(..)), "no question about its rate: {seen:?}");
}

/// A browser sends no token with it. It asks about the method of the request that follows.
#[test]
fn a_preflight_is_answered_for_the_method_that_it_asks_about_whatever_the_scope() {
    let config = of_scope();
    let names = header_names(&config.edge).join("\n");
    let preflight = |method: &str| {
        let lines = names.split('\n').map(|name| match name {
            "origin" => format!("={SITE}"),
            "access-control-request-method" if !method.is_empty() => format!("={method}"),
            _ => String::new(),
        });
        let lines = lines.collect::<Vec<_>>().join("\n");
        let headers = Headers::read(&names, &lines);
        let url = "https://gateway.example/weather";
        match receive(&config.edge, &RequestFacts { method: "OPTIONS", url, headers, token_headers: "" }, NOW)
        {
            Received::Reply(reply) | Received::Refused(reply, _) => reply,
            other => panic!("{other:?}"),
        }
    };
    for method in ["GET", "DELETE"] {
        let reply = preflight(method);
        assert_eq!((reply.status, reply.header("Access-Control-Allow-Methods")), (204, Some(method)));
    }
    assert_eq!(preflight("").status, 401, "another OPTIONS needs a token");
    let (fact, status) = (Fact::NotCounted, SerialStatus::Good);
    for method in ["DELETE", "OPTIONS"] {
        let seen = decided_by(method, &config, SITE, "", status, &fact);
        assert!(matches!(seen, Seen::Refused(..)), "{method}: {seen:?}");
    }
}

/// What `receive` returns for a GET without headers: a status, or what it needs next.
fn received(config: &Config, url: &str) -> String {
    let names = header_names(&config.edge).join("\n");
    let facts = RequestFacts { method: "GET", url, headers: Headers::read(&names, ""), token_headers: "" };
    match receive(&config.edge, &facts, NOW) {
        Received::Reply(reply) | Received::Refused(reply, _) => reply.status.to_string(),
        Received::Admin { .. } => "admin".to_owned(),
        Received::Console(path) => console::reply("GET", path).status.to_string(),
        Received::ConsoleElsewhere => console::nowhere().status.to_string(),
        Received::Health => "health".to_owned(),
        Received::File(_) => "file".to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_service_of_one_plane_answers_to_nothing_of_the_other() {
    let service = |plane| config_with(&[("PLANE", plane), ("CONTROL_HOSTS", "control.example:8788")]);
    let (both, data, control) = (service("both"), service("data"), service("control"));
    let family = "/_wayleave/families/fam_CqXCrfh5kpLSMjqNQ1w-MTt1Gvjj/token";
    for (host, path, by_both, by_data, by_control) in [
        ("control.example:8788", "/_wayleave/api/tokens", "admin", "404", "admin"),
        ("control.example:8788", "/_wayleave/api", "admin", "404", "admin"),
        ("control.example:8788", "/_wayleave/console/", "200", "404", "200"),
        ("control.example:8788", "/weather", "404", "404", "404"),
        ("api.example", "/_wayleave/api/tokens", "404", "404", "404"),
        ("api.example", "/_wayleave/console/", "404", "404", "404"),
        ("api.example", "/weather", "401", "401", "404"),
        ("api.example", "/_wayleave/token", "401", "401", "401"),
        ("api.example", "/_wayleave/client.js", "file", "file", "404"),
        ("api.example", family, "404", "404", "404"),
        ("api.example", "/_wayleave/health", "health", "health", "health"),
        ("api.example", "/_wayleave/problems", "200", "200", "200"),
    ] {
        let url = format!("http://{host}{path}");
        let seen = [&both, &data, &control].map(|config| received(config, &url));
        assert_eq!(seen, [by_both, by_data, by_control], "{url}");
    }
}

#[test]
fn without_control_hosts_a_service_of_one_plane_has_nothing_of_the_other_either() {
    let (data, control) = (config_with(&[("PLANE", "data")]), config_with(&[("PLANE", "control")]));
    for host in ["localhost", "127.0.0.1:8788", "api.example"] {
        for path in ["/_wayleave/api/tokens", "/_wayleave/console/"] {
            assert_eq!(received(&data, &format!("http://{host}{path}")), "404", "{host}{path}");
        }
        assert_eq!(received(&control, &format!("http://{host}/weather")), "404", "{host}");
    }
}

#[test]
fn a_page_behind_a_proxy_that_ended_tls_is_at_its_own_origin() {
    let config = config_with(&[("CLIENT_SCHEME_HEADER", "X-Forwarded-Proto")]);
    let names = header_names(&config.edge).join("\n");
    assert!(names.ends_with("\nx-forwarded-proto"));
    let url = "http://api.example/a";
    let called = |config: &Config, value: &str| {
        let lines = names.split('\n').map(|name| match name {
            "x-forwarded-proto" => format!("={value}"),
            _ => String::new(),
        });
        let lines = lines.collect::<Vec<_>>().join("\n");
        url_as_called(&config.edge, url, &Headers::read(&names, &lines)).into_owned()
    };
    assert_eq!(called(&config, "https"), "https://api.example/a");
    assert_eq!(called(&config, "http"), url);
    assert_eq!(called(&config, "https://evil.example/?"), url);
    assert_eq!(called(&config_with(&[]), "https"), url, "nobody said that a proxy is in front");
}

#[test]
fn every_header_that_a_route_looks_for_is_read_once() {
    let secret = BASE64_STANDARD.encode([7; 32]);
    let config = Config::read(|name| match name {
        "DEPLOYMENT" => Some("test".to_owned()),
        "ROUTES" => Some(
            concat!(
                r#"[{"upstream": "https://a.example", "credential_sources": "header:X-Key, header:X-Other"},
                {"upstream": "https://b.example", "path": "/b", "#,
                r#""credential_sources": "header:X-Other, query:key"}]"#
            )
            .to_owned(),
        ),
        "SIGNING_KEYS" => Some(format!("{{\"1\":\"{secret}\"}}")),
        "CHECK_SECRET" => Some(secret.clone()),
        "CREDENTIAL_SOURCES" => Some("bearer, header:X-Key".to_owned()),
        _ => None,
    })
    .unwrap();
    let names = header_names(&config.edge);
    for name in ["authorization", "x-api-key", "sec-websocket-protocol", "x-key", "x-other", "cookie"] {
        assert_eq!(names.iter().filter(|read| **read == name).count(), 1, "{name}");
    }
}
