//! The publisher: what to write to KV when, and what became of it.
//!
//! Standard: DESIGN section 5: the delta right after a change, at most once a second, and as a heartbeat while there is
//! traffic.
//! Invariants: KV is not written before it was compared with: a backup's list would go over what KV knows better; a base
//! goes before the list that names it; whatever fails is due again later, never in circles.
//! What it must not know: KV's API, promises, alarms: it says what is due and when to be called.
//! What a mistake costs: a list that never reaches KV costs every location a call (false refuse at worst: the bound does not
//! rest on KV); one written over a newer one after a restore undoes revocations (false accept).

use super::database::Database;
use super::outbox::{self, KvWrite};
use super::restore::Trust;
use super::row::{Stop, StorageError};
use super::settings::RegistrySettings;
use super::state::{self, State};
use super::{Registry, bases, resealing, retention, rotation};
use crate::limits::{AUTO_ROTATE_STEP_MAX, MS_PER_SECOND, TRAFFIC_LASTS_MS};
use crate::list::{self, Number};
use crate::time::UnixMillis;

impl<D: Database> Registry<D> {
    /// What to write to KV now, at most `limit` writes; also deletes what retention no longer keeps, and gathers notices.
    /// Each write is reported by [`Self::written`] or [`Self::failed`]; one that is not is due again. Call it for one batch
    /// at a time.
    pub fn due(&mut self, now: UnixMillis, limit: u32) -> Vec<KvWrite> {
        let writes = self.try_due(now, limit).unwrap_or_else(|error| {
            self.rest(&error, now);
            Vec::new()
        });
        self.rotate_by_itself(now);
        self.gather(now);
        writes
    }

    fn try_due(&mut self, now: UnixMillis, limit: u32) -> Result<Vec<KvWrite>, StorageError> {
        // A backup's list would be written over what KV knows better.
        if self.trust != Trust::Whole {
            return Ok(Vec::new());
        }
        if rotation::is_due(&self.database, now)? {
            match self.act_itself(now, |call| call.carry_out_plans()) {
                Ok(()) => {}
                Err(Stop::Storage(error)) => return Err(error),
                Err(Stop::Fault(fault)) => self.log.push(format!("a planned end was refused: {fault:?}")),
            }
        }
        let settings = &self.settings;
        let list_is_due = self.database.transaction(|database| {
            retention::sweep(database, settings, now)?;
            resealing::step(database, settings, now)?;
            if heartbeat_at(database, settings, now)?.is_some_and(|at| at <= now) {
                outbox::owe_list(database, now)?;
            }
            Ok::<_, StorageError>(outbox::list_due(database)?.is_some_and(|(_, at)| at <= now))
        })?;
        if list_is_due {
            // Made first: it may make a base too, and then waits until KV has that.
            self.newest_list(self.settings.bound_seconds, now)?;
        }
        let (bases, list_id, records) = self.database.transaction(|database| {
            let bases = outbox::due_bases(database, now)?;
            let list_id = outbox::list_due(database)?.filter(|(_, at)| *at <= now).map(|(id, _)| id);
            // A place is kept for the list, the first: a thousand new records must not delay a revocation.
            let room = limit.saturating_sub(u32::from(list_id.is_some()));
            Ok::<_, StorageError>((bases, list_id, outbox::due_records(database, now, room)?))
        })?;
        let list = list_id.map(|id| self.list_write(id, now)).transpose()?;
        let bases = bases.into_iter().map(|(id, number)| self.base_write(id, number));
        let bases = bases.collect::<Result<Vec<_>, _>>()?;
        Ok(list.into_iter().chain(bases.into_iter().flatten()).chain(records).collect())
    }

