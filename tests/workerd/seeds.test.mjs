// What users of other token systems ask for (docs/seeds.md), where no other test shows it in real workerd.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { forwardingTo } from './harness/forwarded.mjs';
import { DEPLOYMENT, eventually, Gateway, SIGNING_SECRETS } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';
import { variables } from './harness/routes.mjs';
import { claimsOf, mintToken, withFlippedBit } from './harness/tokens.mjs';

const DAY_SECONDS = 24 * 3600;
const BOUND_SECONDS = 5;
const gateway = new Gateway({
  variables: (upstream) => ({ ...variables(upstream), REVOCATION_BOUND_SECONDS: String(BOUND_SECONDS) }),
});
const { admin, client, upstream } = gateway;
const { assertNotForwarded } = forwardingTo(upstream);
before(() => gateway.start());
after(() => gateway.stop());

const newToken = (settings = {}) => admin.createToken({ audiences: ['weather'], ...settings });
const ask = (path, headers = {}) => client.get(path, { headers: { Origin: SITE, ...headers } });
const admits = async ({ token }) => assert.equal((await ask('/now', { 'X-Api-Key': token })).status, 200);
const rotate = async ({ family }, body = {}) => {
  const answer = await admin.call('POST', `/families/${family}/rotate`, { body });
  assert.equal(answer.status, 201, String(answer));
  return answer.json;
};
const isUsed = ({ id }) =>
  eventually('its use is known', async () => (await admin.token(id)).first_used_at !== undefined, 60_000);

describe('a dead token on a route that also serves callers without one', () => {
  const places = {
    'as a bearer': ({ token }) => ask('/open/now', { Authorization: `Bearer ${token}` }),
    'as X-Api-Key': ({ token }) => ask('/open/now', { 'X-Api-Key': token }),
    'in the query': ({ token }) => ask(`/open/now?token=${token}`),
  };
  const refusedEverywhere = async (token, code) => {
    for (const present of Object.values(places)) await assertNotForwarded(() => present(token), code);
  };

  it('is refused, wherever it stands: invalid and expired', async () => {
    assert.equal((await ask('/open/now')).status, 200, 'without a token it is served');
    const good = await newToken();
    for (const present of Object.values(places)) assert.equal((await present(good)).status, 200);
    await refusedEverywhere({ token: withFlippedBit(good.token, 200) }, 'token_invalid');
    const claims = { ...claimsOf(good.token), secret: SIGNING_SECRETS[1], deployment: DEPLOYMENT };
    const expiresAt = Math.floor(Date.now() / 1000) - 60;
    await refusedEverywhere({ token: mintToken({ ...claims, expiresAt }) }, 'token_expired');
  });

  it('is refused, wherever it stands: revoked and disabled', async () => {
    const [revoked, disabled] = [await newToken(), await newToken()];
    await admin.revoke(revoked.id);
    const { effective_by } = await admin.disable(disabled.id);
    await eventually(
      'the location knows',
      async () => (await places['as a bearer'](disabled)).status === 401,
    );
    await new Promise((resolve) => setTimeout(resolve, Date.parse(effective_by) - Date.now()));
    await refusedEverywhere(revoked, 'token_revoked');
    await refusedEverywhere(disabled, 'token_disabled');
  });
});

describe('a stranger learns nothing from refusals', () => {
  const shown = ({ status, headers: { date: _, ...headers }, text }) => ({ status, headers, text });

  it('a token with a wrong tag and one whose serial nobody issued are one answer, byte for byte', async () => {
    const { token } = await newToken();
    const unknown = { secret: SIGNING_SECRETS[1], deployment: DEPLOYMENT, serial: 4_000_000_000 };
    const [first, ...others] = await Promise.all(
      [
        withFlippedBit(token, 215),
        mintToken({ ...unknown, expiresAt: claimsOf(token).expiresAt }),
        mintToken({ ...claimsOf(token), secret: Buffer.alloc(32, 9), deployment: DEPLOYMENT }),
        mintToken({ ...claimsOf(token), secret: SIGNING_SECRETS[1], deployment: 'another' }),
      ].map((text) => ask('/now', { 'X-Api-Key': text })),
    );
    assertProblem(first, 'token_invalid');
    for (const other of others) assert.deepEqual(shown(other), shown(first));
  });

  it('the admin API without a right key says the same of what exists and of what does not', async () => {
    const { id, family } = await newToken();
    const stranger = admin.as(`${admin.key}x`);
    const calls = [
      ['GET', `/tokens/${id}`],
      ['GET', '/tokens/tok_4000000000'],
      ['GET', `/families/${family}/token`],
      ['GET', '/families/fam_AAAA/token'],
      ['GET', '/nothing'],
      ['POST', `/tokens/${id}/revoke`],
    ];
    const [first, ...others] = await Promise.all(calls.map(([method, path]) => stranger.call(method, path)));
    assertProblem(first, 'unauthorized');
    for (const other of others) assert.deepEqual(shown(other), shown(first));
  });
});

