//! Looking for signs: once an hour, over the hour that has ended.
//!
//! Invariants: a step looks at a bounded number of tokens; what is found waits in memory until the registry has taken it, so a
//! kill costs a notice, never a count.
//! What it must not know: what is worth telling: `usage::sign` says.
//! What a mistake costs: as in `usage::sign`.

use super::super::reading::{Range, Step};
use super::super::sign::{self, Seen, Sign};
use super::Shard;
use super::read;
use super::rows::{self, ShardError};
use crate::database::{Database, Value};
use crate::limits::{SIGNS_HELD_MAX, SIGNS_STEP_MAX, SPIKE_HISTORY_HOURS, SPIKE_MIN};
use crate::time::UnixMillis;
use crate::token::Serial;

/// A look through the tokens of an hour that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) hour: UnixMillis,
    /// The token reached.
    pub(super) reached: Serial,
}

impl<D: Database> Shard<D> {
    /// Signs that the registry has not taken yet.
    pub fn signs_due(&self) -> Vec<Sign> {
        self.signs.clone()
    }

    /// The registry has taken the first `count` of them.
    pub fn signs_told(&mut self, count: usize) {
        self.signs.drain(..count.min(self.signs.len()));
    }

    /// Looks at some tokens; gives the rest of the look.
    pub(super) fn look_on(&mut self, look: Look) -> Result<Option<Look>, ShardError> {
        let range = Range::of(look.hour, look.hour.plus_ms(Step::Hour.ms()), Step::Hour);
        let serials = asked_in(&self.database, range, look.reached)?;
        for serial in &serials {
            let found = signs_of(&self.database, *serial, range)?;
            let room = SIGNS_HELD_MAX.saturating_sub(self.signs.len());
            self.signs.extend(found.into_iter().take(room));
        }
        Ok(serials.last().map(|last| Look { reached: *last, ..look }))
    }
}

/// The next tokens that were asked for in this hour.
fn asked_in<D: Database>(database: &D, hour: Range, after: Serial) -> Result<Vec<Serial>, ShardError> {
    let minute = |at| Value::Integer(rows::number(Step::Minute, at));
    let rows = database.query(
        "SELECT DISTINCT serial FROM tally WHERE step = ? AND serial > ? AND at >= ? AND at < ? ORDER BY serial LIMIT ?",
        &[rows::step(Step::Minute), after.into(), minute(hour.from), minute(hour.to), SIGNS_STEP_MAX.into()],
    )?;
    rows.iter().map(|row| rows::serial(row.first().unwrap_or(&Value::Null))).collect()
}

fn signs_of<D: Database>(database: &D, serial: Serial, hour: Range) -> Result<Vec<Sign>, ShardError> {
    let seen = read::usage_of(database, serial, hour)?;
    let requests = seen.periods.iter().fold(0, |sum: u64, (_, counts)| sum.saturating_add(counts.requests()));
    let mut signs = Vec::new();
    if requests >= SPIKE_MIN
        && let Some(median) = sign::spike(requests, hours_before(database, serial, hour.from)?)
    {
        signs.push(Sign { serial, seen: Seen::Spike { hour: hour.from, requests, median } });
    }
    // Origins are told by the day.
    let origins = sign::often_refused(seen.refused);
    if !origins.is_empty() {
        let day = Step::Day.floor(hour.from);
        signs.push(Sign { serial, seen: Seen::RefusedOrigins { day, origins } });
    }
    Ok(signs)
}

/// Requests in each hour of the week before, but for those before the token's first use.
fn hours_before<D: Database>(database: &D, serial: Serial, hour: UnixMillis) -> Result<Vec<u64>, ShardError> {
    let hour_ms = Step::Hour.ms();
    let week = Range::of(hour.plus_ms(-SPIKE_HISTORY_HOURS * hour_ms), hour, Step::Hour);
    let seen = read::usage_of(database, serial, week)?;
    let since = seen.uses.map_or(hour, |uses| Step::Hour.floor(uses.first_at)).max(week.from);
    let hours = usize::try_from(hour.since_ms(since) / hour_ms).unwrap_or(0);
    let mut requests: Vec<u64> =
        seen.periods.iter().filter(|(at, _)| *at >= since).map(|(_, counts)| counts.requests()).collect();
    // In those that are left out nothing was asked.
    requests.resize(requests.len().max(hours), 0);
    Ok(requests)
}
