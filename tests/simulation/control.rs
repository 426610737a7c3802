//! The control plane's shell: registry instances over one database, crashes, restores from a backup, and the
//! output gate.
//!
//! Mirrors `fetch` of `platform/registry_object.rs` await for await; the rest of that file is in `publisher`.

use crate::deployment::ADMIN_KEY;
use crate::edge::Isolate;
use crate::held::HeldCalls;
use crate::mutated::Altered;
use crate::mutation::Mutation;
use crate::releases::WrittenLater;
use crate::restoration::Rows;
use crate::settings;
use crate::shape::Shape;
use crate::sqlite::Sqlite;
use crate::world::World;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wayleave::base::database::Value;
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::command::{AdminCall, Answer, Call, Caller, Command, Fault, Idempotency};
use wayleave::control::registry::{Registry, waits_for_kv};
use wayleave::formats::key::sha256;
use wayleave::formats::list::Number;

/// One process of the Durable Object.
pub(crate) struct Instance {
    pub registry: RefCell<Registry<Sqlite>>,
    pub database: Sqlite,
    /// Its clock minus true time.
    skew_ms: i64,
    pub alarm_at: Cell<Option<UnixMillis>>,
    pub publishing: Cell<bool>,
    pub dead: Cell<bool>,
    /// Rows written when another instance took over. Whatever this one writes after that never becomes
    /// durable.
    superseded_at: Cell<Option<u64>>,
    /// How a mutated registry alters its lists.
    pub altered: Altered,
    /// Calls that wait for a change.
    pub held: HeldCalls,
}

/// A copy of the database, and what was true of it.
pub(crate) struct Backup {
    at: i64,
    database: Sqlite,
    rows: Rows,
}

pub(crate) struct Control {
    current: RefCell<Rc<Instance>>,
    old: RefCell<Option<Rc<Instance>>>,
    /// A crashed instance is not restarted before this time.
    down_until: Cell<i64>,
    pub bound_seconds: Cell<i64>,
    /// The smallest bound so far.
    pub least_bound_seconds: Cell<i64>,
    /// The running release does not know every call yet.
    pub is_earlier_release: Cell<bool>,
    pub written_later: Cell<WrittenLater>,
    backups: RefCell<Vec<Backup>>,
    restore_id: Cell<u32>,
    /// The highest epoch that any registry began.
    pub highest_epoch: Cell<u32>,
    /// When it was restored from a backup, until the consequences are handled.
    pub restored_at: Cell<Option<i64>>,
    /// The platform stores one alarm; a newer one replaces it.
    pub alarm: Cell<u64>,
}

impl Control {
    pub(crate) fn new(shape: &Shape, skew_ms: i64) -> Self {
        let bound_seconds = shape.bound_seconds;
        let settings = settings::registry(bound_seconds, shape.heartbeat_seconds, shape.held_calls_max, None);
        let first = Instance::open(Sqlite::in_memory(), settings, skew_ms);
        Self {
            current: RefCell::new(Rc::new(first)),
            old: RefCell::new(None),
            down_until: Cell::new(0),
            bound_seconds: Cell::new(bound_seconds),
            least_bound_seconds: Cell::new(bound_seconds),
            is_earlier_release: Cell::new(false),
            written_later: Cell::default(),
            backups: RefCell::default(),
            restore_id: Cell::new(0),
            highest_epoch: Cell::new(1),
            restored_at: Cell::new(None),
            alarm: Cell::new(0),
        }
    }

    pub(crate) fn database(&self) -> Sqlite {
        self.current.borrow().database.clone()
    }

    /// The number of the newest list that the registry made.
    pub(crate) fn list_number(&self) -> Number {
        let column = |name: &str| match self.database().one(&format!("SELECT {name} FROM registry")) {
            Value::Integer(value) => value.unsigned_abs(),
            other => panic!("{other:?} is no number"),
        };
        Number { epoch: u32::try_from(column("epoch")).unwrap(), n: column("list_n") }
    }

    pub(crate) fn end_old(&self) {
        if let Some(old) = self.old.take() {
            old.dead.set(true);
        }
    }
}