it('an admin key counts as a bearer alone: in the query, under another name or as Basic it is none', async () => {
  const list = '/_wayleave/api/tokens';
  const { key } = await admin.createAdminKey('viewer');
  assert.equal((await client.get(list, { headers: { Authorization: `Bearer ${key}` } })).status, 200);
  const basic = Buffer.from(`admin:${key}`).toString('base64');
  for (const [path, headers] of [
    [`${list}?apikey=${key}`, {}],
    [`${list}?token=${key}`, {}],
    [`${list}?access_token=${key}`, {}],
    [list, { 'X-Api-Key': key }],
    [list, { Authorization: key }],
    [list, { Authorization: `Basic ${basic}` }],
    [list, { Authorization: `Bearer ${key.slice(0, -1)}` }],
    [list, { Authorization: `Bearer ${key.toUpperCase()}` }],
  ])
    assertProblem(await client.get(path, { headers }), 'unauthorized');
});

it('an edit is of one token: its predecessor and its clone keep what they had', async () => {
  const old = await newToken();
  const { json: clone } = await admin.call('POST', '/tokens', { body: { clone_of: old.id } });
  const successor = await rotate(old);
  const moved = 'https://moved.example';
  await admin.edit(successor.id, { origins: [moved], label: 'moved' });
  for (const { id } of [old, clone]) {
    const { origins, label, expires_at } = await admin.token(id);
    assert.deepEqual([origins, label], [[SITE], old.label]);
    assert.ok(Date.parse(expires_at) >= Date.parse(old.expires_at));
  }
  const { origins, expires_at } = await admin.token(successor.id);
  assert.deepEqual([origins, expires_at], [[moved], successor.expires_at]);
  await admits(old);
});

it('periods of a week with a week of overlap: both work, for one whole further period', async () => {
  const week = 7 * DAY_SECONDS;
  const first = await newToken({ expires_in: 2 * week });
  const plan = { revoke_old: { when: 'after', after_seconds: week, drain_seconds: DAY_SECONDS } };
  const second = await rotate(first, plan);
  await admits(second);
  await isUsed(second);
  const { expires_at, rotation } = await admin.token(first.id);
  const overlap = (Date.parse(rotation.planned_end) - Date.parse(second.created_at)) / 1000;
  assert.equal(Math.round(overlap), week, 'a whole period, counted from the successor');
  assert.ok(Date.parse(rotation.planned_end) < Date.parse(expires_at));
  const lives = (Date.parse(second.expires_at) - Date.parse(second.created_at)) / 1000;
  assert.ok(lives >= 2 * week && lives < 2 * week + 1, 'the successor lives for a period and an overlap too');
  await admits(first);
});

it('the list has when each token was made and when it ends, and the metrics have each end', async () => {
  const token = await newToken({ expires_in: 3 * DAY_SECONDS });
  const listed = (await admin.call('GET', '/tokens')).json.items.find(({ id }) => id === token.id);
  assert.deepEqual([listed.created_at, listed.expires_at], [token.created_at, token.expires_at]);
  assert.ok(
    Math.abs(Date.parse(listed.expires_at) - Date.parse(listed.created_at) - 3 * DAY_SECONDS * 1000) < 1_001,
  );
  const { text } = await admin.call('GET', '/metrics');
  const ends = Date.parse(token.expires_at) / 1000;
  const gauge = `wayleave_token_expiry_timestamp_seconds{id="${token.id}",family="${token.family}"} ${ends}`;
  assert.ok(text.split('\n').includes(gauge), gauge);
});

it('the only active token, used or not, is revoked when the call says so: no successor is needed', async () => {
  for (const use of [admits, () => {}]) {
    const token = await newToken();
    await use(token);
    const revoke = (body) => admin.call('POST', `/tokens/${token.id}/revoke`, { body });
    const { detail } = assertProblem(await revoke({}), 'last_active_token');
    assert.match(detail, /rotate|successor|force/i, 'it says what to do first');
    assert.equal((await revoke({ force: true })).json.state, 'revoked');
  }
});

it('a successor that is revoked before anybody used it: the one before is again the one to copy', async () => {
  const old = await newToken();
  const successor = await rotate(old);
  assert.equal((await admin.token(old.id)).current, false);
  await admin.revoke(successor.id, {});
  const { current, active } = (await admin.call('GET', `/families/${old.family}`)).json;
  assert.deepEqual([current, active], [old.id, [old.id]]);
  await admits(old);
});
