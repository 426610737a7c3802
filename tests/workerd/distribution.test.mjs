// GET /_wayleave/families/{family}/token: pages on the family's sites get its current token. They never get
// one that the gate would refuse, whatever state KV and the registry are in.
//
// The bound is 5 seconds, so a location uses a list for 3 seconds. It keeps the registry's answer about a
// family for 10.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { sealed } from '../replication/harness/seal.mjs';
import { SITE } from './harness/admin_api.mjs';
import { eventually, Gateway } from './harness/gateway.mjs';
import { assertProblem, assertReadableBy } from './harness/problem.mjs';
import { variables } from './harness/routes.mjs';
import { claimsOf } from './harness/tokens.mjs';

const BOUND_SECONDS = 5;
const YEAR = 365 * 24 * 3600;
const gateway = new Gateway({
  variables: (upstream) => ({ ...variables(upstream), REVOCATION_BOUND_SECONDS: String(BOUND_SECONDS) }),
  locations: { edge: () => ({}), cold: () => ({}), apart: () => ({}) },
});
const { admin, kv, door } = gateway;
const edge = gateway.location('edge');

before(() => gateway.start());
after(() => gateway.stop());
afterEach(async () => {
  kv.heal();
  door.open();
  await eventually(
    'the location has a list again',
    async () => (await edge.get('/_wayleave/health')).status === 200,
  );
});

const newToken = (settings = {}) =>
  admin.createToken({ audiences: ['weather'], distribute: true, ...settings });
const path = (family) => `/_wayleave/families/${family}/token`;
const ask = (location, family, headers = { Origin: SITE }) => location.get(path(family), { headers });
const use = (location, text) => location.get('/now', { headers: { Origin: SITE, 'X-Api-Key': text } });
const kvKey = ({ family }) => `family/${family}`;
const inKv = (token) =>
  eventually("KV names the family's token", () => kv.values.get(kvKey(token))?.bytes.length > 0);

async function act(path, body) {
  const answer = await admin.call('POST', path, { body });
  assert.ok(answer.status < 300, String(answer));
  return answer.json;
}
const rotate = (token, revoke_old) => act(`/families/${token.family}/rotate`, { revoke_old });

/** Repeats the request until the location hands out `expected`. */
const handsOut = (location, family, expected) =>
  eventually(
    'the location hands it out',
    async () => (await ask(location, family)).json.token === expected,
    (BOUND_SECONDS + 15) * 1000,
  );

/**
 * Repeats the request until `condition` of the answer holds. The location must accept each token that it
 * hands out, unless a change arrived in between: then it hands that token out no more.
 */
async function neverARefusedOneUntil(location, family, condition) {
  await eventually(
    'the end of it',
    async () => {
      const answer = await ask(location, family);
      if (answer.status === 200 && (await use(location, answer.json.token)).status !== 200) {
        const again = await ask(location, family);
        assert.notEqual(again.json.token, answer.json.token, 'handed out, and refused');
        return condition(again);
      }
      return condition(answer);
    },
    (BOUND_SECONDS + 15) * 1000,
  );
}

