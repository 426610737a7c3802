//! Quotas: admitted requests are counted by a real usage shard, which tells the registry; and the judges of
//! what is admitted beyond a quota and refused before it is used up.
//!
//! Two rules together bound what is admitted beyond a quota. Where the registry could be reached all the
//! while, it knows [`KNOWN_WITHIN_MS`] after the request that used the quota up. And B after its commit
//! nothing is admitted.
//!
//! Isolates hand their counts to the shard up to half a minute after the request; that way is lossless here
//! (tests/usage has its faults). Calls of the shard meet the registry's troubles. In a world with quotas,
//! midnight falls into the troubled time.
//! Not judged: whether a quota stays used up over a restore from a backup. `tests/registry/restore.rs` does.

use crate::edge::Isolate;
use crate::mutation::Mutation;
use crate::shape::Shape;
use crate::sqlite::Sqlite;
use crate::truth::{Judge, Moment};
use crate::world::{START, World};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use wayleave::base::database::Value;
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::command::{Answer, Call, Quota, QuotaCounts};
use wayleave::control::registry::waits_for_kv;
use wayleave::formats::token::Serial;
use wayleave::formats::usage::outcome::{Counts, Outcome};
use wayleave::formats::usage::period::Per;
use wayleave::formats::usage::reading::{ShardAnswer, ShardCall};
use wayleave::formats::usage::report::{Batch, Report};
use wayleave::formats::usage::tally::Tally;
use wayleave::limits::{CLOCK_SKEW_MS, KV_READ_TIMEOUT_MS, USAGE_SEND_INTERVAL_MS, USES_REPORT_INTERVAL_MS};
use wayleave::usage::shard::Shard;

/// The first midnight after START.
const MIDNIGHT: i64 = START + 22 * 3_600_000 - 250;

/// From the request that uses a quota up to the registry's commit: the counts are handed over; the shard
/// tells a first use ten seconds after it told others, and then of a token that it begins to meter at once;
/// the registry may wait for KV after a start; a second for the calls themselves.
const KNOWN_WITHIN_MS: i64 =
    USAGE_SEND_INTERVAL_MS + USES_REPORT_INTERVAL_MS + KV_READ_TIMEOUT_MS as i64 * 2 + 1_000;
/// A call of the shard that failed has an effect for so long: what it asked for is asked again with the next
/// batch, half a minute later at most.
const FAILURE_COUNTS_MS: i64 = 60_000;

/// The quotas of a world, and what is true of them.
pub(crate) struct Quotas {
    shard: RefCell<Shard<Sqlite>>,
    batches: Cell<u64>,
    is_telling: Cell<bool>,
    /// True time of the last call of the shard that had no effect, or whose answer was lost.
    failed_at: Cell<i64>,
    tokens: RefCell<BTreeMap<Serial, Counted>>,
}

/// What was counted of a token with a quota, and what was committed.
struct Counted {
    requests: u64,
    /// Admissions by the day of the location's clock.
    admitted: BTreeMap<i64, u64>,
    /// True time of the request that used the quota of a day up.
    used_up_at: BTreeMap<i64, i64>,
    /// Until when it is used up by each commit, oldest first.
    commits: Vec<Commit>,
}

#[derive(Clone, Copy, Debug)]
struct Commit {
    /// True time from which on no location may apply an earlier one.
    holds_from: i64,
    /// In milliseconds; `None`: it is not used up.
    until: Option<i64>,
}

impl Default for Quotas {
    fn default() -> Self {
        let shard = RefCell::new(Shard::open(Sqlite::in_memory()).unwrap());
        Self {
            shard,
            batches: Cell::default(),
            is_telling: Cell::default(),
            failed_at: Cell::default(),
            tokens: RefCell::default(),
        }
    }
}

impl Shape {
    pub(crate) fn has_quotas(&self) -> bool {
        // A clock that is hours off counts for another day.
        self.changes % 2 == 0 && !self.far_clocks
    }

    /// When the world begins.
    pub(crate) fn starts_at(&self) -> i64 {
        if self.has_quotas() { MIDNIGHT - self.lasts_ms / 2 } else { START }
    }
}

impl World {
    /// The quota of the next token: every second one has one.
    pub(crate) fn next_quota(&self) -> Option<Quota> {
        let made = self.quotas.tokens.borrow().len() + self.truth.borrow().tokens.len();
        let requests = 3 + u64::try_from(made).unwrap() % 7;
        let has_one = self.shape.has_quotas() && made % 3 != 2;
        has_one.then_some(Quota { requests, per: Per::Day, counts: QuotaCounts::Token })
    }

    pub(crate) fn learn_quota(&self, serial: Serial, quota: Option<Quota>) {
        let Some(quota) = quota else { return };
        let none = Commit { holds_from: 0, until: None };
        self.quotas.tokens.borrow_mut().entry(serial).or_insert(Counted {
            requests: quota.requests,
            admitted: BTreeMap::new(),
            used_up_at: BTreeMap::new(),
            commits: vec![none],
        });
    }

