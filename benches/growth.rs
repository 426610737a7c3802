//! How the revocation list grows (`make growth`): bytes of base and delta, memory of an isolate, decoding,
//! look-up, a decision; and what the records of hot tokens take.

// A bench that cannot go on stops, so it may unwrap. Criterion's macros have no docs.
#![expect(clippy::unwrap_used, reason = "a test that panics fails")]

#[path = "../tests/support/decisions.rs"]
mod decisions;
#[path = "../tests/support/population.rs"]
mod population;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use decisions::{NO_SCOPE, NOW, asked, holder, record, terms, token_text};
use population::{NUMBER, Population, list, ring};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::hint::black_box;
use wayleave::edge::decide::{Known, OnUnknown, RecordFact, decide};
use wayleave::edge::record_holder::RecordHolder;
use wayleave::formats::list::{Delta, OpenedBase};
use wayleave::formats::record::VersionedRecord;
use wayleave::formats::token::{Serial, UnverifiedToken, VerifiedToken};
use wayleave::limits::RECORDS_HELD_MAX_BYTES;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ISSUED: [u32; 3] = [1_000, 100_000, 10_000_000];
const REVOKED_PERCENT: [u32; 3] = [1, 10, 50];

fn populations() -> Vec<Population> {
    let plain = ISSUED.into_iter().flat_map(|issued| {
        REVOKED_PERCENT.map(|revoked_percent| Population { issued, revoked_percent, edited_percent: 0 })
    });
    plain.chain([Population { issued: 10_000_000, revoked_percent: 1, edited_percent: 50 }]).collect()
}

fn name(of: Population) -> String {
    format!("{} issued, {} % revoked, {} % edited", of.issued, of.revoked_percent, of.edited_percent)
}

fn growth(criterion: &mut Criterion) {
    println!("| issued | revoked | edited | base, bytes | delta, bytes | held by an isolate, bytes |");
    println!("|---|---|---|---|---|---|");
    for population in populations() {
        let (base, delta) = (population.sealed_base(), population.sealed_delta());
        let region = Region::new(ALLOCATOR);
        let held = list(&base, &delta);
        let change = region.change();
        let bytes = change.bytes_allocated - change.bytes_deallocated;
        let Population { issued, revoked_percent, edited_percent } = population;
        println!(
            "| {issued} | {revoked_percent} % | {edited_percent} % | {} | {} | {bytes} |",
            base.len(),
            delta.len()
        );
        drop(held);
    }
    let mut group = criterion.benchmark_group("decode base");
    for population in populations() {
        let base = population.sealed_base();
        group.bench_function(BenchmarkId::from_parameter(name(population)), |bencher| {
            bencher.iter(|| OpenedBase::open(&ring(), NUMBER, black_box(&base)).unwrap());
        });
    }
    group.finish();
    let delta = populations().first().unwrap().sealed_delta();
    let keys = ring();
    criterion.bench_function("decode delta, 4,000 changes", |bencher| {
        bencher.iter(|| Delta::open(&keys, black_box(&delta)).unwrap());
    });
    let mut group = criterion.benchmark_group("look-up");
    for population in populations() {
        let list = list(&population.sealed_base(), &population.sealed_delta());
        let mut random = fastrand::Rng::with_seed(9);
        group.bench_function(BenchmarkId::from_parameter(name(population)), |bencher| {
            bencher.iter(|| {
                let serial = Serial(random.u32(1..=population.issued));
                black_box((list.status(serial), list.record_version(serial)))
            });
        });
    }
    group.finish();
    decisions(criterion);
    records();
}

/// A whole decision when everything is in memory: the time, and what it allocates.
fn decisions(criterion: &mut Criterion) {
    let keys = ring();
    let (terms, record) = (terms(), record(RULES));
    let mut group = criterion.benchmark_group("decide");
    for issued in [10, 1_000, 100_000, 10_000_000] {
        let lists = holder(Population { issued, revoked_percent: 10, edited_percent: 0 });
        let known =
            Known { lists: &lists, terms: &terms, on_unknown: OnUnknown::Refuse, record: &record, now: NOW };
        let asked = asked(&NO_SCOPE);
        let token_of = |serial| UnverifiedToken::parse(&token_text(&keys, serial))?.verify(&keys);
        let is_admitted = |token: &VerifiedToken| decide(*token, &known, &asked).is_ok();
        // A refusal would end before the record is looked at.
        let token = (1..=issued).rev().filter_map(token_of).find(is_admitted).unwrap();
        let region = Region::new(ALLOCATOR);
        drop(black_box(decide(token, &known, &asked)));
        println!("decide among {issued} tokens: {} allocations", region.change().allocations);
        group.bench_function(BenchmarkId::from_parameter(issued), |bencher| {
            bencher.iter(|| decide(black_box(token), &known, &asked));
        });
    }
    group.finish();
}

/// What an isolate's records take, by the number of tokens that are in use.
fn records() {
    let RecordFact::Known(known) = record(RULES) else { return };
    let sealed_bytes = serde_json::to_vec(&known.record).unwrap().len() + SEAL_BYTES;
    for hot in [1, 1_000, 1_000_000] {
        let region = Region::new(ALLOCATOR);
        let mut records = RecordHolder::new(RECORDS_HELD_MAX_BYTES);
        for serial in 1..=hot {
            let VersionedRecord { version, sealed_by, record } = VersionedRecord::clone(&known);
            records.hold(Serial(serial), VersionedRecord { version, sealed_by, record }, sealed_bytes);
        }
        let change = region.change();
        println!("records of {hot} hot tokens: {} bytes", change.bytes_allocated - change.bytes_deallocated);
    }
}

/// Rules of a record, each of about 30 characters.
const RULES: usize = 10;
/// Format, key id and tag of a sealed value.
const SEAL_BYTES: usize = 18;

criterion_group! {
    name = benches;
    config = Criterion::default().without_plots().sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1));
    targets = growth
}
criterion_main!(benches);
