//! A usage shard: stores what isolates counted for its tokens, and reports to the registry when they were
//! used. A pure state machine over a SQLite database; `now` is an argument.
//!
//! Standard: docs/lifecycle.md, "Usage".
//! Invariants: whatever an answer acknowledges is committed. A batch is folded in once, even if it is
//! repeated or late. A first use is reported until the registry has answered. Storage is bounded by the
//! number of tokens.
//! What it must not know: tokens' settings, HTTP, Durable Objects.
//! What a mistake costs: a token in use counts as unused, or its traffic is not seen (false refuse).
//!
//! How it is driven: after `handle`, the caller sets the alarm to `next_alarm_at` and then sends the
//! answer. On an alarm, the caller runs `sweep`; sends `uses_due`, `traffic_due` and `meters_due` to the
//! registry and calls `uses_reported` and `meters_taken`, or `report_failed`; sends `anomalies_due` to the
//! registry and calls `anomalies_reported`; and sets the alarm again.

mod anomaly_search;
mod fold;
mod meters;
mod read;
mod refusals;
mod rows;
mod schema;
mod state;
mod sweep;
mod uses;

pub use rows::ShardError;
pub use state::Shard;

use state::RefusalRoom;

use crate::base::database::{Database, migration};
use crate::base::time::UnixMillis;
use crate::formats::usage::reading::{ShardAnswer, ShardCall};

impl<D: Database> Shard<D> {
    /// Migrates the database to this release's schema.
    ///
    /// # Errors
    /// [`ShardError`] when SQLite fails or a later release wrote the database.
    pub fn open(database: D) -> Result<Self, ShardError> {
        migration::migrate(&database, schema::MIGRATIONS)?;
        rows::begin(&database)?;
        Ok(Self {
            database,
            is_urgent: false,
            is_urgent_anew: false,
            marks_left: false,
            counted_at: None,
            retry: None,
            walk: None,
            backs_off_until: None,
            search: None,
            anomalies: Vec::new(),
            refusal_room: RefusalRoom::default(),
            log: Vec::new(),
        })
    }

    pub fn handle(&mut self, request: &ShardCall, now: UnixMillis) -> ShardAnswer {
        let answer = match request {
            ShardCall::Report(report) => self.take(report, now),
            ShardCall::Read { serials, range } => {
                read::usage(&self.database, serials, *range).map(ShardAnswer::Usage)
            }
            ShardCall::Uses { serials } => read::uses(&self.database, serials).map(ShardAnswer::Uses),
            ShardCall::Totals => rows::totals(&self.database).map(ShardAnswer::Totals),
            ShardCall::Refusals(asked) => {
                refusals::read(&self.database, asked, now).map(ShardAnswer::Refusals)
            }
        };
        answer.unwrap_or_else(|error| {
            self.log.push(error.to_string());
            ShardAnswer::Failed
        })
    }

    /// When to call [`Self::sweep`] and [`Self::uses_due`] next; `None` when there is nothing to do until the
    /// next call. May be in the past.
    pub fn next_alarm_at(&mut self, now: UnixMillis) -> Option<UnixMillis> {
        let next =
            self.reports_at(now).and_then(|report| Ok(report.into_iter().chain(self.sweeps_at(now)?).min()));
        match next {
            Ok(next) => next.map(|at| self.backs_off_until.map_or(at, |until| at.max(until))),
            Err(error) => {
                self.back_off(&error, now);
                self.backs_off_until
            }
        }
    }
}
