// Where a request carries its credential: in one place, in two, in a place that the route does not accept, or
// spelled like another kind of credential.
//
// Either the gateway refuses the request with the code that the contract names, or the upstream receives
// exactly the request that the gateway judged.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { forwardingTo } from './harness/forwarded.mjs';
import { Gateway } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';
import { variables } from './harness/routes.mjs';

const gateway = new Gateway({
  variables,
  locations: {
    header_only: () => ({ CREDENTIAL_SOURCES: 'header:X-Api-Key' }),
    query_only: () => ({ CREDENTIAL_SOURCES: 'query:token' }),
    own_places: (upstream) => ({
      ROUTES: [
        { upstream, audience: 'weather', path: '/' },
        { upstream, audience: 'weather', path: '/bearer', credential_sources: 'bearer' },
        {
          upstream,
          audience: 'weather',
          path: '/key',
          anonymous: true,
          credential_sources: 'header:X-Maps-Key, query:key',
        },
      ],
    }),
  },
});
const { client, admin, upstream } = gateway;
const { forwarded, assertNotForwarded } = forwardingTo(upstream);
let token, other;

before(async () => {
  await gateway.start();
  token = (await admin.createToken({ audiences: ['weather'] })).token;
  other = (await admin.createToken({ audiences: ['weather'] })).token;
});
after(() => gateway.stop());

const good = () => [
  ['Origin', SITE],
  ['X-Api-Key', token],
];
const bare = [['Origin', SITE]];
const byHeader = (path, options = {}) => client.get(path, { headers: good(), ...options });

describe('exactly one credential', () => {
  const places = {
    'Authorization: Bearer': (text) => ({ headers: [['Authorization', `Bearer ${text}`]] }),
    'X-Api-Key': (text) => ({ headers: [['X-Api-Key', text]] }),
    'query token': (text) => ({ query: `token=${text}` }),
  };
  const both = (first, second) => ({
    headers: [...bare, ...(first.headers ?? []), ...(second.headers ?? [])],
    path: `/now?${[first.query, second.query].filter(Boolean).join('&')}`,
  });

  for (const [place, put] of Object.entries(places)) {
    it(`${place} alone is one`, async () => {
      const { headers, path } = both(put(token), {});
      assert.equal((await client.get(path, { headers })).status, 200);
    });

    for (const [second, putSecond] of Object.entries(places)) {
      it(`${place} and ${second}, equal or not, good or not, are a conflict`, async () => {
        for (const text of [token, other, 'hello', '']) {
          const { headers, path } = both(put(token), putSecond(text));
          await assertNotForwarded(() => client.get(path, { headers }), 'credential_conflict');
        }
      });
    }
  }

  it('a conflict is one on an anonymous route too', async () => {
    const { headers } = both(places['X-Api-Key'](token), places['Authorization: Bearer'](token));
    await assertNotForwarded(() => client.get('/open/now', { headers }), 'credential_conflict');
  });
});

