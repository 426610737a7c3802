//! The publisher: what to write to KV and when, and the outcome of each write.
//!
//! Standard: docs/bound.md, "The publisher": the delta right after a change, at most once a second, and as a
//! heartbeat while there is traffic.
//! Invariants: nothing is written to KV before it was compared with, because a backup's list would overwrite
//! newer knowledge. A base is written before the list that names it. Whatever fails is due again later, after
//! a back-off.
//! What it must not know: KV's API, promises, alarms. It says what is due and when to call it.
//! What a mistake costs: a list that never reaches KV makes every location call the registry (false refuse at
//! worst: the bound does not rest on KV). After a restore, a list that overwrites a newer one undoes
//! revocations (false accept).

use super::outbox::{self, KvWrite};
use super::restore::Trust;
use super::row::{Stop, StorageError};
use super::settings::RegistrySettings;
use super::single_writer::Registry;
use super::state::{self, State};
use super::{bases, licences, resealing, retention, rotation, token_index};
use crate::base::database::Database;
use crate::base::time::UnixMillis;
use crate::formats::list;
use crate::formats::list::Number;
use crate::limits::{AUTO_ROTATE_STEP_MAX, HEARTBEAT_LASTS_MS, MS_PER_SECOND};

impl<D: Database> Registry<D> {
    /// The writes to KV that are due now, at most `limit`. Also carries out planned ends, automatic rotations
    /// and retention, and gathers notices. Report each write with [`Self::written`] or [`Self::failed`]; a
    /// write that is not reported becomes due again. Call this for one batch at a time.
    pub fn due(&mut self, now: UnixMillis, limit: u32) -> Vec<KvWrite> {
        let writes = self.try_due(now, limit).unwrap_or_else(|error| {
            self.pause_publisher(&error, now);
            Vec::new()
        });
        self.rotate_by_itself(now);
        self.make_digests(now);
        self.keep_propagation(now);
        writes
    }

    fn try_due(&mut self, now: UnixMillis, limit: u32) -> Result<Vec<KvWrite>, StorageError> {
        // A backup's list would overwrite newer knowledge in KV.
        if self.trust != Trust::Whole {
            return Ok(Vec::new());
        }
        if rotation::is_due(&self.database, now)? {
            match self.act_itself(now, |transaction| transaction.carry_out_plans()) {
                Ok(()) => {}
                Err(Stop::Storage(error)) => return Err(error),
                Err(Stop::Fault(fault)) => self.log.push(format!("a planned end failed: {fault:?}")),
            }
        }
        if licences::next_due(&self.database, now)?.is_some_and(|at| at <= now) {
            match self.act_itself(now, |transaction| transaction.see_to_licences()) {
                Ok(()) => {}
                Err(Stop::Storage(error)) => return Err(error),
                Err(Stop::Fault(fault)) => self.log.push(format!("a licence was not carried out: {fault:?}")),
            }
        }
        let settings = &self.settings;
        let list_is_due = self.database.transaction(|database| {
            retention::sweep(database, settings, now)?;
            resealing::step(database, settings, now)?;
            token_index::fill::step(database)?;
            if heartbeat_at(database, settings, now)?.is_some_and(|at| at <= now) {
                outbox::queue_list(database, now)?;
            }
            Ok::<_, StorageError>(outbox::list_due(database)?.is_some_and(|(_, at)| at <= now))
        })?;
        if list_is_due {
            // The list comes first: making it may also make a base, and then the list waits until KV has
            // that.
            self.newest_list(self.settings.bound_seconds, now)?;
        }
        let (bases, list_id, records) = self.database.transaction(|database| {
            let bases = outbox::due_bases(database, now)?;
            let list_id = outbox::list_due(database)?.filter(|(_, at)| *at <= now).map(|(id, _)| id);
            // One place is kept for the list, so that a thousand new records cannot delay a revocation.
            let room = limit.saturating_sub(u32::from(list_id.is_some()));
            Ok::<_, StorageError>((bases, list_id, outbox::due_records(database, now, room)?))
        })?;
        let list = list_id.map(|id| self.list_write(id, now)).transpose()?;
        let bases = bases.into_iter().map(|(id, number)| self.base_write(id, number));
        let bases = bases.collect::<Result<Vec<_>, _>>()?;
        Ok(list.into_iter().chain(bases.into_iter().flatten()).chain(records).collect())
    }

