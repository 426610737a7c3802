//! The registry: the single writer. A pure state machine over a SQLite database; `now` and randomness are arguments.
//!
//! Standard: DESIGN sections 3, 5, 7 and 8.
//! Invariants: each call is one synchronous block: what it changes is one transaction, and clock, state and the next list
//! number are taken inside it; a refusal or a storage error leaves nothing; what is held in memory is set only after the
//! commit, and can be lost at any time.
//! What it must not know: HTTP, Durable Objects, KV; it says what KV is owed and when to wake it.
//! What a mistake costs: an acknowledged revocation that is lost (false accept).
//!
//! How it is driven: `handle` → its transaction is committed → the alarm is set to `next_alarm_at` in the same turn →
//! the answer goes out. On the alarm: `due` → write to KV → `written` or `failed` for each → the alarm again.

mod admin_keys;
mod authority;
mod call;
pub mod command;
pub mod database;
mod events;
mod idempotency;
mod lifecycle;
mod list_source;
mod origin_index;
mod outbox;
mod policy;
mod retention;
mod row;
mod schema;
mod settings;
mod state;
mod status;
mod token_query;
mod token_row;
mod tokens;

pub use outbox::KvWrite;
pub use row::StorageError;
pub use settings::RegistrySettings;

use crate::limits::OUTBOX_BACKOFF_MIN_MS;
use crate::list;
use crate::time::UnixMillis;
use crate::token::Serial;
use call::Call;
use command::{AdminCall, Answer, Command, Fault, Request};
use data_encoding::BASE64;
use database::Database;
use list_source::MadeList;
use row::Stop;
use state::State;
use token_row::TokenRow;

/// The registry.
#[derive(Debug)]
pub struct Registry<D: Database> {
    database: D,
    settings: RegistrySettings,
    /// The newest list, while nothing has changed since it was made.
    list: Option<MadeList>,
    /// Calls since the instance started: list, record, admin.
    calls: [u64; 3],
    /// KV writes that failed since the instance started.
    kv_failures: u64,
    /// After a storage error the publisher rests until then.
    rests_until: Option<UnixMillis>,
    log: Vec<String>,
}

