// client.js: getting, keeping and renewing a family's token, with a real HTTP server.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { WayleaveError, wayleave } from '../../src/client/client.js';
import { clocks } from './harness/clocks.mjs';
import { FAMILY, FakeGateway, problem } from './harness/fake_gateway.mjs';

let gateway;
beforeEach(async () => (gateway = await new FakeGateway().start()));
afterEach(() => gateway.stop());

const client = (options = {}) => wayleave({ gateway: gateway.origin, family: FAMILY, ...options });

async function eventually(what, condition) {
  for (let tries = 0; tries < 500; tries += 1) {
    if (condition()) return;
    await sleep(10);
  }
  assert.fail(`never happened: ${what}`);
}

describe('the token is got once and kept', () => {
  it('for all who ask while it is on its way, and after', async () => {
    const api = client();
    assert.equal(gateway.asks, 0, 'nothing is asked before it is needed');
    const tokens = await Promise.all(Array.from({ length: 50 }, () => api.token()));
    assert.deepEqual(new Set(tokens), new Set(['wlp_first']));
    await api.token();
    assert.equal(gateway.asks, 1);
  });

  it('until shortly before refresh_after_seconds; it is used meanwhile', async (t) => {
    const clock = clocks(t);
    const api = client();
    await api.token();
    gateway.token = 'wlp_second';
    clock.pass(89);
    await api.token();
    await sleep(50);
    assert.equal(gateway.asks, 1);
    clock.pass(11);
    assert.deepEqual(
      await Promise.all([api.token(), api.token()]),
      ['wlp_first', 'wlp_first'],
      'nobody waits',
    );
    await eventually('the successor is there', () => gateway.asks === 2);
    while ((await api.token()) === 'wlp_first') await sleep(1);
    assert.equal(await api.token(), 'wlp_second');
    assert.equal(gateway.asks, 2);
  });

  for (const [clock, other] of [
    ['wall', 'steady'],
    ['steady', 'wall'],
  ]) {
    it(`it is renewed by the ${clock} clock though the ${other} clock was set back`, async (t) => {
      const { move } = clocks(t);
      const api = client();
      await api.token();
      gateway.token = 'wlp_second';
      move(other, -5000);
      move(clock, 101);
      await api.token();
      await eventually('it is asked for', () => gateway.asks === 2);
    });
  }

  it('not past its end: then everybody waits for the next', async (t) => {
    const clock = clocks(t);
    const api = client();
    await api.token();
    gateway.token = 'wlp_second';
    clock.pass(1000);
    assert.deepEqual(await Promise.all([api.token(), api.token()]), ['wlp_second', 'wlp_second']);
    assert.equal(gateway.asks, 2);
  });

  it('a refresh_after_seconds of nothing does not make it ask all the time', async (t) => {
    // stopped clocks, so that a slow machine cannot change the result
    for (const clock of [Date, performance]) t.mock.method(clock, 'now', () => 1e12);
    gateway.life.refresh_after_seconds = 0;
    const api = client();
    for (let time = 0; time < 10; time += 1) {
      await api.token();
      await sleep(20); // long enough for a renewal to finish
    }
    assert.equal(gateway.asks, 1);
  });
});