describe('what a page gets', () => {
  it('on an allowed site: the token, how long it lives, when to ask again', async () => {
    const token = await newToken();
    const answer = await ask(edge, token.family);
    assert.equal(answer.status, 200, String(answer));
    const { token: text, expires_in, refresh_after_seconds, ...rest } = answer.json;
    assert.deepEqual([text, rest], [token.token, {}]);
    assert.ok(expires_in > YEAR - 60 && expires_in <= YEAR, String(expires_in));
    assert.equal(refresh_after_seconds, 3600);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assertReadableBy(answer, SITE);
    assert.equal((await use(edge, text)).status, 200);
  });

  it('and the family says which site and which job fetched it', async () => {
    const token = await newToken();
    assert.equal((await ask(edge, token.family)).status, 200);
    const seen = async () => (await admin.call('GET', `/families/${token.family}`)).json;
    await eventually(
      'the registry was told',
      async () => (await seen()).consumers.some(({ by, token: id }) => by === SITE && id === token.id),
      20_000,
    );
    assert.equal((await admin.call('GET', `/families/${token.family}/token`)).json.token, token.token);
    const { consumers, last_fetched_at } = await seen();
    assert.match(consumers[0].by, /^key_\d+$/);
    assert.equal(consumers[0].at, last_fetched_at);
  });

  it('from KV, and then without the registry', async () => {
    const token = await newToken();
    await inKv(token);
    assert.equal((await ask(edge, token.family)).status, 200); // the location has read list and record
    door.resetCounts();
    kv.resetCounts();
    for (let time = 0; time < 5; time += 1)
      assert.equal((await ask(edge, token.family)).json.token, token.token);
    assert.deepEqual(
      // That pages fetched it is told afterwards, in the background.
      door.calls.filter((call) => !/list|subscribe|fetches/i.test(call)),
      [],
    );
    assert.equal(kv.readsOf(kvKey(token)), 5);
  });

  it('on another site: 403, which that site can read', async () => {
    const { family } = await newToken();
    for (const [headers, code] of [
      [{ Origin: 'https://elsewhere.example' }, 'origin_not_allowed'],
      [{ Origin: 'null' }, 'origin_not_allowed'],
      [{ Referer: 'https://elsewhere.example/page' }, 'origin_not_allowed'],
      [{ 'Sec-Fetch-Site': 'cross-site' }, 'origin_missing'],
      [{}, 'origin_missing'],
    ]) {
      const answer = await ask(edge, family, headers);
      assertProblem(answer, code);
      if (headers.Origin) assertReadableBy(answer, headers.Origin);
    }
    assert.equal((await ask(edge, family, { Referer: `${SITE}/page` })).status, 200);
  });

  it('under origin_mode report: whoever asks, as the gate would admit it', async () => {
    const { family } = await newToken({ origin_mode: 'report' });
    assert.equal((await ask(edge, family, { Origin: 'https://elsewhere.example' })).status, 200);
    assert.equal((await ask(edge, family, {})).status, 200);
  });

  it('is not a use', async () => {
    const token = await newToken();
    await ask(edge, token.family);
    assert.equal((await admin.token(token.id)).first_used_at ?? null, null);
  });

  it('by GET and HEAD alone; a preflight is answered', async () => {
    const { family } = await newToken();
    const head = await edge.send('HEAD', path(family), { headers: { Origin: SITE } });
    assert.deepEqual([head.status, head.text], [200, '']);
    assertProblem(await edge.send('POST', path(family), { headers: { Origin: SITE } }), 'method_not_allowed');
    const preflight = await edge.send('OPTIONS', path(family), {
      headers: { Origin: SITE, 'Access-Control-Request-Method': 'GET' },
    });
    assert.deepEqual([preflight.status, preflight.headers['access-control-allow-origin']], [204, SITE]);
  });
});

describe('404, one answer byte for byte', () => {
  it('for what is unknown, made up, switched off or dead', async () => {
    const off = await newToken({ distribute: false });
    const dead = await newToken();
    await act(`/tokens/${dead.id}/revoke`, { force: true });
    const madeUp = `${off.family.slice(0, -1)}${off.family.endsWith('A') ? 'B' : 'A'}`;
    await eventually(
      'the location has heard of it',
      async () => (await ask(edge, dead.family)).status === 404,
    );
    const answers = await Promise.all(
      [off.family, dead.family, madeUp, 'fam_x', '%20'].map((family) => ask(edge, family)),
    );
    for (const answer of answers) {
      assertProblem(answer, 'not_found');
      assertReadableBy(answer, SITE);
      const own = ({ status, headers: { date, ...headers }, text }) => ({ status, headers, text });
      assert.deepEqual(own(answer), own(answers[0]));
    }
  });

  it('a made-up id costs no read and no call', async () => {
    const cold = gateway.location('cold'); // it has read nothing yet, so any read is visible
    const { family } = await newToken();
    kv.resetCounts();
    door.resetCounts();
    for (let at = 'fam_'.length; at < family.length; at += 1) {
      const other = family[at] === 'A' ? 'B' : 'A';
      assertProblem(await ask(cold, family.slice(0, at) + other + family.slice(at + 1)), 'not_found');
    }
    for (const id of ['', 'fam_', 'fam_AAAA', `${family}A`, 'x'.repeat(5000)])
      assertProblem(await ask(cold, id), 'not_found');
    await new Promise((resolve) => setTimeout(resolve, 200));
    // Another location may report meanwhile which list it holds, or wait for a change.
    const calls = door.calls.filter((call) => !/"(Report|Subscribe|PageFetches)"/.test(call));
    assert.deepEqual([kv.reads, calls], [0, []]);
    assert.equal((await ask(cold, family)).status, 200);
    assert.ok(kv.reads > 0, 'and the counters count');
  });

  it('one that is switched off costs a call once in a while, not each time', async () => {
    const { family } = await newToken({ distribute: false });
    await ask(edge, family);
    door.resetCounts();
    for (let time = 0; time < 20; time += 1) assertProblem(await ask(edge, family), 'not_found');
    assert.deepEqual(
      door.calls.filter((call) => call.includes(family)),
      [],
    );
  });
});

