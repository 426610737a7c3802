//! Troubles: faults that begin and end during a run.

use crate::releases::{LATER, NEWEST, purpose_of};
use crate::shape::{BOUNDS, Trouble};
use crate::world::World;
use std::cell::Cell;
use std::rc::Rc;
use wayleave::formats::key::KeyId;
use wayleave::formats::list::{Delta, KV_NAME, OpenedBase, base_kv_name};
use wayleave::formats::seal;

const HOUR_MS: i64 = 3_600_000;

impl World {
    pub(crate) fn spawn_troubles(self: &Rc<Self>) {
        let (episodes, lasts_ms) = (self.shape.episodes, self.shape.lasts_ms);
        if self.shape.troubles.is_empty() {
            return;
        }
        if self.shape.has(Trouble::Restore) {
            for _ in 0..self.chance.within(1..=4) {
                let in_ms = self.chance.within(0..=lasts_ms);
                let world = Rc::clone(self);
                self.engine.spawn(async move {
                    world.engine.sleep(in_ms).await;
                    world.back_up_registry();
                });
            }
        }
        for _ in 0..episodes {
            let trouble = self.chance.one_of(&self.shape.troubles);
            let in_ms = self.chance.within(0..=lasts_ms);
            let world = Rc::clone(self);
            self.engine.spawn(async move {
                world.engine.sleep(in_ms).await;
                if !world.weather.calm.get() {
                    world.begin(trouble);
                }
            });
        }
    }

    /// Begins a trouble now. It ends by itself, at the latest when the calm tail begins.
    pub(crate) fn begin(self: &Rc<Self>, trouble: Trouble) {
        let locations = self.shape.isolates.len();
        let location = self.chance.index(locations);
        let lasts_ms = self.chance.within(1_000..=self.shape.bound_seconds * 2_500 + 5_000);
        self.log(|| format!("{trouble:?} (location {location}, {lasts_ms} ms)"));
        match trouble {
            Trouble::KvDown => self.spoil_kv(None, lasts_ms),
            Trouble::RegistryDown => self.spoil(lasts_ms, |world| &world.weather.registry_down),
            Trouble::BothDown => {
                self.spoil_kv(None, lasts_ms);
                self.spoil(lasts_ms, |world| &world.weather.registry_down);
            }
            Trouble::CutOff => {
                self.spoil_kv(Some(location), lasts_ms);
                self.spoil(lasts_ms, move |world| &world.weather.registry_away[location]);
            }
            Trouble::Stall => self.stall(location),
            Trouble::Rollback => self.roll_back(),
            Trouble::Tamper => self.tamper(),
            Trouble::Crash => self.crash_registry(self.chance.within(100..=20_000)),
            Trouble::Supersede => self.supersede(lasts_ms),
            Trouble::Evict => self.evict(location),
            Trouble::Slow => self.spoil(lasts_ms, |world| &world.weather.slow),
            Trouble::ClockStep => self.step_clock(location),
            Trouble::Deploy => self.deploy(),
            Trouble::CrashInKvOutage => {
                self.spoil_kv(None, lasts_ms);
                self.crash_registry(self.chance.within(100..=5_000));
            }
            Trouble::Restore => self.restore_registry(self.chance.percent(70)),
            Trouble::Sleep => self.put_to_sleep(location),
            Trouble::CacheEvict => self.caches.borrow_mut().evict(location),
            Trouble::EarlierRelease => self.run_earlier_registry(lasts_ms),
            Trouble::EarlierLocations => self.run_earlier_locations(location, lasts_ms),
            Trouble::RelayEnds => self.crash_relay(location % self.shape.relays.max(1)),
            Trouble::RelaysAway => self.spoil(lasts_ms, |world| &world.weather.relays_away),
        }
    }

    /// Raises a counter of faults for some time.
    fn spoil(self: &Rc<Self>, for_ms: i64, what: impl Fn(&World) -> &Cell<u32> + 'static) {
        let world = Rc::clone(self);
        what(&world).set(what(&world).get() + 1);
        self.engine.spawn(async move {
            world.engine.sleep(for_ms).await;
            what(&world).set(what(&world).get().saturating_sub(1));
        });
    }

    fn spoil_kv(self: &Rc<Self>, location: Option<usize>, for_ms: i64) {
        for at in 0..=self.shape.isolates.len() {
            if location.is_none_or(|only| only == at) {
                self.spoil(for_ms, move |world| &world.weather.kv_down[at]);
            }
        }
    }

    fn stall(self: &Rc<Self>, location: usize) {
        let for_ms = self.chance.within(1_000..=3 * HOUR_MS);
        self.kv.borrow_mut().stall(location, self.engine.now());
        let world = Rc::clone(self);
        self.engine.spawn(async move {
            world.engine.sleep(for_ms).await;
            world.kv.borrow_mut().resume(location);
        });
    }

    fn roll_back(&self) {
        let now = self.engine.now();
        let then = now - self.chance.within(1_000..=self.shape.lasts_ms);
        let mut truth = self.truth.borrow_mut();
        self.kv.borrow().keys().iter().for_each(|key| truth.lost_by_kv(key));
        self.kv.borrow_mut().roll_back(then, self.chance.long(), now);
    }

