// Tests the check itself: it finds a named test that did not run or failed.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { faults, passed } from './check.mjs';

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
  const row = (id, shown_by) => ({ id, behaviour: 'x', shown_by });
  assert.deepEqual(faults([row('GitLab 1', ['rotation::a_test', 'by Origin'])], passed(LOG)), []);
  for (const tests of [['rotation::a_broken_one'], ['one that failed'], ['no such test'], [], undefined]) {
    assert.equal(faults([row('GitLab 1', tests)], passed(LOG)).length, 1);
  }
  assert.equal(
    faults([{ id: 'GitLab 1', behaviour: 'x', does_not_apply: 'no' }], passed(LOG)).length,
    1,
    'only those that may',
  );
  assert.deepEqual(faults([{ id: 'GitLab 9', behaviour: 'x', does_not_apply: 'no' }], passed(LOG)), []);
});
