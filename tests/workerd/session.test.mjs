// Console sessions through the real Worker: sign-in and sign-out, which requests may use a session, and where
// none exist.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { ADMIN_KEY, Gateway } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';

const SESSION = '/_wayleave/api/session';
const TOKENS = '/_wayleave/api/tokens';
const CONTROL = 'control.example';
const SAME_ORIGIN = { 'Sec-Fetch-Site': 'same-origin' };

const gateway = new Gateway({
  variables: (upstream) => ({ UPSTREAM: upstream, CONTROL_HOSTS: CONTROL }),
  locations: { shared: () => ({ CONTROL_HOSTS: null }) },
});
const { client, admin } = gateway;
const shared = gateway.location('shared');
client.host = CONTROL;

before(() => gateway.start());
after(() => gateway.stop());

const signIn = (key, { to = client, host, headers = SAME_ORIGIN } = {}) =>
  to.send('POST', SESSION, { host, body: { key }, headers });

/** The cookie pair of a new session. */
async function session(key = ADMIN_KEY) {
  const answer = await signIn(key);
  assert.equal(answer.status, 201, String(answer));
  return answer.all('set-cookie')[0].split(';')[0];
}

describe('the console', () => {
  const CONSOLE = '/_wayleave/console/';

  it('is on the control host alone, under a policy that lets nothing inline or foreign run', async () => {
    const page = await client.get(CONSOLE);
    assert.equal(page.status, 200, String(page));
    assert.match(page.headers['content-type'], /^text\/html/);
    assert.equal(page.headers['x-content-type-options'], 'nosniff');
    assert.equal(page.headers['x-frame-options'], 'DENY');
    const policy = page.headers['content-security-policy'];
    for (const directive of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]) {
      assert.ok(policy.includes(directive), directive);
    }
    assert.doesNotMatch(policy, /unsafe|https?:|\*|data:|blob:/);
    const [, script] = /src="([^"]+main\.js)"/.exec(page.text);
    const file = await client.get(CONSOLE + script);
    assert.equal(file.headers['content-type'], 'text/javascript; charset=utf-8');
    assert.match(file.headers['cache-control'], /immutable/);
    assert.equal(file.headers['content-security-policy'], policy);
    assert.equal((await client.get('/_wayleave/console')).headers.location, CONSOLE);
    assertProblem(await client.send('POST', CONSOLE), 'method_not_allowed');
    for (const path of [CONSOLE, CONSOLE + script, '/_wayleave/console', `${CONSOLE}%2e%2e/api/tokens`]) {
      const elsewhere = await client.get(path, { host: 'api.example' });
      assert.ok([400, 404].includes(elsewhere.status), `${path}: ${elsewhere}`);
      assert.doesNotMatch(elsewhere.text, /console/i);
    }
  });

  it('shares its host with no upstream, where one route is for every host', async () => {
    const { token } = await admin.createToken();
    const ask = (host) => client.get('/page', { host, headers: { Origin: SITE, 'X-Api-Key': token } });
    assert.equal((await ask('api.example')).status, 200);
    const arrived = gateway.upstream.requests.length;
    for (const answer of [await ask(CONTROL), await client.get('/'), await client.send('OPTIONS', '/')])
      assertProblem(answer, 'route_not_found');
    assert.equal(gateway.upstream.requests.length, arrived);
  });

  it('without control hosts is on loopback alone, and says why where it is not', async () => {
    for (const host of ['localhost:8787', '127.0.0.1'])
      assert.equal((await shared.get(CONSOLE, { host })).status, 200, host);
    const elsewhere = await shared.get(CONSOLE, { host: 'api.example' });
    assert.equal(elsewhere.status, 404);
    assert.match(elsewhere.text, /CONTROL_HOSTS/);
    assert.doesNotMatch(elsewhere.text, /main\.js/);
  });
});

