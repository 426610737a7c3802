//! Restoring: a database that was put back from a backup is brought up to what KV's lists still know.
//!
//! Standard: DESIGN section 5 ("a restored registry raises `epoch` …").
//! How it is noticed: `RESTORE_ID` is another than the one noted, or somebody holds a list of a higher number than the
//! registry ever stored: a number is stored before it is given, so the storage is older than the list.
//! Invariants: all of it is one transaction; nothing is answered before it; whatever KV's list revokes, disables or
//! retires stays so; a row older than the version that KV's list names is disabled, since its settings are lost; serials
//! that the lost registry may have issued are skipped and named revoked; record versions and list numbers of the new epoch
//! lie above all of the old.
//! What it must not know: how KV is read. What reached neither the backup nor KV nobody can know.
//! What a mistake costs: a revocation that was acknowledged is undone (false accept).

use super::bases;
use super::command::{Command, KeyReceipt, Receipt, Request};
use super::database::Database;
use super::events::{self, Event};
use super::list_source;
use super::outbox;
use super::promise::Promise;
use super::retired_keys;
use super::row::{Columns, StorageError};
use super::settings::RegistrySettings;
use super::state::State;
use super::token_row::{Status, TokenRow};
use crate::key::KeyRing;
use crate::limits::RESTORE_SKIPPED_SERIALS;
use crate::list::{self, Delta, ListFault, Number, OpenedBase, RevocationList};
use crate::record::next_version;
use crate::time::UnixMillis;
use crate::token::Serial;
use roaring::RoaringBitmap;
use serde_json::json;
use std::rc::Rc;

/// The kind of a revocation that a restore made.
const RESTORED: &str = "restored";

/// What is known of whether the storage is as the registry left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// KV was not asked since the instance started.
    Unchecked,
    /// KV has no list newer than the registry's own.
    Whole,
    /// It was put back from a backup, and KV's lists have not been read yet.
    Restored,
}

/// What a read of KV's lists gave, for [`super::Registry::compare`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvLists {
    /// The value of `list/delta`; `None` when KV says that there is none.
    pub delta: Option<Vec<u8>>,
    /// The value of the base that it names; `None` when it names the empty one, or KV has none.
    pub base: Option<Vec<u8>>,
}

/// Whether a call is to wait, after a start, until KV was asked for its lists. A backup would give lists, serials and
/// record versions that the lost registry gave to something else. A withdrawal waits for nobody: a restore keeps it.
#[must_use]
pub fn waits_for_kv(request: &Request) -> bool {
    let Request::Admin(call) = request else { return true };
    !matches!(
        call.command,
        Command::RevokeToken { .. }
            | Command::RevokeFamily { .. }
            | Command::RevokeTokens { .. }
            | Command::GetFamily(_)
            | Command::DisableToken(_)
            | Command::RetireSigningKey { .. }
            | Command::GetProbe(_)
            | Command::GetToken(_)
            | Command::LookupToken(_)
            | Command::RevealToken(_)
            | Command::ListTokens(_)
            | Command::ListEvents(_)
            | Command::ListNotices(_)
            | Command::ListAdminKeys
            | Command::ListSigningKeys
            | Command::Metrics
            | Command::Status
            | Command::Authenticate
    )
}

/// The base that a delta read from KV rests on, if it must be read too.
#[must_use]
pub fn base_of(ring: &KeyRing, delta: &[u8]) -> Option<Number> {
    let base = Delta::open(ring, delta).ok()?.delta.head.base;
    (base.n > 0).then_some(base)
}

/// The number of KV's list; `Ok(None)` when there is none.
pub(super) fn number_of(ring: &KeyRing, read: &KvLists) -> Result<Option<Number>, ListFault> {
    let delta = read.delta.as_deref().map(|delta| Delta::open(ring, delta)).transpose()?;
    Ok(delta.map(|opened| opened.delta.head.number))
}

