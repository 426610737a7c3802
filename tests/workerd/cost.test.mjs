// A request that can be refused on its own content is refused without any KV read or registry call.
//
// The test counts from outside: every KV read passes the KV server, and every registry call of the location
// passes the door. The location is cold and has not even read the revocation list, so any read is visible.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { DEPLOYMENT, eventually, Gateway, SIGNING_SECRETS } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';
import { variables } from './harness/routes.mjs';
import { claimsOf, mintToken, withFlippedBit } from './harness/tokens.mjs';

const gateway = new Gateway({ variables, locations: { cold: () => ({}), crowded: () => ({}) } });
const { admin, kv, door } = gateway;
const location = gateway.location('cold');
let token;

before(async () => {
  await gateway.start();
  token = (await admin.createToken({ audiences: ['weather'] })).token;
  await eventually('the record reaches KV', () => kv.keys('token/').length === 1);
});
after(() => gateway.stop());

const ask = (text, path = '/now') => location.get(path, { headers: { Origin: SITE, 'X-Api-Key': text } });

/** Runs `body` and returns the number of KV reads and registry calls, waiting for deferred ones. */
async function costOf(body) {
  kv.resetCounts();
  door.resetCounts();
  const before = (await admin.status()).calls;
  await body();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const after = (await admin.status()).calls;
  return {
    kvReads: kv.reads,
    throughTheDoor: door.calls.length,
    lists: after.list - before.list,
    records: after.record - before.record,
  };
}
const NOTHING = { kvReads: 0, throughTheDoor: 0, lists: 0, records: 0 };

describe('zero KV reads and zero registry calls', () => {
  it('for credentials that are not tokens', async () => {
    const garbage = [
      '',
      'hello',
      'wlp_',
      'wlp_!',
      `wlp_${'A'.repeat(36)}`,
      `wlp_${'_'.repeat(36)}`,
      'A'.repeat(10_000),
      `wlp_${'é'.repeat(18)}`,
    ];
    assert.deepEqual(
      await costOf(async () => {
        for (const text of garbage) assertProblem(await ask(encodeURI(text)), 'token_malformed');
      }),
      NOTHING,
    );
  });

  it('for a token with any one bit flipped', async () => {
    assert.deepEqual(
      await costOf(async () => {
        for (let bit = 0; bit < 27 * 8; bit += 1) {
          const answer = await ask(withFlippedBit(token, bit));
          assertProblem(answer, bit < 8 ? 'token_malformed' : 'token_invalid');
        }
      }),
      NOTHING,
    );
  });

  it('for tokens of another secret, another deployment, another key id', async () => {
    const { serial, expiresAt } = claimsOf(token);
    const claims = { secret: SIGNING_SECRETS[1], deployment: DEPLOYMENT, serial, expiresAt };
    assert.equal(mintToken(claims), token, "the test's own implementation makes the same token");
    assert.deepEqual(
      await costOf(async () => {
        for (const change of [
          { secret: Buffer.alloc(32, 9) },
          { deployment: 'staging' },
          { keyId: 0 },
          { keyId: 255 },
        ]) {
          assertProblem(await ask(mintToken({ ...claims, ...change })), 'token_invalid');
        }
      }),
      NOTHING,
    );
  });

  it('for expired tokens', async () => {
    const expiresAt = Math.floor(Date.now() / 1000) - 1;
    assert.deepEqual(
      await costOf(async () => {
        for (const serial of [1, 2, 4_294_967_295]) {
          const text = mintToken({ secret: SIGNING_SECRETS[1], deployment: DEPLOYMENT, serial, expiresAt });
          assertProblem(await ask(text), 'token_expired');
        }
      }),
      NOTHING,
    );
  });

  it('for no token, two tokens, paths and hosts that are not served', async () => {
    assert.deepEqual(
      await costOf(async () => {
        assertProblem(await location.get('/now'), 'token_missing');
        assertProblem(
          await location.get(`/now?token=${token}`, { headers: { 'X-Api-Key': token } }),
          'credential_conflict',
        );
        assertProblem(await location.get('/a%00b', { headers: { 'X-Api-Key': token } }), 'invalid_request');
        assertProblem(
          await location.get('/now', { host: 'nobody.example', headers: { 'X-Api-Key': token } }),
          'route_not_found',
        );
      }),
      NOTHING,
    );
  });

  it("for garbage at the holder's own test of a token", async () => {
    assert.deepEqual(
      await costOf(async () => {
        assertProblem(await ask('hello', '/_wayleave/token'), 'token_malformed');
        assertProblem(await ask(withFlippedBit(token, 215), '/_wayleave/token'), 'token_invalid');
      }),
      NOTHING,
    );
  });

  it('for wrong admin keys, well formed or not', async () => {
    const { key } = await admin.createAdminKey('viewer');
    const wrong = [
      '',
      'hello',
      'wla_',
      key.slice(0, -1),
      `${key}0`,
      `${key.slice(0, -7)}${key.slice(-6)}`,
      withOtherCharacter(key, 20),
      withOtherCharacter(key, 53),
      `wla_${'0'.repeat(50)}`,
      'A'.repeat(10_000),
      token,
      gateway.admin.key.slice(1),
    ];
    assert.deepEqual(
      await costOf(async () => {
        for (const text of wrong) assertProblem(await adminAt(text), 'unauthorized');
      }),
      NOTHING,
    );
  });

  it('for pages that anyone may read', async () => {
    assert.deepEqual(
      await costOf(async () => {
        assert.equal((await location.get('/_wayleave/problems')).status, 200);
        assertProblem(await location.get('/_wayleave/nothing'), 'not_found');
        assert.equal(
          (
            await location.send('OPTIONS', '/now', {
              headers: { Origin: SITE, 'Access-Control-Request-Method': 'GET' },
            })
          ).status < 300,
          true,
        );
      }),
      NOTHING,
    );
  });
});

describe('what the counters see when something is asked', () => {
  it('the first good request reads list and record, and the next ones nothing', async () => {
    const first = await costOf(async () => assert.equal((await ask(token)).status, 200));
    assert.ok(first.kvReads + first.throughTheDoor >= 2, JSON.stringify(first));
    assert.deepEqual(
      await costOf(async () => {
        for (let time = 0; time < 20; time += 1) assert.equal((await ask(token)).status, 200);
      }),
      NOTHING,
    );
  });

  it('a crowd at a cold location reads the list once, not once each', async () => {
    const crowded = gateway.location('crowded');
    const cost = await costOf(async () => {
      const crowd = Array.from({ length: 50 }, () =>
        crowded.get('/now', { headers: { Origin: SITE, 'X-Api-Key': token } }),
      );
      for (const answer of await Promise.all(crowd)) assert.equal(answer.status, 200, String(answer));
    });
    assert.ok(kv.readsOf('list/delta') <= 1, `${kv.readsOf('list/delta')} reads of the list in KV`);
    // One read, and one call that waits there for changes.
    assert.ok(cost.lists <= 2, `${cost.lists} reads of the list from the registry`);
  });

  it('a good admin key is one call', async () => {
    const cost = await costOf(async () => assert.equal((await adminAt(admin.key)).status, 200));
    assert.equal(cost.throughTheDoor, 1);
  });
});

function adminAt(key) {
  return location.get('/_wayleave/api/tokens', { headers: { Authorization: `Bearer ${key}` } });
}

function withOtherCharacter(text, at) {
  return text.slice(0, at) + (text[at] === 'a' ? 'b' : 'a') + text.slice(at + 1);
}
