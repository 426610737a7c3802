//! `GET /tokens`: every filter and order as SQL, in pages.
//!
//! Standard: docs/http.md, "Lists and cursors".
//! Invariants: SQL text is made of constants and parameters are bound. A state is the one that
//! [`TokenRow::state`] computes. What is found does not depend on the way (`ways`) by which it is found.
//! LIKE is not used: a Durable Object limits its patterns to 50 bytes.
//! What it must not know: how a page's cursor is written.
//! What a mistake costs: a token that nobody finds is a token that nobody revokes (false accept, in the end).

mod conditions;
mod order;
mod question;
mod sought;
mod ways;

use super::command::{BulkCounts, SortBy, SortKey, TokenFilter, TokensTotal};
use super::row::StorageError;
use super::token_row::{COLUMNS, TokenRow};
use crate::base::database::{Columns, Database, Rows, Value};
use crate::base::time::UnixMillis;
use crate::formats::fingerprint::Sought;
use crate::formats::token::Serial;
use crate::limits::{MS_PER_SECOND, SECONDS_PER_DAY, TOTAL_EXAMINED_MAX, TOTAL_SHOWN_MAX};
use conditions::Conditions;
pub(super) use question::{Only, Question};
use ways::{Place, Way};

/// What the filter finds, from its position on.
pub(super) fn tally<D: Database>(database: &D, question: Question<'_>) -> Result<BulkCounts, StorageError> {
    let since = question.now.plus_ms(-SECONDS_PER_DAY * MS_PER_SECOND);
    let conditions = Conditions::of(database, question)?;
    let way = Way::choose(database, question, &conditions)?;
    if !conditions.is_exact() {
        return tally_by_row(database, question, &conditions, &way, since);
    }
    let (from, parameters) = way.body(&conditions, start_of(question.filter));
    let sql = format!(
        "SELECT COUNT(*), COALESCE(SUM(protected), 0), COALESCE(SUM(last_used_at > ?), 0) FROM {from}"
    );
    let parameters: Vec<Value> = [since.into()].into_iter().chain(parameters).collect();
    Ok(database.query_one(&sql, &parameters, |columns| {
        let [matched, protected, used_lately] = [columns.number()?, columns.number()?, columns.number()?];
        Ok(BulkCounts { matched, protected, used_lately })
    })?)
}

/// The same where only the rows tell whether they are wanted. All are read: the caller is about to act on
/// them, and was told how many they are.
fn tally_by_row<D: Database>(
    database: &D,
    question: Question<'_>,
    conditions: &Conditions,
    way: &Way,
    since: UnixMillis,
) -> Result<BulkCounts, StorageError> {
    let mut tally = BulkCounts::default();
    let mut last = None;
    loop {
        let place = last.map_or(start_of(question.filter), Place::of);
        let rows = page(database, way, conditions, place, EXAMINED_AT_ONCE)?;
        for row in rows.iter().filter(|row| conditions.hold_for(row, question)) {
            tally.matched = tally.matched.saturating_add(1);
            tally.protected = tally.protected.saturating_add(row.policy.protected.into());
            let is_used = row.last_used_at.is_some_and(|at| at > since);
            tally.used_lately = tally.used_lately.saturating_add(is_used.into());
        }
        if rows.len() < EXAMINED_AT_ONCE {
            return Ok(tally);
        }
        last = rows.last().map(|row| row.serial);
    }
}

/// How many tokens the filter finds, whatever its position; counted up to a limit, so that the answer costs
/// as little for a million tokens.
pub(super) fn total<D: Database>(database: &D, question: Question<'_>) -> Result<TokensTotal, StorageError> {
    let filter = TokenFilter { below: None, below_key: None, ..question.filter.clone() };
    let question = Question { filter: &filter, ..question };
    let conditions = Conditions::of(database, question)?;
    if conditions.is_empty() {
        let count = database.query_one("SELECT COUNT(*) FROM token", &[], Columns::number)?;
        return Ok(TokensTotal { count, is_exact: true });
    }
    if !conditions.is_exact() {
        return total_by_row(database, question, &conditions);
    }
    let way = Way::choose(database, question, &conditions)?;
    let (from, mut parameters) = way.body(&conditions, None);
    parameters.push(i64::try_from(TOTAL_SHOWN_MAX.saturating_add(1)).unwrap_or(i64::MAX).into());
    let sql = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {from} LIMIT ?)");
    Ok(capped(database.query_one(&sql, &parameters, Columns::number)?, TOTAL_SHOWN_MAX))
}

