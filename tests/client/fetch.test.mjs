// client.js: requests with the token, and what happens after a token was refused.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { wayleave } from '../../src/client/client.js';
import { clocks } from './harness/clocks.mjs';
import { FAMILY, FakeGateway, problem } from './harness/fake_gateway.mjs';

let gateway;
beforeEach(async () => (gateway = await new FakeGateway().start()));
afterEach(() => gateway.stop());

const client = (options = {}) => wayleave({ gateway: gateway.origin, family: FAMILY, ...options });
const bodies = () => gateway.calls.map(({ body }) => body);
const tokens = () => gateway.calls.map(({ headers }) => headers.authorization ?? headers['x-api-key']);

/** A client whose token has just been replaced. */
async function withOldToken(options) {
  const api = client(options);
  await api.token();
  gateway.token = 'wlp_second';
  return api;
}

describe('a request', () => {
  it('has the token as Bearer, and everything else as the caller said', async () => {
    const response = await client().fetch('/v1/things?a=%20b', {
      method: 'PUT',
      headers: { 'X-Other': '1' },
      body: 'hello',
    });
    assert.equal(await response.text(), 'admitted');
    const [{ method, url, headers, body }] = gateway.calls;
    assert.deepEqual(
      [method, url, headers.authorization, headers['x-other'], body],
      ['PUT', '/v1/things?a=%20b', 'Bearer wlp_first', '1', 'hello'],
    );
  });

  it('or in another header, beside an Authorization of its own', async () => {
    const api = client({ header: 'X-Api-Key' });
    assert.equal((await api.fetch('/v1', { headers: { Authorization: 'Bearer user' } })).status, 200);
    assert.deepEqual(
      [gateway.calls[0].headers['x-api-key'], gateway.calls[0].headers.authorization],
      ['wlp_first', 'Bearer user'],
    );
  });

  it('may be a URL or a Request', async () => {
    const api = client();
    await api.fetch(new URL('/v1/a', gateway.origin));
    await api.fetch(
      new Request(`${gateway.origin}/v1/b`, { method: 'POST', body: 'b', headers: { 'X-Other': '2' } }),
      { cache: 'no-store' },
    );
    assert.deepEqual(
      gateway.calls.map(({ method, url, body }) => [method, url, body]),
      [
        ['GET', '/v1/a', ''],
        ['POST', '/v1/b', 'b'],
      ],
    );
    assert.equal(gateway.calls[1].headers['x-other'], '2');
  });

  it('with a header in the way says what to do, and nothing is sent', async () => {
    await assert.rejects(client().fetch('/v1', { headers: { authorization: 'Bearer user' } }), {
      name: 'TypeError',
      message: /header: "X-Api-Key"/,
    });
    assert.deepEqual([gateway.asks, gateway.calls.length], [0, 0]);
  });

  it('to another origin gets no token unless that was named', async () => {
    const other = await new FakeGateway().start();
    try {
      for (const input of [
        `${other.origin}/v1`,
        new URL(other.origin),
        new Request(other.origin),
        `//${new URL(other.origin).host}/v1`,
      ]) {
        await assert.rejects(client().fetch(input), { name: 'TypeError', message: /name it in sendTo/ });
      }
      await assert.rejects(client().url(`${other.origin}/v1`), { name: 'TypeError' });
      assert.deepEqual([gateway.asks, other.calls.length], [0, 0]);
      await client({ sendTo: [other.origin] }).fetch(`${other.origin}/v1`);
      assert.equal(other.calls[0].headers.authorization, 'Bearer wlp_first');
    } finally {
      await other.stop();
    }
  });

  it('is aborted as fetch is, also while it waits for the token', async () => {
    gateway.handsOut = () => new Promise(() => {});
    const stop = new AbortController();
    const waiting = [
      client().fetch('/v1', { signal: stop.signal }),
      client().fetch(new Request(`${gateway.origin}/v1`, { signal: stop.signal })),
    ];
    stop.abort();
    for (const one of waiting) await assert.rejects(one, { name: 'AbortError' });
    assert.equal(gateway.calls.length, 0);
  });
});

