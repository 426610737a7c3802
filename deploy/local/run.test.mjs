// `make run` as a newcomer uses it: what it prints works, Ctrl-C ends everything, and a second start keeps
// the data.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import { FakeKubernetes } from '../../tests/jobs/harness/fake_kubernetes.mjs';
import { manifests, only } from '../../tests/jobs/harness/manifests.mjs';
import { Shell } from '../../tests/jobs/harness/shell.mjs';

const root = new URL('../..', import.meta.url).pathname;
/** The profile of the Worker that is there, so that nothing is compiled again. */
[process.env.WAYLEAVE_PROFILE] = readFileSync(join(root, 'build/.made-from'), 'utf8').split(' ');
let folder;
let ports;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wayleave-run-'));
  ports = await freePorts(3);
});
after(() => rm(folder, { recursive: true, force: true }));

test('the first start prints lines that work; the second finds the same key and token', {
  timeout: 180_000,
}, async (t) => {
  const first = await start(t);
  assert.match(first.told.gateway, /^http:\/\/localhost:\d+$/);
  assert.match(first.told['admin key'], /^wla_[0-9A-Za-z]{50}$/);
  assert.match(first.told.token, /^wlp_[\w-]{36}$/);
  assert.match(first.told.family, /^fam_[\w-]{28}$/);
  await everyLineIsTrue(first);
  assert.doesNotMatch(first.output(), /warning/i, 'a newcomer is told of nothing that does not concern them');
  await stop(first);
  for (const port of ports) await listenOnce(port); // the ports are free again

  const second = await start(t);
  assert.deepEqual(second.told, first.told);
  await everyLineIsTrue(second);
  assert.ok(second.seconds < 60, `the second start took ${second.seconds} s`);
  await replaced(second);
  await synced(second, t);
  await limited(second);
  await stop(second);
});

test('a port that is taken is one clear line', { timeout: 60_000 }, async () => {
  const other = createServer().listen(ports[1], '127.0.0.1');
  await once(other, 'listening');
  try {
    const run = launch();
    const [code] = await once(run.child, 'exit');
    assert.equal(code, 1);
    assert.match(
      run.output(),
      /^wayleave: port \d+ \(page\) cannot be used: EADDRINUSE\. Choose another: PAGE_PORT=\d+ make run\n$/,
    );
  } finally {
    other.close();
  }
});

test('a wrong variable is told at once, by the Worker itself', { timeout: 120_000 }, async (t) => {
  const script = `
    import { healthy, startGateway, stopGateway } from '${new URL('gateway.mjs', import.meta.url)}';
    import { secrets } from '${new URL('secrets.mjs', import.meta.url)}';
    const [folder, port] = process.argv.slice(1);
    const secretsFile = folder + '/.dev.vars';
    secrets(secretsFile, 'local');
    const variables = { ON_UNKNOWN: 'perhaps' };
    const child = startGateway({ port, stateFolder: folder + '/state', secretsFile, variables });
    process.once('SIGTERM', () => stopGateway(child));
    await healthy(child, 'http://localhost:' + port)
      .catch(({ message }) => console.error('wayleave: ' + message));
    await stopGateway(child);`;
  const wrong = await mkdtemp(join(tmpdir(), 'wayleave-run-wrong-'));
  t.after(() => rm(wrong, { recursive: true, force: true }));
  const args = ['--input-type=module', '-e', script, wrong, String(ports[0])];
  const run = output(spawn(process.execPath, args, { cwd: root }));
  t.after(() => run.child.kill('SIGTERM'));
  await once(run.child, 'exit');
  assert.match(run.output(), /Wayleave does not start: ON_UNKNOWN is missing or wrong\. Expected refuse/);
  assert.match(
    run.output(),
    /^wayleave: the Worker cannot start as it is configured; what it said is above$/m,
  );
});

