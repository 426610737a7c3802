// KV keeps "there is none" as long as a value: a record that had not replicated when it was first asked for
// must not be missing for the rest of the day. Five isolates of one location, whose seconds are short.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { SITE } from '../workerd/harness/admin_api.mjs';
import { eventually } from '../workerd/harness/gateway.mjs';
import { Random } from '../workerd/harness/random.mjs';
import { Replicas } from './harness/replicas.mjs';

const TOKENS = 4;
/** The shortest cacheTtl, 30 s, takes 1.5 s of the test. */
const SECOND_MS = 50;
const SHORTEST_TTL_MS = 30 * SECOND_MS;

const replicas = new Replicas({
  variables: { REVOCATION_BOUND_SECONDS: '60' },
  locations: { lima: { isolates: 5, cacheMs: 86_400_000, secondMs: SECOND_MS } },
  random: Random.ofRun(),
});
const { admin, history } = replicas;
const [lima] = replicas.locations;
const [first, ...others] = lima.clients;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const ask = async (client, { token }) =>
  (await client.get('/now', { headers: { Origin: SITE, 'X-Api-Key': token } })).status;
const createTokens = () =>
  Promise.all(Array.from({ length: TOKENS }, () => admin.createToken({ audiences: ['weather'] })));
const recordKey = ({ id }, version = 1) => `token/${id.slice('tok_'.length)}/${version}`;
const recordCalls = () => lima.door.calls.filter((call) => call.includes('"Record"')).length;

/** Until KV has these keys, and the location's copies of before are older than the shortest cacheTtl. */
async function replicated(keys) {
  await eventually('the records are in KV', () => keys.every((key) => history.versions(key).length > 0));
  lima.kv.heal();
  await pause(SHORTEST_TTL_MS + 200);
}

async function assertAllAdmit(tokens) {
  for (const client of others) {
    for (const token of tokens) assert.equal(await ask(client, token), 200);
  }
}

before(async () => {
  await replicas.start();
  const [token] = await createTokens();
  for (const client of lima.clients) assert.equal(await ask(client, token), 200);
});
after(() => replicas.stop());
afterEach(() => {
  lima.door.open();
  lima.kv.heal();
});

describe('a record that had not replicated when it was first asked for', () => {
  it('is found in KV by the other isolates of the location: the registry is not asked', async () => {
    lima.kv.freeze();
    const tokens = await createTokens();
    for (const token of tokens) assert.equal(await ask(first, token), 200);
    await replicated(tokens.map((token) => recordKey(token)));
    lima.door.resetCounts();
    await assertAllAdmit(tokens);
    assert.equal(recordCalls(), 0, lima.door.calls.join('\n'));
  });

  it('is found there while the registry is away', async () => {
    lima.kv.freeze();
    const tokens = await createTokens();
    for (const token of tokens) assert.equal(await ask(first, token), 200);
    await replicated(tokens.map((token) => recordKey(token)));
    lima.door.shut();
    await assertAllAdmit(tokens);
  });

  it('and so is a new version of it', async () => {
    const tokens = await createTokens();
    await replicated(tokens.map((token) => recordKey(token)));
    lima.kv.freeze();
    for (const { id } of tokens) await admin.edit(id, { origins: [SITE, 'https://second.example'] });
    const status = await admin.status();
    // Each isolate knows of the new versions: it asks for them, and the first one finds none in KV.
    const knows = async (client) => {
      const { list_number: held } = (await client.get('/_wayleave/health')).json;
      return held !== null && held[1] >= status.list.number[1];
    };
    for (const client of lima.clients) await eventually('the list is here', () => knows(client), 60_000);
    for (const token of tokens) assert.equal(await ask(first, token), 200);
    await replicated(tokens.map((token) => recordKey(token, 2)));
    lima.door.resetCounts();
    await assertAllAdmit(tokens);
    assert.equal(recordCalls(), 0, lima.door.calls.join('\n'));
  });
});

describe('a record whose copy at the location cannot be used', () => {
  it('is read again before the registry is asked', async () => {
    const tokens = await createTokens();
    const keys = tokens.map((token) => recordKey(token));
    await eventually('the records are in KV', () => keys.every((key) => history.versions(key).length > 0));
    const whole = keys.map((key) => history.versions(key).at(-1));
    for (const key of keys) history.write(key, { bytes: Buffer.from('of a key that was retired') });
    for (const token of tokens) assert.equal(await ask(first, token), 200);
    for (const [at, key] of keys.entries()) history.write(key, { bytes: whole[at].bytes });
    await replicated(keys);
    lima.door.resetCounts();
    await assertAllAdmit(tokens);
    assert.equal(recordCalls(), 0, lima.door.calls.join('\n'));
  });
});
