//! Relays at scale: how soon many isolates know of a revocation, and how often registry and relays are
//! called.
//!
//! A location of this world stands for a location hint. Isolates have a request a second on average, relays
//! are 1 to 15 ms away from them, the registry 2 to 100 ms from the relays. Nothing fails.

use crate::chance::Chance;
use crate::shape::Shape;
use crate::world::World;
use std::cell::RefCell;
use std::rc::Rc;
use wayleave::control::registry::command::Command;
use wayleave::formats::list;
use wayleave::formats::token::Serial;

/// How isolates are spread over the nine hints, in percent.
const SHARES: [usize; 9] = [30, 22, 14, 12, 9, 6, 3, 2, 2];
/// Relays for each hint: the largest share of 20,000 is 6,000.
const RELAYS: usize = 4;
/// No isolate is without a line: two seconds before it ends there is a request.
const REQUEST_EVERY_MS: std::ops::RangeInclusive<i64> = 500..=1_500;
/// Longer than a line: every isolate waits at its relay.
const WARMS_UP_MS: i64 = 40_000;
/// The resolution of the measurement.
const LOOK_EVERY_MS: i64 = 10;
/// An edit each time; ten seconds of it.
const STORM_EVERY_MS: i64 = 50;
const STORM_MS: i64 = 10_000;

#[derive(Debug, serde::Serialize)]
struct Scale {
    isolates: usize,
    p50_ms: i64,
    p99_ms: i64,
    max_ms: i64,
    calm: CallsPerSecond,
    storm: CallsPerSecond,
}

#[derive(Debug, serde::Serialize)]
struct CallsPerSecond {
    at_registry: u64,
    at_each_relay: u64,
}

/// About a minute: `cargo test --release --test simulation scale::twenty -- --ignored --nocapture`
#[test]
#[ignore = "for the figures in docs/bound.md, \"Relays\""]
fn twenty_thousand_isolates() {
    println!("SCALE {}", serde_json::to_string(&measured(20_000, 5)).unwrap());
}

#[test]
fn behind_relays_a_thousand_isolates_know_of_a_revocation_within_two_seconds() {
    let scale = measured(1_000, 1);
    println!("{scale:?}");
    assert!(scale.p50_ms <= 300 && scale.max_ms <= 2_000, "{scale:?}");
    // Isolates that waited at the registry would make 1,000 / 18 s, and 1,000 in a storm.
    assert!(scale.storm.at_registry <= 3 * (SHARES.len() * RELAYS) as u64, "{scale:?}");
}

fn measured(isolates: usize, revocations: usize) -> Scale {
    let shape = Shape {
        push_seconds: 20,
        relays: SHARES.len() * RELAYS,
        isolates: SHARES.iter().map(|share| isolates * share / 100).collect(),
        ..Shape::ordinary(60, SHARES.len())
    };
    let world = World::of(Chance::of(13), shape, None, false);
    for isolate in world.isolates.borrow().iter().flatten() {
        let (world, isolate) = (Rc::clone(&world), Rc::clone(isolate));
        Rc::clone(&world).engine.spawn(async move {
            loop {
                world.engine.sleep(world.chance.within(REQUEST_EVERY_MS)).await;
                world.list_kept_up(&isolate).await;
            }
        });
    }
    let found = Rc::new(RefCell::new(None));
    let (run, measured) = (Rc::clone(&world), Rc::clone(&found));
    world.engine.spawn(async move {
        let scale = run.measure(isolates, revocations).await;
        measured.replace(Some(scale));
    });
    world.engine.run_until(i64::MAX, || found.borrow().is_some());
    world.engine.clear();
    world.isolates.take();
    world.all_isolates.take();
    found.take().unwrap()
}

impl World {
    async fn measure(self: &Rc<Self>, isolates: usize, revocations: usize) -> Scale {
        self.create().await;
        let edited = *self.truth.borrow().tokens.keys().next_back().unwrap();
        self.engine.sleep(WARMS_UP_MS).await;
        let calm = self.calls_during(WARMS_UP_MS).await;
        let mut took = Vec::new();
        for _ in 0..revocations {
            self.create().await;
            let serial = *self.truth.borrow().tokens.keys().next_back().unwrap();
            self.engine.sleep(2_000 + self.chance.within(0..=3_000)).await;
            took.extend(self.revoke_and_watch_each(serial).await);
        }
        let (world, ends_at) = (Rc::clone(self), self.engine.now() + STORM_MS);
        self.engine.spawn(async move {
            let mut is_on = true;
            while world.engine.now() < ends_at {
                let toggle = if is_on { Command::DisableToken(edited) } else { Command::EnableToken(edited) };
                is_on = !is_on;
                world.admin(toggle, None, |_| {}).await;
                world.engine.sleep(STORM_EVERY_MS).await;
            }
        });
        let storm = self.calls_during(STORM_MS).await;
        took.sort_unstable();
        let at = |percent: usize| took[(took.len() * percent).div_ceil(100) - 1];
        Scale { isolates, p50_ms: at(50), p99_ms: at(99), max_ms: at(100), calm, storm }
    }

    async fn calls_during(&self, ms: i64) -> CallsPerSecond {
        let calls = || (self.counts.borrow().registry_calls, self.counts.borrow().relay_calls);
        let (registry, relays) = calls();
        self.engine.sleep(ms).await;
        let (registry_then, relays_then) = calls();
        let seconds = u64::try_from(ms / 1_000).unwrap();
        CallsPerSecond {
            at_registry: (registry_then - registry).div_ceil(seconds),
            at_each_relay: (relays_then - relays).div_ceil(seconds * self.shape.relays as u64),
        }
    }

    /// Milliseconds from the acknowledgement until each isolate would refuse the token.
    async fn revoke_and_watch_each(self: &Rc<Self>, serial: Serial) -> Vec<i64> {
        let revoke = Command::RevokeToken { serial, reason: None, force: true };
        self.admin(revoke, None, |_| {}).await;
        let (acknowledged_at, mut took) = (self.engine.now(), Vec::new());
        let mut waits: Vec<_> = self.isolates.borrow().iter().flatten().cloned().collect();
        while !waits.is_empty() {
            let took_ms = self.engine.now() - acknowledged_at;
            waits.retain(|isolate| {
                let usable = isolate.lists.borrow().usable(&isolate.terms, isolate.now(self));
                let admits = usable.is_some_and(|list| list.status(serial) == list::SerialStatus::Good);
                if !admits {
                    took.push(took_ms);
                }
                admits
            });
            self.engine.sleep(LOOK_EVERY_MS).await;
        }
        took
    }
}
