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
pub(super) mod trigrams;

use super::row::StorageError;
use crate::base::database::{Database, Rows, json};
use crate::base::time::UnixMillis;
use crate::formats::key::KeyId;
use crate::formats::token::Serial;
use crate::limits::LIST_USE_STEP_MS;

/// The facet of a token's audiences.
pub(super) const AUDIENCE: &str = "audience";
/// The facet of the warnings that follow from its settings and its life, not from the clock.
pub(super) const WARNING: &str = "warning";

/// What of a token is in the index.
pub(super) struct Indexed<'a> {
    pub(super) serial: Serial,
    pub(super) key_id: KeyId,
    pub(super) label: &'a str,
    pub(super) owner: &'a str,
    /// When it ends, if nothing is done to it.
    pub(super) end: UnixMillis,
    pub(super) last_used_at: Option<UnixMillis>,
    pub(super) audiences: &'a [String],
    /// Those that follow from its settings and its life.
    pub(super) warnings: Vec<&'static str>,
    /// The text that a search looks at, in lower case.
    pub(super) searched: String,
}

/// Writes the entries of these tokens in place of those that they had.
pub(super) fn write<D: Database>(database: &D, tokens: &[Indexed<'_>]) -> Result<(), StorageError> {
    let serials: Vec<u32> = tokens.iter().map(|token| token.serial.0).collect();
    database.execute(
        "DELETE FROM token_facet WHERE of_serial IN (SELECT value FROM json_each(?))",
        &[json(&serials)?],
    )?;
    insert(database, tokens)
}

/// Writes the entries of tokens that have none.
pub(super) fn insert<D: Database>(database: &D, tokens: &[Indexed<'_>]) -> Result<(), StorageError> {
    let orders: Vec<_> = tokens.iter().map(order).collect();
    database.execute(
        "INSERT OR REPLACE INTO token_order (of_serial, by_label, by_owner, by_end, by_use, by_key) \
         SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), \
         json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]') \
         FROM json_each(?)",
        &[json(&orders)?],
    )?;
    insert_facets(database, &tokens.iter().flat_map(facets).collect::<Vec<_>>())?;
    let searched: Vec<_> = tokens.iter().map(|token| (token.serial.0, &token.searched)).collect();
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
pub(super) fn set_end<D: Database>(
    database: &D,
    serial: Serial,
    end: UnixMillis,
) -> Result<(), StorageError> {
    let sql = "UPDATE token_order SET by_end = ? WHERE of_serial = ?";
    Ok(database.execute(sql, &[end.into(), serial.into()])?)
}

/// Writes when a token was last used, if that is in another hour than the use before.
pub(super) fn set_use<D: Database>(
    database: &D,
    serial: Serial,
    before: Option<UnixMillis>,
    last: Option<UnixMillis>,
) -> Result<(), StorageError> {
    if use_hour(last) == use_hour(before) {
        return Ok(());
    }
    let sql = "UPDATE token_order SET by_use = ? WHERE of_serial = ?";
    Ok(database.execute(sql, &[use_hour(last).into(), serial.into()])?)
}

/// The hour of a use; 0 without one. By the hour, so that a token in constant use is written 24 times a day.
pub(super) fn use_hour(at: Option<UnixMillis>) -> UnixMillis {
    let at = at.map_or(0, |at| at.0);
    UnixMillis(at.saturating_sub(at.rem_euclid(LIST_USE_STEP_MS)))
}

fn order<'a>(token: &Indexed<'a>) -> (u32, &'a str, &'a str, i64, i64, u8) {
    let last_use = use_hour(token.last_used_at);
    (token.serial.0, token.label, token.owner, token.end.0, last_use.0, token.key_id.0)
}

/// A row of `token_facet`.
type Facet = (String, String, u32);

fn facets(token: &Indexed<'_>) -> Vec<Facet> {
    let facet = |facet: &str, value: &str| (facet.to_owned(), value.to_owned(), token.serial.0);
    let audiences = token.audiences.iter().map(|audience| facet(AUDIENCE, audience));
    audiences.chain(token.warnings.iter().map(|code| facet(WARNING, code))).collect()
}

#[cfg(test)]
mod tests;