describe('when the current token changes', () => {
  it("a rotation's successor is handed out, with a shorter refresh until it was used", async () => {
    const token = await newToken();
    await inKv(token);
    assert.equal((await ask(edge, token.family)).json.token, token.token);
    const successor = await rotate(token);
    await handsOut(edge, token.family, successor.token);
    assert.equal((await ask(edge, token.family)).json.refresh_after_seconds, 300);
    assert.equal((await use(edge, token.token)).status, 200, 'and the old one still works');
  });

  it('revoked: never the dead one, the predecessor if there is one, else 404', async () => {
    const token = await newToken();
    await inKv(token);
    const successor = await rotate(token);
    await handsOut(edge, token.family, successor.token);
    await act(`/tokens/${successor.id}/revoke`, {});
    await neverARefusedOneUntil(edge, token.family, (answer) => answer.json.token === token.token);
    await act(`/tokens/${token.id}/revoke`, { force: true });
    await neverARefusedOneUntil(edge, token.family, (answer) => answer.status === 404);
  });

  it('disabled and enabled again', async () => {
    const token = await newToken();
    await inKv(token);
    await ask(edge, token.family);
    await admin.disable(token.id);
    await neverARefusedOneUntil(edge, token.family, (answer) => answer.status === 404);
    await admin.enable(token.id);
    await neverARefusedOneUntil(edge, token.family, (answer) => answer.json.token === token.token);
  });

  it('switched off and on', async () => {
    const token = await newToken();
    await inKv(token);
    await ask(edge, token.family);
    await admin.edit(token.id, { distribute: false });
    await eventually('it is off', async () => (await ask(edge, token.family)).status === 404);
    await eventually('KV names none', () => kv.values.get(kvKey(token)).bytes.length === 0);
    await admin.edit(token.id, { distribute: true });
    await handsOut(edge, token.family, token.token);
    await inKv(token);
  });

  it('its sites edited: the new rule decides', async () => {
    const token = await newToken();
    await ask(edge, token.family);
    await admin.edit(token.id, { origins: ['https://moved.example'] });
    await eventually('the old site is refused', async () => (await ask(edge, token.family)).status === 403);
    assert.equal((await ask(edge, token.family, { Origin: 'https://moved.example' })).status, 200);
  });
});

describe('when stores lie or are down', () => {
  it('KV stays behind: what it names is judged, and the registry asked', async () => {
    const token = await newToken();
    await inKv(token);
    kv.pin(kvKey(token));
    assert.equal((await ask(edge, token.family)).json.token, token.token);
    const successor = await rotate(token, { when: 'now' });
    await neverARefusedOneUntil(edge, token.family, (answer) => answer.json.token === successor.token);
    await act(`/tokens/${successor.id}/revoke`, { force: true });
    await neverARefusedOneUntil(edge, token.family, (answer) => answer.status === 404);
  });

  it('KV stays behind when it is switched off: the record says so', async () => {
    const token = await newToken();
    await inKv(token);
    kv.pin(kvKey(token));
    assert.equal((await ask(edge, token.family)).status, 200);
    const { receipt } = await admin.edit(token.id, { distribute: false });
    await eventually(
      'it is off',
      async () => (await ask(edge, token.family)).status === 404,
      (BOUND_SECONDS + 15) * 1000,
    );
    assert.ok(receipt.effective_by);
    assert.equal((await use(edge, token.token)).status, 200, 'the token itself still works');
  });

  it("the registry's own word of some seconds ago is behind: it is asked again", async () => {
    kv.unseen = (key) => key.startsWith('family/');
    const token = await newToken();
    // the location keeps the family's token for 10 s
    assert.equal((await ask(edge, token.family)).json.token, token.token);
    const successor = await rotate(token, { when: 'now' });
    const seen = new Set();
    await neverARefusedOneUntil(edge, token.family, (answer) => {
      seen.add(answer.status);
      return answer.json.token === successor.token;
    });
    assert.deepEqual([...seen], [200], 'never 503 in between');
  });

  it('KV names another token under a good seal: only one of the family is given out', async () => {
    const [token, other] = [await newToken(), await newToken()];
    await rotate(token);
    const name = ({ token: text }) => {
      const { keyId, serial, expiresAt } = claimsOf(text);
      const body = Buffer.from(JSON.stringify({ key_id: keyId, serial, expires_at: expiresAt }));
      return sealed(kvKey(token), { format: 1, keyId, body }, { purpose: 'record' });
    };
    await inKv(token);
    const apart = gateway.location('apart'); // it has not asked the registry yet
    kv.pin(kvKey(token), () => name(token));
    assert.equal(
      (await ask(apart, token.family)).json.token,
      token.token,
      'the predecessor, which still works',
    );
    kv.pin(kvKey(token), () => name(other));
    assert.equal(
      claimsOf((await ask(apart, token.family)).json.token).serial,
      claimsOf(other.token).serial + 1,
      'the leaf',
    );
  });

  it("KV is altered, or has another family's name there: treated as absent", async () => {
    const [token, other] = [await newToken(), await newToken()];
    await Promise.all([inKv(token), inKv(other)]);
    for (const change of [
      () => kv.values.get(kvKey(other)).bytes,
      (bytes) => bytes.subarray(1),
      () => Buffer.alloc(0),
      (bytes) => {
        bytes[5] ^= 1;
        return bytes;
      },
    ]) {
      kv.pin(kvKey(token), change);
      assert.equal((await ask(edge, token.family)).json.token, token.token);
    }
  });

  it('KV is down, or hangs: the registry answers', async () => {
    for (const fault of ['fail', 'hang']) {
      if (fault === 'fail') kv.fail();
      else kv.hangs = true;
      const token = await newToken();
      assert.equal((await ask(edge, token.family)).json.token, token.token, fault);
      kv.heal();
    }
  });

  it("the registry is down: KV's name is enough while the list lasts, then 503", async () => {
    const token = await newToken();
    await inKv(token);
    await eventually('the record is in KV too', () => kv.values.has(`token/${token.id.slice(4)}/1`));
    assert.equal((await edge.get('/_wayleave/health')).status, 200);
    door.shut();
    assert.equal((await ask(edge, token.family)).json.token, token.token);
    await eventually(
      'no list that may be used',
      async () => (await ask(edge, token.family)).status === 503,
      (BOUND_SECONDS + 10) * 1000,
    );
    assertProblem(await ask(edge, token.family), 'revocation_status_unknown');
  });

  it('both are down: 503 that says when to ask again, not 404', async () => {
    const token = await newToken();
    await eventually(
      'the location has a list',
      async () => (await edge.get('/_wayleave/health')).status === 200,
    );
    kv.fail();
    door.shut();
    const answer = await ask(edge, token.family);
    assertProblem(answer, 'revocation_status_unknown');
    assertReadableBy(answer, SITE);
  });
});

