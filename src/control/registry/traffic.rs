//! Traffic: what shows that requests are served, and whether locations still report while they are.
//!
//! Standard: docs/bound.md, "The publisher", "Reports".
//! A location shows traffic when it asks for a list, or reports. A usage shard shows it too: it says when it
//! last counted a request that needed the list. So the heartbeat goes on while locations cannot reach the
//! registry and are served from KV.
//! Invariants: the time of a sign is that of the request, not of the call that brings it. So counts that
//! arrive late do not keep an idle deployment awake.
//! What a mistake costs: a heartbeat that stops, and then 503s at locations that KV could have helped; or one
//! that never stops, and its writes.

use super::command::NoticeKind;
use super::notice_rules::DueNotice;
use super::notices;
use super::row::StorageError;
use super::settings::RegistrySettings;
use super::single_writer::Registry;
use super::state::{self, State};
use super::sweep;
use crate::base::database::Database;
use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::limits::{REPORTS_MISSING_NOTICE_INTERVAL_MS, TRAFFIC_STORED_INTERVAL_MS};

impl<D: Database> Registry<D> {
    /// Notes that a location showed traffic, which keeps the heartbeat going.
    pub(super) fn note_traffic(&mut self, now: UnixMillis) -> Result<(), StorageError> {
        let state = State::read(&self.database)?;
        let is_known = |at: UnixMillis| (0..TRAFFIC_STORED_INTERVAL_MS).contains(&now.since_ms(at));
        // What shards counted does not show that locations report.
        if is_known(state.heard_at) && is_known(state.traffic_at) {
            return Ok(());
        }
        self.database.transaction(|database| state::location_heard(database, now))
    }

    /// Notes that a usage shard last counted a request at `at`.
    pub(super) fn note_counted(&mut self, at: UnixMillis, now: UnixMillis) -> Result<(), StorageError> {
        let (settings, at) = (&self.settings, at.min(now));
        self.database.transaction(|database| {
            let traffic_at = State::read(database)?.traffic_at;
            // A time ahead of now means that the clock was set back.
            let is_later = at.since_ms(traffic_at) >= TRAFFIC_STORED_INTERVAL_MS || traffic_at > now;
            if is_later {
                state::traffic_seen(database, at)?;
            }
            if State::read(database)?.reports_missing_since(now).is_some() {
                announce(database, settings, now)?;
            }
            Ok(())
        })
    }
}

/// Makes a notice that reports are missing: one for each time that they stop, and at most one an hour.
fn announce<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let since = State::read(database)?.heard_at;
    let due = DueNotice { kind: NoticeKind::ReportsMissing, within_days: 0, about: since };
    let last = sweep::last_notice(database, DEPLOYMENT, due.kind)?;
    let is_news = last.is_none_or(|last| {
        let since_ms = now.since_ms(last.at);
        last.about != since && !(0..REPORTS_MISSING_NOTICE_INTERVAL_MS).contains(&since_ms)
    });
    if !is_news {
        return Ok(());
    }
    notices::keep_of_deployment(database, settings, due.kind, since, now)?;
    sweep::store_last_notice(database, DEPLOYMENT, &due, now)
}

/// No token has this serial. Notices about the deployment as a whole are noted under it.
const DEPLOYMENT: Serial = Serial(0);
