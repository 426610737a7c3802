// The synchronous and the asynchronous path decide alike: each request is sent to both, and the answers are
// compared byte by byte. The rows are those of tests/vectors, and every state of a token.
//
// A main module around the product's tells which path a request took. It can also make WebAssembly end as
// it does when Rust panics: on either path the next request is served as if nothing had happened.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { DEPLOYMENT, eventually, Gateway, SIGNING_SECRETS } from './harness/gateway.mjs';
import { HOST, routes } from './harness/routes.mjs';
import { mintToken, withFlippedBit } from './harness/tokens.mjs';
import { told } from './harness/told.mjs';

const MAIN = `
import worker, { asynchronous as slow, Registry, Usage, Relay } from './index.js';
export { Registry, Usage, Relay };

const send = globalThis.fetch;
const now = Date.now;
let wasSent = false;
globalThis.fetch = (...given) => {
  wasSent = true;
  return send(...given);
};

const shown = (handler) => ({
  async fetch(request, env, context) {
    wasSent = false;
    if (request.headers.has('X-Panic')) {
      let reading = Number(request.headers.get('X-Panic'));
      Date.now = () => {
        reading -= 1;
        if (reading > 0) return now();
        Date.now = now;
        throw new WebAssembly.RuntimeError('unreachable');
      };
    }
    const answering = handler.fetch(request, env, context);
    const isAtOnce = wasSent || !(answering instanceof Promise);
    const answer = await answering;
    const marked = new Response(answer.body, answer);
    marked.headers.set('X-Path', isAtOnce ? 'synchronous' : 'asynchronous');
    return marked;
  },
});

export default shown(worker);
export const asynchronous = shown(slow);
`;

const vectors = (name) =>
  JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8'));
const requests = vectors('requests');
const VECTOR_TOKEN = /wlp_AQEAAAAHAGtJ4BDZtpcDpzMePatq_4mPZ1B6/g;
const sourceLists = [...new Set(requests.credentials.map((row) => row.credential_sources))];
const ofSources = (list) => `/sources-${sourceLists.indexOf(list)}`;

const gateway = new Gateway({
  main: MAIN,
  entrypoints: ['asynchronous'],
  variables: (upstream) => ({
    ROUTES: [
      ...routes(upstream),
      ...sourceLists.map((list) => ({
        host: HOST,
        path: ofSources(list),
        upstream,
        audience: 'weather',
        anonymous: true,
        credential_sources: list,
      })),
    ],
  }),
});
const other = gateway.location('asynchronous');
let token;
let audiences;

before(async () => {
  await gateway.start();
  audiences = ['weather', 'maps', 'private'];
  ({ token } = await gateway.admin.createToken({ audiences }));
  await warmed(token);
});
after(() => gateway.stop());

const bearer = (text) => ['Authorization', `Bearer ${text}`];
const FROM_SITE = ['Origin', SITE];

/** Repeats a request until the isolate has list and record in memory, so that nothing must be awaited. */
async function warmed(text) {
  const headers = [bearer(text), FROM_SITE];
  const path = async () => (await gateway.client.get('/warm', { headers })).headers['x-path'];
  await eventually('the record is in memory', async () => (await path()) === 'synchronous');
}

/** Sends one request to both paths. Returns the answer, which both gave. */
async function alike(method, path, options = {}, isAwaited = false) {
  const seen = gateway.upstream.requests.length;
  const answer = await gateway.client.send(method, path, options);
  const sent = gateway.upstream.requests.slice(seen);
  const slow = await other.send(method, path, options);
  const sentBySlow = gateway.upstream.requests.slice(seen + sent.length);
  const what = `${method} ${path} ${JSON.stringify(options)}`;
  assert.deepEqual(told(answer), told(slow), what);
  assert.deepEqual(sent, sentBySlow, what);
  assert.equal(answer.headers['x-path'], isAwaited ? 'asynchronous' : 'synchronous', what);
  assert.equal(slow.headers['x-path'], 'asynchronous', what);
  return answer;
}

