//! The registry's state machine: the calls that it answers, and what it holds in memory between them.
//!
//! Invariants: each call is one synchronous block. Its changes are one transaction, in which clock, state and
//! the next list number are taken. A refusal or a storage error leaves no trace. Memory is updated only after
//! the commit and can be lost at any time.
//! What it must not know: HTTP, Durable Objects, KV.
//! What a mistake costs: an acknowledged revocation is lost (false accept).

use super::authentication;
use super::command::{AdminCall, Answer, Call, Caller, Command, Fault, ListAskedBy};
use super::list_source::{self, MadeList};
use super::load::Load;
use super::propagation::Propagation;
use super::restore::{self, KvLists, Trust};
use super::row::{Stop, StorageError};
use super::settings::RegistrySettings;
use super::state::State;
use super::token_counts::TokenCounts;
use super::token_row::TokenRow;
use super::transaction::{Actor, Transaction};
use super::{
    bases, command_terms, distribution, key_holders, outbox, propagation_kept, rotation, schema, sessions,
    signing_keys, sweep, token_index,
};
use crate::base::database::Database;
use crate::base::time::UnixMillis;
use crate::control::waiting::Waiting;
use crate::formats::holding::Holding;
use crate::formats::list::Number;
use crate::formats::token::Serial;
use crate::formats::usage::meter::MeterReport;
use crate::formats::usage::token_use::TokenUse;
use crate::limits::{KV_CHECK_INTERVAL_MS, OUTBOX_BACKOFF_MIN_MS};
use base64::prelude::*;
use std::collections::BTreeSet;

/// The registry: its database, and what it holds in memory.
#[derive(Debug)]
pub struct Registry<D: Database> {
    pub(super) database: D,
    pub(super) settings: RegistrySettings,
    /// The newest list, until something changes.
    pub(super) list: Option<MadeList>,
    pub(super) load: Load,
    pub(super) propagation: Propagation,
    /// The calls that wait for a change.
    pub(super) waiting: Waiting,
    pub(super) token_counts: TokenCounts,
    pub(super) trust: Trust,
    /// The highest list number that a location has reported.
    pub(super) highest_reported: Option<Number>,
    /// When a comparison with KV was last attempted; until one succeeds, this sets the next attempt.
    pub(super) compared_at: Option<UnixMillis>,
    /// KV writes that failed since the instance started.
    pub(super) kv_failures: u64,
    /// KV refused the list, and has not taken it since.
    pub(super) list_is_refused: bool,
    /// After a storage error the publisher pauses until then.
    pub(super) publisher_paused_until: Option<UnixMillis>,
    /// After a storage error the announcer pauses until then.
    pub(super) announcer_paused_until: Option<UnixMillis>,
    pub(super) log: Vec<String>,
}

impl<D: Database> Registry<D> {
    /// Brings the database to this release's schema and reads its state.
    ///
    /// # Errors
    /// [`StorageError`] when SQLite fails, a later release wrote the database, or the ring lacks the signing
    /// key.
    pub fn open(database: D, settings: RegistrySettings) -> Result<Self, StorageError> {
        schema::migrate(&database)?;
        let state = database.transaction(|database| {
            token_index::fill::begin(database)?;
            State::open(database, &settings)
        })?;
        // Removing the variable does not signal a restore.
        let is_restored = settings.restore_id.is_some() && settings.restore_id != state.restore_id;
        // The key that a backup names may be gone; the restore then chooses another.
        if !is_restored && settings.ring.get(state.signing_key).is_none() {
            return Err(StorageError::MissingKey);
        }
        let newest = Number { n: state.changed, ..state.list_number };
        let mut propagation = propagation_kept::read(&database)?;
        propagation.committed(state.changed, state.changed_at);
        let waiting = Waiting::new(newest, settings.held_calls_max);
        Ok(Self {
            database,
            settings,
            list: None,
            load: Load::default(),
            propagation,
            waiting,
            token_counts: TokenCounts::default(),
            trust: if is_restored { Trust::Restored } else { Trust::Unchecked },
            highest_reported: None,
            compared_at: None,
            kv_failures: 0,
            list_is_refused: false,
            publisher_paused_until: None,
            announcer_paused_until: None,
            log: Vec::new(),
        })
    }

