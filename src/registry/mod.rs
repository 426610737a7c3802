//! The registry: the single writer. A pure state machine over a SQLite database; `now` and randomness are arguments.
//!
//! Standard: DESIGN sections 3, 5, 7 and 8.
//! Invariants: each call is one synchronous block: what it changes is one transaction, and clock, state and the next list
//! number are taken inside it; a refusal or a storage error leaves nothing; what is held in memory is set only after the
//! commit, and can be lost at any time.
//! What it must not know: HTTP, Durable Objects, KV; it says what KV is owed and when to wake it.
//! What a mistake costs: an acknowledged revocation that is lost (false accept).
//!
//! How it is driven: where `uses_wanted` names tokens, the usage shards are asked and what they say is told by `handle`; then
//! `handle` → its transaction is committed → the alarm is set to `next_alarm_at` in the same turn → the answer goes out. On
//! the alarm: `due` → write to KV → `written` or `failed` for each; `announce` → send a webhook, for which nobody waits →
//! `sent`; the alarm again.

mod admin_keys;
mod announcer;
mod authority;
mod bases;
mod call;
pub mod command;
mod deliveries;
mod distribution;
mod events;
mod expiries;
mod families;
mod idempotency;
mod instance;
mod key_holders;
mod lifecycle;
mod list_source;
mod load;
mod notice_rules;
mod notice_view;
mod notices;
mod origin_index;
mod outbox;
mod planned_end;
mod policy;
mod probe;
mod promise;
mod propagation;
mod publisher;
mod rate_use;
mod resealing;
mod restore;
mod retention;
mod retired_keys;
mod rotation;
mod row;
mod schema;
mod self_view;
mod sessions;
mod settings;
mod signing_keys;
mod signs;
mod state;
mod status;
mod sweep;
mod token_counts;
mod token_query;
mod token_row;
mod tokens;

pub use crate::database;
pub use announcer::Post;
pub use deliveries::Attempt;
pub use outbox::KvWrite;
pub use restore::{KvLists, base_of, waits_for_kv};
pub use row::StorageError;
pub use settings::RegistrySettings;

use crate::freshness::Holding;
use crate::limits::{KV_CHECK_INTERVAL_MS, OUTBOX_BACKOFF_MIN_MS, TRAFFIC_STORED_INTERVAL_MS};
use crate::list::Number;
use crate::time::UnixMillis;
use crate::token::Serial;
use call::{Actor, Call};
use command::{AdminCall, Answer, Caller, Command, Fault, Request, TokenUse};
use data_encoding::BASE64;
use database::Database;
use list_source::MadeList;
use load::Load;
use propagation::Propagation;
use restore::Trust;
use row::Stop;
use state::State;
use std::collections::BTreeSet;
use token_counts::TokenCounts;
use token_row::TokenRow;

/// The registry.
#[derive(Debug)]
pub struct Registry<D: Database> {
    database: D,
    settings: RegistrySettings,
    /// The newest list, while nothing has changed since it was made.
    list: Option<MadeList>,
    load: Load,
    propagation: Propagation,
    token_counts: TokenCounts,
    trust: Trust,
    /// The highest list number that a location has told of.
    told: Option<Number>,
    /// When KV last had no answer, or one that could not be used.
    compared_at: Option<UnixMillis>,
    /// KV writes that failed since the instance started.
    kv_failures: u64,
    /// After a storage error the publisher rests until then.
    rests_until: Option<UnixMillis>,
    /// … and the announcer until then.
    hushed_until: Option<UnixMillis>,
    log: Vec<String>,
}

impl<D: Database> Registry<D> {
    /// Brings the database to this release's schema and reads its state.
    ///
    /// # Errors
    /// [`StorageError`] when SQLite fails, a later release wrote the database, or the ring lacks the key that signs.
    pub fn open(database: D, settings: RegistrySettings) -> Result<Self, StorageError> {
        schema::migrate(&database)?;
        let state = database.transaction(|database| State::open(database, &settings))?;
        // Taking the variable away is no restore.
        let is_restored = settings.restore_id.is_some() && settings.restore_id != state.restore_id;
        // The key that a backup names may be gone: a restore chooses another.
        if !is_restored && settings.ring.get(state.signing_key).is_none() {
            return Err(StorageError::MissingKey);
        }
        Ok(Self {
            database,
            settings,
            list: None,
            load: Load::default(),
            propagation: Propagation::default(),
            token_counts: TokenCounts::default(),
            trust: if is_restored { Trust::Restored } else { Trust::Unchecked },
            told: None,
            compared_at: None,
            kv_failures: 0,
            rests_until: None,
            hushed_until: None,
            log: Vec::new(),
        })
    }

