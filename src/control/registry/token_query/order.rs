//! In which order tokens are listed.
//!
//! Invariants: an order is total, by serial last, so that a page begins where the one before has ended. The
//! expressions over `token` equal the columns of `token_order`, so the order is the same while that table is
//! being filled.
//! What it must not know: filters.

use crate::base::database::{Database, Rows, Value};
use crate::control::registry::command::{Sort, SortBy, SortKey};
use crate::control::registry::row::StorageError;
use crate::formats::token::Serial;

/// The SQL of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// Over the columns of `token`.
    pub(super) expression: &'static str,
    /// The column of `token_order`, which has an index.
    pub(super) column: &'static str,
}

/// `None`: by serial, which is by age.
pub(super) fn of(by: SortBy) -> Option<Order> {
    let (expression, column) = match by {
        SortBy::Created => return None,
        SortBy::Label => ("label COLLATE NOCASE", "by_label"),
        SortBy::Owner => ("COALESCE(owner, '') COLLATE NOCASE", "by_owner"),
        // Whole numbers of stored columns: no parameter, which would be a double, takes part.
        SortBy::Ends => ("MIN(expires_at * 1000, COALESCE(ends_at, expires_at * 1000))", "by_end"),
        SortBy::Used => ("COALESCE(last_used_at / 3600000 * 3600000, 0)", "by_use"),
    };
    Some(Order { expression, column })
}

/// The words of a direction: of ORDER BY, and of the comparison with what comes next.
pub(super) fn direction(sort: Sort) -> (&'static str, &'static str) {
    if sort.ascending { ("ASC", ">") } else { ("DESC", "<") }
}

/// What the token is sorted by; none by age.
pub(super) fn key_of<D: Database>(
    database: &D,
    by: SortBy,
    serial: Serial,
) -> Result<Option<SortKey>, StorageError> {
    let Some(Order { expression, .. }) = of(by) else { return Ok(None) };
    let sql = format!("SELECT {expression} FROM token WHERE serial = ?");
    let key = database.query_optional(&sql, &[serial.into()], |columns| {
        Ok(match by {
            SortBy::Created => None,
            SortBy::Label => Some(SortKey::Label(columns.text()?)),
            SortBy::Owner => Some(SortKey::Owner(columns.text()?)),
            SortBy::Ends => Some(SortKey::Ends(columns.integer()?)),
            SortBy::Used => Some(SortKey::Used(columns.integer()?)),
        })
    })?;
    Ok(key.flatten())
}

/// The key as a parameter.
pub(super) fn value(key: &SortKey) -> Value {
    match key {
        SortKey::Label(text) | SortKey::Owner(text) => text.as_str().into(),
        SortKey::Ends(number) | SortKey::Used(number) => (*number).into(),
    }
}