    /// Answers one call. `entropy` fills a buffer with unguessable bytes.
    pub fn handle(&mut self, call: Call, now: UnixMillis, entropy: &mut dyn FnMut(&mut [u8])) -> Answer {
        self.load.count(&call, now);
        if let Call::Report { holding, .. } = &call {
            self.highest_reported = self.highest_reported.max(Some(holding.number));
        }
        if self.trust == Trust::Restored {
            return Answer::Refused(Fault::Restoring);
        }
        let answer = match call {
            Call::List { bound_seconds, asked_by } => self.list(bound_seconds, asked_by, now),
            Call::Subscribe(call) => self.answer_at_once(call, now),
            Call::Relay(call) => self.relay_at_once(call, now),
            Call::Base { number } => self.base(number),
            Call::Record { serial, .. } => self.record(serial, now),
            Call::CurrentToken { family } => self.current_token(&family, now),
            Call::Report { location, holding } => self.report(location, &holding, now),
            Call::Uses { uses, counted_at, meters } => self.uses(&uses, counted_at, meters.as_ref(), now),
            Call::Signs { signs } => {
                self.act_itself(now, |transaction| transaction.note_anomalies(&signs)).map(|()| Answer::Noted)
            }
            Call::PageFetches { fetches } => self
                .act_itself(now, |transaction| transaction.note_page_fetches(&fetches))
                .map(|()| Answer::Noted),
            Call::Sweep => self.sweep(now),
            Call::Admin(admin) => self.admin(*admin, now, entropy),
        };
        answer.unwrap_or_else(|stop| self.refused(stop))
    }

    pub(super) fn refused(&mut self, stop: Stop) -> Answer {
        match stop {
            Stop::Fault(fault) => Answer::Refused(fault),
            Stop::Storage(error) => {
                self.log.push(error.to_string());
                Answer::Refused(Fault::Internal)
            }
        }
    }

    /// The list has changed, and the change is committed: the list held is outdated.
    fn list_changed(&mut self, state: &State) {
        self.list = None;
        self.propagation.committed(state.changed, state.changed_at);
        self.waiting.changed(Number { n: state.changed, ..state.list_number });
    }

    fn sweep(&mut self, now: UnixMillis) -> Result<Answer, Stop> {
        self.database.transaction(|database| sweep::begin(database, now))?;
        Ok(Answer::Noted)
    }

    fn list(&mut self, bound_seconds: i64, asked_by: ListAskedBy, now: UnixMillis) -> Result<Answer, Stop> {
        match asked_by {
            ListAskedBy::Health => {}
            ListAskedBy::Unnamed => self.note_traffic(now)?,
            ListAskedBy::Isolate { location, isolate, held } => {
                self.note_traffic(now)?;
                if let Some(held) = held {
                    self.propagation.heard((location, isolate), held, 1, None, now);
                }
            }
        }
        let bound_seconds = bound_seconds.min(self.settings.bound_seconds);
        let sealed = BASE64_STANDARD.encode(&self.newest_list(bound_seconds, now)?.sealed);
        Ok(Answer::List { sealed, now })
    }

    fn base(&self, number: Number) -> Result<Answer, Stop> {
        let sealed = bases::sealed(&self.database, &self.settings, number)?;
        Ok(Answer::Base { sealed: sealed.map(|sealed| BASE64_STANDARD.encode(&sealed)) })
    }

    /// Takes what a location reports: which list it holds, and its keys.
    pub(super) fn report(
        &mut self,
        location: String,
        holding: &Holding,
        now: UnixMillis,
    ) -> Result<Answer, Stop> {
        self.note_traffic(now)?;
        let settings = &self.settings;
        let restored = self.database.transaction(|database| {
            key_holders::reported(database, &location, &holding.keys, now)?;
            signing_keys::restore_retirements(database, settings, &location, &holding.retired, now)
        })?;
        if let Some(state) = restored {
            self.list_changed(&state);
        }
        self.suspect_restore(holding.number)?;
        self.propagation.reported(location, holding, now);
        self.keep_propagation(now);
        Ok(Answer::Reported)
    }