    /// Answers one call. `entropy` fills a buffer with unguessable bytes.
    pub fn handle(
        &mut self,
        request: Request,
        now: UnixMillis,
        entropy: &mut dyn FnMut(&mut [u8]),
    ) -> Answer {
        self.load.count(&request, now);
        if let Request::Report { holding, .. } = &request {
            self.told = self.told.max(Some(holding.number));
        }
        if self.trust == Trust::Restored {
            return Answer::Refused(Fault::Restoring);
        }
        let answer = match request {
            Request::List { bound_seconds } => self.list(bound_seconds, now),
            Request::Base { number } => self.base(number),
            Request::Record { serial, .. } => self.record(serial, now),
            Request::CurrentToken { family } => self.current_token(&family, now),
            Request::Report { location, holding } => self.report(location, &holding, now),
            Request::Uses { uses } => self.uses(&uses, now),
            Request::Signs { signs } => {
                self.act_itself(now, |call| call.note_signs(&signs)).map(|()| Answer::Noted)
            }
            Request::Sweep => self.sweep(now),
            Request::Admin(call) => self.admin(*call, now, entropy),
        };
        match answer {
            Ok(answer) => answer,
            Err(Stop::Fault(fault)) => Answer::Refused(fault),
            Err(Stop::Storage(error)) => {
                self.log.push(error.to_string());
                Answer::Refused(Fault::Internal)
            }
        }
    }

    fn sweep(&mut self, now: UnixMillis) -> Result<Answer, Stop> {
        self.database.transaction(|database| sweep::begin(database, now))?;
        Ok(Answer::Noted)
    }

    fn list(&mut self, bound_seconds: i64, now: UnixMillis) -> Result<Answer, Stop> {
        self.note_traffic(now)?;
        let bound_seconds = bound_seconds.min(self.settings.bound_seconds);
        let sealed = BASE64.encode(&self.newest_list(bound_seconds, now)?.sealed);
        Ok(Answer::List { sealed, now })
    }

    fn base(&self, number: Number) -> Result<Answer, Stop> {
        let sealed = bases::sealed(&self.database, &self.settings, number)?;
        Ok(Answer::Base { sealed: sealed.map(|sealed| BASE64.encode(&sealed)) })
    }

    fn report(&mut self, location: String, holding: &Holding, now: UnixMillis) -> Result<Answer, Stop> {
        self.note_traffic(now)?;
        let settings = &self.settings;
        let relearnt = self.database.transaction(|database| {
            key_holders::told(database, &location, &holding.keys, now)?;
            signing_keys::relearn(database, settings, &location, &holding.retired, now)
        })?;
        if let Some(state) = relearnt {
            self.list = None;
            self.propagation.committed(state.changed, state.changed_at);
        }
        if holding.number > State::read(&self.database)?.list_number {
            // A number is stored before it is given: this storage is older than that list.
            self.trust = Trust::Restored;
        }
        self.propagation.reported(location, holding, now);
        Ok(Answer::Reported)
    }

    /// A location gave a sign of traffic: the heartbeat goes on.
    fn note_traffic(&mut self, now: UnixMillis) -> Result<(), StorageError> {
        let stored = State::read(&self.database)?.traffic_at;
        if (0..TRAFFIC_STORED_INTERVAL_MS).contains(&now.since_ms(stored)) {
            return Ok(());
        }
        self.database.transaction(|database| state::traffic_seen(database, now))
    }

    /// The list to hand out at `now` to a caller with this bound: the one held, or a new one whose number is stored first.
    fn newest_list(&mut self, bound_seconds: i64, now: UnixMillis) -> Result<&MadeList, StorageError> {
        let current = self.list.take().filter(|list| list.is_current(bound_seconds, now));
        let list = match current {
            Some(list) => list,
            None => self.database.transaction(|database| list_source::make(database, &self.settings, now))?,
        };
        Ok(self.list.insert(list))
    }

    /// The record as it now is, whatever version was asked for: an older one is of no use to anyone. That a location
    /// asks means that KV did not have it.
    /// A location asks which token of a family pages are given: KV names none, or one that is refused.
    fn current_token(&mut self, family: &str, now: UnixMillis) -> Result<Answer, Stop> {
        let given = distribution::given_out(&self.database, family, now)?;
        Ok(Answer::CurrentToken(given.map(|row| row.claims())))
    }

