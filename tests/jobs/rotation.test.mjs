// deploy/jobs: rotate-token and deploy-token against a running Wayleave. They may be killed at any command
// and run again, and the old token works until the new one was seen.

import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { SITE } from '../workerd/harness/admin_api.mjs';
import { eventually, Gateway } from '../workerd/harness/gateway.mjs';
import { ROOT } from './harness/manifests.mjs';
import { Shell } from './harness/shell.mjs';

const DAY_MS = 24 * 3600 * 1000;
const ROTATE = `${ROOT}deploy/jobs/rotate-token`;
const DEPLOY = `${ROOT}deploy/jobs/deploy-token`;

const gateway = new Gateway();
const { admin, client } = gateway;
const keys = {};
before(async () => {
  await gateway.start();
  for (const role of ['operator', 'distributor', 'viewer'])
    keys[role] = (await admin.createAdminKey(role)).key;
});
after(() => gateway.stop());

let shell;
let old;
let url;
beforeEach(async () => {
  shell = new Shell();
  // What a site does with a token: it notes which one it has now.
  writeFileSync(shell.path('publish'), '#!/bin/sh\nprintf "%s\\n" "$WAYLEAVE_TOKEN" >>published\n', {
    mode: 0o755,
  });
  url = `http://127.0.0.1:${gateway.workerd.ports.gateway}`;
  old = await admin.createToken();
});
afterEach(() => shell.remove());

const environment = (role, settings) => ({
  WAYLEAVE_URL: url,
  WAYLEAVE_FAMILY: old.family,
  WAYLEAVE_KEY: keys[role],
  ...settings,
});
const rotate = (period, settings) => shell.run([ROTATE, ...period], environment('operator', settings));
const deploy = (argv = ['token', './publish'], settings = {}) =>
  shell.run([DEPLOY, ...argv], environment('distributor', settings));
const read = (name) => (existsSync(shell.path(name)) ? readFileSync(shell.path(name), 'utf8') : null);
const published = () => (read('published') ?? '').split('\n').filter(Boolean);
const family = async () => (await admin.call('GET', `/families/${old.family}`)).json;
const use = ({ token }) => client.get('/now', { headers: { Origin: SITE, 'X-Api-Key': token } });
const admits = async (token) => assert.equal((await use(token)).status, 200);
const succeeds = async (run, said) => {
  const { status, output } = await run;
  assert.equal(status, 0, output);
  assert.match(output, said);
};
const fails = async (run, said) => {
  const { status, output } = await run;
  assert.equal(status, 1, output);
  assert.match(output, said);
};

/** The one successor of the old token. Both work, and no end of the old one is set while it is unused. */
async function onlySuccessor() {
  const { current, active, revoked } = await family();
  assert.equal(active.length, 2, `${active}`);
  assert.deepEqual(revoked, []);
  const { successor, rotation } = await admin.token(old.id);
  assert.equal(successor, current);
  assert.equal(rotation.planned_end, null);
  const answer = await admin.call('GET', `/tokens/${current}/token`);
  const { token } = answer.json;
  return { id: current, token };
}

