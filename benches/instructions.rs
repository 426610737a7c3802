//! The steps of a decision, each as a function of its own, for Callgrind to count its instructions
//! (`make instructions`). `instructions NAME` sets up what the step needs and makes it once. The figures that
//! are compared are in `benches/instructions.txt`.

// A bench that cannot go on stops, so it may unwrap.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that panics fails")]

#[path = "../tests/support/decisions.rs"]
mod decisions;
#[path = "../tests/support/population.rs"]
mod population;

use base64::prelude::*;
use decisions::{NO_SCOPE, NOW, asked, evidence, holder, record, terms, token_text};
use population::{Population, list, ring};
use std::hint::black_box;
use wayleave::base::headers::Headers;
use wayleave::config::Config;
use wayleave::edge::decide::{Admission, Known, OnUnknown, RecordFact, Unfit, decide};
use wayleave::edge::freshness::{ListHolder, Terms};
use wayleave::edge::orders;
use wayleave::edge::rate::Fact;
use wayleave::edge::receive::{GuardedOutcome, Received, header_names, receive};
use wayleave::edge::request_facts::RequestFacts;
use wayleave::formats::key::KeyRing;
use wayleave::formats::list::{RevocationList, SerialStatus};
use wayleave::formats::origin::{self, MissingOrigin, OriginDecision, OriginRules};
use wayleave::formats::token::{Serial, UnverifiedToken, VerifiedToken};

const SERIAL: u32 = 7_777;
const RULES: usize = 10;

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("verification") => drop(black_box(verification(&token_text(&ring(), SERIAL), &ring()))),
        Some("origin_decision") => drop(black_box(origin_decision(&rules()))),
        Some("look_up") => drop(black_box(look_up(&list(&issued().sealed_base(), &issued().sealed_delta())))),
        Some("decision") => drop(black_box(decision(&memory()))),
        Some("admitted") => drop(black_box(admitted(&site(), &fields(&token_text(&ring(), SERIAL))))),
        Some("refused") => drop(black_box(refused(&site(), &fields("wlp_garbage")))),
        _ => println!("verification\norigin_decision\nlook_up\ndecision\nadmitted\nrefused"),
    }
}

fn issued() -> Population {
    Population { issued: 10_000, revoked_percent: 10, edited_percent: 1 }
}

#[inline(never)]
fn verification(text: &str, ring: &KeyRing) -> Option<VerifiedToken> {
    UnverifiedToken::parse(black_box(text)).and_then(|token| token.verify(ring))
}

fn rules() -> OriginRules {
    let RecordFact::Known(known) = record(RULES) else { return OriginRules::Any };
    known.record.origins.clone()
}

#[inline(never)]
fn origin_decision(rules: &OriginRules) -> OriginDecision {
    origin::decide(black_box(rules), MissingOrigin::Refuse, black_box(&evidence()))
}

#[inline(never)]
fn look_up(list: &RevocationList) -> (SerialStatus, u32) {
    (list.status(black_box(Serial(SERIAL))), list.record_version(Serial(SERIAL)))
}

/// Everything that is in memory when a request comes.
struct Memory {
    token: VerifiedToken,
    lists: ListHolder,
    terms: Terms,
    record: RecordFact,
}

fn memory() -> Memory {
    let token = UnverifiedToken::parse(&token_text(&ring(), SERIAL)).unwrap().verify(&ring()).unwrap();
    Memory { token, lists: holder(issued()), terms: terms(), record: record(RULES) }
}

#[inline(never)]
fn decision(memory: &Memory) -> Result<Admission, Unfit> {
    let Memory { token, lists, terms, record } = memory;
    let known = Known { lists, terms, on_unknown: OnUnknown::Refuse, record, now: NOW };
    let asked = asked(&NO_SCOPE);
    decide(black_box(*token), &known, &asked)
}

/// A gateway with everything in memory that a request needs.
struct Site {
    config: Config,
    lists: ListHolder,
    record: RecordFact,
}

fn site() -> Site {
    let config = Config::read(|name| match name {
        "DEPLOYMENT" => Some("growth".to_owned()),
        "ROUTES" => Some(r#"[{"upstream": "https://upstream.example", "audience": "maps"}]"#.to_owned()),
        // Of the ring in tests/support/population.rs.
        "SIGNING_KEYS" => Some(format!("{{\"1\":\"{}\"}}", BASE64_STANDARD.encode([1; 32]))),
        "CHECK_SECRET" => Some(BASE64_STANDARD.encode([2; 32])),
        _ => None,
    });
    Site { config: config.unwrap(), lists: holder(issued()), record: record(RULES) }
}

/// The headers of a page's request that shows this token: one a line, as they come from JavaScript.
fn fields(token: &str) -> (String, String) {
    let names = header_names(&site().config.edge).join("\n");
    let lines = names.split('\n').map(|name| match name {
        "origin" => "=https://app.example.com\n".to_owned(),
        "referer" => "=https://app.example.com/\n".to_owned(),
        "sec-fetch-site" => "=cross-site\n".to_owned(),
        "authorization" => format!("=Bearer {token}\n"),
        _ => "\n".to_owned(),
    });
    let lines = lines.collect();
    (names, lines)
}

/// A request that is admitted, from the text of its headers to the orders for the platform.
#[inline(never)]
fn admitted(site: &Site, (names, lines): &(String, String)) -> String {
    let facts = facts(names, lines);
    let Received::Guarded(guarded) = receive(&site.config.edge, &facts, NOW) else { panic!("not guarded") };
    let Site { config, lists, record } = site;
    match guarded.decide(&config.edge, &facts, lists, record, &Fact::NotCounted, NOW) {
        GuardedOutcome::Onward(onward) => orders::forward(&onward, Some(Serial(SERIAL))),
        other => panic!("not admitted: {other:?}"),
    }
}

/// The same of a request that is refused for its token, which is none.
#[inline(never)]
fn refused(site: &Site, (names, lines): &(String, String)) -> String {
    match receive(&site.config.edge, &facts(names, lines), NOW) {
        Received::Refused(reply, _) => orders::reply(&reply, false),
        other => panic!("not refused: {other:?}"),
    }
}

fn facts<'a>(names: &'a str, lines: &'a str) -> RequestFacts<'a> {
    let url = "https://api.example.com/v1/tiles/7/65/42.json?style=light";
    RequestFacts { method: "GET", url, headers: Headers::read(names, lines), token_headers: "" }
}