describe('a token that the gateway refuses', () => {
  for (const code of ['token_revoked', 'token_expired', 'token_disabled', 'token_invalid']) {
    it(`as ${code} is replaced, and the request sent once more`, async () => {
      const api = await withOldToken();
      gateway.code = code;
      const response = await api.fetch('/v1', { method: 'POST', body: 'hello' });
      assert.equal(await response.text(), 'admitted');
      assert.deepEqual(tokens(), ['Bearer wlp_first', 'Bearer wlp_second']);
      assert.deepEqual(bodies(), ['hello', 'hello']);
      assert.equal(gateway.asks, 2);
    });
  }

  it('is replaced once for all who met with it', async () => {
    const api = await withOldToken();
    const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => api.fetch(`/v1/${n}`)));
    assert.ok(answers.every(({ status }) => status === 200));
    assert.equal(gateway.asks, 2);
    assert.equal(gateway.calls.length, 60);
  });

  it('late, when it has been replaced already, costs no further renewal', async () => {
    const api = await withOldToken();
    let release;
    gateway.api = ({ url }) =>
      url === '/v1/late' && gateway.calls.length === 1
        ? new Promise((resolve) => (release = resolve))
        : undefined;
    const late = api.fetch('/v1/late');
    while (!release) await new Promise(setImmediate);
    await api.fetch('/v1/quick');
    release(problem(401, 'token_revoked'));
    assert.equal((await late).status, 200);
    assert.equal(gateway.asks, 2);
  });

  it('with each kind of body that can be sent twice', async () => {
    const form = new FormData();
    form.set('name', 'value');
    const kinds = [
      'text',
      new TextEncoder().encode('bytes'),
      new TextEncoder().encode('buffer').buffer,
      new Blob(['blob']),
      new URLSearchParams({ a: 'b' }),
      form,
    ];
    for (const body of kinds) {
      const api = await withOldToken();
      gateway.calls = [];
      assert.equal((await api.fetch('/v1', { method: 'POST', body })).status, 200);
      const [first, second] = bodies().map((text) => text.replace(/-+formdata\S+/g, 'boundary'));
      assert.ok(first.length > 0);
      assert.equal(first, second);
      gateway.token = 'wlp_first';
    }
  });

  it('a Request is sent once more too, body and all', async () => {
    const api = await withOldToken();
    const request = new Request(`${gateway.origin}/v1`, { method: 'POST', body: 'from a request' });
    assert.equal((await api.fetch(request)).status, 200);
    assert.deepEqual(bodies(), ['from a request', 'from a request']);
  });

  it('with a stream is not: the caller gets the 401, the next call the new token', async () => {
    const api = await withOldToken();
    const stream = () => new Blob(['flows once']).stream();
    const response = await api.fetch('/v1', { method: 'POST', body: stream(), duplex: 'half' });
    assert.deepEqual([response.status, (await response.json()).code], [401, 'token_revoked']);
    assert.equal((await api.fetch('/v1', { method: 'POST', body: stream(), duplex: 'half' })).status, 200);
    assert.deepEqual(bodies(), ['flows once', 'flows once']);
    assert.deepEqual(tokens(), ['Bearer wlp_first', 'Bearer wlp_second']);
  });

  it('twice in a row is the answer', async () => {
    const api = await withOldToken();
    gateway.api = () => problem(401, 'token_revoked');
    const response = await api.fetch('/v1');
    assert.deepEqual([response.status, (await response.json()).code], [401, 'token_revoked']);
    assert.deepEqual([gateway.asks, gateway.calls.length], [2, 2]);
  });

  it('and hands out all the same is not asked for in circles', async () => {
    const api = client();
    gateway.api = () => problem(401, 'token_revoked');
    for (let time = 0; time < 30; time += 1) {
      const answer = await api.fetch('/v1').catch((error) => error);
      assert.equal(answer.status, 401);
    }
    assert.ok(gateway.asks <= 3, `${gateway.asks} times`);
    assert.ok(gateway.calls.length <= 3, `${gateway.calls.length} calls`);
  });

  it('while a renewal that was answered before the revocation is under way is asked for again', async (t) => {
    const clock = clocks(t);
    const api = client();
    await api.token();
    clock.pass(150); // the next call renews it concurrently with its request
    const early = gateway.grants('wlp_first');
    let release;
    gateway.handsOut = () =>
      gateway.asks === 2 ? new Promise((resolve) => (release = () => resolve(early))) : undefined;
    gateway.token = 'wlp_second';
    gateway.api = ({ headers }) => {
      if (headers.authorization === 'Bearer wlp_first') setTimeout(() => release(), 50);
      return undefined;
    };
    assert.equal((await api.fetch('/v1')).status, 200);
    assert.equal(gateway.asks, 3);
  });

  it('and no other to be had: the 401 is the answer', async () => {
    const api = await withOldToken();
    gateway.handsOut = () => problem(404, 'not_found');
    const response = await api.fetch('/v1');
    assert.deepEqual([response.status, (await response.json()).code], [401, 'token_revoked']);
    await assert.rejects(api.fetch('/v1'), { code: 'not_found' });
    assert.equal(gateway.calls.length, 1);
  });

  it('aborted while a new one is on its way: the caller is told so', async () => {
    const api = await withOldToken();
    const stop = new AbortController();
    gateway.handsOut = () => new Promise(() => setTimeout(() => stop.abort(), 10));
    await assert.rejects(api.fetch('/v1', { signal: stop.signal }), { name: 'AbortError' });
  });
});

describe("an API's own refusals", () => {
  const own = {
    'a 401 that is not a problem': [401, { 'content-type': 'application/json' }, '{"code":"token_revoked"}'],
    'a 401 of its own': problem(401, 'user_unknown'),
    'a problem that is no 401': problem(403, 'token_revoked'),
    'a 401 that cannot be read': [401, { 'content-type': 'application/problem+json' }, '{'],
    'no token (never said of ours)': problem(401, 'token_missing'),
  };
  for (const [what, answer] of Object.entries(own)) {
    it(`${what} is passed on, unread`, async () => {
      gateway.api = () => answer;
      const response = await client().fetch('/v1');
      assert.deepEqual([response.status, await response.text()], [answer[0], answer[2]]);
      assert.deepEqual([gateway.asks, gateway.calls.length], [1, 1]);
    });
  }
});

describe('url()', () => {
  it('puts the token into the query and leaves the rest as it is', async () => {
    const api = client();
    for (const [from, to] of [
      ['/tiles/1.png', '/tiles/1.png?token=wlp_first'],
      ['tiles/1.png', '/tiles/1.png?token=wlp_first'],
      ['/t?a=1&b=%20+%2B&c', '/t?a=1&b=%20+%2B&c&token=wlp_first'],
      ['/t?token=wlp_old&a=1', '/t?a=1&token=wlp_first'],
      ['/t?tokens=1&a=token', '/t?tokens=1&a=token&token=wlp_first'],
      ['/t?a=1#part', '/t?a=1&token=wlp_first#part'],
    ]) {
      assert.equal(await api.url(from), gateway.origin + to);
    }
    assert.equal(
      await client({ query: 'key' }).url('/t?token=mine'),
      `${gateway.origin}/t?token=mine&key=wlp_first`,
    );
  });

  it('is a URL that works', async () => {
    assert.equal((await fetch(await client().url('/v1/tile.png'))).status, 200);
  });
});