describe('a rotation job', () => {
  it('makes a successor for the month, and deploys it; the old token works on', async () => {
    await succeeds(deploy(), /^deployed: /);
    shell.setDate('2027-03');
    // As cron calls it: busybox's own sh would not look for another `date`.
    const { output } = await shell.run(['-c', ROTATE], environment('operator'));
    await succeeds(deploy(), /^deployed: /);
    const successor = await onlySuccessor();
    const { fingerprint } = await admin.token(successor.id);
    assert.equal(output, `${old.family} has its token of 2027-03: ${fingerprint}\n`);
    assert.deepEqual(published(), [old.token, successor.token]);
    assert.equal(read('token'), successor.token);
    await admits(old);
    await admits(successor);
  });

  it('does nothing more when it is run again in that month', async () => {
    await rotate(['2027-03']);
    await deploy();
    for (let time = 0; time < 3; time += 1) {
      await succeeds(rotate(['2027-03']), /has its token of 2027-03/);
      await succeeds(deploy(), /^deployed already: wlp_.{8}….{8}\n$/);
    }
    const successor = await onlySuccessor();
    assert.deepEqual(published(), [successor.token]);
  });

  it('run later in that month, when its key is forgotten and the old token has ended: makes no other', async () => {
    // 2027-03 stands for a key that is not known any more: the successor is of the present month.
    await rotate(['2027-03']);
    const { id } = await onlySuccessor();
    await admin.revoke(old.id);
    const { created_at: madeAt, fingerprint } = await admin.token(id);
    for (const period of [madeAt.slice(0, 7), madeAt.slice(0, 10), madeAt.slice(0, 4)]) {
      const { status, output } = await rotate([period]);
      const said = `${old.family} has its token of ${period} already: ${fingerprint}, made at ${madeAt}\n`;
      assert.deepEqual({ status, output }, { status: 0, output: said });
    }
    // The month that the machine's clock says.
    await succeeds(rotate([]), /has its token of \d{4}-\d\d already/);
    assert.equal((await family()).total, 2);
    await succeeds(rotate(['2027-04']), /has its token of 2027-04: /);
    assert.equal((await family()).total, 3, 'nothing else stood in its way');
  });

  it('killed before each of its commands and run again: one successor, deployed, and the old token works', async () => {
    writeFileSync(
      shell.path('job'),
      `WAYLEAVE_KEY=${keys.operator} bash ${ROTATE} 2027-03\n` +
        `WAYLEAVE_KEY=${keys.distributor} bash ${DEPLOY} "$FILE" ./publish\n`,
    );
    let step = 0;
    for (let signal = 'SIGKILL'; signal === 'SIGKILL'; ) {
      step += 1;
      old = await admin.createToken();
      const FILE = `token-${step}`;
      ({ signal } = await shell.killedAt(step, [shell.path('job')], environment('viewer', { FILE })));
      const seen = read(FILE);
      await succeeds(rotate(['2027-03']), /has its token/);
      await succeeds(deploy([FILE, './publish']), /^deployed/);
      const successor = await onlySuccessor();
      // What a page could read after the kill is the whole of one of the two, or no file.
      assert.ok([null, old.token, successor.token].includes(seen), seen);
      assert.equal(read(FILE), successor.token, `after a kill at ${step}`);
      assert.equal(published().at(-1), successor.token);
      await admits(old);
      await admits(successor);
    }
    assert.ok(step > 30, `only ${step} steps`);
  });

  it('an answer that is lost after the gateway acted: the next run gets the same successor', async (test) => {
    let lost = 0;
    const proxy = createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const answer = await client.send(request.method, request.url, {
        headers: Object.entries(request.headers).filter(([name]) => name !== 'host'),
        body: Buffer.concat(chunks),
      });
      if (request.method === 'GET') {
        response.writeHead(answer.status).end(answer.bytes);
        return;
      }
      assert.equal(answer.status, 201, String(answer));
      lost += 1;
      response.destroy();
    });
    await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    test.after(() => proxy.close());
    const settings = { WAYLEAVE_URL: `http://127.0.0.1:${proxy.address().port}` };
    await fails(rotate(['2027-03'], settings), /no answer from .* the next run finds it/);
    assert.ok(lost > 0);
    const { id } = await onlySuccessor();
    await succeeds(rotate(['2027-03']), /has its token/);
    assert.equal((await onlySuccessor()).id, id);
  });

  it('the old token ends a week later, and a day after the new one was seen in use', async () => {
    await rotate(['2027-03']);
    const rotatedAt = Date.now();
    const successor = await onlySuccessor();
    await admits(successor);
    const { first_used_at } = await eventually(
      'the use is known',
      async () => {
        const token = await admin.token(successor.id);
        return token.first_used_at && token;
      },
      60_000,
    );
    const end = Date.parse((await admin.token(old.id)).rotation.planned_end);
    assert.ok(end >= Date.parse(first_used_at) + DAY_MS);
    assert.ok(Math.abs(end - (rotatedAt + 7 * DAY_MS)) < 60_000);
    await admits(old);
  });

  it('the next month, when nobody used the last one: it says so, and that one is deployed', async () => {
    await rotate(['2027-03']);
    await fails(rotate(['2027-04']), /no new token: the one made last was never used/);
    const successor = await onlySuccessor();
    await succeeds(deploy(), /^deployed/);
    assert.deepEqual(published(), [successor.token]);
  });

  it('while two are in use: it says so, and makes no third', async () => {
    await rotate(['2027-03']);
    const successor = await onlySuccessor();
    await admits(successor);
    await eventually(
      'the use is known',
      async () => (await admin.token(successor.id)).first_used_at !== undefined,
      60_000,
    );
    await fails(rotate(['2027-04']), /no new token: two of fam_\S+ are in use/);
    assert.equal((await family()).active.length, 2);
  });

  it('what is no family: it says so, and nothing is made', async (test) => {
    const page = createServer((_request, response) => response.end('<title>Welcome</title>'));
    await new Promise((resolve) => page.listen(0, '127.0.0.1', resolve));
    test.after(() => page.close());
    const elsewhere = { WAYLEAVE_URL: `http://127.0.0.1:${page.address().port}` };
    await fails(rotate([], elsewhere), /did not answer with a family/);
  });

  it('what the gateway refuses: it says why', async () => {
    await fails(rotate([], { WAYLEAVE_KEY: `${keys.operator}x` }), /not rotated: 401 unauthorized: \S+/);
    await fails(rotate([], { WAYLEAVE_KEY: keys.distributor }), /not rotated: 403 forbidden: \S+/);
    await fails(rotate([], { WAYLEAVE_FAMILY: 'fam_AAAA' }), /not rotated: 404 not_found: \S+/);
    await fails(rotate(['a period']), /not rotated: 400 invalid_request: \S+/);
    await fails(rotate([], { WAYLEAVE_URL: 'http://127.0.0.1:1' }), /no answer from/);
    for (const name of ['WAYLEAVE_URL', 'WAYLEAVE_FAMILY', 'WAYLEAVE_KEY'])
      await fails(rotate([], { [name]: '' }), new RegExp(`${name} is not set`));
    assert.deepEqual((await family()).active, [old.id]);
  });

  it('a disabled token, and a period that is used for another request, are said', async () => {
    await rotate(['2027-03']);
    const headers = { 'Idempotency-Key': `rotate-${old.family}-2027-05` };
    const other = await admin
      .as(keys.operator)
      .call('POST', `/families/${old.family}/rotate`, { body: { supersede: 'successor' }, headers });
    assert.equal(other.status, 201, String(other));
    await fails(rotate(['2027-05']), /409 idempotency_conflict/);
    await admin.disable(other.json.id);
    await fails(rotate(['2027-06']), /409 conflict/);
  });
});