describe('a listed place that is present presents a credential', () => {
  const malformed = {
    Basic: { headers: [['Authorization', 'Basic dXNlcjpwYXNz']] },
    "a user's JWT": { headers: [['Authorization', 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc']] },
    'Bearer without a value': { headers: [['Authorization', 'Bearer']] },
    'an empty X-Api-Key': { headers: [['X-Api-Key', '']] },
    'an empty query token': { path: '/open/now?token=' },
    'a query token without =': { path: '/open/now?token' },
    'the wrong case of the prefix': { headers: [['X-Api-Key', 'WLP_']] },
  };
  for (const [name, { headers = [], path = '/open/now' }] of Object.entries(malformed)) {
    it(`${name} is malformed, never anonymous`, async () => {
      await assertNotForwarded(() => client.get(path, { headers: [...bare, ...headers] }), 'token_malformed');
    });
  }

  it('workerd does not deliver an empty Authorization at all: not to the gateway, and not to the upstream', async () => {
    const { seen } = await forwarded(() =>
      client.get('/open/now', { headers: [...bare, ['Authorization', '']] }),
    );
    assert.deepEqual(valuesOf(seen, 'authorization'), []);
    await assertNotForwarded(
      () => client.get('/now', { headers: [...bare, ['Authorization', '']] }),
      'token_missing',
    );
  });

  it('the scheme is read without case, as RFC 9110 has it', async () => {
    for (const scheme of ['bearer', 'BEARER']) {
      assert.equal(
        (await client.get('/now', { headers: [...bare, ['Authorization', `${scheme} ${token}`]] })).status,
        200,
        scheme,
      );
    }
  });

  it('a token with anything around it is malformed', async () => {
    for (const text of [
      `${token} ${token}`,
      `"${token}"`,
      `x${token}`,
      `${token}=`,
      encodeURIComponent(`${token} `),
    ]) {
      await assertNotForwarded(
        () => client.get('/now', { headers: [...bare, ['X-Api-Key', text]] }),
        'token_malformed',
      );
    }
  });

  it('a percent-encoded name or value in the query is the same parameter', async () => {
    const encoded = [...token].map((char) => `%${char.charCodeAt(0).toString(16)}`).join('');
    for (const query of [`t%6fken=${token}`, `token=${encoded}`]) {
      const { answer, seen } = await forwarded(() => client.get(`/now?${query}&b=1`, { headers: bare }));
      assert.equal(answer.status, 200, query);
      assert.equal(seen.url, '/now?b=1');
    }
    await assertNotForwarded(
      () => client.get(`/now?t%6fken=${token}&token=${token}`, { headers: bare }),
      'credential_conflict',
    );
  });
});

describe('places that are not listed', () => {
  it('pass untouched when they hold something else: an API with its own user JWT', async () => {
    const location = gateway.location('header_only');
    const headers = [...good(), ['Authorization', 'Bearer users.own.jwt']];
    const { answer, seen } = await forwarded(() => location.get('/now?token=of-the-api&x=1', { headers }));
    assert.equal(answer.status, 200, String(answer));
    assert.deepEqual(valuesOf(seen, 'authorization'), ['Bearer users.own.jwt']);
    assert.equal(seen.url, '/now?token=of-the-api&x=1');
  });

  it('a wlp_ value in one of the three default places is never ignored', async () => {
    const headerOnly = gateway.location('header_only');
    for (const request of [
      { path: '/now', headers: [['Authorization', `Bearer ${token}`]] },
      { path: `/now?token=${token}`, headers: [] },
    ]) {
      const { answer, seen } = await forwarded(() =>
        headerOnly.get(request.path, { headers: [...bare, ...request.headers] }),
      );
      assert.equal(answer.status, 200, 'it is the credential');
      assert.ok(!JSON.stringify(seen).includes(token), 'and does not reach the upstream');
      await assertNotForwarded(
        () => headerOnly.get(request.path, { headers: [...good(), ...request.headers] }),
        'credential_conflict',
      );
    }
  });

  it('nor is a wlp_ value there that is not a token', async () => {
    const headerOnly = gateway.location('header_only');
    for (const { path, headers } of [
      { path: '/open/now', headers: [['Authorization', 'Bearer wlp_x']] },
      { path: '/open/now?token=wlp_x', headers: [] },
    ]) {
      await assertNotForwarded(
        () => headerOnly.get(path, { headers: [...bare, ...headers] }),
        'token_malformed',
      );
    }
  });

  it('a listed query token is found and a header that is not listed is not', async () => {
    const location = gateway.location('query_only');
    const { answer, seen } = await forwarded(() =>
      location.get(`/now?token=${token}`, { headers: [...bare, ['X-Api-Key', 'the-apis-own']] }),
    );
    assert.equal(answer.status, 200, String(answer));
    assert.deepEqual(valuesOf(seen, 'x-api-key'), ['the-apis-own']);
  });
});

describe('a token where none is looked for is refused, never ignored, and reaches no upstream', () => {
  const queries = [
    'Token=T',
    'TOKEN=T',
    'token[]=T',
    'token%5B%5D=T',
    'a=1;token=T',
    ';token=T',
    'auth=Bearer%20T',
    'T',
    'T=1',
    'a[T]=1',
    'x=(T)',
    'api_key=T',
    'next=https%3A%2F%2Fh%2F%3Ftoken%3DT',
    'a=%zz&b=T',
    'x=E',
  ];
  const headers = [
    ['X_Api_Key', 'T'],
    ['X-Auth-Token', 'T'],
    ['Proxy-Authorization', 'Bearer T'],
    ['Api-Key', 'T'],
    ['X-Anything', 'a (T)'],
    ['User-Agent', 'app T'],
    ['Wayleave-Token', 'T'],
    ['Cookie', 'a=1; token=T'],
    ['Sec-WebSocket-Protocol', 'T'],
    ['If-None-Match', '"T"'],
    ['X-Original-URL', '/x?token=T'],
    ['X.Api.Key', 'T'],
    ['Authorization2', 'T'],
  ];
  const malformed = [
    ['Authorization', 'Bearer (T)'],
    ['Authorization', 'Token token=T'],
    ['X-Api-Key', '(T)'],
    ['X-Api-Key', 'Bearer T'],
  ];
  const filled = (text) =>
    text.replace('T', () => token).replace('E', () => token.replace('wlp_', '%77%6C%70%5f'));

  for (const prefix of ['/open', '']) {
    const where = prefix === '' ? 'a guarded route' : 'an anonymous route';

    it(`in the query, on ${where}`, async () => {
      for (const query of queries) {
        const path = `${prefix}/now?${filled(query)}`;
        const answer = await assertNotForwarded(() => client.get(path, { headers: bare }), 'token_malformed');
        assert.deepEqual([answer.json.reason, answer.json.places], ['misplaced', ['query']], query);
        const conflict = await assertNotForwarded(() => byHeader(path), 'credential_conflict');
        assert.deepEqual(
          [conflict.json.reason, conflict.json.places],
          ['two_places', ['header:x-api-key', 'query']],
          query,
        );
      }
    });

    it(`in a header, on ${where}`, async () => {
      for (const [name, value] of headers) {
        const sent = [...bare, [name, filled(value)]];
        const answer = await assertNotForwarded(
          () => client.get(`${prefix}/now`, { headers: sent }),
          'token_malformed',
        );
        assert.equal(answer.json.reason, 'misplaced', name);
        const both = [...sent, ['X-Api-Key', token]];
        await assertNotForwarded(() => client.get(`${prefix}/now`, { headers: both }), 'credential_conflict');
      }
    });

    it(`in a listed place in another form, on ${where}`, async () => {
      for (const [name, value] of malformed) {
        const sent = [...bare, [name, filled(value)]];
        await assertNotForwarded(() => client.get(`${prefix}/now`, { headers: sent }), 'token_malformed');
      }
      const path = `${prefix}/now?token=Bearer%20${token}`;
      await assertNotForwarded(() => client.get(path, { headers: bare }), 'token_malformed');
    });
  }

  it('nor does a preflight of an anonymous route take it upstream', async () => {
    const preflight = [...bare, ['Access-Control-Request-Method', 'GET']];
    const misplaced = () => client.send('OPTIONS', `/open/now?Token=${token}`, { headers: preflight });
    await assertNotForwarded(misplaced, 'token_malformed');
    const asks = [...preflight, ['Access-Control-Request-Headers', 'x-wlp_a']];
    const { answer } = await forwarded(() =>
      client.send('OPTIONS', `/open/now?token=${token}`, { headers: asks }),
    );
    assert.equal(answer.status, 200, String(answer));
  });

  it("a Referer loses it, and names that only look like it are nobody's token", async () => {
    const odd = [
      ['Cookie', 'wlp_seen=1; WLP_=2'],
      ['X-Other', 'WLP_x'],
    ];
    const sent = [...good(), ['Referer', `${SITE}/page?token=${token}`], ...odd];
    const { answer, seen } = await forwarded(() => client.get('/now?wlp=_&WLP_=1', { headers: sent }));
    assert.equal(answer.status, 200, String(answer));
    assert.ok(!JSON.stringify(seen).includes(token), JSON.stringify(seen));
    assert.deepEqual(valuesOf(seen, 'cookie'), ['wlp_seen=1; WLP_=2']);
  });

  it('what is refused says why, and where credentials stand by kind', async () => {
    const ask = (headers, path = '/now') => client.get(path, { headers: [...bare, ...headers] });
    const jwt = await ask([['Authorization', 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc']]);
    assertProblem(jwt, 'token_malformed', { reason: 'another_kind' });
    const twice = assertProblem(await ask([['X-Api-Key', `${token}, ${token}`]]), 'credential_conflict', {
      reason: 'twice',
    });
    assert.deepEqual(twice.places, ['header:x-api-key']);
    const places = assertProblem(
      await ask([['Authorization', 'Basic x']], `/now?token=${token}`),
      'credential_conflict',
    );
    assert.deepEqual([places.reason, places.places], ['two_places', ['bearer', 'query:token']]);
    assert.ok(!places.detail.includes('wlp_'));
  });

  it('the self-test does not overlook it either', async () => {
    const answer = await client.get(`/_wayleave/token?Token=${token}`, { headers: bare });
    assertProblem(answer, 'token_malformed', { reason: 'misplaced' });
  });
});

describe('a route with places of its own', () => {
  const there = (path, headers = []) =>
    gateway.location('own_places').get(path, { headers: [...bare, ...headers] });

  it('leaves the others to its upstream', async () => {
    const bearer = [
      ['Authorization', `Bearer ${token}`],
      ['X-Api-Key', 'the-apis-own'],
    ];
    const { answer, seen } = await forwarded(() => there('/bearer/now?token=the-apis-own&x=1', bearer));
    assert.equal(answer.status, 200, String(answer));
    assert.equal(seen.url, '/bearer/now?token=the-apis-own&x=1');
    assert.deepEqual(valuesOf(seen, 'x-api-key'), ['the-apis-own']);
    await assertNotForwarded(() => there('/now?token=the-apis-own', bearer), 'credential_conflict');
  });

  it("but not a token of Wayleave's", async () => {
    const bearer = [['Authorization', `Bearer ${token}`]];
    await assertNotForwarded(() => there(`/bearer/now?token=${token}`, bearer), 'credential_conflict');
    const { answer, seen } = await forwarded(() => there(`/bearer/now?token=${token}`));
    assert.equal(answer.status, 200, 'alone in a default place it is the credential');
    assert.equal(seen.url, '/bearer/now');
  });

  it('looks there, and elsewhere what is listed there is misplaced', async () => {
    for (const [path, headers] of [
      ['/key/now', [['X-Maps-Key', token]]],
      [`/key/now?key=${token}`, []],
    ]) {
      const { answer, seen } = await forwarded(() => there(path, headers));
      assert.equal(answer.status, 200, String(answer));
      assert.ok(!JSON.stringify(seen).includes(token), JSON.stringify(seen));
      const elsewhere = path.replace('/key', '/bearer');
      const refused = await assertNotForwarded(() => there(elsewhere, headers), 'token_malformed');
      assert.equal(refused.json.reason, 'misplaced');
    }
    await assertNotForwarded(() => there('/key/now?key='), 'token_malformed');
  });

  it('says so in the configuration', async () => {
    const authorization = { Authorization: `Bearer ${admin.key}` };
    const { json } = await gateway
      .location('own_places')
      .get('/_wayleave/api/configuration', { headers: authorization });
    const sources = Object.fromEntries(json.routes.map((route) => [route.path, route.credential_sources]));
    assert.deepEqual(sources, {
      '': null,
      '/bearer': ['bearer'],
      '/key': ['header:x-maps-key', 'query:key'],
    });
  });
});

it('after all this, no token stands in the log', () => {
  for (const secret of [token, other, 'wlp_', admin.key]) assert.ok(!gateway.workerd.output.includes(secret));
});

function valuesOf(seen, name) {
  return seen.headers.filter(([given]) => given === name).map(([, value]) => value);
}
