// Countdowns go by the server's clock where the browser's is wrong, and by the browser's where it may be
// right.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { noteDate, serverNow } from '../../www/clock.js';

const answered = (aheadMs, { tookMs = 200 } = {}) => {
  const now = Date.now();
  const made = now - tookMs / 2 + aheadMs;
  noteDate(new Date(made).toUTCString(), now - tookMs, now);
  return Math.round((serverNow() - Date.now()) / 1000);
};

describe('the server’s clock', () => {
  it('is the browser’s, as long as an answer may have been made at its time', () => {
    assert.equal(answered(0), 0);
    assert.equal(answered(2_000), 0);
    assert.equal(answered(-8_000, { tookMs: 20_000 }), 0, 'the answer was long on its way');
  });

  it('is another one where no answer could have that date, and the browser’s again once they agree', () => {
    for (const aheadMs of [-70_000, 70_000])
      assert.ok(Math.abs(answered(aheadMs) * 1000 - aheadMs) <= 1_000, `${aheadMs} ms ahead`);
    assert.equal(answered(0), 0);
  });

  it('stays as it is known when an answer has no date', () => {
    answered(70_000);
    noteDate(null, Date.now());
    assert.ok(serverNow() - Date.now() > 68_000);
    answered(0);
  });
});