    /// Carries out a bounded number of automatic rotations that are due. A failure here does not delay a
    /// list.
    fn rotate_by_itself(&mut self, now: UnixMillis) {
        for _ in 0..AUTO_ROTATE_STEP_MAX {
            match self.try_rotate_by_itself(now) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.pause_publisher(&error, now),
            }
        }
    }

    /// Examines one token. Returns whether one was due.
    fn try_rotate_by_itself(&mut self, now: UnixMillis) -> Result<bool, StorageError> {
        let is_paused = self.publisher_paused_until.is_some_and(|until| until > now);
        let due = rotation::auto::next(&self.database)?.filter(|(_, at)| *at <= now);
        let Some((serial, _)) = due.filter(|_| self.trust == Trust::Whole && !is_paused) else {
            return Ok(false);
        };
        let rotated = match self.act_itself(now, |transaction| transaction.auto_rotate(serial)) {
            Err(Stop::Fault(fault)) => {
                self.act_itself(now, |transaction| transaction.put_off_auto_rotation(serial, &fault))
            }
            rotated => rotated,
        };
        match rotated {
            Ok(()) => Ok(true),
            Err(Stop::Storage(error)) => Err(error),
            Err(Stop::Fault(fault)) => {
                self.log.push(format!("the rotation of tok_{} could not be postponed: {fault:?}", serial.0));
                Ok(false)
            }
        }
    }

    /// The write of a base; `None` when no list completes the base any more, so that it is no longer stored.
    fn base_write(&self, id: i64, number: Number) -> Result<Option<KvWrite>, StorageError> {
        let Some(value) = bases::sealed(&self.database, &self.settings, number)? else {
            self.database.transaction(|database| outbox::written(database, id, UnixMillis(0)))?;
            return Ok(None);
        };
        Ok(Some(KvWrite { id, key: list::base_kv_name(number), value, expiration: None, is_repeated: false }))
    }

    fn list_write(&mut self, id: i64, now: UnixMillis) -> Result<KvWrite, StorageError> {
        let value = self.newest_list(self.settings.bound_seconds, now)?.sealed.clone();
        self.database.transaction(|database| state::list_handed(database, now))?;
        Ok(KvWrite { id, key: list::KV_NAME.to_owned(), value, expiration: None, is_repeated: false })
    }

    /// Records that KV accepted the write `id`.
    pub fn written(&mut self, id: i64, now: UnixMillis) {
        let list_was_refused = self.list_is_refused;
        let written = self.database.transaction(|database| {
            let tried = outbox::written(database, id, now)?;
            // Writes that were refused with this one, or with the list, need not wait any longer. A single
            // write that KV never takes is not tried again with each list.
            if tried.is_some_and(|tried| tried.had_failed || (tried.is_list && list_was_refused)) {
                outbox::bring_forward(database, now)?;
            }
            Ok::<_, StorageError>(tried)
        });
        match written {
            Ok(tried) => self.list_is_refused &= !tried.is_some_and(|tried| tried.is_list),
            Err(error) => self.pause_publisher(&error, now),
        }
    }

    /// Records that KV did not accept the write `id`; it is due again later.
    pub fn failed(&mut self, id: i64, now: UnixMillis) {
        self.kv_failures = self.kv_failures.saturating_add(1);
        match self.database.transaction(|database| outbox::failed(database, id, now)) {
            Ok(tried) => self.list_is_refused |= tried.is_some_and(|tried| tried.is_list),
            Err(error) => self.pause_publisher(&error, now),
        }
    }

    /// When to call [`Self::due`] and [`Self::announce`] next; may be in the past. `None` when there is
    /// nothing to do until the next call.
    pub fn next_alarm_at(&mut self, now: UnixMillis) -> Option<UnixMillis> {
        if self.trust != Trust::Whole {
            return self.compares_at(now);
        }
        let next = outbox::next_due(&self.database).and_then(|outbox| {
            let retention = retention::next_due(&self.database, &self.settings)?;
            let heartbeat = heartbeat_at(&self.database, &self.settings, now)?;
            let resealing = resealing::next_due(&self.database, now)?;
            let filling = token_index::fill::next_due(&self.database, now)?;
            let plans = rotation::next_due(&self.database)?;
            let licences = licences::next_due(&self.database, now)?;
            let auto = rotation::auto::next(&self.database)?.map(|(_, at)| at);
            let owed =
                outbox.into_iter().chain(resealing).chain(filling).chain(plans).chain(licences).chain(auto);
            Ok(owed.chain(retention).chain(heartbeat).min())
        });
        let publishes_at = match next {
            Ok(next) => next.map(|at| self.publisher_paused_until.map_or(at, |until| at.max(until))),
            Err(error) => {
                self.pause_publisher(&error, now);
                self.publisher_paused_until
            }
        };
        publishes_at.into_iter().chain(self.announces_at(now)).min()
    }
}

/// When to rewrite KV's copy of the list although nothing changed. `None` without traffic, and while a list
/// is pending anyway: a list that waits for a record would be requested again and again.
fn heartbeat_at<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    now: UnixMillis,
) -> Result<Option<UnixMillis>, StorageError> {
    let state = State::read(database)?;
    // A clock that was set back must not delay the heartbeat.
    let at = state.list_handed_at.min(now).plus_ms(settings.heartbeat_seconds * MS_PER_SECOND);
    // Zero means that there never was any traffic.
    let is_used = settings.heartbeat_seconds > 0
        && state.traffic_at > UnixMillis(0)
        // The last sign may be of a request long ago, and the last list of earlier still.
        && at.max(now).since_ms(state.traffic_at) < HEARTBEAT_LASTS_MS
        && !outbox::has_pending_list(database)?;
    Ok(is_used.then_some(at))
}
