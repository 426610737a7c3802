// Tests the check itself: it finds a named test that did not run or failed. And compares docs/seeds.md with
// what the table makes of it.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { faults, passed } from './check.mjs';
import { filesOfTests, page, ROOT } from './seeds.mjs';

const LOG = `
test rotation::a_test ... ok
test rotation::a_broken_one ... FAILED
\u001b[32m✔ by Origin \u001b[90m(12.5ms)\u001b[39m\u001b[39m
  ✔ nested, with (brackets) (1.2ms)
✖ one that failed (3ms)
`;

it('the log says which tests passed', () => {
  assert.deepEqual([...passed(LOG)], ['rotation::a_test', 'by Origin', 'nested, with (brackets)']);
});

it('a row whose test is not there, failed, or is not named is a fault', () => {
  const row = (id, shown_by, does = 'y') => ({ id, behaviour: 'x', does, shown_by });
  assert.deepEqual(faults([row('GitLab 1', ['rotation::a_test', 'by Origin'])], passed(LOG)), []);
  for (const tests of [['rotation::a_broken_one'], ['one that failed'], ['no such test'], [], undefined]) {
    assert.equal(faults([row('GitLab 1', tests)], passed(LOG)).length, 1);
  }
  assert.equal(faults([row('GitLab 1', ['by Origin'], '')], passed(LOG)).length, 1, 'it says what is done');
  assert.equal(
    faults([{ id: 'GitLab 1', behaviour: 'x', does_not_apply: 'no' }], passed(LOG)).length,
    1,
    'only those that may',
  );
  assert.deepEqual(faults([{ id: 'GitLab 9', behaviour: 'x', does_not_apply: 'no' }], passed(LOG)), []);
});

const TABLE = JSON.parse(readFileSync(new URL('behaviours.json', import.meta.url), 'utf8'));
const fileOf = filesOfTests();

it('every row is one, and names tests that are in the sources', () => {
  const ids = TABLE.map(({ id }) => id);
  assert.deepEqual([...new Set(ids)], ids);
  for (const { id, shown_by = [] } of TABLE) {
    assert.deepEqual([...new Set(shown_by)], shown_by, `${id} names a test twice`);
    for (const test of shown_by) assert.ok(fileOf(test), `${id}: no source has the test "${test}"`);
  }
  for (const made_up of [
    'rotation::no_such_test',
    'lifecycle::two_in_use_are_as_many_as_a_family_has',
    'by origin',
  ])
    assert.equal(fileOf(made_up), undefined, made_up);
});

it('docs/seeds.md is what the table makes', () => {
  const path = join(ROOT, 'docs', 'seeds.md');
  const made = page(TABLE, fileOf);
  for (const { id } of TABLE) assert.ok(made.includes(`\n| ${id} | `), `${id} is of no group`);
  if (process.env.REGENERATE === '1') writeFileSync(path, made);
  assert.equal(readFileSync(path, 'utf8'), made, 'REGENERATE=1 node --test tests/behaviours/check.test.mjs');
});
