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

/// A page of the events that `role` may see, newest first, and where the next page starts.
pub(super) fn page<D: Database>(
    database: &D,
    filter: &EventFilter,
    role: Role,
) -> Result<(Vec<EventView>, Option<i64>), StorageError> {
    let mut sql =
        "SELECT id, at, actor, action, serial, family, before, after FROM event WHERE id < ?".to_owned();
    let below = filter.below.unwrap_or(NUMBER_MAX).min(NUMBER_MAX);
    let mut parameters = vec![Value::from(below)];
    if role != Role::Owner {
        sql.push_str(" AND serial IS NOT NULL");
    }
    if let Some(serial) = filter.token {
        sql.push_str(" AND serial = ?");
        parameters.push(serial.into());
    }
    if let Some(family) = &filter.family {
        sql.push_str(" AND family = ?");
        parameters.push(family.as_str().into());
    }
    sql.push_str(" ORDER BY id DESC LIMIT ?");
    parameters.push(i64::from(filter.limit).saturating_add(1).into());
    let mut items = database.query_all(&sql, &parameters, read)?;
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|event| event.id);
    Ok((items, next))
}

fn read(columns: &mut Columns) -> Result<EventView, ReadError> {
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

/// Larger than every event's number. JavaScript could not represent a larger integer exactly.
pub(super) const NUMBER_MAX: i64 = (1 << 53) - 1;
