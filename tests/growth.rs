//! The memory that an isolate needs for the revocation list of a large deployment. It runs in its own
//! process, since it counts every allocated byte. `make growth` measures the rest: bytes, decoding, look-up.

#![cfg(test)] // so clippy takes all of it for a test

#[path = "support/population.rs"]
mod population;

use population::{Population, list};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MEBIBYTE: usize = 1024 * 1024;

/// Bytes that a list of `population` keeps allocated. Pointers have 8 bytes here and 4 in WebAssembly, where
/// the list is therefore smaller.
fn held(population: Population) -> usize {
    let (base, delta) = (population.sealed_base(), population.sealed_delta());
    let region = Region::new(ALLOCATOR);
    let list = list(&base, &delta);
    let change = region.change();
    drop(list);
    let bytes = change.bytes_allocated - change.bytes_deallocated;
    println!("{population:?}: {bytes} bytes held, base {} bytes, delta {} bytes", base.len(), delta.len());
    bytes
}

#[test]
fn ten_million_tokens_fit() {
    let million =
        |revoked_percent, edited_percent| Population { issued: 10_000_000, revoked_percent, edited_percent };
    assert!(held(million(1, 0)) <= 2 * MEBIBYTE);
    assert!(held(million(1, 50)) <= 8 * MEBIBYTE);
}
