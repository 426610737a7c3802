//! The world: everything in it, its faults, and the judges' verdicts.

use crate::chance::Chance;
use crate::control::Control;
use crate::edge::Isolate;
use crate::engine::{Engine, TaskId};
use crate::kv::Kv;
use crate::location_cache::LocationCaches;
use crate::mutation::{Mutated, Mutation};
use crate::quotas::Quotas;
use crate::relay::RelayInstance;
use crate::releases::{NEWEST, Release};
use crate::settings;
use crate::shape::Shape;
use crate::truth::{Judge, Truth, Violation};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use wayleave::formats::key::KeyRing;
use wayleave::formats::list::Number;

/// True time.
pub(crate) const START: i64 = crate::deployment::START.0;
/// The last events shown; `WAYLEAVE_EVENTS` may ask for more.
const EVENTS_SHOWN: usize = 120;

pub(crate) struct World {
    pub engine: Engine,
    pub chance: Chance,
    pub shape: Shape,
    mutated: Option<Mutated>,
    pub ring: KeyRing,
    pub kv: RefCell<Kv>,
    pub caches: RefCell<LocationCaches>,
    pub weather: Weather,
    pub control: Control,
    pub relays: RefCell<Vec<Rc<RelayInstance>>>,
    /// By location.
    pub isolates: RefCell<Vec<Vec<Rc<Isolate>>>>,
    /// Every isolate so far.
    pub all_isolates: RefCell<Vec<Rc<Isolate>>>,
    pub isolates_started: Cell<u32>,
    /// B of each location's newest deployment.
    pub bounds: RefCell<Vec<i64>>,
    pub truth: RefCell<Truth>,
    pub counts: RefCell<Counts>,
    pub quotas: Quotas,
    violation: RefCell<Option<Violation>>,
    /// The last events; recorded only when a world is shown.
    events: Option<RefCell<VecDeque<String>>>,
    events_shown: usize,
}

/// The present faults. Counters instead of flags, because troubles overlap.
pub(crate) struct Weather {
    /// Whether there are no faults any more.
    pub calm: Cell<bool>,
    /// By location; the last one is the registry's.
    pub kv_down: Vec<Cell<u32>>,
    pub registry_down: Cell<u32>,
    pub relays_away: Cell<u32>,
    pub registry_away: Vec<Cell<u32>>,
    pub slow: Cell<u32>,
}

/// The numbers of events, for the figures.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub admissions: u64,
    pub forged: u64,
    pub cancelled: u64,
    pub changes: u64,
    /// Licences set, among the changes.
    pub licences: u64,
    pub refusals: BTreeMap<&'static str, u64>,
    pub registry_list_calls: u64,
    pub registry_calls: u64,
    /// Calls to relays.
    pub relay_calls: u64,
    /// Calls that may wait at the registry, among them.
    pub subscriptions: u64,
    pub kv_reads: u64,
    pub kv_writes: u64,
    pub restores: u64,
    /// Restores of which neither the backup nor KV knew the one before.
    pub unknown_restores: u64,
    /// Superseded instances.
    pub superseded: u64,
    pub bases: u64,
    /// Isolates started with an earlier release.
    pub earlier_isolates: u64,
    /// Answers of the registry in a format later than the isolate's release reads.
    pub beyond: u64,
}

impl World {
    pub(crate) fn new(seed: u64, mutated: Option<Mutated>, is_watched: bool) -> Rc<Self> {
        let chance = Chance::of(seed);
        let mut shape = Shape::draw(&chance);
        if let Some(mutated) = mutated {
            (mutated.shaped)(&mut shape);
        }
        Self::of(chance, shape, mutated, is_watched)
    }

    pub(crate) fn of(chance: Chance, shape: Shape, mutated: Option<Mutated>, is_watched: bool) -> Rc<Self> {
        let locations = shape.isolates.len();
        let cells = || (0..locations).map(|_| Cell::new(0)).collect();
        let weather = Weather {
            calm: Cell::new(false),
            kv_down: (0..=locations).map(|_| Cell::new(0)).collect(),
            registry_down: Cell::new(0),
            relays_away: Cell::new(0),
            registry_away: cells(),
            slow: Cell::new(0),
        };
        let skew_ms = chance.within(-1_000..=1_000);
        let world = Rc::new(Self {
            engine: Engine::default(),
            mutated,
            ring: settings::ring(),
            kv: RefCell::new(Kv::new(locations + 1, shape.kv_delay_max_ms)),
            caches: RefCell::new(LocationCaches::new(locations)),
            weather,
            control: Control::new(&shape, skew_ms),
            relays: RefCell::default(),
            isolates: RefCell::default(),
            all_isolates: RefCell::default(),
            isolates_started: Cell::new(0),
            bounds: RefCell::new(vec![shape.bound_seconds; locations]),
            truth: RefCell::default(),
            counts: RefCell::default(),
            quotas: Quotas::default(),
            violation: RefCell::new(None),
            events: is_watched.then(RefCell::default),
            events_shown: std::env::var("WAYLEAVE_EVENTS")
                .ok()
                .and_then(|text| text.parse().ok())
                .unwrap_or(EVENTS_SHOWN),
            chance,
            shape,
        });
        world.engine.start_at(world.shape.starts_at());
        for at in 0..world.shape.relays {
            let relay = world.start_relay(at);
            world.relays.borrow_mut().push(relay);
        }
        for location in 0..locations {
            let isolates =
                (0..world.shape.isolates[location]).map(|_| world.start_isolate(location, NEWEST)).collect();
            world.isolates.borrow_mut().push(isolates);
        }
        world
    }

