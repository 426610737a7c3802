// Sources that do not answer: what requests wait for, how often the registry is asked, and that both end when
// it is back.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { eventually, Gateway } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';
import { variables } from './harness/routes.mjs';

const TOKENS = 20;
/** The longest rest of the registry (16 s), the look after it, and room for a busy machine. */
const IS_BACK_WITHIN_MS = 60_000;

const gateway = new Gateway({
  variables,
  locations: {
    minute: () => ({ REVOCATION_BOUND_SECONDS: '60' }),
    hedging: () => ({ REVOCATION_BOUND_SECONDS: '60' }),
    small: () => ({ REVOCATION_BOUND_SECONDS: '5', PUSH_SECONDS: '0' }),
  },
});
const { admin, kv, door } = gateway;
const minute = gateway.location('minute');
const hedging = gateway.location('hedging');
const small = gateway.location('small');

let known;

before(async () => {
  await gateway.start();
  known = await newToken();
});
after(() => gateway.stop());
afterEach(async () => {
  kv.heal();
  door.open();
  // A token that KV does not have: then the registry answers for records as well.
  kv.unseen = (key) => key.startsWith('token/');
  for (const location of [minute, small, hedging]) {
    const fresh = await newToken();
    await eventually(
      'it is back',
      async () => (await ask(location, fresh)).status === 200,
      IS_BACK_WITHIN_MS,
    );
  }
  kv.heal();
});

const newToken = (settings = {}) => admin.createToken({ audiences: ['weather'], ...settings });
const newTokens = () => Promise.all(Array.from({ length: TOKENS }, () => newToken()));
const ask = (location, { token }) => location.get('/now', { headers: { Origin: SITE, 'X-Api-Key': token } });
const familyOf = (location, family) =>
  location.get(`/_wayleave/families/${family}/token`, { headers: { Origin: SITE } });
const calls = (kind) => door.calls.filter((call) => call.startsWith(`{"${kind}"`)).length;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const isRecord = (key) => key.startsWith('token/');

describe('the registry hangs, and the list may be used', () => {
  it('after the first request that waited, no record is asked for by others: they are refused', async () => {
    assert.equal((await ask(minute, known)).status, 200);
    kv.unseen = isRecord;
    const tokens = await newTokens();
    door.hang();
    assertProblem(await ask(minute, await newToken()), 'revocation_status_unknown');
    door.resetCounts();
    const answers = await Promise.all(tokens.map((token) => ask(minute, token)));
    for (const answer of answers) assertProblem(answer, 'revocation_status_unknown');
    assert.ok(calls('Record') <= 1, `one trial at most:\n${door.calls.join('\n')}`);
  });

  it('nor is the token of a family', async () => {
    kv.unseen = (key) => key.startsWith('family/');
    const families = (
      await Promise.all(Array.from({ length: TOKENS }, () => newToken({ distribute: true })))
    ).map(({ family }) => family);
    assert.equal((await ask(minute, known)).status, 200);
    door.hang();
    const [first, ...others] = families;
    assert.equal((await familyOf(minute, first)).status, 503);
    door.resetCounts();
    const answers = await Promise.all(others.map((family) => familyOf(minute, family)));
    for (const answer of answers) assert.equal(answer.status, 503, String(answer));
    assert.ok(calls('CurrentToken') <= 1, `one trial at most:\n${door.calls.join('\n')}`);
  });

  it('the trial is made in the background, and what it finds is there for the next request', async () => {
    assert.equal((await ask(minute, known)).status, 200);
    kv.unseen = isRecord;
    const token = await newToken();
    door.hang();
    assert.equal((await ask(minute, token)).status, 503);
    door.hold();
    door.resetCounts();
    await eventually('a trial is under way', async () => {
      assert.equal((await ask(minute, token)).status, 503, 'no request waits for it');
      return calls('Record') > 0;
    });
    // Nobody waits for its answer any more. A request that came before it would ask as well.
    door.open();
    await pause(1_000);
    assert.equal((await ask(minute, token)).status, 200);
    assert.ok(calls('Record') <= 2, door.calls.join('\n'));
  });
});

describe('no list may be used', () => {
  it('the registry hangs: requests are refused while one look for a list is under way', async () => {
    assert.equal((await ask(small, known)).status, 200);
    door.hang();
    await eventually('503', async () => (await ask(small, known)).status === 503, 30_000);
    door.hold();
    door.resetCounts();
    await eventually(
      'a look is under way',
      async () => {
        assertProblem(await ask(small, known), 'revocation_status_unknown');
        return calls('List') > 0;
      },
      30_000,
    );
    door.open();
    await eventually('its answer is used', async () => (await ask(small, known)).status === 200);
    assert.ok(calls('List') <= 2, door.calls.join('\n'));
  });

  it('the registry refuses at once: it is asked less and less often', async () => {
    assert.equal((await ask(small, known)).status, 200);
    door.shut();
    await eventually('503', async () => (await ask(small, known)).status === 503, 30_000);
    door.resetCounts();
    const began = Date.now();
    for (let count = 0; count < 100; count += 1) {
      assertProblem(await ask(small, known), 'revocation_status_unknown');
      await pause(60);
    }
    // A rest takes three quarters of 0.25, 0.5, 1, 2 and then 3.2 s at least.
    const most = 5 + (Date.now() - began) / 2_400;
    assert.ok(calls('List') <= most, `${calls('List')} calls, at most ${most}`);
  });
});

describe('KV does not answer', () => {
  it('the registry is asked beside it, and whichever answers first is used', async () => {
    assert.equal((await ask(hedging, known)).status, 200);
    const token = await newToken();
    await eventually('the record is in KV', () => kv.keys(`token/`).some((key) => key.includes(idOf(token))));
    // KV answers once the registry is asked, and the registry never does.
    door.hang();
    door.resetCounts();
    kv.waitsFor = (key) =>
      isRecord(key) ? eventually('the registry is asked', () => calls('Record') > 0) : undefined;
    assert.equal((await ask(hedging, token)).status, 200);
  });

  it('when the registry answers first, KV is not waited for', async () => {
    assert.equal((await ask(hedging, known)).status, 200);
    const token = await newToken();
    kv.hangs = true;
    kv.resetCounts();
    assert.equal((await ask(hedging, token)).status, 200);
    assert.ok(kv.reads <= 1, 'one read, which was never answered');
  });
});

function idOf({ id }) {
  return `/${id.slice('tok_'.length)}/`;
}
