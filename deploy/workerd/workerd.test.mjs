// deploy/workerd as its README prints it: what it says to type works, and nothing acknowledged is lost to kill -9.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { appendFile, cp, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

const root = new URL('../..', import.meta.url).pathname;
const read = (path) => readFileSync(join(root, path), 'utf8');
const SITE = 'https://shop.example';

let data;
let upstream;
let ports;
let server;
before(async () => {
  data = await mkdtemp(join(tmpdir(), 'wayleave-workerd-'));
  upstream = createServer((request, response) => response.end('the API behind\n'));
  await once(upstream.listen(0, '127.0.0.1'), 'listening');
  const [edge, control] = await freePorts(2);
  ports = { 9000: upstream.address().port, 8787: edge, 8788: control };
});
after(async () => {
  server?.child.kill('SIGKILL');
  upstream.close();
  await rm(data, { recursive: true, force: true });
});

describe('deploy/workerd, step by step as in its README', () => {
  // The steps are the README's own; only ports and folder are this test's.
  const [starting, using] = [...read('deploy/workerd/README.md').matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text]) => text);
  const here = (text) => Object.entries(ports).reduce((all, [printed, port]) => all.replaceAll(`127.0.0.1:${printed}`, `127.0.0.1:${port}`), text.replaceAll('.wayleave/', `${data}/`));
  let shown;

  it('starts, with secrets that only the owner can read', async () => {
    const [build, start] = starting.trim().split('\n');
    assert.equal(build, 'make build'); // done before this test
    server = await startServer(here(start));
    assert.match(server.output(), /made this deployment's secrets/);
    assert.equal((await stat(join(data, 'secrets'))).mode & 0o777, 0o600);
  });

  it('makes a token that works and revokes it', async () => {
    const { code, output } = await finished(spawn('bash', ['-euo', 'pipefail', '-c', `${here(using)}\necho; echo "$id $token"`], { cwd: root }));
    assert.equal(code, 0, output);
    assert.match(output, /^HTTP\/1.1 200 OK/);
    assert.match(output, /the API behind/);
    const receipt = JSON.parse(output.split('\n').find((line) => line.startsWith('{"id"')));
    const [id, token] = output.trim().split('\n').at(-1).split(' ');
    shown = { id, token, receipt };
    assert.equal(receipt.state, 'revoked');
    assert.ok(Date.parse(receipt.effective_by) > Date.now());
  });

  it('after kill -9 and a new start everything is there', async () => {
    const kept = await call('POST', '/tokens', { label: 'kept', origins: [SITE] });
    await ended(server, 'SIGKILL');
    server = await startServer(here(starting.trim().split('\n')[1]));
    assert.doesNotMatch(server.output(), /made this deployment's secrets/);

    assert.equal((await call('GET', `/tokens/${kept.id}`)).label, 'kept');
    assert.deepEqual(await call('POST', `/tokens/${shown.id}/revoke`, { force: true }), shown.receipt);
    assert.equal((await guarded(kept.token)).status, 200);
    // The location may still read the list from before the revocation, but not for longer than the receipt says.
    let said = await guarded(shown.token);
    for (; said.status === 200 && Date.now() < Date.parse(shown.receipt.effective_by); said = await guarded(shown.token)) await sleep(250);
    assert.equal(said.status, 401);
    assert.equal((await said.json()).code, 'token_revoked');
  });

  it('KV takes what it is owed, and gives it back whole', async () => {
    for (let waited = 0; (await call('GET', '/status')).outbox.pending > 0; waited += 1) {
      assert.ok(waited < 100, 'the outbox is never empty');
      await sleep(100);
    }
    const { records_refused, lists_refused } = await (await fetch(`http://127.0.0.1:${ports[8787]}/_wayleave/health`)).json();
    assert.deepEqual({ records_refused, lists_refused }, { records_refused: 0, lists_refused: 0 });
  });

  it('a backup that was put back, with a new RESTORE_ID, goes on without giving a serial twice', async () => {
    await ended(server, 'SIGTERM');
    await cp(join(data, 'storage'), join(data, 'backup'), { recursive: true });
    server = await startServer(here(starting.trim().split('\n')[1]));
    const lost = await call('POST', '/tokens', { label: 'after the backup', origins: [SITE] });

    await ended(server, 'SIGKILL');
    await rm(join(data, 'storage'), { recursive: true });
    await cp(join(data, 'backup'), join(data, 'storage'), { recursive: true });
    await appendFile(join(data, 'settings'), 'RESTORE_ID=put-back-once\n');
    server = await startServer(here(starting.trim().split('\n')[1]));

    const next = await call('POST', '/tokens', { label: 'after the restore', origins: [SITE] });
    assert.ok(serialOf(next) > serialOf(lost), `${next.id} after ${lost.id}`);
    assert.equal((await guarded(next.token)).status, 200);
    assert.equal((await guarded(lost.token)).status, 401);
    assert.equal((await call('GET', `/tokens/${shown.id}`)).state, 'revoked');
  });

  it('the admin API answers at the control address alone, and nothing is proxied there', async () => {
    const headers = { authorization: `Bearer ${await adminKey()}` };
    assert.equal((await fetch(`http://127.0.0.1:${ports[8787]}/_wayleave/api/tokens`, { headers })).status, 404);
    assert.equal((await fetch(`http://127.0.0.1:${ports[8788]}/`, { headers: { origin: SITE } })).status, 404);
  });

  it('without an API to guard it says so in one line', async () => {
    const child = spawn('deploy/workerd/start', { cwd: root, env: { ...process.env, WAYLEAVE_DATA: data, UPSTREAM: '' } });
    const { code, output } = await finished(child);
    assert.equal(code, 1);
    assert.match(output, /^wayleave: no API to guard: set UPSTREAM in /m);
  });
});

