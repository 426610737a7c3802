//! The registry's alarm, its writes to KV, and its reads from KV after a start.
//!
//! Mirrors `alarm`, `publish` and `compare` of `platform/registry_object.rs` await for await.

use crate::control::Instance;
use crate::mutation::Mutation;
use crate::releases::NEWEST;
use crate::world::World;
use std::rc::Rc;
use wayleave::control::registry::{KvLists, KvWrite, base_of};
use wayleave::formats::list::KV_NAME;
use wayleave::limits::{
    ALARM_LATE_MAX_MS, KV_READ_TIMEOUT_MS, KV_WRITE_TIMEOUT_MS, LIST_KV_CACHE_TTL_SECONDS, OUTBOX_BATCH_MAX,
};

impl World {
    /// Sets the alarm for the time when something is due next.
    pub(crate) fn set_alarm(self: &Rc<Self>, instance: &Rc<Instance>) {
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
        // The platform runs one alarm at a time, starts a crashed instance for it, and repeats it after a
        // failure.
        loop {
            if self.control.alarm.get() != alarm {
                return;
            }
            match self.instance() {
                Some(instance) if !instance.publishing.get() => {
                    instance.alarm_at.set(None);
                    instance.publishing.set(true);
                    self.compare(&instance).await;
                    self.publish(&instance).await;
                    instance.publishing.set(false);
                    if !instance.dead.get() {
                        self.set_alarm(&instance);
                        self.wake(&instance);
                        return;
                    }
                }
                _ => {}
            }
            self.engine.sleep(2_000).await;
        }
    }

    async fn publish(self: &Rc<Self>, instance: &Rc<Instance>) {
        if instance.dead.get() {
            return;
        }
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

    /// Writes to KV. Returns the write, whether the registry learns of a success, and after how long.
    fn put(self: &Rc<Self>, instance: &Instance, write: KvWrite) -> (i64, bool, i64) {
        let (shape, now) = (&self.shape, self.engine.now());
        let KvWrite { id, key, value, .. } = instance.altered_write(self, write);
        let value = self.as_written(&key, value);
        self.counts.borrow_mut().kv_writes += 1;
        self.counts.borrow_mut().bases += u64::from(key.starts_with("list/base/") && !value.is_empty());
        let slow = self.misfortune(shape.kv_slow);
        let took_ms = self.chance.within(if slow { 500..=12_000 } else { 5..=200 });
        // KV accepts one write per second to a key.
        let too_soon = self.kv.borrow().written_at(&key).is_some_and(|at| now - at < 900);
        let down = self.weather.kv_down.iter().all(|down| down.get() > 0);
        let fails = down || too_soon || self.misfortune(shape.kv_write_fails);
        let lost = !fails && self.misfortune(shape.kv_write_lost);
        if lost {
            self.truth.borrow_mut().lost_by_kv(&key);
        }
        let salt = self.chance.long();
        self.log(|| format!("kv: {key} {}", if fails || lost { "not written" } else { "written" }));
        if !fails && !lost {
            self.kv.borrow_mut().put(&key, &value, salt, now);
            if self.misfortune(shape.kv_write_doubled) {
                self.put_again(key, value);
            }
        }
        let told_late =
            self.misfortune(shape.kv_write_fails_late) || took_ms > i64::from(KV_WRITE_TIMEOUT_MS);
        let taken = !fails && !told_late;
        (id, taken, took_ms.min(KV_WRITE_TIMEOUT_MS.into()))
    }

    /// Repeats a write later, possibly after newer ones.
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

    /// Once after a start, and until KV answers: compares KV's lists with the storage.
    pub(crate) async fn compare(self: &Rc<Self>, instance: &Rc<Instance>) {
        if instance.dead.get() || !instance.registry.borrow_mut().asks_kv_lists(instance.now(self)) {
            return;
        }
        let read = self.kv_lists().await;
        if instance.dead.get() {
            return;
        }
        let epoch = instance.epoch();
        let nothing = KvLists { delta: None, base: None };
        let ignored = self.mutation() == Some(Mutation::RestoredWithoutKv);
        let given = if ignored { read.as_ref().map(|_| &nothing) } else { read.as_ref() };
        instance.registry.borrow_mut().compare(given, instance.now(self));
        for line in instance.registry.borrow_mut().take_log() {
            self.log(|| format!("registry: {line}"));
        }
        instance.database.take_statements();
        // Whatever a superseded instance concludes never becomes durable.
        if instance.epoch() != epoch && instance.answers_leave(self) {
            self.learn_restoration(instance, epoch, read.as_ref());
        }
    }

    /// KV's delta and the base that it names; `None` when KV did not answer.
    async fn kv_lists(self: &Rc<Self>) -> Option<KvLists> {
        let delta = self.kv_value(KV_NAME).await?;
        let base = match delta.as_deref().and_then(|delta| base_of(&self.ring, delta)) {
            Some(number) => self.kv_value(&wayleave::formats::list::base_kv_name(number)).await?,
            None => None,
        };
        Some(KvLists { delta, base })
    }

    /// A read from the registry's own location.
    async fn kv_value(self: &Rc<Self>, key: &str) -> Option<Option<Vec<u8>>> {
        let location = self.shape.isolates.len();
        let (timeout_ms, took_ms) = (i64::from(KV_READ_TIMEOUT_MS), self.kv_read_takes());
        let down = self.weather.kv_down[location].get() > 0;
        let fails = down || self.misfortune(self.shape.kv_fails) || took_ms > timeout_ms;
        self.counts.borrow_mut().kv_reads += 1;
        self.engine.sleep(took_ms.min(timeout_ms)).await;
        if fails {
            return None;
        }
        let ttl_ms = self.kv_cache_ms(LIST_KV_CACHE_TTL_SECONDS);
        let value = self.kv.borrow_mut().get(location, key, ttl_ms, self.engine.now());
        // The registry's release can read all formats that it writes.
        Some(value.map(|value| self.as_read_by(NEWEST, key, &value).into_owned()))
    }

    pub(crate) fn kv_read_takes(&self) -> i64 {
        let slow = self.misfortune(self.shape.kv_slow) || self.weather.slow.get() > 0;
        self.chance.within(if slow { 200..=3_000 } else { 1..=60 })
    }

    /// How long KV's cache at a location keeps a value; sometimes longer than requested.
    pub(crate) fn kv_cache_ms(&self, ttl_seconds: u32) -> i64 {
        i64::from(ttl_seconds) * if self.misfortune(self.shape.kv_stale) { 4_000 } else { 1_000 }
    }
}