    fn record(&mut self, serial: Serial, now: UnixMillis) -> Result<Answer, Stop> {
        let settings = &self.settings;
        let sealed = self.database.transaction(|database| {
            let Some(row) = TokenRow::find(database, serial)? else { return Ok(None) };
            let sealed = row.sealed_record(settings, State::read(database)?.signing_key)?;
            let text = BASE64.encode(&sealed.value);
            if outbox::wants_republishing(&row, now) {
                outbox::owe_record(database, &row, sealed, now)?;
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
        // A transaction of its own: that a key was used stays noted although the call is refused.
        let actor = self.database.transaction(|database| match &caller {
            Caller::Key { sha256 } => admin_keys::authenticate(database, settings, sha256, now),
            Caller::Session { sha256 } => sessions::authenticate(database, settings, sha256, now),
        })?;
        if !authority::may(actor.role(), &command) {
            return Err(Fault::Forbidden.into());
        }
        if matches!(command, Command::Status | Command::Metrics) {
            // So that its number, entries and bytes are those of a list as it would be handed out now.
            self.newest_list(self.settings.bound_seconds, now)?;
            self.token_counts.refresh(&self.database, now)?;
        }
        let answer = self.act(actor, now, entropy, |call| call.run(command, idempotency.as_ref()))?;
        Ok(self.completed(answer, now))
    }

    /// The tokens whose uses the caller is to ask the usage shards for, and to tell by [`Request::Uses`], before it puts
    /// `request` to [`Self::handle`]: what is told by itself lags by some minutes.
    pub fn uses_wanted(&mut self, request: &Request, now: UnixMillis) -> Vec<Serial> {
        rotation::uses_wanted(&self.database, request, now).unwrap_or_else(|error| {
            self.log.push(error.to_string());
            Vec::new()
        })
    }

    /// A usage shard told of uses.
    fn uses(&mut self, uses: &[TokenUse], now: UnixMillis) -> Result<Answer, Stop> {
        self.act_itself(now, |call| call.note_uses(uses))?;
        Ok(Answer::Noted)
    }

    /// Runs `body`, which the registry does of itself and which needs no randomness, in one transaction.
    fn act_itself<T>(
        &mut self,
        now: UnixMillis,
        body: impl FnOnce(&mut Call<'_, D>) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        self.act(Actor::System, now, &mut |_| {}, body)
    }

    /// Runs `body` in one transaction; when it changed what the list says, the list held is dropped after the commit.
    fn act<T>(
        &mut self,
        actor: Actor,
        now: UnixMillis,
        entropy: &mut dyn FnMut(&mut [u8]),
        body: impl FnOnce(&mut Call<'_, D>) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let settings = &self.settings;
        let (answer, list_changed) = self.database.transaction(|database| {
            let mut call = Call {
                database,
                settings,
                actor,
                now,
                entropy,
                list_changed: false,
                touched: BTreeSet::new(),
            };
            let answer = body(&mut call)?;
            for serial in &call.touched {
                distribution::owe(database, settings, *serial, now)?;
            }
            let list_changed = if call.list_changed { Some(State::read(database)?) } else { None };
            Ok::<_, Stop>((answer, list_changed))
        })?;
        if let Some(state) = list_changed {
            self.list = None;
            self.propagation.committed(state.changed, state.changed_at);
        }
        Ok(answer)
    }

    /// Whether the caller is to ask KV for its lists now, and to give [`Self::compare`] what it has: once after each start,
    /// and again while KV does not answer. Every caller is told so until one has compared: one that went on while another
    /// still read KV would hand out the list of a backup.
    #[must_use]
    pub fn asks_kv_lists(&self, now: UnixMillis) -> bool {
        self.compares_at(now).is_some_and(|at| at <= now)
    }

    fn compares_at(&self, now: UnixMillis) -> Option<UnixMillis> {
        let again_at = self.compared_at.map(|at| at.plus_ms(KV_CHECK_INTERVAL_MS));
        // A clock that was set back must not put it off.
        let again_at = again_at.filter(|at| at.since_ms(now) <= KV_CHECK_INTERVAL_MS).unwrap_or(now);
        (self.trust != Trust::Whole).then_some(again_at)
    }

    /// Takes what KV has under the names of the list; `None` when it did not answer. When that shows that the storage was
    /// put back from a backup, brings it up to what KV knows.
    pub fn compare(&mut self, read: Option<&KvLists>, now: UnixMillis) {
        if self.trust == Trust::Whole {
            return;
        }
        self.compared_at = Some(now);
        let Some(read) = read else { return };
        if let Err(error) = self.try_compare(read, now) {
            self.rest(&error, now);
        }
    }

    fn try_compare(&mut self, read: &KvLists, now: UnixMillis) -> Result<(), StorageError> {
        let settings = &self.settings;
        let own = State::unconfirmed(&self.database)?;
        match (restore::number_of(&settings.ring, read), self.trust) {
            // Altered by hand: it says nothing of the storage, which nothing else speaks against.
            (Err(fault), Trust::Unchecked) => self.log.push(format!("KV's list cannot be read: {fault:?}")),
            (Ok(number), Trust::Unchecked) if number <= Some(own) => {}
            _ => {
                // Nothing is answered from now on until this has succeeded.
                self.trust = Trust::Restored;
                let known = restore::open(&settings.ring, read).map_err(StorageError::KvList)?;
                let told = self.told;
                self.database.transaction(|database| {
                    restore::restore(database, settings, known.as_ref(), told, now)?;
                    State::confirm(database)
                })?;
                self.log
                    .push(format!("put back from a backup that ended with list {own}; brought up to KV's"));
                self.list = None;
            }
        }
        if self.trust == Trust::Unchecked {
            self.database.transaction(State::confirm)?;
        }
        self.trust = Trust::Whole;
        Ok(())
    }

    /// Storage failed: a try every few seconds, not in every turn.
    fn rest(&mut self, error: &StorageError, now: UnixMillis) {
        self.log.push(error.to_string());
        self.rests_until = Some(now.plus_ms(OUTBOX_BACKOFF_MIN_MS));
    }

    /// Texts of storage errors since the last call, for the log.
    pub fn take_log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }
}