describe('what cannot be distributed', () => {
  it('a token for any origin, at creation or by edit of either', async () => {
    const faultsOf = async (method, path, body) => {
      const answer = await admin.call(method, path, { body });
      assertProblem(answer, 'invalid_request', { status: 422 });
      return answer.json.errors.map(({ field }) => field);
    };
    assert.deepEqual(
      await faultsOf('POST', '/tokens', {
        label: 'x',
        audiences: ['weather'],
        origins: 'any',
        distribute: true,
      }),
      ['distribute'],
    );
    const token = await newToken();
    assert.deepEqual(await faultsOf('PATCH', `/tokens/${token.id}`, { origins: 'any' }), ['distribute']);
    const open = await newToken({ origins: 'any', distribute: false });
    assert.deepEqual(await faultsOf('PATCH', `/tokens/${open.id}`, { distribute: true }), ['distribute']);
  });
});

describe('for jobs: GET /_wayleave/api/families/{id}/token', () => {
  it('the current token, also of a family that pages are not given', async () => {
    const { key } = await admin.createAdminKey('distributor');
    const token = await newToken({ distribute: false });
    const fetched = () => admin.as(key).call('GET', `/families/${token.family}/token`);
    const first = await fetched();
    assert.equal(first.status, 200, String(first));
    const { refresh_after_seconds, ...rest } = first.json;
    assert.deepEqual(rest, {
      family: token.family,
      id: token.id,
      token: token.token,
      expires_at: token.expires_at,
    });
    assert.equal(refresh_after_seconds, 3600);
    const successor = await rotate(token);
    assert.equal((await fetched()).json.token, successor.token);
    await act(`/families/${token.family}/revoke`, {});
    assertProblem(await fetched(), 'not_found');
  });

  it('by a distributor, an operator or an owner; a distributor may nothing else, a viewer not this', async () => {
    const token = await newToken();
    const may = async (role, method, path) => {
      const { key } = await admin.createAdminKey(role);
      return (await admin.as(key).call(method, path)).status;
    };
    const path = `/families/${token.family}/token`;
    for (const role of ['distributor', 'operator', 'owner'])
      assert.equal(await may(role, 'GET', path), 200, role);
    assert.equal(await may('viewer', 'GET', path), 403);
    for (const other of [
      `/families/${token.family}`,
      '/tokens',
      `/tokens/${token.id}`,
      `/tokens/${token.id}/token`,
      '/events',
      '/status',
    ]) {
      assert.equal(await may('distributor', 'GET', other), 403, other);
    }
  });
});
