//! The announcer: makes digests of what is owed, and says which webhook to send when.
//!
//! Standard: DESIGN section 8, "Notices".
//! Invariants: what fails here never holds up the publisher: notices have transactions, and a rest after an error, of their
//! own; a webhook is begun in storage before it is sent, and what came of it is told afterwards, by whoever sent it.
//! What it must not know: HTTP, promises, alarms.
//! What a mistake costs: a late notice. It must never cost a late list.

use super::Registry;
use super::database::{Database, Value};
use super::deliveries::{self, Attempt};
use super::notices;
use super::restore::Trust;
use super::row::{Columns, StorageError};
use super::sweep;
use crate::limits::ANNOUNCER_REST_MS;
use crate::time::UnixMillis;
use crate::webhook::{Answered, WebhookRequest};

/// A webhook to send now. What came of it goes to [`Registry::sent`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Which of which notice's requests this is.
    pub attempt: Attempt,
    /// The request.
    pub request: WebhookRequest,
}

impl<D: Database> Registry<D> {
    /// Takes a step of the sweep, makes a digest if one is due, and forgets old notices.
    pub(super) fn gather(&mut self, now: UnixMillis) {
        if self.is_hushed(now) {
            return;
        }
        let settings = &self.settings;
        let swept = self.database.transaction(|database| sweep::step(database, now));
        let gathered = swept.and_then(|()| {
            self.database.transaction(|database| {
                notices::forget_old(database, now)?;
                notices::digest(database, settings, now)
            })
        });
        if let Err(error) = gathered {
            self.hush(&error, now);
        }
    }

    /// The webhook to send now; `None` when none is due, or one is under way.
    pub fn announce(&mut self, now: UnixMillis) -> Option<Post> {
        if self.is_hushed(now) {
            return None;
        }
        match self.try_announce(now) {
            Ok(post) => post,
            Err(error) => {
                self.hush(&error, now);
                None
            }
        }
    }

    fn is_hushed(&self, now: UnixMillis) -> bool {
        // A backup's notices may have been sent already.
        self.trust != Trust::Whole || self.hushed_until.is_some_and(|until| until > now)
    }

    fn try_announce(&self, now: UnixMillis) -> Result<Option<Post>, StorageError> {
        let Some(webhook) = &self.settings.webhook else { return Ok(None) };
        self.database.transaction(|database| {
            let Some(attempt) = deliveries::begin(database, now)? else { return Ok(None) };
            let rows = database
                .query("SELECT epoch, body FROM notice WHERE id = ?", &[Value::Integer(attempt.notice)])?;
            let mut columns = Columns::of(rows.into_iter().next().ok_or(StorageError::Unreadable)?);
            let id = notices::webhook_id(columns.number()?, attempt.notice);
            let request = webhook.request(&id, columns.text()?, now.floor_seconds());
            Ok(Some(Post { attempt, request }))
        })
    }

    /// What came of a webhook that was sent. `chance` is any number, so that many that failed together are not tried again
    /// together.
    pub fn sent(&mut self, attempt: Attempt, answered: Answered, chance: u32, now: UnixMillis) {
        let noted = self.database.transaction(|database| match answered.verdict() {
            Ok(()) => deliveries::taken(database, attempt, now),
            Err(fault) => deliveries::failed(database, attempt, fault, chance, now),
        });
        if let Err(error) = noted {
            self.hush(&error, now);
        }
    }

    /// When to call [`Self::due`] for the sake of notices, and [`Self::announce`], next. May be in the past.
    pub(super) fn announces_at(&mut self, now: UnixMillis) -> Option<UnixMillis> {
        match self.try_announces_at(now) {
            Ok(next) => next.map(|at| self.hushed_until.map_or(at, |until| at.max(until))),
            Err(error) => {
                self.hush(&error, now);
                self.hushed_until
            }
        }
    }

    fn try_announces_at(&self, now: UnixMillis) -> Result<Option<UnixMillis>, StorageError> {
        let digest = notices::next_due(&self.database, now)?;
        let delivery = match &self.settings.webhook {
            Some(_) => deliveries::next_due(&self.database)?,
            None => None,
        };
        let sweep = sweep::next_due(&self.database, now)?;
        Ok(digest.into_iter().chain(delivery).chain(sweep).min())
    }

    /// Storage failed: a try every minute, and the publisher goes on.
    fn hush(&mut self, error: &StorageError, now: UnixMillis) {
        self.log.push(format!("notices: {error}"));
        self.hushed_until = Some(now.plus_ms(ANNOUNCER_REST_MS));
    }
}