impl Instance {
    fn open(database: Sqlite, settings: wayleave::control::registry::RegistrySettings, skew_ms: i64) -> Self {
        database.recover();
        let registry = Registry::open(database.clone(), settings).unwrap();
        Self {
            registry: RefCell::new(registry),
            database,
            skew_ms,
            alarm_at: Cell::new(None),
            publishing: Cell::new(false),
            dead: Cell::new(false),
            superseded_at: Cell::new(None),
            altered: Altered::default(),
            held: HeldCalls::default(),
        }
    }

    pub(crate) fn now(&self, world: &World) -> UnixMillis {
        UnixMillis(world.engine.now() + self.skew_ms)
    }

    /// The output gate: whether an answer given now is sent.
    pub(crate) fn answers_leave(&self, world: &World) -> bool {
        let durable = self.superseded_at.get().is_none_or(|rows| rows == self.database.rows_written());
        durable || world.mutation() == Some(Mutation::FencingOff)
    }

    pub(crate) fn handle(&self, world: &World, request: Call) -> Answer {
        if world.control.is_earlier_release.get()
            && matches!(request, Call::Base { .. } | Call::Report { .. })
        {
            return Answer::Refused(Fault::Internal);
        }
        self.sweep(world);
        let request = self.altered.request(request);
        let asked = if let Call::Base { number } = &request { Some(*number) } else { None };
        let is_report = matches!(request, Call::Report { .. });
        let entropy = &mut |buffer: &mut [u8]| world.chance.fill(buffer);
        let answer = self.registry.borrow_mut().handle(request, self.now(world), entropy);
        self.database.take_statements();
        if is_report && self.answers_leave(world) {
            world.learn_retirements(self);
        }
        self.altered_answer(world, asked, answer)
    }

    /// The epoch of the newest list. It rises only when the registry notices a restore.
    pub(crate) fn epoch(&self) -> u32 {
        match self.database.one("SELECT epoch FROM registry") {
            Value::Integer(epoch) => u32::try_from(epoch).unwrap(),
            other => panic!("{other:?} is no epoch"),
        }
    }
}

impl World {
    fn registry_settings(&self) -> wayleave::control::registry::RegistrySettings {
        let restores = self.control.restore_id.get();
        let restore_id = (restores > 0).then(|| format!("restore {restores}"));
        let forgotten = self.mutation() == Some(Mutation::LimitForgotten);
        let most = if forgotten { usize::MAX } else { self.shape.held_calls_max };
        let bound_seconds = self.control.bound_seconds.get();
        settings::registry(bound_seconds, self.shape.heartbeat_seconds, most, restore_id)
    }

    /// The instance that answers now. A crashed one is restarted over the same database.
    pub(crate) fn instance(&self) -> Option<Rc<Instance>> {
        if self.engine.now() < self.control.down_until.get() {
            return None;
        }
        let current = Rc::clone(&self.control.current.borrow());
        if !current.dead.get() {
            return Some(current);
        }
        let next = self.start_registry(current.database.clone());
        self.control.current.replace(Rc::clone(&next));
        Some(next)
    }

    fn start_registry(&self, database: Sqlite) -> Rc<Instance> {
        let skew_ms = self.draw_skew();
        self.log(|| format!("registry: started, clock {skew_ms:+} ms"));
        Rc::new(Instance::open(database, self.registry_settings(), skew_ms))
    }

    /// The process ends. The next call or alarm after a while starts another.
    pub(crate) fn crash_registry(&self, for_ms: i64) {
        let current = Rc::clone(&self.control.current.borrow());
        current.dead.set(true);
        self.hang_up(&current.held);
        self.control.down_until.set(self.engine.now() + for_ms);
        self.log(|| format!("registry: crashed, for {for_ms} ms"));
    }

    /// A new instance starts elsewhere without the old one noticing.
    pub(crate) fn supersede_registry(&self) {
        let Some(old) = self.instance() else { return };
        self.control.end_old();
        old.superseded_at.set(Some(old.database.rows_written()));
        self.log(|| "registry: superseded".into());
        self.counts.borrow_mut().superseded += 1;
        let next = self.start_registry(old.database.fork());
        self.control.current.replace(next);
        self.control.old.replace(Some(old));
    }

    pub(crate) fn back_up_registry(&self) {
        let current = Rc::clone(&self.control.current.borrow());
        if current.database.is_dead() {
            // Whatever a killed process left open is undone first.
            current.database.recover();
        }
        let database = current.database.fork();
        let rows = self.truth.borrow().rows();
        self.log(|| "registry: a backup is taken".into());
        self.control.backups.borrow_mut().push(Backup { at: self.engine.now(), database, rows });
    }

