// The chart library in www/vendor/ is the one of the pinned package.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { it } from 'node:test';
import { vendored } from '../../deploy/console/vendor.mjs';

const VENDOR = new URL('../../www/vendor/', import.meta.url);

it('is made by deploy/console/vendor.mjs and nothing else', async () => {
  const files = await vendored();
  assert.deepEqual(readdirSync(VENDOR).sort(), Object.keys(files).sort());
  for (const [name, text] of Object.entries(files))
    assert.ok(
      readFileSync(new URL(name, VENDOR), 'utf8') === text,
      `${name}: run node deploy/console/vendor.mjs`,
    );
});
