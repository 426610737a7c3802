// The registry acknowledges a revocation after one commit. Whatever KV does, the answer does not wait for it.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from '../workerd/harness/admin_api.mjs';
import { eventually } from '../workerd/harness/gateway.mjs';
import { assertProblem } from '../workerd/harness/problem.mjs';
import { Random } from '../workerd/harness/random.mjs';
import { Replicas } from './harness/replicas.mjs';

/** A write to KV is given up after 10 s, so an answer that waited for one would take at least that long. */
const KV_WRITE_TIMEOUT_MS = 10_000;
const COUNT = 20;

const replicas = new Replicas({
  variables: { REVOCATION_BOUND_SECONDS: '5' },
  locations: { edge: {} },
  random: Random.ofRun(),
});
const { admin, controlKv } = replicas;
const edge = replicas.location('edge');
const ask = ({ token }) => edge.clients[0].get('/now', { headers: { Origin: SITE, 'X-Api-Key': token } });

before(async () => {
  await replicas.start();
  // After a start the registry reads KV before it writes to it. That must be over before KV stops answering.
  await admin.createToken({ audiences: ['weather'] });
  await eventually('a first record is in KV', () => replicas.history.versions('token/1/1').length > 0);
});
after(() => replicas.stop());

describe('with a KV that never answers', () => {
  it(`${COUNT} changes of each kind are acknowledged while the first write to KV still hangs`, async () => {
    controlKv.hangs = true;
    controlKv.resetCounts();
    const listsBefore = replicas.history.versions('list/delta').length;
    edge.kv.hangs = true;
    const begun = Date.now();
    const tokens = [];
    for (let count = 0; count < COUNT; count += 1)
      tokens.push(await admin.createToken({ audiences: ['weather'] }));
    for (const { id } of tokens)
      await admin.edit(id, { label: 'edited', origins: [SITE, 'https://second.example'] });
    for (const { id } of tokens) await admin.disable(id);
    for (const { id } of tokens) await admin.enable(id);
    for (const { id } of tokens) await admin.revoke(id);
    const took = Date.now() - begun;
    console.log(`${5 * COUNT} acknowledged calls took ${took} ms in all`);
    assert.ok(controlKv.writes > 0, 'a write to KV was on its way');
    assert.equal(replicas.history.versions('list/delta').length, listsBefore, 'and nothing was written');
    assert.ok(took < KV_WRITE_TIMEOUT_MS, `${took} ms: an answer waited for KV`);
  });

  it("and they hold by the receipt's effective_by", async () => {
    const token = await admin.createToken({ audiences: ['weather'] });
    assert.equal((await ask(token)).status, 200);
    const { effective_by } = await admin.revoke(token.id);
    await new Promise((resolve) => setTimeout(resolve, Date.parse(effective_by) - Date.now()));
    assertProblem(await ask(token), 'token_revoked');
  });
});