impl<D: Database> Registry<D> {
    /// Brings the database to this release's schema and reads its state.
    ///
    /// # Errors
    /// [`StorageError`] when SQLite fails, a later release wrote the database, or the ring lacks the key that signs.
    pub fn open(database: D, settings: RegistrySettings) -> Result<Self, StorageError> {
        schema::migrate(&database)?;
        database.transaction(|database| State::open(database, &settings))?;
        Ok(Self {
            database,
            settings,
            list: None,
            calls: [0; 3],
            kv_failures: 0,
            rests_until: None,
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
        self.count(&request);
        let answer = match request {
            Request::List => self.list(now),
            Request::Record { serial, .. } => self.record(serial, now),
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

    fn count(&mut self, request: &Request) {
        let [list, record, admin] = &mut self.calls;
        let counter = match request {
            Request::List => list,
            Request::Record { .. } => record,
            Request::Admin(_) => admin,
        };
        *counter = counter.saturating_add(1);
    }

    fn list(&mut self, now: UnixMillis) -> Result<Answer, Stop> {
        let sealed = BASE64.encode(&self.newest_list(now)?.sealed);
        Ok(Answer::List { sealed, now })
    }

    /// The list to hand out at `now`: the one held, or a new one whose number is stored first.
    fn newest_list(&mut self, now: UnixMillis) -> Result<&MadeList, StorageError> {
        let current = self.list.take().filter(|list| list.is_current(self.settings.bound_seconds, now));
        let list = match current {
            Some(list) => list,
            None => self.database.transaction(|database| list_source::make(database, &self.settings, now))?,
        };
        Ok(self.list.insert(list))
    }

    /// The record as it now is, whatever version was asked for: an older one is of no use to anyone. That a location
    /// asks means that KV did not have it.
    fn record(&mut self, serial: Serial, now: UnixMillis) -> Result<Answer, Stop> {
        let settings = &self.settings;
        let sealed = self.database.transaction(|database| {
            let Some(row) = TokenRow::find(database, serial)? else { return Ok(None) };
            let sealed = row.sealed_record(settings, State::read(database)?.signing_key)?;
            let text = BASE64.encode(&sealed);
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
        let AdminCall { key_sha256, command, idempotency } = call;
        let settings = &self.settings;
        // A transaction of its own: that a key was used stays noted although the call is refused.
        let actor = self
            .database
            .transaction(|database| admin_keys::authenticate(database, settings, &key_sha256, now))?;
        if !authority::may(actor.role, &command) {
            return Err(Fault::Forbidden.into());
        }
        if command == Command::Status {
            // So that its number, entries and bytes are those of a list as it would be handed out now.
            self.newest_list(now)?;
        }
        let settings = &self.settings;
        let (answer, list_changed) = self.database.transaction(|database| {
            let mut call = Call { database, settings, actor, now, entropy, list_changed: false };
            let answer = call.run(command, idempotency.as_ref())?;
            Ok::<_, Stop>((answer, call.list_changed))
        })?;
        if list_changed {
            self.list = None;
        }
        Ok(self.with_counters(answer))
    }

    /// Adds to a status what only the instance knows.
    fn with_counters(&self, answer: Answer) -> Answer {
        let Answer::Status(mut status) = answer else { return answer };
        if let Some(list) = &self.list {
            status.list_number = (list.number.epoch, list.number.n);
            status.list_entries = u64::try_from(list.entries).unwrap_or(u64::MAX);
            status.list_bytes = u64::try_from(list.sealed.len()).unwrap_or(u64::MAX);
        }
        status.outbox_failures = self.kv_failures;
        status.calls = self.calls;
        Answer::Status(status)
    }

    /// What to write to KV now, at most `limit` writes; also deletes what retention no longer keeps. Each write is
    /// reported by [`Self::written`] or [`Self::failed`]; one that is not is due again. Call it for one batch at a time.
    pub fn due(&mut self, now: UnixMillis, limit: u32) -> Vec<KvWrite> {
        match self.try_due(now, limit) {
            Ok(writes) => writes,
            Err(error) => {
                self.rest(&error, now);
                Vec::new()
            }
        }
    }

    fn try_due(&mut self, now: UnixMillis, limit: u32) -> Result<Vec<KvWrite>, StorageError> {
        let settings = &self.settings;
        let (list_id, records) = self.database.transaction(|database| {
            retention::sweep(database, settings, now)?;
            let list_id = outbox::list_due(database)?.filter(|(_, at)| *at <= now).map(|(id, _)| id);
            // A place is kept for the list, the first: a thousand new records must not delay a revocation.
            let room = limit.saturating_sub(u32::from(list_id.is_some()));
            Ok::<_, StorageError>((list_id, outbox::due_records(database, now, room)?))
        })?;
        let list = list_id.map(|id| self.list_write(id, now)).transpose()?;
        Ok(list.into_iter().chain(records).collect())
    }

    fn list_write(&mut self, id: i64, now: UnixMillis) -> Result<KvWrite, StorageError> {
        let value = self.newest_list(now)?.sealed.clone();
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

    /// When to call [`Self::due`] next; `None` when there is nothing to do until the next call. May be in the past.
    pub fn next_alarm_at(&mut self, now: UnixMillis) -> Option<UnixMillis> {
        let next = outbox::next_due(&self.database).and_then(|outbox| {
            let retention = retention::next_due(&self.database, &self.settings)?;
            Ok(outbox.into_iter().chain(retention).min())
        });
        match next {
            Ok(next) => next.map(|at| self.rests_until.map_or(at, |rest| at.max(rest))),
            Err(error) => {
                self.rest(&error, now);
                self.rests_until
            }
        }
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
