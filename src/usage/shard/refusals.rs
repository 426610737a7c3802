//! The tail of refusals: storing, reading and forgetting refused requests.
//!
//! Standard: docs/lifecycle.md, "The tail of refusals".
//! Invariants: rows are bounded in number, per token and in all, and in age. Rows stored in a minute are
//! bounded too; the first of each token in a minute has its own room, so a flood with some tokens does not
//! hide the refusals of others. A refusal is stored in the transaction that folds its batch, so once.
//! What it must not know: why requests were refused; whether a tail is kept.
//! What a mistake costs: an operator does not see why a page is refused, or storage grows without limit.

use super::rows::ShardError;
use super::state::RefusalRoom;
use crate::base::database::{Columns, Database, ReadError, Rows, Value, unsigned};
use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::formats::usage::reading::Step;
use crate::formats::usage::refusal::{KeptRefusal, Refusal, RefusalsAsked};
use crate::limits::{
    REFUSALS_FURTHER_STORED_MAX, REFUSALS_KEPT, REFUSALS_KEPT_MS, REFUSALS_OF_NOBODY_KEPT,
    REFUSALS_OF_TOKEN_KEPT, REFUSALS_OF_TOKEN_STORED_MAX, REFUSALS_TOKENS_STORED_MAX, USAGE_BATCH_AGE_MAX_MS,
};
use std::collections::BTreeSet;

/// Positions of one millisecond: as many refusals may have happened in it.
const POSITIONS_PER_MS: i64 = 512;
/// Above all positions for 200,000 years, and the largest integer that crosses JavaScript exactly.
const ABOVE_ALL: i64 = 1 << 53;
/// Stands for requests without a token of this deployment. No token has this serial.
const NOBODY: Serial = Serial(0);

impl RefusalRoom {
    /// Takes room for one more row of `serial` in this minute; false: there is none.
    fn take(&mut self, serial: Serial, now: UnixMillis) -> bool {
        let minute = Some(Step::Minute.floor(now));
        if self.minute != minute {
            *self = Self { minute, ..Self::default() };
        }
        if let Some(stored) = self.of_token.get_mut(&serial) {
            let has_room =
                *stored < REFUSALS_OF_TOKEN_STORED_MAX && self.further < REFUSALS_FURTHER_STORED_MAX;
            *stored = stored.saturating_add(u32::from(has_room));
            self.further = self.further.saturating_add(u32::from(has_room));
            return has_room;
        }
        let has_room = self.of_token.len() < REFUSALS_TOKENS_STORED_MAX;
        if has_room {
            self.of_token.insert(serial, 1);
        }
        has_room
    }
}

/// Stores the refusals of a batch for which there is room.
pub(super) fn store<D: Database>(
    database: &D,
    room: &mut RefusalRoom,
    refusals: &[Refusal],
    now: UnixMillis,
) -> Result<(), ShardError> {
    let mut touched = BTreeSet::new();
    for refusal in refusals {
        let serial = refusal.serial.unwrap_or(NOBODY);
        if room.take(serial, now) && insert(database, serial, refusal, now)? {
            touched.insert(serial);
        }
    }
    for serial in touched {
        let kept = if serial == NOBODY { REFUSALS_OF_NOBODY_KEPT } else { REFUSALS_OF_TOKEN_KEPT };
        database.execute(
            "DELETE FROM refusal WHERE serial = ? AND position <= \
             (SELECT position FROM refusal WHERE serial = ? ORDER BY position DESC LIMIT 1 OFFSET ?)",
            &[serial.into(), serial.into(), kept.into()],
        )?;
    }
    Ok(())
}

/// Inserts a row, unless all positions of its millisecond are taken.
fn insert<D: Database>(
    database: &D,
    serial: Serial,
    refusal: &Refusal,
    now: UnixMillis,
) -> Result<bool, ShardError> {
    // Clocks differ, and an isolate may have waited long for an answer.
    let at = refusal.at.max(now.plus_ms(-USAGE_BATCH_AGE_MAX_MS)).min(now);
    let (first, end) = (position_of(at), position_of(at.plus_ms(1)));
    let sql = "SELECT position FROM refusal WHERE position >= ? AND position < ? \
               ORDER BY position DESC LIMIT 1";
    let last = database.query_optional(sql, &[first.into(), end.into()], Columns::integer)?;
    let position = last.map_or(first, |last| last.saturating_add(1));
    if position >= end {
        return Ok(false);
    }
    let Refusal { outcome, site, method, path, location, requests, .. } = refusal;
    let texts = [method, path, location].map(|text| Value::from(text.as_str()));
    let [method, path, location] = texts;
    database.execute(
        "INSERT INTO refusal (position, serial, outcome, site, method, path, location, requests) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        &[
            position.into(),
            serial.into(),
            i64::from(*outcome).into(),
            site.as_deref().into(),
            method,
            path,
            location,
            unsigned(*requests),
        ],
    )?;
    Ok(true)
}

/// The refusals that are asked for and not too old, newest first.
pub(super) fn read<D: Database>(
    database: &D,
    asked: &RefusalsAsked,
    now: UnixMillis,
) -> Result<Vec<KeptRefusal>, ShardError> {
    let oldest = position_of(now.plus_ms(-REFUSALS_KEPT_MS));
    let below = asked.below.unwrap_or(ABOVE_ALL).min(ABOVE_ALL);
    let mut sql = "SELECT position, serial, outcome, site, method, path, location, requests FROM refusal \
                   WHERE position >= ? AND position < ?"
        .to_owned();
    let mut values: Vec<Value> = vec![oldest.into(), below.into()];
    if let Some(serial) = asked.serial {
        sql.push_str(" AND serial = ?");
        values.push(serial.into());
    }
    if let Some(site) = &asked.site {
        sql.push_str(" AND site = ?");
        values.push(site.as_str().into());
    }
    sql.push_str(" ORDER BY position DESC LIMIT ?");
    values.push(asked.limit.into());
    Ok(database.query_all(&sql, &values, kept)?)
}

/// Deletes what is too old, and the oldest beyond what is kept.
pub(super) fn forget<D: Database>(database: &D, now: UnixMillis) -> Result<(), ShardError> {
    let oldest = position_of(now.plus_ms(-REFUSALS_KEPT_MS));
    database.execute("DELETE FROM refusal WHERE position < ?", &[oldest.into()])?;
    database.execute(
        "DELETE FROM refusal WHERE position <= \
         (SELECT position FROM refusal ORDER BY position DESC LIMIT 1 OFFSET ?)",
        &[REFUSALS_KEPT.into()],
    )?;
    Ok(())
}

fn kept(columns: &mut Columns) -> Result<KeptRefusal, ReadError> {
    let position = columns.integer()?;
    let serial = columns.serial()?;
    let refusal = Refusal {
        serial: (serial != NOBODY).then_some(serial),
        outcome: columns.number()?,
        site: columns.optional_text()?,
        method: columns.text()?,
        path: columns.text()?,
        location: columns.text()?,
        at: UnixMillis(position.div_euclid(POSITIONS_PER_MS)),
        requests: columns.number()?,
    };
    Ok(KeptRefusal { position, refusal })
}

fn position_of(at: UnixMillis) -> i64 {
    at.0.saturating_mul(POSITIONS_PER_MS)
}