    /// A restore may undo what was committed of quotas.
    pub(crate) fn forget_used_up_quotas(&self) {
        for counted in self.quotas.tokens.borrow_mut().values_mut() {
            counted.commits.push(Commit { holds_from: i64::MAX, until: None });
        }
    }

    /// Judges and counts an admission.
    pub(crate) fn count_admission(self: &Rc<Self>, isolate: &Isolate, serial: Serial, at: Moment<'_>) {
        let mut tokens = self.quotas.tokens.borrow_mut();
        let Some(counted) = tokens.get_mut(&serial) else { return };
        // The registry takes it off the list by its own clock, which may be ahead of the location's.
        let ends = |until| at.clock + CLOCK_SKEW_MS >= until;
        let is_used_up = |commit: &Commit| commit.until.is_some_and(|until| !ends(until));
        if counted.standing(at.now).iter().all(is_used_up) && !isolate.has_unseen_far_clock() {
            let text = format!("{} admitted {serial:?}: {:?}", isolate.name, counted.commits);
            self.violated(Judge::Quota, text);
        }
        let clock = UnixMillis(at.clock);
        let day = Per::Day.index(clock);
        let admitted = counted.admitted.entry(day).or_default();
        *admitted += 1;
        if *admitted == counted.requests {
            counted.used_up_at.insert(day, at.now);
        }
        if let Some(since) = counted.unknown_since(day)
            && self.should_be_known(serial, since, at.now)
        {
            let text = format!("{serial:?} was used up at {since}, and the registry does not know");
            self.violated(Judge::Quota, text);
        }
        drop(tokens);
        let twice = self.mutation() == Some(Mutation::BatchesCountedTwice);
        for _ in 0..if twice { 2 } else { 1 } {
            let (world, in_ms) = (Rc::clone(self), self.chance.within(0..=USAGE_SEND_INTERVAL_MS));
            self.engine.spawn(async move {
                world.engine.sleep(in_ms).await;
                world.deliver(serial, clock);
                world.tell_registry();
            });
        }
    }

    /// Whether the registry must know at `now` that the quota of this day was used up at `since`.
    fn should_be_known(&self, serial: Serial, since: i64, now: i64) -> bool {
        let day = |at: i64| Per::Day.index(UnixMillis(at));
        // Around midnight the clocks of registry, shard and locations may be in different days.
        let is_one_day = day(since - CLOCK_SKEW_MS) == day(now + CLOCK_SKEW_MS);
        let was_reachable = self.quotas.failed_at.get() < since - FAILURE_COUNTS_MS;
        let truth = self.truth.borrow();
        is_one_day
            && was_reachable
            && now - since > KNOWN_WITHIN_MS
            && truth.restores.count == 0
            && truth.is_live(serial, now)
    }

    /// Whether a refusal for a used up quota is right: as many requests were admitted on that day.
    pub(crate) fn is_used_up(&self, serial: Serial, clock: i64) -> bool {
        let day = Per::Day.index(UnixMillis(clock));
        let tokens = self.quotas.tokens.borrow();
        tokens.get(&serial).is_some_and(|counted| {
            counted.admitted.get(&day).is_some_and(|admitted| *admitted >= counted.requests)
        })
    }

    /// A batch of one request reaches the shard.
    fn deliver(&self, serial: Serial, at: UnixMillis) {
        let isolate = self.quotas.batches.get() + 1;
        self.quotas.batches.set(isolate);
        let mut tally = Tally { used: Some((at, at)), ..Tally::default() };
        tally.counts.add(Outcome::Admitted, 1);
        let tokens = vec![(serial, tally)];
        let batch = Some(Batch {
            sequence: 1,
            began_at: at,
            tokens,
            others: Counts::default(),
            refusals: Vec::new(),
        });
        let report = ShardCall::Report(Report { isolate, batch, first_uses: Vec::new() });
        // A clock that is far off must not move a request into another day.
        let now = self.shard_now().max(at);
        assert_eq!(self.quotas.shard.borrow_mut().handle(&report, now), ShardAnswer::Taken);
    }

    fn shard_now(&self) -> UnixMillis {
        UnixMillis(self.engine.now())
    }

    /// The shard's alarm, while anything is due soon.
    fn tell_registry(self: &Rc<Self>) {
        /// A retry comes earlier than this; the hourly sweep is not played.
        const SOON_MS: i64 = 60_000;
        if self.quotas.is_telling.replace(true) {
            return;
        }
        let world = Rc::clone(self);
        self.engine.spawn(async move {
            loop {
                let now = world.shard_now();
                let due = world.quotas.shard.borrow_mut().next_alarm_at(now);
                let Some(wait_ms) = due.map(|at| at.since_ms(now)).filter(|ms| *ms < SOON_MS) else { break };
                // Not all of it: a batch that comes meanwhile may be due sooner.
                world.engine.sleep(wait_ms.clamp(1, 1_000)).await;
                if wait_ms <= 1_000 {
                    world.tell_once().await;
                }
            }
            world.quotas.is_telling.set(false);
        });
    }