describe('deploy/workerd/wayleave.capnp', () => {
  const capnp = read('deploy/workerd/wayleave.capnp');
  const toml = read('wrangler.toml');

  it('runs under the compatibility date of wrangler.toml', () => {
    const [, date] = /^compatibility_date = "(.+)"$/m.exec(toml);
    assert.deepEqual(new Set([...capnp.matchAll(/compatibilityDate = "(.+?)"/g)].map(([, given]) => given)), new Set([date]));
  });

  it('binds every variable of wrangler.toml', () => {
    const variables = [...toml.split('[vars]')[1].split('[[')[0].matchAll(/^([A-Z_]+) = /gm)].map(([, name]) => name);
    assert.ok(variables.length > 5);
    for (const name of variables) assert.ok(capnp.includes(`(name = "${name}", fromEnvironment = "${name}")`), name);
  });

  it('listens on loopback only', () => {
    const addresses = [...capnp.matchAll(/address = "(.+?)"/g)].map(([, address]) => address);
    assert.deepEqual(addresses, ['127.0.0.1:8787', '127.0.0.1:8788']);
  });
});

/** Runs the printed line with this test's folder and ports; resolves when both addresses answer. */
async function startServer(line) {
  const env = { ...process.env, WAYLEAVE_DATA: data, EDGE_ADDRESS: `127.0.0.1:${ports[8787]}`, CONTROL_ADDRESS: `127.0.0.1:${ports[8788]}` };
  const [, upstreamUrl, command] = /^UPSTREAM=(\S+) (\S+)$/.exec(line);
  const child = spawn(join(root, command), { cwd: root, env: { ...env, UPSTREAM: upstreamUrl }, stdio: ['ignore', 'pipe', 'pipe'] });
  const started = { child, output: collect(child) };
  for (const deadline = Date.now() + 30_000; ; await sleep(50)) {
    assert.equal(child.exitCode, null, started.output());
    assert.ok(Date.now() < deadline, `not ready in time:\n${started.output()}`);
    const answers = await Promise.allSettled([8787, 8788].map((port) => fetch(`http://127.0.0.1:${ports[port]}/_wayleave/health`)));
    if (answers.every(({ value }) => value?.status === 200)) return started;
  }
}

async function ended({ child }, signal) {
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}

function collect(child) {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (piece) => (text += piece));
  return () => text;
}

async function finished(child) {
  const output = collect(child);
  const [code] = await once(child, 'close');
  return { code, output: output() };
}

async function adminKey() {
  return /^ADMIN_KEY='(.+)'$/m.exec(await readFile(join(data, 'secrets'), 'utf8'))[1];
}

async function call(method, path, body) {
  const headers = { authorization: `Bearer ${await adminKey()}`, ...(body && { 'content-type': 'application/json' }) };
  const response = await fetch(`http://127.0.0.1:${ports[8788]}/_wayleave/api${path}`, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.json();
}

function serialOf({ id }) {
  return Number(id.slice('tok_'.length));
}

function guarded(token) {
  return fetch(`http://127.0.0.1:${ports[8787]}/`, { headers: { 'x-api-key': token, origin: SITE } });
}

async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((each) => once(each, 'listening')));
  const found = servers.map((each) => each.address().port);
  await Promise.all(servers.map((each) => (each.close(), once(each, 'close'))));
  return found;
}
