//! What the list of tokens is sorted, filtered and searched by: tables that are derived from `token`.
//!
//! Standard: docs/storage.md, "The list's index". Search uses SQLite's FTS5 with the trigram tokenizer, which
//! a Durable Object has.
//! Invariants: a token's entries are written in the transaction that changes the token. Until [`fill`] has
//! reached the last row that an earlier release wrote, the list does without these tables.
//! What it must not know: who asks for what.
//! What a mistake costs: an operator does not find a token, and does not revoke it (false accept, in the
//! end).

pub(super) mod fill;

use super::command::token_warnings;
use super::row::StorageError;
use super::token_row::TokenRow;
use crate::base::database::{Database, Rows, json};
use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::limits::LIST_USE_STEP_MS;

/// The facet of a token's audiences.
pub(super) const AUDIENCE: &str = "audience";
/// The facet of the warnings that follow from its settings and its life, not from the clock.
pub(super) const WARNING: &str = "warning";

/// Writes the entries of these tokens in place of those that they had.
pub(super) fn write<D: Database>(database: &D, rows: &[TokenRow]) -> Result<(), StorageError> {
    let serials: Vec<u32> = rows.iter().map(|row| row.serial.0).collect();
    database.execute(
        "DELETE FROM token_facet WHERE of_serial IN (SELECT value FROM json_each(?))",
        &[json(&serials)?],
    )?;
    insert(database, rows)
}

/// Writes the entries of tokens that have none.
pub(super) fn insert<D: Database>(database: &D, rows: &[TokenRow]) -> Result<(), StorageError> {
    let orders: Vec<_> = rows.iter().map(order).collect();
    database.execute(
        "INSERT OR REPLACE INTO token_order (of_serial, by_label, by_owner, by_end, by_use, by_key) \
         SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), \
         json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]') \
         FROM json_each(?)",
        &[json(&orders)?],
    )?;
    insert_facets(database, &rows.iter().flat_map(facets).collect::<Vec<_>>())?;
    let searched: Vec<_> = rows.iter().map(|row| (row.serial.0, searched(row))).collect();
    database.execute(
        "INSERT OR REPLACE INTO token_search (rowid, searched) \
         SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)",
        &[json(&searched)?],
    )?;
    Ok(())
}

fn insert_facets<D: Database>(database: &D, facets: &[Facet]) -> Result<(), StorageError> {
    if facets.is_empty() {
        return Ok(());
    }
    let sql = "INSERT OR IGNORE INTO token_facet (facet, facet_value, of_serial) \
               SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') \
               FROM json_each(?)";
    Ok(database.execute(sql, &[json(&facets)?])?)
}

/// Deletes the entries of tokens that have left the registry.
pub(super) fn forget<D: Database>(database: &D, serials: &[Serial]) -> Result<(), StorageError> {
    let serials = json(&serials.iter().map(|serial| serial.0).collect::<Vec<_>>())?;
    for sql in [
        "DELETE FROM token_order WHERE of_serial IN (SELECT value FROM json_each(?))",
        "DELETE FROM token_facet WHERE of_serial IN (SELECT value FROM json_each(?))",
        "DELETE FROM token_search WHERE rowid IN (SELECT value FROM json_each(?))",
    ] {
        database.execute(sql, std::slice::from_ref(&serials))?;
    }
    Ok(())
}

/// Writes when a token ends, after its ends have changed.
pub(super) fn set_end<D: Database>(database: &D, row: &TokenRow) -> Result<(), StorageError> {
    let sql = "UPDATE token_order SET by_end = ? WHERE of_serial = ?";
    Ok(database.execute(sql, &[row.end().into(), row.serial.into()])?)
}

/// Writes when a token was last used, if that is in another hour than the use before.
pub(super) fn set_use<D: Database>(
    database: &D,
    row: &TokenRow,
    before: Option<UnixMillis>,
) -> Result<(), StorageError> {
    if use_hour(row.last_used_at) == use_hour(before) {
        return Ok(());
    }
    let sql = "UPDATE token_order SET by_use = ? WHERE of_serial = ?";
    Ok(database.execute(sql, &[use_hour(row.last_used_at).into(), row.serial.into()])?)
}

/// The hour of a use; 0 without one. By the hour, so that a token in constant use is written 24 times a day.
pub(super) fn use_hour(at: Option<UnixMillis>) -> UnixMillis {
    let at = at.map_or(0, |at| at.0);
    UnixMillis(at.saturating_sub(at.rem_euclid(LIST_USE_STEP_MS)))
}

fn order(row: &TokenRow) -> (u32, &str, &str, i64, i64, u8) {
    let owner = row.policy.owner.as_deref().unwrap_or_default();
    (row.serial.0, &row.policy.label, owner, row.end().0, use_hour(row.last_used_at).0, row.key_id.0)
}

/// A row of `token_facet`.
type Facet = (String, String, u32);

fn facets(row: &TokenRow) -> Vec<Facet> {
    let facet = |facet: &str, value: &str| (facet.to_owned(), value.to_owned(), row.serial.0);
    let warnings = token_warnings::of_settings(&row.policy, row.life_seconds());
    let audiences = row.policy.audiences.iter().map(|audience| facet(AUDIENCE, audience));
    audiences.chain(warnings.into_iter().map(|code| facet(WARNING, code))).collect()
}

/// The text that a search looks at, in lower case.
fn searched(row: &TokenRow) -> String {
    format!("{}\n{}", row.policy.search_text(), row.fingerprint_end().to_lowercase())
}

/// The FTS5 query for what contains every three characters in a row of `text`; `None` for a shorter text. It
/// may find too much, never too little: the caller compares the whole text.
pub(super) fn trigrams(text: &str) -> Option<String> {
    let chars: Vec<char> = text.to_lowercase().chars().collect();
    let mut parts: Vec<String> = chars.windows(3).map(|part| part.iter().collect()).collect();
    parts.sort_unstable();
    parts.dedup();
    // A few tell tokens apart; hundreds would cost more than they exclude.
    parts.truncate(SOUGHT_MAX);
    let quoted = parts.iter().map(|part| format!("\"{}\"", part.replace('"', "\"\"")));
    let quoted: Vec<String> = quoted.collect();
    (!quoted.is_empty()).then(|| quoted.join(" AND "))
}

const SOUGHT_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_sought_by_every_three_characters() {
        assert_eq!(trigrams("ab"), None);
        assert_eq!(trigrams("Müll").as_deref(), Some("\"mül\" AND \"üll\""));
        assert_eq!(trigrams("aaaa").as_deref(), Some("\"aaa\""));
        assert_eq!(trigrams("a\"b").as_deref(), Some("\"a\"\"b\""));
    }

    #[test]
    fn a_use_is_kept_by_the_hour() {
        assert_eq!(use_hour(None), UnixMillis(0));
        assert_eq!(use_hour(Some(UnixMillis(LIST_USE_STEP_MS + 1))), UnixMillis(LIST_USE_STEP_MS));
    }
}
