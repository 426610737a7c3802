// The first read of a record: JavaScript awaits it, and the synchronous path decides. When it gives nothing
// that may be used, or is late, the asynchronous path goes on with it.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { eventually, Gateway } from './harness/gateway.mjs';
import { told } from './harness/told.mjs';

const gateway = new Gateway();
const { kv } = gateway;
const FROM_SITE = ['Origin', SITE];

before(() => gateway.start());
after(() => gateway.stop());
beforeEach(() => kv.heal());

const get = (text, site = FROM_SITE) =>
  gateway.client.get('/x', { headers: [['Authorization', `Bearer ${text}`], site] });

/** A new token, of which no isolate has the record, and the name of that record. */
async function unread(settings = {}) {
  const known = new Set(kv.keys('token/'));
  const made = await gateway.admin.createToken(settings);
  const name = () => kv.keys('token/').find((key) => !known.has(key));
  await eventually('KV has the record', async () => name() !== undefined);
  kv.resetCounts();
  return { ...made, record: name() };
}

const refusedRecords = async () => (await gateway.client.get('/_wayleave/health')).json.records_refused;

describe('the first read of a record', () => {
  it('decides as memory does, and what the upstream gets is the same', async () => {
    const cases = [
      [{}, FROM_SITE, 200],
      [{}, ['Origin', 'https://elsewhere.example'], 403],
      [{ origins: 'any' }, ['Origin', 'https://elsewhere.example'], 200],
      [{ methods: ['POST'] }, FROM_SITE, 403],
      [{ claims: { plan: 'free' } }, FROM_SITE, 200],
    ];
    for (const [settings, site, status] of cases) {
      const { token, record } = await unread(settings);
      const seen = gateway.upstream.requests.length;
      const cold = await get(token, site);
      const sent = gateway.upstream.requests.slice(seen);
      const warm = await get(token, site);
      assert.equal(cold.status, status, JSON.stringify(settings));
      assert.deepEqual(told(cold), told(warm), JSON.stringify(settings));
      assert.deepEqual(sent, gateway.upstream.requests.slice(seen + sent.length));
      assert.equal(kv.readsOf(record), 1, JSON.stringify(settings));
    }
  });

  it('KV is late: the registry is asked too, and KV not again', async () => {
    const { token, record } = await unread();
    let letGo;
    const held = new Promise((resolve) => (letGo = resolve));
    kv.waitsFor = (key) => (key === record ? held : undefined);
    assert.equal((await get(token)).status, 200);
    assert.equal(kv.readsOf(record), 1);
    letGo();
  });

  it('KV has none yet: it is read without its old copy, then the registry is asked', async () => {
    const { token, record } = await unread();
    kv.unseen = (key) => key === record;
    assert.equal((await get(token)).status, 200);
    assert.equal(kv.readsOf(record), 2);
  });

  it('KV has an altered one: each read of it is counted once', async () => {
    const { token, record } = await unread();
    const before = await refusedRecords();
    kv.pin(record, (bytes) => {
      bytes[bytes.length >> 1] ^= 8;
      return bytes;
    });
    assert.equal((await get(token)).status, 200);
    assert.equal(kv.readsOf(record), 2);
    assert.equal((await refusedRecords()) - before, 2);
  });

  it('KV fails: the registry is asked, and KV rests', async () => {
    const { token, record } = await unread();
    const other = await unread();
    kv.readsFail = true;
    assert.equal((await get(token)).status, 200);
    assert.equal((await get(other.token)).status, 200);
    assert.deepEqual([kv.readsOf(record), kv.readsOf(other.record)], [1, 0]);
  });
});
