//! The control plane's shell: registry instances over one database, their alarm and publisher, crashes, and the output gate.
//!
//! Mirrors `platform/registry_object.rs` await for await.

use crate::deployment::ADMIN_KEY;
use crate::mutation::Mutation;
use crate::settings;
use crate::sqlite::Sqlite;
use crate::world::{START, World};
use data_encoding::{BASE64, HEXLOWER};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wayleave::key::{KeyId, sha256};
use wayleave::limits::{ALARM_LATE_MAX_MS, KV_WRITE_TIMEOUT_MS, OUTBOX_BATCH_MAX};
use wayleave::list::{Delta, KV_NAME};
use wayleave::registry::command::{AdminCall, Answer, Command, Idempotency, Request};
use wayleave::registry::{KvLists, KvWrite, Registry};
use wayleave::time::UnixMillis;
use wayleave::token::Serial;

/// One process of the Durable Object.
pub struct Instance {
    registry: RefCell<Registry<Sqlite>>,
    database: Sqlite,
    /// Its clock minus true time.
    skew_ms: i64,
    alarm_at: Cell<Option<UnixMillis>>,
    publishing: Cell<bool>,
    dead: Cell<bool>,
    /// Rows written when another instance took over: what it writes after that never becomes durable.
    superseded_at: Cell<Option<u64>>,
    /// The list whose content a mutated registry hands out again and again.
    restamped: RefCell<Option<(i64, Delta)>>,
}

pub struct Control {
    current: RefCell<Rc<Instance>>,
    old: RefCell<Option<Rc<Instance>>>,
    /// When a superseded instance last answered.
    pub old_answered_at: Cell<i64>,
    /// A crashed instance is not started again before.
    down_until: Cell<i64>,
    pub bound_seconds: Cell<i64>,
    /// The platform's one stored alarm; a newer one replaces it.
    alarm: Cell<u64>,
}

impl Control {
    pub fn new(bound_seconds: i64, skew_ms: i64) -> Self {
        let first = Instance::open(Sqlite::in_memory(), bound_seconds, skew_ms);
        Self {
            current: RefCell::new(Rc::new(first)),
            old: RefCell::new(None),
            old_answered_at: Cell::new(0),
            down_until: Cell::new(0),
            bound_seconds: Cell::new(bound_seconds),
            alarm: Cell::new(0),
        }
    }

    /// Whether an instance that was superseded still answers.
    pub fn has_old(&self) -> bool {
        self.old.borrow().is_some()
    }

    pub fn end_old(&self) {
        if let Some(old) = self.old.take() {
            old.dead.set(true);
        }
    }
}

impl Instance {
    fn open(database: Sqlite, bound_seconds: i64, skew_ms: i64) -> Self {
        database.recover();
        let mut registry = Registry::open(database.clone(), settings::registry(bound_seconds)).unwrap();
        // Nothing is restored from a backup here: what KV has is not asked for.
        registry.compare(Some(&KvLists { delta: None, base: None }), UnixMillis(START));
        Self {
            registry: RefCell::new(registry),
            database,
            skew_ms,
            alarm_at: Cell::new(None),
            publishing: Cell::new(false),
            dead: Cell::new(false),
            superseded_at: Cell::new(None),
            restamped: RefCell::new(None),
        }
    }

    fn now(&self, world: &World) -> UnixMillis {
        UnixMillis(world.engine.now() + self.skew_ms)
    }

    /// The output gate: whether an answer given now leaves.
    fn answers_leave(&self, world: &World) -> bool {
        let durable = self.superseded_at.get().is_none_or(|rows| rows == self.database.rows_written());
        durable || world.mutation == Some(Mutation::FencingOff)
    }

    fn handle(&self, world: &World, request: Request) -> Answer {
        let entropy = &mut |buffer: &mut [u8]| world.chance.fill(buffer);
        let answer = self.registry.borrow_mut().handle(request, self.now(world), entropy);
        self.database.take_statements();
        self.mutated(world, answer)
    }

    fn mutated(&self, world: &World, answer: Answer) -> Answer {
        match answer {
            Answer::List { sealed, now } => {
                let sealed = self.mutated_list(world, &BASE64.decode(sealed.as_bytes()).unwrap());
                Answer::List { sealed: BASE64.encode(&sealed), now }
            }
            other => other,
        }
    }

