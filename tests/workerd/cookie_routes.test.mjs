// A route to which pages may send cookies (`credentials: true`): who may read its answers, which tokens it
// accepts, and which tokens can be created for it. tests/browser/answers.test.mjs shows what a browser does
// with it.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { Gateway } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';

const EVIL = 'https://evil.example';
const routes = (credentials) => (upstream) => ({
  ROUTES: [
    { path: '/', upstream, audience: 'site', credentials },
    { path: '/plain', upstream, audience: 'site' },
    { path: '/other', upstream, audience: 'other' },
  ],
});
// "before" has the same registry and the configuration from before the route accepted cookies.
const gateway = new Gateway({ variables: routes(false), locations: { cookies: routes(true) } });
const { admin, upstream } = gateway;
const cookies = gateway.location('cookies');
const tokens = {};

before(async () => {
  await gateway.start();
  const make = async (settings) => (await admin.createToken({ audiences: ['site'], ...settings })).token;
  tokens.named = await make({});
  tokens.wildcard = await make({ origins: ['*.shop.example'] });
  tokens.any = await make({ origins: 'any' });
  tokens.report = await make({ origin_mode: 'report' });
  tokens.allow = await make({ missing_origin: 'allow' });
});
after(() => gateway.stop());

const ask = (token, headers, path = '/account') =>
  cookies.get(path, { headers: { Cookie: 'session=a-visitors', 'X-Api-Key': tokens[token], ...headers } });
const allowed = ({ headers }) => [
  headers['access-control-allow-origin'],
  headers['access-control-allow-credentials'],
];

async function assertNotForwarded(send) {
  const before = upstream.requests.length;
  const answer = await send();
  assert.equal(upstream.requests.length, before, "the visitor's cookies reached the upstream");
  return answer;
}

describe('a site that a rule of the token names', () => {
  for (const [token, origin] of [
    ['named', SITE],
    ['wildcard', 'https://my.shop.example'],
    ['allow', SITE],
  ]) {
    it(`reads answers made for cookies: ${token}`, async () => {
      const answer = await ask(token, { Origin: origin });
      assert.equal(answer.status, 200, String(answer));
      assert.deepEqual(allowed(answer), [origin, 'true']);
    });
  }

  it('reads why it is refused, where the record is at hand', async () => {
    tokens.elsewhere = (await admin.createToken({ audiences: ['other'] })).token;
    const answer = await ask('elsewhere', { Origin: SITE });
    assertProblem(answer, 'audience_mismatch');
    assert.deepEqual(allowed(answer), [SITE, 'true']);
  });
});

describe('a site that no rule names', () => {
  for (const token of ['any', 'report']) {
    for (const origin of [EVIL, SITE, 'null']) {
      it(`is refused with a token that lets everybody in: ${token} from ${origin}`, async () => {
        const answer = await assertNotForwarded(() => ask(token, { Origin: origin }));
        assertProblem(answer, 'origin_not_allowed');
        assert.equal(answer.json.reason, 'origins_not_named');
        assert.deepEqual(allowed(answer), [origin, undefined]);
      });
    }
    it(`and so is one that shows none: ${token}`, async () => {
      assertProblem(await assertNotForwarded(() => ask(token, {})), 'origin_not_allowed');
    });
  }

  it('is refused with any other, and cannot read that with cookies', async () => {
    for (const origin of [EVIL, 'null']) {
      const answer = await assertNotForwarded(() => ask('named', { Origin: origin }));
      assertProblem(answer, 'origin_not_allowed');
      assert.deepEqual(allowed(answer), [origin, undefined]);
    }
    tokens.forged = 'wlp_x';
    const forged = await assertNotForwarded(() => ask('forged', { Origin: EVIL }));
    assertProblem(forged, 'token_malformed');
    assert.deepEqual(allowed(forged), [EVIL, undefined]);
  });

  it('shows none, and gets no CORS, where the token allows that', async () => {
    const answer = await ask('allow', {});
    assert.equal(answer.status, 200, String(answer));
    assert.deepEqual(allowed(answer), [undefined, undefined]);
  });
});

it('other routes of the audience take such tokens as before, and allow no cookies', async () => {
  for (const token of ['any', 'report']) {
    const answer = await ask(token, { Origin: EVIL }, '/plain');
    assert.equal(answer.status, 200, String(answer));
    assert.deepEqual(allowed(answer), [EVIL, undefined]);
  }
});

describe('saving a token', () => {
  const product = new Gateway({ variables: routes(true) });
  before(() => product.start());
  after(() => product.stop());

  const refused = async (method, path, body, field) => {
    const answer = await product.admin.call(method, path, { body });
    assert.equal(answer.status, 422, String(answer));
    const [error, ...others] = answer.json.errors;
    assert.deepEqual([error.field, error.code, others], [field, 'needs_origins', []]);
    assert.match(error.detail, /credentials in ROUTES/);
  };

  it('that lets everybody in is refused for such a route, however it is done', async () => {
    const site = { label: 'a test', origins: [SITE], audiences: ['site'] };
    await refused('POST', '/tokens', { ...site, origins: 'any' }, 'origins');
    await refused('POST', '/tokens', { ...site, origin_mode: 'report' }, 'origin_mode');
    await refused('POST', '/tokens', { ...site, audiences: ['other', 'site'], origins: 'any' }, 'origins');
    const named = await product.admin.createToken(site);
    const open = await product.admin.createToken({ ...site, audiences: ['other'], origins: 'any' });
    await refused('PATCH', `/tokens/${named.id}`, { origins: 'any' }, 'origins');
    await refused('PATCH', `/tokens/${named.id}`, { origin_mode: 'report' }, 'origin_mode');
    await refused('PATCH', `/families/${named.family}`, { origin_mode: 'report' }, 'origin_mode');
    await refused('PATCH', `/tokens/${open.id}`, { audiences: ['site'] }, 'origins');
    await refused('POST', '/tokens', { clone_of: open.id, audiences: ['site'] }, 'origins');
    await refused('POST', `/tokens/${named.id}/rotate`, { origins: 'any' }, 'origins');
    await refused('POST', `/families/${named.family}/rotate`, { origin_mode: 'report' }, 'origin_mode');
    assert.ok(!(await product.admin.status()).warnings.includes('origins_not_named'));
  });

  it('before its route took cookies is told of by /status', async () => {
    product.variables = routes(false);
    await product.restart();
    const open = await product.admin.createToken({ origins: 'any', audiences: ['site'] });
    product.variables = routes(true);
    await product.restart();
    const told = await product.admin.status();
    assert.equal(told.tokens_naming_no_origin, 1);
    assert.ok(told.warnings.includes('origins_not_named'), told.warnings);
    await product.admin.edit(open.id, { origins: [SITE] });
    const mended = await product.admin.status();
    assert.equal(mended.tokens_naming_no_origin, 0);
    assert.ok(!mended.warnings.includes('origins_not_named'), mended.warnings);
  });
});
