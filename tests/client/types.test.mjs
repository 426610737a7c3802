// TypeScript checks client.js against client.d.ts, and sample code of a site developer against both.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { it } from 'node:test';

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
const root = new URL('../..', import.meta.url).pathname;

it('client.js does what client.d.ts says, and both what a site developer expects', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, '-p', 'tests/client/types'], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stdout + stderr);
});
