//! Notices: events about tokens are queued, gathered into digests, stored and shown.
//!
//! Standard: docs/lifecycle.md, "Notices"; Standard Webhooks 1.0.0 for the form.
//! Invariants: a notice is queued in the transaction of the event, so none is lost and none reports what did
//! not happen. The transaction that makes a digest also removes what it contains from the queue, so nothing
//! is sent in two digests. A digest's text never changes, however often it is sent. It contains no token's
//! text.
//! What it must not know: how a webhook is signed or sent, which notices are due.
//! What a mistake costs: a site goes dark unannounced, or an operator learns to ignore notices.

use super::command::{DeliveryState, DeliveryView, NoticeFilter, NoticeKind, NoticeView};
use super::deliveries;
use super::row::StorageError;
use super::settings::RegistrySettings;
use super::state::State;
use super::token_row::TokenRow;
use crate::base::database::{Columns, Database, ReadError, Rows, Value};
use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::limits::{
    NOTICE_BYTES_MAX, NOTICE_COALESCE_MS, NOTICE_TOKENS_MAX, NOTICES_FORGOTTEN_MAX, NOTICES_KEPT_MS,
    NOTICES_PAGE_BYTES_MAX,
};
use serde_json::{Map, Value as Json, json};

/// A queued notice about one token.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct QueuedNotice {
    pub(super) kind: NoticeKind,
    /// The threshold that was met, in days; tokens with different ones go into different digests. 0: the kind
    /// has none.
    pub(super) within_days: u32,
    pub(super) serial: Serial,
    /// JSON members in addition to those of every token.
    pub(super) facts: Map<String, Json>,
}

impl QueuedNotice {
    /// A notice of a kind without thresholds and without additional members.
    pub(super) fn of(kind: NoticeKind, serial: Serial) -> Self {
        Self { kind, within_days: 0, serial, facts: Map::new() }
    }

    /// Adds a JSON member.
    pub(super) fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }
}

/// Queues a notice, inside the transaction of its event.
pub(super) fn queue<D: Database>(
    database: &D,
    queued: QueuedNotice,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let has_facts = !queued.facts.is_empty();
    let facts = has_facts.then(|| Json::Object(queued.facts).to_string()).map_or(Value::Null, Value::Text);
    database.execute(
        "INSERT INTO notice_owed (kind, within_days, serial, at, facts) VALUES (?, ?, ?, ?, ?)",
        &[queued.kind.as_str().into(), queued.within_days.into(), queued.serial.into(), now.into(), facts],
    )?;
    Ok(())
}

/// The notices about a token's quota come again: it is another quota now.
pub(super) fn forget_quota<D: Database>(database: &D, serial: Serial) -> Result<(), StorageError> {
    let [near, exceeded] = [NoticeKind::QuotaNear, NoticeKind::QuotaExceeded].map(NoticeKind::as_str);
    database.execute(
        "DELETE FROM noticed WHERE serial = ? AND kind IN (?, ?)",
        &[serial.into(), near.into(), exceeded.into()],
    )?;
    Ok(())
}

/// When the next digest is due; `None` when nothing is queued.
pub(super) fn next_due<D: Database>(
    database: &D,
    now: UnixMillis,
) -> Result<Option<UnixMillis>, StorageError> {
    let oldest =
        database.query_optional("SELECT at FROM notice_owed ORDER BY id LIMIT 1", &[], Columns::millis)?;
    Ok(oldest.map(|at| due_at(at, now)))
}

/// When a notice queued at `at` is due. A clock that was set back must not delay it.
fn due_at(at: UnixMillis, now: UnixMillis) -> UnixMillis {
    if at > now { now } else { at.plus_ms(NOTICE_COALESCE_MS) }
}

