// The crossings by themselves, in Node: what no workerd can be made to do, a cache that hangs.
//
// What a mistake costs: a request that waits for ever for a copy that nobody needs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { locationGet, locationPut } from '../../src/platform/crossing.js';

const never = () => new Promise(() => {});
const hangsInTheBody = async () => new Response(new ReadableStream({ pull: never }));
const url = 'https://cache.example/list/delta';

/** Node ends a test whose promise nothing can settle any more, so a hang is seen at once. */
test('a cache of the location that hangs holds nobody up, whether it finds nothing, half of it, or takes nothing', async () => {
  for (const match of [never, hangsInTheBody]) {
    globalThis.caches = { default: { match, put: never } };
    assert.equal(await locationGet(url, 20), undefined);
    await locationPut(url, new Uint8Array(3), 9, 20);
  }
});

test('what the cache has is given whole, and nothing when it has nothing', async () => {
  const put = new Map();
  globalThis.caches = {
    default: {
      match: async (key) => put.get(key),
      put: async (key, response) => void put.set(key, response),
    },
  };
  assert.equal(await locationGet(url, 1_000), undefined);
  await locationPut(url, new Uint8Array([1, 2]), 9, 1_000);
  assert.equal(put.get(url).headers.get('cache-control'), 'public, max-age=9');
  assert.deepEqual(await locationGet(url, 1_000), new Uint8Array([1, 2]));
});
