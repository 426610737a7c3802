// Origin rules through the gateway, with the headers that browsers send.
//
// Pure code with its own vectors decides which origin a rule matches. This file tests the headers on the
// wire.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { Gateway } from './harness/gateway.mjs';
import { assertProblem, assertReadableBy, assertVariesByOrigin } from './harness/problem.mjs';
import { HOST, variables } from './harness/routes.mjs';

const OTHER = 'https://other.example';
const gateway = new Gateway({ variables });
const { client, admin, upstream } = gateway;

before(() => gateway.start());
after(() => gateway.stop());

const tokens = new Map();

/** One token for each distinct setting. */
async function tokenWith(settings = {}) {
  const key = JSON.stringify(settings);
  if (!tokens.has(key))
    tokens.set(key, (await admin.createToken({ audiences: ['weather'], ...settings })).token);
  return tokens.get(key);
}

async function ask(headers, settings) {
  const pairs = Array.isArray(headers) ? headers : Object.entries(headers);
  return client.get('/now', { headers: [['X-Api-Key', await tokenWith(settings)], ...pairs] });
}

function assertAdmitted(answer) {
  assert.equal(answer.status, 200, String(answer));
  assert.equal(answer.json.url, '/now');
}

describe('a page in one origin is admitted and in another refused', () => {
  it('by Origin', async () => {
    const admitted = await ask({ Origin: SITE });
    assertAdmitted(admitted);
    assertReadableBy(admitted, SITE);
    const refused = await ask({ Origin: OTHER });
    assertProblem(refused, 'origin_not_allowed');
    assertReadableBy(refused, OTHER);
  });

  it('by Referer, when the browser sends no Origin: an <img>', async () => {
    const admitted = await ask({
      Referer: `${SITE}/a/page?with=query`,
      'Sec-Fetch-Site': 'cross-site',
      'Sec-Fetch-Mode': 'no-cors',
    });
    assertAdmitted(admitted);
    assertVariesByOrigin(admitted);
    assertProblem(await ask({ Referer: `${OTHER}/` }), 'origin_not_allowed');
  });

  it('by Sec-Fetch-Site: same-origin, when the page lies beside the API and names neither', async () => {
    const settings = { origins: [`http://${HOST}`] };
    assertAdmitted(await ask({ 'Sec-Fetch-Site': 'same-origin' }, settings));
    assertProblem(await ask({ 'Sec-Fetch-Site': 'same-origin' }), 'origin_not_allowed');
  });
});

describe('an Origin header that is not one origin is refused and does not fall through to a good Referer', () => {
  const wrong = [
    'null',
    `${SITE}, ${SITE}`,
    `${SITE},`,
    `${SITE} ${SITE}`,
    `${SITE}/`,
    `${SITE}/path`,
    `${SITE}?q`,
    `${SITE}#f`,
    'https://user@shop.example',
    'https://user:pass@shop.example',
    'https://shop.example:x@evil.example',
    'https://@shop.example',
    'shop.example',
    '//shop.example',
    'https:shop.example',
    'https:/shop.example',
    'https://',
    'https://shop.example:99999',
    'https://shop.example\\.evil.example',
    'https://shop.example%2eevil.example',
    '*',
    'about:blank',
    'file://',
    `https://${'a'.repeat(5_000)}.example`,
  ];
  for (const origin of wrong) {
    it(JSON.stringify(origin.length > 60 ? `${origin.slice(0, 20)}…` : origin), async () => {
      const answer = await ask({ Origin: origin, Referer: `${SITE}/` });
      assertProblem(answer, 'origin_not_allowed');
    });
  }

  it('an empty one is not delivered by workerd, so the Referer decides as it would without it', async () => {
    assertProblem(await ask({ Origin: '', Referer: `${OTHER}/` }), 'origin_not_allowed');
    assertProblem(await ask({ Origin: '' }), 'origin_missing');
  });

  it('two Origin headers, equal or not', async () => {
    for (const second of [SITE, OTHER]) {
      const answer = await ask([
        ['Origin', SITE],
        ['Origin', second],
      ]);
      assertProblem(answer, 'origin_not_allowed');
    }
  });
});