    fn mutated_list(&self, world: &World, sealed: &[u8]) -> Vec<u8> {
        let fresh = || Delta::open(&world.ring, sealed).unwrap().delta;
        let list = match world.mutation {
            Some(Mutation::Restamped) => {
                let (fresh, now) = (fresh(), world.engine.now());
                let mut kept = self.restamped.borrow_mut();
                let (_, list) = match kept.take().filter(|(made, _)| now - made < 60_000) {
                    Some((made, mut old)) => {
                        old.head.number = fresh.head.number;
                        old.head.this_update = fresh.head.this_update;
                        old.head.next_update = fresh.head.next_update;
                        kept.insert((made, old))
                    }
                    None => kept.insert((now, fresh)),
                };
                list.clone()
            }
            Some(Mutation::LeavesListEarly) => {
                let list = fresh();
                let ends_soon = |serial: &Serial| {
                    world
                        .truth
                        .borrow()
                        .expires_at(*serial)
                        .is_some_and(|at| at - 45_000 < list.head.this_update.0)
                };
                let changes = list.changes().iter().filter(|change| !ends_soon(&change.serial)).copied();
                Delta::new(list.head, changes, [])
            }
            _ => return sealed.to_vec(),
        };
        list.seal(&world.ring, KeyId(1)).unwrap()
    }
}

impl World {
    /// The instance that answers now; a crashed one is started again over the same database.
    fn instance(&self) -> Option<Rc<Instance>> {
        if self.engine.now() < self.control.down_until.get() {
            return None;
        }
        let current = Rc::clone(&self.control.current.borrow());
        if !current.dead.get() {
            return Some(current);
        }
        let skew_ms = self.draw_skew();
        let next =
            Rc::new(Instance::open(current.database.clone(), self.control.bound_seconds.get(), skew_ms));
        self.log(|| format!("registry: started, clock {skew_ms:+} ms"));
        self.control.current.replace(Rc::clone(&next));
        Some(next)
    }

    /// The process ends; the next call or alarm after a while starts another.
    pub fn crash_registry(&self, for_ms: i64) {
        self.control.current.borrow().dead.set(true);
        self.control.down_until.set(self.engine.now() + for_ms);
        self.log(|| format!("registry: crashed, for {for_ms} ms"));
    }

    /// A new instance starts elsewhere, and the old one does not know.
    pub fn supersede_registry(&self) {
        let Some(old) = self.instance() else { return };
        self.control.end_old();
        old.superseded_at.set(Some(old.database.rows_written()));
        let skew_ms = self.draw_skew();
        let next = Instance::open(old.database.fork(), self.control.bound_seconds.get(), skew_ms);
        self.log(|| format!("registry: superseded; the new one's clock {skew_ms:+} ms"));
        self.control.current.replace(Rc::new(next));
        self.control.old.replace(Some(old));
    }

    /// What a location is answered; `None` when nothing leaves.
    pub fn registry_answers(self: &Rc<Self>, request: Request) -> Option<Answer> {
        let old = self.control.old.borrow().clone().filter(|_| self.chance.percent(50));
        if let Some(old) = old {
            self.control.old_answered_at.set(self.engine.now());
            let answer = old.handle(self, request);
            return old.answers_leave(self).then_some(answer);
        }
        let instance = self.instance()?;
        let answer = instance.handle(self, request);
        self.set_alarm(&instance);
        Some(answer)
    }

    /// An operator's call; whether the answer reached the operator. `learn`, the judge's, sees each that was committed.
    pub async fn admin(
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
        let crashes = self.misfortune(self.shape.crash_in_call);
        if crashes {
            // Somewhere before the commit, or (when the call has fewer statements) after it.
            instance.database.kill_after(u32::try_from(self.chance.within(0..=60)).unwrap());
        }
        let key_sha256 = HEXLOWER.encode(&sha256(ADMIN_KEY.as_bytes()));
        let call = AdminCall { key_sha256, command, idempotency };
        let answer = instance.handle(self, Request::Admin(Box::new(call)));
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
        !self.misfortune(self.shape.answer_lost)
    }