describe('both paths', () => {
  it('find the same credential in every row of requests.json', async () => {
    for (const row of JSON.parse(JSON.stringify(requests.credentials).replace(VECTOR_TOKEN, token))) {
      const headers = [...Object.entries(row.headers), FROM_SITE];
      const query = row.query === null ? '' : `?${row.query}`;
      await alike('GET', `${ofSources(row.credential_sources)}/x${query}`, { headers });
    }
  });

  it('take the same route for every path of requests.json that a client can send', async () => {
    const paths = requests.paths
      .map(({ url }) => url.replace(/^[a-z]+:\/\/[^/?]*/, ''))
      .filter((path) => path[0] === '/');
    const sendable = paths.filter((path) => /^[\x21-\x7e]+$/.test(path) && !path.startsWith('/_wayleave'));
    assert.ok(sendable.length > 100, `${sendable.length}`);
    for (const path of sendable) await alike('GET', path, { headers: [bearer(token), FROM_SITE] });
  });

  it('judge every origin of origins.json alike', async () => {
    const tokens = new Map();
    for (const { rules, missing_origin, request } of vectors('origins').decisions) {
      const name = JSON.stringify([rules, missing_origin]);
      if (!tokens.has(name)) {
        const made = await gateway.admin.call('POST', '/tokens', {
          body: { label: 'a row', audiences, origins: rules, missing_origin },
        });
        // Rules of schemes that this deployment does not know.
        tokens.set(name, made.status === 201 ? made.json.token : undefined);
      }
      const made = tokens.get(name);
      if (made === undefined) continue;
      const fields = { origin: 'Origin', referer: 'Referer', sec_fetch_site: 'Sec-Fetch-Site' };
      const shown = Object.entries(fields)
        .filter(([key]) => request[key] !== null)
        .map(([key, header]) => [header, request[key]])
        .filter(([, value]) => /^[\x20-\x7e]*$/.test(value));
      const headers = [bearer(made), ...shown];
      // The first request reads the record.
      await gateway.client.get('/x', { headers });
      await alike('GET', '/x', { headers });
    }
    assert.ok([...tokens.values()].filter(Boolean).length > 20);
  });

  it('judge every scope of requests.json alike, and send the same claims', async () => {
    const tokens = new Map();
    const make = async (settings) => {
      const made = await gateway.admin.createToken({ audiences, ...settings });
      await gateway.client.get('/x', { headers: [bearer(made.token), FROM_SITE] });
      return made.token;
    };
    for (const { paths, path, expect } of requests.scopes) {
      if (!tokens.has(paths.join())) tokens.set(paths.join(), await make({ paths }));
      const headers = [bearer(tokens.get(paths.join())), FROM_SITE];
      const answer = await alike('GET', path, { headers });
      assert.ok(expect.in_scope || answer.status >= 400, path);
    }
    const sentClaims = () => new Map(gateway.upstream.requests.at(-1).headers).get('wayleave-claims');
    const reads = await make({ methods: ['GET'], claims: { plan: 'free' } });
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const answer = await alike(method, '/x', { headers: [bearer(reads), FROM_SITE] });
      assert.equal(answer.status === 403, !['GET', 'HEAD'].includes(method), method);
    }
    assert.equal(sentClaims(), 'eyJwbGFuIjoiZnJlZSJ9');
    for (const { claims, expect } of requests.claims.filter((row) => !row.expect.fault)) {
      const token = await make({ claims: JSON.parse(claims) });
      await alike('GET', '/x', { headers: [bearer(token), FROM_SITE] });
      assert.equal(sentClaims(), expect.header, claims);
    }
  });

  it('edit every answer of headers.json alike, and whatever else an upstream says', async () => {
    const rows = vectors('headers').rows.filter(({ answer }) => answer?.headers);
    const others = [
      [200, [['Vary', 'Accept-Encoding']]],
      [
        200,
        [
          ['Vary', '*'],
          ['Cache-Control', 'public, max-age=60, s-maxage=600'],
        ],
      ],
      [
        200,
        [
          ['Set-Cookie', 'a=1; Path=/'],
          ['Set-Cookie', '__Host-wayleave-session=evil; Path=/; Secure'],
        ],
      ],
      [
        200,
        [
          ['Access-Control-Expose-Headers', 'X-Total'],
          ['Access-Control-Allow-Origin', '*'],
        ],
      ],
      [
        200,
        [
          ['Alt-Svc', 'h3=":443"'],
          ['NEL', '{}'],
          ['Wayleave-Token-Expires', 'never'],
        ],
      ],
      [
        200,
        [
          ['CDN-Cache-Control', 'max-age=60'],
          ['Surrogate-Control', 'max-age=60'],
        ],
      ],
      [404, []],
      [204, []],
      [304, [['ETag', '"1"']]],
      [503, [['Retry-After', '7']]],
      [302, [['Location', '/elsewhere']]],
    ];
    const answers = [...rows.map(({ answer }) => [answer.status ?? 200, answer.headers]), ...others];
    for (const [status, fields] of answers.filter(([status]) => status !== 101)) {
      const text = JSON.stringify(fields.map(([name, value]) => [name, value.replaceAll(/[{}]/g, '')]));
      const query = `?status=${status}&headers=${encodeURIComponent(text)}`;
      for (const path of ['/answer', '/open/answer', '/cached/answer', '/private/answer']) {
        await alike('GET', `${path}${query}`, { headers: [bearer(token), FROM_SITE] });
      }
      await alike('GET', `/answer${query}&token=${token}`, { headers: [FROM_SITE] });
      await alike('GET', `/open/answer${query}`, { headers: [FROM_SITE] });
      await alike('HEAD', `/answer${query}`, { headers: [bearer(token), FROM_SITE] });
    }
  });

  it('refuse alike', async () => {
    const own = { secret: SIGNING_SECRETS[1], deployment: DEPLOYMENT };
    const [disabled, revoked] = await Promise.all(
      [{}, {}].map(() => gateway.admin.createToken({ audiences })),
    );
    await warmed(disabled.token);
    await warmed(revoked.token);
    await gateway.admin.call('POST', `/tokens/${disabled.id}/disable`, { body: {} });
    await gateway.admin.revoke(revoked.id);
    const status = async ({ token: text }) =>
      (await gateway.client.get('/x', { headers: [bearer(text), FROM_SITE] })).status;
    await eventually(
      'both are refused',
      async () => (await status(disabled)) + (await status(revoked)) === 802,
    );
    const elsewhere = ['Origin', 'https://elsewhere.example'];
    for (const headers of [
      [FROM_SITE],
      [bearer('wlp_garbage'), FROM_SITE],
      [bearer(withFlippedBit(token, 200)), FROM_SITE],
      [bearer(mintToken({ ...own, serial: 1, expiresAt: 1_700_000_000 })), FROM_SITE],
      [bearer(disabled.token), FROM_SITE],
      [bearer(revoked.token), FROM_SITE],
      [bearer(token), elsewhere],
      [bearer(token)],
      [bearer(token), ['X-Api-Key', token], FROM_SITE],
      [bearer(token), ['X-Odd', token], FROM_SITE],
    ]) {
      for (const method of ['GET', 'HEAD', 'POST']) {
        for (const path of ['/x', '/maps/x', '/private/x', '/open/x', '/_wayleave/token', '/nowhere']) {
          await alike(method, path, { headers });
        }
      }
    }
  });

  it('answer preflights, bodies, and upstreams that do not answer alike', async () => {
    const headers = [bearer(token), FROM_SITE];
    const preflight = [FROM_SITE, ['Access-Control-Request-Method', 'PUT']];
    for (const path of ['/x', '/open/x', '/private/x']) await alike('OPTIONS', path, { headers: preflight });
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      await alike(method, '/upload', { headers, body: 'x'.repeat(100_000) });
    }
    await alike('GET', '/x', {
      headers: [...headers, ['Content-Type', 'text/plain']],
      body: 'a GET with a body',
    });
    await alike('GET', '/closed/x', { headers });
    await alike('HEAD', '/closed/x', { headers });
    assert.equal((await alike('GET', '/impatient/hang', { headers })).status, 504);
    await alike('GET', '/cut', { headers });
    await alike('GET', '/status?code=600', { headers });
  });

  it('leave to the asynchronous path what must be awaited', async () => {
    const fresh = await gateway.admin.createToken({ audiences });
    const headers = [bearer(fresh.token), FROM_SITE];
    assert.equal((await gateway.client.get('/x', { headers })).headers['x-path'], 'asynchronous');
    assert.equal((await gateway.client.get('/x', { headers })).headers['x-path'], 'synchronous');
    for (const path of ['/_wayleave/health', '/_wayleave/client.js']) {
      assert.equal((await gateway.client.get(path)).headers['x-path'], 'asynchronous');
    }
  });
});