/// The same where only the rows tell whether they are wanted: so many are read, and no more.
fn total_by_row<D: Database>(
    database: &D,
    question: Question<'_>,
    conditions: &Conditions,
) -> Result<TokensTotal, StorageError> {
    let way = Way::choose(database, question, conditions)?;
    let rows = page(database, &way, conditions, None, TOTAL_EXAMINED_MAX)?;
    let wanted = rows.iter().filter(|row| conditions.hold_for(row, question)).count();
    let count = u64::try_from(wanted).unwrap_or(u64::MAX);
    Ok(TokensTotal { count, is_exact: rows.len() < TOTAL_EXAMINED_MAX })
}

fn capped(count: u64, most: u64) -> TokensTotal {
    TokensTotal { count: count.min(most), is_exact: count <= most }
}

/// Rows read at once where only the row itself tells whether it is wanted.
const EXAMINED_AT_ONCE: usize = 500;

/// A page of rows, in the order that the filter asks for, and where the next page starts.
pub(super) fn rows<D: Database>(
    database: &D,
    question: Question<'_>,
) -> Result<(Vec<TokenRow>, Option<Serial>), StorageError> {
    let filter = question.filter;
    let conditions = Conditions::of(database, question)?;
    let way = Way::choose(database, question, &conditions)?;
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX).max(1);
    let mut place = start_of(filter);
    let mut found: Vec<TokenRow> = Vec::new();
    // SQL may let too many through, so read on until the page is full and one further row shows that another
    // page follows.
    let batch = if conditions.is_exact() { limit.saturating_add(1) } else { limit.max(EXAMINED_AT_ONCE) };
    loop {
        let rows = page(database, &way, &conditions, place, batch)?;
        place = rows.last().and_then(|row| Place::of(row.serial));
        let exhausted = rows.len() < batch;
        found.extend(rows.into_iter().filter(|row| conditions.hold_for(row, question)));
        if exhausted || found.len() > limit {
            break;
        }
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|row| row.serial);
    Ok((found, next))
}

/// What the token is sorted by, for the page that begins after it; none by age.
pub(super) fn sort_key<D: Database>(
    database: &D,
    by: SortBy,
    serial: Serial,
) -> Result<Option<SortKey>, StorageError> {
    order::key_of(database, by, serial)
}

fn start_of(filter: &TokenFilter) -> Option<Place<'_>> {
    filter.below.map(|serial| Place { serial, key: filter.below_key.as_ref() })
}

fn page<D: Database>(
    database: &D,
    way: &Way,
    conditions: &Conditions,
    place: Option<Place<'_>>,
    limit: usize,
) -> Result<Vec<TokenRow>, StorageError> {
    let (from, mut parameters) = way.body(conditions, place);
    parameters.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
    let sql = format!("SELECT {COLUMNS} FROM {from} ORDER BY {} LIMIT ?", way.order_by());
    Ok(database.query_all(&sql, &parameters, TokenRow::read)?)
}

/// The newest token with this fingerprint; `None` when there is none.
pub(super) fn of_fingerprint<D: Database>(
    database: &D,
    question: Question<'_>,
    sought: &Sought,
) -> Result<Option<TokenRow>, StorageError> {
    if let Some((_, serial)) = sought.named {
        // Without a scan of the table.
        let row = TokenRow::find(database, serial)?;
        return Ok(row.filter(|row| sought.is_of(row.key_id, row.serial, &row.fingerprint)));
    }
    let way = Way::to_fingerprint(database, sought)?;
    let conditions = Conditions::of_fingerprint(database, question, sought)?;
    Ok(page(database, &way, &conditions, None, 1)?.pop())
}
