// No acknowledged write is ever lost: kill -9 at random moments during writes, many times.
//
// WAYLEAVE_SEED=<n> repeats the random moments of a run. The machine's timing still differs, so a repetition
// is similar and not identical.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { eventually, Gateway } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';
import { Random } from './harness/random.mjs';
import { variables } from './harness/routes.mjs';

const KILLS = 12;
const WRITERS = 4;
/**
 * The kill comes at most this long after the round's first acknowledgement, in the middle of further writes.
 */
const MOMENT_MAX_MS = 60;

const random = Random.ofRun();
const gateway = new Gateway({
  variables: (upstream) => ({ ...variables(upstream), REVOCATION_BOUND_SECONDS: '5' }),
});
const { client, admin, kv } = gateway;

before(() => gateway.start());
after(() => gateway.stop());

const recordKey = (id) => `token/${id.slice('tok_'.length)}/1`;
const create = (key) =>
  admin.call('POST', '/tokens', {
    body: { label: key, origins: [SITE], audiences: ['weather'] },
    headers: { 'Idempotency-Key': key },
  });

describe(`kill -9 (seed ${random.seed})`, () => {
  /** Idempotency key → the acknowledged answer, or null when the answer was lost. */
  const sent = new Map();
  const revoked = new Map();

  it(`at ${KILLS} random moments loses no acknowledged token`, async () => {
    for (let kill = 0; kill < KILLS; kill += 1) {
      const prefix = `kill-${kill}-writer`;
      const writers = Array.from({ length: WRITERS }, (_, writer) => writeUntilCut(`${prefix}-${writer}`));
      await eventually('a first acknowledgement', () =>
        [...sent].some(([key, answer]) => key.startsWith(prefix) && answer !== null),
      );
      await new Promise((resolve) => setTimeout(resolve, random.upTo(MOMENT_MAX_MS)));
      await gateway.workerd.kill();
      await Promise.all(writers);
      await gateway.workerd.start();
    }
    const acknowledged = [...sent].filter(([, answer]) => answer !== null);
    const lost = sent.size - acknowledged.length;
    console.log(`${acknowledged.length} acknowledged, ${lost} answers lost`);
    assert.ok(lost >= KILLS, 'the kills fell while writes were on their way');
    for (const [key, answer] of acknowledged) {
      const token = await admin.token(answer.id);
      assert.equal(token.label, key);
      assert.equal(token.fingerprint, answer.fingerprint);
    }
  });

  it('the record of every acknowledged token reaches KV', async () => {
    const ids = [...sent.values()].filter(Boolean).map(({ id }) => id);
    await eventually('every record is in KV', () => ids.every((id) => kv.values.has(recordKey(id))), 40_000);
  });

  it('every acknowledged token works', async () => {
    for (const answer of [...sent.values()].filter(Boolean)) {
      const { status } = await client.get('/now', { headers: { Origin: SITE, 'X-Api-Key': answer.token } });
      assert.equal(status, 200, answer.id);
    }
  });

  it('a retry under the same Idempotency-Key makes nothing twice and gives the same token', async () => {
    for (const [key, answer] of sent) {
      const retry = await create(key);
      assert.equal(retry.status, 201, `${key}: ${retry}`);
      if (answer !== null) assert.equal(retry.json.token, answer.token);
      assert.equal((await create(key)).json.token, retry.json.token);
      sent.set(key, retry.json);
    }
    const all = await allTokens();
    assert.equal(all.length, sent.size, 'one token for each key, whether its answer was lost or not');
    assert.equal(new Set(all.map(({ id }) => id)).size, sent.size, 'no serial was given twice');
  });

  it('an acknowledged revocation is still one after a kill right behind it', async () => {
    const ids = [...sent.values()].map(({ id }) => id).slice(0, 6);
    for (const id of ids) {
      revoked.set(id, await admin.revoke(id));
      await gateway.restart();
    }
    for (const [id, receipt] of revoked) {
      assert.equal((await admin.token(id)).state, 'revoked');
      assert.deepEqual(await admin.revoke(id), receipt, 'the same receipt');
    }
    const latest = Math.max(...[...revoked.values()].map(({ effective_by }) => Date.parse(effective_by)));
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, latest - Date.now())));
    for (const answer of [...sent.values()].filter(({ id }) => revoked.has(id))) {
      assertProblem(
        await client.get('/now', { headers: { Origin: SITE, 'X-Api-Key': answer.token } }),
        'token_revoked',
      );
    }
  });

  it('list numbers never go back over restarts', () => {
    const receipts = [...revoked.values()].map(({ list_number }) => list_number);
    for (let at = 1; at < receipts.length; at += 1) {
      const [before, after] = [receipts[at - 1], receipts[at]];
      assert.ok(
        after[0] > before[0] || (after[0] === before[0] && after[1] >= before[1]),
        `${before} then ${after}`,
      );
    }
  });

  /** Creates one token after another until the process is gone, and records the acknowledged ones. */
  async function writeUntilCut(prefix) {
    for (let count = 0; ; count += 1) {
      const key = `${prefix}-${count}`;
      sent.set(key, null);
      try {
        const answer = await create(key);
        assert.equal(answer.status, 201, String(answer));
        sent.set(key, answer.json);
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        return;
      }
    }
  }
});

async function allTokens() {
  const items = [];
  for (let cursor = ''; cursor !== null; ) {
    const page = (
      await admin.call('GET', `/tokens?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)
    ).json;
    items.push(...page.items);
    cursor = page.next_cursor;
  }
  return items;
}