    /// The storage is restored from a backup. The operator signals it with a new `RESTORE_ID`, or forgets to.
    pub(crate) fn restore_registry(&self, says_so: bool) {
        let backups = self.control.backups.borrow();
        if backups.is_empty() {
            return;
        }
        let backup = &backups[self.chance.index(backups.len())];
        self.control.end_old();
        self.crash_registry(50);
        if says_so {
            self.control.restore_id.set(self.control.restore_id.get() + 1);
        }
        let database = backup.database.fork();
        self.log(|| {
            let ago_ms = self.engine.now() - backup.at;
            let said = if says_so { "and said" } else { "unsaid" };
            format!("registry: put back from the backup of {ago_ms} ms ago, {said}")
        });
        let next = self.start_registry(database);
        // The registry was down anyway: the next call starts the instance that counts.
        next.dead.set(true);
        self.control.current.replace(next);
        self.control.restored_at.set(Some(self.engine.now()));
        self.truth.borrow_mut().put_back(&backup.rows, says_so);
        self.forget_used_up_quotas();
    }

    /// The answer that isolates receive, one or those behind a relay; `None` when none is sent.
    pub(crate) async fn registry_answers(
        self: &Rc<Self>,
        isolates: &[impl AsRef<Isolate>],
        request: Call,
    ) -> Option<Answer> {
        let old = self.control.old.borrow().clone().filter(|_| self.chance.percent(50));
        if let Some(old) = old {
            let now = self.engine.now();
            isolates.iter().for_each(|isolate| isolate.as_ref().log.old_answered_at.set(now));
            if waits_for_kv(&request) {
                self.compare(&old).await;
            }
            if let Call::Subscribe(_) | Call::Relay(_) = request {
                return if old.dead.get() { None } else { self.subscribed(&old, request).await };
            }
            let answer = old.handle(self, request);
            return (!old.dead.get() && old.answers_leave(self)).then_some(answer);
        }
        let instance = self.instance()?;
        if waits_for_kv(&request) {
            self.compare(&instance).await;
        }
        if instance.dead.get() {
            return None;
        }
        if let Call::Subscribe(_) | Call::Relay(_) = request {
            return self.subscribed(&instance, request).await;
        }
        let answer = instance.handle(self, request.clone());
        self.set_alarm(&instance);
        self.wake(&instance);
        instance.answers_leave(self).then(|| self.answer_as_written(&request, answer))
    }

    /// An operator's call; returns whether the answer reached the operator. `learn` shows the judge each
    /// committed answer.
    pub(crate) async fn admin(
        self: &Rc<Self>,
        command: Command,
        idempotency: Option<Idempotency>,
        learn: impl FnOnce(&Answer),
    ) -> bool {
        self.engine.sleep(self.chance.within(5..=100)).await;
        if self.weather.registry_down.get() > 0 {
            return false;
        }
        let Some(instance) = self.instance() else { return false };
        let sha256 = hex::encode(sha256(ADMIN_KEY.as_bytes()));
        let call = Call::Admin(Box::new(AdminCall { caller: Caller::Key { sha256 }, command, idempotency }));
        if waits_for_kv(&call) {
            self.compare(&instance).await;
        }
        if instance.dead.get() {
            return false;
        }
        let crashes = self.misfortune(self.shape.crash_in_call);
        if crashes {
            // At some statement before the commit, or after it when the call has fewer statements.
            instance.database.kill_after(u32::try_from(self.chance.within(0..=60)).unwrap());
        }
        let answer = instance.handle(self, call);
        self.wake(&instance);
        if !instance.answers_leave(self) {
            // It was superseded while it waited for KV: what it wrote is lost.
            return false;
        }
        if crashes {
            let undone = instance.database.is_dead();
            self.crash_registry(self.chance.within(100..=20_000));
            self.log(|| format!("registry: that was {} the commit", if undone { "before" } else { "after" }));
            if !undone {
                learn(&answer);
            }
            return false;
        }
        learn(&answer);
        self.set_alarm(&instance);
        self.engine.sleep(self.chance.within(5..=100)).await;
        !matches!(answer, Answer::Refused(Fault::Restoring)) && !self.misfortune(self.shape.answer_lost)
    }
}
