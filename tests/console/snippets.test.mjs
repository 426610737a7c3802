// The code that the console shows for a token does what it says: run as it is, by a real Chromium with the
// map libraries of npm, and by curl, through the real Worker in front of the demo's API. From the token's
// site it gets an answer; from another site, or with a revoked token, a refusal.
//
// Mapbox GL JS is not run: its licence needs an account. Its code is run with MapLibre, which has the same
// API.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { WebSocketServer } from 'ws';
import { demoUpstream } from '../../deploy/local/upstream.mjs';
import { apisOf, exampleSite } from '../../www/snippets/apis.js';
import { snippets, tilesBelow } from '../../www/snippets/snippets.js';
import { openBrowser } from '../browser/chromium.mjs';
import { eventually, Gateway } from '../workerd/harness/gateway.mjs';
import { pageOf, snippetSite } from './harness/snippet_site.mjs';

const TILE = '/v1/tiles/5/16/10.png';
/** What each kind asks for; the others ask for TILE. */
const PATHS = { eventsource: '/v1/live', websocket: '/v1/socket' };
const HEADERS = 'header:X-Map-Key';
const QUERY = 'query:key';

const upstream = demoUpstream();
const sockets = new WebSocketServer({ server: upstream });
sockets.on('connection', (socket) => socket.send('hello'));
const routes = () => ({
  ROUTES: [{ path: '/v1', upstream: `http://127.0.0.1:${upstream.address().port}` }],
});
const gateway = new Gateway({
  variables: routes,
  locations: {
    headers: () => ({ CREDENTIAL_SOURCES: HEADERS }),
    query: () => ({ CREDENTIAL_SOURCES: QUERY }),
  },
});
const { admin } = gateway;
const [site, stranger] = [snippetSite(), snippetSite()];
let browser, mine, revoked;

before(async () => {
  await once(upstream.listen(0, '127.0.0.1'), 'listening');
  await Promise.all([site.start(), stranger.start(), gateway.start()]);
  // WebGL without a graphics card, which MapLibre needs.
  browser = await openBrowser('--enable-unsafe-swiftshader', '--ignore-gpu-blocklist');
  const make = () => admin.createToken({ origins: [site.origin], distribute: true });
  [mine, revoked] = [await make(), await make()];
  await admin.revoke(revoked.id, { force: true });
  const headers = { Authorization: `Bearer ${revoked.token}`, Origin: site.origin };
  await eventually('it is refused', async () => (await gateway.client.get(TILE, { headers })).status === 401);
});
after(async () => {
  await browser?.close();
  await gateway.stop();
  await Promise.all([site.stop(), stranger.stop()]);
  sockets.close();
  upstream.closeAllConnections();
  upstream.close();
});

const originOf = (location) => `http://localhost:${gateway.workerd.ports[location]}`;

/** The code for a token, as the console of this location makes it. */
async function codeFor(token, location = 'gateway') {
  const settings = await gateway
    .location(location)
    .get('/_wayleave/api/configuration', { headers: { Authorization: `Bearer ${admin.key}` } });
  const [api] = apisOf(token, JSON.parse(settings.text), originOf(location));
  assert.equal(api.origin, originOf(location));
  assert.equal(api.path, '/v1');
  const use = {
    ...api,
    tiles: tilesBelow(api.origin, api.path),
    token: token.token,
    family: token.distribute ? token.family : null,
    site: exampleSite(token),
  };
  const made = (path) => snippets({ ...use, path });
  return made(TILE).map(({ id }, at) => made(PATHS[id] ?? TILE)[at]);
}

const codeOf = async (id, token, location) =>
  (await codeFor(token, location)).find((snippet) => snippet.id === id);

/** Runs code in a page of a site; the status of the first answer of the gateway to what it is about. */
async function statusOf(from, { id, text }) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const answered = id === 'websocket' ? socketStatus(page) : await answerStatus(page, id);
    await page.goto(await pageOf(from, id, text));
    return await answered.status;
  } finally {
    await context.close();
  }
}

/** What a page asks the gateway for; client.js asks for the family's token first, which may be refused. */
const isAbout = (id, url) =>
  id === 'eventsource'
    ? url.includes('/v1/live')
    : url.includes('/v1/tiles/') || (id === 'client' && url.includes('/_wayleave/families/'));

/**
 * The status of the first answer to a GET that counts. Of a refused image, Chromium gives the page nothing to
 * read, so its protocol is asked as well; that does not know of requests of workers, which MapLibre makes.
 */