    /// The deliberate error that is active now.
    pub(crate) fn mutation(&self) -> Option<Mutation> {
        self.mutated.filter(|mutated| (mutated.after)(&self.counts.borrow())).map(|mutated| mutated.mutation)
    }

    pub(crate) fn start_isolate(&self, location: usize, release: Release) -> Rc<Isolate> {
        let bound_seconds = self.bounds.borrow()[location];
        let isolate = Rc::new(Isolate::start(self, location, bound_seconds, release));
        self.all_isolates.borrow_mut().push(Rc::clone(&isolate));
        isolate
    }

    /// Replaces every isolate of a location by one of its release, because of a deployment, or because the
    /// platform needs memory. Requests in the old ones continue.
    pub(crate) fn evict(&self, location: usize) {
        let releases: Vec<Release> =
            self.isolates.borrow()[location].iter().map(|isolate| isolate.release).collect();
        let fresh = releases.into_iter().map(|release| self.start_isolate(location, release)).collect();
        self.log(|| format!("location {location}: new isolates, B = {}", self.bounds.borrow()[location]));
        self.isolates.borrow_mut()[location] = fresh;
    }

    /// Within 1 s of true time, often at the limit.
    pub(crate) fn draw_skew(&self) -> i64 {
        match self.chance.index(3) {
            0 => -1_000,
            1 => 1_000,
            _ => self.chance.within(-1_000..=1_000),
        }
    }

    /// Whether a fault with this probability occurs now. In the calm tail none does.
    pub(crate) fn misfortune(&self, percent: u32) -> bool {
        percent > 0 && !self.weather.calm.get() && self.chance.percent(percent)
    }

    /// The platform ends a task of an isolate.
    pub(crate) fn cut_off(self: &Rc<Self>, isolate: &Isolate, task: TaskId, in_ms: i64) {
        self.counts.borrow_mut().cancelled += 1;
        isolate.log.cancelled.set(isolate.log.cancelled.get() + 1);
        self.cancel_in(task, in_ms);
    }

    fn cancel_in(self: &Rc<Self>, task: TaskId, ms: i64) {
        let world = Rc::clone(self);
        self.engine.spawn(async move {
            world.engine.sleep(ms).await;
            world.engine.cancel(task);
        });
    }

    pub(crate) fn log(&self, event: impl FnOnce() -> String) {
        if let Some(events) = &self.events {
            let mut events = events.borrow_mut();
            let since = self.engine.now() - self.shape.starts_at();
            events.push_back(format!("{:>10}.{:03} s  {}", since / 1_000, since % 1_000, event()));
            if events.len() > self.events_shown {
                events.pop_front();
            }
        }
    }

    pub(crate) fn events(&self) -> Vec<String> {
        self.events.iter().flat_map(|events| events.borrow().clone()).collect()
    }

    /// The first violation ends the world.
    pub(crate) fn violated(&self, judge: Judge, text: String) {
        self.log(|| format!("VIOLATION {judge:?}: {text}"));
        self.violation.borrow_mut().get_or_insert(Violation { judge, text });
    }

    pub(crate) fn violation(&self) -> Option<Violation> {
        self.violation.borrow().clone()
    }

    pub(crate) fn is_over(&self) -> bool {
        /// Far more than any world needs: then something loops.
        const POLLS_MAX: u64 = 300_000;
        if self.engine.polls() > POLLS_MAX {
            self.violated(Judge::Stuck, "the world does not end".into());
        }
        self.violation.borrow().is_some()
    }

    pub(crate) fn judge_number(&self, isolate: &Isolate, before: Option<Number>, after: Option<Number>) {
        if after < before {
            self.violated(Judge::NumberBack, format!("{} held {before:?}, then {after:?}", isolate.name));
        }
    }
}