    /// Sees to it that the alarm rings no later than something is due.
    fn set_alarm(self: &Rc<Self>, instance: &Rc<Instance>) {
        let now = instance.now(self);
        let Some(due) = instance.registry.borrow_mut().next_alarm_at(now) else { return };
        let set = instance.alarm_at.get().filter(|at| now.since_ms(*at) < ALARM_LATE_MAX_MS);
        if set.is_some_and(|at| at <= due) {
            return;
        }
        instance.alarm_at.set(Some(due));
        let late_ms = if self.misfortune(self.shape.alarm_late) { self.chance.within(0..=60_000) } else { 0 };
        let dropped = self.misfortune(self.shape.alarm_dropped);
        let alarm = self.control.alarm.get() + 1;
        self.control.alarm.set(alarm);
        if !dropped {
            let world = Rc::clone(self);
            let in_ms = due.since_ms(now).max(0) + late_ms;
            self.engine.spawn(async move {
                world.engine.sleep(in_ms).await;
                world.ring(alarm).await;
            });
        }
    }

    async fn ring(self: Rc<Self>, alarm: u64) {
        // The platform runs one alarm at a time, starts a crashed instance for it, and tries again after a failure.
        loop {
            if self.control.alarm.get() != alarm {
                return;
            }
            match self.instance() {
                Some(instance) if !instance.publishing.get() => {
                    instance.alarm_at.set(None);
                    instance.publishing.set(true);
                    self.publish(&instance).await;
                    instance.publishing.set(false);
                    if !instance.dead.get() {
                        self.set_alarm(&instance);
                        return;
                    }
                }
                _ => {}
            }
            self.engine.sleep(2_000).await;
        }
    }

    async fn publish(self: &Rc<Self>, instance: &Rc<Instance>) {
        let due = instance.registry.borrow_mut().due(instance.now(self), OUTBOX_BATCH_MAX);
        instance.database.take_statements();
        if !instance.answers_leave(self) {
            return;
        }
        let began = self.engine.now();
        let puts: Vec<_> = due.into_iter().map(|write| self.put(instance, write)).collect();
        for (id, taken, took_ms) in puts {
            self.engine.sleep(began + took_ms - self.engine.now()).await;
            if instance.dead.get() {
                return;
            }
            let now = instance.now(self);
            let mut registry = instance.registry.borrow_mut();
            if taken {
                registry.written(id, now);
            } else {
                registry.failed(id, now);
            }
            drop(registry);
            instance.database.take_statements();
        }
    }

    /// Writes to KV: whether the registry is told that it was taken, and after how long.
    fn put(self: &Rc<Self>, instance: &Instance, write: KvWrite) -> (i64, bool, i64) {
        let (shape, now) = (&self.shape, self.engine.now());
        let slow = self.misfortune(shape.kv_slow);
        let took_ms = self.chance.within(if slow { 500..=12_000 } else { 5..=200 });
        let is_list = write.key == KV_NAME;
        let value = if is_list { self.mutated_write(instance, &write) } else { write.value };
        // KV takes one write a second of a key.
        let too_soon = self.kv.borrow().written_at(&write.key).is_some_and(|at| now - at < 900);
        let down = self.weather.kv_down.iter().all(|down| down.get() > 0);
        let fails = down || too_soon || self.misfortune(shape.kv_write_fails);
        let lost = !fails && self.misfortune(shape.kv_write_lost);
        if lost {
            self.truth.borrow_mut().lost_by_kv(&write.key);
        }
        let salt = self.chance.long();
        if !fails && !lost {
            self.kv.borrow_mut().put(&write.key, &value, salt, now);
            if self.misfortune(shape.kv_write_doubled) {
                self.put_again(write.key.clone(), value);
            }
        }
        let told_late =
            self.misfortune(shape.kv_write_fails_late) || took_ms > i64::from(KV_WRITE_TIMEOUT_MS);
        let taken = !fails && !told_late;
        self.log(|| format!("kv: {} {}", write.key, if fails || lost { "not written" } else { "written" }));
        (write.id, taken, took_ms.min(KV_WRITE_TIMEOUT_MS.into()))
    }

    fn mutated_write(&self, instance: &Instance, write: &KvWrite) -> Vec<u8> {
        instance.mutated_list(self, &write.value)
    }

    /// The same write a second time, when newer ones may have come between.
    fn put_again(self: &Rc<Self>, key: String, value: Vec<u8>) {
        let world = Rc::clone(self);
        let in_ms = self.chance.within(1_000..=60_000);
        self.engine.spawn(async move {
            world.engine.sleep(in_ms).await;
            if !world.weather.calm.get() {
                let (salt, now) = (world.chance.long(), world.engine.now());
                world.kv.borrow_mut().put(&key, &value, salt, now);
            }
        });
    }
}
