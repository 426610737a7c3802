//! Restoring: bringing a database that was restored from a backup up to date with KV's lists.
//!
//! Standard: docs/bound.md, "Restore".
//! A restore is detected in two ways:
//! - `RESTORE_ID` differs from the stored one.
//! - KV or a location has a list with a higher number than the registry ever stored. A number is stored
//!   before its list is handed out, so the storage must be older than that list.
//!
//! Invariants:
//! - The restore is one transaction, and the registry answers nothing before it.
//! - Whatever KV's list revokes, disables or retires stays so.
//! - A row older than the version that KV's list names is disabled, because its settings are lost.
//! - Serials that the lost registry may have issued are skipped, and the list names them as revoked.
//! - Record versions and list numbers of the new epoch are above all earlier ones.
//!
//! What it must not know: how KV is read. Nobody can know what reached neither the backup nor KV.
//! What a mistake costs: an acknowledged revocation is undone (false accept).

use super::bases;
use super::command::{KeyReceipt, Receipt};
use super::events::{self, Event};
use super::families;
use super::list_source;
use super::meters::{self, Standing};
use super::outbox;
use super::promise::Promise;
use super::retired_keys;
use super::rotation;
use super::row::StorageError;
use super::settings::RegistrySettings;
use super::state::State;
use super::sweep;
use super::token_row::{TokenRow, TokenStatus};
use crate::base::database::{Columns, Database, Rows};
use crate::base::time::UnixMillis;
use crate::formats::key::KeyRing;
use crate::formats::list;
use crate::formats::list::{Delta, ListFault, Number, OpenedBase, RevocationList};
use crate::formats::record::next_version;
use crate::formats::token::Serial;
use crate::formats::usage::meter::Marks;
use crate::limits::RESTORE_SKIPPED_SERIALS;
use roaring::RoaringBitmap;
use serde_json::json;
use std::rc::Rc;

/// Kind of the revocations that a restore makes.
const RESTORED: &str = "restored";

/// Whether the storage is known to be as the registry left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// KV was not compared with since the instance started.
    Unchecked,
    /// KV has no list newer than the registry's own.
    Whole,
    /// Restored from a backup; KV's lists have not been read yet.
    Restored,
}

/// KV's lists as read for [`super::single_writer::Registry::compare`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvLists {
    /// The value of `list/delta`; `None` when KV has none.
    pub delta: Option<Vec<u8>>,
    /// The value of the base that the delta names; `None` when that is the empty base, or KV has none.
    pub base: Option<Vec<u8>>,
}

/// The base that a delta read from KV needs; `None` when it is the empty one.
#[must_use]
pub fn base_of(ring: &KeyRing, delta: &[u8]) -> Option<Number> {
    let base = Delta::open(ring, delta).ok()?.delta.head.base;
    (base.n > 0).then_some(base)
}

/// The number of KV's list; `Ok(None)` when KV has none.
pub(super) fn number_of(ring: &KeyRing, read: &KvLists) -> Result<Option<Number>, ListFault> {
    let delta = read.delta.as_deref().map(|delta| Delta::open(ring, delta)).transpose()?;
    Ok(delta.map(|opened| opened.delta.head.number))
}

/// Opens KV's list from its two values; `Ok(None)` when KV has none.
pub(super) fn open(ring: &KeyRing, read: &KvLists) -> Result<Option<RevocationList>, ListFault> {
    let Some(delta) = &read.delta else { return Ok(None) };
    let opened = Delta::open(ring, delta)?;
    let number = opened.delta.head.base;
    let base = match &read.base {
        Some(bytes) => OpenedBase::open(ring, number, bytes)?,
        None => OpenedBase::empty(number.epoch),
    };
    RevocationList::of(Rc::new(base), opened).ok_or(ListFault::Misshapen).map(Some)
}

/// Brings the database up to date with `known`, KV's list. The new list number is above its number and above
/// `highest_reported`, the highest that a location has reported. Call it in a transaction.
pub(super) fn restore<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    known: Option<&RevocationList>,
    highest_reported: Option<Number>,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let before = State::read(database)?;
    let highest_known = known.map_or(before.highest_serial, |list| list.delta().head.highest_serial);
    let known_number = known.map(RevocationList::number);
    let number = new_number([Some(before.list_number), known_number, highest_reported]);
    let mut state = before.clone();
    state.begin_epoch(database, number, known, settings.restore_id.as_deref(), now)?;
    let lost = skip_serials(database, &mut state, highest_known)?;
    for key_id in known.into_iter().flat_map(|list| list.delta().retired()) {
        let promise = Promise::of(settings, &state, now);
        retired_keys::add(database, &KeyReceipt::new(*key_id, promise, now))?;
    }
    let sealed_by = known.map(RevocationList::sealed_by);
    state.choose_signing_key(database, &settings.ring, &retired_keys::all(database)?, sealed_by)?;
    let changed = known.map_or(Ok(0), |list| keep(database, settings, &state, list, now))?;
    families::release_all(database)?;
    rotation::auto::plan_released(database, now)?;
    sweep::begin_anew(database)?;

    // Make a base of the new epoch at once: deltas of this epoch must not complete an earlier base.
    let gone_until = list_source::gone_until(settings.bound_seconds, now);
    let newest = bases::newest(database, number.epoch)?;
    let changes = list_source::changes_since(database, newest.number.n, gone_until, now)?;
    let base = bases::folded(database, &newest, changes, gone_until, number)?;
    let mut base = base.without_ended_periods(now.floor_seconds());
    if let Some((first, last)) = lost {
        base = base.with_revoked(first..=last);
    }
    let stored = bases::store(database, &base, gone_until, now)?;
    list_source::complete_no_earlier(database, &mut state, &stored, now)?;
    outbox::queue_base(database, stored.number, now)?;
    outbox::queue_list(database, now)?;
    let after = json!({
        "list_number": number.to_string(),
        "kv_list_number": known.map(|list| list.number().to_string()),
        "tokens_changed": changed,
        "serials_skipped": lost.map(|(first, last)| [first.0, last.0]),
    });
    let before = json!({ "list_number": before.list_number.to_string() });
    let event =
        Event { action: "registry.restored", before: Some(before), after: Some(after), ..Event::default() };
    events::append(database, now, events::SYSTEM, event)
}

