// kv.js in real workerd: a value can be read in full until it expires or is deleted, and also after kill -9.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { inlineModule, workerdConfig, workerService } from '../../tests/workerd/harness/capnp.mjs';
import { compatibility } from '../../tests/workerd/harness/product.mjs';
import { Workerd } from '../../tests/workerd/harness/workerd.mjs';

const source = readFileSync(new URL('kv.js', import.meta.url), 'utf8');
const workerd = new Workerd(
  (folder) =>
    workerdConfig({
      services: [
        workerService({
          name: 'kv',
          modules: [inlineModule('kv.js', source)],
          bindings: ['(name = "NAMESPACE", durableObjectNamespace = "Namespace")'],
          durableObjects: ['Namespace'],
          ...compatibility(),
        }),
      ],
      sockets: { kv: 'kv' },
      storage: join(folder, 'storage'),
    }),
  ['kv'],
);

before(() => workerd.start());
after(() => workerd.stop());

// The URL form of workerd's KV binding.
const at = (key, query = '') =>
  `http://127.0.0.1:${workerd.ports.kv}/${encodeURIComponent(key)}?urlencoded=true${query}`;
const put = (key, body, query) => fetch(at(key, query), { method: 'PUT', body });
const got = async (key) => {
  const response = await fetch(at(key));
  return response.status === 200 ? Buffer.from(await response.arrayBuffer()) : response.status;
};

it('keeps values of any size, over a kill -9 too', async () => {
  const values = {
    'list/delta': randomBytes(900),
    'list/base/1.57': randomBytes(3_500_000),
    'exactly/two': randomBytes(2 * 1024 * 1024),
    empty: Buffer.alloc(0),
  };
  for (const [key, value] of Object.entries(values)) assert.equal((await put(key, value)).status, 200);
  await workerd.kill();
  await workerd.start();
  for (const [key, value] of Object.entries(values)) assert.ok(value.equals(await got(key)), key);
});

it('gives the newest value, also when it is shorter', async () => {
  await put('list/base/1.57', 'short');
  assert.equal(String(await got('list/base/1.57')), 'short');
});

it('does not find what was never put, was deleted or has expired', async () => {
  await put('token/1/1', 'a record', '&expiration_ttl=3600');
  await put('token/2/1', 'a record', `&expiration=${Math.floor(Date.now() / 1000) - 1}`);
  assert.equal(String(await got('token/1/1')), 'a record');
  assert.equal(await got('token/2/1'), 404);
  assert.equal(await got('token/3/1'), 404);
  await fetch(at('token/1/1'), { method: 'DELETE' });
  assert.equal(await got('token/1/1'), 404);
});

it('says 501 to what it does not speak', async () => {
  assert.equal((await fetch(at('', '&prefix=token/'))).status, 501);
  assert.equal((await fetch(at('bulk/get'), { method: 'POST', body: '{"keys":[]}' })).status, 501);
  assert.equal(
    (await fetch(at('token/1/1'), { method: 'PUT', body: 'x', headers: { 'CF-KV-Metadata': '1' } })).status,
    501,
  );
});
