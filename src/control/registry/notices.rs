//! Notices: what happened to which token is owed to the operator, gathered into digests, kept and shown.
//!
//! Standard: DESIGN section 8, "Notices are digests"; Standard Webhooks 1.0.0 for the form.
//! Invariants: a notice is owed in the transaction of what it tells of, so none is lost and none tells of what did not
//! happen; a digest takes what it tells away in the transaction that makes it, so nothing is told twice; its text never
//! changes once made, however often it is sent; it holds no token's text.
//! What it must not know: how a webhook is signed or sent, which notices are due.
//! What a mistake costs: a site that goes dark unannounced, or an operator who learns to ignore notices.

use super::command::{DeliveryView, NoticeFilter, NoticeKind, NoticeView};
use super::database::{Database, Row, Value};
use super::deliveries;
use super::row::{Columns, StorageError};
use super::settings::RegistrySettings;
use super::state::State;
use super::token_row::TokenRow;
use crate::limits::{
    NOTICE_BYTES_MAX, NOTICE_COALESCE_MS, NOTICE_TOKENS_MAX, NOTICES_FORGOTTEN_MAX, NOTICES_KEPT_MS,
    NOTICES_PAGE_BYTES_MAX,
};
use crate::time::UnixMillis;
use crate::token::Serial;
use serde_json::{Map, Value as Json, json};

/// What is to be told of one token.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Owed {
    pub(super) kind: NoticeKind,
    /// Which of a kind's thresholds was met; tokens of different ones go into different digests. 0: it has none.
    pub(super) within_days: u32,
    pub(super) serial: Serial,
    /// Members beside those that every token has.
    pub(super) facts: Map<String, Json>,
}

impl Owed {
    /// A notice of a kind without thresholds, and without members of its own.
    pub(super) fn of(kind: NoticeKind, serial: Serial) -> Self {
        Self { kind, within_days: 0, serial, facts: Map::new() }
    }

    /// With a member of its own.
    pub(super) fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }
}

/// Owes a notice, inside the transaction of what it tells of.
pub(super) fn owe<D: Database>(database: &D, owed: Owed, now: UnixMillis) -> Result<(), StorageError> {
    let has_facts = !owed.facts.is_empty();
    let facts = has_facts.then(|| Json::Object(owed.facts).to_string()).map_or(Value::Null, Value::Text);
    database.query(
        "INSERT INTO notice_owed (kind, within_days, serial, at, facts) VALUES (?, ?, ?, ?, ?)",
        &[owed.kind.as_str().into(), owed.within_days.into(), owed.serial.into(), now.into(), facts],
    )?;
    Ok(())
}

/// When the next digest is to be made; `None` when nothing is owed.
pub(super) fn next_due<D: Database>(
    database: &D,
    now: UnixMillis,
) -> Result<Option<UnixMillis>, StorageError> {
    let rows = database.query("SELECT at FROM notice_owed ORDER BY id LIMIT 1", &[])?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    Ok(Some(due_at(Columns::of(row).millis()?, now)))
}

/// When what has been owed since `at` is told. A clock that was set back must not put it off.
fn due_at(at: UnixMillis, now: UnixMillis) -> UnixMillis {
    if at > now { now } else { at.plus_ms(NOTICE_COALESCE_MS) }
}

/// Makes one digest, when one is due: of the oldest that is owed, and what goes with it.
pub(super) fn digest<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let oldest = database.query("SELECT kind, within_days, at FROM notice_owed ORDER BY id LIMIT 1", &[])?;
    let Some(row) = oldest.into_iter().next() else { return Ok(()) };
    let mut columns = Columns::of(row);
    let kind = NoticeKind::parse(&columns.text()?).ok_or(StorageError::Unreadable)?;
    let within_days: u32 = columns.number()?;
    if due_at(columns.millis()?, now) > now {
        return Ok(());
    }
    let owed = database.query(
        "SELECT id, serial, facts FROM notice_owed WHERE kind = ? AND within_days = ? ORDER BY id LIMIT ?",
        &[kind.as_str().into(), within_days.into(), NOTICE_TOKENS_MAX.into()],
    )?;
    let mut tokens: Vec<String> = Vec::with_capacity(owed.len());
    let (mut bytes, mut last) = (0, 0);
    for row in owed {
        let mut columns = Columns::of(row);
        let (id, serial, facts) = (columns.integer()?, columns.serial()?, columns.optional_text()?);
        // One that retention has taken away meanwhile is nobody's concern.
        let token = match TokenRow::find(database, serial)? {
            Some(token) => Some(shown(&token, facts.as_deref())?),
            None => None,
        };
        bytes += token.as_ref().map_or(0, String::len);
        if bytes > NOTICE_BYTES_MAX && !tokens.is_empty() {
            break;
        }
        last = id;
        tokens.extend(token);
    }
    database.query(
        "DELETE FROM notice_owed WHERE kind = ? AND within_days = ? AND id <= ?",
        &[kind.as_str().into(), within_days.into(), Value::Integer(last)],
    )?;
    if tokens.is_empty() { Ok(()) } else { keep(database, settings, kind, within_days, &tokens, now) }
}

