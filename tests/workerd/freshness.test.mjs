// What a location knows, and what it does without knowledge: new tokens, revoked tokens, and stores that
// return stale or altered data or are down.
//
// The locations have a bound of 5 seconds, so a list is used for 3. The tests never assert that something is
// fast. They assert that no token is admitted after the instant that its receipt promised.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { eventually, Gateway } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';
import { variables } from './harness/routes.mjs';

const BOUND_SECONDS = 5;
const gateway = new Gateway({
  variables: (upstream) => ({ ...variables(upstream), REVOCATION_BOUND_SECONDS: String(BOUND_SECONDS) }),
  locations: {
    edge: () => ({}),
    lenient: () => ({ ON_UNKNOWN: 'admit' }),
    // Reads lists from KV, which needs a bound of at least a minute and no push. The registry's lists still
    // end after BOUND_SECONDS.
    minute: () => ({ REVOCATION_BOUND_SECONDS: '60', PUSH_SECONDS: '0' }),
  },
});
const { admin, kv, door } = gateway;
const edge = gateway.location('edge');
const lenient = gateway.location('lenient');
const minute = gateway.location('minute');

let shortLived;

before(async () => {
  await gateway.start();
  shortLived = await newToken({ expires_in: 60 });
});
after(() => gateway.stop());
afterEach(async () => {
  kv.heal();
  door.open();
  // A location that just failed to get a list waits before it tries again.
  for (const location of [edge, lenient]) {
    await eventually(
      'the location has a list again',
      async () => (await location.get('/_wayleave/health')).status === 200,
    );
  }
});

const newToken = (settings = {}) => admin.createToken({ audiences: ['weather'], ...settings });
const ask = (location, { token }, headers = { Origin: SITE }) =>
  location.get('/now', { headers: { ...headers, 'X-Api-Key': token } });

async function assertAdmits(location, token, headers) {
  const answer = await ask(location, token, headers);
  assert.equal(answer.status, 200, String(answer));
}

/**
 * Repeats the request until the answer is `code`, and once more at `effectiveBy`: no later request may be
 * admitted.
 */
async function assertRefusedBy(location, token, code, effectiveBy, headers) {
  await eventually(
    `${code} at this location`,
    async () => (await ask(location, token, headers)).json.code === code,
    (BOUND_SECONDS + 10) * 1_000,
  );
  await until(Date.parse(effectiveBy));
  assertProblem(await ask(location, token, headers), code);
}

function until(instant) {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, instant - Date.now())));
}

const recordKey = ({ id }) => `token/${id.slice('tok_'.length)}/1`;

describe('a new token works at once, everywhere', () => {
  it('although KV does not have it and a location looked for another just before', async () => {
    kv.writesFail = true;
    kv.unseen = (key) => key.startsWith('token/');
    for (const location of [edge, lenient, gateway.client]) await assertAdmits(location, await newToken());
  });

  it('although KV does not answer at all', async () => {
    const token = await newToken();
    kv.hangs = true;
    await assertAdmits(edge, token);
  });

  it('and a KV write that was never answered is given up and made again', async () => {
    kv.hangs = true;
    const token = await newToken();
    await eventually('the write is on its way', () =>
      kv.operations.some(({ method, key }) => method === 'PUT' && key === recordKey(token)),
    );
    kv.heal();
    await eventually('the record is in KV', () => kv.values.has(recordKey(token)), 40_000);
  });

  it('once KV has it, the registry is not asked for its record', async () => {
    const token = await newToken();
    await eventually('the record is in KV', () => kv.values.has(recordKey(token)));
    door.resetCounts();
    await assertAdmits(edge, token);
    assert.equal(door.calls.filter((call) => call.includes('Record')).length, 0, door.calls.join('\n'));
  });
});