    /// Rotates a bounded number of tokens that are to be rotated by now. What goes wrong here does not hold up a list.
    fn rotate_by_itself(&mut self, now: UnixMillis) {
        for _ in 0..AUTO_ROTATE_STEP_MAX {
            match self.try_rotate_by_itself(now) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.rest(&error, now),
            }
        }
    }

    /// Looks at one token. Whether there was one.
    fn try_rotate_by_itself(&mut self, now: UnixMillis) -> Result<bool, StorageError> {
        let is_resting = self.rests_until.is_some_and(|until| until > now);
        let due = rotation::auto::next(&self.database)?.filter(|(_, at)| *at <= now);
        let Some((serial, _)) = due.filter(|_| self.trust == Trust::Whole && !is_resting) else {
            return Ok(false);
        };
        let rotated = match self.act_itself(now, |call| call.auto_rotate(serial)) {
            Err(Stop::Fault(fault)) => {
                self.act_itself(now, |call| call.put_off_auto_rotation(serial, &fault))
            }
            rotated => rotated,
        };
        match rotated {
            Ok(()) => Ok(true),
            Err(Stop::Storage(error)) => Err(error),
            Err(Stop::Fault(fault)) => {
                self.log.push(format!("the rotation of tok_{} cannot be put off: {fault:?}", serial.0));
                Ok(false)
            }
        }
    }

    /// The write of a base; `None` when it is no longer completed, and so no longer stored.
    fn base_write(&self, id: i64, number: Number) -> Result<Option<KvWrite>, StorageError> {
        let Some(value) = bases::sealed(&self.database, &self.settings, number)? else {
            self.database.transaction(|database| outbox::written(database, id, UnixMillis(0)))?;
            return Ok(None);
        };
        Ok(Some(KvWrite { id, key: list::base_kv_name(number), value, expiration: None }))
    }

    fn list_write(&mut self, id: i64, now: UnixMillis) -> Result<KvWrite, StorageError> {
        let value = self.newest_list(self.settings.bound_seconds, now)?.sealed.clone();
        self.database.transaction(|database| state::list_handed(database, now))?;
        Ok(KvWrite { id, key: list::KV_NAME.to_owned(), value, expiration: None })
    }

    /// KV took the write `id`.
    pub fn written(&mut self, id: i64, now: UnixMillis) {
        let written = self.database.transaction(|database| outbox::written(database, id, now));
        if let Err(error) = written {
            self.rest(&error, now);
        }
    }

    /// KV did not take the write `id`; it is due again later.
    pub fn failed(&mut self, id: i64, now: UnixMillis) {
        self.kv_failures = self.kv_failures.saturating_add(1);
        let failed = self.database.transaction(|database| outbox::failed(database, id, now));
        if let Err(error) = failed {
            self.rest(&error, now);
        }
    }

    /// When to call [`Self::due`] and [`Self::announce`] next; `None` when there is nothing to do until the next call. May be
    /// in the past.
    pub fn next_alarm_at(&mut self, now: UnixMillis) -> Option<UnixMillis> {
        if self.trust != Trust::Whole {
            return self.compares_at(now);
        }
        let next = outbox::next_due(&self.database).and_then(|outbox| {
            let retention = retention::next_due(&self.database, &self.settings)?;
            let heartbeat = heartbeat_at(&self.database, &self.settings, now)?;
            let resealing = resealing::next_due(&self.database, now)?;
            let plans = rotation::next_due(&self.database)?;
            let auto = rotation::auto::next(&self.database)?.map(|(_, at)| at);
            let owed = outbox.into_iter().chain(resealing).chain(plans).chain(auto);
            Ok(owed.chain(retention).chain(heartbeat).min())
        });
        let publishes_at = match next {
            Ok(next) => next.map(|at| self.rests_until.map_or(at, |rest| at.max(rest))),
            Err(error) => {
                self.rest(&error, now);
                self.rests_until
            }
        };
        publishes_at.into_iter().chain(self.announces_at(now)).min()
    }
}

/// When KV's copy of the list is to be written anew although nothing has changed; `None` without traffic, and while a list
/// is owed anyway: one that waits for a record would be owed again and again.
fn heartbeat_at<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    now: UnixMillis,
) -> Result<Option<UnixMillis>, StorageError> {
    let state = State::read(database)?;
    // A clock that was set back must not put it off.
    let at = state.list_handed_at.min(now).plus_ms(settings.heartbeat_seconds * MS_PER_SECOND);
    // Zero: there never was any.
    let is_used = settings.heartbeat_seconds > 0
        && state.traffic_at > UnixMillis(0)
        && at.since_ms(state.traffic_at) < TRAFFIC_LASTS_MS
        && !outbox::awaits_list(database)?;
    Ok(is_used.then_some(at))
}
