// Runs docs/signing-keys.md step by step, as printed, on a deployment made by deploy/workerd/start. No token
// fails except those of the retired key. A key is not activated while a location lacks it.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { OneMachine } from '../../deploy/workerd/one_machine.mjs';
import { SITE } from './harness/admin_api.mjs';
import { eventually, Gateway, SIGNING_SECRETS } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';
import { claimsOf } from './harness/tokens.mjs';

const machine = new OneMachine();
before(async () => {
  await machine.prepare();
  await machine.start();
});
after(() => machine.remove());

describe('docs/signing-keys.md', () => {
  let step;
  let old;
  let made;
  const type = async (index) => {
    const { code, output, printed } = await machine.type(`${step[0]}${step[index]}`);
    const json = printed.split('\n').find((line) => line.startsWith('{'));
    return { code, output, json: json && JSON.parse(json) };
  };
  const key = (json, id) => json.items.find((item) => item.id === id);
  const ring = async () => {
    const [, text] = /^SIGNING_KEYS='(.+)'$/m.exec(await readFile(join(machine.data, 'secrets'), 'utf8'));
    return JSON.parse(text);
  };
  const admits = async (token) => assert.equal((await machine.guarded(token.token)).status, 200);

  it('adds a key to the ring and leaves the first as it is', async () => {
    step = machine.steps('docs/signing-keys.md');
    assert.equal(step.length, 6);
    old = await machine.newToken('of the first key');
    await admits(old);
    await eventually(
      'the location has told',
      async () => (await machine.call('GET', '/status')).locations.length > 0,
    );
    const before = await ring();
    assert.equal((await type(1)).code, 0);
    const after = await ring();
    assert.deepEqual(Object.keys(after), ['1', '2']);
    assert.equal(after[1], before[1]);
    assert.equal(Buffer.from(after[2], 'base64').length, 32);
  });

  it('is activated once the location has told that it has it, and signs from then on', async () => {
    await machine.end('SIGTERM');
    await machine.start();
    await admits(old);
    await eventually('the location tells that it has the key', async () => {
      const { code, json, output } = await type(2);
      assert.equal(code, 0, output);
      assert.equal(key(json, 2).state, 'verifying');
      return key(json, 2).missing_at.length === 0;
    });
    const { code, json, output } = await type(3);
    assert.equal(code, 0, output);
    assert.deepEqual([json.id, json.state], [2, 'signing']);
    made = await machine.newToken('of the second key');
    assert.deepEqual(
      [old, made].map(({ token }) => claimsOf(token).keyId),
      [1, 2],
    );
    await Promise.all([admits(old), admits(made)]);
  });

  it('is not retired while tokens are live, unless by force; then they die within the bound and no others', async () => {
    const refused = await type(4);
    assert.notEqual(refused.code, 0);
    assert.deepEqual([refused.json.code, refused.json.live_tokens], ['conflict', 1]);
    await admits(old);
    step[4] = step[4].replace('"force": false', '"force": true');
    const { code, json: receipt, output } = await type(4);
    assert.equal(code, 0, output);
    assert.deepEqual([receipt.id, receipt.state], [1, 'retired']);
    await eventually(
      'its token is refused',
      async () => (await machine.guarded(old.token)).status === 401,
      70_000,
    );
    assert.equal((await (await machine.guarded(old.token)).json()).code, 'token_invalid');
    await admits(made);
  });

  it('leaves the ring without harm', async () => {
    await eventually(
      'nothing is owed to KV',
      async () => (await machine.call('GET', '/status')).outbox.pending === 0,
    );
    assert.equal((await type(5)).code, 0);
    assert.deepEqual(Object.keys(await ring()), ['2']);
    await machine.end('SIGTERM');
    await machine.start();
    await admits(made);
    await admits(await machine.newToken('after it'));
    const keys = await machine.call('GET', '/signing-keys');
    assert.deepEqual(
      keys.items.map(({ id, state, in_ring }) => [id, state, in_ring]),
      [
        [1, 'retired', false],
        [2, 'signing', true],
      ],
    );
  });
});

describe('a location that was not deployed to', () => {
  const ring = (secrets) =>
    JSON.stringify(
      Object.fromEntries(Object.entries(secrets).map(([id, bytes]) => [id, bytes.toString('base64')])),
    );
  const gateway = new Gateway({
    variables: (upstream) => ({
      UPSTREAM: upstream,
      SIGNING_KEYS: ring({ ...SIGNING_SECRETS, 2: Buffer.alloc(32, 22) }),
    }),
    locations: { edge: () => ({ LOCATION: 'FRA', SIGNING_KEYS: ring(SIGNING_SECRETS) }) },
  });
  before(() => gateway.start());
  after(() => gateway.stop());

  it('keeps the key from being activated, and is named', async () => {
    const { admin } = gateway;
    const missing = async () =>
      (await admin.call('GET', '/signing-keys')).json.items.find(({ id }) => id === 2).missing_at;
    assert.deepEqual(await missing(), []);
    const token = await admin.createToken();
    const asked = await gateway
      .location('edge')
      .get('/', { headers: { Origin: SITE, 'X-Api-Key': token.token } });
    assert.equal(asked.status, 200, String(asked));
    await eventually('it has told', async () => (await missing()).includes('FRA'));
    const answer = await admin.call('POST', '/signing-keys/2/activate');
    assertProblem(answer, 'conflict');
    assert.deepEqual(answer.json.missing_at, ['FRA']);
    // The registry keeps this over a restart, which every deployment causes.
    await gateway.restart();
    assertProblem(await admin.call('POST', '/signing-keys/2/activate'), 'conflict');
    assert.equal((await admin.status()).signing_key, 1);
  });
});
