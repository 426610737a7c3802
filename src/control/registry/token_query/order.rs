//! In which order tokens are listed.
//!
//! Invariants: an order is total, by serial last, so that a page begins where the one before has ended. The
//! expressions over `token` equal the columns of `token_order`, so the order is the same while that table is
//! being filled.
//! What it must not know: filters.

use crate::control::registry::command::{Sort, SortBy};

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