describe('KV that is down or behind', () => {
  it('down: the registry answers for it', async () => {
    const token = await newToken();
    kv.fail();
    await assertAdmits(edge, token);
    const { effective_by } = await admin.revoke(token.id);
    await assertRefusedBy(edge, token, 'token_revoked', effective_by);
  });

  it("behind: an old list does not prolong a token's life beyond the bound", async () => {
    const token = await newToken();
    await admin.disable((await newToken()).id);
    await eventually('a list is in KV', () => kv.values.has('list/delta'));
    await assertAdmits(edge, token);
    kv.pin('list/delta');
    const { effective_by } = await admin.revoke(token.id);
    await assertRefusedBy(edge, token, 'token_revoked', effective_by);
  });

  it('writes that fail are owed and made good', async () => {
    kv.writesFail = true;
    const token = await newToken();
    await eventually('a write is owed', async () => (await admin.status()).outbox.pending > 0);
    kv.heal();
    await eventually('the record is in KV', () => kv.values.has(recordKey(token)), 40_000);
    await eventually('nothing is owed', async () => (await admin.status()).outbox.pending === 0);
  });
});

describe('the registry cannot be reached', () => {
  it('a location admits while its list may be used, and then refuses rather than guess', async () => {
    const token = await newToken();
    await assertAdmits(edge, token);
    door.shut();
    const shutAt = Date.now();
    await assertAdmits(edge, token);
    await eventually('503', async () => (await ask(edge, token)).status === 503);
    await until(shutAt + BOUND_SECONDS * 1_000);
    assertProblem(await ask(edge, token), 'revocation_status_unknown');
    const health = await edge.get('/_wayleave/health');
    assert.equal(health.status, 503, String(health));
    door.open();
    await eventually('it admits again', async () => (await ask(edge, token)).status === 200);
  });

  it('a registry that never answers is a 503 too, not a request that hangs', async () => {
    const token = await newToken();
    await assertAdmits(edge, token);
    door.hang();
    await eventually('503', async () => (await ask(edge, token)).status === 503, 30_000);
  });

  it('a caller that goes away while the list is fetched for it does not leave the others waiting', async () => {
    const token = await newToken();
    await gateway.restart();
    door.hang();
    const leaving = edge.open(
      'GET',
      '/now',
      [
        ['Host', edge.host],
        ['Origin', SITE],
        ['X-Api-Key', token.token],
      ],
      (request) => {
        request.end();
        eventually('its call is at the door', () => door.calls.length > 0).finally(() => request.destroy());
      },
    );
    door.resetCounts();
    await assert.rejects(leaving);
    door.open();
    await eventually(
      'the next caller is admitted',
      async () => (await ask(edge, token)).status === 200,
      20_000,
    );
  });

  it('ON_UNKNOWN=admit goes on, says so in health, and still refuses what its list names', async () => {
    const token = await newToken();
    const revoked = await newToken();
    const { effective_by } = await admin.revoke(revoked.id);
    await assertAdmits(lenient, token);
    await assertRefusedBy(lenient, revoked, 'token_revoked', effective_by);
    door.shut();
    await until(Date.now() + BOUND_SECONDS * 1_000);
    await assertAdmits(lenient, token);
    assertProblem(await ask(lenient, revoked), 'token_revoked');
    const health = await lenient.get('/_wayleave/health');
    assert.equal(health.json.on_unknown, 'admit');
    assert.equal(health.json.status, 'unguaranteed');
    assert.equal((await edge.get('/_wayleave/health')).json.on_unknown, 'refuse');
  });
});

describe('a location that reads lists from KV', () => {
  it('admits while lists end sooner than its own bound, and refuses what the registry revoked, KV behind or not', async () => {
    const token = await newToken();
    const revoked = await newToken();
    await assertAdmits(minute, token);
    await assertAdmits(minute, revoked);
    await eventually('a list is in KV', () => kv.keys('list/').length > 0);
    kv.pin('list/delta');
    kv.resetCounts();
    const { effective_by } = await admin.revoke(revoked.id);
    await assertRefusedBy(minute, revoked, 'token_revoked', effective_by);
    // Longer than any list of this registry is valid, so the location must have got newer ones from the
    // registry.
    const end = Date.now() + 3 * BOUND_SECONDS * 1_000;
    while (Date.now() < end) {
      await assertAdmits(minute, token);
      await until(Date.now() + 250);
    }
    assert.ok(kv.readsOf('list/delta') > 0, 'KV was asked for the list');
  });
});

