// The functions between Rust and the platform, run in Node: a cache that never answers, which workerd cannot
// simulate, and what one call reads of a request.
//
// What a mistake costs: a request that waits without end for a cached copy that it does not need, or a token
// that the gateway overlooks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { locationGet, locationPut, prepare, readHeaders, readRequest } from '../../src/platform/crossing.js';

const never = () => new Promise(() => {});
const hangsInTheBody = async () => new Response(new ReadableStream({ pull: never }));
const url = 'https://cache.example/list/delta';

/** Node ends a test whose promise can no longer settle, so a hang fails at once. */
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

test('a request is read in one go: the headers asked for, and which others hold the marker', () => {
  prepare('x-a\nx-b\nx-c', 'wlp_', '', '', '');
  const read = (headers) => readRequest(new Request('https://h.example/a?b', { method: 'PUT', headers }));
  assert.equal(read({}), 'PUT\nhttps://h.example/a?b\n\n\n\n\n');
  assert.equal(read({ 'X-B': '', 'X-A': '1', 'X-Other': '2' }), 'PUT\nhttps://h.example/a?b\n\n=1\n=\n\n');
  assert.equal(
    read({ 'X-A': 'wlp_1', 'X-C': 'wlp_2' }).split('\n')[2],
    '',
    'those that were asked for are read anyway',
  );
  assert.equal(
    read({ 'X-A': 'wlp_1', 'X-Z': '(wlp_2)', 'User-Agent': 'wlp_' }).split('\n')[2],
    'user-agent,x-z',
  );
  assert.equal(read({ 'X-Z': 'wlp' }).split('\n')[2], '');
  assert.equal(
    readHeaders(new Request('https://h.example/', { headers: { 'X-A': '1' } }), 'x-a\nx-b'),
    '=1\n\n',
  );
});
