//! The search for anomalies: once an hour, in the counts of the hour before.
//!
//! Invariants: a step examines a bounded number of tokens. Anomalies wait in memory until the registry has
//! accepted them, so a crash can lose a notice but never a count.
//! What it must not know: what is worth reporting; `formats::usage::anomaly` decides that.
//! What a mistake costs: an operator learns to ignore notices.

use super::read;
use super::rows::{self, ShardError};
use super::state::{AnomalySearch, Shard};
use crate::base::database::{Columns, Database, Rows, Value};
use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::formats::usage::anomaly;
use crate::formats::usage::anomaly::{Anomaly, AnomalyKind};
use crate::formats::usage::reading::{Range, Step};
use crate::limits::{ANOMALIES_HELD_MAX, ANOMALY_STEP_MAX, SPIKE_HISTORY_HOURS, SPIKE_MIN};

impl<D: Database> Shard<D> {
    /// Anomalies that the registry has not accepted yet.
    pub fn anomalies_due(&self) -> Vec<Anomaly> {
        self.anomalies.clone()
    }

    /// Notes that the registry has accepted the first `count` of them.
    pub fn anomalies_reported(&mut self, count: usize) {
        self.anomalies.drain(..count.min(self.anomalies.len()));
    }

    /// Examines some tokens. Returns the rest of the search.
    pub(super) fn search_on(&mut self, search: AnomalySearch) -> Result<Option<AnomalySearch>, ShardError> {
        let range = Range::of(search.hour, search.hour.plus_ms(Step::Hour.ms()), Step::Hour);
        let serials = asked_in(&self.database, range, search.reached)?;
        for serial in &serials {
            let found = anomalies_of(&self.database, *serial, range)?;
            let room = ANOMALIES_HELD_MAX.saturating_sub(self.anomalies.len());
            self.anomalies.extend(found.into_iter().take(room));
        }
        Ok(serials.last().map(|last| AnomalySearch { reached: *last, ..search }))
    }
}

/// The next tokens that were used in this hour.
fn asked_in<D: Database>(database: &D, hour: Range, after: Serial) -> Result<Vec<Serial>, ShardError> {
    let minute = |at| Value::from(rows::number(Step::Minute, at));
    Ok(database.query_all(
        "SELECT DISTINCT serial FROM tally WHERE step = ? AND serial > ? AND at >= ? AND at < ? \
         ORDER BY serial LIMIT ?",
        &[
            rows::step(Step::Minute),
            after.into(),
            minute(hour.from),
            minute(hour.to),
            ANOMALY_STEP_MAX.into(),
        ],
        Columns::serial,
    )?)
}

fn anomalies_of<D: Database>(database: &D, serial: Serial, hour: Range) -> Result<Vec<Anomaly>, ShardError> {
    let seen = read::usage_of(database, serial, hour)?;
    let requests = seen.periods.iter().fold(0, |sum: u64, (_, counts)| sum.saturating_add(counts.requests()));
    let mut anomalies = Vec::new();
    if requests >= SPIKE_MIN
        && let Some(median) = anomaly::spike(requests, hours_before(database, serial, hour.from)?)
    {
        anomalies.push(Anomaly { serial, kind: AnomalyKind::Spike { hour: hour.from, requests, median } });
    }
    // Origins are reported by the day.
    let origins = anomaly::often_refused(seen.refused);
    if !origins.is_empty() {
        let day = Step::Day.floor(hour.from);
        anomalies.push(Anomaly { serial, kind: AnomalyKind::RefusedOrigins { day, origins } });
    }
    Ok(anomalies)
}

/// The number of requests in each hour of the week before, excluding hours before the token's first use.
fn hours_before<D: Database>(database: &D, serial: Serial, hour: UnixMillis) -> Result<Vec<u64>, ShardError> {
    let hour_ms = Step::Hour.ms();
    let week = Range::of(hour.plus_ms(-SPIKE_HISTORY_HOURS * hour_ms), hour, Step::Hour);
    let seen = read::usage_of(database, serial, week)?;
    let since = seen.uses.map_or(hour, |uses| Step::Hour.floor(uses.first_at)).max(week.from);
    let hours = usize::try_from(hour.since_ms(since) / hour_ms).unwrap_or(0);
    let mut requests: Vec<u64> =
        seen.periods.iter().filter(|(at, _)| *at >= since).map(|(_, counts)| counts.requests()).collect();
    // Hours without a row had no requests.
    requests.resize(requests.len().max(hours), 0);
    Ok(requests)
}