describe('names that only look like the allowed one', () => {
  const lookalikes = [
    'https://shop.example.evil.example',
    'https://evil-shop.example',
    'https://evilshop.example',
    'https://a.shop.example',
    'http://shop.example',
    'https://shop.example:8443',
    'https://shop.examples',
    'https://hop.example',
    'https://example',
  ];
  for (const origin of lookalikes) {
    it(`${origin} is refused`, async () => {
      assertProblem(await ask({ Origin: origin }), 'origin_not_allowed');
    });
  }

  it('one final dot, upper case, and the default port written out or left empty are the same origin', async () => {
    const same = [
      'https://shop.example.',
      'HTTPS://SHOP.EXAMPLE',
      'https://shop.example:443',
      'https://shop.example:',
    ];
    for (const origin of same) assertAdmitted(await ask({ Origin: origin }));
  });

  it('a wildcard matches any depth of subdomain and never the apex', async () => {
    const settings = { origins: ['*.shop.example'] };
    assertAdmitted(await ask({ Origin: 'https://a.shop.example' }, settings));
    assertAdmitted(await ask({ Origin: 'https://a.b.shop.example' }, settings));
    assertProblem(await ask({ Origin: 'https://shop.example' }, settings), 'origin_not_allowed');
    assertProblem(await ask({ Origin: 'https://a-shop.example' }, settings), 'origin_not_allowed');
  });

  it('a Referer with userinfo, a Referer that is no URL, and two Referers', async () => {
    for (const referer of [
      'https://user@shop.example/',
      'https://shop.example:x@evil.example/',
      'shop.example',
      '/path',
      `${SITE}/, ${SITE}/`,
    ]) {
      assertProblem(await ask({ Referer: referer }), 'origin_not_allowed');
    }
    assertProblem(
      await ask([
        ['Referer', `${SITE}/`],
        ['Referer', `${OTHER}/`],
      ]),
      'origin_not_allowed',
    );
  });
});

describe('a request that names no origin', () => {
  const allow = { missing_origin: 'allow' };

  it('is refused by default, whatever Sec-Fetch-Site says of other sites', async () => {
    for (const headers of [
      {},
      { 'Sec-Fetch-Site': 'none' },
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
    ]) {
      const answer = await ask(headers);
      assertProblem(answer, 'origin_missing');
      assert.match(answer.json.detail, /Referrer-Policy/);
      assert.match(answer.json.detail, /no-referrer/);
    }
  });

  it('is admitted under missing_origin: allow from an app, a server, or the address bar', async () => {
    assertAdmitted(await ask({}, allow));
    assertAdmitted(await ask({ 'Sec-Fetch-Site': 'none' }, allow));
  });

  it('is refused even under allow when a browser hid where it comes from', async () => {
    for (const site of ['cross-site', 'same-site'])
      assertProblem(await ask({ 'Sec-Fetch-Site': site }, allow), 'origin_missing');
  });

  it('an origin that is named is judged also under allow', async () => {
    assertProblem(await ask({ Origin: OTHER }, allow), 'origin_not_allowed');
    assertProblem(await ask({ Origin: 'null' }, allow), 'origin_not_allowed');
  });
});

describe('modes', () => {
  it('origins: "any" evaluates nothing, not even an Origin that makes no sense', async () => {
    const settings = { origins: 'any' };
    for (const headers of [
      {},
      { Origin: OTHER },
      { Origin: 'null' },
      { Origin: 'a, b' },
      { 'Sec-Fetch-Site': 'cross-site' },
    ]) {
      assertAdmitted(await ask(headers, settings));
    }
  });

  it('origin_mode: report admits what enforcing would refuse', async () => {
    const settings = { origin_mode: 'report' };
    for (const headers of [{}, { Origin: OTHER }, { Origin: 'null' }])
      assertAdmitted(await ask(headers, settings));
  });
});

describe('preflights', () => {
  const preflight = (path, headers = {}) =>
    client.send('OPTIONS', path, {
      headers: {
        Origin: OTHER,
        'Access-Control-Request-Method': 'PUT',
        'Access-Control-Request-Headers': 'x-api-key,x-other',
        ...headers,
      },
    });

  it('are answered without a token and never forwarded', async () => {
    const before = upstream.requests.length;
    const answer = await preflight('/now');
    assert.ok([200, 204].includes(answer.status), String(answer));
    assert.equal(answer.text, '');
    assert.deepEqual(answer.all('access-control-allow-origin'), [OTHER]);
    assert.deepEqual(answer.list('access-control-allow-methods'), ['put']);
    assert.deepEqual(answer.list('access-control-allow-headers'), ['x-api-key', 'x-other']);
    assert.equal(answer.headers['access-control-max-age'], '7200');
    assert.equal(answer.headers['access-control-allow-credentials'], undefined);
    assertVariesByOrigin(answer);
    assert.equal(upstream.requests.length, before);
  });

  it('allow credentials only where the route says so', async () => {
    const answer = await preflight('/private/now');
    assert.equal(answer.headers['access-control-allow-credentials'], 'true');
    assert.deepEqual(answer.all('access-control-allow-origin'), [OTHER]);
  });

  it('and never to an opaque origin, which no token names', async () => {
    const answer = await preflight('/private/now', { Origin: 'null' });
    assert.equal(answer.headers['access-control-allow-credentials'], undefined);
    assert.deepEqual(answer.all('access-control-allow-origin'), ['null']);
  });

  it("of an anonymous route are the upstream's to answer", async () => {
    const answer = await preflight('/open/now');
    assert.equal(answer.json.method, 'OPTIONS');
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
  });

  it('without Access-Control-Request-Method an OPTIONS is a request like any other', async () => {
    const answer = await client.send('OPTIONS', '/now', { headers: { Origin: SITE } });
    assertProblem(answer, 'token_missing');
  });
});

