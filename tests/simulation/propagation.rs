//! How long a revocation takes without faults until no location admits its token any more. `make propagation`
//! plots it.
//!
//! A location has one isolate and one request per second. KV's copies arrive within 5 s, most of them sooner;
//! its cache keeps a value for 30 s. The registry is 2 to 100 ms away. Nothing fails, and clocks are within
//! 1 s.

use crate::chance::Chance;
use crate::shape::Shape;
use crate::world::{START, World};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wayleave::control::registry::command::Command;
use wayleave::formats::list;
use wayleave::formats::token::Serial;

const LOCATIONS: usize = 330;
const REQUEST_EVERY_MS: i64 = 1_000;
const REVOCATIONS: usize = 60;
/// The resolution of the measurement.
const LOOK_EVERY_MS: i64 = 50;
const DAY_MS: i64 = 86_400_000;

/// `cargo test --release --test simulation propagation -- --ignored --nocapture`
#[test]
#[ignore = "for make propagation"]
fn propagation() {
    for bound_seconds in [5, 10, 60] {
        println!("PROPAGATION {}", measured(bound_seconds));
    }
}

fn measured(bound_seconds: i64) -> serde_json::Value {
    let chance = Chance::of(bound_seconds.unsigned_abs());
    let world = World::of(chance, Shape::ordinary(bound_seconds, LOCATIONS), None, false);
    for isolate in world.isolates.borrow().iter().flatten() {
        let (world, isolate) = (Rc::clone(&world), Rc::clone(isolate));
        Rc::clone(&world).engine.spawn(async move {
            loop {
                world.engine.sleep(world.chance.within(0..=2 * REQUEST_EVERY_MS)).await;
                world.list(&isolate).await;
            }
        });
    }
    let (samples, ended_at) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Cell::new(START)));
    let (revoking, measured, ended) = (Rc::clone(&world), Rc::clone(&samples), Rc::clone(&ended_at));
    world.engine.spawn(async move {
        for _ in 0..REVOCATIONS {
            revoking.create().await;
            // Out of step with heartbeats.
            revoking.engine.sleep(bound_seconds * 1_000 + revoking.chance.within(0..=20_000)).await;
            let serial = *revoking.truth.borrow().tokens.keys().next_back().unwrap();
            let took_ms = revoking.revoke_and_watch(serial).await;
            measured.borrow_mut().push(took_ms);
            ended.set(revoking.engine.now());
        }
    });
    world.engine.run_until(i64::MAX, || samples.borrow().len() == REVOCATIONS);
    let (ran_ms, counts) = (ended_at.get() - START, world.counts.borrow().clone());
    let per_day = |count: u64| i64::try_from(count).unwrap() * DAY_MS / ran_ms;
    let figures = serde_json::json!({
        "bound": bound_seconds,
        "source": "simulation",
        "samples_ms": *samples.borrow(),
        "locations": LOCATIONS,
        "requests_per_second": LOCATIONS as i64 * 1_000 / REQUEST_EVERY_MS,
        // For the list alone, scaled from the simulated time to a day.
        "simulated_seconds": ran_ms / 1_000,
        "kv_reads_per_day": per_day(counts.kv_reads),
        "kv_writes_per_day": per_day(counts.kv_writes),
        "registry_calls_per_day": per_day(counts.registry_calls),
    });
    world.engine.clear();
    world.isolates.take();
    world.all_isolates.take();
    figures
}

impl World {
    /// Milliseconds from the acknowledgement until no isolate would admit the token.
    async fn revoke_and_watch(self: &Rc<Self>, serial: Serial) -> i64 {
        let revoke = Command::RevokeToken { serial, reason: None, force: true };
        self.admin(revoke, None, |_| {}).await;
        let acknowledged_at = self.engine.now();
        while self.isolates.borrow().iter().flatten().any(|isolate| {
            let usable = isolate.lists.borrow().usable(&isolate.terms, isolate.now(self));
            usable.is_some_and(|list| list.status(serial) == list::SerialStatus::Good)
        }) {
            self.engine.sleep(LOOK_EVERY_MS).await;
        }
        self.engine.now() - acknowledged_at
    }
}
