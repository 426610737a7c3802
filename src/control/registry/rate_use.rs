//! Which rate classes tokens are of, held against those that are configured: for `/status`.
//!
//! Invariants: it costs a search in the index for each class that was ever named, however many tokens there are.
//! What it must not know: what a class limits.
//! What a mistake costs: an operator who believes that a token is limited.

use super::database::{Database, Value};
use super::row::{Columns, StorageError};
use crate::rate::{ClassName, CountedBy, RateClasses};
use crate::time::UnixMillis;

/// Classes of tokens that have not ended, and which are not configured: a deploy dropped them.
pub(super) fn not_configured<D: Database>(
    database: &D,
    configured: &RateClasses,
    now: UnixMillis,
) -> Result<Vec<ClassName>, StorageError> {
    let mut missing = Vec::new();
    let mut after = String::new();
    while let Some(text) = next_named(database, &after)? {
        let name = ClassName::parse(&text).ok_or(StorageError::Unreadable)?;
        if !configured.has(&name) && is_in_use(database, &text, now)? {
            missing.push(name);
        }
        after = text;
    }
    Ok(missing)
}

/// Classes that isolates count for.
pub(super) fn of_isolates(configured: &RateClasses) -> Vec<ClassName> {
    let counted = configured.iter().filter(|(_, class)| class.counted_by == CountedBy::Isolate);
    counted.map(|(name, _)| name.clone()).collect()
}

/// The first class that any token names after `after`.
fn next_named<D: Database>(database: &D, after: &str) -> Result<Option<String>, StorageError> {
    let rows = database.query("SELECT MIN(rate) FROM token WHERE rate > ?", &[after.into()])?;
    rows.into_iter().next().map_or(Ok(None), |row| Columns::of(row).optional_text())
}

fn is_in_use<D: Database>(database: &D, class: &str, now: UnixMillis) -> Result<bool, StorageError> {
    let sql = "SELECT 1 FROM token WHERE rate = ? AND expires_at > ? LIMIT 1";
    let values: [Value; 2] = [class.into(), now.floor_seconds().into()];
    Ok(!database.query(sql, &values)?.is_empty())
}
