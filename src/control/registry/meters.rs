//! Meters as rows: counts that shards told, marks that they are to be told, and what is used up.
//!
//! Standard: docs/lifecycle.md, "Quotas".
//! Invariants: each change of marks gets a number that is never used again in its epoch, so a shard that asks
//! for the changes after the last one that it knows misses none. Counts of a period only rise.
//! What it must not know: what a quota allows.
//! What a mistake costs: a quota is noticed late, or not at all (false accept).

use super::row::StorageError;
use crate::base::database::{Columns, Database, ReadError, Rows, Value, unsigned};
use crate::base::time::{UnixMillis, UnixSeconds};
use crate::formats::token::Serial;
use crate::formats::usage::meter::{Marks, PeriodUses};
use crate::formats::usage::shard_of;

/// A token's meter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meter {
    pub(super) marks: Marks,
    pub(super) uses: PeriodUses,
    pub(super) standing: Standing,
}

/// What counts against the token's own quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) used: u64,
    /// End of the period that `used` was counted in.
    pub(super) used_until: UnixSeconds,
    /// Until when the token is refused.
    pub(super) exhausted_until: Option<UnixSeconds>,
}

impl Default for Standing {
    fn default() -> Self {
        Self { used: 0, used_until: UnixSeconds(0), exhausted_until: None }
    }
}

impl Standing {
    /// Until when the token is refused, if that is still ahead at `now`.
    pub(super) fn refused_until(&self, now: UnixMillis) -> Option<UnixSeconds> {
        self.exhausted_until.filter(|until| until.to_millis() > now)
    }
}

/// The meter of `serial`; `None` when it has none.
pub(super) fn find<D: Database>(database: &D, serial: Serial) -> Result<Option<Meter>, StorageError> {
    Ok(database.query_optional(
        "SELECT day_mark, month_mark, day, day_uses, month, month_uses, used, used_until, exhausted_until \
         FROM meter WHERE serial = ?",
        &[serial.into()],
        read,
    )?)
}

/// Whether a token that has not ended has a quota.
pub(super) fn are_needed<D: Database>(database: &D, now: UnixMillis) -> Result<bool, StorageError> {
    // From the meters, of which there are fewer than tokens.
    let sql = "SELECT 1 FROM meter CROSS JOIN token USING (serial) \
               WHERE quota IS NOT NULL AND status <> 'revoked' AND expires_at > ? LIMIT 1";
    Ok(database.yields(sql, &[now.floor_seconds().into()])?)
}

fn read(columns: &mut Columns) -> Result<Meter, ReadError> {
    Ok(Meter {
        marks: Marks { day: columns.optional_number()?, month: columns.optional_number()? },
        uses: PeriodUses {
            day: columns.integer()?,
            day_uses: columns.number()?,
            month: columns.integer()?,
            month_uses: columns.number()?,
        },
        standing: Standing {
            used: columns.number()?,
            used_until: columns.seconds()?,
            exhausted_until: columns.optional_seconds()?,
        },
    })
}

/// Adds counts that a shard told. Returns whether the token is metered.
pub(super) fn count<D: Database>(
    database: &D,
    serial: Serial,
    told: PeriodUses,
) -> Result<bool, StorageError> {
    let Some(meter) = find(database, serial)? else { return Ok(false) };
    let uses = meter.uses.latest(told);
    database.execute(
        "UPDATE meter SET day = ?, day_uses = ?, month = ?, month_uses = ? WHERE serial = ?",
        &[
            uses.day.into(),
            unsigned(uses.day_uses),
            uses.month.into(),
            unsigned(uses.month_uses),
            serial.into(),
        ],
    )?;
    Ok(true)
}

/// Sets the marks of a token that has other ones, or no meter yet.
pub(super) fn set_marks<D: Database>(database: &D, serial: Serial, marks: Marks) -> Result<(), StorageError> {
    let changed = last_change(database)?.saturating_add(1);
    database.execute("UPDATE registry SET meter_n = ?", &[unsigned(changed)])?;
    let mark = |mark: Option<u64>| mark.map_or(Value::Null, unsigned);
    database.execute(
        "INSERT INTO meter (serial, shard, changed, day_mark, month_mark, day, day_uses, month, month_uses, \
         used, used_until) VALUES (?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0) ON CONFLICT (serial) DO UPDATE SET \
         changed = excluded.changed, day_mark = excluded.day_mark, month_mark = excluded.month_mark",
        &[serial.into(), shard_of(serial).into(), unsigned(changed), mark(marks.day), mark(marks.month)],
    )?;
    Ok(())
}

/// Stores what is used of the token's quota, and until when it is refused.
pub(super) fn set_standing<D: Database>(
    database: &D,
    serial: Serial,
    standing: Standing,
) -> Result<(), StorageError> {
    database.execute(
        "UPDATE meter SET used = ?, used_until = ?, exhausted_until = ? WHERE serial = ?",
        &[
            unsigned(standing.used),
            standing.used_until.into(),
            standing.exhausted_until.into(),
            serial.into(),
        ],
    )?;
    Ok(())
}

/// The number of the newest change of marks.
pub(super) fn last_change<D: Database>(database: &D) -> Result<u64, StorageError> {
    Ok(database.query_one("SELECT meter_n FROM registry", &[], |columns| columns.number())?)
}

/// The first changes of a shard's marks after the change `n`, with their numbers.
pub(super) fn changes_after<D: Database>(
    database: &D,
    shard: u32,
    n: u64,
    limit: u32,
) -> Result<Vec<(u64, Serial, Marks)>, StorageError> {
    Ok(database.query_all(
        "SELECT changed, serial, day_mark, month_mark FROM meter WHERE shard = ? AND changed > ? \
         ORDER BY changed LIMIT ?",
        &[shard.into(), unsigned(n), limit.into()],
        |columns| {
            let (changed, serial) = (columns.number()?, columns.serial()?);
            Ok((
                changed,
                serial,
                Marks { day: columns.optional_number()?, month: columns.optional_number()? },
            ))
        },
    )?)
}

/// Deletes the meter of a token that has left the registry.
pub(super) fn forget<D: Database>(database: &D, serial: Serial) -> Result<(), StorageError> {
    database.execute("DELETE FROM meter WHERE serial = ?", &[Value::from(serial)])?;
    Ok(())
}
