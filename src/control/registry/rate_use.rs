//! Compares the rate classes of tokens with the configured ones, for `/status`. The cost is one index search
//! per class ever used, however many tokens there are.

use super::row::StorageError;
use crate::base::database::{Columns, Database, Rows, Value};
use crate::base::time::UnixMillis;
use crate::formats::rate_class::{ClassName, CountedBy, RateClasses};

/// Classes of unended tokens that are not configured, because a deployment dropped them.
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

/// Classes that isolates count.
pub(super) fn of_isolates(configured: &RateClasses) -> Vec<ClassName> {
    let counted = configured.iter().filter(|(_, class)| class.counted_by == CountedBy::Isolate);
    counted.map(|(name, _)| name.clone()).collect()
}

/// The first class after `after`, in order of names, that a token has.
fn next_named<D: Database>(database: &D, after: &str) -> Result<Option<String>, StorageError> {
    let sql = "SELECT MIN(rate) FROM token WHERE rate > ?";
    Ok(database.query_one(sql, &[after.into()], Columns::optional_text)?)
}

fn is_in_use<D: Database>(database: &D, class: &str, now: UnixMillis) -> Result<bool, StorageError> {
    let sql = "SELECT 1 FROM token WHERE rate = ? AND expires_at > ? LIMIT 1";
    let values: [Value; 2] = [class.into(), now.floor_seconds().into()];
    Ok(database.yields(sql, &values)?)
}