describe('a deployment', () => {
  it('that failed is tried again; one that succeeded is not', async () => {
    writeFileSync(shell.path('breaks'), '#!/bin/sh\necho tried >>tries\nexit 7\n', { mode: 0o755 });
    for (let time = 1; time <= 2; time += 1) {
      await fails(deploy(['token', './breaks']), /the command failed for wlp_.{8}….{8}: \.\/breaks/);
      assert.equal(read('tries'), 'tried\n'.repeat(time));
      assert.equal(read('token.deployed'), null);
    }
    await succeeds(deploy(), /^deployed: /);
    await succeeds(deploy(['token', './breaks']), /^deployed already/);
  });

  it('is repeated when the file was changed or lost', async () => {
    await deploy();
    writeFileSync(shell.path('token'), 'wlp_something else');
    await succeeds(deploy(), /^deployed: /);
    assert.equal(read('token'), old.token);
    assert.equal(published().length, 2);
  });

  it('without a command: the file alone', async () => {
    await succeeds(deploy(['token']), /^deployed: /);
    assert.equal(read('token'), old.token);
  });

  it('replaces the file in one step: a reader that has it open still sees the whole old one', async () => {
    await deploy(['token']);
    const opened = openSync(shell.path('token'));
    await rotate(['2027-03']);
    await deploy(['token']);
    assert.equal(readFileSync(opened, 'utf8'), old.token);
    closeSync(opened);
    assert.equal(read('token'), (await onlySuccessor()).token);
  });

  it('is of the old token again when the successor is revoked', async () => {
    await rotate(['2027-03']);
    await deploy();
    const { id, token } = await onlySuccessor();
    await admin.revoke(id);
    await succeeds(deploy(), /^deployed: /);
    assert.deepEqual(published(), [token, old.token]);
  });

  it('of what is no token: nothing is written', async (test) => {
    const page = createServer((_request, response) => response.end('{"token": "<html>"}'));
    await new Promise((resolve) => page.listen(0, '127.0.0.1', resolve));
    test.after(() => page.close());
    const elsewhere = { WAYLEAVE_URL: `http://127.0.0.1:${page.address().port}` };
    await fails(deploy(undefined, elsewhere), /did not answer with a token/);
    await fails(deploy(undefined, { WAYLEAVE_KEY: keys.viewer }), /no token of fam_/);
    await fails(deploy(undefined, { WAYLEAVE_KEY: `${keys.distributor}x` }), /no token of fam_/);
    await fails(deploy(undefined, { WAYLEAVE_FAMILY: 'fam_AAAA' }), /no token of fam_AAAA/);
    await fails(deploy([]), /usage/);
    assert.deepEqual([read('token'), read('published')], [null, null]);
  });

  it('a family without an active token: what is deployed stays', async () => {
    await deploy();
    await admin.disable(old.id);
    await fails(deploy(), /What is deployed stays as it is/);
    assert.equal(read('token'), old.token);
  });
});

it('neither script shows a key in the arguments of a process', async () => {
  await rotate(['2027-03']);
  await deploy();
  const shown = shell.argumentsOfCurl();
  assert.ok(shown.includes(`rotate-${old.family}-2027-03`), 'they are noted');
  for (const key of Object.values(keys)) assert.ok(!shown.includes(key));
});
