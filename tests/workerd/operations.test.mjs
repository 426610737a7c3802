// Operations on a running deployment: ending tokens, watching a change arrive, retiring signing keys, reading
// figures.
//
// The location has a bound of 5 seconds, so a list is used for 3. The tests never assert that something is
// fast. They assert that no token is admitted after the instant that its receipt promised.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import parseMetrics from 'parse-prometheus-text-format';
import { SITE } from './harness/admin_api.mjs';
import { eventually, Gateway, SIGNING_SECRETS } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';
import { variables } from './harness/routes.mjs';
import { claimsOf } from './harness/tokens.mjs';

const BOUND_SECONDS = 5;
const SECRETS = { ...SIGNING_SECRETS, 2: Buffer.alloc(32, 22) };
const SIGNING_KEYS = JSON.stringify(
  Object.fromEntries(Object.entries(SECRETS).map(([id, bytes]) => [id, bytes.toString('base64')])),
);
const gateway = new Gateway({
  variables: (upstream) => ({
    ...variables(upstream),
    REVOCATION_BOUND_SECONDS: String(BOUND_SECONDS),
    SIGNING_KEYS,
  }),
  locations: { edge: () => ({ LOCATION: 'FRA' }) },
});
const { admin } = gateway;
const edge = gateway.location('edge');

before(() => gateway.start());
after(() => gateway.stop());

const newToken = (settings = {}) => admin.createToken({ audiences: ['weather'], ...settings });
const ask = ({ token }) => edge.get('/now', { headers: { Origin: SITE, 'X-Api-Key': token } });
const until = (instant) => new Promise((resolve) => setTimeout(resolve, Math.max(0, instant - Date.now())));
const fromNow = (seconds) => new Date((Math.floor(Date.now() / 1_000) + seconds) * 1_000).toISOString();
const end = (id, body) => admin.call('POST', `/tokens/${id}/end`, { body });
/** Whether list a is list b or a later one. */
const isAtLeast = (a, b) => a[0] > b[0] || (a[0] === b[0] && a[1] >= b[1]);

async function admits(token) {
  const answer = await ask(token);
  assert.equal(answer.status, 200, String(answer));
}

/** Repeats the request until the answer is `code`, and once more at `effectiveBy`. */
async function assertRefused(token, code, effectiveBy) {
  await eventually(`it is ${code}`, async () => (await ask(token)).json.code === code);
  await until(Date.parse(effectiveBy));
  assertProblem(await ask(token), code);
}

describe('POST /tokens/{id}/end', () => {
  it('ends a token at its instant and not before, whatever the registry does then', async () => {
    const token = await newToken();
    await admits(token);
    const at = fromNow(BOUND_SECONDS + 6);
    const answer = await end(token.id, { at, force: true });
    assert.equal(answer.status, 200, String(answer));
    assert.deepEqual(
      [answer.json.id, answer.json.state, answer.json.bound_seconds],
      [token.id, 'active', BOUND_SECONDS],
    );
    assert.equal(Date.parse((await admin.token(token.id)).ends_at), Date.parse(at));
    await until(Date.parse(answer.json.effective_by));
    const asked = await ask(token);
    // An answer before the instant was decided before it. If the machine stalled for longer, nothing can be
    // concluded.
    if (Date.now() < Date.parse(at)) {
      assert.equal(asked.status, 200, String(asked));
      assert.equal(Date.parse(asked.headers['wayleave-token-expires']), Date.parse(at), String(asked));
    }
    await until(Date.parse(at));
    // If the machine stalls for longer than a list is valid, the answer is a 503 and never an admission.
    const ended = await eventually('a list is at hand', async () => {
      const answer = await ask(token);
      assert.notEqual(answer.status, 200, String(answer));
      return answer.json.code !== 'revocation_status_unknown' && answer;
    });
    assertProblem(ended, 'token_revoked');
    assert.equal((await admin.token(token.id)).state, 'expired');
    assertProblem(await end(token.id, { at: null }), 'token_ended');
  });

  it('can be moved and cancelled, and is guarded as a revocation is', async () => {
    const { id, expires_at } = await newToken();
    assertProblem(await end(id, { at: fromNow(100) }), 'last_active_token');
    for (const at of [fromNow(1_000), fromNow(100), fromNow(2_000), null]) {
      assert.equal((await end(id, { at, force: true })).status, 200, at);
      assert.equal(Date.parse((await admin.token(id)).ends_at ?? 0), Date.parse(at ?? 0), 'null leaves none');
    }
    for (const at of [fromNow(-1), new Date(Date.parse(expires_at) + 1_000).toISOString()]) {
      const { errors } = assertProblem(await end(id, { at, force: true }), 'invalid_request', {
        status: 422,
      });
      assert.deepEqual(
        errors.map(({ field, code }) => [field, code]),
        [['at', 'out_of_range']],
      );
    }
    await admin.edit(id, { protected: true });
    assertProblem(await end(id, { at: fromNow(100), force: true }), 'token_protected');
    const { items } = (await admin.call('GET', `/events?token=${id}`)).json;
    assert.deepEqual(
      items.map(({ action }) => action).filter((action) => action.startsWith('token.end')),
      ['token.end_cancelled', 'token.end_set', 'token.end_set', 'token.end_set'],
    );
  });
});