/// Makes one digest if one is due: from the oldest queued notice and others of the same kind.
pub(super) fn digest<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let sql = "SELECT kind, within_days, at FROM notice_owed ORDER BY id LIMIT 1";
    let oldest = database.query_optional(sql, &[], |columns| {
        Ok((read_kind(columns)?, columns.number::<u32>()?, columns.millis()?))
    })?;
    let Some((kind, within_days, at)) = oldest else { return Ok(()) };
    if due_at(at, now) > now {
        return Ok(());
    }
    let queued = database.query_all(
        "SELECT id, serial, facts FROM notice_owed WHERE kind = ? AND within_days = ? ORDER BY id LIMIT ?",
        &[kind.as_str().into(), within_days.into(), NOTICE_TOKENS_MAX.into()],
        |columns| Ok((columns.integer()?, columns.serial()?, columns.optional_text()?)),
    )?;
    let mut tokens: Vec<String> = Vec::with_capacity(queued.len());
    let (mut bytes, mut last) = (0, 0);
    for (id, serial, facts) in queued {
        // If retention has deleted the token meanwhile, the notice is dropped.
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
    database.execute(
        "DELETE FROM notice_owed WHERE kind = ? AND within_days = ? AND id <= ?",
        &[kind.as_str().into(), within_days.into(), last.into()],
    )?;
    if tokens.is_empty() {
        return Ok(());
    }
    let within = if within_days > 0 { format!("\"within_days\":{within_days},") } else { String::new() };
    keep(database, settings, kind, &format!("{within}\"tokens\":[{}]", tokens.join(",")), now)
}

/// Stores a notice about the deployment, which names no token. `since`: since when what it says holds.
pub(super) fn keep_of_deployment<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    kind: NoticeKind,
    since: UnixMillis,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let data = format!("\"since\":\"{}\",\"tokens\":[]", since.to_rfc3339());
    keep(database, settings, kind, &data, now)
}

/// Stores a notice about admin keys that end within this many days. `keys`: a JSON list of them.
pub(super) fn keep_of_admin_keys<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    within_days: u32,
    keys: &Json,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let data = format!("\"within_days\":{within_days},\"admin_keys\":{keys},\"tokens\":[]");
    keep(database, settings, NoticeKind::AdminKeyExpiring, &data, now)
}

/// Stores a notice that says nothing, unless such a one is pending. Returns the one that is.
pub(super) fn test<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    now: UnixMillis,
) -> Result<Option<NoticeView>, StorageError> {
    let latest = |database: &D| {
        let sql = "SELECT notice.epoch, notice.id, notice.body, state, attempts, fault, due_at FROM notice \
             JOIN webhook_delivery ON webhook_delivery.notice = notice.id \
             WHERE kind = ? AND state = 'pending' ORDER BY notice.id DESC LIMIT 1";
        database.query_optional(sql, &[NoticeKind::WebhookTest.as_str().into()], read)
    };
    if let Some(pending) = latest(database)? {
        return Ok(Some(pending));
    }
    keep(database, settings, NoticeKind::WebhookTest, "\"tokens\":[]", now)?;
    Ok(latest(database)?)
}

/// Stores a notice, and makes its webhook pending. `data`: the JSON members of `data`.
fn keep<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    kind: NoticeKind,
    data: &str,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let (event_type, at) = (kind.event_type(), now.to_rfc3339());
    let body = format!("{{\"type\":\"{event_type}\",\"timestamp\":\"{at}\",\"data\":{{{data}}}}}");
    let epoch = State::read(database)?.list_number.epoch;
    let bytes = i64::try_from(body.len()).unwrap_or(i64::MAX);
    let id = database.query_one(
        "INSERT INTO notice (epoch, kind, at, bytes, body) VALUES (?, ?, ?, ?, ?) RETURNING id",
        &[epoch.into(), kind.as_str().into(), now.into(), bytes.into(), body.into()],
        Columns::integer,
    )?;
    database.execute(
        "INSERT INTO notice_count (kind, made) VALUES (?, 1) \
         ON CONFLICT (kind) DO UPDATE SET made = made + 1",
        &[kind.as_str().into()],
    )?;
    if settings.webhook.is_some() { deliveries::queue(database, id, now) } else { Ok(()) }
}

