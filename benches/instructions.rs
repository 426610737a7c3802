//! The steps of a decision, each as a function of its own, for Callgrind to count its instructions
//! (`make instructions`). `instructions NAME` sets up what the step needs and makes it once. The figures that
//! are compared are in `benches/instructions.txt`.

// A bench that cannot go on stops, so it may unwrap.
#![expect(clippy::unwrap_used, reason = "a bench that panics fails")]

#[path = "../tests/support/decisions.rs"]
mod decisions;
#[path = "../tests/support/population.rs"]
mod population;

use decisions::{NO_SCOPE, NOW, asked, evidence, holder, record, terms, token_text};
use population::{Population, list, ring};
use std::hint::black_box;
use wayleave::edge::decide::{Admission, Known, OnUnknown, RecordFact, Unfit, decide};
use wayleave::edge::freshness::{ListHolder, Terms};
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
        _ => println!("verification\norigin_decision\nlook_up\ndecision"),
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
