//! The data plane's shell: isolates, and one request's way through list, record and gate.
//!
//! Mirrors `guard` of `platform/gateway.rs` await for await; what it awaits is in `sources` and `lookups`.

use crate::mutation::Mutation;
use crate::releases::Release;
use crate::truth::Ask;
use crate::world::World;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wayleave::base::time::UnixMillis;
use wayleave::edge::decide as gate;
use wayleave::edge::decide::{Admission, Asked, Known, OnUnknown, RecordFact, Unfit};
use wayleave::edge::freshness::{ListHolder, PushTerms, Subscription, Terms};
use wayleave::edge::reach::Reach;
use wayleave::edge::record_holder::RecordHolder;
use wayleave::formats::list::Number;
use wayleave::formats::origin::OriginEvidence;
use wayleave::formats::record::VersionedRecord;
use wayleave::formats::scope::Scope;
use wayleave::formats::token::{Serial, VerifiedToken};
use wayleave::http::problem::Code;
use wayleave::limits::RECORDS_HELD_MAX_BYTES;

/// As in `platform/gateway.rs`.
const RECORD_READS_MAX: usize = 3;

pub(crate) struct Isolate {
    pub number: u64,
    pub name: String,
    pub location: usize,
    pub release: Release,
    pub terms: Terms,
    /// Its clock minus true time.
    pub skew_ms: Cell<i64>,
    /// The platform does not run the isolate before this time.
    pub asleep_until: Cell<i64>,
    pub lists: RefCell<ListHolder>,
    pub push: Option<PushTerms>,
    pub subscription: RefCell<Subscription>,
    pub reach: RefCell<Reach>,
    pub records: RefCell<RecordHolder>,
    /// How the sources treated it, for the judges.
    pub log: SourceLog,
    pub used_since: Cell<Option<i64>>,
    pub used_until: Cell<i64>,
    pub highest: Cell<Option<Number>>,
    /// Used by a mutation only.
    pub leased: Cell<bool>,
}

/// When each source last failed an isolate, and its calls to the registry, in true time.
#[derive(Default)]
pub(crate) struct SourceLog {
    pub cache_failed_at: Cell<i64>,
    pub kv_failed_at: Cell<i64>,
    pub registry_failed_at: Cell<i64>,
    /// When a superseded instance last answered it.
    pub old_answered_at: Cell<i64>,
    /// When a restored registry last gave it a list or record that its own list forbids.
    pub unfit_at: Cell<i64>,
    /// Requests and refreshes that the platform cancelled.
    pub cancelled: Cell<i64>,
    /// Whether its clock was set.
    pub clock_set: Cell<bool>,
    pub list_calls: RefCell<Vec<Call>>,
    /// When a read from the registry failed, unless it has answered since.
    pub registry_away_since: Cell<Option<i64>>,
    /// Look-ups that asked the registry beside KV.
    pub hedged: Cell<i64>,
    pub reports: RefCell<Vec<i64>>,
}

/// A call to the registry for the list.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    pub at: i64,
    /// Whether it was answered with a usable list.
    pub answered: bool,
}

/// The outcome of a request.
pub(crate) enum Outcome {
    Admitted(Admission),
    Refused(Code),
    /// The list requires a record that no source has.
    Undecided,
}

impl AsRef<Self> for Isolate {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Isolate {
    pub(crate) fn start(world: &World, location: usize, bound_seconds: i64, release: Release) -> Self {
        let number = world.isolates_started.get() + 1;
        world.isolates_started.set(number);
        let mut terms = Terms::from_bound(bound_seconds, world.shape.heartbeat_seconds > 0);
        if world.mutation() == Some(Mutation::SkewForgotten) {
            terms.usable_ms = bound_seconds * 1_000;
        }
        let push = PushTerms::of(&terms, world.shape.push_seconds, world.shape.silent_wait_ms);
        let relays = u32::try_from(world.shape.relays).unwrap();
        let push = push.map(|push| push.with_relays(&terms, relays));
        let push = push.filter(|_| release.subscribes).map(|push| match world.mutation() {
            Some(Mutation::CallBeyondRequest) => PushTerms { line_ms: 600_000, wait_ms: 600_000, ..push },
            _ => push,
        });
        let far = world.shape.far_clocks && world.chance.percent(30);
        let skew_ms = if far { world.chance.within(-3_600_000..=3_600_000) } else { world.draw_skew() };
        Self {
            number: number.into(),
            name: format!("isolate {number} at {location}"),
            location,
            release,
            terms,
            skew_ms: Cell::new(skew_ms),
            asleep_until: Cell::new(0),
            lists: RefCell::new(ListHolder::of_isolate(number.into())),
            push,
            subscription: RefCell::default(),
            reach: RefCell::new(Reach::of_bound(bound_seconds)),
            records: RefCell::new(RecordHolder::new(RECORDS_HELD_MAX_BYTES)),
            log: SourceLog::default(),
            used_since: Cell::new(None),
            used_until: Cell::new(0),
            highest: Cell::new(None),
            leased: Cell::new(false),
        }
    }

