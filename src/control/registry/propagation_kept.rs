//! What locations reported, kept in storage: the platform evicts an instance after a minute of calm, and
//! `/status` must not forget then.
//!
//! Standard: docs/bound.md, "Reports".
//! Invariants: one row, of a bounded size. It is written at most once in 5 s after a change arrived
//! somewhere, and otherwise at most once a minute. It is written where a report or an alarm is handled
//! anyway: no alarm is set for it, so the last seconds may be lost.
//! What a mistake costs: a wrong figure on a dashboard.

use super::propagation::{Propagation, Summary};
use super::row::StorageError;
use crate::base::database::{Columns, Database, Rows, json};

/// Stores what locations reported.
pub(super) fn store<D: Database>(database: &D, summary: &Summary) -> Result<(), StorageError> {
    database.execute("INSERT OR REPLACE INTO propagation (id, summary) VALUES (1, ?)", &[json(summary)?])?;
    Ok(())
}

/// What was stored; nothing when a release wrote it that this one cannot read.
pub(super) fn read<D: Database>(database: &D) -> Result<Propagation, StorageError> {
    let text = database.query_optional("SELECT summary FROM propagation", &[], Columns::text)?;
    let summary = text.and_then(|text| serde_json::from_str::<Summary>(&text).ok());
    Ok(summary.map(Propagation::of).unwrap_or_default())
}