    /// Somebody holds list `number`. A number is stored before its list is handed out, so a storage that does
    /// not know it is older than that list.
    pub(super) fn suspect_restore(&mut self, number: Number) -> Result<(), StorageError> {
        if number > State::read(&self.database)?.list_number {
            self.trust = Trust::Restored;
        }
        Ok(())
    }

    /// The list for a caller with this bound at `now`: the one held, or a new one whose number is stored
    /// first.
    pub(super) fn newest_list(
        &mut self,
        bound_seconds: i64,
        now: UnixMillis,
    ) -> Result<&MadeList, StorageError> {
        let current = self.list.take().filter(|list| list.is_current(bound_seconds, now));
        let list = match current {
            Some(list) => list,
            None => self.database.transaction(|database| list_source::make(database, &self.settings, now))?,
        };
        Ok(self.list.insert(list))
    }

    /// Answers a location that asks which token of a family pages get, because KV names none, or one that is
    /// refused.
    fn current_token(&mut self, family: &str, now: UnixMillis) -> Result<Answer, Stop> {
        let given = distribution::given_out(&self.database, family, now)?;
        Ok(Answer::CurrentToken(given.map(|row| row.claims())))
    }

    /// The current record, whatever version was requested: nobody can use an older one. A location asks only
    /// if KV did not have the record.
    fn record(&mut self, serial: Serial, now: UnixMillis) -> Result<Answer, Stop> {
        let settings = &self.settings;
        let sealed = self.database.transaction(|database| {
            let Some(row) = TokenRow::find(database, serial)? else { return Ok(None) };
            let sealed = row.sealed_record(settings, State::read(database)?.signing_key)?;
            let text = BASE64_STANDARD.encode(&sealed.value);
            if outbox::needs_republishing(&row, now) {
                outbox::queue_record(database, &row, sealed, now)?;
            }
            Ok::<_, Stop>(Some((row.version, text)))
        })?;
        Ok(Answer::Record { sealed })
    }

