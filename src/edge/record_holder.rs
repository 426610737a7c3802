//! The records that an isolate keeps in memory; the least recently used are dropped first.
//!
//! Invariants: the memory used stays below a number of bytes, however large single records are. A version
//! never goes back.
//! What it must not know: where records come from, which version must be used.
//! What a mistake costs: an isolate that runs out of memory fails every request in it (false refuse).

use crate::formats::record::VersionedRecord;
use crate::formats::token::Serial;
use lru::LruCache;
use std::rc::Rc;

/// Records by serial, up to a total size.
#[derive(Debug)]
pub struct RecordHolder {
    records: LruCache<Serial, HeldRecord>,
    bytes: usize,
    max_bytes: usize,
}

#[derive(Debug)]
struct HeldRecord {
    record: Rc<VersionedRecord>,
    /// Length of the sealed value.
    bytes: usize,
}

impl RecordHolder {
    /// Holds at most `max_bytes` of sealed values.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self { records: LruCache::unbounded(), bytes: 0, max_bytes }
    }

    /// The record held for `serial`, of any version.
    pub fn get(&mut self, serial: Serial) -> Option<Rc<VersionedRecord>> {
        self.records.get(&serial).map(|held| Rc::clone(&held.record))
    }

    /// Holds `record`, whose sealed value has `bytes` bytes, unless a later version is held. Returns the
    /// record that is then held. The same version replaces the one held: it may have another seal.
    pub fn hold(&mut self, serial: Serial, record: VersionedRecord, bytes: usize) -> Rc<VersionedRecord> {
        if let Some(later) = self.get(serial).filter(|held| held.version > record.version) {
            return later;
        }
        let record = Rc::new(record);
        let replaced = self.records.put(serial, HeldRecord { record: Rc::clone(&record), bytes });
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
    use crate::base::time::UnixSeconds;
    use crate::formats::key::KeyId;
    use crate::formats::record::Record;

    fn version(version: u32) -> VersionedRecord {
        VersionedRecord { version, sealed_by: KeyId(1), record: Record::of_test(UnixSeconds(1)) }
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
