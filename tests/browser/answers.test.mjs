// How a real Chromium treats the gateway's answers, with Express and helmet behind the gateway: what its
// cache serves for a revoked token, which site may embed or read what, where redirects lead, and which
// cookies are kept.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import helmet from 'helmet';
import { startExpress } from '../workerd/harness/express.mjs';
import { ADMIN_KEY, eventually, Gateway } from '../workerd/harness/gateway.mjs';
import { PNG } from '../workerd/harness/upstream.mjs';
import { openBrowser } from './chromium.mjs';

/** Requests that reached the API: path and Cookie. */
const arrived = [];
let api, site, stranger, gateway, browser;

before(async () => {
  api = await startExpress((app) => {
    app.use(helmet());
    app.use((request, _response, next) => {
      arrived.push({ path: request.path, cookie: request.headers.cookie ?? '' });
      next();
    });
    const serve = (path, answer) =>
      app.get(`/base/${path}`, (request, response) => answer(response, request));
    serve('tile.png', (response) => response.type('png').send(PNG));
    serve('moved.png', (response) => response.redirect('/base/tile.png'));
    serve('moved-stream', (response, { headers }) => response.redirect(`http://${headers.host}/base/stream`));
    serve('stream', (response) => response.type('text/event-stream').send('data: arrived\n\n'));
    serve('open/page', (response) => response.type('html').send('<title>open</title>'));
    serve('open/kept', (response) => response.set('Cache-Control', 'public, max-age=600').send('kept'));
    serve('open/cookies', (response) => {
      for (const name of ['__Host-wayleave', '__host-Wayleave ', '=__Host-wayleave', 'theirs']) {
        response.append('Set-Cookie', `${name}=planted; Path=/; Secure`);
      }
      response.send('set');
    });
    serve('private/account', (response, { headers }) => response.send(`the account of ${headers.cookie}`));
  });
  // Pages of two sites on separate ports: on one machine, a browser sends its cookies to both ports.
  const page = (app) => app.use((_request, response) => response.type('html').send('<title>a page</title>'));
  [site, stranger] = await Promise.all([startExpress(page), startExpress(page)]);
  const variables = (credentials) => () => ({
    REVOCATION_BOUND_SECONDS: '5',
    ROUTES: [
      { path: '/', upstream: `${api.origin}/base/`, audience: 'api' },
      { path: '/open', upstream: `${api.origin}/base/`, audience: 'api', anonymous: true },
      { path: '/private', upstream: `${api.origin}/base/`, audience: 'private', credentials },
    ],
  });
  // Tokens are created by a deployment whose route does not accept cookies yet.
  gateway = new Gateway({ variables: variables(false), locations: { cookies: variables(true) } });
  await gateway.start();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await gateway?.stop();
  await Promise.all([api, site, stranger].map((server) => server?.stop()));
});

const originOf = (server) => `http://localhost:${server.port}`;
const gatewayOrigin = () => `http://localhost:${gateway.workerd.ports.gateway}`;
const make = (settings) =>
  gateway.admin.createToken({ origins: [originOf(site)], audiences: ['api'], ...settings });

/** Opens a page in a new browser context, and closes both afterwards. */
async function on(url, act) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(url);
    return await act(page, context);
  } finally {
    await context.close();
  }
}

/** Whether a page can show the image. */
const shows = (page, source) =>
  page.evaluate(
    (src) =>
      new Promise((resolve) => {
        const ends = { onload: () => resolve(true), onerror: () => resolve(false) };
        document.body.append(Object.assign(new Image(), { src, ...ends }));
      }),
    source,
  );