async function answerStatus(page, id) {
  const counts = (url, status) => isAbout(id, url) && !(url.includes('/_wayleave/') && status === 200);
  const browser = await page.context().newCDPSession(page);
  // The two events of a request come in either order.
  const [asked, statuses] = [new Map(), new Map()];
  await browser.send('Network.enable');
  const status = new Promise((resolve) => {
    const look = (id) => {
      const [url, status] = [asked.get(id), statuses.get(id)];
      if (url !== undefined && status !== undefined && counts(url, status)) resolve(status);
    };
    browser.on('Network.requestWillBeSent', ({ requestId, request }) => {
      if (request.method === 'GET') asked.set(requestId, request.url);
      look(requestId);
    });
    browser.on('Network.responseReceivedExtraInfo', ({ requestId, statusCode }) => {
      statuses.set(requestId, statusCode);
      look(requestId);
    });
    page.on('response', (response) => {
      const [url, status] = [response.url(), response.status()];
      if (response.request().method() === 'GET' && counts(url, status)) resolve(status);
    });
  });
  return { status };
}

/** Chromium says the status of a refused handshake only in its console, and of 401 in words. */
function socketStatus(page) {
  const status = new Promise((resolve) => {
    page.on('websocket', (socket) => socket.on('framereceived', () => resolve(101)));
    page.on('console', (message) => {
      const [, code] = /Unexpected response code: (\d+)/.exec(message.text()) ?? [];
      if (code) resolve(Number(code));
      else if (message.text().includes('HTTP Authentication failed')) resolve(401);
    });
  });
  return { status };
}

const PAGES = [
  'client',
  'fetch',
  'img',
  'maplibre',
  'mapbox',
  'leaflet',
  'openlayers',
  'eventsource',
  'websocket',
];

describe('with the usual places', { timeout: 240_000 }, () => {
  for (const id of PAGES) {
    it(`${id}: answered on the token's site, refused elsewhere and when it is revoked`, async () => {
      const code = await codeOf(id, mine);
      assert.ok('text' in code, code.why);
      const [here, elsewhere, dead] = await Promise.all([
        statusOf(site, code),
        statusOf(stranger, code),
        statusOf(site, await codeOf(id, revoked)),
      ]);
      const answered = id === 'websocket' ? 101 : 200;
      // A family with no token that works has none to hand out.
      const ended = id === 'client' ? 404 : 401;
      assert.deepEqual([here, elsewhere, dead], [answered, 403, ended]);
    });
  }
});

for (const [location, offered, without] of [
  [
    'headers',
    ['client', 'fetch', 'maplibre', 'mapbox', 'openlayers'],
    ['img', 'leaflet', 'eventsource', 'websocket'],
  ],
  ['query', PAGES, []],
]) {
  describe(`where tokens are read from ${location} alone`, { timeout: 120_000 }, () => {
    it('offers what works, and says why the others do not', async () => {
      const made = await codeFor(mine, location);
      const ids = (has) => made.filter((snippet) => has in snippet).map(({ id }) => id);
      assert.deepEqual(ids('text'), [...offered, 'curl']);
      assert.deepEqual(ids('why'), without);
      for (const { why } of made) if (why) assert.match(why, /CREDENTIAL_SOURCES/);
    });
    for (const id of offered) {
      it(`${id} works`, async () => {
        const code = await codeOf(id, mine, location);
        assert.equal(await statusOf(site, code), id === 'websocket' ? 101 : 200, code.text);
      });
    }
  });
}

const run = promisify(execFile);
/** Runs the code for curl in a shell; the status that it prints. */
async function curled(token, location) {
  const { text } = await codeOf('curl', token, location);
  const { stdout } = await run('bash', ['-c', `${text} -s -o /dev/null -w '%{http_code}'`]);
  return [Number(stdout), text];
}

describe('curl', () => {
  it('names the token’s site, so that the gateway answers; with a revoked token it is refused', async () => {
    for (const location of ['gateway', 'headers', 'query']) {
      const [status, text] = await curled(mine, location);
      assert.equal(status, 200, text);
      assert.ok(text.includes(`Origin: ${site.origin}`));
    }
    assert.equal((await curled(revoked))[0], 401);
  });

  it('names a site that a wildcard admits', async () => {
    for (const rule of [
      'https://*.preview.shop.example',
      'http://*.preview.shop.example:*',
      'http://localhost:*',
      'moz-extension://*',
    ]) {
      const [status, text] = await curled(await admin.createToken({ origins: [rule] }));
      assert.equal(status, 200, text);
      assert.match(text, /Origin: [a-z-]+:\/\/[^*]+'$/);
    }
  });

  it('names no site where none is needed', async () => {
    for (const settings of [{ origins: 'any' }, { origins: [site.origin], missing_origin: 'allow' }]) {
      const [status, text] = await curled(await admin.createToken(settings));
      assert.equal(status, 200, text);
      assert.ok(!text.includes('Origin'), text);
    }
  });
});
