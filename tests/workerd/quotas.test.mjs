// Quotas: requests are counted off their path, so some more get through than a quota allows; then every
// location refuses until the period ends, on both paths, and admits again when the quota is raised.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { eventually, Gateway } from './harness/gateway.mjs';
import { assertProblem, assertReadableBy } from './harness/problem.mjs';

const BOUND_SECONDS = 5;
/** An isolate hands on its counts in a minute at most, the shard tells at once, and lists hold within B. */
const REFUSED_WITHIN_MS = 61_000 + BOUND_SECONDS * 1_000;
const gateway = new Gateway({
  variables: (upstream) => ({ UPSTREAM: upstream, REVOCATION_BOUND_SECONDS: String(BOUND_SECONDS) }),
  locations: { one: () => ({}), two: () => ({}), late: () => ({}) },
});
const { admin, client } = gateway;
const [one, two, late] = ['one', 'two', 'late'].map((name) => gateway.location(name));
const everywhere = [client, one, two];

before(() => gateway.start());
after(() => gateway.stop());

const ask = (at, { token }, path = '/now') => at.get(path, { headers: { Origin: SITE, 'X-Api-Key': token } });
const shown = async ({ id }) => (await admin.call('GET', `/tokens/${id}`)).json;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for a day with at least four minutes left. No test below takes longer. */
async function earlyInADay() {
  const left = 86_400_000 - (Date.now() % 86_400_000);
  if (left < 240_000) await sleep(left + 50);
}

/** Asks everywhere four times a second until everybody refuses. */
async function untilRefused(token) {
  const seen = { admitted: 0, refusedAfter: null, tookMs: 0 };
  const began = Date.now();
  for (;;) {
    const answers = await Promise.all(everywhere.map((at) => ask(at, token)));
    for (const { status } of answers) {
      if (status === 200) seen.admitted += 1;
      else seen.refusedAfter ??= seen.admitted;
    }
    if (answers.every(({ status }) => status !== 200)) return { ...seen, last: answers };
    seen.tookMs = Date.now() - began;
    assert.ok(seen.tookMs < 3 * REFUSED_WITHIN_MS, 'never refused');
    await sleep(250);
  }
}

describe('a quota', () => {
  let token;
  it('is refused nowhere before it is used up, and everywhere soon after', async () => {
    await earlyInADay();
    const requests = 60;
    token = await admin.createToken({ quota: { requests, per: 'day' } });
    assert.deepEqual(token.quota, { requests, per: 'day', counts: 'token' });
    const began = Date.now();
    const { admitted, refusedAfter, last } = await untilRefused(token);
    assert.ok(refusedAfter >= requests, `refused after ${refusedAfter}`);
    const perMs = admitted / (Date.now() - began);
    assert.ok(admitted - requests <= perMs * REFUSED_WITHIN_MS + 3, `${admitted} admitted of ${requests}`);
    for (const answer of last) {
      assertProblem(answer, 'quota_exceeded');
      assertReadableBy(answer, SITE);
      const left = (86_400_000 - (Date.now() % 86_400_000)) / 1_000;
      assert.ok(Math.abs(Number(answer.headers['retry-after']) - left) < 5, String(answer));
    }
    const { quota_use: use } = await shown(token);
    assert.ok(use.exceeded && use.used >= requests, JSON.stringify(use));
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
    assert.equal(use.period_ends_at, `${tomorrow}T00:00:00Z`);
  });

  it('is refused by an isolate that awaits list and record, and by one that has both', async () => {
    for (let request = 0; request < 3; request += 1) {
      assertProblem(await ask(late, token), 'quota_exceeded');
    }
    assertProblem(await ask(late, token, '/_wayleave/token'), 'quota_exceeded');
    const elsewhere = { headers: { Origin: 'https://elsewhere.example', 'X-Api-Key': token.token } };
    assertProblem(await late.get('/now', elsewhere), 'origin_not_allowed');
    const { totals } = await eventually(
      'refusals are counted as what they are',
      async () => {
        const { json } = await admin.call('GET', `/tokens/${token.id}/usage`);
        return json.totals.refused.quota_exceeded > 3 && json;
      },
      75_000,
    );
    assert.ok(totals.requests > totals.admitted);
  });

  it('that is raised admits again within the bound', async () => {
    const edit = { quota: { requests: 100_000, per: 'day' } };
    const answer = await admin.call('PATCH', `/tokens/${token.id}`, { body: edit });
    assert.equal(answer.status, 200, String(answer));
    await sleep(BOUND_SECONDS * 1_000);
    for (const at of [...everywhere, late]) assert.equal((await ask(at, token)).status, 200);
    assert.equal((await shown(token)).quota_use.exceeded, false);
  });

  it('tells the operator, and is audited', async () => {
    const events = (await admin.call('GET', `/events?token=${token.id}`)).json.items;
    assert.ok(events.some(({ action }) => action === 'token.quota_exceeded'));
    await eventually(
      'a notice says so',
      async () => {
        const { items } = (await admin.call('GET', '/notices')).json;
        return items.some(({ type }) => type === 'token.quota_exceeded');
      },
      30_000,
    );
  });
});