test('a dead token gets no cached answer of an anonymous call', async () => {
  const dead = await make({ origins: [gatewayOrigin()] });
  await gateway.admin.revoke(dead.id);
  const refused = { Origin: gatewayOrigin(), 'X-Api-Key': dead.token };
  await eventually(
    'the gateway refuses it',
    async () => (await gateway.client.get('/open/kept', { headers: refused })).status === 401,
  );
  await on(`${gatewayOrigin()}/open/page`, async (page) => {
    const ask = (headers) =>
      page.evaluate(async (given) => {
        const response = await fetch('/open/kept', { headers: given });
        return [response.status, await response.text()];
      }, headers);
    const before = arrived.length;
    assert.deepEqual(await ask({}), [200, 'kept']);
    assert.deepEqual(await ask({}), [200, 'kept']);
    assert.equal(arrived.length, before + 1, 'the second came from the cache');
    for (const headers of [{ 'X-Api-Key': dead.token }, { Authorization: `Bearer ${dead.token}` }]) {
      const [status, text] = await ask(headers);
      assert.deepEqual([status, JSON.parse(text).code], [401, 'token_revoked']);
    }
  });
});

test('a page that the token names embeds an image that the API would keep to itself', async () => {
  const { token } = await make({});
  const source = `${gatewayOrigin()}/tile.png?token=${token}`;
  assert.equal(await on(originOf(site), (page) => shows(page, source)), true);
  assert.equal(await on(originOf(stranger), (page) => shows(page, source)), false);
  // Another site than localhost; `same-site` would exclude it.
  const elsewhere = `http://127.0.0.1:${site.port}`;
  const { token: other } = await make({ origins: [elsewhere] });
  assert.equal(await on(elsewhere, (page) => shows(page, source.replace(token, other))), true);
});

test('an image and a stream of events follow a redirect of the API through the gateway', async () => {
  const { token } = await make({});
  await on(originOf(site), async (page) => {
    assert.equal(await shows(page, `${gatewayOrigin()}/moved.png?token=${token}`), true);
    const said = await page.evaluate(
      (url) =>
        new Promise((resolve) => {
          const events = new EventSource(url);
          events.onmessage = ({ data }) => resolve(data);
          events.onerror = () => resolve(`nothing of ${url}`);
        }),
      `${gatewayOrigin()}/moved-stream?token=${token}`,
    );
    assert.equal(said, 'arrived');
  });
});

test('a site that no rule names reads no answer made for a visitor’s cookies', async () => {
  const named = await make({ audiences: ['private'] });
  const open = await make({ audiences: ['private'], origins: 'any' });
  const reporting = await make({ audiences: ['private'], origin_mode: 'report' });
  const account = `http://localhost:${gateway.workerd.ports.cookies}/private/account`;
  const visitor = { name: 'visitor', value: 'ann', domain: 'localhost', path: '/' };
  const ask = (server, token) =>
    on(originOf(server), async (page, context) => {
      await context.addCookies([visitor]);
      return page.evaluate(
        ([url, key]) =>
          fetch(url, { credentials: 'include', headers: { 'X-Api-Key': key } }).then(
            (response) => response.text(),
            (error) => error.name,
          ),
        [account, token],
      );
    });
  assert.equal(await ask(site, named.token), 'the account of visitor=ann');
  const before = arrived.length;
  for (const { token } of [named, open, reporting]) assert.equal(await ask(stranger, token), 'TypeError');
  assert.equal(arrived.length, before);
});

test('an upstream on the console’s own host does not replace the operator’s session', async () => {
  await on(`${gatewayOrigin()}/open/page`, async (page, context) => {
    const session = (init) =>
      page.evaluate(async (given) => (await fetch('/_wayleave/api/session', given)).status, init);
    const headers = { 'Content-Type': 'application/json' };
    assert.equal(await session({ method: 'POST', headers, body: JSON.stringify({ key: ADMIN_KEY }) }), 201);
    const kept = async () => {
      const cookies = await context.cookies();
      return cookies.map(({ name, value }) => [name, value === 'planted']).sort();
    };
    assert.deepEqual(await kept(), [['__Host-wayleave', false]]);
    await page.evaluate(() => fetch('/open/cookies').then((response) => response.text()));
    assert.deepEqual(await kept(), [
      ['__Host-wayleave', false],
      ['theirs', true],
    ]);
    assert.equal(await session({}), 200);
    assert.doesNotMatch(arrived.at(-1).cookie, /wayleave/i);
  });
});