describe('a panic', () => {
  it('after the first read of a record ends one request, and the next is served', async () => {
    await warmed(token);
    // The clock is read once for each decision, and the second one follows the read. Work in the background
    // reads it too, so the panic may hit that instead: then the next token is tried.
    await eventually('the panic hits a request', async () => {
      const { token: fresh } = await gateway.admin.createToken({ audiences });
      const headers = [bearer(fresh), FROM_SITE];
      const { status } = await gateway.client.get('/x', { headers: [...headers, ['X-Panic', '2']] });
      assert.equal((await gateway.client.get('/x', { headers })).status, 200);
      return status === 500;
    });
    await warmed(token);
  });

  for (const [name, client] of [
    ['synchronous', gateway.client],
    ['asynchronous', other],
  ]) {
    it(`on the ${name} path ends one request, and the next is served`, async () => {
      await warmed(token);
      const headers = [bearer(token), FROM_SITE];
      const failed = await client.get('/x', { headers: [...headers, ['X-Panic', '1']] });
      assert.equal(failed.status, 500);
      for (const next of [gateway.client, other]) {
        assert.equal((await next.get('/x', { headers })).status, 200, gateway.workerd.output.slice(-3000));
      }
      // The registry's object began before the panic, and has its state in its storage.
      const made = await gateway.admin.createToken({ audiences });
      assert.equal(
        (await gateway.client.get('/x', { headers: [bearer(made.token), FROM_SITE] })).status,
        200,
      );
      await warmed(token);
    });
  }
});
