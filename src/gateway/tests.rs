//! A guarded request and its rate class: who is asked to count what, when, and that the decision is made anew after it.

#![allow(clippy::unwrap_used)] // a test that panics fails

use super::*;
use crate::family::FamilyId;
use crate::freshness::Found;
use crate::key::KeyId;
use crate::list::{Change, Delta, DeltaHead, Number, OpenedBase, OpenedDelta, Status};
use crate::origin::{MissingOrigin, OriginMode, OriginRules};
use crate::rate::ClassName;
use crate::record::{Record, VersionedRecord};
use crate::time::UnixSeconds;
use crate::token::Claims;
use crate::usage::Outcome as CountedOutcome;
use std::rc::Rc;

const NOW: UnixMillis = UnixMillis(1_800_000_012_000);
const SITE: &str = "https://app.example.com";

fn config() -> Config {
    let secret = data_encoding::BASE64.encode(&[7; 32]);
    Config::read(|name| match name {
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
        key_id: KeyId(1),
        expires_at: claims().expires_at,
        family: FamilyId::mint([1; 13], &config.check_keys.family),
        ends_at: None,
        audiences: vec!["default".to_owned()],
        origins: OriginRules::parse(&serde_json::json!([SITE]), &[]).unwrap(),
        origin_mode: OriginMode::Enforce,
        missing_origin: MissingOrigin::Refuse,
        rate: ClassName::parse(class),
        external_id: None,
        watched: false,
        distribute: false,
        successor: None,
        planned_end: None,
    };
    RecordFact::Known(Rc::new(VersionedRecord { version: 1, sealed_by: KeyId(1), record }))
}

/// A list of now on which the token has `status`.
fn lists(config: &Config, status: Status) -> ListHolder {
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
    lists.refresh(&config.terms, NOW, 1).take(&mut lists, Found::Copy(Ok(opened)), NOW);
    lists
}

/// What becomes of a request from `origin` with a token of the class `class` and this status, of which `fact` was counted.
fn decided(config: &Config, origin: &str, class: &str, status: Status, fact: &Fact) -> Seen {
    let bearer = format!("Bearer {}", claims().mint(&config.ring).unwrap());
    let names = header_names(config).join("\n");
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
        method: "GET",
        url: "https://gateway.example/weather",
        headers: Headers::read(&names, &lines),
    };
    let Received::Guarded(guarded) = receive(config, &facts, NOW) else { panic!("not guarded") };
    match guarded.decide(config, &facts, &lists(config, status), &record(config, class), fact, NOW) {
        Outcome::Onward(_) => Seen::Onward,
        Outcome::NeedsRate(question) => Seen::Asked(question),
        Outcome::Refused(reply, counted) => Seen::Refused(reply, counted),
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
    match decided(config, SITE, "page", Status::Good, &Fact::NotCounted) {
        Seen::Asked(question) => question,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_would_be_admitted_is_counted_for_its_address_and_then_goes_on() {
    let config = config();
    let question = asked(&config);
    assert_eq!(question.limits().first().unwrap().key, "page tok_7 192.0.2.1");
    assert!(matches!(decided(&config, SITE, "page", Status::Good, &question.within()), Seen::Onward));
}

#[test]
fn above_the_limit_it_is_refused_until_the_period_ends_and_counted_as_that() {
    let config = config();
    let exceeded = asked(&config).exceeded(NOW);
    let Seen::Refused(reply, counted) = decided(&config, SITE, "page", Status::Good, &exceeded) else {
        panic!("not refused")
    };
    assert_eq!((reply.status, reply.header("Retry-After")), (429, Some("8")));
    assert_eq!(reply.header("Access-Control-Allow-Origin"), Some(SITE), "the page can read why");
    assert_eq!((counted.serial, counted.outcome), (Some(Serial(7)), CountedOutcome::RateLimited));
}

#[test]
fn what_is_refused_spends_nothing() {
    let config = config();
    let status = |origin, status| match decided(&config, origin, "page", status, &Fact::NotCounted) {
        Seen::Refused(reply, _) => reply.status,
        other => panic!("{other:?}"),
    };
    assert_eq!(status("https://elsewhere.example", Status::Good), 403);
    assert_eq!(status(SITE, Status::Revoked), 401);
}

#[test]
fn what_was_revoked_while_it_was_counted_is_refused() {
    let config = config();
    let within = asked(&config).within();
    let Seen::Refused(reply, _) = decided(&config, SITE, "page", Status::Revoked, &within) else {
        panic!("admitted")
    };
    assert_eq!(reply.status, 401);
}

#[test]
fn a_token_without_a_class_or_of_one_that_was_dropped_is_not_limited() {
    let config = config();
    for class in ["", "dropped"] {
        let seen = decided(&config, SITE, class, Status::Good, &Fact::NotCounted);
        assert!(matches!(seen, Seen::Onward), "{class}: {seen:?}");
    }
}
