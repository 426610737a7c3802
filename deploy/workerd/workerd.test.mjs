// Runs the commands of this folder's README as printed. They work, and kill -9 loses nothing that was
// acknowledged.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { appendFile, cp, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { OneMachine } from './one_machine.mjs';

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const machine = new OneMachine();

before(() => machine.prepare());
after(() => machine.remove());

describe('deploy/workerd, step by step as in its README', () => {
  // The steps are the README's own, with this test's ports and folder.
  let start;
  let using;
  let shown;

  it('starts, with secrets that only the owner can read', async () => {
    let starting;
    [starting, using] = machine.steps('deploy/workerd/README.md');
    let build;
    [build, start] = starting.trim().split('\n');
    assert.equal(build, 'make build'); // done before this test
    assert.match(await machine.start(start), /made this deployment's secrets/);
    assert.equal((await stat(join(machine.data, 'secrets'))).mode & 0o777, 0o600);
  });

  it('makes a token that works and revokes it', async () => {
    const { code, output, printed } = await machine.type(`${using}\necho; echo "$id $token"`);
    assert.equal(code, 0, output);
    assert.match(output, /^HTTP\/1.1 200 OK/);
    assert.match(output, /the API behind/);
    const receipt = JSON.parse(printed.split('\n').find((line) => line.startsWith('{"id"')));
    const [id, token] = printed.trim().split('\n').at(-1).split(' ');
    shown = { id, token, receipt };
    assert.equal(receipt.state, 'revoked');
    assert.ok(Date.parse(receipt.effective_by) > Date.now());
  });

  it('after kill -9 and a new start everything is there', async () => {
    const kept = await machine.newToken('kept');
    await machine.end('SIGKILL');
    assert.doesNotMatch(await machine.start(start), /made this deployment's secrets/);

    assert.equal((await machine.call('GET', `/tokens/${kept.id}`)).label, 'kept');
    assert.deepEqual(
      await machine.call('POST', `/tokens/${shown.id}/revoke`, { force: true }),
      shown.receipt,
    );
    assert.equal((await machine.guarded(kept.token)).status, 200);
    // The location may still use the list from before the revocation, but no longer than the receipt says.
    let said = await machine.guarded(shown.token);
    for (
      ;
      said.status === 200 && Date.now() < Date.parse(shown.receipt.effective_by);
      said = await machine.guarded(shown.token)
    )
      await sleep(250);
    assert.equal(said.status, 401);
    assert.equal((await said.json()).code, 'token_revoked');
  });

  it('KV takes what it is owed, and gives it back whole', async () => {
    for (let waited = 0; (await machine.call('GET', '/status')).outbox.pending > 0; waited += 1) {
      assert.ok(waited < 100, 'the outbox is never empty');
      await sleep(100);
    }
    const { records_refused, lists_refused } = await (
      await fetch(`http://127.0.0.1:${machine.ports[8787]}/_wayleave/health`)
    ).json();
    assert.deepEqual({ records_refused, lists_refused }, { records_refused: 0, lists_refused: 0 });
  });

  it('a backup that was put back, with a new RESTORE_ID, goes on without giving a serial twice', async () => {
    await machine.end('SIGTERM');
    await cp(join(machine.data, 'storage'), join(machine.data, 'backup'), { recursive: true });
    await machine.start(start);
    const lost = await machine.newToken('after the backup');

    await machine.end('SIGKILL');
    await rm(join(machine.data, 'storage'), { recursive: true });
    await cp(join(machine.data, 'backup'), join(machine.data, 'storage'), { recursive: true });
    await appendFile(join(machine.data, 'settings'), 'RESTORE_ID=put-back-once\n');
    await machine.start(start);

    const next = await machine.newToken('after the restore');
    assert.ok(serialOf(next) > serialOf(lost), `${next.id} after ${lost.id}`);
    assert.equal((await machine.guarded(next.token)).status, 200);
    assert.equal((await machine.guarded(lost.token)).status, 401);
    assert.equal((await machine.call('GET', `/tokens/${shown.id}`)).state, 'revoked');
  });

  it('the admin API answers at the control address alone, and nothing is proxied there', async () => {
    const headers = { authorization: `Bearer ${await machine.adminKey()}` };
    assert.equal(
      (await fetch(`http://127.0.0.1:${machine.ports[8787]}/_wayleave/api/tokens`, { headers })).status,
      404,
    );
    assert.equal(
      (
        await fetch(`http://127.0.0.1:${machine.ports[8788]}/`, {
          headers: { origin: 'https://shop.example' },
        })
      ).status,
      404,
    );
  });

  it('tells the console where the edge is', async () => {
    const { plane, gateway_origin: origin } = await machine.call('GET', '/configuration');
    assert.deepEqual([plane, origin], ['control', `http://127.0.0.1:${machine.ports[8787]}`]);
    assert.equal((await fetch(`${origin}/_wayleave/health`)).status, 200);
  });
});

describe('deploy/workerd/wayleave.capnp', () => {
  const capnp = read('deploy/workerd/wayleave.capnp');
  const toml = read('wrangler.toml');

  it('runs under the compatibility date of wrangler.toml', () => {
    const [, date] = /^compatibility_date = "(.+)"$/m.exec(toml);
    assert.deepEqual(
      new Set([...capnp.matchAll(/compatibilityDate = "(.+?)"/g)].map(([, given]) => given)),
      new Set([date]),
    );
  });

  const variables = [
    ...toml
      .split('[vars]')[1]
      .split('[[')[0]
      .matchAll(/^([A-Z_]+) = /gm),
  ].map(([, name]) => name);
  const bindings = (list) => capnp.split(`const ${list} `)[1].split('];')[0];
  const bound = (list) =>
    [...bindings(list).matchAll(/\(name = "([A-Z_]+)", fromEnvironment = "\1"\)/g)].map(([, name]) => name);

  it('binds every variable of wrangler.toml, the plane of each service as a text that nothing changes', () => {
    assert.ok(variables.length > 5);
    for (const name of variables.filter((name) => name !== 'PLANE'))
      assert.ok(bound('controlBindings').includes(name), name);
    for (const [list, plane] of [
      ['controlBindings', 'control'],
      ['edgeBindings', 'data'],
    ]) {
      assert.ok(variables.includes('PLANE') && !bound(list).includes('PLANE'));
      assert.ok(bindings(list).includes(`(name = "PLANE", text = "${plane}")`), list);
    }
  });

  it('gives the edge all of them but what the registry and the admin API alone use', () => {
    const controlAlone = [
      'ADMIN_KEY',
      'WEBHOOK_SECRET',
      'RESTORE_ID',
      'GATEWAY_ORIGIN',
      'MAX_TOKEN_LIFETIME',
      'DEFAULT_TOKEN_LIFETIME',
      'RETENTION_DAYS',
      'METRICS_TOKENS_MAX',
      'WEBHOOK_URL',
    ];
    assert.deepEqual(
      bound('edgeBindings'),
      bound('controlBindings').filter((name) => !controlAlone.includes(name)),
    );
  });

  it('listens on loopback only', () => {
    const addresses = [...capnp.matchAll(/address = "(.+?)"/g)].map(([, address]) => address);
    assert.deepEqual(addresses, ['127.0.0.1:8787', '127.0.0.1:8788']);
  });
});

function serialOf({ id }) {
  return Number(id.slice('tok_'.length));
}