describe('when it cannot be got', () => {
  it('two failures that pass are passed over', async () => {
    gateway.handsOut = () => (gateway.asks < 3 ? problem(503, 'revocation_status_unknown') : undefined);
    assert.equal(await client().token(), 'wlp_first');
    assert.equal(gateway.asks, 3);
  });

  it('after three the caller is told, and nobody asks for a while', async (t) => {
    const clock = clocks(t);
    gateway.handsOut = () => problem(503, 'revocation_status_unknown');
    const api = client();
    await assert.rejects(api.token(), {
      name: 'WayleaveError',
      code: 'revocation_status_unknown',
      status: 503,
    });
    for (let time = 0; time < 20; time += 1) await assert.rejects(api.token(), WayleaveError);
    assert.equal(gateway.asks, 3);
    gateway.handsOut = () => undefined;
    clock.pass(61);
    assert.equal(await api.token(), 'wlp_first');
  });

  it('a long Retry-After is not waited for but kept to, up to a minute', async (t) => {
    const clock = clocks(t);
    gateway.handsOut = () => problem(429, 'rate_limited', { 'Retry-After': '50' });
    const api = client();
    await assert.rejects(api.token(), { code: 'rate_limited', status: 429 });
    clock.pass(49);
    await assert.rejects(api.token(), { code: 'rate_limited' });
    assert.equal(gateway.asks, 1);
    gateway.handsOut = () => problem(429, 'rate_limited', { 'Retry-After': '86400' });
    clock.pass(2);
    await assert.rejects(api.token(), { code: 'rate_limited' });
    clock.pass(61);
    await assert.rejects(api.token(), { code: 'rate_limited' });
    assert.equal(gateway.asks, 3);
  });

  it('404: it says what may be wrong, at once, and asks again after half a minute at the earliest', async (t) => {
    const clock = clocks(t);
    gateway.handsOut = () => problem(404, 'not_found');
    const api = client();
    const fault = await api.token().catch((error) => error);
    assert.ok(fault instanceof WayleaveError);
    assert.deepEqual([fault.code, fault.status], ['not_found', 404]);
    assert.match(
      fault.message,
      /hands out no token for fam_test: the id is mistyped, distribution is switched off/,
    );
    clock.pass(29);
    await assert.rejects(api.token(), { code: 'not_found' });
    assert.equal(gateway.asks, 1);
    gateway.handsOut = () => undefined;
    clock.pass(32);
    assert.equal(await api.token(), 'wlp_first');
  });

  it('403: it gives the reason', async () => {
    gateway.handsOut = () => problem(403, 'origin_not_allowed');
    await assert.rejects(client().token(), {
      code: 'origin_not_allowed',
      status: 403,
      message: /What origin_not_allowed means/,
    });
    assert.equal(gateway.asks, 1);
  });

  it('what is not Wayleave is said to be that', async () => {
    for (const answer of [
      [200, { 'content-type': 'text/html' }, '<h1>Hello'],
      [200, {}, '{"token": 7}'],
      [404, {}, 'no such page'],
      [200, {}, 'null'],
    ]) {
      gateway.handsOut = () => answer;
      await assert.rejects(client().token(), { code: 'unreadable', message: /Is it the gateway\?/ });
    }
  });

  it('no answer at all is "unreachable", with the cause', async () => {
    const api = client();
    await gateway.stop();
    const fault = await api.token().catch((error) => error);
    assert.deepEqual([fault.code, fault.status, fault.cause instanceof TypeError], ['unreachable', 0, true]);
    assert.match(fault.message, /Content-Security-Policy/);
  });

  it('while the one that is held still works, nobody notices', async (t) => {
    const clock = clocks(t);
    const api = client();
    await api.token();
    gateway.handsOut = () => problem(404, 'not_found');
    clock.pass(500);
    for (let time = 0; time < 20; time += 1) assert.equal(await api.token(), 'wlp_first');
    await eventually('it was asked for', () => gateway.asks === 2);
    await sleep(50);
    for (let time = 0; time < 20; time += 1) assert.equal(await api.token(), 'wlp_first');
    await sleep(50);
    assert.equal(gateway.asks, 2, 'and the gateway is left alone for a while');
  });
});

describe('AbortSignal', () => {
  it('ends the wait of its own caller and of nobody else', async () => {
    const answer = Promise.withResolvers?.() ?? deferred();
    gateway.handsOut = () => answer.promise;
    const api = client();
    const stop = new AbortController();
    const [mine, other] = [api.token({ signal: stop.signal }), api.token()];
    const reason = new Error('the reader has moved on');
    stop.abort(reason);
    await assert.rejects(mine, reason);
    answer.resolve(undefined);
    assert.equal(await other, 'wlp_first');
    assert.equal(gateway.asks, 1);
  });

  it('aborted before, nothing is asked', async () => {
    await assert.rejects(client().token({ signal: AbortSignal.abort() }), { name: 'AbortError' });
    assert.equal(gateway.asks, 0);
  });
});

describe('what shows the token', () => {
  it('neither the client nor its errors nor the console', async (t) => {
    const said = ['log', 'info', 'warn', 'error', 'debug'].map((name) => t.mock.method(console, name));
    const api = client();
    await api.token();
    gateway.api = () => problem(401, 'token_revoked');
    await api.fetch('/v1');
    const fault = await api.token().catch((error) => error);
    assert.ok(fault instanceof WayleaveError);
    assert.equal(fault.code, 'token_revoked');
    for (const text of [
      inspect(api, { depth: 9, showHidden: true }),
      JSON.stringify(api),
      inspect(fault),
      fault.stack,
    ]) {
      assert.ok(!text.includes('wlp_'), text);
    }
    for (const { mock } of said) assert.equal(mock.callCount(), 0);
  });
});

function deferred() {
  const made = {};
  made.promise = new Promise((resolve) => (made.resolve = resolve));
  return made;
}
