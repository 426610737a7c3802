// client.js: watchers receive every successor even if nothing else uses the client. A hidden page waits until
// it is visible.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { wayleave } from '../../src/client/client.js';
import { clocks } from './harness/clocks.mjs';
import { FAMILY, FakeGateway, problem } from './harness/fake_gateway.mjs';

let gateway;
let ends = [];
beforeEach(async () => {
  gateway = await new FakeGateway().start();
  gateway.life.refresh_after_seconds = 1; // the shortest interval that client.js allows
});
afterEach(async () => {
  for (const end of ends) end();
  ends = [];
  delete globalThis.document;
  await gateway.stop();
});

const client = () => wayleave({ gateway: gateway.origin, family: FAMILY });

function watching(api) {
  const seen = { tokens: [], faults: [] };
  seen.end = api.watch(
    (token) => seen.tokens.push(token),
    (fault) => seen.faults.push(fault.code),
  );
  ends.push(seen.end);
  return seen;
}

async function eventually(what, condition) {
  for (let tries = 0; tries < 500; tries += 1) {
    if (condition()) return;
    await sleep(10);
  }
  assert.fail(`never happened: ${what}`);
}

/** The parts of a page that client.js uses. */
function page(visibilityState) {
  globalThis.document = Object.assign(new EventTarget(), { visibilityState });
  return {
    turns: (state) => {
      globalThis.document.visibilityState = state;
      globalThis.document.dispatchEvent(new Event('visibilitychange'));
    },
  };
}

describe('watch()', () => {
  it('tells the token and each successor once', async () => {
    const seen = watching(client());
    await eventually('the first', () => seen.tokens.length === 1);
    await eventually('a renewal', () => gateway.asks >= 2);
    gateway.token = 'wlp_second';
    await eventually('the successor', () => seen.tokens.length === 2);
    assert.deepEqual(seen.tokens, ['wlp_first', 'wlp_second']);
  });

  it('tells one who comes later too, and nobody who has gone', async () => {
    const api = client();
    await api.token();
    const gone = watching(api);
    gone.end();
    const seen = watching(api);
    await eventually('the token that is held', () => seen.tokens.length === 1);
    gateway.token = 'wlp_second';
    await eventually('the successor', () => seen.tokens.length === 2);
    assert.deepEqual(gone.tokens, []);
    seen.end();
    const { asks } = gateway;
    await sleep(1300);
    assert.equal(gateway.asks, asks, 'with nobody watching nothing is asked');
  });

  it('tells one who comes while none works, although the next one was told to others before', async () => {
    const api = client();
    const early = watching(api);
    await eventually('the first', () => early.tokens.length === 1);
    // It is disabled for a while.
    gateway.handsOut = () => problem(503, 'registry_unavailable');
    gateway.api = () => problem(401, 'token_disabled');
    assert.equal((await api.fetch('/v1')).status, 401);
    const seen = watching(api);
    await sleep(50);
    assert.deepEqual(seen.tokens, []);
    gateway.handsOut = () => undefined;
    await eventually('the token that works again', () => seen.tokens.length === 1);
    assert.deepEqual([early.tokens, seen.tokens], [['wlp_first'], ['wlp_first']]);
  });

  it('is what makes it ask by itself: without, a token is only asked for when it is used', async () => {
    const api = client();
    await api.token();
    await sleep(1300);
    assert.equal(gateway.asks, 1);
  });

  it('tells of a successor that a refused request brought', async () => {
    const api = client();
    gateway.life.refresh_after_seconds = 1000;
    const seen = watching(api);
    await eventually('the first', () => seen.tokens.length === 1);
    gateway.token = 'wlp_second';
    assert.equal((await api.fetch('/v1')).status, 200);
    await eventually('the successor', () => seen.tokens.length === 2);
  });

  it('tells of a failure, and tries again', async () => {
    gateway.handsOut = () => (gateway.asks <= 3 ? problem(503, 'registry_unavailable') : undefined);
    const seen = watching(client());
    await eventually('the token', () => seen.tokens.length === 1);
    assert.deepEqual(seen.faults, ['registry_unavailable']);
  });

  it("an exception of the watcher's is its own: the next is told, the renewal stands", async () => {
    const api = client();
    const thrown = [];
    process.setUncaughtExceptionCaptureCallback((error) => thrown.push(error.message));
    try {
      ends.push(
        api.watch(() => {
          throw new Error("the page's own");
        }),
      );
      const seen = watching(api);
      await eventually('the second is told', () => seen.tokens.length === 1);
      assert.equal(await api.token(), 'wlp_first');
      await eventually('the exception is seen', () => thrown.length === 1);
      assert.deepEqual(thrown, ["the page's own"]);
    } finally {
      process.setUncaughtExceptionCaptureCallback(null);
    }
  });
});

describe('a page that sleeps', () => {
  it('asks for its first token, but not for others until it is seen', async () => {
    const { turns } = page('hidden');
    const seen = watching(client());
    await eventually('the first', () => seen.tokens.length === 1);
    gateway.token = 'wlp_second';
    await sleep(1300);
    assert.equal(gateway.asks, 1);
    turns('visible');
    await eventually('the successor', () => seen.tokens.length === 2);
  });

  for (const event of ['pageshow', 'online']) {
    it(`looks at once what is due at "${event}", however late its timer is`, async (t) => {
      // Node has no window, so the global object replaces it.
      const target = new EventTarget();
      for (const name of ['addEventListener', 'removeEventListener']) {
        globalThis[name] = target[name].bind(target);
        t.after(() => delete globalThis[name]);
      }
      const clock = clocks(t);
      gateway.life.refresh_after_seconds = 1000;
      gateway.life.expires_in = 5000;
      const seen = watching(client());
      await eventually('the first', () => seen.tokens.length === 1);
      gateway.token = 'wlp_second';
      clock.move('wall', 1000); // asleep: neither the steady clock nor the timer moves
      target.dispatchEvent(new Event(event));
      await eventually('the successor', () => seen.tokens.length === 2);
    });
  }

  it('after a failure "online" does not wait for the rest of the pause', async (t) => {
    const target = new EventTarget();
    for (const name of ['addEventListener', 'removeEventListener']) {
      globalThis[name] = target[name].bind(target);
      t.after(() => delete globalThis[name]);
    }
    gateway.handsOut = () => problem(404, 'not_found'); // causes a pause of half a minute
    const seen = watching(client());
    await eventually('the failure', () => seen.faults.length === 1);
    gateway.handsOut = () => undefined;
    target.dispatchEvent(new Event('online'));
    await eventually('the token', () => seen.tokens.length === 1);
  });
});
