//! Fills the list's index with the tokens of a registry that an earlier release wrote, and finds warnings
//! anew when a release judges settings in another way.
//!
//! Invariants: a step reads a bounded number of rows and is one transaction with its position, so a process
//! killed at any moment continues there. A token that is changed meanwhile is written by that change, and a
//! step writes what it reads. Lists and revocations go in between two steps.
//! What a mistake costs: a token is missing in the list.
//!
//! Cost: 500 tokens take some 20 ms; a million take 2,000 alarms.

use super::{Facet, facets, insert_facets, write};
use crate::base::database::{Columns, Database, Rows, json};
use crate::base::time::UnixMillis;
use crate::control::registry::row::StorageError;
use crate::control::registry::token_row::{COLUMNS, TokenRow};
use crate::formats::token::Serial;
use crate::limits::LIST_INDEX_STEP_MAX;
use std::collections::BTreeSet;

/// The number of the rules by which warnings about settings are found. Raise it when a release warns of other
/// settings, or with another Public Suffix List: a test says so.
const WARNINGS_BY: u32 = 1;

/// How far the index can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::control::registry) struct Filled {
    /// Every token is in `token_order`, `token_search` and, with its audiences, in `token_facet`.
    pub(in crate::control::registry) orders: bool,
    /// The warnings in `token_facet` are those of this release.
    pub(in crate::control::registry) facets: bool,
}

pub(in crate::control::registry) fn filled<D: Database>(database: &D) -> Result<Filled, StorageError> {
    let sql = "SELECT is_filled, after_serial FROM index_fill";
    Ok(database.query_one(sql, &[], |columns| {
        let orders = columns.flag()?;
        let position = columns.optional_serial()?;
        Ok(Filled { orders, facets: orders && position.is_none() })
    })?)
}

/// Begins to fill at a start, if another release filled the index last, or none did.
pub(in crate::control::registry) fn begin<D: Database>(database: &D) -> Result<(), StorageError> {
    let sql = "SELECT warnings_by FROM index_fill";
    if database.query_one(sql, &[], Columns::number::<u32>)? == WARNINGS_BY {
        return Ok(());
    }
    let sql = "UPDATE index_fill SET after_serial = 0, warnings_by = ?";
    database.execute(sql, &[WARNINGS_BY.into()])?;
    if !database.yields("SELECT 1 FROM token LIMIT 1", &[])? {
        end(database)?;
    }
    Ok(())
}

fn end<D: Database>(database: &D) -> Result<(), StorageError> {
    Ok(database.execute("UPDATE index_fill SET after_serial = NULL, is_filled = 1", &[])?)
}

/// When the next step is due: now; `None` when there is none.
pub(in crate::control::registry) fn next_due<D: Database>(
    database: &D,
    now: UnixMillis,
) -> Result<Option<UnixMillis>, StorageError> {
    Ok(position(database)?.map(|_| now))
}

/// Takes one step, if one is left.
pub(in crate::control::registry) fn step<D: Database>(database: &D) -> Result<(), StorageError> {
    let Some(after) = position(database)? else { return Ok(()) };
    let sql = format!("SELECT {COLUMNS} FROM token WHERE serial > ? ORDER BY serial LIMIT ?");
    let rows = database.query_all(&sql, &[after.into(), LIST_INDEX_STEP_MAX.into()], TokenRow::read)?;
    if filled(database)?.orders {
        renew_facets(database, &rows)?;
    } else {
        write(database, &rows.iter().map(TokenRow::indexed).collect::<Vec<_>>())?;
    }
    match rows.last().map(|row| row.serial) {
        Some(last) if u32::try_from(rows.len()).is_ok_and(|read| read == LIST_INDEX_STEP_MAX) => {
            Ok(database.execute("UPDATE index_fill SET after_serial = ?", &[last.into()])?)
        }
        _ => end(database),
    }
}

fn position<D: Database>(database: &D) -> Result<Option<Serial>, StorageError> {
    Ok(database.query_one("SELECT after_serial FROM index_fill", &[], Columns::optional_serial)?)
}

/// Writes the facets of those rows whose facets have changed.
fn renew_facets<D: Database>(database: &D, rows: &[TokenRow]) -> Result<(), StorageError> {
    let serials: Vec<u32> = rows.iter().map(|row| row.serial.0).collect();
    let known: BTreeSet<Facet> = database
        .query_all(
            "SELECT facet, facet_value, of_serial FROM token_facet \
             WHERE of_serial IN (SELECT value FROM json_each(?))",
            &[json(&serials)?],
            |columns| Ok((columns.text()?, columns.text()?, columns.serial()?.0)),
        )?
        .into_iter()
        .collect();
    let now: BTreeSet<Facet> = rows.iter().map(TokenRow::indexed).flat_map(|token| facets(&token)).collect();
    let gone: Vec<&Facet> = known.difference(&now).collect();
    if !gone.is_empty() {
        database.execute(
            "DELETE FROM token_facet WHERE (facet, facet_value, of_serial) IN \
             (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') \
             FROM json_each(?))",
            &[json(&gone)?],
        )?;
    }
    insert_facets(database, &now.difference(&known).cloned().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::registry::command::token_warnings;
    use crate::formats::key::sha256;

    /// Whoever changes these, or the judgement of a rule, changes which tokens have a warning.
    #[test]
    fn other_rules_of_warnings_have_another_number() {
        let list = include_str!("../../../formats/origin/public_suffix_list.txt");
        let shared = include_str!("../../../formats/origin/shared_hosts.rs");
        let judgement = include_str!("../../../formats/origin/warning.rs");
        let codes = token_warnings::codes().join(" ");
        let text = [list, shared, judgement, &codes].concat();
        let hash = hex::encode(sha256(text.as_bytes()).get(..8).unwrap());
        assert_eq!(
            (WARNINGS_BY, hash.as_str()),
            (1, "f726c2ae489da297"),
            "raise WARNINGS_BY, then put the hash here"
        );
    }
}