async function everyLineIsTrue({ told, output }) {
  const curls = [...output().matchAll(/^ {2}curl -i (\S+) -H '([^']+)' -H '([^']+)'$/gm)];
  assert.equal(curls.length, 2);
  const [good, refused] = await Promise.all(curls.map(([, url, ...headers]) => get(url, headers)));

  assert.equal(good.status, 200);
  assert.equal(good.headers['access-control-allow-origin'], told.page);
  assert.ok(JSON.parse(good.body).observations.length > 3);

  assert.equal(refused.status, 403);
  assert.equal(JSON.parse(refused.body).code, 'origin_not_allowed');

  const shown = await get(told.console);
  assert.ok(shown.status === 200 && shown.body.includes('<title>Wayleave'), 'the console is where it says');
  const page = await get(`${told.page}/`);
  assert.ok(
    page.body.includes(told.family) && !page.body.includes('wlp_'),
    'the page names the family, and no token',
  );
  const script = await get(`${told.page}/page.js`);
  assert.ok(script.body.includes(`from '${told.gateway}/_wayleave/client.js'`));
  assert.equal(await carriedBy(told), told.token);
  const tile = await get(`${told.gateway}/v1/tiles/5/16/10.png?token=${told.token}`, [
    `Referer: ${told.page}/`,
  ]);
  assert.equal(tile.status, 200);
  assert.equal(tile.headers['content-type'], 'image/png');
  // What the console's code for a token calls, unchanged.
  for (const path of ['/', '/tiles/2/1/1.png']) {
    const answer = await get(`${told.gateway}${path}`, [`X-Api-Key: ${told.token}`, `Origin: ${told.page}`]);
    assert.equal(answer.status, 200, path);
  }

  const echo = JSON.parse(
    (await get(`${told.gateway}/v1/echo`, [`X-Api-Key: ${told.token}`, `Origin: ${told.page}`])).body,
  );
  assert.ok(!JSON.stringify(echo).includes('wlp_'), 'the token reached the upstream');

  const tokens = await get(`${told.gateway}/_wayleave/api/tokens`, [
    `Authorization: Bearer ${told['admin key']}`,
  ]);
  assert.deepEqual(
    JSON.parse(tokens.body).items.map((item) => item.origins),
    [[told.page]],
  );
}

/** The token that the page receives. */
async function carriedBy(told) {
  const { status, body } = await get(`${told.gateway}/_wayleave/families/${told.family}/token`, [
    `Origin: ${told.page}`,
  ]);
  return status === 200 ? JSON.parse(body).token : `${status} ${body}`;
}

/** Runs the printed command that replaces the token; the page then receives the new one. */
async function replaced({ told, output }) {
  const [, url, key, type, body] = /^ {2}curl -X POST (\S+) -H '([^']+)' -H '([^']+)' -d '([^']+)'$/m.exec(
    output(),
  );
  const headers = Object.fromEntries([key, type].map((line) => line.split(/: (.*)/s).slice(0, 2)));
  const answer = await fetch(url, { method: 'POST', headers, body });
  assert.equal(answer.status, 201);
  const { token } = await answer.json();
  assert.notEqual(token, told.token);
  for (const deadline = Date.now() + 65_000; (await carriedBy(told)) !== token; ) {
    assert.ok(Date.now() < deadline, 'the page gets the new one within the bound');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** The script of deploy/kubernetes, with a key as its README says, copies the token into a Secret. */
async function synced({ told }, t) {
  const made = await fetch(`${told.gateway}/_wayleave/api/admin-keys`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${told['admin key']}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ label: 'cluster', role: 'distributor' }),
  });
  assert.equal(made.status, 201);
  const file = manifests('cronjob.yaml');
  const shell = new Shell();
  t.after(() => shell.remove());
  writeFileSync(shell.path('sync'), only(file, 'ConfigMap').data.sync);
  writeFileSync(shell.path('key'), (await made.json()).key);
  const { namespace, name } = only(file, 'ServiceAccount').metadata;
  const cluster = new FakeKubernetes(shell.path('account'), file, namespace, name);
  await cluster.start();
  t.after(() => cluster.stop());
  const { status, output } = await shell.run([shell.path('sync')], {
    WAYLEAVE_URL: told.gateway,
    WAYLEAVE_FAMILY: told.family,
    WAYLEAVE_KEY_FILE: shell.path('key'),
    KUBERNETES_URL: cluster.origin,
    SERVICE_ACCOUNT: shell.path('account'),
    SECRET: 'wayleave-token',
    SECRET_KEY: 'token',
    RESTART: '',
  });
  assert.equal(status, 0, output);
  const { data } = cluster.object('Secret', 'wayleave-token');
  assert.equal(Buffer.from(data.token, 'base64').toString(), await carriedBy(told));
}

