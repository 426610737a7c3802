//! Tests of `formats/usage`.

use super::*;

#[test]
fn few_tokens_have_one_shard_and_many_are_shared_equally() {
    assert!((1..USAGE_SHARD_BLOCK_SERIALS).all(|serial| shard_of(Serial(serial)) == 0));
    let mut tokens_of = [0; USAGE_SHARDS as usize];
    for serial in 0..100 * USAGE_SHARDS * USAGE_SHARD_BLOCK_SERIALS {
        tokens_of[shard_of(Serial(serial)) as usize] += 1;
    }
    assert_eq!(tokens_of, [100 * USAGE_SHARD_BLOCK_SERIALS; USAGE_SHARDS as usize]);
    assert!(shard_of(Serial(u32::MAX)) < USAGE_SHARDS);
}
