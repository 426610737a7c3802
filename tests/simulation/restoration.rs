//! What is right after the registry's storage was put back from a backup.
//!
//! What KV's list, as the registry read it then, revokes, disables or retires must hold, and a token that it knows at a
//! later version than the backup must be off. Nothing else of what came after the backup is known to anyone: a location may
//! go by it or not, until the token is changed again. Where a registry does not know that it was restored, or of the restore before,
//! it may give a serial or a record's version twice: such a token is not judged, and those that were issued in the lost time.

use crate::control::Instance;
use crate::truth::{State, Status, Truth};
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use wayleave::list::{self, Delta, OpenedBase, RevocationList};
use wayleave::record::next_version;
use wayleave::registry::KvLists;
use wayleave::registry::command::KeyReceipt;
use wayleave::registry::database::{Database, Value};
use wayleave::token::Serial;

/// What the database holds.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    tokens: BTreeMap<Serial, State>,
    retired: BTreeMap<u8, i64>,
}

/// How often the storage was put back, and what the registry has not noticed yet.
#[derive(Default)]
pub struct Restores {
    pub count: u32,
    /// Put back and the registry was told: it answers nothing until it has read KV.
    pending: Option<Rows>,
    /// Put back, and the registry was not told.
    pub is_unnoticed: bool,
}

impl Truth {
    pub fn rows(&self) -> Rows {
        if let Some(pending) = &self.restores.pending {
            return pending.clone();
        }
        let has_row = |state: &State| state.status != Status::Unheard;
        let rows = self.tokens.iter().map(|(serial, token)| (*serial, token.row));
        Rows { tokens: rows.filter(|(_, row)| has_row(row)).collect(), retired: self.retired.clone() }
    }

    /// The storage is `rows` again.
    pub fn put_back(&mut self, rows: &Rows, says_so: bool) {
        self.restores.count += 1;
        // What was said and not heard yet is heard now.
        if says_so || self.restores.pending.is_some() {
            self.restores.pending = Some(rows.clone());
            return;
        }
        self.restores.is_unnoticed = true;
        for (serial, token) in &mut self.tokens {
            // Whatever was true since may be gone by, or not.
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

    /// The registry has noticed, and brought its storage up to `known`.
    /// `is_whole`: the backup or KV knew of the last restore before.
    fn restored(&mut self, known: Option<&RevocationList>, epoch: u32, holds_from: i64, is_whole: bool) {
        let rows = self.restores.pending.take().unwrap_or_else(|| self.rows());
        self.restores.is_unnoticed = !is_whole;
        for (serial, token) in &mut self.tokens {
            let Some(row) = rows.tokens.get(serial) else {
                if !is_whole {
                    self.unjudged.insert(*serial);
                }
                // Its serial is among those that are skipped.
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

/// What is left of a row beside KV's list.
fn kept(row: State, list: &RevocationList, serial: Serial, epoch: u32) -> State {
    let off = |status| if status == Status::Good { Status::Disabled } else { status };
    let (mut version, mut status) = (row.version, row.status);
    if list.record_version(serial) > version {
        version = next_version(list.record_version(serial), epoch).unwrap();
        status = off(status);
    }
    status = match list.status(serial) {
        list::Status::Revoked => Status::Revoked,
        list::Status::Disabled => off(status),
        list::Status::Good => status,
    };
    State { version, status, ..row }
}

impl World {
    /// The registry has raised its epoch.
    pub fn learn_restoration(self: &Rc<Self>, instance: &Instance, before: u32, read: Option<&KvLists>) {
        let epoch = instance.epoch();
        let known = read.and_then(|read| self.open_kv_lists(read));
        self.log(|| {
            let number = known.as_ref().map(|list| list.number().to_string());
            format!("registry: restored to epoch {epoch}, KV's list is {number:?}")
        });
        // Lists of the lost time run out.
        let bound_ms = self.control.bound_seconds.get() * 1_000;
        let holds_from = self.engine.now() + bound_ms;
        let known_epoch = known.as_ref().map_or(before, |list| list.number().epoch.max(before));
        let highest = self.control.highest_epoch.replace(epoch.max(self.control.highest_epoch.get()));
        let is_whole = known_epoch >= highest;
        self.counts.borrow_mut().restores += 1;
        self.counts.borrow_mut().unknown_restores += u64::from(!is_whole);
        self.truth.borrow_mut().restored(known.as_ref(), epoch, holds_from, is_whole);
    }

    /// A location may have told the registry of retirements that a restore undid.
    pub fn learn_retirements(&self, instance: &Instance) {
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