describe('probes', () => {
  it('a location in use tells that it holds the list that a probe published', async () => {
    const token = await newToken();
    await admits(token);
    const receipt = await admin.disable(token.id);
    const begun = await admin.call('POST', `/tokens/${token.id}/probe`);
    assert.equal(begun.status, 202, String(begun));
    const { locations, idle, probe_list_number: _, took_ms: __, ...shown } = begun.json;
    assert.deepEqual(shown, receipt, 'the receipt of the latest change');
    const arrived = await eventually(
      'the location has it',
      async () => {
        await ask(token); // only a location with traffic fetches lists and reports them
        const { json: probe } = await admin.call('GET', `/tokens/${token.id}/probe`);
        const location = probe.locations.find(({ id }) => id === 'FRA');
        return location && isAtLeast(location.list_number, begun.json.probe_list_number) && probe;
      },
      30_000,
    );
    assert.equal(arrived.idle, false);
    assert.ok(isAtLeast(begun.json.probe_list_number, receipt.list_number));
    assertProblem(await ask(token), 'token_disabled');
    assertProblem(await admin.call('POST', '/tokens/tok_4000000000/probe'), 'not_found');
  });
});

describe('GET /status and GET /metrics', () => {
  it('say how long changes took and how much the registry is used', async () => {
    const token = await newToken();
    const status = await eventually(
      'a change was seen to arrive',
      async () => {
        await ask(token);
        const status = await admin.status();
        return status.propagation.samples > 0 && status;
      },
      30_000,
    );
    assert.ok(
      status.propagation.p50_ms <= status.propagation.p99_ms &&
        status.propagation.p99_ms <= status.propagation.max_ms,
    );
    assert.deepEqual(status.bound, { seconds: BOUND_SECONDS, guaranteed: true });
    assert.ok(
      status.locations.some(({ id, age_seconds }) => id === 'FRA' && age_seconds < 60),
      JSON.stringify(status.locations),
    );
    assert.ok(status.load.calls_per_second > 0 && status.load.share < 0.5, JSON.stringify(status.load));
    assert.ok(
      !status.warnings.includes('unguaranteed') && !status.warnings.includes('restored'),
      String(status.warnings),
    );
    assert.ok(Math.abs(Date.parse(status.heartbeat.traffic_at) - Date.now()) < 120_000);
  });

  it('metrics are text that another implementation reads, for any viewer', async () => {
    const viewer = admin.as((await admin.createAdminKey('viewer')).key);
    const answer = await viewer.call('GET', '/metrics');
    assert.equal(answer.status, 200, String(answer));
    assert.match(answer.headers['content-type'], /^application\/openmetrics-text; version=1\.0\.0/);
    assert.equal(answer.headers['cache-control'], 'no-store');
    const families = Object.fromEntries(
      parseMetrics(answer.text).map(({ name, metrics }) => [name, metrics]),
    );
    const status = await admin.status();
    assert.equal(
      Number(families.wayleave_tokens.find(({ labels }) => labels.state === 'active').value),
      status.tokens.active,
    );
    assert.equal(Number(families.wayleave_bound_seconds[0].value), BOUND_SECONDS);
    assert.ok(Number(families.wayleave_list_number[0].value) > 0);
    assertProblem(await admin.as('wla_nothing').call('GET', '/metrics'), 'unauthorized');
  });
});

