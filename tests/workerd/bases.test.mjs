// A deployment with thousands of revoked tokens. Its list consists of a base, which a location reads once,
// and a small delta.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { eventually, Gateway } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';
import { variables } from './harness/routes.mjs';

/** One more than a delta may name before the registry makes a new base. */
const WITHDRAWN = 2_001;
const AT_ONCE = 20;

const gateway = new Gateway({
  variables,
  locations: { first: () => ({}), second: () => ({}), third: () => ({}) },
});
const { admin, kv, door } = gateway;
let good, revoked, baseKey;

before(async () => {
  await gateway.start();
  good = await newToken();
  const tokens = await inTurns(WITHDRAWN, () => newToken());
  await inTurns(WITHDRAWN, (at) => admin.revoke(tokens[at].id));
  revoked = tokens[0];
  await admin.status(); // GET /status makes a new list
  [baseKey] = await eventually('a base is in KV', () => {
    const keys = kv.keys('list/base/');
    return keys.length > 0 && keys;
  });
  // Lists go to KV only while the deployment is used. The service "gateway" is none of the locations below.
  const named = async () => {
    await ask(gateway.client, good);
    return deltaFollowsBase() && kv.readsOf(baseKey) > 0;
  };
  await eventually("KV's delta names the base, and the gateway has read it", named, 60_000);
});
after(() => gateway.stop());

const newToken = () => admin.createToken({ audiences: ['weather'] });
const ask = (location, { token }) => location.get('/now', { headers: { Origin: SITE, 'X-Api-Key': token } });
const baseCalls = () => door.calls.filter((call) => call.includes('Base')).length;
const deltaFollowsBase = () =>
  kv.operations.findLastIndex(({ method, key }) => method === 'PUT' && key === 'list/delta') >
  kv.operations.findIndex(({ method, key }) => method === 'PUT' && key === baseKey);

/** Makes `count` calls, a few of them at a time. */
async function inTurns(count, call) {
  const results = [];
  for (let at = 0; at < count; at += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - at) }, (_, i) => call(at + i));
    results.push(...(await Promise.all(batch)));
    if (at % 500 === 0) console.log(`${at} of ${count}`);
  }
  return results;
}

async function assertKnowsAll(location) {
  assertProblem(await ask(location, revoked), 'token_revoked');
  const answer = await ask(location, good);
  assert.equal(answer.status, 200, String(answer));
}

/**
 * Sends requests to the location until `condition` holds. The first request needs no base. The next refresh,
 * after about a sixth of the bound, fetches the base in the background.
 */
const whileUsed = (location, what, condition) =>
  eventually(
    what,
    async () => {
      await assertKnowsAll(location);
      return condition();
    },
    60_000,
  );

describe('a base in KV', () => {
  it('was written before the first delta that names it, and stays small', () => {
    assert.ok(deltaFollowsBase());
    const bytes = kv.values.get(baseKey).bytes.length;
    assert.ok(bytes < 10_000, `${bytes} bytes for ${WITHDRAWN} serials`);
  });

  it('is read once by a location, and the registry is not asked for it', async () => {
    kv.resetCounts();
    door.resetCounts();
    const first = gateway.location('first');
    const held = Promise.withResolvers();
    kv.waitsFor = (key) => (key === baseKey ? held.promise : undefined);
    await assertKnowsAll(first); // no request waits for the base: it is held back
    await whileUsed(first, 'the base is being read', () => kv.readsOf(baseKey) === 1);
    held.resolve();
    for (let i = 0; i < 20; i++) await assertKnowsAll(first);
    assert.deepEqual([kv.readsOf(baseKey), baseCalls()], [1, 0]);
  });

  it('altered, it is refused and counted, and the registry has it', async () => {
    kv.pin(baseKey, (bytes) => {
      bytes[bytes.length >> 1] ^= 1;
      return bytes;
    });
    const second = gateway.location('second');
    await whileUsed(second, 'the registry was asked', () => baseCalls() === 1);
    const health = await second.get('/_wayleave/health');
    assert.equal(health.status, 200);
    assert.ok(health.json.lists_refused >= 1, JSON.stringify(health.json));
    kv.heal();
  });

  it('gone, the registry has it too', async () => {
    kv.unseen = (key) => key.startsWith('list/base/');
    door.resetCounts();
    await whileUsed(gateway.location('third'), 'the registry was asked', () => baseCalls() === 1);
    kv.heal();
  });
});