/// Stores a digest, and owes its webhook.
fn keep<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    kind: NoticeKind,
    within_days: u32,
    tokens: &[String],
    now: UnixMillis,
) -> Result<(), StorageError> {
    let within = if within_days > 0 { format!("\"within_days\":{within_days},") } else { String::new() };
    let body = format!(
        "{{\"type\":\"{}\",\"timestamp\":\"{}\",\"data\":{{{within}\"tokens\":[{}]}}}}",
        kind.event_type(),
        now.to_rfc3339(),
        tokens.join(",")
    );
    let epoch = State::read(database)?.list_number.epoch;
    let bytes = i64::try_from(body.len()).unwrap_or(i64::MAX);
    let rows = database.query(
        "INSERT INTO notice (epoch, kind, at, bytes, body) VALUES (?, ?, ?, ?, ?) RETURNING id",
        &[epoch.into(), kind.as_str().into(), now.into(), Value::Integer(bytes), Value::Text(body)],
    )?;
    let id = Columns::of(rows.into_iter().next().ok_or(StorageError::Unreadable)?).integer()?;
    database.query(
        "INSERT INTO notice_count (kind, made) VALUES (?, 1) ON CONFLICT (kind) DO UPDATE SET made = made + 1",
        &[kind.as_str().into()],
    )?;
    if settings.webhook.is_some() { deliveries::owe(database, id, now) } else { Ok(()) }
}

/// What a notice says of a token, as it is now: enough to know whom to ask, and nothing that works.
fn shown(token: &TokenRow, facts: Option<&str>) -> Result<String, StorageError> {
    let mut shown = json!({
        "id": format!("tok_{}", token.serial.0),
        "family": token.family.as_str(),
        "label": token.policy.label,
        "owner": token.policy.owner,
        "external_id": token.policy.external_id,
        "audiences": token.policy.audiences,
        "expires_at": token.expires_at.to_rfc3339(),
        "last_used_at": token.last_used_at.map(UnixMillis::to_rfc3339),
    });
    if let (Some(members), Some(facts)) = (shown.as_object_mut(), facts) {
        members
            .extend(serde_json::from_str::<Map<String, Json>>(facts).map_err(|_| StorageError::Unreadable)?);
    }
    Ok(shown.to_string())
}

/// The `webhook-id` of a notice. A restored registry gives a number again, but in a later epoch: a receiver that knows
/// the id of the lost time must not take another notice for the same.
pub(super) fn webhook_id(epoch: u32, id: i64) -> String {
    format!("ntc_{epoch}_{id}")
}

/// A page, newest first, and where the next one starts. It ends early where it would be too long to carry.
pub(super) fn page<D: Database>(
    database: &D,
    filter: &NoticeFilter,
) -> Result<(Vec<NoticeView>, Option<i64>), StorageError> {
    let below = filter.below.unwrap_or(i64::MAX).min(super::events::NUMBER_MAX);
    let limit = i64::from(filter.limit).saturating_add(1);
    let sizes = database.query(
        "SELECT id, bytes FROM notice WHERE id < ? ORDER BY id DESC LIMIT ?",
        &[Value::Integer(below), Value::Integer(limit)],
    )?;
    let mut ids = Vec::new();
    let (mut bytes, mut more) = (0_u64, false);
    for row in sizes {
        let mut columns = Columns::of(row);
        let id = columns.integer()?;
        bytes = bytes.saturating_add(columns.number()?);
        more = i64::try_from(ids.len()).unwrap_or(i64::MAX) >= limit - 1
            || (!ids.is_empty() && bytes > NOTICES_PAGE_BYTES_MAX);
        if more {
            break;
        }
        ids.push(id);
    }
    let Some(lowest) = ids.last().copied() else { return Ok((Vec::new(), None)) };
    let rows = database.query(
        "SELECT notice.epoch, notice.id, notice.body, state, attempts, fault, due_at FROM notice \
         LEFT JOIN webhook_delivery ON webhook_delivery.notice = notice.id \
         WHERE notice.id < ? AND notice.id >= ? ORDER BY notice.id DESC",
        &[Value::Integer(below), Value::Integer(lowest)],
    )?;
    let items = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok((items, more.then_some(lowest)))
}

fn read(row: Row) -> Result<NoticeView, StorageError> {
    let mut columns = Columns::of(row);
    let (epoch, id) = (columns.number()?, columns.integer()?);
    let body = columns.text()?;
    let delivery = match columns.optional_text()? {
        None => None,
        Some(state) => Some(DeliveryView {
            state: deliveries::parse_state(&state)?,
            attempts: columns.number()?,
            fault: deliveries::parse_fault(columns.optional_text()?)?,
            at: columns.millis()?,
        }),
    };
    Ok(NoticeView { id: webhook_id(epoch, id), body, delivery })
}

/// How many notices of each kind were made, ever; kinds of which there was none are left out.
pub(super) fn counts<D: Database>(database: &D) -> Result<Vec<(NoticeKind, u64)>, StorageError> {
    let rows = database.query("SELECT kind, made FROM notice_count", &[])?;
    rows.into_iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            let kind = NoticeKind::parse(&columns.text()?).ok_or(StorageError::Unreadable)?;
            Ok((kind, columns.number()?))
        })
        .collect()
}

/// Deletes notices that are past their time, a bounded number; a webhook still owed goes too.
pub(super) fn forget_old<D: Database>(database: &D, now: UnixMillis) -> Result<(), StorageError> {
    let made_by = now.plus_ms(-NOTICES_KEPT_MS);
    let gone = database.query(
        "DELETE FROM notice WHERE id IN (SELECT id FROM notice WHERE at <= ? ORDER BY id LIMIT ?) RETURNING id",
        &[made_by.into(), NOTICES_FORGOTTEN_MAX.into()],
    )?;
    for row in gone {
        deliveries::forget(database, Columns::of(row).integer()?)?;
    }
    Ok(())
}