    /// Flips bits, truncates values, and stores whole values under another key or again later.
    fn tamper(&self) {
        let keys = self.kv.borrow().keys();
        for _ in 0..self.chance.within(1..=6) {
            let (Some(to), Some(from)) = (self.any(&keys), self.any(&keys)) else { return };
            let to = if self.chance.percent(40) { &KV_NAME.to_owned() } else { to };
            let from = if self.chance.percent(50) { to } else { from };
            let values = self.kv.borrow().history(from);
            let Some(value) = self.any(&values) else { continue };
            let mut bytes = value.to_vec();
            match self.chance.index(5) {
                // A format later than any running release knows.
                4 => {
                    let format = 2 * LATER + 1;
                    bytes = seal::seal(&self.ring, purpose_of(to), KeyId(1), to, format, b"later").unwrap();
                }
                0 => bytes.truncate(self.chance.index(bytes.len() + 1)),
                1 | 2 if !bytes.is_empty() => {
                    let at = self.chance.index(bytes.len());
                    bytes[at] ^= 1 << self.chance.index(8);
                }
                _ => {}
            }
            self.truth.borrow_mut().lost_by_kv(to);
            let (salt, now) = (self.chance.long(), self.engine.now());
            self.kv.borrow_mut().put(to, &bytes, salt, now);
        }
    }

    fn any<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        if of.is_empty() { None } else { of.get(self.chance.index(of.len())) }
    }

    fn supersede(self: &Rc<Self>, lasts_ms: i64) {
        self.supersede_registry();
        let world = Rc::clone(self);
        self.engine.spawn(async move {
            world.engine.sleep(lasts_ms).await;
            world.control.end_old();
        });
    }

    fn put_to_sleep(&self, location: usize) {
        let isolates = self.isolates.borrow();
        let isolate = &isolates[location][self.chance.index(isolates[location].len())];
        let most_ms = if self.chance.percent(50) { self.shape.bound_seconds * 3_000 } else { 3 * HOUR_MS };
        isolate.asleep_until.set(self.engine.now() + self.chance.within(1_000..=most_ms));
        self.log(|| format!("{}: sleeps", isolate.name));
    }

    fn step_clock(&self, location: usize) {
        let isolates = self.isolates.borrow();
        let isolate = &isolates[location][self.chance.index(isolates[location].len())];
        // A clock that is far off stays so, because its distance from the registry's clock determines the age
        // of lists.
        if isolate.skew_ms.get().abs() <= 1_000 {
            isolate.skew_ms.set(self.draw_skew());
            isolate.log.clock_set.set(true);
            isolate.excuse(self.engine.now());
        }
    }

    /// The registry and each location change to the new B at times of their own, up to a minute apart.
    fn deploy(self: &Rc<Self>) {
        let bound_seconds = self.chance.one_of(&BOUNDS);
        for location in 0..=self.shape.isolates.len() {
            let in_ms = self.chance.within(0..=60_000);
            let world = Rc::clone(self);
            self.engine.spawn(async move {
                world.engine.sleep(in_ms).await;
                if !world.weather.calm.get() {
                    world.deploy_at(location, bound_seconds);
                }
            });
        }
    }

    /// Restarts one location, or (after the last one) the registry, with the new B.
    fn deploy_at(&self, location: usize, bound_seconds: i64) {
        if location == self.shape.isolates.len() {
            self.control.bound_seconds.set(bound_seconds);
            let least = self.control.least_bound_seconds.get().min(bound_seconds);
            self.control.least_bound_seconds.set(least);
            self.crash_registry(50);
            (0..self.shape.relays).for_each(|relay| self.crash_relay(relay));
        } else {
            self.bounds.borrow_mut()[location] = bound_seconds;
            self.evict(location);
        }
    }

    /// What an operator does after reading in the log that KV's list cannot be read.
    pub(crate) fn delete_broken_list(&self) {
        let newest = |key: &str| {
            self.kv.borrow().newest(key).map(|value| self.as_read_by(NEWEST, key, &value).into_owned())
        };
        let is_whole = newest(KV_NAME).is_none_or(|delta| {
            Delta::open(&self.ring, &delta).is_ok_and(|opened| {
                let number = opened.delta.head.base;
                match newest(&base_kv_name(number)) {
                    Some(base) => {
                        number.n == 0
                            || OpenedBase::open(&self.ring, number, &base)
                                .is_ok_and(|base| opened.delta.completes(&base))
                    }
                    None => opened.delta.completes(&OpenedBase::empty(number.epoch)),
                }
            })
        });
        if !is_whole {
            self.log(|| "kv: the broken list is deleted".into());
            self.kv.borrow_mut().delete(KV_NAME, self.engine.now());
        }
    }

    /// Everything works, and continues to. A final deployment corrects deployments that crossed.
    pub(crate) fn calm(self: &Rc<Self>) {
        self.log(|| "calm".into());
        self.weather.calm.set(true);
        let cells = self.weather.kv_down.iter().chain(&self.weather.registry_away);
        cells
            .chain([&self.weather.registry_down, &self.weather.relays_away, &self.weather.slow])
            .for_each(|cell| cell.set(0));
        self.kv.borrow_mut().heal(self.engine.now());
        self.control.end_old();
        self.control.is_earlier_release.set(false);
        self.end_earlier_locations();
        for isolate in self.isolates.borrow().iter().flatten() {
            isolate.asleep_until.set(self.engine.now());
        }
        self.delete_broken_list();
        if self.shape.has(Trouble::Deploy) {
            let bound_seconds = self.control.bound_seconds.get();
            (0..=self.shape.isolates.len()).for_each(|location| self.deploy_at(location, bound_seconds));
        }
    }
}
