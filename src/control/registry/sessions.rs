//! Console sessions. An admin key opens one; a session has the key's role at most, and ends with the key at
//! the latest.
//!
//! Standard: docs/http.md, "Console sessions".
//! Invariants: a session is valid while its key is (not deleted, not expired, `ADMIN_KEY` not replaced), for
//! at most [`SESSION_MAX_MS`], and at most [`SESSION_IDLE_MS`] without a call. Only the SHA-256 of its text
//! is stored. A new session replaces the oldest of its key, so the number of rows is bounded.
//! What it must not know: cookies, HTTP.
//! What a mistake costs: a session that outlives its key lets a deleted key go on working (false accept).

use super::command::{Fault, SessionView};
use super::events::Event;
use super::row::{Stop, StorageError};
use super::settings::RegistrySettings;
use super::transaction::{ActingKey, Actor, Transaction};
use super::{admin_key_row, authentication};
use crate::base::database::{Database, Rows};
use crate::base::time::UnixMillis;
use crate::formats::session::{RANDOM_BYTES, SessionText};
use crate::limits::{SESSION_IDLE_MS, SESSION_MAX_MS, SESSION_USE_INTERVAL_MS, SESSIONS_PER_KEY_MAX};

/// Finds the caller's session and its key, and records the use.
///
/// # Errors
/// [`Fault::Unauthorized`] when there is no such session, or the session or its key has ended.
pub(super) fn authenticate<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    sha256: &str,
    now: UnixMillis,
) -> Result<Actor, Stop> {
    let session = find(database, sha256)?.filter(|row| row.is_live(now)).ok_or(Fault::Unauthorized)?;
    let key = admin_key_row::by_id(database, session.admin_key)?.ok_or(Fault::Unauthorized)?;
    if now.since_ms(session.used_at) >= SESSION_USE_INTERVAL_MS {
        database.execute("UPDATE session SET used_at = ? WHERE sha256 = ?", &[now.into(), sha256.into()])?;
    }
    let actor = authentication::live_actor(database, settings, key, now)?;
    Ok(match actor {
        Actor::Key(key) => Actor::Key(ActingKey { session: Some(sha256.to_owned()), ..key }),
        Actor::System => Actor::System,
    })
}

impl<D: Database> Transaction<'_, D> {
    /// Opens a session for the calling key.
    pub(super) fn open_session(&mut self) -> Result<(SessionView, String), Stop> {
        // A session cannot open another one, because that would outlive the first.
        let Actor::Key(ActingKey { id, session: None, .. }) = self.actor else {
            return Err(Fault::Forbidden.into());
        };
        forget(self.database, id, self.now)?;
        let mut random = [0; RANDOM_BYTES];
        (self.entropy)(&mut random);
        let text = SessionText::mint(random, &self.settings.check_keys.session);
        self.database.execute(
            "INSERT INTO session (sha256, admin_key, created_at, used_at) VALUES (?, ?, ?, ?)",
            &[hex::encode(text.sha256()).as_str().into(), id.into(), self.now.into(), self.now.into()],
        )?;
        self.audit(Event { action: "session.opened", ..Event::default() })?;
        Ok((self.session_view(Some(self.now))?, text.as_str().to_owned()))
    }

    /// The caller, and the end of its session.
    pub(super) fn session(&self) -> Result<SessionView, Stop> {
        let created_at = match self.own_session() {
            Some(sha256) => find(self.database, sha256)?.map(|row| row.created_at),
            None => None,
        };
        self.session_view(created_at)
    }

    /// Ends the caller's session.
    pub(super) fn close_session(&mut self) -> Result<(), Stop> {
        // A key called without a session has none to end.
        let Some(sha256) = self.own_session() else { return Ok(()) };
        self.database.execute("DELETE FROM session WHERE sha256 = ?", &[sha256.into()])?;
        self.audit(Event { action: "session.closed", ..Event::default() })
    }

    /// SHA-256 (hex) of the caller's session.
    fn own_session(&self) -> Option<&str> {
        match &self.actor {
            Actor::Key(key) => key.session.as_deref(),
            Actor::System => None,
        }
    }

    fn session_view(&self, created_at: Option<UnixMillis>) -> Result<SessionView, Stop> {
        let Actor::Key(key) = &self.actor else { return Err(Fault::Forbidden.into()) };
        let by_age = created_at.map(|at| at.plus_ms(SESSION_MAX_MS));
        let by_key = key.expires_at.map(crate::base::time::UnixSeconds::to_millis);
        Ok(SessionView {
            admin_key: key.id,
            label: key.label.clone(),
            role: key.role,
            bootstrap: key.bootstrap,
            ends_at: by_age.into_iter().chain(by_key).min(),
        })
    }
}

/// Deletes the sessions of a key that is deleted.
pub(super) fn end_of_key<D: Database>(database: &D, admin_key: u32) -> Result<(), StorageError> {
    database.execute("DELETE FROM session WHERE admin_key = ?", &[admin_key.into()])?;
    Ok(())
}

/// Deletes sessions that have ended, and the oldest of this key, so that one more stays within the limit.
fn forget<D: Database>(database: &D, admin_key: u32, now: UnixMillis) -> Result<(), StorageError> {
    database.execute(
        "DELETE FROM session WHERE created_at <= ? OR used_at <= ?",
        &[now.plus_ms(-SESSION_MAX_MS).into(), now.plus_ms(-SESSION_IDLE_MS).into()],
    )?;
    database.execute(
        "DELETE FROM session WHERE admin_key = ? AND sha256 NOT IN \
         (SELECT sha256 FROM session WHERE admin_key = ? ORDER BY created_at DESC LIMIT ?)",
        &[admin_key.into(), admin_key.into(), SESSIONS_PER_KEY_MAX.saturating_sub(1).into()],
    )?;
    Ok(())
}

struct SessionRow {
    admin_key: u32,
    created_at: UnixMillis,
    used_at: UnixMillis,
}

impl SessionRow {
    fn is_live(&self, now: UnixMillis) -> bool {
        now.since_ms(self.created_at) < SESSION_MAX_MS && now.since_ms(self.used_at) < SESSION_IDLE_MS
    }
}

fn find<D: Database>(database: &D, sha256: &str) -> Result<Option<SessionRow>, StorageError> {
    let sql = "SELECT admin_key, created_at, used_at FROM session WHERE sha256 = ?";
    Ok(database.query_optional(sql, &[sha256.into()], |columns| {
        Ok(SessionRow {
            admin_key: columns.number()?,
            created_at: columns.millis()?,
            used_at: columns.millis()?,
        })
    })?)
}
