// Rate classes: the limits for one address and one token, which counter applies, and which requests do not
// count.
//
// In plain workerd each isolate counts. deploy/local/run.test.mjs shows that the platform's limiter is used
// if bound.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { eventually, Gateway } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';

/**
 * Low limits, so that tests reach them quickly. With a period of a minute a test crosses at most one period
 * boundary.
 */
const RATES = {
  page: { requests: 5, per_seconds: 60 },
  crowd: { requests: 5, per_seconds: 60, token_requests: 8 },
  broken: { requests: 1, per_seconds: 60 },
};
const gateway = new Gateway({
  variables: (upstream) => ({
    UPSTREAM: upstream,
    RATES: JSON.stringify(RATES),
    CLIENT_IP_HEADER: 'X-Real-IP',
    // A limiter whose calls fail.
    RATE_BROKEN: { broken: true },
  }),
  // The configuration after a deployment that removed every class.
  locations: { dropped: () => ({ RATES: null, RATE_BROKEN: null }) },
});
const { client, admin } = gateway;

before(() => gateway.start());
after(() => gateway.stop());

const rated = async (rate, settings = {}) => admin.createToken({ rate, ...settings });
const ask = (token, ip, { origin = SITE, at = client } = {}) =>
  at.send('GET', '/now', {
    headers: [['X-Api-Key', token], ['Origin', origin], ...(ip ? [['X-Real-IP', ip]] : [])],
  });

/** Waits for a period with at least 20 s left. No test below takes longer. */
async function earlyInAPeriod() {
  const left = 60_000 - (Date.now() % 60_000);
  if (left < 20_000) await new Promise((resolve) => setTimeout(resolve, left + 50));
}

/** How many of `count` consecutive requests are admitted. */
async function admitted(count, token, ip, options) {
  let good = 0;
  for (let n = 0; n < count; n += 1) good += (await ask(token, ip(n), options)).status === 200 ? 1 : 0;
  return good;
}

describe('a rate class', () => {
  it('admits so many of one address, then 429 that a page can read, and other addresses as before', async () => {
    await earlyInAPeriod();
    const { token, id, rate } = await rated('page');
    assert.equal(rate, 'page');
    assert.equal(await admitted(7, token, () => '192.0.2.1'), 5);
    const refused = await ask(token, '192.0.2.1');
    assertProblem(refused, 'rate_limited');
    const seconds = Number(refused.headers['retry-after']);
    assert.ok(seconds >= 1 && seconds <= 60, `Retry-After: ${seconds}`);
    assert.equal(refused.headers['access-control-allow-origin'], SITE);
    assert.match(refused.headers['access-control-expose-headers'], /Retry-After/);
    assert.equal((await ask(token, '192.0.2.2')).status, 200);
    // Addresses of one IPv6 /64 count as one. All requests without an address count together.
    assert.equal(await admitted(7, token, (n) => `2001:db8:7:7::${n + 1}`), 5);
    assert.equal(await admitted(7, token, () => undefined), 5);
    // Of each 7 requests 5 pass. Refused: 2 and 1 more of the first address, 2 of the network, 2 without
    // address.
    const refusals = 7 - 5 + 1 + (7 - 5) + (7 - 5);
    const isTold = async () =>
      (await admin.call('GET', `/tokens/${id}/usage`)).json.totals.refused.rate_limited === refusals;
    await eventually('each of them is counted', isTold, 40_000);
  });

  it('has a total for the token too, which one address cannot use up', async () => {
    await earlyInAPeriod();
    const { token } = await rated('crowd');
    assert.equal(await admitted(9, token, () => '192.0.2.1'), 5);
    assert.equal(await admitted(3, token, () => '192.0.2.2'), 3);
    assertProblem(await ask(token, '192.0.2.3'), 'rate_limited');
  });

  it('is not spent by what is refused for another reason', async () => {
    await earlyInAPeriod();
    const { token } = await rated('page');
    for (let n = 0; n < 10; n += 1)
      assertProblem(
        await ask(token, '192.0.2.9', { origin: 'https://elsewhere.example' }),
        'origin_not_allowed',
      );
    assert.equal(await admitted(6, token, () => '192.0.2.9'), 5);
  });

  it("is another token's own", async () => {
    await earlyInAPeriod();
    const [first, second] = [await rated('page'), await rated('page')];
    assert.equal(await admitted(6, first.token, () => '192.0.2.5'), 5);
    assert.equal(await admitted(6, second.token, () => '192.0.2.5'), 5);
  });

  it('is kept by clones and successors, and edited like any setting', async () => {
    const { id } = await rated('page');
    const clone = await admin.createToken({ clone_of: id });
    assert.equal(clone.rate, 'page');
    const { rate, version } = await admin.edit(id, { rate: null });
    assert.deepEqual([rate, version], [null, 2]);
    const successor = (await admin.call('POST', `/tokens/${clone.id}/rotate`, { body: {} })).json;
    assert.equal(successor.rate, 'page');
  });

  it('that is not configured is refused at save, by name of the field', async () => {
    const refused = await admin.call('POST', '/tokens', {
      body: { label: 'x', origins: [SITE], rate: 'gold' },
    });
    assertProblem(refused, 'invalid_request', { status: 422 });
    assert.deepEqual(
      refused.json.errors.map(({ field, code }) => [field, code]),
      [['rate', 'rate_class_not_configured']],
    );
  });

  it('whose limiter cannot be asked admits, and the log says so', async () => {
    const { token } = await rated('broken');
    const from = gateway.workerd.output.length;
    assert.equal(await admitted(3, token, () => '192.0.2.1'), 3);
    assert.match(gateway.workerd.output.slice(from), /RATE_BROKEN did not answer/);
  });

  it("that a deploy has dropped limits nothing there, and the registry's status names those that isolates count", async () => {
    const { token } = await rated('page');
    assert.equal(await admitted(7, token, () => '192.0.2.1', { at: gateway.location('dropped') }), 7);
    assert.deepEqual((await admin.status()).rate_classes, {
      missing: [],
      counted_by_isolates: ['crowd', 'page'],
      without_addresses: [],
    });
  });
});
