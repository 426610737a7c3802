//! The data plane's shell: isolates, and the way of one request through list, record and gate.
//!
//! Mirrors `guard` of `platform/gateway.rs` await for await; `sources` has what it awaits.

use crate::mutation::Mutation;
use crate::releases::Release;
use crate::truth::Ask;
use crate::world::World;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wayleave::freshness::{ListHolder, Terms};
use wayleave::gate::{self, Admission, Asked, OnUnknown, RecordFact, Unfit};
use wayleave::limits::RECORDS_HELD_MAX_BYTES;
use wayleave::list::Number;
use wayleave::origin::OriginEvidence;
use wayleave::record::VersionedRecord;
use wayleave::record_holder::RecordHolder;
use wayleave::time::UnixMillis;
use wayleave::token::{Serial, VerifiedToken};

/// As in `platform/gateway.rs`.
const RECORD_READS_MAX: usize = 3;

pub struct Isolate {
    pub name: String,
    pub location: usize,
    pub release: Release,
    pub terms: Terms,
    /// Its clock minus true time.
    pub skew_ms: Cell<i64>,
    /// The platform does not run it before.
    pub asleep_until: Cell<i64>,
    pub lists: RefCell<ListHolder>,
    pub records: RefCell<RecordHolder>,
    /// What the sources did to it, for the judges.
    pub log: SourceLog,
    pub used_since: Cell<Option<i64>>,
    pub used_until: Cell<i64>,
    pub highest: Cell<Option<Number>>,
    /// A mutation only.
    pub leased: Cell<bool>,
}

/// When a source last failed an isolate, and its calls to the registry; true time.
#[derive(Default)]
pub struct SourceLog {
    pub cache_failed_at: Cell<i64>,
    pub kv_failed_at: Cell<i64>,
    pub registry_failed_at: Cell<i64>,
    /// When an instance that was superseded last answered it.
    pub old_answered_at: Cell<i64>,
    /// When the registry, put back from a backup, last gave it a list or record that what it holds forbids to use.
    pub unfit_at: Cell<i64>,
    /// Requests and refreshes that the platform cut off.
    pub cancelled: Cell<i64>,
    /// Its clock was set.
    pub clock_set: Cell<bool>,
    pub list_calls: RefCell<Vec<Call>>,
    pub reports: RefCell<Vec<i64>>,
}

/// A call for the list.
#[derive(Clone, Copy)]
pub struct Call {
    pub at: i64,
    /// With a list that it may use.
    pub answered: bool,
}

/// What became of a request.
pub enum Outcome {
    Admitted(Admission),
    Refused(wayleave::problem::Code),
    /// The list asks for a record that no source has.
    Undecided,
}

impl Isolate {
    pub fn start(world: &World, location: usize, bound_seconds: i64, release: Release) -> Self {
        let number = world.isolates_started.get() + 1;
        world.isolates_started.set(number);
        let mut terms = Terms::from_bound(bound_seconds, world.shape.heartbeat_seconds > 0);
        if world.mutation() == Some(Mutation::SkewForgotten) {
            terms.usable_ms = bound_seconds * 1_000;
        }
        let far = world.shape.far_clocks && world.chance.percent(30);
        let skew_ms = if far { world.chance.within(-3_600_000..=3_600_000) } else { world.draw_skew() };
        Self {
            name: format!("isolate {number} at {location}"),
            location,
            release,
            terms,
            skew_ms: Cell::new(skew_ms),
            asleep_until: Cell::new(0),
            lists: RefCell::default(),
            records: RefCell::new(RecordHolder::new(RECORDS_HELD_MAX_BYTES)),
            log: SourceLog::default(),
            used_since: Cell::new(None),
            used_until: Cell::new(0),
            highest: Cell::new(None),
            leased: Cell::new(false),
        }
    }

    pub fn now(&self, world: &World) -> UnixMillis {
        UnixMillis(world.engine.now() + self.skew_ms.get())
    }

    /// Whether its clock is further off than `freshness` assumes, and no answer of the registry has shown that yet. A cache that
    /// gives a list long past its time may then admit: a clock 77 s behind and a list as old were met once in some millions of admissions.
    pub fn has_unseen_far_clock(&self) -> bool {
        self.skew_ms.get().abs() > 1_000 && !self.log.list_calls.borrow().iter().any(|call| call.answered)
    }

    pub fn use_at(&self, now: i64) {
        self.used_since.set(Some(self.used_since.get().unwrap_or(now)));
        self.used_until.set(now);
    }

    /// Whatever it asked for now counts as failed: its clock was set, or it slept.
    pub fn excuse(&self, now: i64) {
        self.log.cache_failed_at.set(now);
        self.log.kv_failed_at.set(now);
        self.log.registry_failed_at.set(now);
    }
}

impl World {
    /// So much time passes for what runs in `isolate`, and more if it sleeps.
    pub async fn wait(&self, isolate: &Isolate, ms: i64) {
        /// Sleep may end early: looked at again after so long.
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

    /// Awaits list and record, then decides; anew while the decision asks for a later record. Decision and forward are
    /// one synchronous stretch: no await stands between this answer and whoever judges it.
    pub async fn guard(self: &Rc<Self>, isolate: &Rc<Isolate>, token: VerifiedToken, ask: &Ask) -> Outcome {
        let serial = token.claims().serial;
        let began = isolate.now(self);
        self.list(isolate).await;
        let mut record = self.held_record(isolate, serial);
        for reads in 0..=RECORD_READS_MAX {
            let early = self.mutation() == Some(Mutation::CheckedBeforeAwait);
            let now = if early { began } else { isolate.now(self) };
            let evidence = OriginEvidence { origin: Some(ask.site()), ..OriginEvidence::default() };
            let asked = Asked { audience: ask.audience(), evidence };
            let decided = {
                let (lists, terms) = (isolate.lists.borrow(), &isolate.terms);
                gate::decide(token, &lists, terms, OnUnknown::Refuse, &record, &asked, now)
            };
            match decided {
                Ok(admission) => return Outcome::Admitted(admission),
                Err(Unfit::Refused(code)) => return Outcome::Refused(code),
                Err(Unfit::NeedsRecord(_)) if reads == RECORD_READS_MAX => break,
                Err(Unfit::NeedsRecord(version)) => {
                    record = self.record(isolate, serial, version).await;
                    // The list may have run out meanwhile.
                    self.list(isolate).await;
                }
            }
        }
        Outcome::Undecided
    }

    fn held_record(&self, isolate: &Isolate, serial: Serial) -> RecordFact {
        isolate.records.borrow_mut().get(serial).map_or(RecordFact::NotRead, |held| self.known(held))
    }

    pub fn known(&self, held: Rc<VersionedRecord>) -> RecordFact {
        let mut changed = VersionedRecord::clone(&held);
        match self.mutation() {
            Some(Mutation::RecordVersionIgnored) => changed.version |= 0xf_ffff,
            Some(Mutation::EndsIgnored) => changed.record.ends_at = None,
            _ => return RecordFact::Known(held),
        }
        RecordFact::Known(Rc::new(changed))
    }
}
