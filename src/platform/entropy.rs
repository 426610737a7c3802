//! The only source of randomness: the platform's `crypto.getRandomValues`.
//!
//! Not allowed in global scope: it is called inside a request or an alarm only.

use worker::wasm_bindgen;
use worker::wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(bytes: &mut [u8]);
}

/// Fills `bytes` (at most 65,536 of them) with random bytes.
pub fn fill(bytes: &mut [u8]) {
    get_random_values(bytes);
}

/// A random number.
pub fn number() -> u32 {
    let mut bytes = [0; 4];
    fill(&mut bytes);
    u32::from_le_bytes(bytes)
}

/// A random number so long that no two isolates have the same.
pub fn long() -> u64 {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
