// wayleave.service: systemd accepts it without warnings, and its stop settings agree with those of the start
// script.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';

const root = new URL('../..', import.meta.url).pathname.replace(/\/$/, '');
const unit = readFileSync(new URL('wayleave.service', import.meta.url), 'utf8');
const start = readFileSync(new URL('start', import.meta.url), 'utf8');
/** A value that the unit sets, or a variable of the start script. */
const set = (name, text) => new RegExp(`^${name}=(\\S+)`, 'm').exec(text)?.[1];

let folder;
let file;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'wayleave-service-'));
  file = join(folder, 'wayleave.service');
});
after(() => rmSync(folder, { recursive: true, force: true }));

function analyzed(text, ...args) {
  // The project is in this folder, not in /opt.
  writeFileSync(file, text.replaceAll('/opt/wayleave/', `${root}/`));
  const { status, stdout, stderr, error } = spawnSync('systemd-analyze', ['--no-pager', ...args, file], {
    encoding: 'utf8',
  });
  assert.ifError(error);
  return { status, said: stdout + stderr };
}

it('systemd-analyze verify has nothing to say', () => {
  assert.deepEqual(analyzed(unit, 'verify'), { status: 0, said: '' });
  // Make sure that it does report errors: an unknown key, and a program that does not exist.
  assert.match(analyzed(unit.replace('TimeoutStopSec', 'TimeoutStop'), 'verify').said, /Unknown key/);
  assert.equal(analyzed(unit.replace('workerd/start', 'workerd/begin'), 'verify').status, 1);
});

it('shuts the service off from what it does not use', () => {
  assert.equal(analyzed(unit, 'security', '--offline=true', '--threshold=35').status, 0);
  assert.doesNotMatch(unit, /^MemoryDenyWriteExecute=(yes|true|1)/m, 'workerd compiles while it runs');
});

it('agrees with the start', () => {
  assert.equal(set('RestartPreventExitStatus', unit), set('wrong_setting', start));
  assert.ok(Number(set('TimeoutStopSec', unit)) > Number(set('drain_seconds', start)) + 2);
  assert.ok(Number(set('drain_seconds', start)) < 10);
});