    /// As `report_uses` of `platform/usage_object.rs`.
    async fn tell_once(self: &Rc<Self>) {
        let now = self.shard_now();
        let (uses, counted_at, meters) = {
            let mut shard = self.quotas.shard.borrow_mut();
            shard.sweep(now);
            let uses = shard.uses_due(now);
            let counted_at = shard.traffic_due(!uses.is_empty(), now);
            let meters = shard.meters_due(!uses.is_empty() || counted_at.is_some(), now);
            (uses, counted_at, meters)
        };
        if uses.is_empty() && counted_at.is_none() && meters.is_none() {
            return;
        }
        if self.mutation() == Some(Mutation::CountsToldLate) {
            self.engine.sleep(120_000).await;
        }
        let known_release = !self.control.is_earlier_release.get();
        let told = meters.clone().filter(|_| known_release);
        let answer = self.shard_calls(Call::Uses { uses: uses.clone(), counted_at, meters: told }).await;
        if answer.is_none() || !known_release {
            self.quotas.failed_at.set(self.engine.now());
        }
        let (mut shard, now) = (self.quotas.shard.borrow_mut(), self.shard_now());
        match (answer, meters) {
            (Some(Answer::NotedMeters(changes)), Some(report)) => {
                shard.uses_reported(&uses, counted_at, now);
                shard.meters_taken(&report, &changes, now);
            }
            (Some(Answer::Noted), _) => shard.uses_reported(&uses, counted_at, now),
            _ => shard.report_failed(now),
        }
    }

    /// A call of the shard; `None` when no answer comes.
    async fn shard_calls(self: &Rc<Self>, call: Call) -> Option<Answer> {
        self.engine.sleep(self.chance.within(5..=100)).await;
        if self.weather.registry_down.get() > 0 {
            return None;
        }
        let instance = self.instance()?;
        if waits_for_kv(&call) {
            self.compare(&instance).await;
        }
        if instance.dead.get() {
            return None;
        }
        let answer = instance.handle(self, call);
        self.set_alarm(&instance);
        self.wake(&instance);
        if !instance.answers_leave(self) {
            return None;
        }
        if matches!(answer, Answer::NotedMeters(_)) {
            self.learn_used_up_quotas();
        }
        self.engine.sleep(self.chance.within(5..=100)).await;
        (!self.misfortune(self.shape.answer_lost)).then_some(answer)
    }

    /// Notes what the registry's rows say after a commit.
    fn learn_used_up_quotas(&self) {
        let database = self.control.database();
        let one = |sql: String| match database.one(&sql) {
            Value::Integer(number) => Some(number),
            _ => None,
        };
        let now = self.engine.now();
        for (serial, counted) in self.quotas.tokens.borrow_mut().iter_mut() {
            let is_known = one(format!("SELECT COUNT(*) FROM meter WHERE serial = {}", serial.0)) == Some(1);
            if !is_known {
                continue;
            }
            let until = one(format!("SELECT exhausted_until FROM meter WHERE serial = {}", serial.0));
            let until = until.map(|seconds| seconds * 1_000);
            if counted.commits.last().is_some_and(|last| last.until == until) {
                continue;
            }
            let bound = format!(
                "SELECT json_extract(changed_receipt, '$.bound_seconds') FROM token WHERE serial = {}",
                serial.0
            );
            let holds_from = now + one(bound).unwrap_or(0) * 1_000;
            self.log(|| format!("committed: {serial:?} is used up until {until:?}"));
            counted.commits.push(Commit { holds_from, until });
        }
    }

    /// In the calm tail: whatever was used up is known to the registry, however many answers were lost.
    pub(crate) fn judge_used_up_quotas(&self) {
        if self.truth.borrow().restores.count > 0 {
            // Shards tell again with the next requests that they count, refused ones too. Those are not
            // delivered here.
            return;
        }
        let (now, database) = (self.engine.now(), self.control.database());
        for (serial, counted) in self.quotas.tokens.borrow().iter() {
            let truth = self.truth.borrow();
            let is_live = truth.is_live(*serial, now);
            let day = Per::Day.index(UnixMillis(now));
            let admitted = counted.admitted.get(&day).copied().unwrap_or(0);
            if !is_live || admitted < counted.requests {
                continue;
            }
            let sql = format!("SELECT exhausted_until FROM meter WHERE serial = {}", serial.0);
            let end = Per::Day.end(day).0;
            if database.one(&sql) != Value::Integer(end) {
                let text = format!("{serial:?}: {admitted} of {}, not used up", counted.requests);
                self.violated(Judge::Lost, text);
            }
        }
    }
}

impl Counted {
    /// When the quota of a day was used up of which the registry has not committed that; `None`: it has.
    fn unknown_since(&self, day: i64) -> Option<i64> {
        let until = Per::Day.end(day).to_millis().0;
        let since = self.used_up_at.get(&day).copied()?;
        let is_known = self.commits.iter().any(|commit| commit.until == Some(until));
        (!is_known).then_some(since)
    }

    /// The commits that a location may still apply at `now`.
    fn standing(&self, now: i64) -> &[Commit] {
        let newest = self.commits.iter().rposition(|commit| commit.holds_from <= now).unwrap_or(0);
        &self.commits[newest..]
    }
}
