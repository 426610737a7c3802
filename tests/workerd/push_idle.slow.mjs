// A deployment that nobody uses: no call, no write to KV and no alarm for three minutes. `make test-slow`.

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { Gateway } from './harness/gateway.mjs';

const IDLE_MS = 3 * 60_000;
/**
 * A line of 20 s, the half minute after which counts are sent and told, the two minutes for which KV's copy
 * of the list is rewritten, and a reserve.
 */
const SETTLES_MS = 200_000;

const bound = (upstream) => ({ UPSTREAM: upstream });
const gateway = new Gateway({ variables: bound, locations: { edge: bound } });
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

before(() => gateway.start());
after(() => gateway.stop());

it('three minutes without a request cost nothing', async () => {
  const token = await gateway.admin.createToken();
  const edge = gateway.location('edge');
  const ask = async () =>
    (await edge.get('/now', { headers: { Origin: SITE, 'X-Api-Key': token.token } })).status;
  assert.equal(await ask(), 200);
  await pause(2_000);
  assert.ok(
    gateway.door.calls.some((call) => call.startsWith('{"Subscribe"')),
    'while it was used, a call waited',
  );
  await pause(SETTLES_MS);
  gateway.door.resetCounts();
  gateway.usageDoor.resetCounts();
  const { reads, writes } = gateway.kv;
  await pause(IDLE_MS);
  assert.deepEqual([gateway.door.calls, gateway.usageDoor.calls], [[], []]);
  assert.deepEqual([gateway.kv.reads - reads, gateway.kv.writes - writes], [0, 0]);
});
