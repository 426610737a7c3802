//! What is right after the registry's storage was restored from a backup.
//!
//! Everything that KV's list, as the registry read it then, revokes, disables or retires must hold. A token
//! that it names at a later version than the backup's must be disabled. Nobody knows anything else that came
//! after the backup: a location may apply it or not, until the token is changed again. A registry that does
//! not know of this restore, or of an earlier one, may give a serial or record version twice. Such tokens are
//! not judged, nor those issued in the lost period.

use crate::control::Instance;
use crate::truth::{State, Status, Truth};
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use wayleave::base::database::{Database, Value};
use wayleave::control::registry::KvLists;
use wayleave::control::registry::command::KeyReceipt;
use wayleave::formats::list;
use wayleave::formats::list::{Delta, OpenedBase, RevocationList};
use wayleave::formats::record::next_version;
use wayleave::formats::token::Serial;

/// The content of the database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    tokens: BTreeMap<Serial, State>,
    retired: BTreeMap<u8, i64>,
}

/// The number of restores, and those that the registry has not noticed yet.
#[derive(Default)]
pub(crate) struct Restores {
    pub count: u32,
    /// Restored, and the registry was told: it answers nothing until it has read KV.
    pending: Option<Rows>,
    /// Restored, and the registry was not told.
    pub is_unnoticed: bool,
}

impl Truth {
    pub(crate) fn rows(&self) -> Rows {
        if let Some(pending) = &self.restores.pending {
            return pending.clone();
        }
        let has_row = |state: &State| state.status != Status::Unheard;
        let rows = self.tokens.iter().map(|(serial, token)| (*serial, token.row));
        Rows { tokens: rows.filter(|(_, row)| has_row(row)).collect(), retired: self.retired.clone() }
    }

    /// The storage has `rows` again.
    pub(crate) fn put_back(&mut self, rows: &Rows, says_so: bool) {
        self.restores.count += 1;
        // An earlier signal that the registry had not noticed is noticed now.
        if says_so || self.restores.pending.is_some() {
            self.restores.pending = Some(rows.clone());
            return;
        }
        self.restores.is_unnoticed = true;
        for (serial, token) in &mut self.tokens {
            // Later states may be applied or not.
            let row = rows.tokens.get(serial).copied();
            let known = row.unwrap_or(token.row);
            token.lost = token.records_from(row.map_or(0, |row| row.version));
            token.row = known;
            let status = if row.is_none() { Status::Good } else { known.status };
            token.learn(State { holds_from: i64::MAX, status, ..known });
            if row.is_none() {
                token.row.status = Status::Unheard;
            }
        }
        self.retired.clone_from(&rows.retired);
    }

    /// The registry has noticed, and brought its storage up to date with `known`. `is_whole`: the backup or
    /// KV knew of the restore before.
    fn restored(&mut self, known: Option<&RevocationList>, epoch: u32, holds_from: i64, is_whole: bool) {
        let rows = self.restores.pending.take().unwrap_or_else(|| self.rows());
        self.restores.is_unnoticed = !is_whole;
        for (serial, token) in &mut self.tokens {
            let Some(row) = rows.tokens.get(serial) else {
                if !is_whole {
                    self.unjudged.insert(*serial);
                }
                // Its serial is among those skipped.
                token.learn(State { holds_from, status: Status::Revoked, ..token.row });
                token.row.status = Status::Unheard;
                continue;
            };
            let kept = known.map_or(*row, |list| kept(*row, list, *serial, epoch));
            if kept.version != row.version && token.has_had(kept.version) {
                self.unjudged.insert(*serial);
            }
            token.lost = token.records_from(kept.version);
            token.row = kept;
            token.learn(State { holds_from, ..kept });
        }
        let kept_retired: BTreeSet<u8> =
            known.into_iter().flat_map(|list| list.delta().retired()).map(|key_id| key_id.0).collect();
        self.retired.retain(|key_id, _| rows.retired.contains_key(key_id) || kept_retired.contains(key_id));
        for key_id in kept_retired {
            self.retired.entry(key_id).or_insert(holds_from);
        }
    }
}

/// The state of a row after applying KV's list.
fn kept(row: State, list: &RevocationList, serial: Serial, epoch: u32) -> State {
    let off = |status| if status == Status::Good { Status::Disabled } else { status };
    let (mut version, mut status) = (row.version, row.status);
    if list.record_version(serial) > version {
        version = next_version(list.record_version(serial), epoch).unwrap();
        status = off(status);
    }
    status = match list.status(serial) {
        list::SerialStatus::Revoked => Status::Revoked,
        list::SerialStatus::Disabled => off(status),
        list::SerialStatus::Good | list::SerialStatus::Exhausted(_) => status,
    };
    State { version, status, ..row }
}

impl World {
    /// The registry has raised its epoch.
    pub(crate) fn learn_restoration(
        self: &Rc<Self>,
        instance: &Instance,
        before: u32,
        read: Option<&KvLists>,
    ) {
        let epoch = instance.epoch();
        let known = read.and_then(|read| self.open_kv_lists(read));
        self.log(|| {
            let number = known.as_ref().map(|list| list.number().to_string());
            format!("registry: restored to epoch {epoch}, KV's list is {number:?}")
        });
        // Lists from before the restore become unusable.
        let bound_ms = self.control.bound_seconds.get() * 1_000;
        let holds_from = self.engine.now() + bound_ms;
        let known_epoch = known.as_ref().map_or(before, |list| list.number().epoch.max(before));
        let highest = self.control.highest_epoch.replace(epoch.max(self.control.highest_epoch.get()));
        let is_whole = known_epoch >= highest;
        self.counts.borrow_mut().restores += 1;
        self.counts.borrow_mut().unknown_restores += u64::from(!is_whole);
        self.truth.borrow_mut().restored(known.as_ref(), epoch, holds_from, is_whole);
    }

    /// A location may have reported retirements that a restore undid.
    pub(crate) fn learn_retirements(&self, instance: &Instance) {
        let retired = instance.database.query("SELECT receipt FROM retired_key", &[]).unwrap();
        for row in retired {
            let [Value::Text(receipt)] = &row[..] else { panic!("{row:?} is no receipt") };
            let receipt: KeyReceipt = serde_json::from_str(receipt).unwrap();
            let holds_from = self.engine.now() + receipt.bound_seconds * 1_000;
            self.truth.borrow_mut().retired.entry(receipt.key_id.0).or_insert(holds_from);
        }
    }

    fn open_kv_lists(&self, read: &KvLists) -> Option<RevocationList> {
        let opened = Delta::open(&self.ring, read.delta.as_deref()?).ok()?;
        let number = opened.delta.head.base;
        let base = match &read.base {
            Some(bytes) => OpenedBase::open(&self.ring, number, bytes).ok()?,
            None => OpenedBase::empty(number.epoch),
        };
        RevocationList::of(Rc::new(base), opened)
    }
}
