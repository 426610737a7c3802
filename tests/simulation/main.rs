//! Deterministic simulation of the revocation bound (docs/bound.md): whole worlds in virtual time, judged
//! throughout.
//!
//! A seed determines a world: a registry over real SQLite, KV with a view for each location, locations with
//! isolates whose clocks differ, operators, traffic, and faults. The core is the real one: `registry`,
//! `freshness`, `record_holder`, `gate`, `token`. The platform and its shell are modelled.
//!
//! | file | contents |
//! |---|---|
//! | `engine`, `chance` | virtual time; the seed |
//! | `shape`, `troubles` | the kind of world; its faults |
//! | `releases` | old and new code side by side: in the registry, in locations, within a location |
//! | `kv`, `location_cache` | KV with a view for each location; a location's cache |
//! | `control`, `publisher` | the registry's shell: calls, crashes, backups; alarm, KV writes, comparison |
//! | `edge`, `sources` | the data plane's shell: a request; the sources of list and record, reports |
//! | `push`, `held` | the call that waits at the registry for a change: the isolate's side, the registry's |
//! | `relay` | relays between isolates and the registry |
//! | `operator`, `traffic` | changes of tokens and keys; their use |
//! | `quotas` | requests are counted by a usage shard; what is admitted beyond a quota |
//! | `truth`, `restoration`, `run` | what is right when, also after a restore; calm tail and final account |
//! | `mutation`, `mutated` | worlds with deliberate errors, to show that the judges notice them |
//! | `scale` | thousands of isolates behind relays |
//! | `propagation` | how long a revocation takes without faults, for `make propagation` |
//!
//! Not simulated: `ON_UNKNOWN = "admit"`; probes; more than one key rotation; retention after
//! `RETENTION_DAYS`; licences of owners and external ids, and owners that are switched off
//! (`tests/registry/licences.rs`); any licence in a world with a restore; quotas of families and of months
//! (`tests/usage/quotas.rs`).
//! Not judged:
//! - A token whose serial or record version a restored registry gave twice because it did not know of an
//!   earlier restore, and a token issued in such a lost period.
//! - A 503 of an isolate for which the restored registry just had nothing usable.
//!
//! An earlier release is the current one without some calls, sources and formats that came later, with all
//! current rules. Earlier releases with other rules are not simulated.
//!
//! `WAYLEAVE_SEED=7 cargo test --test simulation -- --nocapture` shows one world. `make simulate N=100000`
//! runs many.

#![cfg(test)] // so clippy takes all of it for a test

mod chance;
mod control;
#[path = "../support/deployment.rs"]
mod deployment;
mod edge;
mod engine;
mod held;
mod kv;
mod location_cache;
mod lookups;
mod mutated;
mod mutation;
mod operator;
mod propagation;
mod publisher;
mod push;
mod quotas;
mod reach;
mod relay;
mod releases;
mod restoration;
mod run;
mod scale;
mod settings;
mod shape;
mod sources;
#[path = "../support/sqlite.rs"]
mod sqlite;
mod traffic;
mod troubles;
mod truth;
mod world;

use mutation::{Mutated, Mutation};
use run::Ended;
use shape::{Shape, Trouble};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};
use truth::Judge;
use world::Counts;

/// Worlds in each test run, always the same; `make simulate` makes new ones.
const WORLDS: u64 = 2_000;

/// Running many worlds uses all cores, so it locks them exclusively; the other tests share them.
static CORES: RwLock<()> = RwLock::new(());

#[test]
fn worlds_keep_every_promise() {
    if let Ok(seed) = std::env::var("WAYLEAVE_SEED") {
        let mutation = std::env::var("WAYLEAVE_MUTATION").ok().and_then(|name| named(&name));
        return show(seed.parse().unwrap(), mutation);
    }
    let _alone = CORES.write().unwrap_or_else(PoisonError::into_inner);
    let counts = many(WORLDS, |at| at, &|| {});
    assert!(counts.licences > 100, "only {} licences", counts.licences);
}

/// As many worlds as requested, on all cores: `make simulate N=…`.
#[test]
#[ignore = "runs for as long as asked"]
#[expect(clippy::disallowed_methods, reason = "each run draws new seeds, and prints them")]
fn simulate() {
    let worlds = std::env::var("WAYLEAVE_WORLDS").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let style = indicatif::ProgressStyle::with_template(
        "{bar:40} {human_pos}/{human_len} worlds, {per_sec}, {eta} left",
    );
    let bar = indicatif::ProgressBar::new(worlds).with_style(style.unwrap());
    let new = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() << 20;
    many(worlds, |at| new + at, &|| bar.inc(1));
    bar.finish();
}

/// Each deliberate error is noticed by the judge responsible for it.
#[test]
fn each_mutation_is_seen_by_a_judge() {
    /// Worlds within which it must have been noticed.
    const SEEDS: u64 = 400;
    let _shared = CORES.read().unwrap_or_else(PoisonError::into_inner);
    let mut unseen = Vec::new();
    for mutation in mutation::FROM_THE_START {
        match first_seen(SEEDS, mutation.at_once(), mutation.seen_by()) {
            Some(seen) => println!("{mutation:?}: {seen}"),
            None => unseen.push(mutation),
        }
    }
    assert!(unseen.is_empty(), "not seen in {SEEDS} worlds: {unseen:?}");
}