/// What a notice shows of a token, in its current state: enough to know whom to ask, and no token text.
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

/// The `webhook-id` of a notice. A restored registry may use a number again. The epoch tells the two apart,
/// so that a receiver does not take the second one for a repetition.
pub(super) fn webhook_id(epoch: u32, id: i64) -> String {
    format!("ntc_{epoch}_{id}")
}

/// A page, newest first, and where the next one starts. The page is shorter when its bytes would exceed the
/// limit.
pub(super) fn page<D: Database>(
    database: &D,
    filter: &NoticeFilter,
) -> Result<(Vec<NoticeView>, Option<i64>), StorageError> {
    let below = filter.below.unwrap_or(i64::MAX).min(super::events::NUMBER_MAX);
    let limit = i64::from(filter.limit).saturating_add(1);
    let sizes = database.query_all(
        "SELECT id, bytes FROM notice WHERE id < ? ORDER BY id DESC LIMIT ?",
        &[below.into(), limit.into()],
        |columns| Ok((columns.integer()?, columns.number::<u64>()?)),
    )?;
    let mut ids = Vec::new();
    let (mut bytes, mut more) = (0_u64, false);
    for (id, size) in sizes {
        bytes = bytes.saturating_add(size);
        more = i64::try_from(ids.len()).unwrap_or(i64::MAX) >= limit - 1
            || (!ids.is_empty() && bytes > NOTICES_PAGE_BYTES_MAX);
        if more {
            break;
        }
        ids.push(id);
    }
    let Some(lowest) = ids.last().copied() else { return Ok((Vec::new(), None)) };
    let items = database.query_all(
        "SELECT notice.epoch, notice.id, notice.body, state, attempts, fault, due_at FROM notice \
         LEFT JOIN webhook_delivery ON webhook_delivery.notice = notice.id \
         WHERE notice.id < ? AND notice.id >= ? ORDER BY notice.id DESC",
        &[below.into(), lowest.into()],
        read,
    )?;
    Ok((items, more.then_some(lowest)))
}

fn read(columns: &mut Columns) -> Result<NoticeView, ReadError> {
    let (epoch, id) = (columns.number()?, columns.integer()?);
    let body = columns.text()?;
    let (state, attempts) = (columns.optional_text()?, columns.optional_number()?);
    let (fault, at) = (deliveries::read_fault(columns)?, columns.optional_millis()?);
    let delivery = match (state, attempts, at) {
        (None, None, None) => None,
        (Some(state), Some(attempts), Some(at)) => Some(DeliveryView {
            state: DeliveryState::parse(&state).ok_or(ReadError::Unreadable)?,
            attempts,
            fault,
            at,
        }),
        _ => return Err(ReadError::Unreadable),
    };
    Ok(NoticeView { id: webhook_id(epoch, id), body, delivery })
}

/// How many notices of each kind were ever made; kinds without any are left out.
pub(super) fn counts<D: Database>(database: &D) -> Result<Vec<(NoticeKind, u64)>, StorageError> {
    Ok(database.query_all("SELECT kind, made FROM notice_count", &[], |columns| {
        Ok((read_kind(columns)?, columns.number()?))
    })?)
}

fn read_kind(columns: &mut Columns) -> Result<NoticeKind, ReadError> {
    NoticeKind::parse(&columns.text()?).ok_or(ReadError::Unreadable)
}

/// Deletes a bounded number of old notices, with their webhooks, even pending ones.
pub(super) fn forget_old<D: Database>(database: &D, now: UnixMillis) -> Result<(), StorageError> {
    let made_by = now.plus_ms(-NOTICES_KEPT_MS);
    let gone = database.query_all(
        "DELETE FROM notice WHERE id IN (SELECT id FROM notice WHERE at <= ? ORDER BY id LIMIT ?) \
         RETURNING id",
        &[made_by.into(), NOTICES_FORGOTTEN_MAX.into()],
        Columns::integer,
    )?;
    for notice in gone {
        deliveries::forget(database, notice)?;
    }
    Ok(())
}
