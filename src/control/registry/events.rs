//! The audit: append-only events, who did what to which, when, and what it was before and after.
//!
//! Standard: DESIGN section 7, `GET /events`.
//! Invariants: written in the transaction of the change itself; never updated or deleted; holds no token's or key's text.
//! What it must not know: which changes are allowed.
//! What a mistake costs: a withdrawal that nobody can explain.

use super::command::{EventFilter, EventView};
use super::database::{Database, Value};
use super::row::{Columns, StorageError};
use crate::time::UnixMillis;
use crate::token::Serial;
use serde_json::Value as Json;

/// What happened, apart from when and by whom.
#[derive(Debug, Default)]
pub(super) struct Event<'a> {
    pub(super) action: &'static str,
    pub(super) token: Option<Serial>,
    pub(super) family: Option<&'a str>,
    pub(super) before: Option<Json>,
    pub(super) after: Option<Json>,
}

/// Who acts when no admin key does.
pub(super) const SYSTEM: &str = "system";

pub(super) fn append<D: Database>(
    database: &D,
    now: UnixMillis,
    actor: &str,
    event: Event<'_>,
) -> Result<(), StorageError> {
    let text = |json: Option<Json>| json.map_or(Value::Null, |json| Value::Text(json.to_string()));
    database.query(
        "INSERT INTO event (at, actor, action, serial, family, before, after) VALUES (?, ?, ?, ?, ?, ?, ?)",
        &[
            now.into(),
            actor.into(),
            event.action.into(),
            event.token.map_or(Value::Null, Value::from),
            event.family.into(),
            text(event.before),
            text(event.after),
        ],
    )?;
    Ok(())
}

/// A page, newest first, and where the next one starts.
pub(super) fn page<D: Database>(
    database: &D,
    filter: &EventFilter,
) -> Result<(Vec<EventView>, Option<i64>), StorageError> {
    let mut sql =
        "SELECT id, at, actor, action, serial, family, before, after FROM event WHERE id < ?".to_owned();
    let below = filter.below.unwrap_or(NUMBER_MAX).min(NUMBER_MAX);
    let mut parameters = vec![Value::Integer(below)];
    if let Some(serial) = filter.token {
        sql.push_str(" AND serial = ?");
        parameters.push(serial.into());
    }
    if let Some(family) = &filter.family {
        sql.push_str(" AND family = ?");
        parameters.push(family.as_str().into());
    }
    sql.push_str(" ORDER BY id DESC LIMIT ?");
    parameters.push(Value::Integer(i64::from(filter.limit).saturating_add(1)));
    let rows = database.query(&sql, &parameters)?;
    let mut items = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|event| event.id);
    Ok((items, next))
}

fn read(row: super::database::Row) -> Result<EventView, StorageError> {
    let mut columns = Columns::of(row);
    Ok(EventView {
        id: columns.integer()?,
        at: columns.millis()?,
        actor: columns.text()?,
        action: columns.text()?,
        token: columns.optional_serial()?,
        family: columns.optional_text()?,
        before: columns.optional_text()?,
        after: columns.optional_text()?,
    })
}

/// Above every event's number; a larger one would not cross JavaScript.
pub(super) const NUMBER_MAX: i64 = (1 << 53) - 1;
