//! A usage shard: keeps what isolates counted of its tokens, and tells the registry when they were used. A pure state
//! machine over a SQLite database; `now` is an argument.
//!
//! Standard: DESIGN sections 3 and 8.
//! Invariants: what an answer acknowledges is committed; a batch is folded in once, whatever is sent again or arrives late;
//! a first use is told until the registry has answered; storage is bounded by the number of tokens.
//! What it must not know: tokens' settings, HTTP, Durable Objects.
//! What a mistake costs: as in `usage`.
//!
//! How it is driven: `handle` → the alarm is set to `next_alarm_at` → the answer goes out. On the alarm: `sweep`; then
//! `uses_due` → the registry → `told` or `not_told`; `signs_due` → the registry → `signs_told`; then the alarm again.

mod fold;
mod read;
mod rows;
mod schema;
mod signs;
mod sweep;
mod uses;

pub use rows::ShardError;

use super::reading::{Answer, Request};
use super::sign::Sign;
use crate::database::{Database, migration};
use crate::time::UnixMillis;
use signs::Look;
use sweep::Walk;

/// A usage shard.
#[derive(Debug)]
pub struct Shard<D: Database> {
    database: D,
    /// A first use waits to be told.
    is_urgent: bool,
    /// The registry did not answer: the next try, and how long it waited for this one.
    retry: Option<(UnixMillis, i64)>,
    /// A walk through the rows that is under way.
    walk: Option<Walk>,
    /// After a storage error nothing is done by itself until then.
    rests_until: Option<UnixMillis>,
    /// A look for signs that is under way.
    look: Option<Look>,
    /// Signs that the registry has not taken yet.
    signs: Vec<Sign>,
    log: Vec<String>,
}

impl<D: Database> Shard<D> {
    /// Brings the database to this release's schema.
    ///
    /// # Errors
    /// [`ShardError`] when SQLite fails or a later release wrote the database.
    pub fn open(database: D) -> Result<Self, ShardError> {
        migration::migrate(&database, schema::MIGRATIONS)?;
        rows::begin(&database)?;
        Ok(Self {
            database,
            is_urgent: false,
            retry: None,
            walk: None,
            rests_until: None,
            look: None,
            signs: Vec::new(),
            log: Vec::new(),
        })
    }

    /// Answers one call.
    pub fn handle(&mut self, request: &Request, now: UnixMillis) -> Answer {
        let answer = match request {
            Request::Report(report) => self.take(report, now),
            Request::Read { serials, range } => {
                read::usage(&self.database, serials, *range).map(Answer::Usage)
            }
            Request::Uses { serials } => read::uses(&self.database, serials).map(Answer::Uses),
            Request::Totals => rows::totals(&self.database).map(Answer::Totals),
        };
        answer.unwrap_or_else(|error| {
            self.log.push(error.to_string());
            Answer::Failed
        })
    }

    /// When to call [`Self::sweep`] and [`Self::uses_due`] next; `None` when there is nothing to do until the next call. May
    /// be in the past.
    pub fn next_alarm_at(&mut self, now: UnixMillis) -> Option<UnixMillis> {
        let next = self.tells_at(now).and_then(|tell| Ok(tell.into_iter().chain(self.sweeps_at(now)?).min()));
        match next {
            Ok(next) => next.map(|at| self.rests_until.map_or(at, |rest| at.max(rest))),
            Err(error) => {
                self.rest(&error, now);
                self.rests_until
            }
        }
    }

    /// Texts of storage errors since the last call, for the log.
    pub fn take_log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    /// Storage failed: a try every few seconds, not in every turn.
    fn rest(&mut self, error: &ShardError, now: UnixMillis) {
        self.log.push(error.to_string());
        self.rests_until = Some(now.plus_ms(crate::limits::USAGE_RETRY_MIN_MS));
    }
}
