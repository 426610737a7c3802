//! The world: everything there is, the weather over it, and what the judges say of it.

use crate::chance::Chance;
use crate::control::Control;
use crate::edge::Isolate;
use crate::engine::{Engine, TaskId};
use crate::kv::Kv;
use crate::location_cache::LocationCaches;
use crate::mutation::{Mutated, Mutation};
use crate::releases::{NEWEST, Release};
use crate::settings;
use crate::shape::Shape;
use crate::truth::{Judge, Truth, Violation};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use wayleave::key::KeyRing;
use wayleave::list::Number;

/// True time.
pub const START: i64 = crate::deployment::START.0;
/// The last ones; `WAYLEAVE_EVENTS` may ask for more.
const EVENTS_SHOWN: usize = 120;

pub struct World {
    pub engine: Engine,
    pub chance: Chance,
    pub shape: Shape,
    mutated: Option<Mutated>,
    pub ring: KeyRing,
    pub kv: RefCell<Kv>,
    pub caches: RefCell<LocationCaches>,
    pub weather: Weather,
    pub control: Control,
    /// By location.
    pub isolates: RefCell<Vec<Vec<Rc<Isolate>>>>,
    /// Every isolate that ever was.
    pub all_isolates: RefCell<Vec<Rc<Isolate>>>,
    pub isolates_started: Cell<u32>,
    /// B of each location's newest deploy.
    pub bounds: RefCell<Vec<i64>>,
    pub truth: RefCell<Truth>,
    pub counts: RefCell<Counts>,
    violation: RefCell<Option<Violation>>,
    /// The last events; only written when a world is looked at.
    events: Option<RefCell<VecDeque<String>>>,
    events_shown: usize,
}

/// What goes wrong now. Numbers, not flags: troubles overlap.
pub struct Weather {
    /// Whether there is none any more.
    pub calm: Cell<bool>,
    /// By location; the last is the registry's.
    pub kv_down: Vec<Cell<u32>>,
    pub registry_down: Cell<u32>,
    pub registry_away: Vec<Cell<u32>>,
    pub slow: Cell<u32>,
}

/// What happened, for the figures.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub admissions: u64,
    pub forged: u64,
    pub cancelled: u64,
    pub changes: u64,
    pub refusals: BTreeMap<&'static str, u64>,
    pub registry_list_calls: u64,
    pub registry_calls: u64,
    pub kv_reads: u64,
    pub kv_writes: u64,
    pub restores: u64,
    /// Of which neither the backup nor KV knew the one before.
    pub unknown_restores: u64,
    /// Instances that were superseded.
    pub superseded: u64,
    pub bases: u64,
    /// Isolates started with an earlier release.
    pub earlier_isolates: u64,
    /// Answers of the registry that were of a format later than the isolate's release reads.
    pub beyond: u64,
}

impl World {
    pub fn new(seed: u64, mutated: Option<Mutated>, is_watched: bool) -> Rc<Self> {
        let chance = Chance::of(seed);
        let mut shape = Shape::draw(&chance);
        if let Some(mutated) = mutated {
            (mutated.shaped)(&mut shape);
        }
        Self::of(chance, shape, mutated, is_watched)
    }

    pub fn of(chance: Chance, shape: Shape, mutated: Option<Mutated>, is_watched: bool) -> Rc<Self> {
        let locations = shape.isolates.len();
        let cells = || (0..locations).map(|_| Cell::new(0)).collect();
        let weather = Weather {
            calm: Cell::new(false),
            kv_down: (0..=locations).map(|_| Cell::new(0)).collect(),
            registry_down: Cell::new(0),
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
            control: Control::new(shape.bound_seconds, shape.heartbeat_seconds, skew_ms),
            isolates: RefCell::default(),
            all_isolates: RefCell::default(),
            isolates_started: Cell::new(0),
            bounds: RefCell::new(vec![shape.bound_seconds; locations]),
            truth: RefCell::default(),
            counts: RefCell::default(),
            violation: RefCell::new(None),
            events: is_watched.then(RefCell::default),
            events_shown: std::env::var("WAYLEAVE_EVENTS")
                .ok()
                .and_then(|text| text.parse().ok())
                .unwrap_or(EVENTS_SHOWN),
            chance,
            shape,
        });
        world.engine.start_at(START);
        for location in 0..locations {
            let isolates =
                (0..world.shape.isolates[location]).map(|_| world.start_isolate(location, NEWEST)).collect();
            world.isolates.borrow_mut().push(isolates);
        }
        world
    }

    /// How the world is built wrong now.
    pub fn mutation(&self) -> Option<Mutation> {
        self.mutated.filter(|mutated| (mutated.after)(&self.counts.borrow())).map(|mutated| mutated.mutation)
    }

    pub fn start_isolate(&self, location: usize, release: Release) -> Rc<Isolate> {
        let bound_seconds = self.bounds.borrow()[location];
        let isolate = Rc::new(Isolate::start(self, location, bound_seconds, release));
        self.all_isolates.borrow_mut().push(Rc::clone(&isolate));
        isolate
    }

    /// Every isolate of a location is replaced by one of its release: by a deploy, or because the platform wants the memory.
    /// Requests that run in the old ones run on.
    pub fn evict(&self, location: usize) {
        let releases: Vec<Release> =
            self.isolates.borrow()[location].iter().map(|isolate| isolate.release).collect();
        let fresh = releases.into_iter().map(|release| self.start_isolate(location, release)).collect();
        self.log(|| format!("location {location}: new isolates, B = {}", self.bounds.borrow()[location]));
        self.isolates.borrow_mut()[location] = fresh;
    }

    /// Within 1 s of true time, often at the very edge.
    pub fn draw_skew(&self) -> i64 {
        match self.chance.index(3) {
            0 => -1_000,
            1 => 1_000,
            _ => self.chance.within(-1_000..=1_000),
        }
    }

    /// Whether something with this chance goes wrong now. In the calm tail nothing does.
    pub fn misfortune(&self, percent: u32) -> bool {
        percent > 0 && !self.weather.calm.get() && self.chance.percent(percent)
    }

    /// The platform ends what runs in an isolate.
    pub fn cut_off(self: &Rc<Self>, isolate: &Isolate, task: TaskId, in_ms: i64) {
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

    pub fn log(&self, event: impl FnOnce() -> String) {
        if let Some(events) = &self.events {
            let mut events = events.borrow_mut();
            let since = self.engine.now() - START;
            events.push_back(format!("{:>10}.{:03} s  {}", since / 1_000, since % 1_000, event()));
            if events.len() > self.events_shown {
                events.pop_front();
            }
        }
    }

    pub fn events(&self) -> Vec<String> {
        self.events.iter().flat_map(|events| events.borrow().clone()).collect()
    }

    /// The first violation ends the world.
    pub fn violated(&self, judge: Judge, text: String) {
        self.log(|| format!("VIOLATION {judge:?}: {text}"));
        self.violation.borrow_mut().get_or_insert(Violation { judge, text });
    }

    pub fn violation(&self) -> Option<Violation> {
        self.violation.borrow().clone()
    }

    pub fn is_over(&self) -> bool {
        /// Far more than any world needs: something runs in circles.
        const POLLS_MAX: u64 = 300_000;
        if self.engine.polls() > POLLS_MAX {
            self.violated(Judge::Stuck, "the world does not end".into());
        }
        self.violation.borrow().is_some()
    }

    pub fn judge_number(&self, isolate: &Isolate, before: Option<Number>, after: Option<Number>) {
        if after < before {
            self.violated(Judge::NumberBack, format!("{} held {before:?}, then {after:?}", isolate.name));
        }
    }
}
