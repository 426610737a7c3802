//! The records that an isolate keeps, the least lately used dropped first.
//!
//! Invariants: what is held never exceeds a number of bytes, however large single records are; a version never goes back.
//! What it must not know: where records come from, whether a version is the one to use.
//! What a mistake costs: an isolate that runs out of memory fails every request in it (false refuse).

use crate::record::VersionedRecord;
use crate::token::Serial;
use lru::LruCache;
use std::rc::Rc;

/// Records by serial.
#[derive(Debug)]
pub struct RecordHolder {
    records: LruCache<Serial, Held>,
    bytes: usize,
    max_bytes: usize,
}

#[derive(Debug)]
struct Held {
    record: Rc<VersionedRecord>,
    /// Of the sealed value.
    bytes: usize,
}

impl RecordHolder {
    /// Holds at most `max_bytes` of sealed values.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self { records: LruCache::unbounded(), bytes: 0, max_bytes }
    }

    /// The record held of `serial`, whatever its version.
    pub fn get(&mut self, serial: Serial) -> Option<Rc<VersionedRecord>> {
        self.records.get(&serial).map(|held| Rc::clone(&held.record))
    }

    /// Holds `record`, whose sealed value has `bytes`, unless a later version is held; gives back what is held then.
    /// The same version again is another seal of it.
    pub fn hold(&mut self, serial: Serial, record: VersionedRecord, bytes: usize) -> Rc<VersionedRecord> {
        if let Some(later) = self.get(serial).filter(|held| held.version > record.version) {
            return later;
        }
        let record = Rc::new(record);
        let replaced = self.records.put(serial, Held { record: Rc::clone(&record), bytes });
        self.bytes = self.bytes.saturating_add(bytes).saturating_sub(replaced.map_or(0, |held| held.bytes));
        while self.bytes > self.max_bytes {
            let Some((_, dropped)) = self.records.pop_lru() else { break };
            self.bytes = self.bytes.saturating_sub(dropped.bytes);
        }
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::FamilyId;
    use crate::key::{KeyId, TagKey};
    use crate::origin::{MissingOrigin, OriginMode, OriginRules};
    use crate::record::Record;
    use crate::time::UnixSeconds;

    fn version(version: u32) -> VersionedRecord {
        let record = Record {
            key_id: KeyId(1),
            expires_at: UnixSeconds(1),
            family: FamilyId::mint([1; 13], &TagKey::derive(&[2; 32], "d", "family")),
            ends_at: None,
            audiences: vec![],
            origins: OriginRules::Any,
            origin_mode: OriginMode::Enforce,
            missing_origin: MissingOrigin::Refuse,
            rate: None,
            external_id: None,
            watched: false,
            distribute: false,
            successor: None,
            planned_end: None,
        };
        VersionedRecord { version, sealed_by: KeyId(1), record }
    }

    #[test]
    fn the_least_lately_used_go_first_and_the_bound_is_in_bytes() {
        let mut holder = RecordHolder::new(100);
        for serial in 1..=3 {
            holder.hold(Serial(serial), version(1), 40);
        }
        assert_eq!(holder.get(Serial(1)), None);
        assert!(holder.get(Serial(2)).is_some());
        holder.hold(Serial(4), version(1), 40);
        assert_eq!(holder.get(Serial(3)), None);
        assert!(holder.get(Serial(2)).is_some());
        holder.hold(Serial(5), version(1), 101);
        assert_eq!((holder.records.len(), holder.bytes), (0, 0));
    }

    #[test]
    fn a_version_never_goes_back_and_a_replaced_one_is_not_counted_twice() {
        let mut holder = RecordHolder::new(100);
        holder.hold(Serial(1), version(2), 60);
        assert_eq!(holder.hold(Serial(1), version(1), 60).version, 2);
        assert_eq!(holder.hold(Serial(1), version(3), 70).version, 3);
        assert_eq!(holder.bytes, 70);
        let sealed_anew = VersionedRecord { sealed_by: KeyId(2), ..version(3) };
        assert_eq!(holder.hold(Serial(1), sealed_anew, 70).sealed_by, KeyId(2));
    }
}
