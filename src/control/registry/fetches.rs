//! Fetches: which job or page last fetched which token of a family, so that somebody learns of a successor
//! that nobody has.
//!
//! Standard: docs/lifecycle.md, "Last fetches".
//! Invariants: a row for each family and consumer, written at most once in ten minutes, and at once for
//! another token. A family has a bounded number of rows; pages never push out admin keys. A fetch is never
//! ahead of the registry's clock.
//! What it must not know: how a fetch is answered.
//! What a mistake costs: an operator ends a token that a job still deploys (false refuse).

use super::command::{Fault, FetchView};
use super::row::{Stop, StorageError};
use super::transaction::Transaction;
use crate::base::database::{Columns, Database, ReadError, Rows};
use crate::base::time::{UnixMillis, UnixSeconds};
use crate::formats::page_fetch::PageFetch;
use crate::formats::token::Serial;
use crate::limits::{CONSUMER_FORGOTTEN_MS, FETCH_INTERVAL_MS, FETCHES_OF_FAMILY_MAX, PAGE_FETCHES_SENT_MAX};

/// Notes that `by` fetched the token `serial` of `family`.
fn note<D: Database>(
    database: &D,
    family: &str,
    (by, is_page): (&str, bool),
    serial: Serial,
    at: UnixMillis,
) -> Result<(), StorageError> {
    let sql = "SELECT serial, at FROM fetch WHERE family = ? AND consumer = ?";
    let last = database.query_optional(sql, &[family.into(), by.into()], |columns| {
        Ok((columns.serial()?, columns.millis()?))
    })?;
    let is_known = last.is_some_and(|(held, last_at)| {
        // A report that comes late must not put an older token in a newer one's place.
        held == serial && (0..FETCH_INTERVAL_MS).contains(&at.since_ms(last_at)) || last_at > at
    });
    if is_known {
        return Ok(());
    }
    database.execute(
        "INSERT OR REPLACE INTO fetch (family, consumer, is_page, serial, at) VALUES (?, ?, ?, ?, ?)",
        &[family.into(), by.into(), is_page.into(), serial.into(), at.into()],
    )?;
    database.execute(
        "DELETE FROM fetch WHERE family = ? AND is_page = ? AND consumer NOT IN \
         (SELECT consumer FROM fetch WHERE family = ? AND is_page = ? ORDER BY at DESC LIMIT ?)",
        &[family.into(), is_page.into(), family.into(), is_page.into(), FETCHES_OF_FAMILY_MAX.into()],
    )?;
    Ok(())
}

impl<D: Database> Transaction<'_, D> {
    /// Notes that the calling admin key fetched a token of `family`.
    pub(super) fn note_fetch(&self, family: &str, serial: Serial) -> Result<(), Stop> {
        let by = format!("key_{}", self.actor.key_id());
        Ok(note(self.database, family, (&by, false), serial, self.now)?)
    }

    /// Takes what an isolate tells of pages. What is not about a token of that family is ignored.
    pub(super) fn note_page_fetches(&self, fetches: &[PageFetch]) -> Result<(), Stop> {
        for fetch in fetches.iter().take(PAGE_FETCHES_SENT_MAX) {
            match self.token(fetch.serial) {
                Ok(row) if row.family.as_str() == fetch.family => {
                    let at = fetch.at.min(self.now);
                    note(self.database, &fetch.family, (&fetch.origin, true), fetch.serial, at)?;
                }
                Ok(_) | Err(Stop::Fault(Fault::NotFound)) => {}
                Err(stop) => return Err(stop),
            }
        }
        Ok(())
    }
}

/// Who fetched tokens of the family, the latest first.
pub(super) fn of_family<D: Database>(database: &D, family: &str) -> Result<Vec<FetchView>, StorageError> {
    let sql = "SELECT consumer, serial, at FROM fetch WHERE family = ? ORDER BY at DESC, consumer";
    Ok(database.query_all(sql, &[family.into()], |columns| -> Result<_, ReadError> {
        Ok(FetchView { by: columns.text()?, serial: columns.serial()?, at: columns.millis()? })
    })?)
}

/// Who fetched a token of the family before `successor`, in the last 30 days, and not yet that one or a later
/// one.
pub(super) fn behind<D: Database>(
    database: &D,
    family: &str,
    successor: Serial,
    now: UnixMillis,
) -> Result<Vec<String>, StorageError> {
    let sql =
        "SELECT consumer FROM fetch WHERE family = ? AND serial < ? AND at > ? ORDER BY at DESC, consumer";
    let since = now.plus_ms(-CONSUMER_FORGOTTEN_MS);
    Ok(database.query_all(sql, &[family.into(), successor.into(), since.into()], Columns::text)?)
}

/// What `/metrics` shows of fetches.
pub(super) struct LastFetches {
    pub(super) last: Vec<(String, UnixSeconds)>,
    /// How many families were fetched.
    pub(super) in_all: u64,
    /// How many families have a consumer that lacks the successor.
    pub(super) unfetched: u64,
}

/// For `/metrics`: when families were last fetched, the latest first; and how many have a consumer that lacks
/// the successor of a token that works.
pub(super) fn for_metrics<D: Database>(
    database: &D,
    shown_max: i64,
    now: UnixMillis,
) -> Result<LastFetches, StorageError> {
    let sql = "SELECT family, MAX(at) AS last FROM fetch GROUP BY family ORDER BY last DESC LIMIT ?";
    let last = database.query_all(sql, &[shown_max.into()], |columns| {
        Ok((columns.text()?, columns.millis()?.floor_seconds()))
    })?;
    // From the rotations under way, which are few.
    let sql = "SELECT COUNT(DISTINCT fetch.family) FROM token INDEXED BY token_by_successor \
               CROSS JOIN fetch ON fetch.family = token.family \
               WHERE token.successor IS NOT NULL AND fetch.serial < token.successor AND fetch.at > ? \
               AND token.status = 'good' AND token.expires_at > ? \
               AND (token.ends_at IS NULL OR token.ends_at > ?)";
    let since = now.plus_ms(-CONSUMER_FORGOTTEN_MS);
    let times = [since.into(), now.floor_seconds().into(), now.into()];
    let unfetched = database.query_one(sql, &times, Columns::number)?;
    let sql = "SELECT COUNT(*) FROM (SELECT DISTINCT family FROM fetch)";
    Ok(LastFetches { last, in_all: database.query_one(sql, &[], Columns::number)?, unfetched })
}

/// Deletes what is known of families that have no token left.
pub(super) fn forget_gone<D: Database>(database: &D, family: &str) -> Result<(), StorageError> {
    let sql = "DELETE FROM fetch WHERE family = ? AND NOT EXISTS (SELECT 1 FROM token WHERE family = ?)";
    database.execute(sql, &[family.into(), family.into()])?;
    Ok(())
}