describe('CORS on answers', () => {
  const upstreamsOwn = [
    ['Access-Control-Allow-Origin', '*'],
    ['Access-Control-Allow-Credentials', 'true'],
    ['Access-Control-Expose-Headers', 'X-Total, X-Page'],
    ['Vary', 'Accept-Encoding'],
  ];
  const path = (prefix) => `${prefix}answer?headers=${encodeURIComponent(JSON.stringify(upstreamsOwn))}`;
  const ofUpstream = async (prefix, settings) =>
    client.get(path(prefix), { headers: { Origin: SITE, 'X-Api-Key': await tokenWith(settings) } });

  it("ours stands in place of the upstream's, and exposes the union", async () => {
    const answer = await ofUpstream('/');
    assertReadableBy(answer, SITE);
    assert.equal(answer.headers['access-control-allow-credentials'], undefined);
    for (const name of ['x-total', 'x-page'])
      assert.ok(answer.list('access-control-expose-headers').includes(name), String(answer));
    for (const name of ['accept-encoding', 'origin', 'x-api-key'])
      assert.ok(answer.list('vary').includes(name), String(answer));
  });

  it('credentials: true lets a page send cookies, from its own origin only', async () => {
    const answer = await ofUpstream('/private/', { audiences: ['private'] });
    assert.equal(answer.headers['access-control-allow-credentials'], 'true');
    assert.deepEqual(answer.all('access-control-allow-origin'), [SITE]);
  });

  it("an anonymous route keeps the upstream's", async () => {
    const answer = await client.get(path('/open/'), { headers: { Origin: OTHER } });
    assert.deepEqual(answer.all('access-control-allow-origin'), ['*']);
    assert.deepEqual(answer.all('access-control-expose-headers'), ['X-Total, X-Page']);
  });

  it('without an Origin there is none, but the answer still varies by it', async () => {
    const answer = await client.get(path('/'), {
      headers: { Referer: `${SITE}/`, 'X-Api-Key': await tokenWith() },
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
    assertVariesByOrigin(answer);
  });
});

describe('GET /_wayleave/token: a holder tests its own token', () => {
  const self = async (headers, settings) =>
    client.get('/_wayleave/token', { headers: { 'X-Api-Key': await tokenWith(settings), ...headers } });

  it('says what was seen of the origin and whether it is allowed, and is no-store', async () => {
    const answer = await self({ Origin: OTHER });
    assert.equal(answer.status, 200, String(answer));
    assert.equal(answer.headers['cache-control'], 'no-store');
    assertReadableBy(answer, OTHER);
    const { active, state, origin, audiences, id, family, expires_at, expires_in } = answer.json;
    assert.deepEqual({ active, state, audiences }, { active: true, state: 'active', audiences: ['weather'] });
    assert.deepEqual(origin, { seen: OTHER, from: 'origin', allowed: false, code: 'origin_not_allowed' });
    assert.match(id, /^tok_[0-9]+$/);
    assert.match(family, /^fam_/);
    assert.ok(Math.abs(Date.parse(expires_at) / 1000 - Date.now() / 1000 - expires_in) < 5);
  });

  it('from: origin, referer, none', async () => {
    assert.deepEqual((await self({ Origin: SITE })).json.origin, {
      seen: SITE,
      from: 'origin',
      allowed: true,
    });
    assert.deepEqual((await self({ Referer: `${SITE}/x` })).json.origin, {
      seen: SITE,
      from: 'referer',
      allowed: true,
    });
    const none = (await self({})).json.origin;
    assert.equal(none.from, 'none');
    assert.equal(none.allowed, false);
    assert.equal(none.code, 'origin_missing');
  });

  it("gives the gateway's refusals for faults of the token itself", async () => {
    const headers = { Origin: SITE };
    assertProblem(await client.get('/_wayleave/token', { headers }), 'token_missing');
    assertProblem(
      await client.get('/_wayleave/token', { headers: { ...headers, 'X-Api-Key': 'hello' } }),
      'token_malformed',
    );
  });
});
