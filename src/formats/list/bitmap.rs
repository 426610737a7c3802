//! Bitmaps of serials as bytes: the portable serialisation of the roaring format specification.

use roaring::RoaringBitmap;

/// `None` only for want of memory.
pub(super) fn bytes(set: &RoaringBitmap) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(set.serialized_size());
    set.serialize_into(&mut bytes).ok()?;
    Some(bytes)
}

/// `None` when the bytes are no bitmap, or more than one.
pub(super) fn bitmap(mut bytes: &[u8]) -> Option<RoaringBitmap> {
    let set = RoaringBitmap::deserialize_from(&mut bytes).ok()?;
    bytes.is_empty().then_some(set)
}