/// A restore or a superseded instance excuses only what it makes unknowable: judges still notice other errors
/// after it.
#[test]
fn no_judge_is_silent_after_a_restore() {
    /// Worlds within which it must have been noticed.
    const SEEDS: u64 = 400;
    let _shared = CORES.read().unwrap_or_else(PoisonError::into_inner);
    /// The shape of the world, and the event after which the error begins.
    type Kind = (fn(&mut Shape), fn(&Counts) -> bool);
    let restored: Kind = (|shape| shape.troubles = vec![Trouble::Restore], |counts| counts.restores > 0);
    let superseded: Kind =
        (|shape| shape.troubles = vec![Trouble::Supersede], |counts| counts.superseded > 0);
    // KV accepts little, so it knows nothing of the earlier restore, or of a retirement.
    let forgotten: Kind = (
        |shape| {
            shape.troubles = vec![Trouble::Restore, Trouble::KvDown];
            (shape.episodes, shape.kv_write_fails, shape.rotates_keys) = (12, 80, true);
        },
        |counts| counts.restores > 0,
    );
    let unknown: Kind = (forgotten.0, |counts| counts.unknown_restores > 0);
    for (mutation, judge, (shaped, after)) in [
        (Mutation::RegistryAlwaysAsked, Judge::Load, restored),
        (Mutation::RegistryNotAsked, Judge::NeedlessUnknown, restored),
        (Mutation::RegistryNotAsked, Judge::NeedlessUnknown, superseded),
        (Mutation::RetirementsNotTold, Judge::Calm, forgotten),
        (Mutation::RecordsForgotten, Judge::FalseRefusal, superseded),
        (Mutation::Restamped, Judge::Revocation, unknown),
    ] {
        let seen = first_seen(SEEDS, Mutated { mutation, shaped, after }, &[judge]);
        assert!(seen.is_some(), "{mutation:?} was not seen by {judge:?} in {SEEDS} worlds");
        println!("{mutation:?}: {}", seen.unwrap());
    }
}

fn first_seen(seeds: u64, mutated: Mutated, expected: &[Judge]) -> Option<String> {
    let mut others = BTreeMap::new();
    for seed in 0..seeds {
        let Some(violation) = run::world(seed, Some(mutated), false).violation else { continue };
        if expected.contains(&violation.judge) {
            return Some(format!("seed {seed}, {:?}: {}", violation.judge, violation.text));
        }
        *others.entry(format!("{:?}", violation.judge)).or_insert(0) += 1;
    }
    println!("{:?}: only {others:?}", mutated.mutation);
    None
}

fn named(name: &str) -> Option<Mutation> {
    mutation::FROM_THE_START
        .into_iter()
        .chain(mutation::LATER)
        .find(|mutation| format!("{mutation:?}") == name)
}

/// Runs worlds on all cores and prints the figures; stops at the first world that breaks a promise.
fn many(worlds: u64, seed: impl Fn(u64) -> u64 + Sync, done: &(dyn Fn() + Sync)) -> Counts {
    let (next, total) = (AtomicU64::new(0), Mutex::new(Counts::default()));
    /// Enough to see what they have in common.
    const FAILED_MAX: usize = 20;
    let failed = Mutex::new(Vec::new());
    let work = || {
        while failed.lock().unwrap().len() < FAILED_MAX {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= worlds {
                return;
            }
            let seed = seed(at);
            let named = NamedIfItPanics(seed);
            let ended = run::world(seed, None, false);
            std::mem::forget(named);
            total.lock().unwrap().add(&ended.counts);
            if let Some(violation) = ended.violation {
                failed.lock().unwrap().push((seed, violation));
            }
            done();
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    println!("{worlds} worlds: {:#?}", total.lock().unwrap());
    let failed = failed.into_inner().unwrap();
    for (seed, violation) in &failed {
        println!("seed {seed}: {:?}: {}", violation.judge, violation.text);
    }
    if let Some((seed, _)) = failed.first() {
        show(*seed, None);
    }
    total.into_inner().unwrap()
}

/// Runs one world, prints its last events, and fails if it breaks a promise.
fn show(seed: u64, mutation: Option<Mutation>) {
    let Ended { counts, violation, events } = run::world(seed, mutation.map(Mutation::at_once), true);
    println!("{}\n{counts:?}", events.join("\n"));
    let with = mutation.map_or_else(String::new, |mutation| format!("WAYLEAVE_MUTATION={mutation:?} "));
    if let Some(violation) = violation {
        panic!(
            "{:?}: {}\nreplay: {with}WAYLEAVE_SEED={seed} cargo test --test simulation worlds -- --nocapture",
            violation.judge, violation.text
        );
    }
}

/// Names the world that panicked.
struct NamedIfItPanics(u64);

impl Drop for NamedIfItPanics {
    fn drop(&mut self) {
        println!("replay: WAYLEAVE_SEED={} cargo test --test simulation worlds -- --nocapture", self.0);
    }
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.registry_calls += other.registry_calls;
        self.subscriptions += other.subscriptions;
        self.relay_calls += other.relay_calls;
        self.kv_reads += other.kv_reads;
        self.kv_writes += other.kv_writes;
        self.restores += other.restores;
        self.unknown_restores += other.unknown_restores;
        self.superseded += other.superseded;
        self.bases += other.bases;
        self.earlier_isolates += other.earlier_isolates;
        self.licences += other.licences;
        self.beyond += other.beyond;
        self.admissions += other.admissions;
        self.forged += other.forged;
        self.cancelled += other.cancelled;
        self.changes += other.changes;
        self.registry_list_calls += other.registry_list_calls;
        for (code, count) in &other.refusals {
            *self.refusals.entry(code).or_default() += count;
        }
    }
}