    fn admin(
        &mut self,
        call: AdminCall,
        now: UnixMillis,
        entropy: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Answer, Stop> {
        let AdminCall { caller, command, idempotency } = call;
        let settings = &self.settings;
        // A separate transaction: the use of the key stays recorded even if the call is refused.
        let actor = self.database.transaction(|database| match &caller {
            Caller::Key { sha256 } => authentication::by_key(database, settings, sha256, now),
            Caller::Session { sha256 } => sessions::authenticate(database, settings, sha256, now),
        })?;
        if !command_terms::may(actor.role(), &command) {
            return Err(Fault::Forbidden.into());
        }
        if matches!(command, Command::Status | Command::Metrics) {
            // Makes the list that would be handed out now, so that the status shows its number, entries and
            // bytes.
            self.newest_list(self.settings.bound_seconds, now)?;
            self.token_counts.refresh(&self.database, &self.settings, now)?;
        }
        if command == Command::Metrics {
            self.token_counts.refresh_ends(&self.database, now)?;
        }
        let answer =
            self.act(actor, now, entropy, |transaction| transaction.run(command, idempotency.as_ref()))?;
        Ok(self.completed(answer, now))
    }

    /// The tokens whose latest uses `call` needs. Before [`Self::handle`], the caller asks the usage
    /// shards for them and passes them on as [`Call::Uses`], because the shards' own reports are some
    /// minutes late.
    pub fn uses_wanted(&mut self, call: &Call, now: UnixMillis) -> Vec<Serial> {
        rotation::uses_wanted(&self.database, call, now).unwrap_or_else(|error| {
            self.log.push(error.to_string());
            Vec::new()
        })
    }

    /// Takes a usage shard's report of uses.
    fn uses(
        &mut self,
        uses: &[TokenUse],
        counted_at: Option<UnixMillis>,
        meters: Option<&MeterReport>,
        now: UnixMillis,
    ) -> Result<Answer, Stop> {
        self.act_itself(now, |transaction| transaction.note_uses(uses))?;
        if let Some(at) = counted_at {
            self.note_counted(at, now)?;
        }
        let Some(report) = meters else { return Ok(Answer::Noted) };
        self.act_itself(now, |transaction| transaction.note_meters(report)).map(Answer::NotedMeters)
    }

    /// Runs `body` in one transaction as an action of the registry itself, without randomness.
    pub(super) fn act_itself<T>(
        &mut self,
        now: UnixMillis,
        body: impl FnOnce(&mut Transaction<'_, D>) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        self.act(Actor::System, now, &mut |_| {}, body)
    }

    /// Runs `body` in one transaction. If it changed the list, the list held is dropped after the commit.
    fn act<T>(
        &mut self,
        actor: Actor,
        now: UnixMillis,
        entropy: &mut dyn FnMut(&mut [u8]),
        body: impl FnOnce(&mut Transaction<'_, D>) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let settings = &self.settings;
        let (answer, list_changed) = self.database.transaction(|database| {
            let mut transaction = Transaction {
                database,
                settings,
                actor,
                now,
                entropy,
                list_changed: false,
                announced: None,
                touched: BTreeSet::new(),
            };
            let answer = body(&mut transaction)?;
            distribution::queue(database, settings, &transaction.touched, now)?;
            let list_changed = if transaction.list_changed { Some(State::read(database)?) } else { None };
            Ok::<_, Stop>((answer, list_changed))
        })?;
        if let Some(state) = list_changed {
            self.list_changed(&state);
        }
        Ok(answer)
    }

    /// Whether the caller must now read KV's lists and pass them to [`Self::compare`]: once after each start,
    /// and again while KV does not answer. Every caller is asked until one has compared. Otherwise a caller
    /// could hand out a backup's list while another still reads KV.
    #[must_use]
    pub fn asks_kv_lists(&self, now: UnixMillis) -> bool {
        self.compares_at(now).is_some_and(|at| at <= now)
    }

    pub(super) fn compares_at(&self, now: UnixMillis) -> Option<UnixMillis> {
        let again_at = self.compared_at.map(|at| at.plus_ms(KV_CHECK_INTERVAL_MS));
        // A clock that was set back must not delay the comparison.
        let again_at = again_at.filter(|at| at.since_ms(now) <= KV_CHECK_INTERVAL_MS).unwrap_or(now);
        (self.trust != Trust::Whole).then_some(again_at)
    }

    /// Takes KV's lists; `None` when KV did not answer. If they show that the storage was restored from a
    /// backup, brings it up to date with them.
    pub fn compare(&mut self, read: Option<&KvLists>, now: UnixMillis) {
        if self.trust == Trust::Whole {
            return;
        }
        self.compared_at = Some(now);
        let Some(read) = read else { return };
        if let Err(error) = self.try_compare(read, now) {
            self.pause_publisher(&error, now);
        }
    }

    fn try_compare(&mut self, read: &KvLists, now: UnixMillis) -> Result<(), StorageError> {
        let settings = &self.settings;
        let own = State::unconfirmed(&self.database)?;
        match (restore::number_of(&settings.ring, read), self.trust) {
            // KV's value was altered. It proves nothing about the storage, and nothing else speaks against
            // the storage.
            (Err(fault), Trust::Unchecked) => self.log.push(format!("KV's list cannot be read: {fault:?}")),
            (Ok(number), Trust::Unchecked) if number <= Some(own) => {}
            _ => {
                // Nothing is answered from now on until this has succeeded.
                self.trust = Trust::Restored;
                let known = restore::open(&settings.ring, read).map_err(StorageError::KvList)?;
                let highest_reported = self.highest_reported;
                let state = self.database.transaction(|database| {
                    restore::restore(database, settings, known.as_ref(), highest_reported, now)?;
                    State::confirm(database)?;
                    State::read(database)
                })?;
                self.log
                    .push(format!("put back from a backup that ended with list {own}; brought up to KV's"));
                // Calls that wait hold a list of the epoch before.
                self.list_changed(&state);
            }
        }
        if self.trust == Trust::Unchecked {
            self.database.transaction(State::confirm)?;
        }
        self.trust = Trust::Whole;
        Ok(())
    }

    /// After a storage error: try again in some seconds, not in every turn.
    pub(super) fn pause_publisher(&mut self, error: &StorageError, now: UnixMillis) {
        self.log.push(error.to_string());
        self.publisher_paused_until = Some(now.plus_ms(OUTBOX_BACKOFF_MIN_MS));
    }

    /// Returns and clears the texts of storage errors, for the log.
    pub fn take_log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }
}
