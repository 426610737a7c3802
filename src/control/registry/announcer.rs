//! The announcer: makes digests of queued notices, and says which webhook to send when.
//!
//! Standard: docs/lifecycle.md, "Notices", "Webhooks".
//! Invariants: a failure here never delays the publisher: notices have their own transactions and their own
//! pause after an error. A request is recorded before it is sent; whoever sent it reports the outcome
//! afterwards.
//! What it must not know: HTTP, promises, alarms.
//! What a mistake costs: a late notice. It must never cost a late list.

use super::admin_key_notices;
use super::deliveries::{self, Attempt};
use super::notices;
use super::restore::Trust;
use super::row::StorageError;
use super::single_writer::Registry;
use super::sweep;
use crate::base::database::{Database, Rows};
use crate::base::time::UnixMillis;
use crate::control::webhook::{Answered, WebhookRequest};
use crate::limits::ANNOUNCER_REST_MS;

/// A webhook to send now. Report the outcome with [`Registry::sent`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// The request's place in its delivery.
    pub attempt: Attempt,
    /// The HTTP request to send.
    pub request: WebhookRequest,
}

impl<D: Database> Registry<D> {
    /// Takes a step of the sweep, makes a digest if one is due, and deletes old notices.
    pub(super) fn make_digests(&mut self, now: UnixMillis) {
        if self.is_announcer_paused(now) {
            return;
        }
        let settings = &self.settings;
        let swept = self.database.transaction(|database| match sweep::step(database, now)? {
            true => admin_key_notices::make(database, settings, now),
            false => Ok(()),
        });
        let gathered = swept.and_then(|()| {
            self.database.transaction(|database| {
                notices::forget_old(database, now)?;
                notices::digest(database, settings, now)
            })
        });
        if let Err(error) = gathered {
            self.pause_announcer(&error, now);
        }
    }

    /// The webhook to send now; `None` when none is due, or one is under way.
    pub fn announce(&mut self, now: UnixMillis) -> Option<Post> {
        if self.is_announcer_paused(now) {
            return None;
        }
        match self.try_announce(now) {
            Ok(post) => post,
            Err(error) => {
                self.pause_announcer(&error, now);
                None
            }
        }
    }

    fn is_announcer_paused(&self, now: UnixMillis) -> bool {
        // A backup's notices may have been sent already.
        self.trust != Trust::Whole || self.announcer_paused_until.is_some_and(|until| until > now)
    }

    fn try_announce(&self, now: UnixMillis) -> Result<Option<Post>, StorageError> {
        let Some(webhook) = &self.settings.webhook else { return Ok(None) };
        self.database.transaction(|database| {
            let Some(attempt) = deliveries::begin(database, now)? else { return Ok(None) };
            let sql = "SELECT epoch, body FROM notice WHERE id = ?";
            let (epoch, body) = database.query_one(sql, &[attempt.notice.into()], |columns| {
                Ok((columns.number()?, columns.text()?))
            })?;
            let id = notices::webhook_id(epoch, attempt.notice);
            let request = webhook.request(&id, body, now.floor_seconds());
            Ok(Some(Post { attempt, request }))
        })
    }

    /// Records the outcome of a webhook. `chance` is a random number that spreads retries, so that webhooks
    /// that failed together are not retried together.
    pub fn sent(&mut self, attempt: Attempt, answered: Answered, chance: u32, now: UnixMillis) {
        let noted = self.database.transaction(|database| match answered.verdict() {
            Ok(()) => deliveries::taken(database, attempt, now),
            Err(fault) => deliveries::failed(database, attempt, fault, chance, now),
        });
        if let Err(error) = noted {
            self.pause_announcer(&error, now);
        }
    }

    /// When to call [`Self::due`] for notices, and [`Self::announce`], next. May be in the past.
    pub(super) fn announces_at(&mut self, now: UnixMillis) -> Option<UnixMillis> {
        match self.try_announces_at(now) {
            Ok(next) => next.map(|at| self.announcer_paused_until.map_or(at, |until| at.max(until))),
            Err(error) => {
                self.pause_announcer(&error, now);
                self.announcer_paused_until
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

    /// After a storage error: one attempt per minute, and the publisher continues.
    fn pause_announcer(&mut self, error: &StorageError, now: UnixMillis) {
        self.log.push(format!("notices: {error}"));
        self.announcer_paused_until = Some(now.plus_ms(ANNOUNCER_REST_MS));
    }
}