describe('signing keys', () => {
  const key = async (id) =>
    (await admin.call('GET', '/signing-keys')).json.items.find((item) => item.id === id);
  const recordKey = ({ id }) => `token/${id.slice('tok_'.length)}`;
  /** A seal consists of format version, key id, body and tag. */
  const sealedBy = (name) => gateway.kv.values.get(name).bytes[1];
  const post = (path, body) => admin.call('POST', `/signing-keys/${path}`, { body });

  it("are an owner's alone", async () => {
    const operator = admin.as((await admin.createAdminKey('operator')).key);
    assertProblem(await operator.call('GET', '/signing-keys'), 'forbidden');
    for (const path of ['2/activate', '1/retire'])
      assertProblem(await operator.call('POST', `/signing-keys/${path}`), 'forbidden');
  });

  it('a new one is activated, the old one goes on verifying until it is retired, and then its tokens die within the bound', async () => {
    const old = await newToken();
    await admits(old);
    assertProblem(await post('1/retire', { force: true }), 'conflict');
    assertProblem(await post('7/activate'), 'not_found');
    const activated = await post('2/activate');
    assert.equal(activated.status, 200, String(activated));
    assert.deepEqual([activated.json.id, activated.json.state], [2, 'signing']);
    const fresh = await newToken();
    assert.deepEqual(
      [old, fresh].map(({ token }) => claimsOf(token).keyId),
      [1, 2],
    );
    await admits(old);
    await admits(fresh);

    // The old key seals a record of a token that the new key signed.
    assert.equal((await post('1/activate')).status, 200);
    await admin.edit(fresh.id, { label: 'sealed by the old key' });
    assert.equal((await post('2/activate')).status, 200);
    await eventually('nothing is owed', async () => (await admin.status()).outbox.pending === 0);
    assert.equal(sealedBy(`${recordKey(fresh)}/2`), 1);

    const refused = assertProblem(await post('1/retire'), 'conflict');
    assert.equal(refused.live_tokens, (await key(1)).live_tokens);
    assert.ok(refused.live_tokens > 0);
    const retired = await post('1/retire', { force: true });
    assert.equal(retired.status, 200, String(retired));
    assert.deepEqual(
      [retired.json.id, retired.json.state, retired.json.bound_seconds],
      [1, 'retired', BOUND_SECONDS],
    );
    await assertRefused(old, 'token_invalid', retired.json.effective_by);
    await eventually("KV's copy has its new seal", () => sealedBy(`${recordKey(fresh)}/2`) === 2);
    await admits(fresh);
    assert.deepEqual((await post('1/retire', { force: true })).json, retired.json, 'again: the same receipt');
    const { state, revoked_reason, effective_by } = await admin.token(old.id);
    assert.deepEqual(
      [state, revoked_reason, effective_by],
      ['revoked', 'key_retired', retired.json.effective_by],
    );
    assertProblem(await post('1/activate'), 'conflict');

    // The retirement survives a restart, also for a location that starts cold.
    await gateway.restart();
    await eventually(
      'the location has a list',
      async () => (await edge.get('/_wayleave/health')).status === 200,
    );
    assertProblem(await ask(old), 'token_invalid');
    await admits(fresh);
    assert.deepEqual([(await key(1)).state, (await key(2)).state], ['retired', 'signing']);
  });
});
