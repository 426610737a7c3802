//! The only source of randomness: the platform's `crypto.getRandomValues`.
//!
//! It is not allowed in global scope, so it is called only inside a request or an alarm.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(bytes: &mut [u8]);
}

/// Fills `bytes` (at most 65,536 of them) with random bytes.
pub(super) fn fill(bytes: &mut [u8]) {
    get_random_values(bytes);
}

/// A random 32-bit number.
pub(super) fn number() -> u32 {
    let mut bytes = [0; 4];
    fill(&mut bytes);
    u32::from_le_bytes(bytes)
}

/// A random 64-bit number: long enough that no two isolates have the same.
pub(super) fn long() -> u64 {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
