//! The audit: append-only events that record who changed what, when, and the values before and after.
//!
//! Standard: docs/lifecycle.md, "Audit".
//! Invariants: an event is written in the transaction of its change, and never updated or deleted. It
//! contains no token's or key's text. Only an owner may see events that concern no token: those of admin
//! keys, sessions, signing keys and restores.
//! What it must not know: which changes are allowed.
//! What a mistake costs: a revocation that nobody can explain.

use super::command::{EventFilter, EventView};
use super::row::StorageError;
use crate::base::database::{Columns, Database, ReadError, Rows, Value};
use crate::base::time::UnixMillis;
use crate::formats::admin_key::Role;
use crate::formats::token::Serial;
use crate::limits::EVENTS_SEARCHED_MAX;
use serde_json::Value as Json;

/// An event without its time and actor.
#[derive(Debug, Default)]
pub(super) struct Event<'a> {
    pub(super) action: &'static str,
    pub(super) token: Option<Serial>,
    pub(super) family: Option<&'a str>,
    pub(super) before: Option<Json>,
    pub(super) after: Option<Json>,
}

/// The actor of changes that the registry makes itself.
pub(super) const SYSTEM: &str = "system";

pub(super) fn append<D: Database>(
    database: &D,
    now: UnixMillis,
    actor: &str,
    event: Event<'_>,
) -> Result<(), StorageError> {
    let text = |json: Option<Json>| Value::from(json.map(|json| json.to_string()));
    database.execute(
        "INSERT INTO event (at, actor, action, serial, family, before, after) VALUES (?, ?, ?, ?, ?, ?, ?)",
        &[
            now.into(),
            actor.into(),
            event.action.into(),
            event.token.into(),
            event.family.into(),
            text(event.before),
            text(event.after),
        ],
    )?;
    Ok(())
}

/// A page of the events that `role` may see, newest first, and where the next page starts. A filter for
/// which there is no index reads at most [`EVENTS_SEARCHED_MAX`] events: the page then may have fewer items,
/// or none, although there is a next one.
pub(super) fn page<D: Database>(
    database: &D,
    filter: &EventFilter,
    role: Role,
) -> Result<(Vec<EventView>, Option<i64>), StorageError> {
    let below = match filter.below {
        Some(below) => below.min(NUMBER_MAX),
        None => newest(database)?.saturating_add(1),
    };
    let floor = if is_searched(filter) { below.saturating_sub(EVENTS_SEARCHED_MAX).max(1) } else { 1 };
    let (sql, parameters) = statement(filter, role, floor, below);
    let mut items = database.query_all(&sql, &parameters, read)?;
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| more).map(|event| event.id);
    Ok((items, last.or_else(|| (floor > 1).then_some(floor))))
}

/// Whether the filter has no index.
fn is_searched(filter: &EventFilter) -> bool {
    let EventFilter { actor, action, from, to, .. } = filter;
    actor.is_some() || action.is_some() || from.is_some() || to.is_some()
}

/// The number of the newest event, 0 without any.
fn newest<D: Database>(database: &D) -> Result<i64, StorageError> {
    let sql = "SELECT id FROM event ORDER BY id DESC LIMIT 1";
    Ok(database.query_optional(sql, &[], Columns::integer)?.unwrap_or(0))
}

/// The query of a page, one event longer than the page.
fn statement(filter: &EventFilter, role: Role, floor: i64, below: i64) -> (String, Vec<Value>) {
    let mut sql = "SELECT event.id, event.at, event.actor, event.action, event.serial, token.label, \
         event.family, event.before, event.after \
         FROM event LEFT JOIN token ON token.serial = event.serial WHERE event.id >= ? AND event.id < ?"
        .to_owned();
    let mut parameters = vec![Value::from(floor), Value::from(below)];
    if role != Role::Owner {
        sql.push_str(" AND event.serial IS NOT NULL");
    }
    let mut only = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            sql.push_str(condition);
            parameters.push(value);
        }
    };
    only(" AND event.serial = ?", filter.token.map(Value::from));
    only(" AND event.family = ?", filter.family.as_deref().map(Value::from));
    only(" AND event.actor = ?", filter.actor.as_deref().map(Value::from));
    only(" AND event.action = ?", filter.action.as_deref().map(Value::from));
    only(" AND event.at >= ?", filter.from.map(|at| at.to_millis().into()));
    only(" AND event.at < ?", filter.to.map(|at| at.to_millis().into()));
    sql.push_str(" ORDER BY event.id DESC LIMIT ?");
    parameters.push(i64::from(filter.limit).saturating_add(1).into());
    (sql, parameters)
}

fn read(columns: &mut Columns) -> Result<EventView, ReadError> {
    Ok(EventView {
        id: columns.integer()?,
        at: columns.millis()?,
        actor: columns.text()?,
        action: columns.text()?,
        token: columns.optional_serial()?,
        label: columns.optional_text()?,
        family: columns.optional_text()?,
        before: columns.optional_text()?,
        after: columns.optional_text()?,
    })
}

/// Larger than every event's number. JavaScript could not represent a larger integer exactly.
pub(super) const NUMBER_MAX: i64 = (1 << 53) - 1;