    pub(crate) fn now(&self, world: &World) -> UnixMillis {
        UnixMillis(world.engine.now() + self.skew_ms.get())
    }

    /// Whether its clock is further off than `freshness` assumes, and no answer of the registry has shown
    /// that yet. A cache that returns a very old list may then admit. It takes a clock as far behind as the
    /// list is old (77 s in one case), which happened once in some millions of admissions.
    pub(crate) fn has_unseen_far_clock(&self) -> bool {
        self.skew_ms.get().abs() > 1_000 && !self.log.list_calls.borrow().iter().any(|call| call.answered)
    }

    pub(crate) fn use_at(&self, now: i64) {
        self.used_since.set(Some(self.used_since.get().unwrap_or(now)));
        self.used_until.set(now);
    }

    /// Treats all sources as failed: its clock was set, or it slept.
    pub(crate) fn excuse(&self, now: i64) {
        self.log.cache_failed_at.set(now);
        self.log.kv_failed_at.set(now);
        self.log.registry_failed_at.set(now);
    }
}

impl World {
    /// Waits for `ms` in `isolate`, longer if the isolate sleeps.
    pub(crate) async fn wait(&self, isolate: &Isolate, ms: i64) {
        /// Sleep may end early, so it is checked again after this time.
        const NAP_MS: i64 = 10_000;
        self.engine.sleep(ms).await;
        loop {
            let left_ms = isolate.asleep_until.get() - self.engine.now();
            if left_ms <= 0 {
                return;
            }
            self.engine.sleep(left_ms.min(NAP_MS)).await;
        }
    }

    /// Awaits list and record, then decides; repeats that while the decision needs a later record. Decision
    /// and forward are one synchronous block: there is no await between this answer and the judge.
    pub(crate) async fn guard(
        self: &Rc<Self>,
        isolate: &Rc<Isolate>,
        token: VerifiedToken,
        ask: &Ask,
    ) -> Outcome {
        let serial = token.claims().serial;
        let began = isolate.now(self);
        self.list_kept_up(isolate).await;
        let mut record = self.held_record(isolate, serial);
        for reads in 0..=RECORD_READS_MAX {
            let early = self.mutation() == Some(Mutation::CheckedBeforeAwait);
            let now = if early { began } else { isolate.now(self) };
            let evidence = OriginEvidence { origin: Some(ask.site()), ..OriginEvidence::default() };
            let asked = Asked {
                audience: ask.audience(),
                credentials: false,
                evidence,
                method: ask.method(),
                path: "/",
                default_scope: &Scope::default(),
            };
            let decided = {
                let (lists, terms) = (isolate.lists.borrow(), &isolate.terms);
                let on_unknown = OnUnknown::Refuse;
                let known = Known { lists: &lists, terms, on_unknown, record: &record, now };
                gate::decide(token, &known, &asked)
            };
            match decided {
                Ok(admission) => return Outcome::Admitted(admission),
                Err(Unfit::Refused(problem)) => return Outcome::Refused(problem.code()),
                Err(Unfit::QuotaExceeded { .. }) => return Outcome::Refused(Code::QuotaExceeded),
                Err(Unfit::NeedsRecord(_)) if reads == RECORD_READS_MAX => break,
                Err(Unfit::NeedsRecord(version)) => {
                    record = self.record(isolate, serial, version, began).await;
                    // The list may have become unusable meanwhile.
                    self.list(isolate).await;
                }
            }
        }
        Outcome::Undecided
    }

    fn held_record(&self, isolate: &Isolate, serial: Serial) -> RecordFact {
        isolate.records.borrow_mut().get(serial).map_or(RecordFact::NotRead, |held| self.known(held))
    }

    pub(crate) fn known(&self, held: Rc<VersionedRecord>) -> RecordFact {
        let mut changed = VersionedRecord::clone(&held);
        match self.mutation() {
            Some(Mutation::RecordVersionIgnored) => changed.version |= 0xf_ffff,
            Some(Mutation::EndsIgnored) => changed.record.ends_at = None,
            Some(Mutation::ScopesIgnored) => changed.record.scope = Scope::default(),
            _ => return RecordFact::Known(held),
        }
        RecordFact::Known(Rc::new(changed))
    }
}