describe('signing in', () => {
  it('sets one cookie with every flag, and the answer holds neither key nor session', async () => {
    const answer = await signIn(ADMIN_KEY);
    assert.equal(answer.status, 201, String(answer));
    const [cookie, ...others] = answer.all('set-cookie');
    assert.deepEqual(others, []);
    assert.match(
      cookie,
      /^__Host-wayleave=wls_[A-Za-z0-9_-]{32}; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
    assert.equal(answer.json.role, 'owner');
    assert.equal(answer.headers['cache-control'], 'no-store');
    for (const secret of [ADMIN_KEY, /=(wls_[^;]+)/.exec(cookie)[1]])
      assert.ok(!answer.text.includes(secret));
  });

  it('a wrong key is refused late and without a call to the registry', async () => {
    const calls = async () => (await admin.status()).calls.admin;
    const before = await calls();
    const began = performance.now();
    assertProblem(await signIn('wla_made-up'), 'unauthorized');
    // The Worker delays its answer by at least this long, so a slow machine cannot fail this assertion.
    assert.ok(performance.now() - began >= 900);
    assert.equal(await calls(), before + 1);
  });

  it("only from the console's own pages", async () => {
    for (const headers of [
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
      { Origin: 'https://evil.example' },
      {},
    ]) {
      const answer = await signIn(ADMIN_KEY, { headers });
      const problem = assertProblem(answer, 'forbidden');
      assert.equal(problem.reason, 'cross_origin');
      assert.doesNotMatch(problem.detail, /higher role/);
      assert.deepEqual(answer.all('set-cookie'), []);
    }
    assert.equal((await signIn(ADMIN_KEY, { headers: { Origin: `http://${CONTROL}` } })).status, 201);
  });

  it('nowhere that an upstream shares the origin; on loopback yes', async () => {
    const answer = await signIn(ADMIN_KEY, { to: shared, host: 'api.example' });
    assertProblem(answer, 'forbidden');
    assert.equal(answer.json.errors[0].code, 'no_console_here');
    assert.equal(answer.json.reason, 'no_console_here');
    for (const host of ['localhost', '127.0.0.1:8787', '[::1]']) {
      assert.equal((await signIn(ADMIN_KEY, { to: shared, host })).status, 201, host);
    }
    assertProblem(await signIn(ADMIN_KEY, { host: 'api.example' }), 'not_found');
  });
});

describe('a session', () => {
  const call = (cookie, method = 'GET', path = SESSION, options = {}) =>
    client.send(method, path, {
      ...options,
      headers: { Cookie: cookie, ...SAME_ORIGIN, ...options.headers },
    });

  it('calls as its key until it is signed out', async () => {
    const cookie = await session();
    assert.equal((await call(cookie)).json.label, 'ADMIN_KEY');
    const body = { label: 'by cookie', origins: [SITE] };
    assert.equal((await call(cookie, 'POST', TOKENS, { body })).status, 201);
    const out = await call(cookie, 'DELETE');
    assert.equal(out.status, 204);
    assert.match(out.all('set-cookie')[0], /^__Host-wayleave=; .*Max-Age=0$/);
    assertProblem(await call(cookie), 'unauthorized');
  });

  it('changes nothing when another page sends it', async () => {
    const cookie = await session();
    const labels = async () => (await admin.call('GET', '/tokens')).json.items.map((token) => token.label);
    const before = await labels();
    const form = 'label=x&origins=any';
    for (const headers of [
      { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' },
      { 'Sec-Fetch-Site': 'none' },
    ]) {
      assertProblem(
        await call(cookie, 'POST', TOKENS, { body: { label: 'x', origins: 'any' }, headers }),
        'forbidden',
      );
      const typed = { ...headers, 'Content-Type': 'application/x-www-form-urlencoded' };
      assertProblem(await call(cookie, 'POST', TOKENS, { body: form, headers: typed }), 'forbidden');
    }
    assert.deepEqual(await labels(), before);
  });

  it('ends with its key', async () => {
    const { key, id } = await admin.createAdminKey('operator');
    const cookie = await session(key);
    assert.equal((await call(cookie)).json.role, 'operator');
    assert.equal((await admin.call('DELETE', `/admin-keys/${id}`)).status, 204);
    assertProblem(await call(cookie), 'unauthorized');
  });

  it('made up, costs no call to the registry', async () => {
    const calls = async () => (await admin.status()).calls.admin;
    const before = await calls();
    assertProblem(await call(`__Host-wayleave=wls_${'A'.repeat(32)}`), 'unauthorized');
    assert.equal(await calls(), before + 1);
  });
});