/// KV's list from its two values; `Ok(None)` when there is none.
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

/// Brings the database up to `known`, KV's list, under a number above that and `told`, which a location has seen. Call in
/// a transaction.
pub(super) fn restore<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    known: Option<&RevocationList>,
    told: Option<Number>,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let before = State::read(database)?;
    let highest_known = known.map_or(before.highest_serial, |list| list.delta().head.highest_serial);
    let known_number = known.map(RevocationList::number);
    let number = new_number([Some(before.list_number), known_number, told]);
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

    // A base of the new epoch at once: none of an earlier one may be completed by its deltas.
    let gone_until = list_source::gone_until(settings.bound_seconds, now);
    let newest = bases::newest(database, number.epoch)?;
    let changes = list_source::changes_since(database, newest.number.n, gone_until)?;
    let mut base = bases::folded(database, &newest, changes, gone_until, number)?;
    if let Some((first, last)) = lost {
        base = base.with_revoked(first..=last);
    }
    let stored = bases::store(database, &base, gone_until, now)?;
    list_source::complete_no_earlier(database, &mut state, &stored, now)?;
    outbox::owe_base(database, stored.number, now)?;
    outbox::owe_list(database, now)?;
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

/// Above every number that the lost registry can have given, and of a new epoch.
fn new_number(seen: [Option<Number>; 3]) -> Number {
    let seen = || seen.into_iter().flatten();
    Number {
        epoch: seen().map(|number| number.epoch).max().unwrap_or(0).saturating_add(1),
        n: seen().map(|number| number.n).max().unwrap_or(0).saturating_add(1),
    }
}

/// Skips what the lost registry may have issued since; gives the first and last serial of it.
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

/// Gives every row what `list` says of it, where that refuses more. Gives the number of rows changed.
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
        let version = list.record_version(serial);
        if version > row.version {
            row.version = next_version(version, state.list_number.epoch).ok_or(StorageError::Unreadable)?;
            row.status = disabled_at_least(row.status);
        }
        row.status = match list.status(serial) {
            list::Status::Revoked => Status::Revoked,
            list::Status::Disabled => disabled_at_least(row.status),
            list::Status::Good => row.status,
        };
        if (row.status, row.version) == was {
            continue;
        }
        changed = changed.saturating_add(1);
        let is_revoked = row.status == Status::Revoked;
        let receipt = Receipt {
            reason: is_revoked.then(|| RESTORED.to_owned()),
            revoked_at: is_revoked.then_some(now),
            ..row.receipt_of(Promise::of(settings, state, now), now)
        };
        if row.status != was.0 {
            row.receipt = Some(receipt.clone());
        }
        row.update_policy(database)?;
        row.update_status(database)?;
        super::state::change_listed(database, &receipt, now)?;
        outbox::owe_record(database, &row, row.sealed_record(settings, state.signing_key)?, now)?;
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

/// The serials that `list` names and that have a row. An earlier restore named a million without one: a query leads past
/// those, and the list past rows that it does not name.
fn named_rows<D: Database>(database: &D, list: &RevocationList) -> Result<Vec<Serial>, StorageError> {
    let named: RoaringBitmap = list.serials().map(|serial| serial.0).collect();
    let (mut both, mut from) = (Vec::new(), named.min());
    while let Some(serial) = from {
        let rows = database
            .query("SELECT serial FROM token WHERE serial >= ? ORDER BY serial LIMIT 1", &[serial.into()])?;
        let Some(row) = rows.into_iter().next() else { break };
        let found = Columns::of(row).serial()?.0;
        from = named.range(found..).next();
        if from == Some(found) {
            both.push(Serial(found));
            from = found.checked_add(1).and_then(|next| named.range(next..).next());
        }
    }
    Ok(both)
}

fn disabled_at_least(status: Status) -> Status {
    if status == Status::Good { Status::Disabled } else { status }
}