/** The rate class of wrangler.toml, counted by the emulated platform limiter: 300 in a minute, then 429. */
async function limited({ told }) {
  const api = `${told.gateway}/_wayleave/api`;
  const authorization = { Authorization: `Bearer ${told['admin key']}` };
  const { rate_classes: classes } = await (
    await fetch(`${api}/configuration`, { headers: authorization })
  ).json();
  assert.deepEqual(classes, [
    { name: 'page', requests: 300, token_requests: null, per_seconds: 60, counted_by: 'binding' },
  ]);
  const made = await fetch(`${api}/tokens`, {
    method: 'POST',
    headers: { ...authorization, 'Content-Type': 'application/json' },
    body: JSON.stringify({ label: 'limited', origins: [told.page], rate: 'page' }),
  });
  const { token } = await made.json();
  const ask = async () =>
    (await get(`${told.gateway}/v1/echo`, [`X-Api-Key: ${token}`, `Origin: ${told.page}`])).status;
  const seen = new Map();
  // At most two periods, in case a new one begins meanwhile.
  for (let n = 0; n < 70; n += 1) {
    for (const status of await Promise.all(Array.from({ length: 10 }, ask)))
      seen.set(status, (seen.get(status) ?? 0) + 1);
  }
  assert.deepEqual([...seen.keys()].sort(), [200, 429]);
  // A period that begins meanwhile admits 300 more, after any number of the one before.
  const admitted = seen.get(200);
  assert.ok(admitted >= 300 && admitted <= 600, `${admitted} were admitted`);
}

function launch() {
  const [PORT, PAGE_PORT, UPSTREAM_PORT] = ports.map(String);
  const child = spawn(process.execPath, ['deploy/local/run.mjs'], {
    cwd: root,
    // As a path from the project's folder, as .dev.vars and .wrangler/state are.
    env: { ...process.env, PORT, PAGE_PORT, UPSTREAM_PORT, WAYLEAVE_STATE: relative(root, folder) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return output(child);
}

function output(child) {
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (piece) => (text += piece));
  return { child, output: () => text };
}

async function start(t) {
  const began = Date.now();
  const run = launch();
  t.after(() => stop(run));
  const ended = once(run.child, 'exit').then(() => assert.fail(`make run ended:\n${run.output()}`));
  ended.catch(() => {});
  while (!run.output().includes('Ctrl-C')) {
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 50))]);
  }
  const told = Object.fromEntries(
    [...run.output().matchAll(/^(gateway|admin key|console|page|token|family) {2}(\S+)$/gm)].map((m) =>
      m.slice(1),
    ),
  );
  return { ...run, told, seconds: (Date.now() - began) / 1000 };
}

async function stop({ child }) {
  // processes that it left must not keep the test waiting
  for (const stream of [child.stdout, child.stderr]) stream.unref();
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGINT');
  assert.deepEqual(await ended, [0, null]);
}

async function get(url, lines = []) {
  const headers = Object.fromEntries(lines.map((line) => line.split(/: (.*)/s).slice(0, 2)));
  const [response] = await once(httpRequest(url, { headers, agent: false }).end(), 'response');
  return {
    status: response.statusCode,
    headers: response.headers,
    body: (await response.toArray()).join(''),
  };
}

async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const found = servers.map((server) => server.address().port);
  await Promise.all(
    servers.map((server) => {
      server.close();
      return once(server, 'close');
    }),
  );
  return found;
}

async function listenOnce(port) {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  server.close();
}