/// A number above all that the lost registry may have given, in a new epoch.
fn new_number(seen: [Option<Number>; 3]) -> Number {
    let seen = || seen.into_iter().flatten();
    Number {
        epoch: seen().map(|number| number.epoch).max().unwrap_or(0).saturating_add(1),
        n: seen().map(|number| number.n).max().unwrap_or(0).saturating_add(1),
    }
}

/// Skips the serials that the lost registry may have issued. Returns the first and last of them.
fn skip_serials<D: Database>(
    database: &D,
    state: &mut State,
    highest_known: Serial,
) -> Result<Option<(Serial, Serial)>, StorageError> {
    let Some(first) = state.highest_serial.0.checked_add(1).map(Serial) else { return Ok(None) };
    let last = Serial(state.highest_serial.max(highest_known).0.saturating_add(RESTORE_SKIPPED_SERIALS));
    state.skip_serials_to(database, last)?;
    Ok(Some((first, last)))
}

/// Applies `list` to every row that it names, where the list refuses more. Returns the number of rows
/// changed.
fn keep<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    state: &State,
    list: &RevocationList,
    now: UnixMillis,
) -> Result<u64, StorageError> {
    let mut changed = 0_u64;
    for serial in named_rows(database, list)? {
        let Some(mut row) = TokenRow::find(database, serial)? else { continue };
        let was = (row.status, row.version);
        let is_used_up = keep_used_up_quota(database, list.status(serial), serial, now)?;
        let version = list.record_version(serial);
        if version > row.version {
            row.version = next_version(version, state.list_number.epoch).ok_or(StorageError::Unreadable)?;
            row.status = disabled_at_least(row.status);
        }
        row.status = match list.status(serial) {
            list::SerialStatus::Revoked => TokenStatus::Revoked,
            list::SerialStatus::Disabled => disabled_at_least(row.status),
            list::SerialStatus::Good | list::SerialStatus::Exhausted(_) => row.status,
        };
        if (row.status, row.version) == was && !is_used_up {
            continue;
        }
        changed = changed.saturating_add(1);
        let is_revoked = row.status == TokenStatus::Revoked;
        let receipt = Receipt {
            reason: is_revoked.then(|| RESTORED.to_owned()),
            revoked_at: is_revoked.then_some(now),
            ..row.receipt_of(Promise::of(settings, state, now), now)
        };
        if row.status != was.0 {
            row.receipt = Some(receipt.clone());
        }
        if row.version != was.1 {
            // Its plan may have been cancelled after the backup. Nothing ends what an operator is to correct
            // and enable.
            row.rotation = None;
            row.update_ends(database, None)?;
        }
        row.update_policy(database)?;
        row.update_status(database)?;
        super::state::change_listed(database, &receipt, super::state::change_announced(database, now)?)?;
        outbox::queue_record(database, &row, row.sealed_record(settings, state.signing_key)?, now)?;
        events::append(
            database,
            now,
            events::SYSTEM,
            super::tokens::event(
                "token.restored",
                &row,
                Some(json!({ "status": was.0, "version": was.1 })),
                Some(json!({ "status": row.status, "version": row.version })),
            ),
        )?;
    }
    Ok(changed)
}

/// A quota that `list` names as used up stays so until its period ends, or until shards have told again what
/// was counted. Returns whether it is.
fn keep_used_up_quota<D: Database>(
    database: &D,
    status: list::SerialStatus,
    serial: Serial,
    now: UnixMillis,
) -> Result<bool, StorageError> {
    let list::SerialStatus::Exhausted(until) = status else { return Ok(false) };
    if until.to_millis() <= now {
        return Ok(false);
    }
    let meter = meters::find(database, serial)?;
    if meter.is_none() {
        meters::set_marks(database, serial, Marks::default())?;
    }
    let standing = meter.map(|meter| meter.standing).unwrap_or_default();
    let standing = Standing { exhausted_until: Some(until), ..standing };
    meters::set_standing(database, serial, standing)?;
    Ok(true)
}

/// The serials that `list` names and that have a row. An earlier restore may have named a million serials
/// without a row, so this intersects list and table by skipping ahead in each.
fn named_rows<D: Database>(database: &D, list: &RevocationList) -> Result<Vec<Serial>, StorageError> {
    let named: RoaringBitmap = list.serials().map(|serial| serial.0).collect();
    let (mut both, mut from) = (Vec::new(), named.min());
    while let Some(serial) = from {
        let sql = "SELECT serial FROM token WHERE serial >= ? ORDER BY serial LIMIT 1";
        let Some(Serial(found)) = database.query_optional(sql, &[serial.into()], Columns::serial)? else {
            break;
        };
        from = named.range(found..).next();
        if from == Some(found) {
            both.push(Serial(found));
            from = found.checked_add(1).and_then(|next| named.range(next..).next());
        }
    }
    Ok(both)
}

fn disabled_at_least(status: TokenStatus) -> TokenStatus {
    if status == TokenStatus::Good { TokenStatus::Disabled } else { status }
}