// None of these tests injects a fault, so they can wait for their receipts concurrently.
describe("changes hold everywhere by the receipt's effective_by", { concurrency: true }, () => {
  it('a revocation: final, with a receipt that a repeat gives again', async () => {
    const token = await newToken();
    for (const location of [edge, gateway.client]) await assertAdmits(location, token);
    const before = Date.now();
    const receipt = await admin.revoke(token.id, { force: true, reason: 'found in a gist' });
    assert.equal(receipt.state, 'revoked');
    assert.equal(receipt.bound_seconds, BOUND_SECONDS);
    assert.equal(receipt.guaranteed, true);
    assert.ok(receipt.reason.includes('found in a gist'));
    assert.ok(Date.parse(receipt.effective_by) >= before, 'in the future of the call');
    assert.ok(
      Date.parse(receipt.effective_by) <= Date.now() + (BOUND_SECONDS + 4) * 1_000,
      JSON.stringify(receipt),
    );
    assert.deepEqual(await admin.revoke(token.id), receipt);
    await assertRefusedBy(edge, token, 'token_revoked', receipt.effective_by);
    await assertRefusedBy(gateway.client, token, 'token_revoked', receipt.effective_by);
  });

  it('disabling, and enabling again', async () => {
    const token = await newToken();
    await assertAdmits(edge, token);
    const { effective_by } = await admin.disable(token.id);
    await assertRefusedBy(edge, token, 'token_disabled', effective_by);
    await admin.enable(token.id);
    await eventually('it is admitted again', async () => (await ask(edge, token)).status === 200);
  });

  it('an edit that takes a site away', async () => {
    const token = await newToken({ origins: [SITE, 'https://second.example'] });
    const headers = { Origin: 'https://second.example' };
    await assertAdmits(edge, token, headers);
    const { receipt } = await admin.edit(token.id, { origins: [SITE] });
    await assertRefusedBy(edge, token, 'origin_not_allowed', receipt.effective_by, headers);
    await assertAdmits(edge, token);
  });

  it('an edit that takes an audience away', async () => {
    const token = await newToken({ audiences: ['weather', 'maps'] });
    const onMaps = () => edge.get('/maps/1', { headers: { Origin: SITE, 'X-Api-Key': token.token } });
    assert.equal((await onMaps()).status, 200);
    const { receipt } = await admin.edit(token.id, { audiences: ['weather'] });
    await until(Date.parse(receipt.effective_by));
    assertProblem(await onMaps(), 'audience_mismatch');
  });

  it('many edits and states of one token end in the last one', async () => {
    const token = await newToken();
    for (let time = 0; time < 5; time += 1) {
      await admin.disable(token.id);
      await admin.edit(token.id, { origins: [`https://site-${time}.example`] });
      await admin.enable(token.id);
    }
    const { receipt } = await admin.edit(token.id, { origins: ['https://last.example'] });
    await until(Date.parse(receipt.effective_by));
    await assertAdmits(edge, token, { Origin: 'https://last.example' });
    assertProblem(await ask(edge, token), 'origin_not_allowed');
  });
});

describe('GET /_wayleave/health', () => {
  it('200 with what the location holds', async () => {
    await assertAdmits(edge, await newToken());
    const answer = await edge.get('/_wayleave/health');
    assert.equal(answer.status, 200, String(answer));
    const { list_number, list_age_seconds, bound_seconds, on_unknown } = answer.json;
    assert.ok(list_number !== null && list_number !== undefined);
    assert.ok(list_age_seconds >= 0 && list_age_seconds <= BOUND_SECONDS, String(list_age_seconds));
    assert.equal(bound_seconds, BOUND_SECONDS);
    assert.equal(on_unknown, 'refuse');
    assert.equal(answer.headers['cache-control'], 'no-store');
  });
});

describe('expiry', () => {
  // The shortest lifetime is a minute, so the token is made before all other tests and checked after them.
  it('is to the second, from the token alone, although KV and registry are gone', async () => {
    const end = Date.parse(shortLived.expires_at);
    await until(end - 3_000);
    if (Date.now() < end - 1_000) await assertAdmits(edge, shortLived);
    kv.fail();
    door.shut();
    await until(end);
    assertProblem(await ask(edge, shortLived), 'token_expired');
  });
});
